"""CONTRIBUTING says all there is to do: its examples, followed to the letter, are used as what was always there is used."""

import doctest
import importlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

import gazeshift as gs
from gazeshift.mapstore.lookup import read_folder
from gazeshift.mapstore.store import write_maps
from gazeshift.mapstore.write import scan_files
from gazeshift.measures import distribution
from gazeshift.pairs import Pair
from gazeshift.registry import known_name
from gazeshift.saliency import METHODS
from tests.conftest import Build, Command
from tests.docs.blocks import ROOT, Block, blocks_of, run_python
from tests.edits.test_edits import edit
from tests.models.test_heads import test_structure_is_true as structure_is_true
from tests.test_architecture import LEVEL
from tests.tiny_study import write_yaml

PAGE = ROOT / "CONTRIBUTING.md"
LINES = PAGE.read_text(encoding="utf-8").splitlines()
PIECES = ("## Add a fusion", "## Add a map method", "## Add an edit of texts", "## Add a measure")


def under(heading: str) -> list[Block]:
    """The blocks between a heading and the next."""
    start = LINES.index(heading) + 1
    later = (number for number, line in enumerate(LINES, 1) if number > start and line.startswith("## "))
    end = next(later, len(LINES))
    return [block for block in blocks_of(PAGE) if start < block.line <= end]


