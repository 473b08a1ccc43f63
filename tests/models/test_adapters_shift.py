"""Shifts of models from outside: the four maps by a plain hook, and a gazeshift classifier seen as a model from outside."""

import math

import pytest
import torch
from torch import Tensor, nn

from gazeshift.errors import UsageError
from gazeshift.measures import decompose
from gazeshift.models.adapters import wrap
from gazeshift.saliency import shift_inputs
from tests.models.outside_model import Fusion, by_hook, seeded, some_ids, some_images


def contrasted(count: int) -> Tensor:
    """Images that differ enough for some maps to be positive somewhere."""
    return 4 * torch.randn(count, 3, 21, 25, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("early", [False, True])
def test_the_four_maps_are_those_of_a_hook(early: bool) -> None:
    model = seeded(lambda: Fusion(early))
    with torch.no_grad():
        model.words.weight.mul_(8)  # so that texts switch the class
    images, ids = contrasted(8), some_ids()[[0, 1, 2, 0, 1, 2, 0, 1]]
    changed = ids.roll(1, 0)
    shifts = shift_inputs(
        wrap(model, "layer", image="pixels", text="ids"), images, ids, changed, classes=("a", "b", "c")
    )
    assert {shift.switched for shift in shifts} == {False, True}, "these texts make the comparison empty"
    assert sum(math.isfinite(shift.js_bits) for shift in shifts) >= 3, "too few defined maps to compare"
    for row, shift in enumerate(shifts):
        image, texts = images[row : row + 1], (ids[row : row + 1], changed[row : row + 1])
        classes = [int(model(image, text).argmax()) for text in texts]
        maps = [
            by_hook(model.layer, lambda x=image, t=text, c=target: model(x, t)[0, c])
            for text in texts
            for target in classes
        ]
        expected = decompose(*maps)
        assert (shift.before, shift.after) == tuple("abc"[target] for target in classes)
        for found, wanted in (
            (shift.js_bits, expected.both),
            (shift.switch, expected.switch),
            (shift.within, expected.within),
        ):
            assert found == pytest.approx(float(wanted), abs=1e-4, nan_ok=True)


def test_a_text_that_does_not_change_shifts_nothing() -> None:
    wrapped, images = wrap(seeded(Fusion), "layer", image="pixels", text="ids"), contrasted(6)
    texts = some_ids().repeat(2, 1)
    shifts = [shift for shift in shift_inputs(wrapped, images, texts, texts.clone()) if not math.isnan(shift.js_bits)]
    assert shifts, "no map of these is defined"
    assert all((shift.js_bits, shift.switch, shift.within, shift.switched) == (0, 0, 0, False) for shift in shifts)


def test_a_model_of_one_score_never_switches() -> None:
    class Score(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = Fusion()

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            return self.net(pixels, ids)[:, 0]

    wrapped = wrap(seeded(Score), "net.layer", image="pixels", text="ids")
    shifts = shift_inputs(wrapped, some_images(), some_ids()[:1], some_ids()[1:2])
    assert not any(shift.switched for shift in shifts)
    assert all(shift.before == "0" for shift in shifts)


def test_wrong_rows_and_names_are_refused() -> None:
    wrapped = wrap(seeded(Fusion), "layer", image="pixels", text="ids")
    with pytest.raises(UsageError, match="after: 3 texts for 2 images"):
        shift_inputs(wrapped, some_images(), some_ids()[:1], some_ids())
    for names in (("a", "b"), ("a", "b", "b")):
        with pytest.raises(UsageError, match="2 different names for a model of 3 classes"):
            shift_inputs(wrapped, some_images(), some_ids()[:1], some_ids()[:2], classes=names)
    with pytest.raises(UsageError, match="no image"):
        shift_inputs(wrapped, some_images()[:0], some_ids()[:1], some_ids()[:1])
