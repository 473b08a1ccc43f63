"""A published model by its folder, or by its name on the Hugging Face hub."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gazeshift.errors import GazeshiftError, ModelError, UsageError
from gazeshift.models.adapters.given import Given
from gazeshift.models.hub.answers import answer_tokens, answers
from gazeshift.models.hub.matching import matching
from gazeshift.models.hub.open_clip import is_open_clip, load_open_clip
from gazeshift.models.hub.zero_shot import zero_shot
from gazeshift.models.reason import reason
from gazeshift.registry import lookup


@dataclass(frozen=True)
class Asking:
    """How a published model is asked.

    Attributes:
        classes: its classes, or the options of an answer.
        prompt: a template; None for the usual one.
        normalise: the mean instead of the sum of an answer's log-probabilities.
    """

    classes: tuple[str, ...] = ()
    prompt: str | None = None
    normalise: bool = False


def _zero_shot(model: Any, processor: Any, asked: Asking) -> Given:
    if not asked.classes:
        raise UsageError(
            "zero-shot needs classes: one sentence each, such as classes=['a photo of a cat', 'a photo of a dog']."
        )
    return zero_shot(model, processor, asked.classes, prompt=asked.prompt or "{class}")


def _matching(model: Any, processor: Any, asked: Asking) -> Given:
    if asked.classes or asked.prompt:
        raise UsageError(
            "matching scores a picture and a sentence: it takes no classes and no prompt; use as_='zero-shot' for classes."
        )
    return matching(model, processor)


def _answers(model: Any, processor: Any, asked: Asking) -> Given:
    if asked.prompt is None:
        raise UsageError(
            "answers needs a prompt with a place for the picture and the text, such as 'USER: <image> {text} ASSISTANT:'."
        )
    if asked.classes:
        return answers(model, processor, asked.prompt, asked.classes, normalise=asked.normalise)
    prompt = asked.prompt
    # Any picture would do: what it is called and what it reads is the same before and after it has answered.
    blank = answers(model, processor, prompt, ("yes",), normalise=asked.normalise)
    return replace(
        blank,
        classes=(),
        options=1,
        answering=lambda picture, text: answer_tokens(model, processor, prompt, picture, text),
    )


WAYS: dict[str, Callable[[Any, Any, Asking], Given]] = {
    "zero-shot": _zero_shot,
    "matching": _matching,
    "answers": _answers,
}
"""How a published model can be asked."""


def from_hub(
    name: str | Path,
    as_: str | None = None,
    classes: Sequence[str] = (),
    prompt: str | None = None,
    *,
    normalise: bool = False,
    trust_remote_code: bool = False,
) -> Given:
    """A published model, ready for pictures and sentences: CLIP, SigLIP, BLIP and others, or a vision-language model that answers.

    The layer to explain at and its grid are known for each family. Weights are read from safetensors only, never from pickles.

    Args:
        name: a folder as ``save_pretrained`` (or open_clip) writes it, or a name on the hub.
        as_: ``zero-shot``: one class a sentence. ``matching``: one score for a picture and a sentence. ``answers``: a question about the
            picture; with ``classes``, these are the options that it chooses from, else its outputs are the tokens of its own answer. None:
            zero-shot with classes, answers with a prompt, else matching.
        classes: sentences, or options.
        prompt: for answers, a template with ``<image>`` and ``{text}``; for zero-shot one with ``{class}``, and ``{text}`` to read texts.
        normalise: score an option by the mean of its tokens' log-probabilities instead of their sum.
        trust_remote_code: let Python code from the folder run.

    Raises:
        ModelError: nothing there, weights that are no safetensors, an unknown kind of model.
        UsageError: a question that does not fit the model.

    Example:
        >>> from_hub("openai/clip-vit-base-patch32", as_="matching")  # doctest: +SKIP
        Given(name='CLIPModel', ...)
    """
    way = as_ or ("answers" if prompt and "<image>" in prompt else "zero-shot" if classes else "matching")
    ask = lookup(WAYS, way, "way to ask a published model")
    asked = Asking(tuple(classes), prompt, normalise)
    if is_open_clip(name):
        return ask(*load_open_clip(name), asked)
    return ask(*_load(str(name), trust_remote_code), asked)


def _load(name: str, trust_remote_code: bool) -> tuple[Any, Any]:
    """The model of the architecture that the checkpoint names, in evaluation mode, and its processor."""
    if not Path(name).is_dir() and (name.startswith((".", "/", "~")) or name.count("/") > 1):
        raise ModelError(f"{name!r}: no such folder; give a folder with config.json, or a name on the hub.")
    import transformers  # noqa: PLC0415  takes seconds
    from transformers.utils import logging  # noqa: PLC0415

    logging.disable_progress_bar()
    options: dict[str, Any] = {"trust_remote_code": trust_remote_code, "local_files_only": Path(name).is_dir()}
    try:
        config = transformers.AutoConfig.from_pretrained(name, **options)
        kind = _class_of(transformers, config, name)
        model = kind.from_pretrained(name, use_safetensors=True, **options).eval()
        return model, transformers.AutoProcessor.from_pretrained(name, **options)
    except GazeshiftError:
        raise
    except Exception as error:  # transformers raises many kinds
        raise ModelError(
            f"{name!r} cannot be loaded ({reason(error)}); give a name on the hub, or a folder with config.json, model.safetensors and the "
            "processor's files."
        ) from error


def _class_of(transformers: Any, config: Any, name: str) -> Any:
    """The class that the checkpoint was saved from; a folder with code of its own has it loaded by its Auto class."""
    named = next(iter(config.architectures or ()), None)
    if getattr(config, "auto_map", None):
        return transformers.AutoModel
    if named is None:
        raise ModelError(f"{name}: its config.json names no architecture, so nobody knows what to load.")
    kind = vars(transformers).get(named) or getattr(transformers, named, None)
    if kind is None:
        raise ModelError(
            f"{name}: transformers knows no {named}; a newer transformers may, or use gazeshift.model(net, layer, ...)."
        )
    return kind
