from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.saliency.gates import gate_account

Build = Callable[..., gs.Classifier]
PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8))


@pytest.mark.parametrize(
    ("image", "size"), [("small_cnn", 64), ("resnet18", 64), ("convnext_atto", 64), ("vit_tiny_patch16_224", 64)]
)
@pytest.mark.parametrize("target", ["reference", "ceviche"])
def test_the_flipped_gates_account_for_the_whole_change(build: Build, image: str, size: int, target: str) -> None:
    model = build(head="early-fusion", image=image, size=size)
    before, after = "apple pie with cream", "a bowl of green edamame"
    account = gate_account(model, PICTURE, before, after, target)
    maps = gs.explain(model, PICTURE, [before, after], target=target, method="grad-cam")
    change = maps.raw[1] - maps.raw[0]
    assert len(account.units) > 0
    assert abs(account.total - change).max() <= 1e-5 * abs(maps.raw[:2]).max()
    assert maps.classes[maps.rows[0].target] == account.explained


def test_the_way_back_is_the_change_with_the_other_sign(build: Build) -> None:
    model = build(head="early-fusion")
    there = gate_account(model, PICTURE, "apple", "red tomato ketchup", "ceviche")
    back = gate_account(model, PICTURE, "red tomato ketchup", "apple", "ceviche")
    assert (there.units == back.units).all()
    assert (there.opened == ~back.opened).all()
    np.testing.assert_array_equal(there.maps, -back.maps)


def test_the_same_text_flips_nothing(build: Build) -> None:
    account = gate_account(build(head="early-fusion"), PICTURE, "apple", "apple")
    assert len(account.units) == 0
    assert (account.total == 0).all()


@pytest.mark.parametrize("head", ["early-linear", "late-fusion", "image-mlp"])
def test_other_heads_say_so(build: Build, head: str) -> None:
    with pytest.raises(UsageError, match="one hidden ReLU layer"):
        gate_account(build(head=head), PICTURE, "a", "b")
