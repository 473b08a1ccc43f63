"""Where the objects of a scene lie, how large they are, which one the text is about, and how far the picture gives that away."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gazeshift.data.draws import generator
from gazeshift.data.plates.config import PlatesConfig
from gazeshift.errors import UsageError

PLATE_RADIUS = 0.455
"""Radius of the plate, as a fraction of the image's side."""
REACH = 0.29
"""Largest distance of an object's centre from the plate's centre, as a fraction of the image's side."""

_ROUNDS = 400
_BLOCK = 250


@dataclass(frozen=True)
class Layouts:
    """Places and sizes for many plates with the same number of objects, before dishes are assigned.

    Attributes:
        places: centres relative to the plate's, in units of ``REACH`` (the unit disc).
        radii: as a fraction of the image's side; column 0 is the largest.
        targets: the column that the text is about.
    """

    places: Float[np.ndarray, "n k 2"]
    radii: Float[np.ndarray, "n k"]
    targets: Int[np.ndarray, " n"]


def draw_layouts(config: PlatesConfig, k: int, n: int, rng: np.random.Generator) -> Layouts:
    """Draw ``n`` layouts of ``k`` objects.

    Sizes, target and places are drawn together and rejected together if two objects come too close, so that the probabilities of
    the target given the picture stay proportional to prior times ratio of the densities of its place: see ``target_posterior``.
    Each round of rejections shrinks all objects a little, so that crowded plates terminate too.

    Raises:
        UsageError: the settings leave no room for the objects.
    """
    places, radii, targets = np.empty((n, k, 2)), np.empty((n, k)), np.empty(n, np.int64)
    open_rows = np.arange(n)
    tries = 48 * k
    for attempt in range(_ROUNDS):
        some = _candidates(config, k, len(open_rows) * tries, rng, shrink=0.985**attempt)
        fits = _apart(some, config.occlusion).reshape(len(open_rows), tries)
        rows, first = np.flatnonzero(fits.any(1)), fits.argmax(1)
        chosen = rows * tries + first[rows]
        done = open_rows[rows]
        places[done], radii[done], targets[done] = some.places[chosen], some.radii[chosen], some.targets[chosen]
        open_rows = np.delete(open_rows, rows)
        if not len(open_rows):
            return Layouts(places, radii, targets)
    raise UsageError(f"plates: no room for {k} objects; lower kappa or the number of objects, or raise occlusion.")


def _candidates(config: PlatesConfig, k: int, n: int, rng: np.random.Generator, shrink: float) -> Layouts:
    usual = 0.2 * k**-0.4 * shrink
    radii = rng.uniform(0.88 * usual, 1.12 * usual, (n, k))
    radii[:, 0] = np.maximum(radii[:, 1:].max(1) * config.size_gap, 1.0 * usual) * rng.uniform(1.0, 1.15, n)
    prior = 1 / k if config.prior is None else config.prior
    targets = np.where(rng.random(n) < prior, 0, rng.integers(1, k, n))
    is_target = np.arange(k) == targets[:, None]
    pull = np.where(is_target, config.kappa_target, config.kappa_distractor)
    # The inverse distribution function of Beta(1, 1 / (1 - pull)), the squared distance.
    distance = np.sqrt(1 - rng.random((n, k)) ** (1 - pull))
    angle = rng.uniform(0, 2 * np.pi, (n, k))
    places = np.stack([distance * np.cos(angle), distance * np.sin(angle)], -1)
    return Layouts(places, radii, targets)


def _apart(layouts: Layouts, occlusion: float) -> np.ndarray:
    k = layouts.radii.shape[1]
    first, second = np.array([(i, j) for i in range(k) for j in range(i + 1, k)]).T
    gaps = np.hypot(*np.moveaxis(layouts.places[:, first] - layouts.places[:, second], -1, 0)) * REACH
    return np.asarray((gaps >= (1 - occlusion) * (layouts.radii[:, first] + layouts.radii[:, second])).all(1))


def target_posterior(config: PlatesConfig, layouts: Layouts) -> Float[np.ndarray, "n k"]:
    """Probability of each object being the target given only the picture, by the generative model.

    Prior (the largest or not) times the ratio of the densities of its place as target and as distractor, normalised. Nothing else in
    the picture depends on the target.
    """
    k = layouts.radii.shape[1]
    prior = np.full(k, 1 / k)
    if config.prior is not None:
        prior = np.array([config.prior, *[(1 - config.prior) / (k - 1)] * (k - 1)])
    power = 1 / (1 - config.kappa_target) - 1 / (1 - config.kappa_distractor)
    outside = np.maximum(1 - (layouts.places**2).sum(-1), 1e-12)
    log_weight = np.log(np.maximum(prior, 1e-300)) + power * np.log(outside)
    weight = np.exp(log_weight - log_weight.max(1, keepdims=True))
    return np.asarray(weight / weight.sum(1, keepdims=True))


def image_only_ceiling(config: PlatesConfig, scenes: int = 4000) -> float:
    """Probability that the best guess from the image alone is right, in (0, 1].

    The mean, over simulated layouts, of the largest ``target_posterior``: the highest expected accuracy of any image-only classifier. The
    dishes of a scene are distinct, so guessing the object is guessing the label. Exact (no simulation) where both pulls are equal.

    Args:
        config: the settings, as for the training split (see ``PlatesConfig.for_split`` for the test split's).
        scenes: number of simulated layouts for each number of objects; the standard error is below 0.5 / sqrt(scenes).

    Example:
        >>> round(image_only_ceiling(PlatesConfig(objects=(2, 3), prior=0.58)), 2)
        0.58
        >>> round(image_only_ceiling(PlatesConfig(objects=(2, 3), prior=None)), 3)
        0.417
    """
    low, high = config.objects
    return float(np.mean([_ceiling(config, k, scenes) for k in range(low, high + 1)]))


def _ceiling(config: PlatesConfig, k: int, scenes: int) -> float:
    if config.kappa_target == config.kappa_distractor:
        largest = 1 / k if config.prior is None else config.prior
        return max(largest, (1 - largest) / (k - 1))
    rng = generator(config.seed, 7, k)
    # In blocks: a round tries hundreds of layouts for every scene at once.
    sizes = [min(_BLOCK, scenes - start) for start in range(0, scenes, _BLOCK)]
    best = [target_posterior(config, draw_layouts(config, k, size, rng)).max(1) for size in sizes]
    return float(np.concatenate(best).mean())
