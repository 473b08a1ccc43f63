"""A published two-tower model as a classifier: one class a sentence."""

from collections.abc import Sequence
from typing import Any

from PIL.Image import Image

from gazeshift.errors import ModelError, UsageError, listed
from gazeshift.models.adapters import huggingface
from gazeshift.models.adapters.given import Given
from gazeshift.models.adapters.inputs import Inputs, mapped
from gazeshift.models.hub.pairs import FAMILIES
from gazeshift.models.hub.pairs_reading import PairReader

_CLASS, _TEXT = "{class}", "{text}"


def zero_shot(model: Any, processor: Any, classes: Sequence[str], *, prompt: str = _CLASS) -> Given:
    """A published two-tower model as a classifier: the logit of a class is the similarity of the picture and the class's sentence.

    Args:
        model: a CLIP, SigLIP or SigLIP 2 of transformers.
        processor: its processor, as ``AutoProcessor`` gives it.
        classes: one sentence each, or what ``{class}`` becomes in the prompt.
        prompt: what is said of each class. With ``{text}`` the model reads texts, and every text has sentences of its own; without it
            the sentences are encoded once, and texts are not read.

    Raises:
        ModelError: an unknown kind of model, one without two towers, or another's processor.
        UsageError: no classes, two that are the same, or a prompt without ``{class}``.
    """
    reader, names = PairReader.of(model, processor), tuple(map(str, classes))
    _check(reader, names, prompt)
    reads = _TEXT in prompt

    def sentences(text: str) -> list[str]:
        return [_filled(prompt, name, text) for name in names]

    def read(pictures: Sequence[Image], texts: Sequence[str]) -> tuple[Inputs, Inputs]:
        images = reader.pictures(pictures)
        if not reads:
            return images, None
        every = reader.sentences([each for text in texts for each in sentences(text)])
        return images, mapped(every, lambda leaf: leaf.unflatten(0, (len(texts), len(names))))

    def truncated(texts: Sequence[str]) -> tuple[bool, ...]:
        return tuple(any(reader.truncated(sentences(text))) for text in texts)

    grid = reader.family.grid
    net = (
        huggingface.similarity(model, grid=grid)
        if reads
        else huggingface.zero_shot(model, reader.sentences(sentences("")), grid=grid)
    )
    return Given(
        name=type(model).__name__,
        net=net,
        read=read,
        classes=names,
        view=reader.view,
        reads_text=reads,
        mask_token=reader.mask_token,
        notes=(reader.family.score,),
        mean_colour=reader.mean_colour,
        truncated=truncated if reads else None,
    )


def _filled(prompt: str, name: str, text: str) -> str:
    """The sentence of a class; a class or text with braces in it stays as it is."""
    return _TEXT.join(part.replace(_CLASS, name) for part in prompt.split(_TEXT)).replace(_TEXT, text)


def _check(reader: PairReader, names: tuple[str, ...], prompt: str) -> None:
    if not reader.family.towers:
        known = [kind for kind, family in FAMILIES.items() if family.towers]
        raise ModelError(
            f"{type(reader.model).__name__} reads picture and sentence together, so it is no zero-shot classifier ({listed(known)} are): "
            "use as_='matching', with a sentence as the text."
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if not names or twice:
        raise UsageError(
            f"classes: {listed(twice)} given twice; name each class once."
            if twice
            else "no classes: give one sentence for each, such as classes=['a photo of a cat', 'a photo of a dog']."
        )
    if _CLASS not in prompt:
        raise UsageError(
            f"prompt {prompt!r} has no {_CLASS}, so all classes would be the same: try 'a photo of {_CLASS}'."
        )
