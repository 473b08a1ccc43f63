"""What a comparison of two given models says, from rows."""

import numpy as np
import pandas as pd
import pytest

from gazeshift.edits import Edited
from gazeshift.evaluation.question import MaskReader, Question
from gazeshift.evaluation.viewer import given_viewer
from gazeshift.measures import median_figure
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from gazeshift.report.comparisons import comparison_axis
from gazeshift.resampling import resampling_weights
from gazeshift.runs.summary import Comparison
from gazeshift.study.comparing import compared_in_words, comparison, comparison_rows
from tests.saliency.own_model import picture
from tests.study import given_models


def rows(apart: float, floor: float = 0.1, count: int = 40, **columns: object) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "js_bits": apart + rng.uniform(0, 0.1, count),
            "floor_first": floor + rng.uniform(0, 0.1, count),
            "floor_second": np.nan,
            "differ": [index % 4 == 0 for index in range(count)],
            **columns,
        }
    )


@pytest.mark.parametrize("count", [2, 7, 30])
def test_the_interval_of_a_median_is_that_of_the_resampled_medians(count: int) -> None:
    values = np.random.default_rng(1).normal(size=count).round(1)
    drawn = np.rint(resampling_weights(count, 500, np.random.default_rng(0)) * count).astype(int)
    medians = [np.median(np.repeat(np.sort(values), times)) for times in drawn]
    found = median_figure(np.append(values, np.nan), draws=500)
    assert found.median == np.median(values)
    assert found.interval == pytest.approx(np.quantile(medians, [0.025, 0.975]))
    assert (found.n, found.left_out) == (count, 1)


def test_a_median_of_one_or_none_has_no_interval() -> None:
    assert median_figure(np.array([3.0])).interval is None
    assert median_figure(np.array([np.nan])).median is None


def test_the_floor_is_the_larger_of_a_pairs_two_or_the_only_one() -> None:
    table = rows(0.5, floor_second=[0.3, np.nan] * 20, floor_first=[0.2, 0.25] * 20, js_bits=0.5)
    found = comparison("before", "after", table)
    assert found.excess.median == pytest.approx(np.median([0.5 - 0.3, 0.5 - 0.25]))
    assert (found.floors["after"].n, found.floors["after"].left_out) == (20, 20)
    assert found.differ.mean == 0.25
    assert Comparison.model_validate(found.model_dump(mode="json")) == found


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (rows(0.5), "] more than a paraphrase moves either of them. Their"),
        (rows(0.1), "; beyond noise, that is not shown (0.00"),
        (rows(0.5, floor_first=np.nan), "of 40 pairs). Their answers differ in 25% of 40 pairs."),
        (rows(0.5, js_bits=np.nan), "cannot be compared: no class has a map of both. Their answers"),
    ],
)
def test_a_difference_counts_where_it_exceeds_the_noise(table: pd.DataFrame, words: str) -> None:
    (said,) = compared_in_words([comparison("before", "after", table)])
    assert words in said


def test_the_axis_holds_all_that_is_drawn() -> None:
    axis = comparison_axis([comparison("before", "after", rows(0.1, floor=0.4))])
    assert axis.low <= -0.4
    assert axis.high >= 0.5
    assert axis.low <= 0 <= axis.high


def test_answers_of_models_with_other_classes_are_not_compared() -> None:
    """They could never agree, so how often they differ says nothing."""
    pairs = [Pair(str(key), b"", "a text", "x", "test") for key in range(2)]
    texts = {"original": [Edited(pair.text) for pair in pairs]}
    question = Question(pairs, texts, MaskReader(Preprocessing(size=48), pairs), "default")
    viewers = [given_viewer(make(), lambda row: picture()) for make in (given_models.make, given_models.of_two_classes)]
    found = comparison("one", "two", pd.DataFrame(comparison_rows(*viewers, question)))
    assert (found.differ.mean, found.js_bits.median) == (None, None)
    assert compared_in_words([found]) == ["The maps of one and two cannot be compared: no class has a map of both."]
    same = comparison("one", "one", pd.DataFrame(comparison_rows(viewers[0], viewers[0], question)))
    assert (same.differ.mean, same.js_bits.median) == (0, pytest.approx(0, abs=1e-6))
