import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import gazeshift as gs
from gazeshift.data.sources import load_pairs
from gazeshift.models import ImageFeatures, load
from gazeshift.runs.record import DataRecord, ModelRecord, RunRecord
from gazeshift.saliency import SaliencyMaps
from gazeshift.saliency.pictures import open_picture
from tests.conftest import Command
from tests.tiny_study import write_yaml

COMMANDS = [
    "study", "train", "evaluate", "explain", "words", "regions", "maps", "analyse", "bench", "report", "explore", "calibrate", "instrument",
    "data check", "data plates", "data mosaic",
]  # fmt: skip


@pytest.fixture
def picture(tiny_run: Path) -> Path:
    return sorted(tiny_run.glob("plates/images/test/*/*.png"))[0]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_shows_an_example(gazeshift: Command, name: str) -> None:
    code, out, _ = gazeshift(*name.split(), "--help")
    assert code == 0
    assert f"Example: gazeshift {name}" in out


def test_explain_prints_draws_and_saves(gazeshift: Command, tiny_run: Path, picture: Path, tmp_path: Path) -> None:
    model = tiny_run / "models" / "early-fusion" / "seed-0"
    drawn, saved = tmp_path / "maps.png", tmp_path / "maps.safetensors"
    texts = ["--text", "a donut", "--text", "赤い寿司 🍣"]
    code, out, _ = gazeshift("explain", model, picture, *texts, "--out", drawn, "--save", saved, "--json")
    assert code == 0
    printed = json.loads(out)
    assert [record["text"] for record in printed["texts"]] == ["a donut", "赤い寿司 🍣"]
    assert printed["texts"][0]["js_bits"] in {0.0, None}
    with Image.open(drawn) as sheet:
        assert sheet.width > 2 * sheet.height  # the image and two maps side by side
    maps = SaliencyMaps.load(saved)
    assert maps.model == printed["model"]
    assert np.isfinite(maps.raw).all()
    code, out, _ = gazeshift("explain", model, picture, *texts)
    assert code == 0
    assert "赤い寿司 🍣" in out


def test_words_prints_every_word_and_what_it_does(gazeshift: Command, tiny_run: Path, picture: Path) -> None:
    model = tiny_run / "models" / "early-fusion" / "seed-0"
    code, out, _ = gazeshift("words", model, picture, "a [red] donut 🍣", "--json")
    assert code == 0
    assert [record["word"] for record in json.loads(out)["words"]] == ["a", "[red]", "donut", "🍣"]
    code, out, _ = gazeshift("words", model, picture, "a [red] donut 🍣", "--how", "mask")
    assert code == 0
    assert "a [red] donut 🍣" in out


@pytest.mark.parametrize("command", ["explain", "words"])
def test_a_text_that_the_tokenizer_does_not_know_is_said(
    gazeshift: Command, tiny_run: Path, picture: Path, command: str
) -> None:
    model = tiny_run / "models" / "early-fusion" / "seed-0"
    for text, unread in (("ឆ្ងាញ់", True), ("a donut", False)):
        texts = ["--text", "a donut", "--text", text] if command == "explain" else [text]
        code, out, _ = gazeshift(command, model, picture, *texts)
        assert code == 0
        assert ("The tokenizer knows no piece of the text" in out) == unread
        assert ("Text 2." in out) == (unread and command == "explain")
        printed = json.loads(gazeshift(command, model, picture, *texts, "--json")[1])
        assert (printed["texts"][-1] if command == "explain" else printed)["unread"] == unread


def test_methods_are_named_as_the_field_names_them(gazeshift: Command, tiny_run: Path, picture: Path) -> None:
    model = tiny_run / "models" / "early-fusion" / "seed-0"
    for written in ("HiResCAM", "hires_cam", "hires-cam"):
        code, out, _ = gazeshift("explain", model, picture, "--method", written, "--json")
        assert (code, json.loads(out)["method"]) == (0, "hires-cam")


