"""What commands print of strangers' texts, and that they never write over what they were given."""

import csv
from pathlib import Path

import pytest
from PIL import Image

from gazeshift.cli.explain import said_of
from gazeshift.cli.printing import literal, plain
from tests.conftest import Command

ODD = {
    "an escape sequence": ("a\x1b[31mred", r"a\x1b[31mred"),
    "a line break": ("a\nb", r"a\nb"),
    "a carriage return": ("a\rb", r"a\rb"),
    "another C1 control": ("a\x9bb", r"a\x9bb"),
    "a turned direction": ("a\u202eb", r"a\u202eb"),
    "an isolated direction": ("a\u2067b", r"a\u2067b"),
    "a code for an emoji": ("a:pizza:b", "a:pizza:b"),
    "markup": ("[red]a[/red]", "[red]a[/red]"),
    "markup that closes nothing": ("a[/x]b", "a[/x]b"),
    "a backslash at the end": ("ab\\", "ab\\"),
    "joined emoji and letters": ("👩‍🍳क्‍ष", "👩‍🍳क्‍ष"),
}


@pytest.fixture
def model(tiny_run: Path) -> Path:
    return tiny_run / "models" / "early-fusion" / "seed-0"


@pytest.fixture
def picture(tiny_run: Path, tmp_path: Path) -> Path:
    copy = tmp_path / "photo.png"
    copy.write_bytes(sorted(tiny_run.glob("plates/images/test/*/*.png"))[0].read_bytes())
    return copy


@pytest.mark.parametrize("odd", ODD)
def test_a_text_is_printed_as_it_stands_and_steers_nothing(
    gazeshift: Command, model: Path, picture: Path, tmp_path: Path, odd: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    text, shown = ODD[odd]
    assert plain(text) == literal(text).plain == shown
    for arguments in (["explain", model, picture, "--text", text], ["words", model, picture, text]):
        code, out, _ = gazeshift(*arguments)
        assert code == 0
        assert any(line.split() and shown in line for line in out.split("\n")), out
        assert "\x1b" not in out.replace("\x1b[0m", "")
    with (tmp_path / "data.csv").open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["image", "text", "label"], *([picture.name, f"t{i}", text] for i in range(8))])
    _, out, _ = gazeshift("data", "check", tmp_path)
    assert any(shown in line for line in out.split("\n")), out
    code, out, err = gazeshift("explain", model, picture, "--target", f"none {text}")
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "\x1b" not in err


@pytest.mark.parametrize("spelling", ["{0}", "{0.parent}/../{0.parent.name}/{0.name}"])
@pytest.mark.parametrize("arguments", [["explain", "--out"], ["explain", "--save"], ["words", "--out"]], ids=" ".join)
def test_a_picture_is_never_written_over_by_its_own_maps(
    gazeshift: Command, model: Path, picture: Path, arguments: list[str], spelling: str
) -> None:
    command, option = arguments
    before = picture.read_bytes()
    code, out, err = gazeshift(
        command, model, picture, *(["a pie"] if command == "words" else []), option, spelling.format(picture)
    )
    assert (code, out) == (2, "")
    assert "is the image itself" in err
    assert picture.read_bytes() == before
    drawn = picture.with_name("drawn.png")
    for _ in range(2):  # what was drawn before may be drawn again
        assert gazeshift("explain", model, picture, "--out", drawn)[0] == 0
    with Image.open(drawn) as sheet:
        assert sheet.width > sheet.height


def test_a_reason_that_several_maps_share_is_said_once() -> None:
    reasons = ["no value is positive", None, "no value is positive", "below its noise"]
    remarks = [(reason, "a gap" if reason is None else None) for reason in reasons]
    assert said_of(remarks) == {"no value is positive": ["1", "3"], "a gap": ["2"], "below its noise": ["4"]}
