"""``gazeshift regions``, and phrases instead of words: what is printed and drawn is what Python computes."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gazeshift as gs
from tests.conftest import Command

TEXT = "a [red] donut 🍣"


@pytest.fixture
def picture(tiny_run: Path) -> Path:
    return sorted(tiny_run.glob("plates/images/test/*/*.png"))[0]


@pytest.fixture
def model(tiny_run: Path) -> Path:
    return tiny_run / "models" / "early-fusion" / "seed-0"


def numbers(printed: str) -> np.ndarray:
    return np.array([list(word["interaction"].values()) for word in json.loads(printed)["words"]])


def test_the_json_is_what_python_computes(gazeshift: Command, model: Path, picture: Path, tmp_path: Path) -> None:
    with Image.open(picture) as opened:
        labels = np.zeros((opened.height, opened.width), dtype=np.uint8)
    labels[:20, :30], labels[25:, 25:] = 1, 9
    Image.fromarray(labels).save(tmp_path / "labels.png")
    box = (2.0, 3.0, 30.0, 31.5)
    named = {
        ("--grid", "2x3"): (2, 3),
        ("--box", "a=b=2,3,30,31.5"): {"a=b": box},
        ("--masks", str(tmp_path / "labels.png")): labels,
        (): (3, 3),
    }
    for given, regions in named.items():
        code, out, err = gazeshift("regions", model, picture, TEXT, *given, "--hide", "mean", "--json")
        assert (code, err) == (0, "")
        expected = gs.word_regions(gs.load(model), picture, TEXT, regions, hide="mean")
        np.testing.assert_allclose(numbers(out), expected.interaction, rtol=1e-4, atol=1e-6)
        assert [region["region"] for region in json.loads(out)["regions"]] == list(expected.regions)
        assert [region["area"] for region in json.loads(out)["regions"]] == pytest.approx(expected.masks.mean((1, 2)))


def test_the_table_is_printed_and_drawn(gazeshift: Command, model: Path, picture: Path, tmp_path: Path) -> None:
    code, out, _ = gazeshift("regions", model, picture, TEXT, "--grid", "4x5", "--out", tmp_path / "o.png")
    assert code == 0
    assert "regions, all weaker, are not shown" in out
    assert all(word in out for word in ("[red]", "donut", "🍣", "alone"))
    assert "…" not in out
    with Image.open(tmp_path / "o.png") as sheet:
        assert sheet.width == 1240


@pytest.mark.parametrize("command", ["words", "regions"])
def test_a_phrase_by_its_words_or_offsets(gazeshift: Command, model: Path, picture: Path, command: str) -> None:
    given = ("--span", "[red] donut", "--span", "0:1")
    code, out, _ = gazeshift(command, model, picture, TEXT, *given, "--json")
    assert code == 0
    found = json.loads(out)
    assert [(each["word"], each["start"], each["end"]) for each in found["words"]] == [
        ("a", 0, 1),
        ("[red] donut", 2, 13),
    ]
    alone = gs.word_effects(gs.load(model), picture, TEXT, spans=["[red] donut"])
    assert found["words"][1]["logit"] == pytest.approx(alone.logit[0], abs=1e-5)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (["--grid", "3"], "--grid 3: give rows x columns"),
        (["--grid", "0x3"], "two whole numbers"),
        (["--grid", "3x3", "--box", "a=1,2,3,4"], "in one way"),
        (["--box", "1,2,3,4"], "NAME=LEFT"),
        (["--box", "a=1,2,3"], "NAME=LEFT"),
        (["--box", "a=1,2,3,4", "--box", "a=1,2,9,9"], "two boxes"),
        (["--box", "far=900,900,910,910"], "'far'"),
        (["--masks", "{tmp}/none.png"], "none.png"),
        (["--masks", "{tmp}/text.png"], "text.png"),
        (["--masks", "{tmp}/colours.png"], "has colours"),
        (["--masks", "{tmp}/small.png"], "picture's own size"),
        (["--hide", "blur"], "blur"),
        (["--span", "blue"], "'blue' is not in the text"),
        (["--span", "3:99"], "(3, 99)"),
        (["--out", "{tmp}/o.html"], ".png"),
        (["--out", "{picture}"], "the image itself"),
        (["--label", "donut"], "--target label"),
    ],
)
def test_wrong_use_is_one_line(
    gazeshift: Command, model: Path, picture: Path, tmp_path: Path, given: list[str], said: str
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    Image.new("RGB", (8, 8)).save(tmp_path / "colours.png")
    Image.new("L", (8, 8), 1).save(tmp_path / "small.png")
    given = [each.format(tmp=tmp_path, picture=picture) for each in given]
    code, out, err = gazeshift("regions", model, picture, TEXT, *given)
    assert (code, out, err.count("\n")) == (2, "", 1), err
    assert said in err
