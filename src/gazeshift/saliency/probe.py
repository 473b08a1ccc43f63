"""The only place that knows autograd: it answers what a method asks about a classifier at the tap."""

from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

from gazeshift.models import Classifier, ImageFeatures, TextFeatures


@dataclass(frozen=True)
class Rows:
    """What to explain: row i asks for the map of class ``target[i]`` of image ``image[i]`` with text ``text[i]`` (all indices)."""

    image: Int[Tensor, " r"]
    text: Int[Tensor, " r"]
    target: Int[Tensor, " r"]

    def part(self, start: int, stop: int) -> "Rows":
        """A consecutive part of the rows."""
        return Rows(self.image[start:stop], self.text[start:stop], self.target[start:stop])

    def __len__(self) -> int:
        return len(self.target)


class Probe:
    """A classifier seen from the tap, for some images, texts and classes.

    The trunk has already run, once per image. The tap becomes a leaf and ``classify`` runs from there, so the text-free trunk is never run
    again and no hook is needed. Where the model pools first, the leaf is the grid's mean: one small vector per row, whatever the grid.
    Works with frozen parameters, inside ``no_grad`` and inside ``inference_mode``; touches no ``.grad``. The model must be in evaluation
    mode.

    Args:
        model: the classifier.
        image: encoded images.
        text: encoded texts.
        rows: which image, text and class each row explains.
    """

    def __init__(self, model: Classifier, image: ImageFeatures, text: TextFeatures, rows: Rows) -> None:
        self.model = model
        self.image = image
        self.text = text
        self.rows = rows

    @cached_property
    def scores(self) -> Float[Tensor, " r"]:
        """The explained logit of each row."""
        return self._run[0]

    @cached_property
    def gradients(self) -> Float[Tensor, "r c h w"]:
        """Gradient of each row's logit at the tap. Under mean pooling an expanded view: it takes the memory of one cell."""
        height, width = self.image.grid.shape[2:]
        slopes = self._run[1]
        if self.model.pools_first:
            return (slopes / (height * width)).expand(-1, -1, height, width)
        return slopes

    def weigh(self, weights: Float[Tensor, "r c"]) -> Float[Tensor, "r h w"]:
        """``sum_c weights[r, c] A[image of r, c]``: each row's weighted sum of its image's channels, one product per image."""
        height, width = self.image.grid.shape[2:]
        out = weights.new_empty(len(self.rows), height, width)
        for index in sorted(set(self.rows.image.tolist())):
            mine = self.rows.image == index
            out[mine] = (weights[mine] @ self.image.grid[index].flatten(1)).view(-1, height, width)
        return out

    @cached_property
    def _run(self) -> tuple[Float[Tensor, " r"], Float[Tensor, "r c h w"]]:
        source = self.image.averaged() if self.model.pools_first else self.image
        with torch.inference_mode(False), torch.enable_grad():
            # These copies also turn tensors made in inference mode into ordinary ones.
            chosen = source.rows(self.rows.image)
            text = self.text.rows(self.rows.text)
            leaf = chosen.grid.detach().clone().requires_grad_()
            # The product gives classify a tensor of its own, so that an in-place ReLU right after the tap cannot spoil the leaf.
            logits = self.model.classify(ImageFeatures(leaf * 1, chosen.prefix), text)
            scores = logits.gather(1, self.rows.target[:, None].clone())[:, 0]
            (slopes,) = torch.autograd.grad(scores.sum(), leaf)
        return scores.detach(), slopes
