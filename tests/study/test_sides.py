"""A study's models are put together from named trunks and encoders; what each is compared with shares them."""

import base64
import hashlib
import json
import re
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save_file

import gazeshift as gs
from gazeshift.claims.roles import Player, Roles
from gazeshift.errors import ConfigError, ModelError
from gazeshift.study.config import StudyConfig
from gazeshift.study.load import read_study, write_study
from tests.tiny_study import run_tiny, write_yaml

HALF = {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}
SIDES: dict[str, Any] = {
    "images": {
        "cnn": {"image": {"name": "small_cnn"}},
        "centred": {"image": {"name": "small_cnn", "features": "centred"}, "preprocessing": HALF},
    },
    "texts": {
        "net": {"text": {"encoder": "transformer", "width": 16, "layers": 1, "heads": 2, "vocabulary": 200}},
        "counts": {"text": {"encoder": "tf-idf", "vocabulary": 100}},
    },
    "structures": {"kinds": ["image-only", "text-only", "film", "late-fusion", "mutan", "late-weighted"]},
    "models": None,
}
KINDS = ("film", "late-fusion", "mutan", "late-weighted")
SINGLE = [f"{image}.image-only" for image in SIDES["images"]] + [f"{text}.text-only" for text in SIDES["texts"]]
BOTH = [f"{i}.{t}.{kind}" for kind in KINDS for i, t in product(SIDES["images"], SIDES["texts"])]


def study_of(tmp_path: Path, **changes: Any) -> StudyConfig:
    return read_study(write_yaml(tmp_path, **{**SIDES, "models": {}, **changes}))


