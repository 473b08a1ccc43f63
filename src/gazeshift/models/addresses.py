"""A model by its address: a folder that gazeshift wrote, ``hub:NAME`` (a published model), ``python:module:factory`` (the user's own)."""

import importlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from gazeshift.errors import GazeshiftError, ModelError, UsageError
from gazeshift.models.adapters.given import Given
from gazeshift.models.classifier import Classifier
from gazeshift.models.face import Model
from gazeshift.models.files import load
from gazeshift.models.reason import reason

HUB, PYTHON = "hub:", "python:"


@dataclass(frozen=True)
class Question:
    """How a published model is asked; only for ``hub:``.

    Attributes:
        as_: ``zero-shot``, ``matching`` or ``answers``; None if the family leaves no choice.
        classes: its classes, or the options of an answer.
        prompt: a template with ``{text}``, and ``{class}`` for zero-shot.
        trust_remote_code: whether the folder's own Python code may run.
    """

    as_: str | None = None
    classes: tuple[str, ...] = ()
    prompt: str | None = None
    trust_remote_code: bool = False

    @property
    def given(self) -> bool:
        """Whether anything was asked for."""
        return self != Question()


@dataclass(frozen=True)
class Address:
    """Where a model is, and how it is asked.

    Attributes:
        at: a folder, ``hub:NAME`` or ``python:module:factory``.
        question: for ``hub:``.

    Example:
        >>> Address("python:mine:make").runs_code, Address("runs/plates/models/early-fusion/seed-0").runs_code
        (True, False)
    """

    at: str
    question: Question = field(default_factory=Question)

    @property
    def runs_code(self) -> bool:
        """Whether opening it runs code that is not gazeshift's: the user's own, or what the folder brings along."""
        return self.at.startswith(PYTHON) or self.question.trust_remote_code

    def open(self) -> Classifier | Given:
        """The model, ready for pictures and sentences.

        Raises:
            ModelError: there is none, or it cannot be opened; says why.
            UsageError: options for a published model with another address.
        """
        if self.at.startswith(HUB):
            return _published(self.at.removeprefix(HUB), self.question)
        if self.question.given:
            raise UsageError(
                f"{self.at}: as, classes, prompt and trust_remote_code (--as, --class, ...) are for a published model, hub:NAME."
            )
        return from_python(self.at) if self.at.startswith(PYTHON) else load(Path(self.at))


def _published(name: str, asked: Question) -> Classifier | Given:
    """A model on the hub or in a folder, whoever saved it."""
    from gazeshift.models.hub import from_hub, from_pretrained, is_saved

    if not is_saved(name):
        return from_hub(
            name,
            as_=asked.as_,
            classes=asked.classes,
            prompt=asked.prompt,
            trust_remote_code=asked.trust_remote_code,
        )
    model = from_pretrained(name)
    if replace(asked, classes=()).given or not set(asked.classes) <= set(model.classes):  # a study names its data's
        raise UsageError(
            f"{HUB}{name}: gazeshift saved it with its {len(model.classes)} classes: leave as, prompt, trust_remote_code and other "
            "classes out."
        )
    return model


def from_python(address: str) -> Classifier | Given:
    """What the user's factory returns; the module is looked for in the current folder, too.

    Args:
        address: ``python:module:factory``.

    Raises:
        UsageError: another form.
        ModelError: no such module or function, it fails, or it returns something else than a model.
    """
    module, _, factory = address.removeprefix(PYTHON).partition(":")
    if not module or not factory:
        raise UsageError(
            f"{address}: write python:MODULE:FACTORY, e.g. python:mine:make for the function make in mine.py."
        )
    make = _factory(address, module, factory)
    try:
        made = make()
    except GazeshiftError as error:
        raise ModelError(f"{address}: {error}") from error
    except (Exception, SystemExit) as error:
        raise ModelError(f"{address}: the factory fails with {type(error).__name__}: {reason(error)}.") from error
    if not isinstance(made, Model):
        raise ModelError(
            f"{address}: returns a {type(made).__name__}; return what gazeshift.model(net, layer=..., preprocess=..., tokenizer=..., "
            "classes=...) gives."
        )
    return cast("Classifier | Given", made)  # who else implements the interface is taken at its word


def _factory(address: str, module: str, name: str) -> Callable[[], Any]:
    here = str(Path.cwd())
    added = here not in sys.path
    if added:
        sys.path.insert(0, here)
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name != module.split(".", maxsplit=1)[0] and error.name != module:
            raise ModelError(f"{address}: importing {module} fails: {reason(error)}.") from error
        raise ModelError(
            f"{address}: no module {module!r} here or installed; run the command beside {module}.py."
        ) from error
    except (Exception, SystemExit) as error:  # a script that ends with sys.exit
        raise ModelError(
            f"{address}: importing {module} fails with {type(error).__name__}: {reason(error)}."
        ) from error
    finally:
        if added:
            sys.path.remove(here)
    functions: Mapping[str, Any] = vars(found)
    if not callable(functions.get(name)):
        raise ModelError(f"{address}: {module} has no function {name!r}.")
    make: Callable[[], Any] = functions[name]
    return make
