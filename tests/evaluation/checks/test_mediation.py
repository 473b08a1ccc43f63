"""The check ``mediation``: every pair as ``gs.mediation`` finds it alone, and the figures of all."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

import gazeshift as gs
from gazeshift.evaluation.checks import CHECKS
from gazeshift.models import HEADS

from ..conftest import COUNT, Case

EDITS = ("paraphrase", "other-class", "colour")
PARTS = ("total", "mediated", "direct", "interaction")
CHECK = CHECKS["mediation"]


def column(rows: pd.DataFrame, measure: str) -> pd.Series:
    return rows[rows["measure"] == measure].set_index("key")["value"]


@pytest.mark.parametrize("head", ["early-fusion", "film", "text-to-image-attention", "late-fusion"])
def test_every_pair_is_as_it_is_alone(case: Callable[..., Case], head: str) -> None:
    here = case(head)
    question, rows = here.subject.question, CHECK.rows(here.subject)
    switches = 0
    for edit in EDITS:
        for index, pair in enumerate(question.pairs):
            text = question.texts[edit][index]
            if text is None:
                assert pair.key not in column(rows, f"{edit}_total")
                continue
            one = gs.mediation(here.subject.model, here.pictures[index], pair.text, text.text)
            for part in PARTS:
                for found, name in ((one.effects, part), (one.switch, f"switch_{part}")):
                    value = column(rows, f"{edit}_{name}")[pair.key]
                    assert value == pytest.approx(getattr(found, part), rel=1e-4, abs=1e-3)
            changed = one.predicted != one.predicted_after
            switches += changed
            for name, answer in (
                ("switched", one.predicted_after),
                ("switched_by_gaze", one.predicted_with_gaze),
                ("switched_by_text", one.predicted_with_text),
            ):
                assert column(rows, f"{edit}_{name}")[pair.key] == (changed and answer == one.predicted_after)
    assert switches > 0 or head != "early-fusion"
    assert set(rows["measure"].str.split("_").str[0]) == set(EDITS)


def test_figures_are_means_and_shares_of_sums(case: Callable[..., Case]) -> None:
    rows = CHECK.rows(case("film").subject)
    louder = rows.assign(seed=1, value=np.where(rows["measure"].str.contains("mediated"), 3, 1) * rows["value"])
    figures = CHECK.figures(pd.concat([rows.assign(seed=0), louder]))
    for edit in EDITS:
        mediated, total = (column(rows, f"{edit}_{part}") for part in ("mediated", "total"))
        share = mediated.sum() / total.sum()
        assert figures[f"{edit}_share"].mean == pytest.approx(2 * share)  # the mean of one and three times it
        assert figures[f"{edit}_total"].mean == pytest.approx(total.mean())
        assert figures[f"{edit}_total"].n == (COUNT if edit != "other-class" else COUNT - 1)
        switched = column(rows, f"{edit}_switch_total")
        if not switched.any():
            assert figures[f"{edit}_switch_share"].mean is None
    assert figures["colour_share"].interval is not None


def test_an_additive_model_mediates_nothing_and_has_a_share_of_0(case: Callable[..., Case]) -> None:
    rows = CHECK.rows(case("early-linear").subject)
    figures = CHECK.figures(rows.assign(seed=0))
    for edit in EDITS:
        assert not column(rows, f"{edit}_mediated").any()
        assert not column(rows, f"{edit}_interaction").any()
        assert figures[f"{edit}_share"].mean == 0
        assert figures[f"{edit}_share"].interval == (0, 0)


def test_without_changed_texts_there_is_nothing(case: Callable[..., Case]) -> None:
    subject = case().subject
    bare = subject.question.with_texts({"original": subject.question.texts["original"]})
    rows = CHECK.rows(type(subject)(**{**vars(subject), "question": bare}))
    assert len(rows) == 0
    assert list(rows.columns) == ["key", "label", "measure", "value"]


@pytest.mark.parametrize("name", HEADS)
def test_it_applies_where_it_is_known_what_a_gaze_does(name: str) -> None:
    structure = HEADS[name].structure
    wanted = structure.reads_text and structure.sees_image and (structure.additive or structure.mediator is not None)
    assert CHECK.applies(structure) is wanted
    assert CHECKS["sanity"].applies(structure)
