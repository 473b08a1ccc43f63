"""How much each modality matters to the prediction, not to the map."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

from gazeshift.errors import UsageError
from gazeshift.rounding import beyond_rounding

Pairs = Float[np.ndarray, "images texts classes"]
Scores = Float[np.ndarray, "*#b"]


def emap(logits: Pairs) -> Pairs:
    """Empirical multimodally-additive projection: the best additive model of image and text with these logits, for every pair.

    ``mean over texts + mean over images - mean of all`` (Hessel & Lee, "Does my multimodal model learn cross-modal interactions?", 2020).
    Additive logits are unchanged: only the interaction is lost. A projection: applying it twice changes nothing more.

    Args:
        logits: logits of every image with every text. The paper uses a few hundred of each.

    Example:
        >>> logits = np.array([[[0.0], [1.0]], [[1.0], [0.0]]])  # nothing but interaction
        >>> emap(logits).ravel().tolist()
        [0.5, 0.5, 0.5, 0.5]
    """
    logits = np.asarray(logits, dtype=np.float64)
    return logits.mean(1, keepdims=True) + logits.mean(0, keepdims=True) - logits.mean((0, 1), keepdims=True)


@dataclass(frozen=True, eq=False)
class CrossedAccuracy:
    """Whether each pair is classified correctly, unchanged and with a modality exchanged; 0 to 1, one number per pair.

    Attributes:
        right: with the pair's own image and text.
        additive: by the additive projection of the logits (``emap``). If its mean equals that of ``right``, the model needs no
            interaction of image and text for these pairs.
        other_texts: share of all texts with which the pair's image is classified correctly.
        other_images: share of all images with which the pair's text is classified correctly.
    """

    right: Scores
    additive: Scores
    other_texts: Scores
    other_images: Scores

    @property
    def perceptual_text(self) -> Scores:
        """What each pair loses if texts are permuted; the mean is the expectation of ``perceptual_score`` over all permutations."""
        return np.asarray(self.right - self.other_texts)

    @property
    def perceptual_image(self) -> Scores:
        """The same with the images permuted."""
        return np.asarray(self.right - self.other_images)


def crossed_accuracy(logits: Float[np.ndarray, "n n classes"], labels: Int[np.ndarray, " n"]) -> CrossedAccuracy:
    """How predictions for the pairs ``(image i, text i)`` fare without interaction, with any text, and with any image.

    Over all permutations of a modality each pair meets every text, or image, equally often, so one pass over all ``n * n`` gives the
    perceptual score without sampling.

    Args:
        logits: logits of every image with every text.
        labels: class of each pair.

    Raises:
        UsageError: a logit is not finite, or there is no pair.

    Example:
        >>> logits = np.array([[[2.0, 0.0], [0.0, 2.0]], [[2.0, 0.0], [0.0, 2.0]]])  # the text decides alone
        >>> found = crossed_accuracy(logits, np.array([0, 1]))
        >>> found.perceptual_text.tolist(), found.perceptual_image.tolist()
        ([0.5, 0.5], [0.0, 0.0])
    """
    if not logits.size or not np.isfinite(logits).all():
        raise UsageError("crossed_accuracy needs at least one pair, and finite logits of every image with every text.")
    own, answers = np.arange(len(labels)), logits.argmax(2)
    return CrossedAccuracy(
        right=(answers[own, own] == labels).astype(float),
        additive=(emap(logits)[own, own].argmax(1) == labels).astype(float),
        other_texts=(answers == labels[:, None]).mean(1),
        other_images=(answers == labels[None, :]).mean(0),
    )


@dataclass(frozen=True)
class PerceptualScore:
    """How much of the accuracy is due to one modality.

    Attributes:
        score: accuracy minus mean accuracy under permutation, -1 to 1; higher: relies on it more; 0 or about 0: ignores it.
        normalised: ``score`` over the accuracy, at most 1 (model normalisation); NaN if the accuracy is 0.
        deviation: standard deviation over the permutations; NaN with one.
        permutations: number of permutations.
    """

    score: float
    normalised: float
    deviation: float
    permutations: int


def perceptual_score(accuracy: float, permuted_accuracies: Float[np.ndarray, " permutations"]) -> PerceptualScore:
    """The accuracy lost if a modality is permuted between samples: its marginal stays, its information about the sample is lost.

    Gat, Schwartz & Schwing, "Perceptual score: What data modalities does your model perceive?", 2021.

    Args:
        accuracy: the model's accuracy, 0 to 1.
        permuted_accuracies: accuracy of the same model on the same samples, one for each random permutation.

    Raises:
        UsageError: no permutation.

    Example:
        >>> perceptual_score(0.75, np.array([0.5, 0.5]))
        PerceptualScore(score=0.25, normalised=0.3333333333333333, deviation=0.0, permutations=2)
    """
    count = len(permuted_accuracies)
    if not count:
        raise UsageError("perceptual_score needs the accuracy under at least one permutation.")
    score = float(accuracy - permuted_accuracies.mean())
    deviation = float(permuted_accuracies.std(ddof=1)) if count > 1 else float("nan")
    return PerceptualScore(score, score / accuracy if accuracy > 0 else float("nan"), deviation, count)


def conditional_utilisation(accuracy: Scores, alone: Scores) -> Scores:
    """``u(m2 | m1) = (A(f) - A(f1)) / A(f)``: relative gain from modality 2 when modality 1 is present; at most 1, negative if it harms.

    Wu et al., "Characterizing and overcoming the greedy nature of learning in multi-modal deep neural networks", 2022. The difference
    ``u(text | image) - u(image | text)`` says which one the model relies on more. NaN if the accuracy is 0.

    Args:
        accuracy: with both modalities, 0 to 1.
        alone: with only modality 1, the other replaced by its mean over the training set.

    Example:
        >>> float(conditional_utilisation(np.asarray(0.8), alone=np.asarray(0.6)).round(12))
        0.25
    """
    accuracy = np.asarray(accuracy, dtype=np.float64)
    return np.asarray((accuracy - alone) / np.where(accuracy > 0, accuracy, np.nan))


@dataclass(frozen=True)
class TwoPlayerShapley:
    """``text + image == y_tv - y_0``, in units of the score.

    Attributes:
        text: Shapley value of the text.
        image: Shapley value of the image.
        interaction: ``y_tv - y_t - y_v + y_0``: the joint effect beyond the separate effects; 0 for an additive score. Each Shapley
            value holds half of it.

    Values below the rounding of the four scores are exactly 0.
    """

    text: Scores
    image: Scores
    interaction: Scores


def two_player_shapley(y_tv: Scores, y_t: Scores, y_v: Scores, y_0: Scores) -> TwoPlayerShapley:
    """Share a score between text and image: the mean of what each adds, over both orders of adding them.

    ``text = (y_t - y_0 + y_tv - y_v) / 2``, and the image likewise (Shapley, "A value for n-person games", 1953). Invariant to an offset of
    all four; scales with them; NaN if one of them is.

    Args:
        y_tv: score with text and image.
        y_t: with only the text; an absent modality is replaced by its mean over the training set.
        y_v: with only the image.
        y_0: with neither.

    Example:
        >>> parts = two_player_shapley(*(np.asarray(y) for y in (6.0, 1.0, 2.0, 0.0)))
        >>> float(parts.text), float(parts.image), float(parts.interaction)
        (2.5, 3.5, 3.0)
    """
    y_tv, y_t, y_v, y_0 = (np.asarray(y, dtype=np.float64) for y in (y_tv, y_t, y_v, y_0))
    largest = np.maximum(np.maximum(np.abs(y_tv), np.abs(y_t)), np.maximum(np.abs(y_v), np.abs(y_0)))
    return TwoPlayerShapley(
        text=beyond_rounding((y_t - y_0 + y_tv - y_v) / 2, largest),
        image=beyond_rounding((y_v - y_0 + y_tv - y_t) / 2, largest),
        interaction=beyond_rounding(y_tv - y_t - y_v + y_0, largest),
    )
