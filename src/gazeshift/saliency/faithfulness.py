"""Do the cells that a map marks matter to the logit? All measures of one map, for the model that it explains; the text stays the same."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.measures import (
    Infidelity,
    PerturbationCurve,
    Road,
    deletion,
    infidelity,
    insertion,
    road,
    sensitivity_n,
)
from gazeshift.measures.perturbation import Score
from gazeshift.models import evaluating
from gazeshift.models.face import Model
from gazeshift.registry import lookup
from gazeshift.saliency.asked import Asked
from gazeshift.saliency.cams import DEFAULT, method_for
from gazeshift.saliency.combination import Combination, choose_target, outputs_for
from gazeshift.saliency.explain import check_sees
from gazeshift.saliency.hide import pixel_score, tap_score
from gazeshift.saliency.pictures import Picture, open_picture
from gazeshift.saliency.probe import Probe, Rows

SHARES = (0.1, 0.3, 0.5)
"""The fractions of the cells that sensitivity-n hides at a time."""

IMPUTATION = "neighbours"
"""How ROAD hides."""

PLACES = {"tap": tap_score, "pixels": pixel_score}
"""Where cells are hidden."""


@dataclass(frozen=True)
class MapFaithfulness:
    """How far one map agrees with what its cells do to the explained logit; the text is held fixed.

    Attributes:
        whole: the logit with all cells.
        hidden: the logit with none.
        insertion: the logit as cells appear, highest values of the map first; a larger area is better.
        deletion: the logit as they disappear; a smaller area is better.
        road: most against least relevant first, filled from the neighbours; a lower ``difference`` is better.
        sensitivity: per share of hidden cells the correlation of the map's sum with the loss of logit, -1 to 1; higher is better.
        infidelity: ``relative`` is the part of the losses that the map does not explain, 0 to 1; lower is better.
    """

    whole: float
    hidden: float
    insertion: PerturbationCurve
    deletion: PerturbationCurve
    road: Road
    sensitivity: dict[float, float]
    infidelity: Infidelity

    @property
    def numbers(self) -> dict[str, float]:
        """One number each. Areas are mean logits; ``insertion_over_deletion`` is about 0 for an uninformative map."""
        shown, gone = self.insertion.area, self.deletion.area
        return {
            "logit": self.whole,
            "logit_hidden": self.hidden,
            "insertion": shown,
            "deletion": gone,
            "insertion_over_deletion": shown - gone,
            "road_morf": self.road.morf.area,
            "road_lerf": self.road.lerf.area,
            "road": self.road.difference,
            **{f"sensitivity_{round(100 * share)}": value for share, value in self.sensitivity.items()},
            "infidelity": self.infidelity.value,
            "infidelity_relative": self.infidelity.relative,
        }


def faithfulness(
    model: Model,
    image: Picture,
    text: str = "",
    target: str | Combination = "predicted",
    *,
    label: str | None = None,
    method: str = DEFAULT,
    at: str = "tap",
    hide: str = "zero",
    samples: int = 200,
    steps: int | None = None,
    seed: int = 0,
) -> MapFaithfulness:
    """Compute the map of one image with one text, then hide cells and see whether those that it marks matter.

    Args:
        model: any model that sees images.
        image: a file, its bytes, a Pillow image, or an array.
        text: kept unchanged.
        target: as in ``explain``.
        label: the true class, for ``target="label"``.
        method: a saliency method.
        at: where cells are hidden. ``tap``: in the map's own grid; only what follows runs again. ``pixels``: the squares
            of the image under the cells; the trunk runs some hundred times, and ROAD fills pixels.
        hide: ``zero``, ``mean`` or ``neighbours`` (``gazeshift.saliency.hide``); ROAD always takes ``neighbours``.
        samples: number of random sets of cells for each share of sensitivity-n, and for infidelity.
        steps: number of points of each curve; by default one for every cell.
        seed: random seed of the sets.

    Raises:
        UsageError: an unknown class, target, method, place or way of hiding; a map of a single cell.
        ImageError: the image cannot be decoded.

    Example:
        >>> import gazeshift as gs
        >>> found = gs.faithfulness(gs.load("model"), "photo.jpg", "tuna tartare")  # doctest: +SKIP
        >>> found.road.difference, found.numbers["sensitivity_30"]  # doctest: +SKIP
        (-1.9, 0.83)
    """
    ask = lookup(PLACES, at, "place to hide cells")
    check_sees(model)
    picture = open_picture(image, at_least=model.enough)
    model = model.about(picture, text)
    bound = model.bind([picture], [text])
    first = torch.zeros(1, dtype=torch.long, device=bound.grid.device)
    with evaluating(bound), torch.autocast(bound.grid.device.type, enabled=False):
        asked = Asked.of(bound, first, first)
        explained = first + choose_target(model.classes, target, label, int(asked.predicted[0]))
        asked = asked.with_outputs(outputs_for(target, model.classes)[0])
        raw = asked.maps(explained, method_for(bound, method))[0]
        probe = Probe(asked.bound, Rows(asked.grid_row, first, explained))
        return map_faithfulness(raw, ask(probe, 0, hide), ask(probe, 0, IMPUTATION), samples, seed, steps)


def map_faithfulness(
    raw: Float[np.ndarray, "h w"],
    score: Score,
    imputed: Score,
    samples: int = 200,
    seed: int = 0,
    steps: int | None = None,
) -> MapFaithfulness:
    """All measures of one map, for any score.

    Args:
        raw: signed map.
        score: logit as a function of the kept cells, for example ``tap_score(probe)``.
        imputed: the same with cells filled from their neighbours, for ROAD.
        samples: number of random sets of cells, at least 2.
        seed: random seed of these.
        steps: number of points of each curve; by default one for every cell.

    Raises:
        UsageError: fewer than 2 samples, or a map of a single cell.

    Example:
        >>> raw = np.array([[1.0, 2.0], [3.0, -4.0]])
        >>> additive = lambda keep: (keep * raw).sum((1, 2))
        >>> found = map_faithfulness(raw, additive, additive)
        >>> round(found.numbers["sensitivity_50"], 12), round(found.infidelity.relative, 12)
        (1.0, 0.0)
    """
    if raw.size < 2:
        raise UsageError("faithfulness needs a map of at least 2 cells.")
    ends = score(np.stack([np.ones(raw.shape), np.zeros(raw.shape)]))
    sizes = {share: max(1, round(share * raw.size)) for share in SHARES}
    return MapFaithfulness(
        whole=float(ends[0]),
        hidden=float(ends[1]),
        insertion=insertion(raw, score, steps),
        deletion=deletion(raw, score, steps),
        road=road(raw, imputed, steps),
        sensitivity={
            share: sensitivity_n(raw, score, n, samples, np.random.default_rng(seed)) for share, n in sizes.items()
        },
        infidelity=infidelity(raw, score, samples, np.random.default_rng(seed)),
    )
