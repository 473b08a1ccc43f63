"""Modifiers crossed with images: how far each word before the class's name moves the map, and how much it widens it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int
from torch import Tensor

from gazeshift.atomic import write_json
from gazeshift.edits import (
    BARE,
    Corpus,
    MatchedModifiers,
    ModifiedText,
    Pieces,
    crossed_texts,
    find_lexicon,
    matched_modifiers,
    word_use,
)
from gazeshift.evaluation.question import Question, TextSource
from gazeshift.evaluation.viewer import Viewer
from gazeshift.mapstore.store import write_table
from gazeshift.measures import coverage, decompose, distribution
from gazeshift.models import TextFeatures
from gazeshift.pairs import Pair
from gazeshift.saliency.asked import Asked

SHARD = 16
"""Images at once; each comes with all its texts."""

NEEDED = ("colour", "position", "nonsense")
"""Kinds that the claims compare, so that a study's lexicon must have them; its other kinds are crossed with the images too."""

MADE_UP = "nonsense"
"""No vocabulary has a made-up word as a single piece, so made-up words are matched among themselves, all other kinds with one another."""


@dataclass(frozen=True)
class Modifiers:
    """The words of a study: real kinds matched with one another, made-up words among themselves."""

    real: MatchedModifiers
    nonsense: MatchedModifiers

    @classmethod
    def of(cls, lexicon: str, count: int, pieces: Pieces) -> "Modifiers":
        """The words that a tokenizer and a lexicon allow.

        Raises:
            ConfigError: no such lexicon, or too few words of a kind are left.
        """
        words = find_lexicon(lexicon)
        real = matched_modifiers(words, pieces, count, kinds=[kind for kind in words.kinds if kind != MADE_UP])
        return cls(real, matched_modifiers(words, pieces, real.per_kind, kinds=[MADE_UP]))

    def texts(self, pair: Pair) -> list[ModifiedText]:
        """The bare name of a pair's class, then the name with every word."""
        return [*crossed_texts(pair, self.real), *crossed_texts(pair, self.nonsense)[1:]]

    def write(self, corpus: Corpus, store: Path) -> None:
        """Write to the store what was chosen and left out (``modifiers.json``), and the words' covariates (``words.parquet``).

        The table: word, label, ``frequency`` in the training titles, ``pmi`` of word and class in bits, ``absent`` from training.
        """
        chosen = {**self.real.words, **self.nonsense.words}
        facts = {
            "words": chosen,
            "pieces": {"real": self.real.pieces, "nonsense": self.nonsense.pieces},
            "excluded": {**self.real.excluded_counts(), **self.nonsense.excluded_counts()},
        }
        chosen_file, words_file = modifier_files(store)
        write_json(chosen_file, facts, indent=2)
        words = [word for kind in chosen.values() for word in kind]
        write_table(
            [
                {"word": word, "label": label, "frequency": use.frequency, "pmi": pmi, "absent": use.absent}
                for word, use in word_use(corpus, words).items()
                for label, pmi in use.pmi.items()
            ],
            words_file,
        )


def modifier_files(store: Path) -> tuple[Path, Path]:
    """What ``Modifiers.write`` writes to a store: the chosen words and their covariates."""
    return store / "modifiers.json", store / "words.parquet"


def modifier_rows(viewer: Viewer, question: Question, encode: TextSource | None = None) -> pd.DataFrame:
    """Measures of every image with every modified text against the bare one.

    Args:
        viewer: a model that sees images and reads texts, with the question's pairs.
        question: a question with ``crossed`` texts, the bare one first.
        encode: encodes texts, to see how far these move; None if the model does not show that.

    Returns:
        key, label, kind, word, truth; ``js_bits``, ``js_distance`` and ``coverage_change`` from the bare text's map to this one's, each of
        the class predicted with its own text; ``switch`` and ``within``, the split of ``js_bits``; ``switched``; ``text_change``, the
        length of the change of the encoded text. NaN where a map is undefined.
    """
    parts = [_shard(viewer, question, shard, encode) for shard in viewer.shards(len(question.pairs), SHARD)]
    return pd.concat(parts, ignore_index=True)


def _shard(viewer: Viewer, question: Question, shard: range, encode: TextSource | None) -> pd.DataFrame:
    asked = [(index, text) for index in shard for text in question.crossed[index]]
    said = [text.text for _, text in asked]
    bound = viewer.bind(shard, said)
    device = bound.grid.device
    image = torch.tensor([index - shard.start for index, _ in asked], device=device)
    text = torch.arange(len(asked), device=device)
    bare = torch.tensor(_bare_rows([text for _, text in asked]), device=device)
    rows = Asked.of(bound, image, text)
    before, now = rows.predicted[bare], rows.predicted
    m00, m10, m01, m11 = (
        viewer.placed(_maps(rows, question.method, which, classes), shard)
        for which, classes in ((bare, before), (bare, now), (text, before), (text, now))
    )
    change = decompose(m00, m10, m01, m11)
    p, q = distribution(m00), distribution(m11)
    frame = pd.DataFrame(
        {
            "key": [question.pairs[index].key for index, _ in asked],
            "label": [question.pairs[index].label for index, _ in asked],
            "kind": [text.kind for _, text in asked],
            "word": [text.word for _, text in asked],
            "truth": [text.truth or "unknown" for _, text in asked],
            "js_bits": change.both,
            "js_distance": np.sqrt(change.both),
            "coverage_change": coverage(q) - coverage(p),
            "switch": change.switch,
            "within": change.within,
            "switched": (before != now).cpu().numpy(),
            "text_change": np.nan if encode is None else _text_change(encode(said), bare),
        }
    )
    return frame[frame["kind"] != BARE]


def _bare_rows(texts: Sequence[ModifiedText]) -> list[int]:
    """For each text the row of its image's bare text, the last one at or before it."""
    rows, current = [], 0
    for row, text in enumerate(texts):
        current = row if text.kind == BARE else current
        rows.append(current)
    return rows


def _text_change(encoded: TextFeatures, bare: Int[Tensor, " r"]) -> np.ndarray:
    return (encoded.pooled - encoded.pooled[bare]).norm(dim=1).cpu().numpy()


def _maps(rows: Asked, method: str, text: Int[Tensor, " r"], classes: Int[Tensor, " r"]) -> np.ndarray:
    """Maps of some texts, each with a class; identical ones are computed once."""
    unique, place = torch.unique(torch.stack([text, classes], dim=1), dim=0, return_inverse=True)
    return rows.at(unique[:, 0]).maps(unique[:, 1], method)[place.cpu().numpy()]
