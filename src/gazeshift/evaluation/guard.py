"""A guard for a product: does a new checkpoint read the text more, and look at the thing less, than the one before?

Every pair is asked with its own text, a paraphrase, a text of another class, and none. What the answers and maps do is recorded pair by
pair, and compared with an earlier record of the same pairs: a change counts if its whole interval lies beyond the noise floor.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL.Image import Image

from gazeshift.data.decode import decode
from gazeshift.edits import EDITS, Corpus, Edited, WholeWords, find_lexicon, random_for
from gazeshift.errors import DataError, UsageError
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.question import MaskReader, Question
from gazeshift.evaluation.viewer import given_viewer
from gazeshift.measures import Figure, crossed_figure
from gazeshift.models import Model, evaluating
from gazeshift.models.adapters.given import Given
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from gazeshift.records import Record
from gazeshift.saliency.asked import check_finite
from gazeshift.saliency.modality import four_of_pair

FORMAT = "gazeshift-guard-1"
TEXTS = ("original", "paraphrase", "other-class")
MARGIN = 0.02
"""The least change that counts, in shares of 1: nobody would act on a smaller one."""
MIN_PAIRS = 10
_CROP = Preprocessing(size=224, crop_fraction=1.0)


@dataclass(frozen=True)
class Watched:
    """A measure that must not get worse.

    Attributes:
        sentence: what a change for the worse means.
        sign: 1 if more of it is worse, -1 if less is.
    """

    sentence: str
    sign: int


WATCHED: dict[str, Watched] = {
    "text_share": Watched("the answer rests more on the text", 1),
    "follows_other_text": Watched("a text of another class switches the answer more often", 1),
    "right_without_text": Watched("the picture alone gives the right answer less often", -1),
    "mask_excess": Watched("the map lies less on the thing", -1),
}
"""What is compared.

