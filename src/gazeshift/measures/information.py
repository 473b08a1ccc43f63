"""How much of what maps say about place is the same for all images, how much the image adds, how much the text adds."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from gazeshift.errors import UsageError
from gazeshift.measures.where import check_distributions, entropy
from gazeshift.rounding import EXACT, beyond_rounding


@dataclass(frozen=True)
class InformationSplit:
    """``total == static + image + text``, all in bits, all 0 or more; NaN if no image is included.

    Attributes:
        total: ``E KL(P_it || U)``: how far the maps are from uniform, at most ``log2(cells)``.
        static: ``KL(mean P || U)``: what all maps share, whatever the image and the text. Over ``total`` it is the location prior.
        image: ``E KL(mean_t P_it || mean P)``: what the image adds.
        text: ``E KL(P_it || mean_t P_it)``: what the text adds for the same image, 0 if it moves nothing.
        images: number of images included, with all their maps defined.
        texts: maps per image, the same number for every image.
        left_out: number of images with an undefined map.
    """

    total: float
    static: float
    image: float
    text: float
    images: int
    texts: int
    left_out: int

    @property
    def static_share(self) -> float:
        """``static / total``, 0 to 1; NaN if the maps are all uniform."""
        return float(static_share(np.asarray(self.static), np.asarray(self.total)))


def static_share(static: Float[np.ndarray, "*b"], total: Float[np.ndarray, "*b"]) -> Float[np.ndarray, "*b"]:
    """``static / total``: how much of the maps' information about places is the same for all images, 0 to 1; NaN if there is none.

    Example:
        >>> static_share(np.array([0.5, 0.0]), np.array([2.0, 0.0])).tolist()
        [0.25, nan]
    """
    return np.asarray(static / np.where(total > 0, total, np.nan))


class InformationSums:
    """The sums that ``InformationSplit`` needs from any number of maps: a mean map and two sums.

    ``add`` takes blocks one at a time; ``a + b`` combines the sums of two parts, for example of two processes. An empty one combines
    with any.

    Example:
        >>> p = np.random.default_rng(0).dirichlet(np.ones(4), (6, 3)).reshape(6, 3, 2, 2)
        >>> first, second = InformationSums(), InformationSums()
        >>> first.add(p[:2]); second.add(p[2:])
        >>> round((first + second).split().text - information_split(p).text, 12)
        0.0
    """

    def __init__(self) -> None:
        self._shape: tuple[int, int, int] | None = None  # texts, height, width
        self._images = self._left_out = 0
        self._mean_maps: np.ndarray | float = 0.0  # sum over images of mean_t P_it
        self._image_entropy = 0.0  # sum over images of H(mean_t P_it)
        self._map_entropy = 0.0  # sum over images of mean_t H(P_it)

    def add(self, p: Float[np.ndarray, "n t h w"]) -> None:
        """Add ``n`` images with ``t`` maps each, distributions over cells; images with an undefined map are counted and left out.

        Raises:
            UsageError: the number of texts or the grid differs from before, or maps are not distributions.
        """
        check_distributions(p, "InformationSums")
        self._agree(p.shape[1:])
        p = np.asarray(p, dtype=np.float64)
        defined = ~np.isnan(p).any((1, 2, 3))
        self._left_out += int((~defined).sum())
        p = p[defined]
        over_texts = p.mean(1)
        self._images += len(p)
        self._mean_maps = self._mean_maps + over_texts.sum(0)
        self._image_entropy += float(entropy(over_texts).sum())
        self._map_entropy += float(entropy(p).mean(1).sum())

    def __add__(self, other: "InformationSums") -> "InformationSums":
        """The sums of both parts; neither is changed."""
        joined = InformationSums()
        for part in (self, other):
            if part._shape is not None:
                joined._agree(part._shape)
            joined._images += part._images
            joined._left_out += part._left_out
            joined._mean_maps = joined._mean_maps + part._mean_maps
            joined._image_entropy += part._image_entropy
            joined._map_entropy += part._map_entropy
        return joined

    def split(self) -> InformationSplit:
        """The terms for everything added so far."""
        texts = self._shape[0] if self._shape else 0
        if self._shape is None or not self._images:
            lost = float("nan")
            return InformationSplit(lost, lost, lost, lost, 0, texts, self._left_out)
        uniform = float(np.log2(self._shape[1] * self._shape[2]))
        mean_entropy = float(entropy(np.asarray(self._mean_maps / self._images)))
        image_entropy, map_entropy = self._image_entropy / self._images, self._map_entropy / self._images
        # Each term is a mean divergence, so not negative, but computed as a difference of entropies: rounding residue becomes 0.
        steps = np.diff([map_entropy, image_entropy, mean_entropy, uniform])
        text, image, static = np.maximum(beyond_rounding(steps, uniform, EXACT), 0).tolist()
        return InformationSplit(static + image + text, static, image, text, self._images, texts, self._left_out)

    def _agree(self, shape: tuple[int, ...]) -> None:
        texts, height, width = shape
        if not texts:
            raise UsageError("An information split needs at least one map per image.")
        if self._shape is not None and self._shape != (texts, height, width):
            raise UsageError(
                f"An information split needs the same number of texts and the same grid throughout: "
                f"{self._shape[0]} texts on {self._shape[1]} x {self._shape[2]} so far, now {texts} on {height} x {width}."
            )
        self._shape = (texts, height, width)


def text_information(p: Float[np.ndarray, "n t h w"]) -> Float[np.ndarray, " n"]:
    """What the text adds to place for one image, in bits, 0 or more: ``H(mean_t P_t) - mean_t H(P_t)``; NaN if a map is undefined.

    The Jensen-Shannon divergence of ``t`` maps (Lin, "Divergence measures based on the Shannon entropy", 1991); its mean over images is the
    text term of ``information_split``.

    Args:
        p: distributions over cells: images x texts x grid.

    Example:
        >>> left, right = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
        >>> text_information(np.array([[left, right], [left, left]])).tolist()
        [1.0, 0.0]
    """
    p = np.asarray(p, dtype=np.float64)
    return np.asarray(np.maximum(entropy(p.mean(1)) - entropy(p).mean(1), 0))


def information_split(p: Float[np.ndarray, "n t h w"]) -> InformationSplit:
    """Split ``E KL(P_it || U)`` into static, image and text, by the exact chain rule, in bits.

    ``E KL(P_it || U) = KL(mean P || U) + E KL(mean_t P_it || mean P) + E KL(P_it || mean_t P_it)``, over images whose maps are all defined
    (Cover & Thomas, "Elements of information theory", 2006, section 2.5: the last two are the mutual information of place with the image,
    and with the text given the image). Invariant to any reordering of cells, images, and the texts of an image.

    With few texts per image the text term is too small, with few images the static term is too large: compare only splits of equal size,
    and subtract the text term of control texts.

    Args:
        p: distributions over cells: images x texts x grid. For more than fits in memory, ``InformationSums``.

    Raises:
        UsageError: no text, or maps that are not distributions.

    Example:
        >>> left, right = np.array([[1.0, 0.0]]), np.array([[0.0, 1.0]])
        >>> split = information_split(np.array([[left, left], [right, right]]))  # the image decides alone
        >>> split.static, split.image, split.text
        (0.0, 1.0, 0.0)
    """
    sums = InformationSums()
    sums.add(p)
    return sums.split()