def test_train_one_model_and_evaluate_it(gazeshift: Command, tiny_run: Path, tmp_path: Path) -> None:
    root = tiny_run / "plates"
    study = write_yaml(tmp_path, data={"root": str(root), "validation": 0.2, "workers": 1})
    code, out, err = gazeshift("train", study, "--model", "early-fusion", "--seed", 1, "--out", tmp_path / "m")
    assert code == 0
    assert [line.partition(", in ")[0] for line in err.splitlines()] == [
        f"keeping crops of {count} pictures, {count * 3 * 48**2 / 1e6:.3g} MB" for count in (77, 19)
    ]
    assert "validation accuracy" in out
    code, out, _ = gazeshift("evaluate", tmp_path / "m", "--data", root, "--json")
    assert code == 0
    both = json.loads(out)
    assert both["n"] == 20
    for without in ("image", "text"):
        code, out, _ = gazeshift("evaluate", tmp_path / "m", "--data", root, "--without", without, "--json")
        assert code == 0
        assert json.loads(out) == {"accuracy": alone(tmp_path / "m", root, without), "n": 20, "without": without}
    code, out, _ = gazeshift("evaluate", tmp_path / "m", "--data", root, "--without", "text")
    assert out.endswith("on 20 test pairs without text\n")
    # The same settings and seed as in the study: the same model.
    assert load(tmp_path / "m").digest() == load(tiny_run / "models" / "early-fusion" / "seed-1").digest()


def test_a_model_without_all_that_it_knows_says_so(gazeshift: Command, tiny_run: Path) -> None:
    model = tiny_run / "models" / "text-only" / "seed-0"
    code, _, err = gazeshift("evaluate", model, "--data", tiny_run / "plates", "--without", "text")
    assert code == 0
    assert "knows nothing besides the text" in err


def alone(folder: Path, root: Path, without: str) -> float:
    """Accuracy with the empty text in place of every text, or with zeros at the tap in place of every image."""
    model, loaded = gs.load(folder), load_pairs(root)
    pairs = [pair for pair in loaded.pairs if pair.split == "test"]
    right = 0
    for pair in pairs:
        bound = model.bind([open_picture(pair.image)], ["" if without == "text" else pair.text])
        image = ImageFeatures(torch.zeros_like(bound.image.grid)) if without == "image" else bound.image
        right += model.classes[int(model.classify(image, bound.text).argmax())] == pair.label
    return right / len(pairs)


def test_data_check_and_plates(gazeshift: Command, tmp_path: Path) -> None:
    code, out, _ = gazeshift(
        "data", "plates", tmp_path / "p", "--train", 12, "--test", 12, "--size", 48, "--dishes", 4, "--quiet"
    )
    assert code == 0
    assert "image" in out
    code, out, _ = gazeshift("data", "check", tmp_path / "p", "--json")
    assert code in {0, 1}  # twelve scenes may lack a class
    assert json.loads(out)["pairs"] == {"train": 12, "test": 12}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["study", "none.yaml", "--out", "x"], ["none.yaml"]),
        (["evaluate", "no/model", "--data", "."], ["no/model", "config.json"]),
        (["evaluate", "{run}", "--data", "{root}"], ["config.json", "did you mean {run}/models/early-fusion/seed-0?"]),
        (["explain", "{run}/models/text-only", "{picture}"], ["did you mean {run}/models/text-only/seed-0?"]),
        (["evaluate", "{model}", "--data", "no/data"], ["no/data"]),
        (["evaluate", "{model}", "--data", "{root}", "--split", "exam"], ["exam", "validation"]),
        (["evaluate", "{model}", "--data", "no/data", "--without", "caption"], ["caption", "image, text"]),
        (["evaluate", "{text_only}", "--data", "{root}", "--without", "image"], ["text-only", "sees no image"]),
        (["explain", "{model}", "no.png"], ["no.png"]),
        (["explain", "{text_only}", "{picture}"], ["text-only", "no map"]),
        (["explain", "{model}", "{picture}", "--target", "pizza"], ["pizza"]),
        (["explain", "{model}", "{picture}", "--target", "label"], ["label"]),
        (["explain", "{model}", "{picture}", "--label", "donut"], ["--label donut", "--target label"]),
        (["words", "{model}", "{picture}", "donut", "--label", "donut"], ["--label donut", "--target label"]),
        (["explain", "{model}", "{picture}", "--out", "same.png", "--save", "same.png"], ["both same.png"]),
        (
            ["maps", "{model}", "--data", "{root}", "--out", "m", *("--target", "donut") * 2],
            ["--target", "twice"],
        ),
        (["explain", "{model}", "{picture}", "--method", "gradcan"], ["gradcan", "grad-cam"]),
        (["explain", "{model}", "{picture}", "--out", "maps.jpg"], ["maps.jpg", ".png"]),
        (["explain", "{model}", "{picture}", "--out", "no/folder/maps.png"], ["no/folder"]),
        (["report", "no/run"], ["no/run"]),
        (["words", "{model}", "{picture}", " "], ["at least one word"]),
        (["data", "check", "no/data"], ["no/data"]),
        (["train", "{study}", "--model", "pizza", "--out", "x"], ["pizza", "early-fusion"]),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    gazeshift: Command, tiny_run: Path, picture: Path, tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    places = {
        "model": tiny_run / "models" / "early-fusion" / "seed-0",
        "run": tiny_run,
        "text_only": tiny_run / "models" / "text-only" / "seed-0",
        "root": tiny_run / "plates",
        "picture": picture,
        "study": write_yaml(tmp_path),
    }
    code, out, err = gazeshift(*(argument.format(**places) for argument in arguments))
    assert code == 2
    assert out == ""
    assert err.count("\n") == 1, err
    assert "Traceback" not in err
    assert all(word.format(**places) in err for word in words), err


