"""Which word goes with which part of a picture: what a word and a region do to a logit together, beyond what each does alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from gazeshift.errors import UsageError
from gazeshift.models import evaluating
from gazeshift.models.bound import Bound
from gazeshift.models.face import Model
from gazeshift.registry import lookup
from gazeshift.rounding import beyond_rounding
from gazeshift.saliency.cams import DEFAULT
from gazeshift.saliency.combination import Combination, choose_target, outputs_for
from gazeshift.saliency.hide import FILLINGS
from gazeshift.saliency.pictures import Picture, open_picture
from gazeshift.saliency.regions import Regions, SeenRegions, averaged, seen_regions
from gazeshift.saliency.spans import Span, find_spans, without
from gazeshift.saliency.words import WordEffects, replacement, word_effects

_IMAGES_AT_ONCE = 16
_BYTES_AT_ONCE = 64 * 2**20


@dataclass(frozen=True)
class WordRegions:
    """The logit of one class with and without each word, with and without each region.

    Attributes:
        text: the whole text.
        words: its words or phrases, in order.
        spans: start and end of each in the text.
        regions: names of the regions.
        masks: where each region is in the model's view of the picture.
        explained: the class, that of the whole picture and text throughout.
        hide: how a region was hidden.
        logit: with everything.
        word: what each word adds to the logit, ``y(w,r) - y(-w,r)``.
        evidence: what each region adds with the whole text, ``y(w,r) - y(w,-r)``.
        interaction: what a word adds to a region's evidence, ``y(w,r) - y(-w,r) - y(w,-r) + y(-w,-r)``: positive where the region is
            stronger evidence with the word than without it. 0 below rounding.
        map_change: what a word adds to the raw signed map, summed over the region: the same question asked of the map, without hiding
            anything. NaN where a map is.
    """

    text: str
    words: tuple[str, ...]
    spans: tuple[tuple[int, int], ...]
    regions: tuple[str, ...]
    masks: Bool[np.ndarray, "regions H W"]
    explained: str
    hide: str
    logit: float
    word: Float[np.ndarray, " words"]
    evidence: Float[np.ndarray, " regions"]
    interaction: Float[np.ndarray, "words regions"]
    map_change: Float[np.ndarray, "words regions"]

    @property
    def evidence_without(self) -> Float[np.ndarray, "words regions"]:
        """What each region adds once a word is removed, ``y(-w,r) - y(-w,-r)``."""
        return self.evidence - self.interaction


def word_regions(
    model: Model,
    image: Picture,
    text: str,
    regions: Regions = (3, 3),
    target: str | Combination = "reference",
    *,
    label: str | None = None,
    method: str = DEFAULT,
    how: str = "leave-out",
    hide: str = "zero",
    spans: Sequence[Span] | None = None,
) -> WordRegions:
    """Remove each word and hide each region, alone and together, and measure what they do to a logit beyond each alone.

    A classifier trained here runs its trunk once for every region; any other model runs whole for every region with every text. How a
    region is hidden is part of what is measured: an object behind a patch of mean colour is gone, but the patch is not nothing.

    Args:
        model: any model that sees images and reads text.
        image: a file, its bytes, a Pillow image, or an array.
        text: a text with at least one word.
        regions: ``(rows, columns)`` cells of what the model sees; boxes or masks by name, or a map of labels, in the picture's pixels.
        target: as in ``explain``; ``predicted`` means the class predicted with the whole text.
        label: the true class, for ``target="label"``.
        method: of the maps, as in ``explain``.
        how: how a word is removed, as in ``word_effects``.
        hide: how a region is hidden in the picture: ``zero`` (the mean colour of the model's normalisation), ``mean`` (the picture's
            own) or ``neighbours`` (filled from its surroundings, as ROAD does).
        spans: phrases or (start, end) offsets instead of every word, as in ``word_effects``.

    Raises:
        UsageError: a text without words, a region that the model does not see, a model without text, or one whose picture cannot be
            changed.
        ImageError: the image cannot be decoded.

    Example:
        >>> import gazeshift as gs
        >>> found = gs.word_regions(gs.load("model"), "photo.jpg", "a red dog", {"dog": (10, 20, 90, 80)})  # doctest: +SKIP
        >>> found.words, found.interaction.shape  # doctest: +SKIP
        (('a', 'red', 'dog'), (3, 1))
    """
    lookup(FILLINGS, hide, "way of hiding")
    whole = open_picture(image)
    picture = whole if model.enough is None else open_picture(image, at_least=model.enough)
    model = model.about(picture, text)
    effects = word_effects(model, image, text, target, how=how, label=label, method=method, spans=spans)
    seen = seen_regions(regions, whole, model.view)
    instead = replacement(model, how)
    texts = [text, *(without(text, [place], instead) for place in find_spans(text, spans))]
    bound = model.bind([picture], texts)
    out, outputs = outputs_for(target, model.classes)
    index = choose_target(model.classes, target, label, outputs.index(effects.explained))
    logits = out(_logits(bound, seen, hide, len(texts)))[..., index].numpy()
    return _table(effects, seen, logits, hide)


def _table(
    effects: WordEffects, seen: SeenRegions, logits: Float[np.ndarray, "texts images"], hide: str
) -> WordRegions:
    """From the logits of the whole text and the text without each word, with the whole picture and the picture without each region."""
    evidence = logits[:, :1] - logits[:, 1:]
    scale = np.abs(logits).max()
    return WordRegions(
        text=effects.text,
        words=effects.words,
        spans=effects.spans,
        regions=seen.names,
        masks=seen.masks,
        explained=effects.explained,
        hide=hide,
        logit=float(logits[0, 0]),
        word=beyond_rounding(logits[0, 0] - logits[1:, 0], scale),
        evidence=beyond_rounding(evidence[0], scale),
        interaction=beyond_rounding(evidence[0] - evidence[1:], scale),
        map_change=np.einsum("nhw,rhw->nr", effects.maps, seen.resized(*effects.whole.shape)),
    )


def _logits(bound: Bound, seen: SeenRegions, hide: str, texts: int) -> Float[Tensor, "t m classes"]:
    """Of the whole picture and the picture without each region, each with every text; a few pictures in memory at a time.

    The whole picture goes the same way as the changed ones, so that nothing but the region differs.
    """
    pixels, rows = bound.pixels(0), torch.arange(texts, device=bound.grid.device)
    at_once = max(1, min(_IMAGES_AT_ONCE, _BYTES_AT_ONCE // (pixels.element_size() * pixels.numel())))
    images, parts = chain([pixels], _hidden(pixels, seen, hide)), list[Tensor]()
    with evaluating(bound), torch.no_grad():
        while some := list(islice(images, at_once)):
            parts.append(bound.look_again(torch.stack(some), 0, rows).double().cpu())
    return torch.cat(parts, dim=1)


def _hidden(pixels: Float[Tensor, "3 H W"], seen: SeenRegions, hide: str) -> Iterator[Float[Tensor, "3 H W"]]:
    """The picture without each region, as the model takes it; a pixel is hidden if at least half of it lies in the region."""
    picture, rng = pixels.double().cpu().numpy(), np.random.default_rng(0)
    height, width = picture.shape[1:]
    for name, mask in zip(seen.names, seen.masks, strict=True):
        inside = averaged(mask, width, height) >= 0.5
        if not inside.any():
            raise UsageError(f"region {name!r} is smaller than a pixel of the {width} x {height} that the model takes.")
        yield torch.from_numpy(FILLINGS[hide](picture, ~inside, rng)).to(pixels)
