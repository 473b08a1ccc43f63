"""Every block of the documentation runs as it stands, page by page, in order; the few that cannot are named with their reason."""

import shlex
import timeit
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from gazeshift.edits import find_lexicon
from gazeshift.instrument import run as runner
from gazeshift.instrument.expectations import EXPECTATIONS
from gazeshift.instrument.rows import ROWS
from gazeshift.study.load import read_study
from tests.conftest import Command
from tests.docs.blocks import PAGES, Block, blocks_of, run_python
from tests.tiny_study import write_yaml

pytestmark = pytest.mark.slow

BLOCKS = [block for page in PAGES for block in blocks_of(page)]
RUNNING = {"python", "console"}
WITH_CODE = [page for page in PAGES if any(block.language in RUNNING for block in blocks_of(page))]

SMALL_STUDY = {
    "data.limit": "6", "data.workers": "1", "data.validation": "0.2", "preprocessing.size": "48",
    "image": "{name: small_cnn, features: standardised}", "head": "{image_width: 0, hidden: 16}", "text.max_tokens": "16",
    "models": "{image-only: null, early-fusion: null}", "seeds": "[0]", "training.epochs": "1",
    "explain.edits": "[paraphrase, other-class]", "explain.images": "6", "explain.samples": "1",
    "explain.modifiers": "0", "explain.windows": "2",
}  # fmt: skip
SMALL_PLATES = {
    "data.plates": "{size: 48, train: 48, test: 12, n_dishes: 4, mix: {colour: 0.5, position: 0.5}}", "data.limit": "null",
    "pretrain": "null", "explain.modifiers": "2", "seeds": "[0, 1]",
}  # fmt: skip
# Commands that take minutes or hours as they stand are given these settings besides, which go over the ones on the page.
SMALL: dict[str, dict[str, str]] = {
    "gazeshift study configs/food10.yaml": SMALL_STUDY,
    "gazeshift study configs/balance.yaml": SMALL_STUDY,
    "gazeshift study configs/mosaics.yaml": SMALL_STUDY,
    "gazeshift study configs/claims.yaml": SMALL_STUDY,
    "gazeshift study configs/claims-finetuned.yaml": SMALL_STUDY | {"training.frozen_until": "features.3"},
    "gazeshift study configs/claims-plates.yaml": SMALL_STUDY | SMALL_PLATES,
    "gazeshift study configs/paper.yaml": SMALL_STUDY | {"image": "{name: small_cnn}"},
}
FEW_MOSAICS = ("--size", "64", "--captions", "class=.5,position=.5", "--workers", "1", "--test", "8")
SMALL_OPTIONS = {
    "gazeshift data mosaic PHOTOS mosaics": (*FEW_MOSAICS, "--train", "24", "--validation", "8"),
    "gazeshift data mosaic PHOTOS halves": (*FEW_MOSAICS, "--train", "8", "--validation", "4"),
    "gazeshift data mosaic PHOTOS control": FEW_MOSAICS,
    "gazeshift benchmark": ("--images", "10"),
    "gazeshift data plates": ("--train", "12", "--test", "4", "--size", "48", "--workers", "1"),
    "gazeshift analyse": ("--threads", "1"),
}
# What no test can run, each with the reason. Nothing else is left out.
UNRUN = {
    "make demo": "minutes; tests/study runs such a study, and the demo's own is run for docs/results.md",
    "make test": "it is what runs this",
    "make test-fast": "a part of it",
    "make check": "continuous integration runs it first; tests/test_checks_of_the_house.py",
    "make setup": "installs packages",
    ".venv/bin/pre-commit install": "changes the repository's hooks; tests/test_checks_of_the_house.py reads them",
    "torchrun --nproc-per-node 2 -m gazeshift train configs/food10.yaml --model early-fusion --set data.root=DIR --out models/ef-0": (
        "starts processes; tests/study/test_train_together.py does"
    ),
    "gazeshift push runs/food10/models/early-fusion/seed-0 me/food10-early-fusion --run runs/food10 --license apache-2.0": (
        "needs the hub; tests/sharing/test_hub.py pushes to one on loopback"
    ),
    "gazeshift import-keras inception_model_weights_0.72.hdf5 --classes data/food101/images/train --out models/gallo-image-only": (
        "a file of 90 MB that others hold; tests/keras_weights writes such ones"
    ),
    "gazeshift import-keras early_fusion_weights_0.92.hdf5 --classes classes.txt --out models/gallo-early-fusion": "the same",
    "python benchmarks/demo_spread.py --out runs/spread": "hours: twelve demos",
}


@pytest.fixture
def instrument_as_expected(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of the instrument, minutes to half an hour of training, find at once what is expected."""

    def found(name: str) -> Callable[[object], dict[str, float]]:
        return lambda _: {
            e.quantity: float("nan") if e.or_undefined else (e.at_least if e.at_least is not None else e.at_most)
            for e in EXPECTATIONS[name]
        }

    monkeypatch.setattr(runner, "ROWS", {name: replace(row, measure=found(name)) for name, row in ROWS.items()})


def overridden(command: str) -> list[str]:
    """The command's words, with what makes it small."""
    words = shlex.split(command)
    for start, settings in SMALL.items():
        if command.startswith(f"{start} "):
            words += [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    for start, options in SMALL_OPTIONS.items():
        if f"{command} ".startswith(f"{start} "):
            words += options
    return words


def run_console(block: Block, gazeshift: Command) -> None:
    for command in block.commands:
        program, *arguments = overridden(command)
        if command in UNRUN:
            continue
        if program == "gazeshift":
            code, _, err = gazeshift(*arguments)
            assert code == 0, f"{block}: {command}: {err}"
        else:
            assert [program, *arguments[:2]] == ["python", "-m", "timeit"], (
                f"{block}: run it, or say under UNRUN why not"
            )
            timeit.main(["-n", "1", "-r", "1", *arguments[2:]])


@pytest.mark.parametrize("page", WITH_CODE, ids=lambda page: page.stem)
@pytest.mark.usefixtures("home", "instrument_as_expected")
def test_the_blocks_of_a_page_run_in_their_order(
    page: Path, gazeshift: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: dict[str, Any] = {}
    for block in blocks_of(page):
        if block.language == "python":
            run_python(block, names, monkeypatch)
        elif block.language == "console":
            run_console(block, gazeshift)


def test_only_what_is_named_is_left_out_and_all_of_it_still_stands() -> None:
    commands = {command for block in BLOCKS if block.language == "console" for command in block.commands}
    assert commands >= UNRUN.keys()
    for start in (*SMALL, *SMALL_OPTIONS):
        assert any(f"{command} ".startswith(f"{start} ") for command in commands), f"{start} is on no page any more"


@pytest.mark.parametrize("block", BLOCKS, ids=str)
def test_every_block_says_what_it_is_written_in(block: Block) -> None:
    assert block.language in {*RUNNING, "yaml", "text", "sql"}  # tests/mapstore/test_sql.py runs those


@pytest.mark.parametrize("block", [block for block in BLOCKS if block.language == "yaml"], ids=str)
def test_settings_can_be_read(block: Block, tmp_path: Path) -> None:
    """A part of a study file, put over a small one; or a lexicon."""
    values = yaml.safe_load(block.source)
    if "kinds" in values:
        file = tmp_path / "lexicon.yaml"
        file.write_text(block.source, encoding="utf-8")
        assert find_lexicon(str(file)).kinds.keys() == values["kinds"].keys()
        return
    read = read_study(write_yaml(tmp_path, **values)).model_dump()
    assert values.keys() <= read.keys()
