"""One picture, a text before and a text after: what the page shows of a model, as plain data."""

import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from PIL import Image
from pydantic import BaseModel, ConfigDict

from gazeshift.app.answers import Token, answers, said_by, target_of, tokens_of
from gazeshift.measures import amplitude, centre_bias, coverage, distribution, jensen_shannon
from gazeshift.models.face import Model
from gazeshift.saliency import SaliencyMaps, shift
from gazeshift.saliency.explain import at_least_one, explain_opened
from gazeshift.saliency.pictures import Picture, open_picture

TOP = 5
"""Classes shown with their probabilities."""

DIGITS = 6
"""Of a share of mass: a cell of a 24 x 24 grid has 0.0017 of a uniform map."""


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Guess(_Data):
    """A class with its probability; None if it is the model's only one."""

    name: str
    probability: float | None


class Look(_Data):
    """The map of one text.

    Attributes:
        text: the text.
        mass: share of the map in each cell, row by row; None where the map is undefined.
        reason: why it is undefined.
        note: a caveat.
        predicted: class predicted with the text.
        explained: class whose map it is.
        top: likeliest classes.
        centre_bias: of the map; None where undefined, like the rest.
        coverage: share of the grid.
        amplitude: log of the positive evidence.
        truncated: the model did not read the end of the text.
        unread: the model knows nothing in it.
        said: the model's own answer to the text, token by token; empty for a model with classes.
    """

    text: str
    mass: tuple[float, ...] | None
    reason: str | None
    note: str | None
    predicted: str
    explained: str
    top: tuple[Guess, ...]
    centre_bias: float | None
    coverage: float | None
    amplitude: float | None
    truncated: bool
    unread: bool
    said: tuple[str, ...]


class Moved(_Data):
    """How far the map went from the first text to another; None where undefined.

    Attributes:
        js_distance: between the two maps that are shown: square root of their Jensen-Shannon divergence in bits, 0 to 1.
        js_bits: divergence of the maps of the classes that are predicted with each text.
        switch: part of ``js_bits`` that comes with another predicted class.
        within: the rest.
        amplitude: change of the log of the positive evidence, for the predicted classes.
        switched: whether the predicted class is another.
    """

    js_distance: float | None
    js_bits: float | None
    switch: float | None
    within: float | None
    amplitude: float | None
    switched: bool


class Gaze(_Data):
    """A model before a picture: a map for each text, and how far each is from the first.

    Attributes:
        rows: of the grid.
        columns: of the grid.
        looks: one for each text.
        moved: one for each text after the first.
        method: of the maps.
        remarks: on how the model was explained.
        tokens: of the answer to the first text, which all maps are of; empty for a model with classes.
    """

    rows: int
    columns: int
    looks: tuple[Look, ...]
    moved: tuple[Moved, ...]
    method: str
    remarks: tuple[str, ...]
    tokens: tuple[Token, ...] = ()


def gaze(model: Model, picture: Picture, texts: Sequence[str], target: str, label: str | None, method: str) -> Gaze:
    """Look at a picture with some texts.

    Args:
        model: any model that sees.
        picture: the picture, or the bytes of its file.
        texts: the first is the one that the others are compared with.
        target: as for ``explain``.
        label: the true class, for ``target="label"``.
        method: a saliency method.

    Raises:
        UsageError, ImageError, ModelError: as ``explain``.

    Example:
        >>> import gazeshift as gs
        >>> found = gaze(gs.load("model"), open("photo.jpg", "rb").read(), ["tuna", "soup"], "predicted", None, "default")  # doctest: +SKIP
        >>> found.moved[0].js_bits  # doctest: +SKIP
        0.21
    """
    return gaze_at(model, open_picture(picture, at_least=model.enough), texts, target, label, method)


def gaze_at(
    model: Model, picture: Image.Image, texts: Sequence[str], target: str, label: str | None, method: str
) -> Gaze:
    """``gaze`` at a picture that is decoded (``open_picture``)."""
    return gaze_with_maps(model, picture, texts, target, label, method)[0]


def gaze_with_maps(
    model: Model, picture: Image.Image, texts: Sequence[str], target: str, label: str | None, method: str
) -> tuple[Gaze, SaliencyMaps]:
    """``gaze_at`` with the raw maps that it tells of: one pass for the maps and for the answers."""
    asked = model.about(picture, texts[0])
    speaks = answers(model, asked)
    target = target_of(model, asked, target)
    explained = explain_opened(model, picture, at_least_one(texts), target, label, method, "image")
    maps, probabilities = explained.maps, explained.probabilities
    heard = model.heard(list(texts))
    count, (height, width) = len(texts), maps.raw.shape[1:]
    p = distribution(maps.raw[:count])
    bias, spread, loudness = centre_bias(p), coverage(p), amplitude(maps.raw[:count])
    looks = tuple(
        Look(
            text=text,
            mass=None if maps.undefined[place] else tuple(np.round(p[place].ravel(), DIGITS).tolist()),
            reason=maps.reasons[place],
            note=maps.notes[place],
            predicted=maps.classes[maps.predicted[place]],
            explained=maps.classes[maps.rows[place].target],
            top=() if speaks else _top(model.classes, probabilities[place]),
            centre_bias=_known(bias[place]),
            coverage=_known(spread[place]),
            amplitude=_known(loudness[place]),
            truncated=heard.truncated[place],
            unread=heard.unread[place],
            said=said_by(model.about(picture, text)) if speaks else (),
        )
        for place, text in enumerate(texts)
    )
    moved = tuple(_moved(maps, place, chooses=not speaks) for place in range(1, count))
    shown = Gaze(
        rows=height,
        columns=width,
        looks=looks,
        moved=moved,
        method=maps.method,
        remarks=maps.remarks,
        tokens=tokens_of(asked, picture, texts) if speaks else (),
    )
    return shown, maps


def _moved(maps: SaliencyMaps, place: int, *, chooses: bool) -> Moved:
    """Tokens of an answer are not chosen among, so that none is predicted, and nothing switches."""
    found = shift(maps, 0, place)
    shown = float(jensen_shannon(distribution(maps.raw[0]), distribution(maps.raw[place])))
    return Moved(
        js_distance=_known(math.sqrt(max(shown, 0.0))),
        js_bits=_known(found.js_bits) if chooses else None,
        switch=_known(found.switch) if chooses else None,
        within=_known(found.within) if chooses else None,
        amplitude=_known(found.amplitude) if chooses else None,
        switched=chooses and found.switched,
    )


def _top(classes: Sequence[str], probabilities: Float[np.ndarray, " classes"]) -> tuple[Guess, ...]:
    best = np.argsort(-probabilities, kind="stable")[:TOP]
    sure = len(classes) > 1
    return tuple(
        Guess(name=classes[i], probability=round(float(probabilities[i]), DIGITS) if sure else None) for i in best
    )


def _known(value: float | np.ndarray) -> float | None:
    return float(value) if math.isfinite(value) else None
