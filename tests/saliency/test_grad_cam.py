"""Grad-CAM, derived again slowly, and what must not change it."""

from collections.abc import Callable
from itertools import product

import pytest
import torch
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models import BoundClassifier, ImageFeatures
from gazeshift.saliency import Rows, class_logits, compute_maps

Tiny = Callable[..., object]


def every_row(images: int, texts: int, classes: int) -> Rows:
    index = torch.tensor(list(product(range(images), range(texts), range(classes))))
    return Rows(index[:, 0], index[:, 1], index[:, 2])


def slow_grad_cam(encoded, image: int, text: int, target: int) -> tuple[Tensor, float]:
    """Equations 1 and 2 of Selvaraju et al. 2017 with central differences and loops; no autograd."""
    grid = encoded.image.grid[image : image + 1]
    words = encoded.text.rows(torch.tensor([text]))

    def logit(changed: Tensor) -> float:
        with torch.no_grad():
            return float(encoded.model.classify(ImageFeatures(changed.clone()), words)[0, target])

    channels, height, width = grid.shape[1:]
    step = 1e-5
    out = torch.zeros(height, width, dtype=torch.float64)
    for k in range(channels):
        alpha = 0.0
        for i, j in product(range(height), range(width)):
            up, down = grid.clone(), grid.clone()
            up[0, k, i, j] += step
            down[0, k, i, j] -= step
            alpha += (logit(up) - logit(down)) / (2 * step) / (height * width)
        for i, j in product(range(height), range(width)):
            out[i, j] += alpha * grid[0, k, i, j]
    return out, logit(grid)


@pytest.mark.parametrize("tail", ["mean", "flatten", "in-place"])
@pytest.mark.parametrize("head", ["early-fusion", "late-fusion", "image-mlp"])
def test_equals_finite_differences(tiny: Tiny, head: str, tail: str) -> None:
    encoded = tiny(head, tail)
    rows = Rows(torch.tensor([0, 1, 1]), torch.tensor([0, 1, 3]), torch.tensor([2, 0, 4]))
    computed = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), rows, "grad-cam")
    for index, (image, text, target) in enumerate([(0, 0, 2), (1, 1, 0), (1, 3, 4)]):
        expected, logit = slow_grad_cam(encoded, image, text, target)
        torch.testing.assert_close(computed.maps[index], expected, rtol=0, atol=1e-7 * float(expected.abs().max()))
        assert float(computed.scores[index]) == pytest.approx(logit, rel=1e-9)


def test_the_tails_are_told_apart(tiny: Tiny) -> None:
    assert [tiny(tail=tail).model.pools_first for tail in ("mean", "flatten", "in-place")] == [True, False, False]


