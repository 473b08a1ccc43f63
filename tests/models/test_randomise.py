"""A model with one part made random: that part is new, the others are the same objects, and the model itself is untouched."""

import copy
from collections.abc import Callable

import pytest
import torch

from gazeshift.errors import ModelError
from gazeshift.models import Classifier, ImageSpec, TextSpec, build_text, build_trunk
from gazeshift.models.randomise import cascade, rebuilt, redrawn, with_random_encoder, with_random_head
from gazeshift.models.tokens import TokenTrunk
from tests.conftest import WORDS

Build = Callable[..., Classifier]


def changed(before: torch.nn.Module, after: torch.nn.Module) -> set[str]:
    old, new = before.state_dict(), after.state_dict()
    assert list(old) == list(new)
    return {name for name in old if not torch.equal(old[name], new[name])}


@pytest.mark.parametrize(("part", "make"), [("encoder", with_random_encoder), ("head", with_random_head)])
def test_one_part_is_new_and_the_others_are_shared(build: Build, part: str, make: Callable) -> None:
    model = build().double()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    damaged = make(model, 3)
    for name in ("trunk", "encoder", "head", "tokenizer"):
        assert (getattr(damaged, name) is getattr(model, name)) == (name != part)
    assert changed(getattr(model, part), getattr(damaged, part))
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not changed(make(model, 3), damaged)
    assert changed(make(model, 4), damaged)
    assert next(getattr(damaged, part).parameters()).dtype == torch.float64
    assert not any(module.training for module in getattr(damaged, part).modules())


def test_the_callers_random_numbers_are_left_alone(build: Build) -> None:
    model = build()
    state = torch.get_rng_state()
    with_random_encoder(model, 0)
    with_random_head(model, 0)
    list(cascade(model, 0, 2))
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("image", ["small_cnn", ImageSpec(name="small_cnn", tap="features.3"), "vit_tiny_patch16_224"])
def test_the_cascade_goes_from_the_output_to_the_input(build: Build, image: ImageSpec | str) -> None:
    model = build(image=image, seed=1)
    pixels = torch.rand(1, 3, 64, 64)
    before = model.encode_image(pixels).grid
    sets, grids = [], []
    for damaged in cascade(model, 7, 3):
        assert damaged.head is model.head
        assert damaged.encoder is model.encoder
        sets.append(changed(model.trunk, damaged.trunk))
        grids.append(damaged.encode_image(pixels).grid.detach())
    assert len(sets) == 3
    assert sets[0] < sets[1] < sets[2]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        fresh = build_trunk(model.spec.image, 64).eval()
    assert not changed(fresh, damaged.trunk)
    assert torch.equal(fresh.encode(pixels).grid, grids[2])  # also the parts of a cut net, which share its weights
    first = {name.partition(".")[0] for name in sets[0]}
    if isinstance(model.trunk, TokenTrunk):  # the last block, which stands after the tap, goes first
        assert first <= {"last_blocks", "norm", "net"}
        assert "last_blocks" in first
        assert not any(name.startswith(("net.patch_embed", "net.pos_embed")) for name in sets[0])
    else:
        assert not any(name.startswith("net.features.0") for name in sets[1])
    assert torch.equal(model.encode_image(pixels).grid, before)


@pytest.mark.parametrize("draw", [rebuilt, redrawn])
def test_layer_by_layer_weights_and_statistics_are_new(build: Build, draw: Callable) -> None:
    model = build(seed=0)
    with torch.no_grad():
        for layer in model.trunk.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.fill_(0.5)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    count = 0
    for count, step in enumerate(cascade(model, 3, 6, draw), 1):
        same = [
            torch.equal(one.weight, other.weight) and bool(norm.running_mean.any())
            for (one, norm, _), (other, _, _) in zip(step.trunk.net.features, model.trunk.net.features, strict=True)
        ]
        assert same == [True] * (6 - count) + [False] * count
    assert count == 6
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_layers_drawn_as_the_cascade_comes_to_them_are_drawn_from_the_output_back(build: Build) -> None:
    model = build(seed=0)
    *_, last = cascade(model, 3, 6, redrawn)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        for block, found in list(zip(model.trunk.net.features, last.trunk.net.features, strict=True))[::-1]:
            conv = copy.deepcopy(block[0])
            conv.reset_parameters()
            assert torch.equal(conv.weight, found[0].weight)


def test_a_part_made_random_is_that_of_an_untrained_model_of_the_same_seed(build: Build) -> None:
    model, untrained = build(seed=0), build(seed=5)
    assert not changed(with_random_encoder(model, 5).encoder, _encoder_of_seed(model, 5))
    assert not changed(with_random_head(model, 5).head, untrained.head)


def _encoder_of_seed(model: Classifier, seed: int) -> torch.nn.Module:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return build_text(model.spec.text, WORDS).encoder


def test_no_more_stages_than_layers(build: Build) -> None:
    assert len(list(cascade(build(), 0, 1000))) == 12  # six convolutions and six norms


def test_what_cannot_be_made_random_is_told(build: Build) -> None:
    with pytest.raises(ModelError, match="no text encoder"):
        with_random_encoder(build("image-only"), 0)
    blind = build("text-only", image=ImageSpec(name="none"))
    with pytest.raises(ModelError, match="no trunk"):
        next(cascade(blind, 0, 2))
    foreign = build(trunk=build_trunk(ImageSpec(name="resnet18"), 64), text=TextSpec(width=16, heads=2))
    with pytest.raises(ModelError, match="not what 'small_cnn' builds"):
        next(cascade(foreign, 0, 2))
