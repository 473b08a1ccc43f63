"""What one sees, to take along: a figure, the maps, the numbers, and the lines of Python that make them again."""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from PIL.Image import Image

from gazeshift.app.asked import AskScene
from gazeshift.app.gaze import Gaze, gaze_with_maps
from gazeshift.drawing.gaze_figure import GazeRow, Kind, gaze_figure
from gazeshift.models.addresses import HUB, PYTHON, Address
from gazeshift.models.face import Model
from gazeshift.pairs import ImageSource, Pair
from gazeshift.saliency import SaliencyMaps
from gazeshift.saliency.pictures import open_picture

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Shown:
    """A model on the page.

    Attributes:
        name: on the page.
        address: where it was opened; None if nobody said.
        digest: fingerprint of the model.
        view: the picture as it sees it.
        maps: raw and signed.
        gaze: what the page shows of them.
    """

    name: str
    address: Address | None
    digest: str
    view: Image
    maps: SaliencyMaps
    gaze: Gaze


def show(
    name: str, model: Model, address: Address | None, source: ImageSource, asked: AskScene, label: str | None
) -> Shown:
    """A model before a picture with two texts, with everything that a file may hold.

    Args:
        name: the model's on the page.
        model: the model.
        address: where it was opened.
        source: the picture.
        asked: the texts, the target and the method.
        label: the true class, for ``target="label"``.

    Raises:
        UsageError, ImageError, ModelError: as ``explain``.
    """
    opened = open_picture(source, at_least=model.enough)
    seen, maps = gaze_with_maps(model, opened, asked.texts, asked.target, label, asked.method)
    return Shown(
        name=name,
        address=address,
        digest=model.digest(),
        view=model.view(open_picture(source)),
        maps=maps,
        gaze=seen,
    )


@dataclass(frozen=True)
class Scene:
    """What the page shows.

    Attributes:
        picture: its name in requests.
        pair: of the data; None if the picture was dropped.
        root: of the data; None if there are none.
        texts: before and after.
        target: as for ``explain``.
        method: a saliency method.
        models: side by side.
    """

    picture: str
    pair: Pair | None
    root: str | None
    texts: tuple[str, str]
    target: str
    method: str
    models: Sequence[Shown]


@dataclass(frozen=True)
class Export:
    """A kind of file.

    Attributes:
        ending: of its name.
        media: its media type.
        content: its bytes.
    """

    ending: str
    media: str
    content: Callable[[Scene], bytes]


def _figure(kind: Kind, scene: Scene) -> bytes:
    return gaze_figure([_row(each) for each in scene.models], scene.texts, kind)


def _row(shown: Shown) -> GazeRow:
    before, after = (
        None if look.mass is None else np.array(look.mass).reshape(shown.gaze.rows, shown.gaze.columns)
        for look in shown.gaze.looks
    )
    return GazeRow(
        name=shown.name,
        view=shown.view,
        before=before,
        after=after,
        explained=(shown.gaze.looks[0].explained, shown.gaze.looks[1].explained),
        distance=shown.gaze.moved[0].js_distance,
    )


def _arrays(scene: Scene) -> bytes:
    """Arrays of model ``n``: ``raw_n`` (texts, rows, columns), signed, and ``explained_n``; ``models`` and ``texts`` name them."""
    file = io.BytesIO()
    arrays: dict[str, Any] = {
        "texts": np.array(scene.texts),
        "models": np.array([each.name for each in scene.models]),
        **{f"raw_{n}": each.maps.raw[: len(scene.texts)] for n, each in enumerate(scene.models)},
        **{
            f"explained_{n}": np.array([look.explained for look in each.gaze.looks])
            for n, each in enumerate(scene.models)
        },
    }
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def _json(scene: Scene) -> bytes:
    pair = scene.pair
    record = {
        "schema_version": SCHEMA_VERSION,
        "data": scene.root,
        "key": None if pair is None else pair.key,
        "label": None if pair is None else pair.label,
        "texts": scene.texts,
        "target": scene.target,
        "method": scene.method,
        "models": [
            {
                "name": each.name,
                "address": None if each.address is None else each.address.at,
                "digest": each.digest,
                **each.gaze.model_dump(),
            }
            for each in scene.models
        ],
    }
    return (json.dumps(record, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode()


def _python(scene: Scene) -> bytes:
    named = [opening(each) for each in scene.models]
    imports = sorted({line for lines, _ in named for line in lines} | {"import gazeshift as gs"})
    picture, more = _picture(scene)
    label = "" if scene.pair is None else f", label={scene.pair.label!r}"
    return "\n".join(
        [
            *imports,
            *more,
            "",
            f"picture = {picture}",
            f"texts = [{scene.texts[0]!r}, {scene.texts[1]!r}]",
            "models = {",
            *(f"    {each.name!r}: {call}," for each, (_, call) in zip(scene.models, named, strict=True)),
            "}",
            "for name, model in models.items():",
            f"    maps = gs.explain(model, picture, texts, target={scene.target!r}{label}, method={scene.method!r})",
            "    moved = gs.shift(maps, 0, 1)",
            "    print(name, moved.before, moved.after, moved.js_bits, moved.switch, moved.within)",
            "",
        ]
    ).encode()


def opening(shown: Shown) -> tuple[tuple[str, ...], str]:
    """How a model is opened in Python: lines to import, and an expression."""
    if shown.address is None:
        return (), f"gs.load({shown.name!r})"
    at, asked = shown.address.at, shown.address.question
    if at.startswith(PYTHON):
        module, _, factory = at.removeprefix(PYTHON).partition(":")
        return (f"import {module}",), f"{module}.{factory}()"
    if not at.startswith(HUB):
        return (), f"gs.load({at!r})"
    said = {
        "as_": asked.as_,
        "prompt": asked.prompt,
        "classes": asked.classes,
        "trust_remote_code": asked.trust_remote_code,
    }
    options = "".join(f", {name}={value!r}" for name, value in said.items() if value)
    return (), f"gs.from_hub({at.removeprefix(HUB)!r}{options})"


def _picture(scene: Scene) -> tuple[str, tuple[str, ...]]:
    """The picture in Python, and what has to be imported for it."""
    pair = scene.pair
    if pair is None:
        return '"photo.png"  # the picture that you dropped on the page', ()
    if isinstance(pair.image, Path):
        return repr(str(pair.image)), ()
    if scene.root is None:
        return f"{pair.key!r}  # of your data", ()
    found = f"next(pair.image for pair in load_pairs({scene.root!r}, optional={{'text'}}).pairs if pair.key == {pair.key!r})"
    return found, ("from gazeshift.data.sources import load_pairs",)


EXPORTS: Mapping[str, Export] = MappingProxyType(
    {
        "png": Export(".png", "image/png", partial(_figure, "png")),
        "svg": Export(".svg", "image/svg+xml", partial(_figure, "svg")),
        "npz": Export(".npz", "application/octet-stream", _arrays),
        "json": Export(".json", "application/json", _json),
        "python": Export(".py", "text/x-python", _python),
    }
)
"""Kinds of files by name."""
