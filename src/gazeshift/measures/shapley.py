"""Share a score between image cells and words: MM-SHAP."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from gazeshift.errors import UsageError
from gazeshift.measures.asking import ask
from gazeshift.rounding import beyond_rounding

Value = Callable[[Bool[np.ndarray, "m players"]], Float[np.ndarray, " m"]]
_ROWS = 4096  # coalitions that one call of ``value`` gets at most


@dataclass(frozen=True)
class MmShap:
    """Shapley values of all players; they add up to ``value(all) - value(none)``. Values below the scores' rounding are exactly 0.

    Attributes:
        image: one for each image cell, in units of the score, signed.
        text: one for each word.
        exact: whether every coalition was evaluated; otherwise sampled.
        evaluations: number of coalitions evaluated.
    """

    image: Float[np.ndarray, " image"]
    text: Float[np.ndarray, " text"]
    exact: bool
    evaluations: int

    @property
    def t_shap(self) -> float:
        """Share of the text, ``sum_text |phi| / sum |phi|``, 0 to 1; NaN if nothing matters. Blind to whether a player helps or harms."""
        text, image = float(np.abs(self.text).sum()), float(np.abs(self.image).sum())
        return text / (text + image) if text + image > 0 else float("nan")


def mm_shap(value: Value, players_image: int, players_text: int, samples: int, rng: np.random.Generator) -> MmShap:
    """Shapley values of image cells and words, and from them the shares of the modalities.

    Parcalabescu & Frank, "MM-SHAP", 2023. Sampled over random orders of the players, each taken forwards and backwards (Castro, Gomez &
    Tejada, "Polynomial calculation of the Shapley value based on sampling", 2009; Mitchell et al., "Sampling permutations for Shapley value
    estimation", 2022); exact whenever that needs no more coalitions. For additive scores both are exact. Noise does not average out in the
    shares, as they take absolute values: with few samples they drift towards each modality's share of the players.

    Args:
        value: score of coalitions, ``True`` where a player is present: image cells first, then words. A call
            gets at most 4,096 coalitions, or two orders of them if that is more.
        players_image: number of image cells, 0 or more, on a fixed grid.
        players_text: number of words, 0 or more.
        samples: number of random orders; rounded up to an even number.
        rng: random generator.

    Raises:
        UsageError: no player, no sample, or a value that does not return one number per coalition.

    Example:
        >>> weights = np.array([1.0, 2.0, -3.0])
        >>> shares = mm_shap(lambda present: present @ weights, 2, 1, samples=4, rng=np.random.default_rng(0))
        >>> shares.image.round(12).tolist(), shares.text.round(12).tolist(), round(shares.t_shap, 12)
        ([1.0, 2.0], [-3.0], 0.5)
    """
    players = players_image + players_text
    if min(players_image, players_text) < 0 or not players:
        raise UsageError(f"mm_shap needs players: {players_image} image cells and {players_text} words are none.")
    if samples < 1:
        raise UsageError(f"mm_shap needs at least 1 random order, not {samples}.")
    pairs = (samples + 1) // 2
    sampled_cost = 2 * pairs * (players - 1) + 2
    exact = players < 63 and 2**players <= sampled_cost
    raw, scale = _exact(value, players) if exact else _sampled(value, players, pairs, rng)
    values = beyond_rounding(raw, scale)
    return MmShap(values[:players_image], values[players_image:], exact, 2**players if exact else sampled_cost)


def _exact(value: Value, players: int) -> tuple[Float[np.ndarray, " players"], float]:
    """``phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S + i) - v(S))``, and the largest absolute score."""
    coalitions = np.arange(2**players)
    scores = np.concatenate(
        [
            ask(value, (part[:, None] >> np.arange(players) & 1).astype(bool), "value")
            for part in np.array_split(coalitions, math.ceil(len(coalitions) / _ROWS))
        ]
    )
    sizes = (coalitions[:, None] >> np.arange(players) & 1).sum(1)
    weights = np.array([1 / (players * math.comb(players - 1, size)) for size in range(players)])
    shares = np.empty(players)
    for player in range(players):
        without = coalitions[coalitions >> player & 1 == 0]
        shares[player] = weights[sizes[without]] @ (scores[without | 1 << player] - scores[without])
    return shares, float(np.abs(scores).max())


def _sampled(
    value: Value, players: int, pairs: int, rng: np.random.Generator
) -> tuple[Float[np.ndarray, " players"], float]:
    """Mean of what each player adds, over random orders and their reverses; and the largest absolute score."""
    none, everyone = ask(value, np.stack([np.zeros(players, dtype=bool), np.ones(players, dtype=bool)]), "value")
    total, largest = np.zeros(players), max(abs(float(none)), abs(float(everyone)))
    # At least one pair a call; a pair has 2 (players - 1) coalitions between none and everyone.
    block = max(1, _ROWS // (2 * (players - 1)))
    for start in range(0, pairs, block):
        forwards = rng.permuted(np.tile(np.arange(players), (min(block, pairs - start), 1)), axis=1)
        orders = np.concatenate([forwards, forwards[:, ::-1]])
        places = np.argsort(orders, axis=1)  # when each player comes
        present = places[:, None, :] < np.arange(1, players)[None, :, None]
        between = ask(value, present.reshape(-1, players), "value").reshape(len(orders), players - 1)
        ends = np.full((len(orders), 1), none), np.full((len(orders), 1), everyone)
        added = np.diff(np.concatenate([ends[0], between, ends[1]], axis=1), axis=1)
        np.add.at(total, orders, added)
        largest = max(largest, float(np.abs(between).max(initial=0)))
    return total / (2 * pairs), largest