``text_share``: ``|t| / (|t| + |i|)`` with the Shapley values of text and image in the logit of the answer, 0 to 1. ``follows_other_text``:
whether a text of another class switches the answer. ``right_without_text``: whether the answer with the empty text is the label; where
the labels are among the classes. ``mask_excess``: mass of the map on the thing beyond what lies on other pairs' things; where there are
masks."""


class GuardRecord(Record):
    """How a model responded to the edits, pair by pair.

    Attributes:
        format: version of this record.
        name: of the model.
        digest: of the model.
        method: of the maps.
        measures: by measure and key; None where it is undefined.
        floor: by measure, how far a paraphrase moves its mean: less is noise.
    """

    format: str = FORMAT
    name: str
    digest: str
    method: str
    measures: dict[str, dict[str, float | None]]
    floor: dict[str, float]


@dataclass(frozen=True)
class Change:
    """How a measure differs between two records.

    Attributes:
        measure: a name in ``WATCHED``.
        before: its mean in the earlier record, over the pairs of both; None if it is defined on too few of them to compare.
        after: its mean now, likewise.
        difference: of the pairs; its interval is over pairs.
        floor: what must be exceeded.
        worse: whether it got worse beyond the floor, or was defined and no longer is.
        recorded: on how many of the pairs of both it was defined in the earlier record.
    """

    measure: str
    before: float | None
    after: float | None
    difference: Figure
    floor: float
    worse: bool
    recorded: int

    @property
    def verdict(self) -> str:
        """``FAILED``, ``passed`` or ``skipped``."""
        if self.worse:
            return "FAILED"
        return "skipped" if self.difference.mean is None else "passed"

    @property
    def sentence(self) -> str:
        """What happened, for people."""
        if self.difference.mean is None and self.worse:
            now = f"and now on {self.difference.n} of them"
            return f"{self.measure} can no longer be computed: it was defined on {self.recorded} pairs, {now}"
        if self.difference.mean is None:
            return f"not compared: {self.measure} is defined on too few pairs in one of the records"
        low, high = self.difference.interval or (float("nan"),) * 2
        numbers = f"{self.measure} {self.before:.3f} -> {self.after:.3f}, by {self.difference.mean:+.3f} [{low:+.3f}, {high:+.3f}]"
        said = WATCHED[self.measure].sentence if self.worse else "no worse than before"
        return f"{said}: {numbers} on {self.difference.n} pairs; the noise floor is {self.floor:.3f}"


def record(
    model: Model,
    pairs: Sequence[Pair],
    corpus: Sequence[Pair],
    classes: Sequence[str],
    method: str = "default",
    progress: Callable[[int], None] = lambda done: None,
) -> GuardRecord:
    """Ask a model about pairs with a fixed set of texts.

    Args:
        model: any model that sees images and reads texts.
        pairs: which are asked.
        corpus: where texts of other classes come from; may be the same pairs.
        classes: of the data.
        method: a saliency method.
        progress: called with the number of pairs done.

    Raises:
        UsageError: a model with one modality.
        ModelError: its outputs are not finite.
        DataError: too few pairs, or no image that can be decoded.
    """
    if not (model.sees_image and model.reads_text):
        raise UsageError(f"model {model.name!r} has only one modality: there is nothing to guard.")
    if len(pairs) < MIN_PAIRS:
        raise DataError(f"a guard needs at least {MIN_PAIRS} pairs; there are {len(pairs)}.")
    texts = _texts(pairs, corpus, classes)
    if isinstance(model, Given):
        model = model.trusted(_picture(pairs[0]), (pairs[0].text, "another text", ""))
    shares: dict[str, dict[str, float | None]] = {edit: {} for edit in ("original", "paraphrase")}
    alone: dict[str, float | None] = {}
    for done, pair in enumerate(pairs, start=1):
        for edit, found in shares.items():
            told = texts[edit][done - 1]
            if told is not None:
                found[pair.key], answer = _text_share(model, pair, told.text)
                if edit == "original" and pair.label in model.classes:
                    alone[pair.key] = float(model.classes[answer] == pair.label)
        progress(done)
    measures = {"text_share": shares["original"], "right_without_text": alone, **_of_maps(model, pairs, texts, method)}
    both = [key for key in shares["paraphrase"] if shares["paraphrase"][key] is not None]
    moved = _mean(shares["paraphrase"], both) - _mean(shares["original"], both) if both else 0.0
    return GuardRecord(
        name=model.name,
        digest=model.digest(),
        method=method,
        measures={name: found for name, found in measures.items() if found},
        floor={"text_share": abs(moved)},
    )


def compare(before: GuardRecord, after: GuardRecord, margin: float = MARGIN) -> tuple[Change, ...]:
    """How every watched measure changed, on the pairs that both records have.

    Args:
        before: the baseline.
        after: the new checkpoint.
        margin: the least change that counts.

    Raises:
        DataError: the records share too few pairs, or are of different methods.
    """
    if before.method != after.method:
        raise DataError(
            f"the baseline has maps of {before.method}, not of {after.method}: record it again, or give --method."
        )
    shared = _keys(before) & _keys(after)
    if len(shared) < MIN_PAIRS:
        raise DataError(
            f"the baseline and these data share {len(shared)} pairs; {MIN_PAIRS} are needed. Record a baseline on these data."
        )
    return tuple(_change(name, before, after, margin) for name in WATCHED if name in before.measures)


def _keys(found: GuardRecord) -> set[str]:
    return {key for values in found.measures.values() for key in values}


def _change(name: str, before: GuardRecord, after: GuardRecord, margin: float) -> Change:
    """How one measure changed on the pairs of both."""
    old, new = before.measures[name], after.measures.get(name, {})
    here = _keys(after)
    recorded = [key for key, value in old.items() if value is not None and key in here]
    keys = [key for key in recorded if new.get(key) is not None]
    floor = max(margin, before.floor.get(name, 0.0), after.floor.get(name, 0.0))
    if len(keys) < MIN_PAIRS:
        lost = len(recorded) >= MIN_PAIRS
        return Change(name, None, None, Figure(None, None, len(keys), 1), floor, worse=lost, recorded=len(recorded))
    difference = crossed_figure(np.array([float(new[key] or 0) - float(old[key] or 0) for key in keys]))
    low, high = difference.interval or (0.0, 0.0)
    worse = (low if WATCHED[name].sign > 0 else -high) > floor
    return Change(name, _mean(old, keys), _mean(new, keys), difference, floor, worse, len(recorded))


def _texts(pairs: Sequence[Pair], corpus: Sequence[Pair], classes: Sequence[str]) -> dict[str, list[Edited | None]]:
    known = Corpus.of(corpus, tuple(classes), find_lexicon("english"))
    made = {name: EDITS[name].build(known, WholeWords()) for name in TEXTS}
    return {name: [edit(pair, random_for(name, pair.key)) for pair in pairs] for name, edit in made.items()}


def _text_share(model: Model, pair: Pair, text: str) -> tuple[float | None, int]:
    """The text's share of the logit of the answer, and the answer with the empty text."""
    bound = model.bind([_picture(pair)], [text, ""])
    with evaluating(bound), torch.autocast(bound.grid.device.type, enabled=False):
        four, _ = four_of_pair(bound)
    check_finite(torch.from_numpy(four.both), pair.key)
    answer = int(four.both[0].argmax())
    shares = four.shapley(np.array([answer]))
    by_text, by_image = abs(float(shares.text[0])), abs(float(shares.image[0]))
    both = by_text + by_image
    return (by_text / both if both > 0 and np.isfinite(both) else None), int(four.image[0].argmax())


def _of_maps(
    model: Model, pairs: Sequence[Pair], texts: dict[str, list[Edited | None]], method: str
) -> dict[str, dict[str, float | None]]:
    question = Question(pairs, texts, MaskReader(_CROP, pairs), method)
    rows = analyse(given_viewer(model, lambda row: _picture(pairs[row])), question).measures
    own, other = (rows[rows["edit"] == edit] for edit in ("original", "other-class"))
    return {
        "follows_other_text": {key: float(value) for key, value in zip(other["key"], other["switched"], strict=True)},
        "mask_excess": {key: _known(value) for key, value in zip(own["key"], own["mask_excess"], strict=True)},
    }


def _picture(pair: Pair) -> Image:
    """The square around the middle, at the photo's own resolution: the same for every model."""
    picture = decode(pair.image, pair.key)
    left, top, right, bottom = _CROP.box(*picture.size)
    return picture.crop((round(left), round(top), round(right), round(bottom)))


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _mean(values: dict[str, float | None], keys: Sequence[str]) -> float:
    return float(np.mean([float(values[key] or 0) for key in keys]))