def test_every_kind_meets_every_side_that_it_has(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    assert set(study.models) == {*SINGLE, *BOTH}
    film = study.models["centred.counts.film"]
    assert (film.kind, film.image, film.text) == ("film", "centred", "counts")
    assert study.image_side("centred.counts.film").image.features == "centred"
    assert study.text_side("centred.counts.film").text.encoder == "tf-idf"
    assert study.preprocessing_of("centred.counts.film").mean == (0.5, 0.5, 0.5)
    assert study.preprocessing_of("cnn.counts.film") == study.crop


@pytest.mark.parametrize("text", [{"encoder": "none"}, {"encoder": "bert-lstm"}, {"encoder": "huggingface"}])
def test_where_no_model_reads_texts_are_matched_in_whole_words(tmp_path: Path, text: dict[str, str]) -> None:
    """An encoder that is not there is not asked for, either."""
    study = read_study(write_yaml(tmp_path, models={"image-only": {}}, text=text, text_encoder=None, compare=None))
    assert study.edits_side is None


def test_models_listed_beside_them_stay_and_override(tmp_path: Path) -> None:
    own = {"cnn.net.film": {"kind": "film", "image": "cnn", "text": "net", "head": {"hidden": 8}}, "early-fusion": {}}
    study = study_of(tmp_path, models=own)
    assert set(study.models) == {*SINGLE, *BOTH, "early-fusion"}
    assert study.head_of("cnn.net.film").hidden == 8
    assert study.image_side("early-fusion").image == study.image


def test_a_written_study_is_the_same_study(tmp_path: Path) -> None:
    study = study_of(tmp_path)
    write_study(study, tmp_path / "again.yaml")
    assert read_study(tmp_path / "again.yaml") == study


def test_without_named_sides_structures_have_the_studys_own(tmp_path: Path) -> None:
    assert list(study_of(tmp_path, images={}, texts={}).models) == ["image-only", "text-only", *KINDS]
    assert list(study_of(tmp_path, images={}, structures={"kinds": ["film"], "texts": ["net"]}).models) == ["net.film"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"structures": {"kinds": ["film"], "images": ["vit"]}}, ["structures.images", "'vit'", "cnn, centred"]),
        ({"models": {"a": {"kind": "film", "text": "bert"}}}, ["models.a.text", "'bert'", "net, counts"]),
        ({"models": {"a": {"kind": "text-only", "image": "cnn"}}}, ["models.a.image", "no such side"]),
        ({"structures": {"kinds": ["fillm"]}}, ["structures.kinds", "fillm", "film"]),
        ({"structures": {"kinds": ["film", "FiLM"]}}, ["structures.kinds", "each once"]),
        ({"structures": {"kinds": []}}, ["structures.kinds", "at least one"]),
        ({"images": {"a": {"image": {"name": "none"}}}}, ["images.a", "name an image trunk"]),
        ({"images": {"a": {"image": {"name": "small_cnn"}, "weights": "hub"}}}, ["images.a", "no weights on a hub"]),
        ({"images": {"a": {"image": {"name": "small_cnn"}, "weights": "no.file"}}}, ["images.a.weights", "no.file"]),
        ({"images": {"a": {"image": {"name": "nonet"}}}}, ["images.a.image.name", "nonet"]),
        ({"images": {"a/b": {"image": {"name": "small_cnn"}}}}, ["images", "a/b", "dots and dashes"]),
        (
            {"images": {"cnn": {"image": {"name": "small_cnn"}, "preprocessing": {"size": 9}}}},
            ["images.cnn", "preprocessing.size", "same crop"],
        ),
        ({"texts": {"a": {"text": {"encoder": "huggingface"}}}}, ["texts.a", "text_encoder", "local folder"]),
        ({"texts": {"a": {"text": {"encoder": "none"}}}}, ["texts.a", "name a text encoder"]),
        (
            {"texts": {"a": {"text": {"encoder": "huggingface"}, "text_encoder": "./nowhere"}}},
            ["texts.a.text_encoder", "no folder"],
        ),
        (
            {"image": {"name": "none"}, "models": {"a": {"kind": "film", "text": "net"}}},
            ["models.a.image", "cnn, centred", "image.name: resnet50"],
        ),
        ({"pretrain": {"images": 10}}, ["pretrain", "images"]),
    ],
)
def test_sides_that_cannot_be_are_refused_in_one_line(
    tmp_path: Path, changes: dict[str, Any], words: list[str]
) -> None:
    with pytest.raises(ConfigError) as raised:
        study_of(tmp_path, **changes)
    assert "\n" not in str(raised.value)
    assert str(tmp_path / "study.yaml") in str(raised.value)
    for word in words:
        assert word in str(raised.value)


def test_a_model_is_compared_with_what_shares_its_sides() -> None:
    def player(name: str, kind: str, image: str | None, text: str | None) -> Player:
        return Player(name, kind, "own", image is not None, text is not None, image=image, text=text)

    roles = Roles(
        (
            *(player(f"see-{side}", "image-only", side, None) for side in "ab"),
            *(player(f"read-{side}", "text-only", None, side) for side in "xy"),
            *(player(f"{i}{t}", "early-fusion", i, t) for i, t in product("ab", "xy")),
        )
    )
    for i, t in product("ab", "xy"):
        assert roles.without_text(f"{i}{t}") == f"see-{i}"
        assert roles.without_image(f"{i}{t}") == f"read-{t}"
        assert roles.preferring(f"{i}{t}").parts == {"image": f"see-{i}", "text": f"read-{t}", "fusion": f"{i}{t}"}
    assert roles.parts == {"image": "see-a", "text": "read-x", "fusion": "ax"}


