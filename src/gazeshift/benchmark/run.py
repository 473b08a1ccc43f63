"""Ask one model all questions about all sets of pictures."""

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from PIL.Image import Image

from gazeshift.benchmark.aspects import ASPECTS, Asked, asked_about
from gazeshift.benchmark.questions import DECIDES, HONEST, QUESTIONS
from gazeshift.benchmark.record import Answer, ModelResult, Word
from gazeshift.benchmark.scenes import Scenes
from gazeshift.data.decode import decode
from gazeshift.errors import UsageError
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.question import MaskReader, Question
from gazeshift.evaluation.viewer import given_viewer
from gazeshift.models import Model
from gazeshift.models.adapters.given import Given
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing

_WHOLE = Preprocessing(size=448, crop_fraction=1.0)
"""Pictures are square already; masks are brought from here to the grid by area."""


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
        method: a saliency method.
        seed: of the texts.
        tell: called with a line for each part that is asked.

    Raises:
        UsageError: a model with one modality.
        ModelError: its outputs are not finite.
    """
    if not (model.sees_image and model.reads_text):
        raise UsageError(f"model {model.name!r} has only one modality: no text can move its map.")
    answers: list[Answer] = []
    accuracy: dict[str, float] = {}
    for scenes in sets:
        for name, aspect in ASPECTS.items():
            asked = asked_about(aspect, scenes.pairs, seed)
            if not asked.pairs:
                continue
            tell(f"{model.name}: {len(asked.pairs)} {scenes.name}, named by {name}")
            rows = _rows(model, asked, method)
            answers += _answers(scenes.name, name, rows)
            if name == "name":
                own = rows[rows["edit"] == "original"]
                accuracy[scenes.name] = float((own["predicted"] == own["label"]).mean())
    return ModelResult(
        name=model.name,
        address=address,
        digest=model.digest(),
        accuracy=accuracy,
        answers=tuple(answers),
        verdicts={each.scenes: verdict(each) for each in answers if each.question == DECIDES},
    )


def _rows(model: Model, asked: Asked, method: str) -> pd.DataFrame:
    if isinstance(model, Given):
        model = model.trusted(_picture(asked.pairs[0]), (asked.pairs[0].text, "another text", ""))
    question = Question(asked.pairs, asked.texts, MaskReader(_WHOLE, asked.pairs), method)
    rows = analyse(given_viewer(model, lambda row: _picture(asked.pairs[row])), question).measures
    return rows.assign(js_distance=np.sqrt(rows["js_bits"]))


def _picture(pair: Pair) -> Image:
    return decode(pair.image, pair.key)


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


def verdict(answer: Answer) -> Word:
    """``honest`` or ``shortcut`` if the whole interval lies on that side of ``HONEST``."""
    low, high = answer.interval or (0.0, 1.0)
    if low > HONEST:
        return "honest"
    return "shortcut" if high < HONEST else "undecided"