def record_of_one_model() -> RunRecord:
    model = ModelRecord(
        name="early-fusion", sees_image=True, reads_text=True, text_can_move_map=True, structure="", digest={}
    )
    return RunRecord(
        name="run", title="", command="", started="", seconds=0, machine={}, versions={}, seeds=(0, 1, 2), classes=(), steps=(),
        data=DataRecord(), preprocessing={}, recipes={}, models=(model,), warnings=(),
    )  # fmt: skip


def test_explore_fits_the_modifiers_of_a_run(gazeshift: Command, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    words = {"colour": ("red", "green"), "position": ("left", "upper"), "nonsense": ("blick", "dax")}
    rows = [
        {
            "model": "early-fusion", "seed": seed, "key": f"{label}/{image}", "label": label, "kind": kind, "word": word,
            "truth": "unknown",
            "js_distance": (0.5 if kind == "colour" else 0.2) + 0.01 * rng.standard_normal(), "coverage_change": 0.0, "within": 0.0,
            "text_change": rng.random(),
        }
        for seed in range(3) for label in "abcd" for image in range(2) for kind, known in words.items() for word in known
    ]  # fmt: skip
    uses = [
        {"word": w, "label": label, "pmi": rng.random()} for known in words.values() for w in known for label in "abcd"
    ]
    (tmp_path / "store").mkdir()
    pd.DataFrame(rows).to_parquet(tmp_path / "store" / "modifiers.parquet")
    pd.DataFrame(uses).to_parquet(tmp_path / "store" / "words.parquet")
    (tmp_path / "run.json").write_text(json.dumps(record_of_one_model().model_dump(mode="json")))
    code, out, _ = gazeshift("explore", str(tmp_path), "--json")
    assert code == 0
    effects = {effect["name"]: effect["estimate"] for effect in json.loads(out)["effects"]}
    assert effects["kind[position]"] == pytest.approx(-0.3, abs=0.02)  # against colour
    table = pd.DataFrame(rows)
    real, first = table["kind"] != "nonsense", table["key"].str.endswith("0")
    table.loc[real & first & (table["kind"] == "colour"), "truth"] = "true"  # never said of a position
    table.to_parquet(tmp_path / "store" / "modifiers.parquet")
    code, out, _ = gazeshift("explore", str(tmp_path), "--json")
    assert code == 0
    assert any("truth is left out" in note for note in json.loads(out)["notes"])
    table.loc[real, "truth"] = np.where(first[real], "true", "absent")
    table.loc[real & first, "js_distance"] += 0.2
    table.loc[table["word"] == "upper", "truth"] = "unknown"
    table.to_parquet(tmp_path / "store" / "modifiers.parquet")
    code, out, _ = gazeshift("explore", str(tmp_path), "--json")
    assert code == 0
    effects = {effect["name"]: effect["estimate"] for effect in json.loads(out)["effects"]}
    assert effects["truth[true]"] == pytest.approx(0.2, abs=0.02)
    assert any("72 of 84 cells" in note for note in json.loads(out)["notes"])
    code, _, err = gazeshift("explore", str(tmp_path), "--model", "late-fusion")
    assert code == 2
    assert "early-fusion" in err
    assert gazeshift("explore", str(tmp_path / "store"))[0] == 2


def test_words_are_drawn_as_a_picture_or_a_page(
    gazeshift: Command, tiny_run: Path, picture: Path, tmp_path: Path
) -> None:
    model, text = tiny_run / "models" / "early-fusion" / "seed-0", "a [red] donut \U000f0000"
    code, out, err = gazeshift("words", model, picture, text, "--out", tmp_path / "words.png")
    assert code == 0
    assert "donut" in out
    assert "no font on this machine has \U000f0000" in err
    assert "write words.html instead" in err
    with Image.open(tmp_path / "words.png") as sheet:
        assert sheet.width > 1000
    code, _, err = gazeshift("words", model, picture, text, "--out", tmp_path / "words.html", "--json")
    assert (code, err) == (0, "")
    assert "[red]" in (tmp_path / "words.html").read_text(encoding="utf-8")
    for wrong, said in (("words.gif", "ends in .png or .html"), ("gone/words.png", "does not exist")):
        code, _, err = gazeshift("words", model, picture, text, "--out", tmp_path / wrong)
        assert code == 2
        assert said in err
    assert sorted(each.name for each in tmp_path.iterdir()) == ["words.html", "words.png"]


def test_maps_that_cannot_be_saved_end_in_one_line(
    gazeshift: Command, tiny_run: Path, picture: Path, tmp_path: Path
) -> None:
    model = tiny_run / "models" / "early-fusion" / "seed-0"
    (tmp_path / "m.safetensors.unfinished").mkdir()  # stands where the file would be begun
    code, _, err = gazeshift("explain", str(model), str(picture), "--save", str(tmp_path / "m.safetensors"))
    assert code == 2
    assert err.count("\n") == 1
    assert "m.safetensors: cannot be written" in err


def test_a_text_that_lost_its_end_is_said_to_have(
    gazeshift: Command, tiny_run: Path, picture: Path, tmp_path: Path
) -> None:
    model = str(tiny_run / "models" / "early-fusion" / "seed-0")
    long = "donut " * 60
    code, out, _ = gazeshift("explain", model, str(picture), "--text", "donut", "--text", long)
    assert code == 0
    assert "longer than the model reads: text 2." in " ".join(out.split())
    _, out, _ = gazeshift("explain", model, str(picture), "--text", "donut", "--text", long, "--json")
    assert [text["truncated"] for text in json.loads(out)["texts"]] == [False, True]
    _, out, _ = gazeshift("words", model, str(picture), long)
    assert "words past its limit are not read" in " ".join(out.split())
    _, out, _ = gazeshift("words", model, str(picture), "donut")
    assert "past its limit" not in out
    for text, said in ((long, True), ("donut", False)):
        assert gazeshift("words", model, str(picture), text, "--out", str(tmp_path / "words.html"))[0] == 0
        assert ("past its limit" in (tmp_path / "words.html").read_text(encoding="utf-8")) is said


def test_every_column_of_explain_is_there_on_a_narrow_terminal(
    gazeshift: Command, tiny_run: Path, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    model = str(tiny_run / "models" / "early-fusion" / "seed-0")
    _, out, _ = gazeshift("explain", model, str(picture), "--text", "tuna tartare", "--text", "red tomato ketchup")
    heading = next(line for line in out.splitlines() if "sure" in line)
    assert heading.split()[-6:] == ["sure", "centre", "cover", "JS", "switch", "within"]


def test_what_the_loader_left_out_is_said(gazeshift: Command, tiny_run: Path, picture: Path, tmp_path: Path) -> None:
    root = tmp_path / "root"
    (root / "a").mkdir(parents=True)
    (root / "a" / "1.png").write_bytes(picture.read_bytes())
    label = picture.parent.name
    rows = ["image,text,label,split", f"a/1.png,donut,{label},test", f"a/gone.png,donut,{label},test"]
    (root / "pairs.csv").write_text("\n".join(rows) + "\n")
    model = str(tiny_run / "models" / "early-fusion" / "seed-0")
    for command in (
        ("evaluate", model, "--data", str(root / "pairs.csv")),
        ("maps", model, "--data", str(root / "pairs.csv"), "--out", str(tmp_path / "maps")),
    ):
        code, _, err = gazeshift(*command, "--split", "test")
        assert code == 0
        assert "1 x missing image" in err


def test_a_text_given_twice_is_refused(gazeshift: Command, tiny_run: Path, tmp_path: Path) -> None:
    model, out = str(tiny_run / "models" / "early-fusion" / "seed-0"), tmp_path / "maps"
    texts = ("--text", "a", "--text", "a")
    code, _, err = gazeshift("maps", model, "--data", str(tiny_run / "plates"), "--out", str(out), *texts)
    assert code == 2
    assert "twice" in err
    assert not out.exists()


def test_the_instrument_refuses_a_folder_before_any_work(gazeshift: Command, tmp_path: Path) -> None:
    code, _, err = gazeshift("instrument", "--quick", "--out", str(tmp_path))
    assert code == 2
    assert "a folder of that name already exists" in err
    os.mkfifo(tmp_path / "pipe")
    code, _, err = gazeshift("instrument", "--quick", "--out", str(tmp_path / "pipe"))
    assert code == 2
    assert "a device or pipe of that name already exists" in err
