"""A trunk's copy without batch norms gives the trunk's own features, follows its weights, and leaves it alone."""

import copy
import gc
import weakref

import pytest
import torch
from torch import nn

from gazeshift.models import ImageSpec, build_trunk
from gazeshift.models.folded import ready
from gazeshift.models.image import GridTrunk
from gazeshift.models.trunk import Trunk

# name, side of the input, tap, batch norms, how many of them remain: what follows something else than a convolution, or comes after the tap
NETS = [
    ("small_cnn", 64, "last", 6, 0),
    ("inception_v3", 139, "last", 94, 0),
    ("inception_v3_keras", 139, "last", 94, 0),
    ("resnet18", 64, "last", 20, 0),
    ("resnet18", 64, "layer3", 20, 5),
    ("resnetv2_50", 64, "last", 49, 17),
    ("mobilenetv1_100", 64, "last", 27, 0),
    ("mobilenetv3_small_050", 64, "last", 34, 0),
    ("tf_efficientnet_b0", 64, "last", 49, 0),
    ("densenet121", 64, "last", 121, 62),
    ("mixnet_s", 64, "last", 49, 34),
    ("convnext_atto", 64, "last", 0, 0),
    ("swin_tiny_patch4_window7_224", 64, "last", 0, 0),
    ("vit_tiny_patch16_224", 64, "last", 0, 0),
    ("vit_tiny_patch16_224", 64, "blocks.4", 0, 0),
    ("none", 64, "last", 0, 0),
]


def trained(name: str, size: int, tap: str = "last") -> Trunk:
    """A trunk whose statistics are no identity, as training leaves them."""
    torch.manual_seed(0)
    trunk = build_trunk(ImageSpec(name=name, tap=tap), size).eval()
    for norm in norms(trunk):
        norm.running_mean.normal_(0, 0.3)  # type: ignore[union-attr]
        norm.running_var.uniform_(0.5, 2)  # type: ignore[union-attr]
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.3)
    return trunk


def norms(trunk: nn.Module) -> list[nn.BatchNorm2d]:
    return [module for module in trunk.modules() if isinstance(module, nn.BatchNorm2d)]


def assert_same(ours: torch.Tensor, theirs: torch.Tensor, tolerance: float) -> None:
    largest = float(theirs.abs().max()) if theirs.numel() else 0.0  # the empty trunk's grid has no channels
    torch.testing.assert_close(ours, theirs, rtol=0, atol=tolerance * largest)


@pytest.mark.parametrize(("name", "size", "tap", "before", "after"), NETS)
def test_the_copy_is_the_same_function(name: str, size: int, tap: str, before: int, after: int) -> None:
    trunk, images = trained(name, size, tap), torch.randn(2, 3, size, size)
    copied = ready(trunk, images).trunk
    assert (len(norms(trunk)), len(norms(copied))) == (before, after)
    with torch.no_grad():
        single, ours = trunk.encode(images), copied.encode(images)
        # In double precision, folding leaves no doubt: whatever differs is another function.
        exact, images = trunk.double(), images.double()
        double, sure = exact.encode(images), ready(exact, images).trunk.encode(images)
    assert_same(ours.grid, single.grid, 1e-4)
    assert_same(sure.grid, double.grid, 1e-10)
    if double.prefix is not None and sure.prefix is not None:
        assert_same(sure.prefix, double.prefix, 1e-10)


def test_it_follows_the_weights() -> None:
    trunk, images = trained("small_cnn", 64), torch.randn(2, 3, 64, 64)
    first = ready(trunk, images)
    assert ready(trunk, images) is first

    def agrees() -> None:
        with torch.no_grad():
            assert_same(ready(trunk, images).trunk.encode(images).grid, trunk.encode(images).grid, 1e-4)

    optimiser = torch.optim.SGD(trunk.parameters(), lr=0.1)
    trunk.train().encode(images).grid.square().mean().backward()  # also moves the running statistics
    assert ready(trunk.eval(), images) is not first
    agrees()
    optimiser.step()
    agrees()
    trunk.load_state_dict(trained("small_cnn", 64).state_dict())
    agrees()
    norms(trunk)[0].running_mean.data.add_(0.5)  # type: ignore[union-attr]  # no counter tells this
    agrees()


def test_the_trunk_stays_as_it_is() -> None:
    trunk, images = trained("resnet18", 64).train(), torch.randn(2, 3, 64, 64)
    state = copy.deepcopy(trunk.state_dict())
    copied = ready(trunk, images).trunk
    assert trunk.training
    assert not any(module.training for module in copied.modules() if list(module.parameters()))
    assert list(state) == list(trunk.state_dict())
    assert all(torch.equal(value, state[name]) for name, value in trunk.state_dict().items())
    assert all(weight.requires_grad for weight in trunk.parameters())
    trunk.encode(images).grid.sum().backward()
    assert all(weight.grad is not None for weight in trunk.parameters())


def test_it_shares_what_it_does_not_change_and_goes_with_the_trunk() -> None:
    trunk, images = trained("resnet18", 64), torch.randn(2, 3, 64, 64)
    copied = ready(trunk, images).trunk
    own = {tensor.data_ptr() for tensor in (*trunk.parameters(), *trunk.buffers())}
    new = [tensor for tensor in (*copied.parameters(), *copied.buffers()) if tensor.data_ptr() not in own]
    convolutions = [module for module in trunk.modules() if isinstance(module, nn.Conv2d)]
    assert sum(tensor.numel() for tensor in new) == sum(
        module.weight.numel() + module.out_channels for module in convolutions
    )
    transformer = trained("vit_tiny_patch16_224", 64)
    shared = {tensor.data_ptr() for tensor in transformer.parameters()}
    assert {tensor.data_ptr() for tensor in ready(transformer, images).trunk.parameters()} == shared
    gone, copied_gone = weakref.ref(trunk), weakref.ref(copied)
    del trunk, copied, convolutions
    gc.collect()
    assert gone() is None
    assert copied_gone() is None


class Shared(nn.Module):
    """A norm may only be folded if nothing else reads the convolution, and if neither of them is used twice."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.first, self.second = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        there = self.first(images)
        if self.way == "skip connection":
            return self.norm(there) + there
        if self.way == "norm twice":
            return self.norm(self.second(self.norm(there).relu()))
        if self.way == "norm of something else, too":
            return self.norm(there).relu() + self.norm(there.relu().detach())
        if self.way == "convolution twice":
            return self.norm(self.second(self.second(there)))
        if self.way == "changed in place":
            return self.norm(there.add_(1))
        return self.norm(there)


@pytest.mark.parametrize(
    ("way", "remaining"),
    [
        ("skip connection", 1),
        ("norm twice", 1),
        ("norm of something else, too", 1),
        ("convolution twice", 1),
        ("changed in place", 1),
        ("plain", 0),
    ],
)
def test_only_a_norm_that_nothing_else_depends_on_is_folded(way: str, remaining: int) -> None:
    torch.manual_seed(0)
    trunk, images = GridTrunk(Shared(way), 4, channels_last=False).eval(), torch.randn(2, 3, 8, 8)
    norms(trunk)[0].running_mean.normal_()  # type: ignore[union-attr]
    copied = ready(trunk, images).trunk
    assert len(norms(copied)) == remaining
    with torch.no_grad():
        assert_same(copied.encode(images).grid, trunk.encode(images).grid, 1e-4)