@pytest.mark.slow
def test_weights_that_do_not_fit_are_named_with_their_side(tmp_path: Path) -> None:
    """The study's own ``weights`` would be the wrong place to look."""
    save_file({"stem.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    wrong = {"cnn": {"image": {"name": "small_cnn"}, "weights": str(tmp_path / "other.safetensors")}}
    with pytest.raises(ModelError, match=r"^images\.cnn: "):
        run_tiny(tmp_path, tmp_path / "run", **{**SIDES, "images": wrong}, seeds=[0])


@pytest.mark.slow
def test_a_study_of_structures_from_beginning_to_end(tmp_path: Path) -> None:
    run = tmp_path / "run"
    frozen = {"epochs": 1, "batch_size": 16, "trunk": "frozen", "text": "frozen", "augmentation": "none"}
    run_tiny(tmp_path, run, **SIDES, seeds=[0], training=frozen)
    summary, record = (json.loads((run / name).read_text()) for name in ("summary.json", "run.json"))
    assert set(summary["accuracy"]) == {*SINGLE, *BOTH}
    sides = {model["name"]: (model["image"], model["text"]) for model in record["models"]}
    assert sides["cnn.net.film"] == ("cnn", "net")
    models = {name: gs.load(run / "models" / name / "seed-0") for name in BOTH}
    assert models["centred.net.film"].spec.preprocessing.mean == (0.5, 0.5, 0.5)
    assert models["cnn.counts.film"].spec.text.encoder == "tf-idf"
    trunks = [models[f"cnn.net.{kind}"].trunk.state_dict() for kind in ("film", "late-fusion")]
    assert all(torch.equal(trunks[0][name], trunks[1][name]) for name in trunks[0])
    predictions = pd.read_parquet(run / "store" / "predictions.parquet")
    right = predictions[predictions["split"] == "test"].groupby("model")["correct"].mean()
    for name in BOTH:
        image, text, _ = name.split(".")
        for gap, reference in (("gap", f"{image}.image-only"), ("gap_to_text", f"{text}.text-only")):
            assert summary[gap][name]["mean"] == pytest.approx(right[name] - right[reference]), (gap, name)
    # One file for each pair of trunk and encoder, whatever the number of models on it.
    shared = {name: run / "models" / name / "seed-0" / "frozen.safetensors" for name in BOTH}
    assert len({path.stat().st_ino for path in shared.values()}) == len({name.rpartition(".")[0] for name in BOTH})
    # One file for each trunk, split and form (means, or whole grids), whatever the number of models on it.
    kept = [path for path in (run / "cache" / "features").glob("*.grid.npy") if np.load(path).size]
    assert len(kept) == len(SIDES["images"]) * 3 * 2
    _check_page(run, summary)


def _check_page(run: Path, summary: dict[str, Any]) -> None:
    """The page of structures and its table say what the summary says."""
    table = pd.read_csv(run / "structures.csv").set_index(["model", "quantity"])
    assert set(table.index.get_level_values("model")) == set(BOTH)
    for name in BOTH:
        edits = summary["edits"][name]["other-object"]
        for quantity, figure in {"accuracy": summary["accuracy"][name]["test"], "switch": edits["switch"]}.items():
            if figure["mean"] is not None:
                assert table.loc[(name, quantity), "mean"] == pytest.approx(figure["mean"])
        fixed = name.endswith(("late-fusion", "late-weighted"))
        assert table.loc[name, "text_can_move_map"].eq(not fixed).all()
        if fixed and (name, "within") in table.index:
            assert abs(table.loc[(name, "within"), "mean"]) < 1e-6
    # Picture by picture only what can be compared by eye: the lead, and what shares its sides.
    drawn = set(pd.read_csv(run / "table3.csv")["model"])
    assert {f"cnn.net.{kind}" for kind in KINDS} <= drawn < set(BOTH)
    assert "Tables 2 and 3 show" in (run / "report.html").read_text(encoding="utf-8")
    page = (run / "structures.html").read_text(encoding="utf-8")
    assert 'href="structures.html"' in (run / "report.html").read_text(encoding="utf-8")
    assert all(f">{name}</th>" in page for name in BOTH)
    script = page.split("<script>")[1].split("</script>")[0]
    allowed = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{allowed}'" in page.replace("&#39;", "'").replace("&#43;", "+")
    assert not re.findall(r"(?:src|href)=\"(?!structures|report|#)[^\"]*", page), "needs nothing else"
