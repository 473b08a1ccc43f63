"""Pairs of words against a slow loop; where words do not act together, exactly 0."""

from collections.abc import Callable

import numpy as np
import pytest
from tests.saliency.own_model import make, picture

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.saliency.word_pairs import word_pairs

LEFT = {(0, 1): ("b c", "a c", "c"), (0, 2): ("b c", "a b", "b"), (1, 2): ("a c", "a b", "a")}


@pytest.mark.parametrize("ours", [False, True])
def test_a_pair_is_its_four_texts(ours: bool, build: Callable[..., gs.Classifier]) -> None:
    words = ("apple", "pie", "cream") if ours else ("犬", "cat", "red")
    model, target = (build("early-fusion"), "baklava") if ours else (make(), "y")

    def say(short: str) -> str:
        return " ".join(dict(zip("abc", words, strict=True))[letter] for letter in short.split())

    found = word_pairs(model, picture(), say("a b c"), target)
    assert (found.words, found.pairs) == (words, tuple(LEFT))
    for index, pair in enumerate(found.pairs):
        four = [gs.explain(model, picture(), [say(short)], target) for short in ("a b c", *LEFT[pair])]
        logits, raw = [one.rows[0].logit for one in four], [one.raw[0] for one in four]
        assert found.logit[index] == pytest.approx(logits[0] - logits[1] - logits[2] + logits[3], abs=1e-4)
        largest = max(abs(one).max() for one in raw)
        np.testing.assert_allclose(found.maps[index], raw[0] - raw[1] - raw[2] + raw[3], atol=1e-4 * largest)
    assert abs(found.logit).max() > 0


def test_words_of_an_additive_head_do_not_act_together_on_the_map(build: Callable[..., gs.Classifier]) -> None:
    assert abs(word_pairs(build("late-fusion"), picture(), "apple pie with cream").maps).max() == 0


@pytest.mark.parametrize("text", ["", "dog"])
def test_one_word_is_no_pair(text: str) -> None:
    with pytest.raises(UsageError, match="at least"):
        word_pairs(make(), picture(), text)
