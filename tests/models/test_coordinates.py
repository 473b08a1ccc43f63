"""The small CNN's options: coordinate channels, which keep places through pooling, and cells that see their own place alone."""

import pytest
import torch

from gazeshift.errors import ModelError
from gazeshift.models import ImageSpec, build_trunk
from gazeshift.models.small_cnn import Coordinates, SmallCNN

SEEING = ImageSpec(name="small_cnn", options={"coordinates": True})


def test_the_channels_are_the_cell_centres_and_the_images_stay() -> None:
    images = torch.rand(2, 3, 4, 5)
    out = Coordinates()(images)
    assert torch.equal(out[:, :3], images)
    for row in range(4):
        for column in range(5):
            expected = torch.tensor([-1 + (2 * column + 1) / 5, -1 + (2 * row + 1) / 4])
            torch.testing.assert_close(out[:, 3:, row, column], expected.expand(2, 2))


def test_only_with_coordinates_does_a_shifted_picture_pool_to_other_features() -> None:
    torch.manual_seed(0)
    left = torch.zeros(1, 3, 256, 256)
    left[..., 112:144, 96:128] = 1
    right = left.roll(16, 3)  # a whole cell, far from the borders of a net that sees 88 pixels
    for options, moves in (({}, False), ({"coordinates": True}, True)):
        trunk = build_trunk(ImageSpec(name="small_cnn", options=options), 256).eval()
        with torch.no_grad():
            pooled = [trunk.pool(trunk.encode(image)) for image in (left, right)]
        moved = float((pooled[1] - pooled[0]).abs().max() / pooled[0].abs().max())
        assert moved > 1e-3 if moves else moved < 1e-5, "float32 sums of the same numbers in another order"


def test_it_can_be_cut_and_its_weights_keep_their_names() -> None:
    trunk = build_trunk(SEEING.model_copy(update={"tap": "features.3"}), 64)
    assert trunk.encode(torch.zeros(1, 3, 64, 64)).grid.shape == (1, 128, 4, 4)
    assert SmallCNN().state_dict().keys() == SmallCNN(coordinates=True).state_dict().keys()


def test_a_local_cell_sees_its_own_square_and_nothing_else() -> None:
    torch.manual_seed(0)
    images = torch.rand(1, 3, 96, 96)
    changed = images.clone()
    changed[..., 32:48, 64:80] = 0  # the square of row 2, column 4
    for local, cells in ((True, 1), (False, 25)):
        trunk = build_trunk(ImageSpec(name="small_cnn", options={"local": local}), 96).eval()
        with torch.no_grad():
            change = (trunk.encode(images).grid - trunk.encode(changed).grid).abs().sum((0, 1))
        moved = change > 1e-5 * change.max()  # a convolution may sum a neighbour in and out again (Winograd's)
        assert moved[2, 4]
        assert (int(moved.sum()) == 1) if local else (int(moved.sum()) >= cells)


@pytest.mark.parametrize("options", [{"coordinates": "yes"}, {"depth": 3}])
def test_other_options_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ModelError, match="coordinates"):
        build_trunk(ImageSpec(name="small_cnn", options=options), 64)
