"""``gazeshift maps``: a folder of maps from the command line."""

import shutil
import socket
from pathlib import Path

import pandas as pd
import pytest

import gazeshift as gs
from gazeshift.data.sources import load_pairs
from gazeshift.mapstore.lookup import read_folder
from gazeshift.pairs import Pair
from tests.conftest import Command

TEXTS = ["a donut at home", "赤い寿司 🍣"]


@pytest.fixture(scope="module")
def pairs(tiny_run: Path) -> list[Pair]:
    return [pair for pair in load_pairs(tiny_run / "plates").pairs if pair.split == "test"]


def test_the_command(gazeshift: Command, tiny_run: Path, pairs: list[Pair], tmp_path: Path) -> None:
    folder, out = tiny_run / "models" / "early-fusion" / "seed-0", tmp_path / "maps"
    model, shared = gs.load(folder), ["--text", TEXTS[0], "--text", TEXTS[1]]
    code, printed, err = gazeshift(
        "maps", folder, "--data", tiny_run / "plates", "--out", out, *shared, "--target", "all"
    )
    assert (code, err) == (0, "")
    count = len(pairs) * 2 * len(model.classes)
    assert f"{count:,} maps of {len(pairs)} images" in printed
    assert "0 images left out" in printed
    assert len(read_folder(out)[0]) == count
    names = ["--target", model.classes[1], "--target", model.classes[0]]
    every = tmp_path / "every"
    assert gazeshift("maps", folder, "--data", tiny_run / "plates", "--split", "all", "--out", every, *names)[0] == 0
    rows = read_folder(every)[0]
    assert rows["class"].tolist() == [model.classes[1], model.classes[0]] * (len(rows) // 2)
    assert len(rows) == 2 * (96 + 20)


def test_a_column_is_named_as_the_message_says(gazeshift: Command, tiny_run: Path, tmp_path: Path) -> None:
    folder = tiny_run / "models" / "early-fusion" / "seed-0"
    pictures = sorted((tiny_run / "plates").rglob("images/test/*/*.png"))[:2]
    label = gs.load(folder).classes[0]
    for number, picture in enumerate(pictures):
        shutil.copy(picture, tmp_path / f"{number}.png")
    table = pd.DataFrame(
        {"image": ["0.png", "1.png"], "what people say": ["red", "a bun"], "label": label, "split": "test"}
    )
    table.to_csv(tmp_path / "pairs.csv", index=False)
    asked = ("maps", folder, "--data", tmp_path / "pairs.csv", "--out", tmp_path / "maps")
    code, _, err = gazeshift(*asked)
    assert code == 2
    assert "--text-column" in err
    code, _, err = gazeshift(*asked, "--text-column", "what people say")
    assert code == 0, err
    assert set(read_folder(tmp_path / "maps")[0]["text"]) == {"red", "a bun"}


def test_a_cluster_that_nobody_runs_is_named_at_once(
    gazeshift: Command, tiny_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{free.getsockname()[1]}")
    folder = tiny_run / "models" / "early-fusion" / "seed-0"
    code, _, err = gazeshift(
        "maps", folder, "--data", tiny_run / "plates", "--out", tmp_path / "maps", "--engine", "ray"
    )
    assert code == 2
    assert "nobody answers at RAY_ADDRESS=127.0.0.1:" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--out", "maps.parquet"], "maps are written to a folder"),
        (["--out", "there"], "maps are written to a folder"),
        (["--out", "full"], "is not empty and holds no maps"),
        (["--split", "dev"], "train, validation, test, or all"),
        (["--method", "rise"], "'rise' sends many changed images through the trunk"),
        (["--target", "pizzza"], "unknown class 'pizzza'"),
        (["--engine", "rays"], "unknown engine 'rays'. Did you mean 'ray'?"),
        (["--edit", "color"], "unknown edit 'color'. Did you mean 'colour'"),
        (["--edit", "colour", "--edit", "colour"], "--edit: the same is given twice"),
        (["--edit", "colour", "--text", "red"], "--text and --edit"),
        (["--edit", "colour", "--lexicon", "klingon"], "klingon"),
    ],
)
def test_wrong_use_is_one_line(
    gazeshift: Command,
    tiny_run: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").write_text("an hour's work")
    Path("full").mkdir()
    Path("full", "thesis.txt").write_text("an hour's work")
    base = [
        "maps",
        tiny_run / "models" / "early-fusion" / "seed-0",
        "--data",
        tiny_run / "plates",
        "--out",
        "m",
    ]
    code, printed, err = gazeshift(*base, *arguments)
    assert (code, printed) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
    assert sorted(path.name for path in tmp_path.rglob("*") if path.name != ".lock") == ["full", "there", "thesis.txt"]


def test_broken_images_are_named_and_counted(
    gazeshift: Command, tiny_run: Path, pairs: list[Pair], tmp_path: Path
) -> None:
    table = "".join(f"img{index}.png,a donut,{pair.label},test\n" for index, pair in enumerate(pairs[:9]))
    (tmp_path / "pairs.csv").write_text("image,text,label,split\n" + table, encoding="utf-8")
    for index, pair in enumerate(pairs[:9]):
        whole = pair.image.read_bytes() if isinstance(pair.image, Path) else pair.image
        (tmp_path / f"img{index}.png").write_bytes(whole if index < 2 else whole[:99])
    arguments = ["maps", tiny_run / "models" / "early-fusion" / "seed-0", "--data", tmp_path, "--out"]
    code, printed, err = gazeshift(*arguments, tmp_path / "maps")
    assert code == 0
    assert "2 maps of 2 images" in printed
    assert "7 images left out" in printed
    assert err.count("left out: img") == 5
    assert "left out: 2 more images" in err
    for index in range(2):
        (tmp_path / f"img{index}.png").write_bytes(b"gone")
    code, printed, err = gazeshift(*arguments, tmp_path / "none")
    assert (code, printed) == (2, "")
    assert "no image can be decoded" in err
    assert not (tmp_path / "none" / "manifest.json").exists()


def test_edits_of_the_pairs_own_texts(gazeshift: Command, tiny_run: Path, pairs: list[Pair], tmp_path: Path) -> None:
    """The same texts as a study with these edits."""
    out = tmp_path / "maps"
    options = ["--edit", "paraphrase", "--edit", "colour", "--lexicon", "plates"]
    model = tiny_run / "models" / "early-fusion" / "seed-0"
    code, printed, err = gazeshift("maps", model, "--data", tiny_run / "plates", "--out", out, *options)
    assert code == 0
    rows = read_folder(out)[0]
    missing = 3 * len(pairs) - len(rows)
    assert missing > 0, "some texts of Plates say no colour"
    assert f"{missing:,} of {3 * len(pairs)} maps are not there" in err
    assert f"{len(rows):,} maps of {len(pairs)} images" in printed
    assert set(rows["edit"]) == {"original", "paraphrase", "colour"}
    own = rows[rows["edit"] == "original"].set_index("key")["text"]
    assert own.to_dict() == {pair.key: pair.text for pair in pairs}
    studied = pd.read_parquet(tiny_run / "store" / "measures.parquet")
    studied = studied[(studied["model"] == "early-fusion") & (studied["seed"] == 0)]
    here = rows.set_index(["key", "edit"])["text"].to_dict()
    there = studied[studied["edit"].isin(["paraphrase", "colour"])].set_index(["key", "edit"])["text"].to_dict()
    assert there
    assert {place: here[place] for place in there} == there


def test_a_finished_folder_is_told_again(gazeshift: Command, tiny_run: Path, tmp_path: Path) -> None:
    command = [
        "maps",
        tiny_run / "models" / "early-fusion" / "seed-0",
        "--data",
        tiny_run / "plates",
        "--out",
        tmp_path / "m",
    ]
    assert gazeshift(*command) == gazeshift(*command)
