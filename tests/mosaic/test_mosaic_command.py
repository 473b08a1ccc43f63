"""``gazeshift data mosaic``: what it says, and what it refuses."""

from pathlib import Path

import pytest

from tests.conftest import Command
from tests.mosaic.flat_photos import Source, flat

pytestmark = pytest.mark.slow
FEW = ("--size", "64", "--train", "12", "--validation", "4", "--test", "4", "--quiet")


def test_it_says_what_it_wrote_and_what_it_left_out(gazeshift: Command, source: Source, tmp_path: Path) -> None:
    broken = ("images/x.png", "natto", "train", flat(400)[:60])
    root = source(extra=(broken, ("images/y.png", "natto", "train", flat(401))))
    code, out, err = gazeshift("data", "mosaic", root, tmp_path / "new", *FEW)
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == f"Wrote: {tmp_path / 'new'} (12 train, 4 validation, 4 test; 2x2 tiles)"
    assert lines[1] == "Photos to draw from: 48 train, 6 validation, 30 test; 6 classes"
    assert lines[3] == "Highest possible accuracy: 0.250 from the image alone, 0.812 with the captions"
    assert "Photos left out: 2 of a class with too few (natto)" in lines
    assert gazeshift("data", "check", tmp_path / "new")[0] == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--tiles", "2"), "--tiles 2: give rows x columns"),
        (("--tiles", "5x5"), "mosaic: tiles 5x5: give 1 to 3 rows and columns"),
        (("--captions", "class"), "--captions class: 'class' is not KIND=WEIGHT"),
        (("--captions", "place=1"), "mosaic: unknown kind of caption 'place'. Known: class, two, position"),
        (("--validation", "0"), "mosaic: validation is 0: a study would take validation mosaics from training"),
        (("--tiles", "3x3"), "mosaic: 6 classes with photos in each split (train, validation, test), and 3x3 tiles need 9"),
        (("--label-column", "dish"), "dish"),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_line_and_nothing_is_written(
    gazeshift: Command, source: Source, tmp_path: Path, options: tuple[str, ...], message: str
) -> None:
    code, _, err = gazeshift("data", "mosaic", source(), tmp_path / "new", *FEW, *options)
    assert code == 2
    assert message in err.replace("\n", " ")
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


def test_a_folder_that_is_not_empty_stays(gazeshift: Command, source: Source, tmp_path: Path) -> None:
    root = source()
    code, _, err = gazeshift("data", "mosaic", root, root, *FEW)
    assert code == 2
    assert f"{root}: is not empty; name a new folder." in err
