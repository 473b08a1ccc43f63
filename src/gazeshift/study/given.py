"""Models of a study that were not trained here: opened by their address, shown the study's crops, evaluated on the same pairs."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from PIL.Image import Image

from gazeshift.data.decode import decode
from gazeshift.errors import ConfigError, GazeshiftError, ModelError
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.class_maps import write_class_maps
from gazeshift.evaluation.equivariance import DIRECTIONS, given_equivariance_rows, window_boxes
from gazeshift.evaluation.modifiers import modifier_rows
from gazeshift.evaluation.question import Question
from gazeshift.evaluation.reading import with_reading
from gazeshift.evaluation.viewer import Viewer, given_viewer
from gazeshift.mapstore.store import Row, write_maps, write_table
from gazeshift.models.adapters.given import Given
from gazeshift.models.addresses import Address
from gazeshift.models.addresses import Question as Asking
from gazeshift.models.face import Model
from gazeshift.pairs import Pair
from gazeshift.preprocessing import INTERPOLATIONS, Preprocessing
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.saliency.asked import Asked, check_finite
from gazeshift.study.config import StudyConfig
from gazeshift.study.pairs import evenly
from gazeshift.study.sections import ModelConfig


@dataclass(frozen=True, eq=False)
class GivenModels:
    """The given models of a study, each opened once.

    Attributes:
        study: the settings.
        classes: the data's.
    """

    study: StudyConfig
    classes: tuple[str, ...]

    @cached_property
    def opened(self) -> dict[str, Model]:
        """Every given model by its name in the study.

        Raises:
            ConfigError: one cannot be opened; names its key.
        """
        by_address: dict[Address, Model] = {}
        found = {}
        for name, own in self.study.models.items():
            if own.from_ is None:
                continue
            address = address_of(own, self.classes)
            if address not in by_address:
                by_address[address] = _open(name, address)
            found[name] = by_address[address]
            self._check(name, found[name])
        return found

    def _check(self, name: str, model: Model) -> None:
        declared = self.study.structure(name).reads_text
        if declared and not model.reads_text:
            raise ConfigError(f"models.{name}: this model reads no text; say so with reads_text: false.")


def address_of(own: ModelConfig, classes: Sequence[str]) -> Address:
    """Where a model is, and how it is asked: about the data's classes, unless the study names others."""
    assert own.from_ is not None  # noqa: S101 (asked before; this tells the type checker)
    if own.from_.startswith("hub:"):
        asked = own.classes or (tuple(classes) if own.as_ != "matching" else ())
        return Address(own.from_, Asking(own.as_, asked, own.prompt, own.trust_remote_code))
    return Address(own.from_)


def _open(name: str, address: Address) -> Model:
    try:
        return address.open()
    except GazeshiftError as error:
        raise ConfigError(f"models.{name}.from: {error}") from error


@dataclass(frozen=True, eq=False)
class GivenUnit:
    """One given model, and the pairs that it is evaluated on.

    Attributes:
        unit: the model, with the study's first seed.
        model: the model.
        silent: whether it is told the empty text, whatever the pair's.
        crop: the study's crop, which is cut out at the photo's own resolution.
        test: all test pairs.
        windows: on how many of the explained pairs the crop's window is shifted.
    """

    unit: Unit
    model: Model
    silent: bool
    crop: Preprocessing
    test: Sequence[Pair]
    windows: int = 0

    def write(self, question: Question, run: RunFolder) -> None:
        """Predictions for all test pairs, and maps and measures of the question's, into the store of the run.

        Raises:
            ConfigError: the model cannot be explained; names its key.
        """
        try:
            self._write(question, run)
        except ModelError as error:
            raise ConfigError(f"models.{self.unit.model}: {error}") from error

    def _write(self, question: Question, run: RunFolder) -> None:
        write_table([{**self.unit.tag, **row} for row in self._predictions()], run.part(self.unit, "predictions"))
        if self.silent:
            question = question.with_texts({"original": question.texts["original"]})
        viewer = self.viewer(question.pairs)
        found = analyse(viewer, question)
        write_maps(found.maps, run.maps(self.unit))
        write_table(with_reading(found.measures, None).assign(**self.unit.tag), run.part(self.unit, "measures"))
        if not viewer.reads_text:
            write_class_maps(viewer, question, run.class_maps(self.unit))
        elif question.crossed:
            write_table(modifier_rows(viewer, question).assign(**self.unit.tag), run.part(self.unit, "modifiers"))
        if self.windows:
            shifted = evenly(question.pairs, self.windows)
            slopes = given_equivariance_rows(self._windows(shifted), shifted, question.method)
            write_table(slopes.assign(**self.unit.tag), run.part(self.unit, "equivariance"))

    def viewer(self, pairs: Sequence[Pair]) -> Viewer:
        """The model before the study's crops of some pairs."""
        return self._before(lambda row: self._picture(pairs[row]), pairs[0])

    def _windows(self, pairs: Sequence[Pair]) -> Viewer:
        """The model before the shifted windows of some pairs, one after the other, at the photo's own resolution."""
        count = len(DIRECTIONS)

        def window(row: int) -> Image:
            pair = pairs[row // count]
            picture = decode(pair.image, pair.key).convert("RGB")
            box = window_boxes(self.crop, picture)[row % count]
            shape = max(1, round(box[2] - box[0])), max(1, round(box[3] - box[1]))
            return picture.resize(shape, INTERPOLATIONS[self.crop.interpolation], box=box)

        return self._before(window, pairs[0])

    def _before(self, picture: Callable[[int], Image], first: Pair) -> Viewer:
        model = settled(self.model, picture(0), first.text)
        silence = (lambda text: "") if self.silent else str
        viewer = given_viewer(model, picture, silence)
        return replace(viewer, reads_text=viewer.reads_text and not self.silent)

    def _predictions(self) -> list[Row]:
        viewer, rows = self.viewer(self.test), []
        told = ["" if self.silent else pair.text for pair in self.test]
        heard = self.model.heard(told)
        for index, pair in enumerate(self.test):
            bound = viewer.bind([index], [told[index]])
            first = torch.zeros(1, dtype=torch.long)
            logits = Asked.of(bound, first, first).logits[0]
            check_finite(logits, pair.key)
            confidence, predicted = logits.softmax(0).max(0)
            guess = viewer.classes[int(predicted)]
            # A model whose classes are not the data's has no accuracy.
            right = guess == pair.label if pair.label in viewer.classes else None
            rows.append(
                {
                    "split": "test",
                    "key": pair.key,
                    "label": pair.label,
                    "predicted": guess,
                    "confidence": float(confidence),
                    "correct": right,
                    "truncated": heard.truncated[index],
                    "unread": heard.unread[index],
                }
            )
        return rows

    def _picture(self, pair: Pair) -> Image:
        picture = decode(pair.image, pair.key)
        left, top, right, bottom = self.crop.box(*picture.size)
        return picture.crop((round(left), round(top), round(right), round(bottom)))


def settled(model: Model, picture: Image, text: str) -> Model:
    """A model that was checked once, on a first picture with its own text, another and none, and is trusted from then on.

    Raises:
        ModelError: it cannot be explained.
    """
    if not isinstance(model, Given):
        return model
    return model.trusted(picture, (text, "another text", "") if model.reads_text else ("",))
