"""Ask one model all questions about all sets of pictures."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from PIL.Image import Image

from gazeshift.benchmark.aspects import ASPECTS, NAMES_ANOTHER, Asked, asked_about
from gazeshift.benchmark.questions import DECIDES, FOLLOWS, HONEST, QUESTIONS, right
from gazeshift.benchmark.record import Answer, ModelResult, Word
from gazeshift.benchmark.regions import SQUARE
from gazeshift.benchmark.scenes import Scenes
from gazeshift.data.decode import decode
from gazeshift.errors import UsageError
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.question import MaskReader, Question
from gazeshift.evaluation.viewer import given_viewer
from gazeshift.models import Model
from gazeshift.models.adapters.given import Given
from gazeshift.pairs import Pair
from gazeshift.registry import folded, known_name
from gazeshift.saliency.cams import DEFAULT, METHODS

ROUNDING = 1e-4
"""Jensen-Shannon distance below which two maps are the same: the root of what rounding leaves of its square in float32."""


def run_benchmark(
    model: Model,
    address: str,
    sets: Sequence[Scenes],
    *,
    method: str = "default",
    seed: int = 0,
    tell: Callable[[str], None] = lambda line: None,
) -> ModelResult:
    """What the text does to where a model looks, where the truth is known.

    Args:
        model: sees images and reads texts.
        address: where it was opened, for the record.
        sets: the pictures.
        method: a saliency method; ``default`` is the one that suits the model.
        seed: of the texts.
        tell: called with a line for each part that is asked.

    Raises:
        UsageError: a model with one modality, or a method that it has no maps of.
        ModelError: its outputs are not finite.
    """
    check_modalities(model)
    method = method if folded(method) == DEFAULT else known_name(METHODS, method, "method")
    answers: list[Answer] = []
    accuracy: dict[str, float] = {}
    verdicts: dict[str, Word] = {}
    for scenes in sets:
        moved = 0.0
        for name, aspect in ASPECTS.items():
            asked = asked_about(aspect, scenes.pairs, seed, scenes.reworded)
            if not asked.pairs:
                continue
            tell(f"{model.name}, {method}: {len(asked.pairs)} {scenes.name}, named by {name}")
            rows = _rows(model, asked, method)
            answers += _answers(scenes.name, name, rows)
            moved = max(moved, float(rows["js_distance"].max()))
            if name == "name" and (told := right(rows)).mean is not None:
                accuracy[scenes.name] = told.mean
        verdicts[scenes.name] = verdict([each for each in answers if each.scenes == scenes.name], moved)
    return ModelResult(
        name=model.name,
        address=address,
        digest=model.digest(),
        method=method,
        accuracy=accuracy,
        answers=tuple(answers),
        verdicts=verdicts,
    )


def check_modalities(model: Model) -> None:
    """Whether a text can do anything to its maps at all.

    Raises:
        UsageError: it sees no image, or reads no text.
    """
    if not (model.sees_image and model.reads_text):
        raise UsageError(f"model {model.name!r} has only one modality: no text can move its map.")


def _rows(model: Model, asked: Asked, method: str) -> pd.DataFrame:
    if isinstance(model, Given):
        model = model.trusted(_picture(asked.pairs[0]), (asked.pairs[0].text, "another text", ""))
    question = Question(asked.pairs, asked.texts, MaskReader(SQUARE, asked.pairs), method)
    rows = analyse(given_viewer(model, lambda row: _picture(asked.pairs[row])), question).measures
    right = (rows["predicted"] == rows["label"]).astype(float).where(rows["label"].isin(model.classes))
    return rows.assign(js_distance=np.sqrt(rows["js_bits"]), target_gain=_gains(asked, rows), right=right)


def _gains(asked: Asked, rows: pd.DataFrame) -> pd.Series:
    """Mass that what another text names gains; where that is not in the picture, mass that the named thing loses."""
    own = rows[rows["edit"] == "original"].set_index("key")["mask_mass"]
    lost = rows["key"].map(own) - rows["mask_mass"]
    others = zip(asked.pairs, asked.texts[NAMES_ANOTHER], strict=True)
    absent = {pair.key for pair, other in others if other is not None and other.refers is None}
    return rows["target_gain"].where(~rows["key"].isin(absent), lost)


def _picture(pair: Pair) -> Image:
    """The square around the middle, at the photo's own resolution: the same for every model."""
    picture = decode(pair.image, pair.key)
    left, top, right, bottom = SQUARE.box(*picture.size)
    return picture.crop((round(left), round(top), round(right), round(bottom)))


def _answers(scenes: str, aspect: str, rows: pd.DataFrame) -> list[Answer]:
    undefined = float((~rows.loc[rows["edit"] == "original", "defined"].astype(bool)).mean())
    found = []
    for name, question in QUESTIONS.items():
        if question.aspect == aspect:
            figure = question.measure(rows)
            found.append(
                Answer(
                    scenes=scenes,
                    question=name,
                    sentence=question.sentence,
                    value=figure.mean,
                    interval=figure.interval,
                    chance=question.chance,
                    unit=question.unit,
                    n=figure.n,
                    undefined=undefined,
                )
            )
    return found


def verdict(answers: Sequence[Answer], moved: float) -> Word:
    """``honest`` if the map follows the text and the picture decides between two names, ``shortcut`` if one of the two does not hold.

    It holds if a whole interval lies above ``HONEST``, and of two names above chance; it does not if one lies below ``HONEST``. ``blind``
    if no text moves the map.

    Args:
        answers: to all questions about one set.
        moved: how far a text moves a map at most (Jensen-Shannon distance).
    """
    if moved < ROUNDING:
        return "blind"
    found = {each.question: each for each in answers if each.interval is not None}
    follows, decides = (_interval(found.get(name)) for name in (FOLLOWS, DECIDES))
    if follows is None:
        return "undecided"
    if follows[1] < HONEST or (decides is not None and decides[1] < HONEST):
        return "shortcut"
    chance = QUESTIONS[DECIDES].chance
    return "honest" if follows[0] > HONEST and (decides is None or decides[0] > chance) else "undecided"


def _interval(answer: Answer | None) -> tuple[float, float] | None:
    return None if answer is None else answer.interval
