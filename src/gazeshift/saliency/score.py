"""Maps from the explained logit of changed images and grids. The class and the text enter through these logits alone; no gradient.

Score-CAM, occlusion and RISE show the trunk masked images (``Bound.pixels``). Hidden pixels become 0 in the trunk's input: the mean
colour of the model's normalisation. A masked image goes through the trunk once, whatever the number of texts.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import interpolate

from gazeshift.saliency.affine import before_affine
from gazeshift.saliency.probe import Probe

_MASKS = 64  # made, and held in the image's size, at once


def ablation_cam(probe: Probe) -> Float[Tensor, "r h w"]:
    """Ablation-CAM: ``L = sum_k w_k A_k``, ``w_k = y - y_k`` with ``y_k`` the logit where channel k is 0 in every cell. Signed.

    Desai and Ramaswamy, "Ablation-CAM", WACV 2020, equation 4, without its division by ``y``: it changes no location, but would flip the
    map's sign if the logit is negative. Sees what the gradient does not: a hidden unit's gate held open by a single channel. On features
    that a model centres, 0 is the mean of the training images.
    """
    grids, image = probe.tap, probe.rows.image
    channels = grids.shape[1]
    scores = probe.scores.repeat_interleave(channels)
    everything = torch.arange(len(probe.rows) * channels, device=image.device)
    for start in range(0, len(everything), probe.batch):
        part = everything[start : start + probe.batch]
        row, channel = part // channels, part % channels
        ablated = grids[image[row]]
        ablated[torch.arange(len(part), device=image.device), channel] = 0
        scores[part] -= probe.score(ablated, row)
    return probe.weigh(scores.view(-1, channels))


def score_cam(probe: Probe) -> Float[Tensor, "r h w"]:
    """Score-CAM: ``L = sum_k w_k A_k``, ``w`` the softmax over channels of the logit under the channel's mask. Weights >= 0.

    Wang et al., "Score-CAM", CVPR workshops 2020, algorithm 1. Mask k is ``A_k`` scaled from its minimum (0) to its maximum (1) and
    interpolated (bilinear) to the image. The paper's baseline ``y(0)`` is common to all channels and falls out of the softmax. A channel
    that is the same in every cell has no mask and no weight. Assumes ``A >= 0``: summed before a constant affine of the trunk.
    As many images go through the trunk as it has channels.
    """
    grid = probe.grid
    low, high = grid.amin((2, 3), keepdim=True), grid.amax((2, 3), keepdim=True)
    varies = (high > low)[:, :, 0, 0]
    masks = (grid - low) / torch.where(high > low, high - low, 1)
    weights = grid.new_zeros(len(probe.rows), grid.shape[1])
    for index, mine in probe.by_image():
        used = varies[index].nonzero()[:, 0]
        if len(used):
            shown = masks[index, used]
            size = tuple(probe.bound.pixels(index).shape[1:])
            parts = (_enlarge(part, size, "bilinear") for part in _pieces(shown))
            weights[mine[:, None], used] = _behind_masks(probe, index, mine, parts).softmax(1).to(weights.dtype)
    return before_affine(probe).weigh(weights)


@dataclass(frozen=True)
class Occlusion:
    """Occlusion: how much the logit falls when a square of the image is hidden; ``L`` of a cell is the mean over squares on it. Signed.

    Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2. The square slides by one cell of the
    grid and has the size of ``window`` x ``window`` cells, so it stays inside the image.

    Attributes:
        window: side of the square in cells.
    """

    window: int = 1

    def __call__(self, probe: Probe) -> Float[Tensor, "r h w"]:
        """The maps of all rows; as many images go through the trunk as the square has places."""
        windows = self._windows(probe.grid)
        places = windows.flatten(1).to(probe.grid.dtype)
        out = places.new_empty(len(probe.rows), places.shape[1])
        for index, mine in probe.by_image():
            size = tuple(probe.bound.pixels(index).shape[1:])
            hidden = (1 - _enlarge(part, size, "nearest-exact") for part in _pieces(windows.to(places.dtype)))
            fall = probe.scores[mine, None] - _behind_masks(probe, index, mine, hidden)
            out[mine] = fall @ places / places.sum(0)
        return out.view(-1, *windows.shape[1:])

    def _windows(self, grid: Float[Tensor, "n c h w"]) -> Float[Tensor, "m h w"]:
        """1 in the cells that each place of the square covers."""
        height, width = grid.shape[2:]
        tall, wide = min(self.window, height), min(self.window, width)
        windows = [(top, left) for top in range(height - tall + 1) for left in range(width - wide + 1)]
        out = grid.new_zeros(len(windows), height, width)
        for number, (top, left) in enumerate(windows):
            out[number, top : top + tall, left : left + wide] = 1
        return out


@dataclass(frozen=True)
class Rise:
    """RISE: ``L = sum_i (y_i - mean y) M_i / (N p)`` over N random masks ``M_i``, ``y_i`` the logit behind mask i. Signed.

    Petsiuk et al., "RISE", BMVC 2018, equation 6 and section 3.2. A mask is a ``side`` x ``side`` grid of zeros and ones (one with chance
    ``p``), enlarged (bilinear) to more than the image and cut at a random place. The paper sums probabilities; a logit has no natural zero,
    and its mean times the masks would be a constant in the map: it is subtracted. Averaged over each cell of the grid. All images and
    texts see the same masks, drawn by a separate generator, so differences between maps are not due to the masks.

    Attributes:
        masks: N.
        side: of the small grid.
        p: chance that a place of the small grid is seen.
        seed: of the masks.
    """

    masks: int = 1000
    side: int = 7
    p: float = 0.5
    seed: int = 0

    def __call__(self, probe: Probe) -> Float[Tensor, "r h w"]:
        """The maps of all rows; ``masks`` images go through the trunk for every image."""
        grid = probe.grid
        out = grid.new_empty(len(probe.rows), *grid.shape[2:])
        for index, mine in probe.by_image():
            pixels = probe.bound.pixels(index)
            cells = self._cells(*pixels.shape[1:], *grid.shape[2:])
            parts = (part.to(pixels) for part in self.draw(*pixels.shape[1:]))
            scores = _behind_masks(probe, index, mine, parts)
            weights = (scores - scores.mean(1, keepdim=True)) / (self.masks * self.p)
            out[mine] = torch.einsum("rm,mhw->rhw", weights, cells.to(weights)).to(out.dtype)
        return out

    def _cells(self, height: int, width: int, rows: int, columns: int) -> Float[Tensor, "m h w"]:
        """The masks averaged over each cell of a grid."""
        return torch.cat([_averaged(part, (rows, columns)) for part in self.draw(height, width)])

    def draw(self, height: int, width: int) -> Iterator[Float[Tensor, "m H W"]]:
        """The masks for images of a size, piece by piece; the same each time, whatever the device.

        Example:
            >>> [tuple(part.shape) for part in Rise(masks=70).draw(32, 48)]
            [(64, 32, 48), (6, 32, 48)]
        """
        generator = torch.Generator().manual_seed(self.seed)
        tall, wide = -(-height // self.side), -(-width // self.side)  # a place of the small grid in pixels, rounded up
        for start in range(0, self.masks, _MASKS):
            count = min(_MASKS, self.masks - start)
            seen = (torch.rand(count, self.side, self.side, generator=generator) < self.p).float()
            large = _enlarge(seen, ((self.side + 1) * tall, (self.side + 1) * wide), "bilinear")
            tops = torch.randint(tall, (count,), generator=generator).tolist()
            lefts = torch.randint(wide, (count,), generator=generator).tolist()
            cut = [m[top : top + height, left : left + width] for m, top, left in zip(large, tops, lefts, strict=True)]
            yield torch.stack(cut)


def _pieces(masks: Float[Tensor, "m h w"]) -> Iterator[Float[Tensor, "p h w"]]:
    return (masks[start : start + _MASKS] for start in range(0, len(masks), _MASKS))


def _enlarge(masks: Float[Tensor, "m h w"], size: tuple[int, ...], mode: str) -> Float[Tensor, "m H W"]:
    return interpolate(masks[:, None], size=size, mode=mode)[:, 0]


def _averaged(masks: Float[Tensor, "m H W"], size: tuple[int, ...]) -> Float[Tensor, "m h w"]:
    return interpolate(masks[:, None], size=size, mode="area")[:, 0]


def _behind_masks(
    probe: Probe, index: int, rows: Tensor, parts: Iterator[Float[Tensor, "p H W"]]
) -> Float[Tensor, "r m"]:
    """Logits of an image's rows where the image is multiplied with each mask."""
    image = probe.bound.pixels(index)
    return torch.cat([probe.rescore(image * masks[:, None], rows) for masks in parts], dim=1)
