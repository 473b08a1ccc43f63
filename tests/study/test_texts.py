"""Edited texts in a study: every edit can be asked for, and what a model cannot read of them is said."""

import json
from pathlib import Path

import pandas as pd
import pytest

from gazeshift.data.audit import Audit
from gazeshift.edits import EDITS, WholeWords
from gazeshift.evaluation.reading import with_reading
from gazeshift.models import TokenizerPieces
from gazeshift.models.tokenizer import TextTokenizer, train_tokenizer
from gazeshift.runs.summary import StudyFigures
from gazeshift.study import warnings
from gazeshift.study.load import read_study
from gazeshift.study.sections import ExplainConfig
from gazeshift.study.units import edited_texts
from tests.edits.scene import CORPUS, PAIR, SCENE
from tests.tiny_study import TINY, run_tiny, write_yaml

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study of every edit with an encoder that reads six pieces."""
    folder = tmp_path_factory.mktemp("short")
    changes = {
        "text": {**TINY["text"], "max_tokens": 8},
        "data": {"plates": {"size": 48, "train": 32, "test": 8, "n_dishes": 4}, "validation": 0.2, "workers": 1},
        "models": {"early-linear": None},
        "seeds": [0],
        "explain": {"edits": [name for name in EDITS if name != "original"], "samples": 1},
    }
    run_tiny(folder, folder / "run", **changes)
    return folder / "run"


def test_every_edit_can_be_studied(short: Path) -> None:
    rows = pd.concat(map(pd.read_parquet, (short / "store" / "parts" / "early-linear").glob("measures-*")))
    said = json.loads((short / "run.json").read_text())["warnings"]
    for edit in EDITS:
        assert (rows["edit"] == edit).any() != (
            f"The edit {edit!r} applies to none of these pairs and is left out." in said
        )


def test_texts_cut_short_and_texts_that_read_as_before_are_warned_of(short: Path) -> None:
    rows = pd.concat(map(pd.read_parquet, (short / "store" / "parts" / "early-linear").glob("measures-*")))
    said = json.loads((short / "run.json").read_text())["warnings"]
    assert rows["truncated"].any()
    longer = next(line for line in said if "these changed texts are longer" in line)
    alike = next((line for line in said if "tokenized exactly like the original" in line), "")
    assert longer.startswith("early-linear: ")
    for edit, own in rows[rows["edit"] != "original"].groupby("edit"):
        cut, same = own["truncated"].mean(), own["unchanged"].mean()
        assert (f" {edit} {cut:.1%}" in longer) == (cut > 0)
        assert (f" {edit} {same:.1%}" in alike) == (same > 0)


def test_texts_of_which_the_tokenizer_knows_nothing_are_warned_of() -> None:
    rows = [
        {"model": model, "split": split, "key": key, "truncated": False, "unread": model == "reader" and key == "a"}
        for model in ("reader", "other")
        for split in ("train", "test")
        for key in ("a", "b")
    ]
    said = warnings._texts(pd.DataFrame(rows), StudyFigures(accuracy={}))
    assert said == [
        "reader: 1 of 2 test texts contain no piece that the tokenizer knows, so the model reads nothing of them."
    ]


def test_reading_is_what_the_model_reads() -> None:
    pieces = TokenizerPieces(TextTokenizer(train_tokenizer(["apple pie", "red"], 60), 5))
    texts = {
        "original": "apple pie red",
        "a": "Apple PIE red",
        "b": "apple pie red apple",
        "c": "red apple pie",
        "d": "apple",
    }
    rows = pd.DataFrame([{"key": "x", "edit": edit, "text": text} for edit, text in texts.items()])
    found = with_reading(rows, pieces)
    read = dict(zip(found["edit"], zip(found["unchanged"], found["truncated"], strict=True), strict=True))
    assert read == {
        "original": (False, False),
        "a": (True, False),
        "b": (True, True),
        "c": (False, False),
        "d": (False, False),
    }
    assert not with_reading(rows, None)[["unchanged", "truncated"]].any().any()


def test_texts_do_not_depend_on_the_order_of_the_pairs() -> None:
    pairs = [PAIR, SCENE]
    explain = ExplainConfig(edits=tuple(EDITS))
    forth, back = (edited_texts(some, explain, CORPUS, WholeWords()) for some in (pairs, pairs[::-1]))
    assert forth == {edit: texts[::-1] for edit, texts in back.items()}


@pytest.mark.parametrize(
    ("settings", "frozen"),
    [
        ([], None),
        (["training.trunk=frozen"], "image-only, early-linear, early-fusion"),
        (["models.early-fusion.training.trunk=frozen"], "early-fusion"),
        (["training.trunk=frozen", "weights=w.safetensors"], None),
    ],
)
def test_a_trunk_that_never_learned_is_warned_of(tmp_path: Path, settings: list[str], frozen: str | None) -> None:
    (tmp_path / "w.safetensors").touch()
    at = [setting.replace("w.safetensors", str(tmp_path / "w.safetensors")) for setting in settings]
    study = read_study(write_yaml(tmp_path, pretrain=None), at)
    clean = Audit(".", "", "", {}, {}, {}, None, None, {}, {}, 0, 0, ())
    said = [line for line in warnings._data(study, clean) if "learned nothing about images" in line]
    assert [line.partition(":")[0] for line in said] == ([] if frozen is None else [frozen])