def test_closed_form_equals_the_whole_grid(tiny: Tiny) -> None:
    encoded, rows = tiny(tail="mean"), every_row(2, 4, 5)
    closed = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), rows)
    encoded.model.pools_first = False
    whole = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), rows)
    torch.testing.assert_close(closed.maps, whole.maps, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(closed.scores, whole.scores, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("tail", ["mean", "flatten"])
def test_all_at_once_equals_one_at_a_time(tiny: Tiny, tail: str) -> None:
    encoded, rows = tiny(tail=tail), every_row(2, 4, 5)
    at_once = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), rows).maps
    for index in range(len(rows)):
        alone = compute_maps(
            BoundClassifier(encoded.model, encoded.image, encoded.text), rows.part(index, index + 1)
        ).maps
        torch.testing.assert_close(at_once[index], alone[0], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("tail", ["mean", "flatten"])
def test_chunks_do_not_show(tiny: Tiny, tail: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gazeshift.saliency.closed.Closed.of", lambda bound, rows: None)  # it has a test of its own
    encoded, rows = tiny(tail=tail), every_row(2, 4, 5)
    whole = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), rows)
    logits = class_logits(BoundClassifier(encoded.model, encoded.image, encoded.text), len(encoded.text))
    monkeypatch.setattr("gazeshift.saliency.probe.CHUNK_BYTES", 3 * 4 * 6 * (1 if tail == "mean" else 16))
    calls = []
    monkeypatch.setattr(
        encoded.model, "classify", lambda *args, real=encoded.model.classify: calls.append(1) or real(*args)
    )
    chunked = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), rows)
    assert len(calls) == 14, "40 rows, three at a time"
    torch.testing.assert_close(chunked.maps, whole.maps, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(chunked.scores, whole.scores, rtol=1e-12, atol=1e-14)
    torch.testing.assert_close(
        class_logits(BoundClassifier(encoded.model, encoded.image, encoded.text), len(encoded.text)),
        logits,
        rtol=1e-12,
        atol=1e-14,
    )


def test_class_logits_are_the_forward_pass(tiny: Tiny) -> None:
    encoded = tiny(tail="flatten")
    logits = class_logits(BoundClassifier(encoded.model, encoded.image, encoded.text), len(encoded.text))
    assert logits.shape == (2, 4, 5)
    for image, text in product(range(2), range(4)):
        one, other = encoded.image.rows(torch.tensor([image])), encoded.text.rows(torch.tensor([text]))
        with torch.no_grad():
            torch.testing.assert_close(logits[image, text], encoded.model.classify(one, other)[0])


@pytest.mark.parametrize("tail", ["mean", "flatten"])
@pytest.mark.parametrize("head", ["image-only", "image-mlp", "early-linear", "late-fusion"])
def test_additive_heads_do_not_move_a_fixed_class(tiny: Tiny, head: str, tail: str) -> None:
    encoded, rows = tiny(head, tail), every_row(2, 4, 5)
    assert encoded.model.structure.additive
    maps = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), rows).maps.view(2, 4, 5, 4, 4)
    peak = maps.abs().amax()
    assert float((maps - maps[:, :1]).abs().max() / peak) < 1e-14


def test_early_fusion_moves_a_fixed_class(tiny: Tiny) -> None:
    encoded, rows = tiny("early-fusion"), every_row(2, 4, 5)
    assert not encoded.model.structure.additive
    maps = compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), rows).maps.view(2, 4, 5, 4, 4)
    assert float((maps[:, 1] - maps[:, 0]).abs().max() / maps.abs().amax()) > 1e-3


def test_within_class_change_is_the_flipped_gates(tiny: Tiny) -> None:
    """PROTOCOL: under mean pooling and one ReLU layer, ``L1 - L0 = sum over flipped units of +-W2[c, j] D_j``."""
    encoded = tiny("early-fusion")
    model, grid = encoded.model, encoded.image.grid[0]
    narrow, first, last = model.head.image[1], model.head.joint[0], model.head.joint[2]
    with torch.no_grad():
        image = narrow(grid.mean((1, 2)))
        gates = [first(torch.cat([image, encoded.text.pooled[t]])) > 0 for t in (0, 1)]
        into_unit = first.weight[:, : len(image)] @ narrow.weight  # image channels to hidden units
        D = torch.einsum("jk,khw->jhw", into_unit, grid) / grid[0].numel()
        flipped = gates[1].double() - gates[0].double()
        expected = torch.einsum("j,jhw->hw", last.weight[2] * flipped, D)
    assert flipped.any()
    rows = Rows(torch.tensor([0, 0]), torch.tensor([0, 1]), torch.tensor([2, 2]))
    maps = compute_maps(BoundClassifier(model, encoded.image, encoded.text), rows).maps
    torch.testing.assert_close(maps[1] - maps[0], expected, rtol=1e-9, atol=1e-12)


def test_an_unknown_method_is_named(tiny: Tiny) -> None:
    encoded = tiny()
    with pytest.raises(UsageError, match="Did you mean 'grad-cam'"):
        compute_maps(BoundClassifier(encoded.model, encoded.image, encoded.text), every_row(1, 1, 1), "gradcan")
