"""Sorting and filtering against doing it by hand, on tables drawn at random."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.app.findings import WHICH, AskFindings, findings_of
from gazeshift.errors import UsageError

LABELS = ("pie", "soup")


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    rows = [
        {
            "model": model, "seed": seed, "key": f"{key}.jpg", "label": LABELS[rng.integers(2)], "edit": edit, "text": f"{edit} {key}",
            "predicted": LABELS[rng.integers(2)], "switched": float(rng.integers(2)), "defined": bool(rng.integers(2)),
            "js_distance": rng.choice([np.nan, 0.0, 0.25, 0.5]), "mask_excess": np.nan,
        }
        for model in ("a", "b") for seed in (3, 4) for key in range(6) for edit in ("original", "colour", "empty")
    ]  # fmt: skip
    return pd.DataFrame(rows)


@given(tables(), st.booleans(), st.sampled_from(["", *LABELS]), st.sets(st.sampled_from(list(WHICH))))
def test_the_order_and_the_filters(measures: pd.DataFrame, rising: bool, label: str, which: set[str]) -> None:
    known = {f"{key}.jpg" for key in range(5)}
    asked = AskFindings(model="a", edit="colour", rising=rising, label=label, which=tuple(which))
    total, found = findings_of(measures).ranked(asked, known)
    expected = []
    for _, row in measures.iterrows():
        mine = row["model"] == "a" and row["seed"] == 3 and row["edit"] == "colour" and row["key"] in known
        facts = {
            "switched": row["switched"] == 1, "kept": row["switched"] == 0, "undefined": not row["defined"],
            "wrong": row["predicted"] != row["label"], "right": row["predicted"] == row["label"],
        }  # fmt: skip
        if mine and label in ("", row["label"]) and all(facts[name] for name in which):
            expected.append(row["key"])
    assert total == len(found) == len(expected)
    assert sorted(one.key for one in found) == sorted(expected)
    values = [one.value for one in found]
    there = [value for value in values if value is not None]
    assert values == there + [None] * (len(values) - len(there))  # what has no value comes last
    assert there == sorted(there, reverse=not rising)
    assert not any(math.isnan(value) for value in there)


def test_only_measures_with_a_value_are_offered_and_unknown_names_refused() -> None:
    measures = pd.DataFrame(
        {
            "model": "a", "seed": 0, "key": ["1", "1"], "label": "pie", "edit": ["original", "colour"], "text": "x", "predicted": "pie",
            "switched": 0.0, "defined": True, "js_distance": [0.0, 0.5], "mask_excess": np.nan,
        }
    )  # fmt: skip
    found = findings_of(measures)
    assert list(found.measures) == ["js_distance"]
    assert found.edits == ["colour"]
    for wrong in ({"model": "b"}, {"edit": "original"}, {"measure": "mask_excess"}, {"which": ("x",)}):
        with pytest.raises(UsageError):
            found.ranked(AskFindings(**{"model": "a", "edit": "colour", **wrong}), ["1"])
    with pytest.raises(UsageError, match="changed no text"):
        findings_of(measures[:1])
