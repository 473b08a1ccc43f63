"""The data check, through the library and through its command."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from gazeshift.cli.data import check
from gazeshift.data.audit import audit, drop_undecodable
from gazeshift.data.findings import KINDS
from gazeshift.data.sources import FORMATS, load_pairs
from gazeshift.errors import DataError

app = typer.Typer()
app.command("check")(check)


@pytest.fixture
def clean(tmp_path: Path) -> Path:
    """Two classes, four training and two test pairs, all images and titles different."""
    root = tmp_path / "set"
    rng = np.random.default_rng(0)
    for split, numbers in (("train", range(4)), ("test", range(4, 6))):
        lines = []
        for number in numbers:
            label = ("pie", "soup")[number % 2]
            path = root / f"images/{split}/{label}/{label}_{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (10 + number, 20, 3), dtype=np.uint8)).save(path)
            lines.append(f"{path.name},{'My pie' if label == 'pie' else 'Hot dish'} number {number},{label}\n")
        (root / "texts").mkdir(exist_ok=True)
        (root / f"texts/{split}_titles.csv").write_text("".join(lines))
    return root


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def spoil(root: Path) -> None:
    image = root / "images/train/pie/pie_0.png"
    image.write_bytes(image.read_bytes()[:-60])
    shutil.copy(root / "images/train/soup/soup_1.png", root / "images/train/soup/soup_3.png")
    Image.new("RGB", (15, 15)).save(root / "images/train/soup/soup_0.png")
    Image.new("RGB", (15, 15)).save(root / "images/train/pie/pie_9.png")
    shutil.copy(root / "images/train/soup/soup_1.png", root / "images/test/soup/soup_5.png")
    (root / "images/test/pie/pie_4.png").unlink()
    with (root / "texts/test_titles.csv").open("a") as file:
        file.write("soup_1.png,HOT dish: number 1,soup\n")
    shutil.copy(root / "images/train/pie/pie_2.png", root / "images/test/soup/soup_1.png")


def test_a_clean_set(clean: Path) -> None:
    found = audit(load_pairs(clean))
    assert found.findings == ()
    assert found.pairs == {"train": 4, "test": 2}
    assert found.classes == {"pie": {"train": 2, "test": 1}, "soup": {"train": 2, "test": 1}}
    assert found.balance == {"train": 1.0, "test": 1.0}
    assert found.image_sides == (10, 12, 15)
    assert found.title_contains_class == 0.5
    assert (found.titles_shared_train_test, found.titles_repeated) == (0, {"train": 0, "test": 0})


def test_everything_wrong_is_counted_and_named(clean: Path) -> None:
    spoil(clean)
    found = audit(load_pairs(clean))
    assert {(finding.kind, finding.key) for finding in found.findings} == {
        ("missing image", "texts/test_titles.csv:1"),
        ("corrupt image", "images/train/pie/pie_0.png"),
        ("missing text", "images/train/pie/pie_9.png"),
        ("missing text", "images/train/soup/soup_0.png"),
        ("duplicate image", "images/train/soup/soup_0.png"),
        ("duplicate image across splits", "images/train/soup/soup_3.png"),
        ("duplicate image across splits", "images/train/soup/soup_1.png"),
        ("duplicate image across splits", "images/train/pie/pie_2.png"),
    }
    assert found.titles_shared_train_test == 1
    assert found.test_pairs_with_training_title == 1
    assert found.balance["test"] == 0.0
    assert set(found.counts) <= set(KINDS)


def test_the_command_prints_and_exits_by_what_it_found(clean: Path) -> None:
    code, text = run(clean)
    assert code == 0
    assert "clean" in text
    spoil(clean)
    code, text = run(clean, "--show", 1)
    assert code == 1
    assert "1 x corrupt image" in text
    assert "images/train/pie/pie_0.png" in text
    code, text = run(clean, "--json")
    report = json.loads(text)
    assert code == 1
    assert report["pairs"] == {"train": 6, "test": 2}
    assert report["counts"]["corrupt image"] == 1
    assert report["findings"][0].keys() == {"kind", "key", "detail"}


def test_help_names_every_layout() -> None:
    code, text = run("--help")
    assert code == 0
    assert all(name in text for name in FORMATS)


def test_unusable_is_an_error_of_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        run(tmp_path / "nowhere")
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)


def test_brackets_in_names_are_no_markup(clean: Path) -> None:
    (clean / "images/train/[red]").mkdir()
    Image.new("RGB", (4, 4)).save(clean / "images/train/[red]/[bold]x.png")
    code, text = run(clean)
    assert code == 1
    assert "images/train/[red]/[bold]x.png" in text


def test_undecodable_pairs_can_be_left_out(clean: Path) -> None:
    spoil(clean)
    pairs = load_pairs(clean).pairs
    kept, findings = drop_undecodable(pairs)
    assert [finding.key for finding in findings] == ["images/train/pie/pie_0.png"]
    assert len(kept) == len(pairs) - 1


def add_masks(root: Path) -> None:
    rows = []
    for path in sorted((root / "images").rglob("*.png")):
        relative = path.relative_to(root / "images")
        mask = root / "masks" / relative
        mask.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(path) as image:
            width, height = image.size
        grid = np.zeros((height, width), np.uint8)
        grid[:, : width // 2] = 2
        Image.fromarray(grid).save(mask)
        key = f"images/{relative.as_posix()}"
        rows += [
            {"key": key, "index": 1, "name": "soup", "colour": "red", "referred": False},
            {"key": key, "index": 2, "name": "pie", "colour": "blue", "referred": True},
        ]
    pd.DataFrame(rows).to_parquet(root / "objects.parquet")


def test_masks_and_objects_are_found_and_checked(clean: Path) -> None:
    add_masks(clean)
    pair = load_pairs(clean).pairs[0]
    assert [(o.name, o.colour, o.index, o.referred) for o in pair.objects] == [
        ("soup", "red", 1, False),
        ("pie", "blue", 2, True),
    ]
    assert pair.has_regions
    assert audit(load_pairs(clean)).findings == ()
    (clean / "masks/train/pie/pie_0.png").unlink()
    (clean / "masks/train/pie/pie_2.png").write_bytes(b"x")
    Image.new("L", (3, 3)).save(clean / "masks/train/soup/soup_1.png")
    found = audit(load_pairs(clean)).findings
    assert {(f.kind, Path(f.key).name) for f in found} == {
        ("corrupt mask", name) for name in ("pie_0.png", "pie_2.png", "soup_1.png")
    }


def test_an_object_table_without_a_column_is_refused(clean: Path) -> None:
    pd.DataFrame({"key": ["x"], "index": [1]}).to_parquet(clean / "objects.parquet")
    with pytest.raises(DataError, match=r"objects\.parquet: no column 'colour'"):
        load_pairs(clean)
