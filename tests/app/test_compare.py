"""Two sides before the same pictures: answers and distances are those of ``explain``, on whole pictures where the models crop."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

import gazeshift as gs
from gazeshift.app.asked import AskApart, Side
from gazeshift.app.house import House
from gazeshift.errors import UsageError
from gazeshift.measures import distribution
from gazeshift.models import Classifier
from gazeshift.pairs import Pair
from tests.conftest import CLASSES


def js_distance(one: np.ndarray, other: np.ndarray) -> float:
    """By its definition, cell by cell."""
    bits = 0.0
    for p, q in zip(distribution(one).ravel(), distribution(other).ravel(), strict=True):
        middle = (p + q) / 2
        bits += sum(each * np.log2(each / middle) / 2 for each in (p, q) if each > 0)
    return float(np.sqrt(max(bits, 0)))


@pytest.mark.parametrize("target", ["predicted", "reference", "label", "baklava"])
def test_two_models_with_two_texts(build: Callable[..., Classifier], pairs: list[Pair], target: str) -> None:
    pairs = [replace(pair, label=CLASSES[place % len(CLASSES)]) for place, pair in enumerate(pairs)]
    house = House.of([build("image-mlp", size=32, seed=2), build("early-fusion", size=32, seed=4)], pairs)
    names = tuple(house.models)
    sides = (Side(model=names[1], text="a photo of {text}"), Side(model=names[0], text="soup"))
    found = house.apart(
        AskApart(pictures=tuple(f"pair-{n}" for n in range(5)), one=sides[0], other=sides[1], target=target), ""
    )
    defined = 0
    for row, pair in zip(found, pairs[:5], strict=True):
        texts = (f"a photo of {pair.text}", "soup")
        first, second = (house.models[side.model].model for side in sides)
        one = gs.explain(first, pair.image, [texts[0]], target, label=pair.label)
        wanted = one.classes[one.rows[0].target] if target == "reference" else target
        other = gs.explain(second, pair.image, [texts[1]], wanted, label=pair.label)
        assert (row.one.text, row.other.text, row.label) == (*texts, pair.label)
        for answer, maps in ((row.one, one), (row.other, other)):
            assert answer.predicted == maps.classes[maps.predicted[0]]
            assert answer.right == (answer.predicted == pair.label)
        assert row.differ == (row.one.predicted != row.other.predicted)
        if one.undefined[0] or other.undefined[0]:
            assert row.js_distance is None
        else:
            defined += 1
            assert row.js_distance == pytest.approx(js_distance(one.raw[0], other.raw[0]), abs=1e-6)
    assert defined


def test_a_side_against_itself_does_not_part(house: House) -> None:
    side = Side(model=list(house.models)[1])
    (row,) = house.apart(AskApart(pictures=("pair-1",), one=side, other=side), "")
    assert row.differ is False
    assert row.js_distance in (None, pytest.approx(0, abs=1e-6))


def test_models_with_other_classes_are_not_said_to_differ(build: Callable[..., Classifier], pairs: list[Pair]) -> None:
    house = House.of([build("early-fusion", size=32), build("early-fusion", size=32, classes=("soup", "pie"))], pairs)
    one, other = (Side(model=name) for name in house.models)
    (row,) = house.apart(AskApart(pictures=("pair-1",), one=one, other=other, target="reference"), "")
    assert (row.differ, row.js_distance, row.other.right) == (None, None, None)
    assert row.other.predicted in ("soup", "pie")


def test_only_pictures_of_the_data_are_compared(house: House, pairs: list[Pair]) -> None:
    name = house.pictures.drop(pairs[0].image)  # type: ignore[arg-type]
    side = Side(model=next(iter(house.models)))
    with pytest.raises(UsageError, match="in the data"):
        house.apart(AskApart(pictures=(name,), one=side, other=side), "")
