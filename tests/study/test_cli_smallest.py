"""``gazeshift smallest``: what is printed and drawn is what Python computes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gazeshift as gs
from tests.conftest import Command

TEXT = "a [red] donut, 🍣"
BOX = "5,5,30,40"


@pytest.fixture
def picture(tiny_run: Path) -> Path:
    return sorted(tiny_run.glob("plates/images/test/*/*.png"))[0]


@pytest.fixture
def model(tiny_run: Path) -> Path:
    return tiny_run / "models" / "early-fusion" / "seed-0"


@pytest.fixture
def seen(model: Path, picture: Path) -> str:
    """A class whose map of this text is defined."""
    loaded = gs.load(model)
    return next(name for name in loaded.classes if not gs.explain(loaded, picture, [TEXT], name).undefined[0])


def test_the_json_is_what_python_computes(
    gazeshift: Command, model: Path, picture: Path, seen: str, tmp_path: Path
) -> None:
    with Image.open(picture) as opened:
        mask = np.zeros((opened.height, opened.width), np.uint8)
    mask[5:40, 5:30] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    (tmp_path / "titles.txt").write_text("red popsicle\nred waffle\n", encoding="utf-8")
    words = {"words": ["blue", "green"], "lexicon": ["plates:position"], "corpus": tmp_path / "titles.txt"}
    sources = (
        "--words",
        "blue,green",
        "--lexicon",
        "plates:position",
        "--corpus",
        tmp_path / "titles.txt",
        "--top",
        "2",
    )
    named = {
        ("--off", BOX, "--to", "0.2"): ("off", {"region": (5, 5, 30, 40), "to": 0.2}),
        ("--onto", tmp_path / "mask.png", "--by", "0.05"): ("onto", {"region": mask.astype(bool), "by": 0.05}),
        ("--shift", "0.3"): ("shift", {"to": 0.3}),
        ("--switch", "any"): ("class", {}),
        ("--switch", "donut", "--no-delete"): ("class", {"to": "donut", "delete": False}),
    }
    for given, (goal, options) in named.items():
        more = ("--most", "2", "--target", seen, "--limit", "900")
        code, out, err = gazeshift("smallest", model, picture, TEXT, *given, *sources, *more, "--json")
        assert (code, err) == (0, "")
        found = gs.smallest_edit(
            gs.load(model), picture, TEXT, goal, substitutes=words, top=2, most=2, target=seen, limit=900, **options
        )
        said = json.loads(out)
        assert said["new_text"] == found.new_text
        assert (said["reached"], said["exact"], said["tried"]) == (found.reached, found.exact, found.tried)
        assert said["before"] == pytest.approx(found.before, abs=1e-5)
        assert [(each["old"], each["new"]) for each in said["changes"]] == [
            (each.old, each.new) for each in found.changes
        ]


def test_it_is_printed_and_drawn(gazeshift: Command, model: Path, picture: Path, seen: str, tmp_path: Path) -> None:
    other = next(name for name in gs.load(model).classes if name != seen)
    given = ("--switch", other, "--words", "waffle,popsicle,skewer,dumpling", "--out", tmp_path / "s.png")
    code, out, _ = gazeshift("smallest", model, picture, TEXT, *given)
    assert code == 0
    assert "predicted class" in out
    assert "Exact: " in out or "Greedy: " in out
    assert "texts in all" in out or "is there already" in out
    with Image.open(tmp_path / "s.png") as sheet:
        assert sheet.width == 1240
    code, out, _ = gazeshift(
        "smallest", model, picture, "a red donut", "--off", BOX, "--to", "0.000001", "--target", seen
    )
    assert code == 0
    assert "share of the map on the region" in out
    assert "The region is 0." in out


def test_a_model_of_ones_own_and_marks_in_the_text(gazeshift: Command, tmp_path: Path) -> None:
    pixels = np.zeros((16, 32, 3), np.uint8)
    pixels[:, :16, 0] = pixels[:, 16:, 1] = 255
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    at = ("smallest", "python:tests.evaluation.smallest.red_green:make", tmp_path / "photo.png")
    code, out, _ = gazeshift(*at, "a red thing, crimson", "--onto", "16,0,32,16", "--to", "0.4", "--words", "green")
    assert code == 0
    assert out.splitlines()[0] == "a red thing, [crimson -> green]"
    assert "Reached with one change: the share of the map on the region above 0.400." in out
    code, out, _ = gazeshift(*at, "red green crimson", "--off", "0,0,16,16", "--to", "0.6")
    assert out.splitlines()[0] == "red green [-crimson-]"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ([], "name one goal"),
        (["--off", BOX, "--switch", "any"], "name one goal"),
        (["--switch", "any", "--to", "0.1"], "not with --switch"),
        (["--off", BOX, "--to", "0.1", "--by", "0.1"], "give one of them"),
        (["--off", "1,2,3"], "LEFT,UPPER,RIGHT,LOWER"),
        (["--off", "900,900,910,910"], "holds no pixel"),
        (["--off", "{tmp}/none.png"], "none.png"),
        (["--off", "{tmp}/text.png"], "text.png"),
        (["--off", "{tmp}/small.png"], "small.png"),
        (["--switch", "pizza"], "unknown class 'pizza'"),
        (["--switch", "any", "--lexicon", "colr"], "no words of kind 'colr'"),
        (["--switch", "any", "--corpus", "{tmp}/none.txt"], "none.txt: no such text file"),
        (["--switch", "any", "--corpus", "{tmp}/text.png"], "text.png"),
        (["--switch", "any", "--span", "blue"], "'blue' is not in the text"),
        (["--switch", "any", "--no-delete"], "Give substitutes"),
        (["--switch", "any", "--out", "{tmp}/o.html"], ".png"),
        (["--switch", "any", "--out", "{picture}"], "the image itself"),
    ],
)
def test_wrong_use_is_one_line(
    gazeshift: Command, model: Path, picture: Path, tmp_path: Path, given: list[str], said: str
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.new("L", (8, 8), 1).save(tmp_path / "small.png")
    given = [each.format(tmp=tmp_path, picture=picture) for each in given]
    code, out, err = gazeshift("smallest", model, picture, TEXT, *given)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert said in err
    assert not list(tmp_path.glob("o.*"))


def test_an_empty_text_is_one_line(gazeshift: Command, model: Path, picture: Path) -> None:
    code, out, err = gazeshift("smallest", model, picture, " ", "--switch", "any")
    assert (code, out) == (2, "")
    assert err == "gazeshift: the text is empty: there is no word to change.\n"
