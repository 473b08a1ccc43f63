from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models import HEADS
from gazeshift.saliency.text_influence import text_influence
from gazeshift.saliency.words import split_words, word_effects

Build = Callable[..., gs.Classifier]
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8))


def test_each_word_is_the_difference_to_the_text_without_it(build: Build) -> None:
    model = build(head="early-fusion")
    found = word_effects(model, PICTURE, "apple pie  with cream")
    assert found.words == ("apple", "pie", "with", "cream")
    without = ["pie with cream", "apple with cream", "apple pie cream", "apple pie with"]
    whole = gs.explain(model, PICTURE, ["apple pie  with cream"], target=found.explained)
    for index, text in enumerate(without):
        one = gs.explain(model, PICTURE, [text], target=found.explained)
        assert found.logit[index] == pytest.approx(whole.rows[0].logit - one.rows[0].logit, abs=1e-5)
        np.testing.assert_allclose(found.maps[index], whole.raw[0] - one.raw[0], atol=1e-5 * abs(whole.raw[0]).max())


def test_masking_keeps_the_other_words_in_their_places(build: Build) -> None:
    model = build(head="early-fusion")
    found = word_effects(model, PICTURE, "apple pie", how="mask")
    masked = gs.explain(model, PICTURE, ["apple pie", "apple [MASK]"], target=found.explained)
    assert found.logit[1] == pytest.approx(masked.rows[0].logit - masked.rows[1].logit, abs=1e-5)


def test_words_do_not_move_the_map_of_an_additive_head(build: Build) -> None:
    found = word_effects(build(head="late-fusion"), PICTURE, "apple pie with cream")
    assert abs(found.maps).max() == 0
    assert abs(found.logit).max() > 0


@pytest.mark.slow
@given(st.text(max_size=40))
def test_words_are_in_order_and_leave_only_space(text: str) -> None:
    spans = split_words(text)
    assert all(a < b for a, b in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    rest = "".join(character for index, character in enumerate(text) if not any(a <= index < b for a, b in spans))
    assert not rest.strip()


def test_what_has_no_words_says_so(build: Build) -> None:
    with pytest.raises(UsageError, match="at least one word"):
        word_effects(build(), PICTURE, "  ")
    with pytest.raises(UsageError, match="reads no text"):
        word_effects(build(head="image-only"), PICTURE, "pie")
    with pytest.raises(UsageError, match="leave-out"):
        word_effects(build(), PICTURE, "pie", how="guess")


@pytest.mark.parametrize("head", HEADS)
def test_effects_agree_with_the_numbers(build: Build, head: str) -> None:
    found = text_influence(build(head=head))
    assert found.agrees
    assert found.can_move_map is not HEADS[head].structure.additive
    assert (found.largest_change > 1e-3) == found.can_move_map
    assert found.sentence


def test_a_head_that_lies_about_itself_is_found_out(build: Build) -> None:
    model = build(head="early-fusion")
    model.structure = HEADS["early-linear"].structure
    assert not text_influence(model).agrees
