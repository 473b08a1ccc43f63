"""A question and its possible answers as token ids, with the answer's tokens told from the question's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Bool, Int
from torch import Tensor

from gazeshift.errors import UsageError, shown
from gazeshift.models.hub.vision_language import Family
from gazeshift.scripts import word_spans

IMAGE, TEXT = "<image>", "{text}"


@dataclass(frozen=True, eq=False)
class Prompt:
    """A prompt with a place for the picture, and usually one for a text.

    Attributes:
        template: as the user gave it, with the model's own token for the picture.
        family: how the model's prompts are framed.
        processor: the model's.
    """

    template: str
    family: Family
    processor: Any

    @classmethod
    def of(cls, template: str, family: Family, processor: Any) -> "Prompt":
        """Read a template; ``<image>`` stands for the picture, whatever the model calls it.

        Raises:
            UsageError: no place for the picture, or several.
        """
        own = str(processor.image_token)
        filled = template if own in template else template.replace(IMAGE, family.placeholder.format(image=own))
        if filled.count(own) != 1:
            places = f"{filled.count(own)} places" if filled.count(own) else "no place"
            raise UsageError(
                f"the prompt {shown(template)} has {places} for the picture: write <image> (or {own!r}, as this model calls it) once."
            )
        return cls(filled, family, processor)

    @property
    def reads_text(self) -> bool:
        """Whether a text has a place in it."""
        return TEXT in self.template

    def filled(self, text: str, block: str) -> str:
        """The prompt for one text, with the tokens that stand for the picture.

        Raises:
            UsageError: the text holds a picture's token itself.
        """
        own = str(self.processor.image_token)
        found = next((token for token in (IMAGE, own) if self.reads_text and token in text), None)
        if found:
            raise UsageError(f"the text {shown(text)} holds {found!r}, which stands for a picture: take it out.")
        return self.family.framed(self.template.replace(TEXT, text), self.processor).replace(own, block, 1)

    def tokens(self, text: str, block: str) -> list[int]:
        """Token ids of the prompt for one text, without spaces at its end: they begin the answer."""
        return self._ids(self.filled(text, block).rstrip(" "))

    def continued(self, text: str, block: str, answer: str) -> tuple[list[int], list[int]]:
        """Token ids of the prompt for one text, and of an answer that continues it.

        Raises:
            UsageError: the answer has no tokens of its own.
        """
        whole = self.filled(text, block)
        start = whole.rstrip(" ")
        before = self._ids(start)
        gap = whole[len(start) :] or ("" if answer[:1].isspace() else self._gap(start, answer))
        every = self._ids(start + gap + answer)
        if every[: len(before)] != before:
            end = start[-12:]
            raise UsageError(
                f"the option {shown(answer)} cannot be told from the prompt's end {shown(end)}, because the tokenizer joins them: end the "
                "prompt with a space or a line break."
            )
        if not answer.strip() or len(every) == len(before):
            raise UsageError(f"the option {shown(answer)} gives no token: give a word to answer with.")
        return before, every[len(before) :]

    def _gap(self, start: str, answer: str) -> str:
        """A space where one belongs before an answer: not after a line break or a special token, nor in scripts without spaces."""
        special = tuple(self.processor.tokenizer.get_added_vocab())
        joined = not start or start[-1].isspace() or start.endswith(special)
        return "" if joined or len(word_spans(start[-1] + answer[:1])) > 1 else " "

    def _ids(self, text: str) -> list[int]:
        """Token ids, without an end token that the tokenizer adds."""
        words = self.processor.tokenizer
        ids: list[int] = words(text, add_special_tokens=self.family.started)["input_ids"]
        ends = (
            words.eos_token_id is not None and ids[-1:] == [words.eos_token_id] and not text.endswith(words.eos_token)
        )
        return ids[:-1] if ends else ids


@dataclass(frozen=True, eq=False)
class Rows:
    """Prompts continued by answers, padded on the right.

    Attributes:
        ids: token ids.
        attended: which of them are not padding.
        answer: which of them are the answer's.
    """

    ids: Int[Tensor, "r n"]
    attended: Int[Tensor, "r n"]
    answer: Bool[Tensor, "r n"]


def padded(rows: Sequence[tuple[list[int], list[int]]], padding: int) -> Rows:
    """Rows of a prompt and an answer in one tensor.

    Example:
        >>> padded([([5, 6], [7]), ([5], [8])], padding=0).ids
        tensor([[5, 6, 7],
                [5, 8, 0]])
    """
    length = max(len(prompt) + len(answer) for prompt, answer in rows)
    ids = torch.full((len(rows), length), padding)
    attended, answered = (
        torch.zeros(len(rows), length, dtype=torch.long),
        torch.zeros(len(rows), length, dtype=torch.bool),
    )
    for row, (prompt, answer) in enumerate(rows):
        stop = len(prompt) + len(answer)
        ids[row, :stop] = torch.tensor([*prompt, *answer])
        attended[row, :stop] = 1
        answered[row, len(prompt) : stop] = True
    return Rows(ids, attended, answered)