def follow(heading: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Do what stands under a heading."""
    for block in under(heading):
        if block.language == "python":
            run_python(block, {}, monkeypatch)


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch, registries_as_before: None) -> None:
    for heading in PIECES:
        follow(heading, monkeypatch)


def test_a_file_or_a_piece_of_one_stands_under_each_heading_and_says_where() -> None:
    for heading in PIECES:
        modules = [block.module for block in under(heading) if block.module]
        assert len(modules) == 1, heading
        importlib.import_module(modules[0].rpartition(".")[0])  # a file may be new, its folder is not


@pytest.mark.slow
@pytest.mark.usefixtures("followed")
def test_what_was_added_is_used_in_a_study(tmp_path: Path, gazeshift: Command) -> None:
    """The fusion is trained, the method draws its maps, the edit changes its texts, the measure has a figure: one command each."""
    file = write_yaml(
        tmp_path,
        models={"image-only": None, "gated": {"kind": "Text_Gate"}},
        seeds=[0],
        explain={"edits": ["paraphrase", "Reverse"], "method": "GradCAMElementwise", "samples": 1},
    )
    code, _, err = gazeshift("study", file, "--out", tmp_path / "run")
    assert code == 0, err
    model = gs.load(tmp_path / "run" / "models" / "gated" / "seed-0")
    assert model.structure.sentence.startswith("The text opens or closes")
    folder, data = tmp_path / "run" / "models" / "gated" / "seed-0", tmp_path / "run" / "plates"
    options = ("--split", "test", "--method", "GradCAMElementwise", "--out", tmp_path / "maps")
    code, _, err = gazeshift("maps", folder, "--data", data, *options)
    assert code == 0, err
    assert (read_folder(tmp_path / "maps")[1] >= 0).all()
    changed = pd.read_parquet(tmp_path / "run" / "store" / "measures.parquet")
    assert {"reverse", "paraphrase"} <= set(changed["edit"])
    assert "the same words in reverse order" in (tmp_path / "run" / "report.html").read_text(encoding="utf-8")
    assert "reverse" in (tmp_path / "run" / "edits.csv").read_text(encoding="utf-8")
    assert changed["peak_share"].between(1 / 16, 1).any()
    assert gs.read_summary(tmp_path / "run").maps["gated"]["peak_share"].n > 0
    assert "grad-cam-elementwise" in (tmp_path / "run" / "study.yaml").read_text(encoding="utf-8")


@pytest.mark.usefixtures("followed")
def test_the_fusion_does_what_it_says(build: Build) -> None:
    structure_is_true(build, "text-gate")


@pytest.mark.usefixtures("followed")
def test_the_method_is_its_formula_in_loops(build: Build) -> None:
    model = build("early-fusion", size=64)
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    name = known_name(METHODS, "Grad-CAM element-wise", "method")
    maps = gs.explain(model, Image.fromarray(pixels), ["apple pie", "red tomato ketchup"], method=name)
    assert (maps.raw >= 0).all()
    assert (maps.noise > 0).all()
    products = gs.explain(model, Image.fromarray(pixels), ["apple pie", "red tomato ketchup"], method="hires-cam")
    assert (maps.raw >= products.raw - maps.noise).all(), "a sum without its negative terms"
    assert not np.allclose(maps.raw, products.raw)


@pytest.mark.usefixtures("followed")
@pytest.mark.parametrize(
    ("title", "reversed_"),
    [("apple pie", "pie apple"), ("pie", None), ("", None), ("a b a", None), ("a  b c", "c b a")],
)
def test_the_edit_turns_words_round(title: str, reversed_: str | None) -> None:
    found = edit("reverse", Pair("a", b"", title, "pie", "test"))
    assert (found.text if found else None) == reversed_


@pytest.mark.usefixtures("followed")
def test_the_measure_is_that_of_its_docstring() -> None:
    spread: Any = importlib.import_module("gazeshift.measures.spread")
    raw = np.random.default_rng(0).normal(size=(5, 3, 4))
    raw[2] = -1
    slowly = [
        max(max(row) for row in one) / sum(max(v, 0) for v in one.flat) if (one > 0).any() else np.nan for one in raw
    ]
    np.testing.assert_allclose(spread.peak_share(distribution(raw)), slowly)
    assert isinstance(spread.peak_share(distribution(raw[0])), np.ndarray), "of a single map, too"
    example = doctest.DocTestFinder().find(
        spread.peak_share, "peak_share", globs=vars(spread) | {"peak_share": spread.peak_share}
    )
    assert doctest.DocTestRunner().run(example[0]) == doctest.TestResults(failed=0, attempted=1)


@pytest.mark.usefixtures("followed")
def test_the_measure_is_in_the_tables_of_analyse(tmp_path: Path) -> None:
    raw = np.random.default_rng(0).normal(size=(4, 2, 3))
    words = [("a", "x"), ("a", "y"), ("b", "x"), ("b", "y")]
    rows = [
        {"key": key, "label": "l", "text": text, "class": "l", "logit": 0.5, "map": one}
        for (key, text), one in zip(words, raw, strict=True)
    ]
    write_maps(rows, tmp_path / "maps.parquet")
    summary = scan_files([tmp_path / "maps.parquet"], tmp_path / "out")
    wanted = [one.max() / np.maximum(one, 0).sum() if one.max() > 0 else np.nan for one in raw]
    found = pd.read_parquet(tmp_path / "out" / "measures-0.parquet")["peak_share"]
    np.testing.assert_allclose(found, wanted, rtol=1e-3)  # maps are stored in half precision
    assert summary["files"][0]["measures"]["peak_share"]["mean"] == pytest.approx(np.nanmean(wanted), rel=1e-3)
    cells = pd.read_parquet(tmp_path / "out" / "cells.parquet")
    assert (cells["measure"] == "peak_share").sum() > 0


def map_of_the_house() -> list[list[str]]:
    """Names line by line, between the rules."""
    (block,) = under("## How the code is organised")
    storeys = block.source.split("---\n")
    return [[name for line in storey.splitlines() for name in line.split("  ")[0].split(", ")] for storey in storeys]


def test_every_part_of_the_house_is_on_the_map_at_its_storey() -> None:
    storeys = map_of_the_house()
    named = {name: level for level, names in enumerate(reversed(storeys)) for name in names}
    assert named == LEVEL
    assert sum(map(len, storeys)) == len(LEVEL), "each once"
    (block,) = under("## How the code is organised")
    assert len([line for line in block.source.splitlines() if line != "---"]) <= 20
