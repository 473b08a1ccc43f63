"""Phrases removed as a whole: a slow loop over a user's own model says the same, and each mistake is one line."""

from typing import Any

import numpy as np
import pytest
from tests.saliency.own_model import make, picture

import gazeshift as gs
from gazeshift.errors import UsageError


@pytest.mark.parametrize(
    ("text", "spans", "words", "left"),
    [
        ("a red dog on the left", ["red dog", (17, 21)], ("red dog", "left"), ("a on the left", "a red dog on the")),
        ("赤い犬と猫", ["赤い犬", "猫"], ("赤い犬", "猫"), ("と猫", "赤い犬と")),
    ],
)
def test_a_phrase_is_the_difference_to_the_text_without_it(
    text: str, spans: list[Any], words: tuple[str, ...], left: tuple[str, ...]
) -> None:
    found = gs.word_effects(make(), picture(), text, "y", spans=spans)
    assert found.words == words
    whole = gs.explain(make(), picture(), [text], "y")
    for index, shorter in enumerate(left):
        one = gs.explain(make(), picture(), [shorter], "y")
        assert found.logit[index] == pytest.approx(whole.rows[0].logit - one.rows[0].logit, abs=1e-4)
        np.testing.assert_allclose(found.maps[index], whole.raw[0] - one.raw[0], atol=1e-4 * abs(whole.raw[0]).max())


@pytest.mark.parametrize(
    ("spans", "said"),
    [
        (["cat"], "is not in the text"),
        ([""], "is not in the text"),
        (["dog"], "more than once"),
        ([(0, 99)], "holds nothing"),
        ([(3, 3)], "holds nothing"),
        ([(1, 2)], "holds nothing"),
        ([(0, 5), "red"], "overlap"),
        ([], "at least one word"),
        ("red", "give a list"),
    ],
)
def test_a_wrong_span_is_one_line(spans: Any, said: str) -> None:
    with pytest.raises(UsageError, match=said) as error:
        gs.word_effects(make(), picture(), "a red dog dog", spans=spans)
    assert "\n" not in str(error.value)
