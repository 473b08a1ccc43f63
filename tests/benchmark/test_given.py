"""The benchmark of models that were not trained here: every way to bring one, tiny and random, from a local folder."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gazeshift.cli.benchmark import methods_of
from gazeshift.saliency import METHODS
from tests.conftest import Command
from tests.hub.tiny_dual import builders as scoring
from tests.hub.tiny_vlm import builders as answering
from tests.saliency import own_model

CLASSES = own_model.CLASSES
OPTIONS = [part for name in CLASSES for part in ("--class", name)]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Photos of three classes, taller or wider than high, each with a box round something."""
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    lines = ["image,label,split,box"]
    for place in range(18):
        pixels = rng.integers(0, 256, (10, 8 + 4 * (place % 2), 3), dtype=np.uint8)
        photo = Image.fromarray(pixels).resize((40 + 20 * (place % 2), 50), Image.Resampling.BILINEAR)
        photo.save(tmp_path / "photos" / f"{place}.png")
        lines.append(f'{place}.png,{CLASSES[place % 3]},test,"[12, 10, 30, 30]"')
    (tmp_path / "photos" / "pairs.csv").write_text("\n".join(lines), encoding="utf-8")
    return tmp_path / "photos"


def ask(gazeshift: Command, photos: Path, *more: object) -> tuple[int, str, str]:
    return gazeshift("benchmark", *more, "--data", photos, "--images", 10, "--size", 64, "--tiles", "1x2", columns=400)


@pytest.mark.parametrize(
    ("make", "options", "classes"),
    [
        (scoring["clip"], (), False),
        (scoring["siglip2"], ("--as", "matching"), False),
        (scoring["vilt"], (), False),
        (scoring["clip"], ("--prompt", "a photo of a {class}, {text}", *OPTIONS), True),
        (answering["llava"], ("--prompt", "USER: <image> {text} ASSISTANT:", *OPTIONS), True),
    ],
    ids=["CLIP", "SigLIP 2", "ViLT", "zero-shot", "LLaVA"],
)
def test_a_published_model_is_asked_about_the_photos(
    gazeshift: Command, photos: Path, tmp_path: Path, make: object, options: Sequence[str], classes: bool
) -> None:
    assert callable(make)
    make(tmp_path / "folder")
    code, out, err = ask(gazeshift, photos, f"hub:{tmp_path / 'folder'}", *options, "--json")
    assert code == 0, err
    (found,) = json.loads(out)["models"]
    told = {each["scenes"]: each for each in found["answers"] if each["question"] == "goes where named"}
    assert told.keys() == {"mosaics", "one region"}
    assert all(each["n"] > 0 and np.isfinite(each["value"]) for each in told.values())
    # A score of a picture and a text has no classes, so it cannot be right or wrong.
    assert (found["accuracy"].keys() == told.keys()) == classes


def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The address of the user's own model, in a module that no other test imports."""
    shutil.copy(own_model.__file__, tmp_path / f"{tmp_path.name}.py")
    monkeypatch.chdir(tmp_path)
    return f"python:{tmp_path.name}:make"


def test_your_own_model_is_asked_beside_a_published_one(
    gazeshift: Command, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scoring["clip"](tmp_path / "folder")
    code, out, err = ask(gazeshift, photos, own(tmp_path, monkeypatch), "hub:folder", "--as", "matching", "--json")
    assert code == 0, err
    assert [each["name"] for each in json.loads(out)["models"]] == ["Net", "CLIPModel"]


def test_all_is_every_method_that_the_model_has_maps_of(
    gazeshift: Command, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert methods_of(["all"]) == tuple(METHODS)
    monkeypatch.setattr("gazeshift.cli.benchmark.METHODS", dict.fromkeys(("layer-cam", "eigen-cam", "rollout")))
    code, out, err = ask(gazeshift, photos, own(tmp_path, monkeypatch), "--method", "all", "--json")
    assert code == 0, err
    found = json.loads(out)
    (left_out,) = found["left_out"]
    assert left_out["method"] == "rollout"
    assert "no attention over the grid" in left_out["why"]
    verdicts = {each["method"]: set(each["verdicts"].values()) for each in found["models"]}
    assert verdicts.keys() == {"layer-cam", "eigen-cam"}
    assert verdicts["eigen-cam"] == {"blind"}  # it reads no text
    assert "blind" not in verdicts["layer-cam"]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--class", "x"), "are for published models, hub:NAME"),
        (("--method", "all", "--method", "rise"), "it is every method already"),
        (("--method", "rollout"), "no attention over the grid"),
        (("--region", "person"), "give NAME=COLUMN"),
    ],
)
def test_what_does_not_fit_your_own_model_is_refused(
    gazeshift: Command,
    photos: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: Sequence[str],
    said: str,
) -> None:
    code, out, err = ask(gazeshift, photos, own(tmp_path, monkeypatch), *options)
    assert code == 2
    assert said in err
    assert "Traceback" not in out + err


def test_columns_without_photos_are_refused(gazeshift: Command) -> None:
    code, _, err = gazeshift("benchmark", "anything", "--region-column", "mask", columns=400)
    assert code == 2
    assert "give --data DIR, too" in err
