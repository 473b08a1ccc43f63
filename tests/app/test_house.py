"""Requests by name: the right model, the right picture, its label, its words, its ready texts."""

from collections.abc import Callable

import numpy as np
import pytest

import gazeshift as gs
from gazeshift.app.asked import Ask, AskEdits, AskWords
from gazeshift.app.house import House
from gazeshift.app.ready import READY
from gazeshift.errors import UsageError
from gazeshift.models import Classifier
from gazeshift.pairs import Pair


def test_a_page_needs_models_that_see(build: Callable[..., Classifier]) -> None:
    with pytest.raises(UsageError, match="at least one model"):
        House.of([])
    with pytest.raises(UsageError, match="sees no image"):
        House.of([build("text-only", size=32)])


def test_two_models_of_one_name_are_told_apart(build: Callable[..., Classifier]) -> None:
    one, two = build(size=32), build(size=32, seed=1)
    house = House.of([one, build("image-only", size=32), two])
    assert [resident.model.model for resident in house.models.values()][::2] == [one, two]
    assert len(house.models) == 3


def test_test_pairs_are_shown_and_titles_come_from_training_pairs(house: House, pairs: list[Pair]) -> None:
    assert [sample.key for sample in house.pictures.samples] == [pair.key for pair in pairs if pair.split == "test"]
    ready = {one.edit: one.text for one in house.edits(AskEdits(picture="pair-0", text="apple pie"))}
    assert list(ready) == list(READY)
    known = {pair.text for pair in pairs if pair.split == "train"}
    assert ready["other-class"] in known
    assert ready["empty"] == ""
    assert ready["colour"] is not None
    assert ready["colour"].endswith("apple pie")


def test_another_draw_gives_other_words_and_the_same_draw_the_same(house: House) -> None:
    def colour(draw: int) -> str | None:
        return next(
            one.text for one in house.edits(AskEdits(picture="pair-0", text="pie", draw=draw)) if one.edit == "colour"
        )

    assert colour(3) == colour(3)
    assert len({colour(draw) for draw in range(10)}) > 2


def test_a_picture_of_the_data_has_a_label_and_a_dropped_one_has_none(house: House, pairs: list[Pair]) -> None:
    name = next(name for name, resident in house.models.items() if resident.model.reads_text)
    dropped = house.pictures.drop(pairs[0].image)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="label"):
        house.gaze(Ask(picture=dropped, model=name, texts=("a",), target="label"), "")
    same = [house.gaze(Ask(picture=picture, model=name, texts=("a", "b")), "").looks for picture in ("pair-0", dropped)]
    assert same[0] == same[1]


def test_words_are_those_of_the_library(house: House, pairs: list[Pair], build: Callable[..., Classifier]) -> None:
    name = next(name for name, resident in house.models.items() if resident.model.reads_text)
    text = "apple pie with cream"
    found = house.words(AskWords(picture="pair-0", model=name, text=text), "")
    model = house.models[name].model.model
    effects = gs.word_effects(model, pairs[0].image, text)
    table = gs.word_regions(model, pairs[0].image, text, (3, 3))
    assert [text[word.start : word.end] for word in found.words] == text.split()
    np.testing.assert_allclose([word.logit for word in found.words], effects.logit, atol=1e-6)
    np.testing.assert_allclose([word.regions for word in found.words], table.interaction, atol=1e-6)
    assert [region.box for region in found.regions][4] == pytest.approx((1 / 3, 1 / 3, 2 / 3, 2 / 3), abs=0.04)
    largest = np.abs([word.change for word in found.words]).max()
    assert largest == pytest.approx(1) or largest == 0


def test_words_without_regions_are_the_same_and_hide_nothing(house: House) -> None:
    name = next(name for name, resident in house.models.items() if resident.model.reads_text)
    asked = AskWords(picture="pair-0", model=name, text="apple pie with cream")
    whole, alone = house.words(asked, ""), house.words(asked.model_copy(update={"regions": False}), "")
    assert whole.regions
    assert alone == whole.model_copy(
        update={"regions": (), "words": tuple(word.model_copy(update={"regions": ()}) for word in whole.words)}
    )


def test_wrong_names_are_answered_in_a_sentence(house: House) -> None:
    for asked in (
        Ask(picture="pair-0", model="nobody", texts=("a",)),
        Ask(picture="pair-0", model=next(iter(house.models)), texts=("a",), method="x"),
    ):
        with pytest.raises(UsageError):
            house.gaze(asked, "")
