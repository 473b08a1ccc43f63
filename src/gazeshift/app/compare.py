"""Two models, or two ways to ask one, before the same pictures: what each answers, and how far their maps lie apart."""

import math

from pydantic import BaseModel, ConfigDict

from gazeshift.app.answers import target_of
from gazeshift.app.asked import Side
from gazeshift.evaluation.framing import Framing
from gazeshift.measures import distribution, jensen_shannon, on_common_grid
from gazeshift.models.face import Model
from gazeshift.pairs import Pair
from gazeshift.saliency import SaliencyMaps, explain
from gazeshift.saliency.pictures import open_picture


class Answer(BaseModel):
    """What one side says.

    Attributes:
        text: that it was asked with.
        predicted: class predicted with it.
        probability: of that class; None for a model with a single score, and for one that answers in its own words.
        right: whether it is the label; None if the model has no such class.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    predicted: str
    probability: float | None
    right: bool | None


class Apart(BaseModel):
    """Two sides before a picture.

    Attributes:
        picture: its name in requests.
        label: its class.
        one: the first.
        other: the second.
        differ: whether their answers do; None where the models do not have the same classes.
        js_distance: between their maps on the coarser grid, 0 to 1; None where a map is undefined or explains nothing that both know.
    """

    model_config = ConfigDict(frozen=True)

    picture: str
    label: str
    one: Answer
    other: Answer
    differ: bool | None
    js_distance: float | None


def text_of(side: Side, pair: Pair) -> str:
    """The text of a side: its template with the pair's own text in place of ``{text}``.

    Example:
        >>> text_of(Side(model="m", text="a photo of {text}"), Pair("a.jpg", b"", "apple pie", "pie", "test"))
        'a photo of apple pie'
    """
    return side.text.replace("{text}", pair.text)


def apart(
    models: tuple[Model, Model],
    framings: tuple[Framing, Framing],
    texts: tuple[str, str],
    picture: str,
    pair: Pair,
    target: str,
    method: str,
) -> Apart:
    """Compare two sides before a picture of the data.

    Args:
        models: of the two sides; may be the same.
        framings: where their maps lie on whole pictures: they may see different parts.
        texts: of the two sides.
        picture: its name in requests.
        pair: its pair.
        target: as for ``explain``; ``reference`` is what the first side predicts, for both.
        method: a saliency method.

    Raises:
        UsageError, ImageError, ModelError: as ``explain``.
    """
    first, second = models
    one = _explained(first, pair, texts[0], target, method)
    wanted = one.classes[one.rows[0].target] if target == "reference" else target
    same = set(first.classes) == set(second.classes)
    known = wanted in ("predicted", "label") or wanted in second.classes or " rather than " in wanted
    other = _explained(second, pair, texts[1], wanted if known else "predicted", method)
    answers = (_answer(one, texts[0], pair.label), _answer(other, texts[1], pair.label))
    where = (one.raw[0], other.raw[0])
    if first is not second:
        size = open_picture(pair.image).size
        where = (framings[0].place(one.raw[:1], size)[0], framings[1].place(other.raw[:1], size)[0])
    bits = float(jensen_shannon(*on_common_grid(distribution(where[0]), distribution(where[1]))))
    return Apart(
        picture=picture,
        label=pair.label,
        one=answers[0],
        other=answers[1],
        differ=answers[0].predicted != answers[1].predicted if same else None,
        js_distance=math.sqrt(max(bits, 0.0)) if known and math.isfinite(bits) else None,
    )


def _explained(model: Model, pair: Pair, text: str, target: str, method: str) -> SaliencyMaps:
    asked = model.about(open_picture(pair.image, at_least=model.enough), text)
    return explain(model, pair.image, [text], target_of(model, asked, target), label=pair.label, method=method)


def _answer(maps: SaliencyMaps, text: str, label: str) -> Answer:
    chosen = maps.predicted[0]
    found = [row.probability for row in maps.rows if row.target == chosen]
    probability = found[0] if found and len(maps.classes) > 1 and math.isfinite(found[0]) else None
    return Answer(
        text=text,
        predicted=maps.classes[chosen],
        probability=probability,
        right=maps.classes[chosen] == label if label in maps.classes else None,
    )
