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
        wrap(model, "layer", image="pixels", text="ids"),
        images,
        ids,
        changed,
        method="grad-cam",
        classes=("a", "b", "c"),
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


class Score(nn.Module):
    """One number: what speaks for the first class and against the second."""

    def __init__(self, early: bool) -> None:
        super().__init__()
        self.net = Fusion(early)

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        logits = self.net(pixels, ids)
        return logits[:, 0] - logits[:, 1]


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam", "grad-cam++"])
@pytest.mark.parametrize("early", [False, True])
def test_a_model_of_one_score_is_one_of_two_classes(early: bool, method: str) -> None:
    """Its sign is the answer, and each answer is explained by the score in its own direction, as by two logits ``-s`` and ``s``."""
    model = seeded(lambda: Score(early))
    with torch.no_grad():
        model.net.words.weight.mul_(30)
    images, ids = contrasted(6), some_ids()[[0, 1, 2, 0, 1, 2]]
    one, two = (
        wrap(model, "net.layer", image="pixels", text="ids", output=output)
        for output in (None, lambda score: torch.stack([-score, score], 1))
    )
    shifts, expected = (
        shift_inputs(wrapped, images, ids, ids.roll(1, 0), method=method, classes=("no", "yes"))
        for wrapped in (one, two)
    )
    assert [str(shift) for shift in shifts] == [str(shift) for shift in expected]
    signs = [bool(model(image[None], text[None]) > 0) for image, text in zip(images, ids, strict=True)]
    assert [shift.before == "yes" for shift in shifts] == signs
    assert {shift.switched for shift in shifts} == {False, True}, "these texts make the comparison empty"


def test_a_class_that_is_not_a_number_is_never_switched_to() -> None:
    model, images, ids = seeded(Fusion), contrasted(2), some_ids()
    with torch.no_grad():
        model.head[2].bias[1] = torch.nan
    wrapped = wrap(model, "layer", image="pixels", text="ids")
    assert all("1" not in (shift.before, shift.after) for shift in shift_inputs(wrapped, images, ids[:1], ids[1:2]))
    with torch.no_grad():
        model.head[2].bias[:] = torch.nan
    for shift in shift_inputs(wrapped, images, ids[:1], ids[1:2]):
        assert (shift.before, shift.after) == ("not a number", "not a number")
        assert math.isnan(shift.js_bits)


def test_a_shift_says_how_it_was_explained() -> None:
    wrapped = wrap(seeded(lambda: Fusion(early=True)), "layer", image="pixels", text="ids", text_free=True)
    (shift,) = shift_inputs(wrapped, some_images()[:1], some_ids()[:1], some_ids()[1:2])
    assert shift.notes == ()  # one text a pass: nothing is shared, and the promise is not needed
    model = seeded(Fusion)
    model.relu.register_forward_hook(lambda module, given, out: out if torch.is_grad_enabled() else out * 2)
    (shift,) = shift_inputs(
        wrap(model, "layer", image="pixels", text="ids"), some_images()[:1], some_ids()[:1], some_ids()[1:2]
    )
    assert "without gradients the model gives different logits" in shift.notes[0]


def test_wrong_rows_and_names_are_refused() -> None:
    wrapped = wrap(seeded(Fusion), "layer", image="pixels", text="ids")
    with pytest.raises(UsageError, match="after: 3 texts for 2 images"):
        shift_inputs(wrapped, some_images(), some_ids()[:1], some_ids())
    for names in (("a", "b"), ("a", "b", "b")):
        with pytest.raises(UsageError, match="2 different names for a model of 3 classes"):
            shift_inputs(wrapped, some_images(), some_ids()[:1], some_ids()[:2], classes=names)
    with pytest.raises(UsageError, match="at least one image"):
        shift_inputs(wrapped, some_images()[:0], some_ids()[:1], some_ids()[:1])
