"""What a head says it can do is what it does."""

from collections.abc import Callable

import pytest
import torch

from gazeshift.errors import UsageError
from gazeshift.models import HEADS, Classifier, HeadSpec, TextSpec
from gazeshift.models.fusions import Widths

Build = Callable[..., Classifier]


@pytest.mark.parametrize("head", HEADS)
def test_structure_is_true(build: Build, head: str) -> None:
    model = build(head, image="none" if head == "text-only" else "small_cnn").double()
    pixels = torch.randn(2, 3, 64, 64, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    tokens = model.tokenize(["apple pie", "red tomato ketchup"])
    with torch.no_grad():
        image, text = model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask)
        logits = torch.stack(
            [model.classify(image, text.rows(torch.tensor([index, index]))) for index in (0, 1)], dim=1
        )  # image, text, class
    moved_by_image = float((logits[0] - logits[1]).abs().max())
    moved_by_text = float((logits[:, 0] - logits[:, 1]).abs().max())
    together = float((logits[1, 1] - logits[1, 0] - logits[0, 1] + logits[0, 0]).abs().max())
    assert (moved_by_image > 1e-6) is model.structure.sees_image
    assert (moved_by_text > 1e-6) is model.structure.reads_text
    assert (together < 1e-12) is model.structure.additive
    assert model.structure.sentence.endswith(".")


def test_late_fusion_is_the_mean_of_two_towers(build: Build) -> None:
    model = build("late-fusion")
    tokens = model.tokenize(["apple pie"])
    with torch.no_grad():
        image = model.encode_image(torch.randn(1, 3, 64, 64))
        text = model.encode_text(tokens.ids, tokens.mask)
        towers = model.head.image(model.trunk.pool(image)), model.head.text(text.pooled)
        torch.testing.assert_close(model.classify(image, text), torch.stack(towers).mean(0))


def test_early_fusion_is_gallos(build: Build) -> None:
    """Linear on the image, concatenation with the text, linear with ReLU, linear."""
    model = build("early-fusion", text=TextSpec(width=16, heads=2))
    narrow, first, last = model.head.image[1], model.head.joint[0], model.head.joint[2]
    assert (narrow.in_features, narrow.out_features) == (256, 8)
    assert (first.in_features, first.out_features) == (8 + 16, 32)
    assert (last.in_features, last.out_features) == (32, 5)
    tokens = model.tokenize(["apple pie"])
    with torch.no_grad():
        image = model.encode_image(torch.randn(1, 3, 64, 64))
        text = model.encode_text(tokens.ids, tokens.mask)
        joint = torch.cat([narrow(image.grid.mean((2, 3))), text.pooled], 1)
        torch.testing.assert_close(model.classify(image, text), last(first(joint).clamp(min=0)))


def test_forward_is_the_three_parts(build: Build) -> None:
    model = build("early-fusion")
    tokens, pixels = model.tokenize(["apple pie"]), torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        parts = model.classify(model.encode_image(pixels), model.encode_text(tokens.ids, tokens.mask))
        assert torch.equal(model(pixels, tokens.ids, tokens.mask), parts)


def test_an_unknown_head_is_named(build: Build) -> None:
    with pytest.raises(UsageError, match="Did you mean 'early-fusion'"):
        build("early-fusoin")


def test_a_seed_makes_a_head_and_leaves_the_callers_random_state_alone(build: Build) -> None:
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first, again, other = build(seed=1), build(seed=1), build(seed=2)
    assert torch.equal(torch.get_rng_state(), before)
    weights = [model.head.joint[0].weight for model in (first, again, other)]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_dropout_behind_the_hidden_layer_is_kept_in_a_spec_only_if_it_is_used() -> None:
    """So models from before there was such a setting keep their digests."""
    assert "hidden_dropout" not in HeadSpec(head="text-only").model_dump()
    again = HeadSpec(**HeadSpec(head="text-only", hidden_dropout=0.5).model_dump())
    widths = Widths(vector=0, channels=0, cells=0, text=5, classes=3)
    layers = HEADS["text-only"].build(widths, again).layers
    assert [type(layer).__name__ for layer in layers] == ["Dropout", "Linear", "ReLU", "Dropout", "Linear"]
