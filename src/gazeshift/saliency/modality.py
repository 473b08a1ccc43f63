"""How much the text and the image each add to a logit: two players, and image cells with words. Only what follows the tap runs again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.measures import MmShap, TwoPlayerShapley, keep_pixels, mm_shap, two_player_shapley
from gazeshift.models import Bound, BoundClassifier, Classifier, ImageFeatures, TextFeatures, encode_texts, evaluating
from gazeshift.models.absent import without_image
from gazeshift.models.face import Model
from gazeshift.saliency.asked import Asked
from gazeshift.saliency.combination import Combination, choose_target, outputs_for
from gazeshift.saliency.compute import row_logits
from gazeshift.saliency.hide import hidden_scores
from gazeshift.saliency.pictures import Picture, open_picture
from gazeshift.saliency.probe import Probe, Rows
from gazeshift.saliency.recast import Change, unchanged, with_outputs
from gazeshift.saliency.words import split_words

Binding = Callable[[Sequence[str]], Bound]
"""One image with any texts, bound to a model."""

_IMAGES_AT_ONCE = 16
SIDE = 4
"""MM-SHAP's image players lie on a fixed grid of at most this many cells per side, whatever the model's own grid."""


@dataclass(frozen=True)
class Baseline:
    """The features that replace an absent modality, at the tap and after the text encoder.

    Attributes:
        image: one row.
        text: one row.
        sentence: a description for people.
    """

    image: ImageFeatures
    text: TextFeatures
    sentence: str


def mean_features(image: ImageFeatures, text: TextFeatures) -> Baseline:
    """The mean over some images and some texts, usually of the training set: an average pair.

    Args:
        image: encoded images; means over the grid (1 x 1) where the model pools first.
        text: any number of encoded texts; the mean is over their vectors, and over those of their tokens.

    Example:
        >>> text = TextFeatures.from_pooled(torch.tensor([[0.0], [2.0]]))
        >>> mean_features(ImageFeatures(torch.ones(3, 1, 2, 2)), text).text.pooled
        tensor([[1.]])
    """
    prefix = None if image.prefix is None else image.prefix.mean(0, keepdim=True)
    return Baseline(
        ImageFeatures(image.grid.mean(0, keepdim=True), prefix),
        text.averaged(),
        "mean features of the reference pairs",
    )


def mean_of_pairs(model: Classifier, images: Sequence[Picture], texts: Sequence[str]) -> Baseline:
    """The same from images and texts; one image is encoded at a time.

    Args:
        model: sees images and reads text.
        images: files, their bytes, or Pillow images.
        texts: any number.

    Raises:
        UsageError: no image or no text, a single one instead of a list, or a model with one modality.
        ImageError: an image cannot be decoded.

    Example:
        >>> import gazeshift as gs
        >>> baseline = gs.mean_of_pairs(gs.load("model"), ["a.jpg", "b.jpg"], ["apple pie", "ramen"])  # doctest: +SKIP
    """
    if not (model.structure.sees_image and model.structure.reads_text):
        raise UsageError(f"model {model.spec.name!r} has only one modality, so neither can be left out.")
    for given in (images, texts):
        if isinstance(given, str | bytes) or not isinstance(given, Sequence) or not given:
            raise UsageError(
                "the mean of pairs needs a list of images and a list of texts, with at least one entry each."
            )
    bound = (model.bind([open_picture(image, at_least=model.enough)], texts[:1]) for image in images)
    parts = [mean_features(one.image, one.text).image for one in bound]
    prefixes = [part.prefix for part in parts if part.prefix is not None]
    joined = ImageFeatures(torch.cat([part.grid for part in parts]), torch.cat(prefixes) if prefixes else None)
    return mean_features(joined, encode_texts(model, texts))


@dataclass(frozen=True)
class FourLogits:
    """Logits of all classes (and of combinations of them), one row per pair, in float64.

    Attributes:
        both: with text and image.
        text: with only the text.
        image: with only the image.
        neither: with neither.
    """

    both: Float[np.ndarray, "r classes"]
    text: Float[np.ndarray, "r classes"]
    image: Float[np.ndarray, "r classes"]
    neither: Float[np.ndarray, "r classes"]

    def with_outputs(self, out: Change) -> "FourLogits":
        """The same turned into other outputs, along the last axis."""
        each = (self.both, self.text, self.image, self.neither)
        return FourLogits(*(out(torch.from_numpy(logits)).numpy() for logits in each))

    def shapley(self, target: Int[np.ndarray, " r"]) -> TwoPlayerShapley:
        """Both players' shares of one class's logit, per pair."""
        each = np.arange(len(target))
        return two_player_shapley(
            *(logits[each, target] for logits in (self.both, self.text, self.image, self.neither))
        )


def four_logits(
    bound: BoundClassifier, image_index: Int[Tensor, " r"], text_index: Int[Tensor, " r"], baseline: Baseline
) -> FourLogits:
    """Logits of pairs with one modality, both or none replaced by the baseline; four passes of the head per pair.

    Args:
        bound: a classifier with encoded images and texts.
        image_index: the image of each pair.
        text_index: the text of each pair.
        baseline: the replacement for an absent modality.
    """
    none = torch.zeros_like(image_index)
    asked = (
        (bound.image, bound.text, image_index, text_index),
        (baseline.image, bound.text, none, text_index),
        (bound.image, baseline.text, image_index, none),
        (baseline.image, baseline.text, none, none),
    )
    logits = (row_logits(BoundClassifier(bound.model, image, text), *rows) for image, text, *rows in asked)
    return FourLogits(*(one.double().cpu().numpy() for one in logits))


def share_between_players(
    bind: Binding, text: str, target: int, orders: int = 16, seed: int = 0, *, out: Change = unchanged
) -> MmShap:
    """MM-SHAP of one pair: image cells on a fixed grid of at most ``SIDE`` x ``SIDE``, hidden, and words, left out.

    A classifier trained here has its cells hidden with zeros at the tap, where its trunk need not run again; any other model in the image
    itself, because a class token may know it, too. The text encoder reads every required set of words once.

    Args:
        bind: binds the image to texts.
        text: with any number of words.
        target: class index, or that of an output.
        orders: number of random orders of the players.
        seed: random seed.
        out: turns logits into other outputs, along the last axis.
    """
    spans = split_words(text)
    height, width = bind([text]).grid.shape[2:]
    regions = _regions(height, width)
    count = len(regions)

    def value(present: Bool[np.ndarray, "m players"]) -> Float[np.ndarray, " m"]:
        keep = np.einsum("mp,phw->mhw", present[:, :count].astype(np.float64), regions)
        said, which = np.unique(present[:, count:], axis=0, return_inverse=True)
        bound = bind([" ".join(text[a:b] for (a, b), here in zip(spans, row, strict=True) if here) for row in said])
        with evaluating(bound):
            return _hidden(bound, keep, which.reshape(-1), target, out).double().cpu().numpy()

    return mm_shap(value, count, len(spans), orders, np.random.default_rng(seed))


def _hidden(
    bound: Bound, keep: Float[np.ndarray, "m h w"], text: Int[np.ndarray, " m"], target: int, out: Change
) -> Float[Tensor, " m"]:
    """One output for the image with cells hidden, each with its text."""
    asked = with_outputs(bound, out)
    if isinstance(bound, BoundClassifier):
        each = torch.arange(len(bound.text), device=bound.grid.device)
        probe = Probe(asked, Rows(torch.zeros_like(each), each, torch.full_like(each, target)))
        return hidden_scores(probe, torch.from_numpy(keep).to(bound.grid), torch.from_numpy(text).to(each.device))
    image = bound.pixels(0)
    shown = torch.from_numpy(keep_pixels(keep, *image.shape[1:])).to(image)
    found = image.new_empty(len(keep))
    for row in sorted(set(text.tolist())):
        mine = torch.from_numpy((text == row).nonzero()[0]).to(image.device)
        for some in torch.split(mine, _IMAGES_AT_ONCE):
            one = torch.tensor([row], device=image.device)
            found[some] = asked.look_again(image * shown[some, None], 0, one)[0, :, target].to(found)
    return found


@dataclass(frozen=True)
class Modality:
    """The contributions of text and image to one logit of one pair, in logits.

    Attributes:
        explained: the class.
        baseline: the replacement for an absent modality.
        text: Shapley value of the text, of two players; with ``image`` it adds up to ``logit - logit_neither``.
        image: Shapley value of the image.
        interaction: the joint effect beyond the separate effects; exactly 0 for an additive head.
        logit: with both.
        logit_text: with only the text.
        logit_image: with only the image.
        logit_neither: with neither.
        players: MM-SHAP: Shapley values of image cells and words, hidden and left out one by one; ``players.t_shap`` is the text's share.
        words: the text's players.
        grid: rows and columns of the image's players.
    """

    explained: str
    baseline: str
    text: float
    image: float
    interaction: float
    logit: float
    logit_text: float
    logit_image: float
    logit_neither: float
    players: MmShap
    words: tuple[str, ...]
    grid: tuple[int, int]


def modality(
    model: Model,
    image: Picture,
    text: str,
    target: str | Combination = "predicted",
    *,
    label: str | None = None,
    baseline: Baseline | None = None,
    orders: int = 16,
    seed: int = 0,
) -> Modality:
    """Compute how much of a logit comes from the text, how much from the image, and how much from both together.

    Args:
        model: any model that sees images and reads text.
        image: a file, its bytes, a Pillow image, or an array.
        text: its text.
        target: as in ``explain``.
        label: the true class, for ``target="label"``.
        baseline: replaces an absent modality of a classifier trained here, usually ``mean_of_pairs`` of training pairs. None: a grid of
            zeros at the tap (of any other model: an image of its mean colour) and the empty text; the numbers depend on this choice, so it
            is part of the result.
        orders: number of random orders of MM-SHAP's players; with few, its shares drift towards each modality's share of the players.
        seed: random seed.

    Raises:
        UsageError: a model with one modality, an unknown class or target.
        ImageError: the image cannot be decoded.

    Example:
        >>> import gazeshift as gs
        >>> found = gs.modality(gs.load("model"), "photo.jpg", "tuna tartare")  # doctest: +SKIP
        >>> found.text, found.image, found.interaction, found.players.t_shap  # doctest: +SKIP
        (3.1, 1.2, 0.4, 0.61)
    """
    if not (model.sees_image and model.reads_text):
        raise UsageError(f"model {model.name!r} has only one modality: there is no share to compute.")
    picture = open_picture(image, at_least=model.enough)
    model = model.about(picture, text)
    bound = model.bind([picture], [text, ""])
    out, outputs = outputs_for(target, model.classes)
    with evaluating(bound), torch.autocast(bound.grid.device.type, enabled=False):
        four, sentence = four_of_pair(bound, baseline)
        explained = choose_target(model.classes, target, label, int(four.both[0].argmax()))
        players = share_between_players(partial(model.bind, [picture]), text, explained, orders, seed, out=out)
    return Modality(
        explained=outputs[explained],
        baseline=sentence,
        players=players,
        words=tuple(text[start:end] for start, end in split_words(text)),
        grid=_side(*bound.grid.shape[2:]),
        **_two_players(four.with_outputs(out), explained),
    )


def _two_players(four: FourLogits, explained: int) -> dict[str, float]:
    """The numbers of one output of one pair, as ``Modality`` calls them."""
    shares = four.shapley(np.array([explained]))
    added = {"text": shares.text, "image": shares.image, "interaction": shares.interaction}
    logits = {"logit": four.both, "logit_text": four.text, "logit_image": four.image, "logit_neither": four.neither}
    return {name: float(value[0]) for name, value in added.items()} | {
        name: float(value[0, explained]) for name, value in logits.items()
    }


def four_of_pair(bound: Bound, baseline: Baseline | None = None) -> tuple[FourLogits, str]:
    """Logits of an image and a text (row 0; row 1 is the empty text) with one, both or none of them, and what replaces the absent one."""
    first = torch.zeros(1, dtype=torch.long, device=bound.grid.device)
    if isinstance(bound, BoundClassifier):
        baseline = baseline or _nothing(bound)
        return four_logits(bound, first, first, baseline), baseline.sentence
    if baseline is not None:
        raise UsageError("a baseline of mean features is for models trained here; leave baseline= out for this one.")
    both, texts = Asked.of(bound, torch.zeros(2, dtype=torch.long), torch.arange(2)), torch.arange(2).to(first)
    blank = bound.look_again(torch.zeros_like(bound.pixels(0))[None], 0, texts)[:, 0]
    logits = (both.logits[:1], blank[:1], both.logits[1:], blank[1:])
    return FourLogits(*(one.double().cpu().numpy() for one in logits)), "an image of the mean colour; the empty text"


def _nothing(bound: BoundClassifier) -> Baseline:
    nothing = without_image(bound.image, torch.ones(len(bound.image), dtype=torch.bool, device=bound.grid.device))
    empty = bound.text.rows(torch.tensor([1], device=bound.grid.device))
    return Baseline(nothing, empty, "a grid of zeros at the tap; the empty text")


def _side(height: int, width: int) -> tuple[int, int]:
    return min(SIDE, height), min(SIDE, width)


def _regions(height: int, width: int) -> Float[np.ndarray, "players h w"]:
    """The grid's cells cut into at most ``SIDE`` x ``SIDE`` rectangles, row by row; each is one player."""
    tall, wide = _side(height, width)
    row, column = np.arange(height) * tall // height, np.arange(width) * wide // width
    number = row[:, None] * wide + column
    return (number == np.arange(tall * wide)[:, None, None]).astype(np.float64)
