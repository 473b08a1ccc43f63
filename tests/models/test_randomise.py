"""A model with one part made random: that part is new, the others are the same objects, and the model itself is untouched."""

from collections.abc import Callable

import pytest
import torch

from gazeshift.errors import ModelError
from gazeshift.models import Classifier, ImageSpec, TextSpec, build_trunk
from gazeshift.models.image import TokenTrunk
from gazeshift.models.randomise import cascade, with_random_encoder, with_random_head

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
