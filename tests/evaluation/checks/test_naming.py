"""The check naming: its scores against slow counts, and its rows on an untrained model."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from gazeshift.edits import Edited
from gazeshift.evaluation.checks.naming import naming, scores
from gazeshift.evaluation.checks.subject import Subject
from gazeshift.measures import distribution
from gazeshift.models import BoundClassifier
from gazeshift.report.model_checks import NAMED_METHODS
from gazeshift.saliency import METHODS, PIXEL_METHODS, Rows, compute_maps, row_logits

from ..conftest import Case


def table(**gains: Sequence[float]) -> pd.DataFrame:
    return pd.DataFrame(gains, index=[f"{place}" for place in range(len(next(iter(gains.values()))))])


def test_scores_are_what_counting_gives() -> None:
    rng = np.random.default_rng(0)
    given = table(
        named=rng.standard_normal(50) + 2,
        paraphrase=rng.standard_normal(50),
        shuffle=rng.standard_normal(50),
        nonsense=np.r_[np.nan, rng.standard_normal(49)],
    )
    found = scores(given)
    high = np.quantile(given["paraphrase"], 0.95)
    for row, key in enumerate(given.index):
        mine = given.loc[key]
        nulls = [x for x in (mine["shuffle"], mine["nonsense"]) if np.isfinite(x)]
        still = [mine["paraphrase"], *nulls]
        assert found["gain"][row] == mine["named"] - mine["paraphrase"]
        assert found["sensitivity"][row] == (mine["named"] > high)
        assert found["specificity"][row] == np.mean([x <= high for x in nulls])
        assert found["told_apart"][row] == np.mean([mine["named"] > x for x in still])


def test_a_map_that_nothing_moves_is_at_chance() -> None:
    found = scores(table(named=[0.0] * 4, paraphrase=[0.0] * 4, shuffle=[0.0] * 4))
    assert {name: set(values) for name, values in found.items()} == {
        "gain": {0.0}, "sensitivity": {0.0}, "specificity": {1.0}, "told_apart": {0.5}
    }  # fmt: skip


def test_what_is_undefined_stays_so() -> None:
    found = scores(table(named=[np.nan, 1.0], paraphrase=[0.0, np.nan], shuffle=[np.nan, 0.5]))
    assert np.isnan(found["gain"]).all()
    assert np.isnan(found["sensitivity"][0])
    assert np.isnan(found["told_apart"][0])
    assert found["told_apart"][1] == 1.0


def test_the_report_has_a_column_for_every_method() -> None:
    assert set(NAMED_METHODS) == METHODS.keys() - PIXEL_METHODS


@pytest.fixture
def subject(case: Callable[..., Case]) -> Subject:
    """The small case, with texts that name another object than the pairs' own."""
    found = case().subject
    others: list[Edited | None] = []
    for pair in found.question.pairs:
        another = next((each.index for each in pair.objects if not each.referred), None)
        others.append(None if another is None else Edited(f"number {another}", another))
    texts = {**found.question.texts, "other-object": others}
    return replace(found, question=found.question.with_texts(texts))


def test_the_control_hears_nothing(subject: Subject) -> None:
    rows = naming(subject)
    methods = {str(name).rsplit("_", 1)[0] for name in rows["measure"] if str(name).endswith("_gain")}
    assert {"grad-cam", "hires-cam", "eigen-cam"} <= methods
    assert "rollout" not in methods  # this model has no attention
    gain = rows.loc[rows["measure"] == "eigen-cam_gain", "value"].dropna()
    assert len(gain)
    assert (gain == 0).all()
    apart = rows.loc[rows["measure"] == "eigen-cam_told_apart", "value"].dropna()
    assert (apart == 0.5).all()


def test_a_gain_is_that_of_the_maps_themselves(subject: Subject) -> None:
    rows = naming(subject)
    gain = rows[rows["measure"] == "grad-cam_gain"].set_index("key")["value"]
    compared = 0
    for index, pair in enumerate(subject.question.pairs):
        other, said = (subject.question.texts[edit][index] for edit in ("other-object", "paraphrase"))
        if pair.key not in gain or not np.isfinite(gain[pair.key]) or other is None or said is None:
            continue
        bound = BoundClassifier(subject.model, subject.images([index]), subject.texts([other.text, said.text]))
        zero, each = torch.zeros(2, dtype=torch.long), torch.arange(2)
        classes = row_logits(bound, zero, each).argmax(1)
        raw = compute_maps(bound, Rows(zero, each, classes), "grad-cam").maps.numpy()
        mask = (subject.question.masks(index, *raw.shape[1:]) or {})[other.refers or -1]
        named, floor = ((distribution(one) * mask).sum() for one in raw)
        assert gain[pair.key] == pytest.approx(named - floor, abs=1e-5)
        compared += 1
    assert compared


def test_a_model_that_is_told_nothing_has_no_rows(subject: Subject) -> None:
    question = subject.question.with_texts({"original": subject.question.texts["original"]})
    assert naming(replace(subject, question=question)).empty
