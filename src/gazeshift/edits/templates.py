"""Modifiers crossed with images: kinds matched by the number of pieces, one template, and their truth in a known scene."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gazeshift.edits.lexicon import BARE, Lexicon
from gazeshift.edits.pieces import Pieces
from gazeshift.errors import ConfigError
from gazeshift.names import spoken
from gazeshift.pairs import Pair

MIN_WORDS = 2
"""With fewer words of a kind than this, nothing can be concluded about the kind."""

Truth = Literal["true", "elsewhere", "absent", "unknown"]


@dataclass(frozen=True)
class MatchedModifiers:
    """Words that one tokenizer splits into the same number of pieces, equally many of each kind.

    Attributes:
        lexicon: the lexicon that they come from.
        words: by kind, in the lexicon's order.
        pieces: how many pieces each word has.
        excluded: by kind, every other word of the lexicon with the reason.
    """

    lexicon: Lexicon
    words: Mapping[str, tuple[str, ...]]
    pieces: int
    excluded: Mapping[str, Mapping[str, str]]

    @property
    def per_kind(self) -> int:
        """How many words each kind has."""
        return min(map(len, self.words.values()))

    def excluded_counts(self) -> dict[str, dict[str, int]]:
        """How many words of each kind were left out for each reason."""
        return {kind: dict(sorted(Counter(reasons.values()).items())) for kind, reasons in self.excluded.items()}


def matched_modifiers(
    lexicon: Lexicon,
    pieces: Pieces,
    per_kind: int | None = None,
    seed: int = 0,
    *,
    kinds: Sequence[str] | None = None,
    nouns: Collection[str] = (),
    seen: Collection[str] | None = None,
) -> MatchedModifiers:
    """Choose modifiers with the same number of pieces, equally many of each kind; the number of pieces that keeps the most words is used.

    Args:
        lexicon: the candidates.
        pieces: the model's tokenizer; words unknown to it are left out.
        per_kind: maximum number of words per kind; None for all that match.
        seed: random seed of the draw, if a kind has more words than the others or than ``per_kind``.
        kinds: the kinds to match with one another; None for all in the lexicon. No word-piece vocabulary has a nonsense word as one
            piece, so matching nonsense too leaves out the common words of the other kinds.
        nouns: the texts' nouns. If a tokenizer splits a word differently next to a noun (byte pairs, scripts without spaces), only
            words are kept for which the whole texts have the same number of pieces with each noun.
        seen: words that occur in the training titles (see ``word_use``); if given, all others are left out. A vocabulary built from
            the training titles spells unseen words letter by letter: the tokenizer knows them, but the model does not.

    Raises:
        ConfigError: fewer than two words of a kind are left, or the lexicon has no such kind.

    Example:
        >>> from gazeshift.edits.lexicon import shipped
        >>> from gazeshift.edits.pieces import WholeWords
        >>> matched = matched_modifiers(shipped("english"), WholeWords(), per_kind=20)
        >>> matched.pieces, {kind: len(words) for kind, words in matched.words.items()}
        (1, {'colour': 20, 'position': 20, 'material': 20, 'nonsense': 20})
    """
    if per_kind is not None and per_kind < MIN_WORDS:
        raise ConfigError(
            f"lexicon {lexicon.name}: {per_kind} words per kind are too few; ask for {MIN_WORDS} or more."
        )
    candidates = {kind: lexicon.words(kind) for kind in kinds or lexicon.kinds}
    unusable = {kind: _unusable(words, pieces, seen) for kind, words in candidates.items()}
    lengths = {
        kind: {word: _lengths(word, lexicon, pieces, nouns) for word in words if word not in unusable[kind]}
        for kind, words in candidates.items()
    }
    chosen = _commonest(lengths)
    fitting = {kind: [word for word in known if known[word] == chosen] for kind, known in lengths.items()}
    _enough(lexicon, unusable, lengths, fitting)
    most = min(map(len, fitting.values()))
    count = most if per_kind is None else min(most, per_kind)
    words = {kind: _draw(kind, fitting[kind], count, seed) for kind in candidates}
    excluded = {
        kind: {
            word: unusable[kind].get(word) or _reason(lengths[kind][word], chosen)
            for word in candidates[kind]
            if word not in words[kind]
        }
        for kind in candidates
    }
    return MatchedModifiers(lexicon, words, chosen[0], excluded)


def _unusable(words: Sequence[str], pieces: Pieces, seen: Collection[str] | None) -> dict[str, str]:
    unknown = {word: "unknown to the tokenizer" for word in words if not pieces.knows(word)}
    unseen = {word: "not in the training titles" for word in words if seen is not None and word not in seen}
    return unseen | unknown


Lengths = tuple[int, ...]
"""Pieces of a word alone, then of its text with each noun."""


def _lengths(word: str, lexicon: Lexicon, pieces: Pieces, nouns: Collection[str]) -> Lengths:
    return pieces.count(word), *(pieces.count(lexicon.phrase(word, noun)) for noun in sorted(nouns))


def _commonest(lengths: Mapping[str, Mapping[str, Lengths]]) -> Lengths:
    """The lengths shared by most words of the smallest kind; then by most words overall; then the shortest."""
    counts = {kind: Counter(known.values()) for kind, known in lengths.items()}
    found = sorted({own for kind in counts.values() for own in kind})
    if not found:
        return (0,)
    return max(found, key=lambda own: (min(c[own] for c in counts.values()), sum(c[own] for c in counts.values())))


def _enough(
    lexicon: Lexicon,
    unusable: Mapping[str, Mapping[str, str]],
    lengths: Mapping[str, Mapping[str, Lengths]],
    fitting: Mapping[str, Sequence[str]],
) -> None:
    kind = min(fitting, key=lambda kind: len(fitting[kind]))
    left = len(fitting[kind])
    if left >= MIN_WORDS:
        return
    reasons = Counter({"split into a different number of pieces than the other kinds": len(lengths[kind]) - left})
    reasons.update(unusable[kind].values())
    advice = f"add {kind} words to your own lexicon, or match fewer kinds"
    if reasons["unknown to the tokenizer"] > sum(reasons.values()) / 2:
        advice = (
            "use a lexicon in the language of the training texts, or a tokenizer that covers the lexicon's language"
        )
    said = ", ".join(f"{count} {reason}" for reason, count in reasons.items() if count)
    raise ConfigError(
        f"lexicon {lexicon.name}: only {left} of {len(lexicon.words(kind))} {kind} words can be matched, and {MIN_WORDS} are needed "
        f"({said}); {advice}."
    )


def _draw(kind: str, words: Sequence[str], count: int, seed: int) -> tuple[str, ...]:
    order = np.random.default_rng([seed, *kind.encode()]).permutation(len(words))[:count]
    return tuple(words[place] for place in sorted(order))


def _reason(own: Lengths, chosen: Lengths) -> str:
    if own[0] != chosen[0]:
        return "a different number of pieces"
    return "not drawn" if own == chosen else "split differently next to a noun"


@dataclass(frozen=True)
class ModifiedText:
    """A noun with a modifier.

    Attributes:
        kind: kind of the modifier; ``bare`` without one.
        word: the modifier; empty without one.
        text: the text.
        truth: ``true``: it holds for the object of the pair's label; ``elsewhere``: for another object of the scene; ``absent``: for none;
            ``unknown``: no scene is known, or the scene does not cover such words. None for the bare text.
        refers: index of the object that the modifier is true of, if there is exactly one; for the bare text, the label's object.
    """

    kind: str
    word: str
    text: str
    truth: Truth | None
    refers: int | None


def crossed_texts(pair: Pair, matched: MatchedModifiers, noun: str | None = None) -> list[ModifiedText]:
    """The bare noun, then the noun with every matched modifier: the same texts for every pair of a class.

    In a known scene the truth of a colour is read from the objects, that of a position from the captions of kind ``position``; a
    position that no caption assigns to any object is unknown, not absent.

    Args:
        pair: its label gives the noun, its scene (if known) the truth.
        matched: the modifiers.
        noun: a noun to use instead of the label.

    Example:
        >>> from gazeshift.edits.lexicon import shipped
        >>> from gazeshift.edits.pieces import WholeWords
        >>> matched = matched_modifiers(shipped("english"), WholeWords(), per_kind=2)
        >>> texts = crossed_texts(Pair("a", b"", "", "apple_pie", "test"), matched)
        >>> len(texts), texts[0].text, texts[1].text.endswith(" apple pie"), texts[1].truth
        (9, 'apple pie', True, 'unknown')
    """
    noun = spoken(pair.label) if noun is None else noun
    # The label's object: the pair's own text may refer to another, or to none.
    own = next((scene_object.index for scene_object in pair.objects if scene_object.name == pair.label), None)
    crossed = [ModifiedText(BARE, "", noun, None, own)]
    for kind, words in matched.words.items():
        for word in words:
            truth, refers = _truth(pair, own, kind, matched.lexicon.means.get(word, word))
            crossed.append(ModifiedText(kind, word, matched.lexicon.phrase(word, noun), truth, refers))
    return crossed


def _truth(pair: Pair, own: int | None, kind: str, meaning: str) -> tuple[Truth, int | None]:
    if kind == "colour" and any(each.colour for each in pair.objects):
        so = {scene_object.index for scene_object in pair.objects if scene_object.colour == meaning}
        otherwise: Truth = "absent"
    elif kind == "position":
        so = {
            caption.referred
            for caption in pair.captions
            if caption.kind == "position" and caption.content == meaning and caption.referred is not None
        }
        otherwise = "unknown"
    else:
        return "unknown", None
    if own in so:
        return "true", own
    return ("elsewhere", so.pop() if len(so) == 1 else None) if so else (otherwise, None)
