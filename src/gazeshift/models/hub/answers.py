"""Vision-language models that answer: the score of each of some answers, or each word of the answer they give."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from jaxtyping import Bool, Float
from PIL.Image import Image
from torch import Tensor

from gazeshift.errors import UsageError, listed, shown
from gazeshift.models.adapters import wrap
from gazeshift.models.adapters.devices import check_loaded
from gazeshift.models.adapters.given import Given, Reading
from gazeshift.models.adapters.inputs import Inputs, mapped, take
from gazeshift.models.hub.answers_pictures import Pictures, arguments_of, layout_of, places_of, read_pictures
from gazeshift.models.hub.answers_prompts import Prompt, padded
from gazeshift.models.hub.vision_language import Family, family_of
from gazeshift.models.modes import evaluating

WHOLE = "the whole answer"
_ANSWER = "answer"

Score = Callable[[Float[Tensor, "r n"], Bool[Tensor, "r n"]], Tensor]
"""Log-probabilities of tokens, and which of them are the answer's, to scores."""


def answers(model: Any, processor: Any, prompt: str, classes: Sequence[str], *, normalise: bool = False) -> Given:
    """A vision-language model as a classifier: one class for each possible answer.

    The score of an answer is the sum of the log-probabilities of its tokens, given the picture, the prompt and the tokens before
    (teacher forcing); the end of the answer is not counted. No text reaches the map's layer, the picture's tokens as the language model
    gets them.

    Args:
        model: a transformers model of one of ``FAMILIES``, as ``AutoModelForImageTextToText`` gives it.
        processor: its processor, as ``AutoProcessor`` gives it.
        prompt: the question, with ``<image>`` for the picture and ``{text}`` for the text. If it does not end with a space, a line break
            or a special token, a space is put before the answer.
        classes: the possible answers.
        normalise: the mean of the log-probabilities instead, so that long answers are not at a disadvantage.

    Raises:
        ModelError: an unknown kind of model, or another's processor.
        UsageError: a prompt without a place for the picture, an answer that gives no token, two that are the same.
    """
    asked = Asked.of(model, processor, prompt)
    options = tuple(classes)
    if not options:
        raise UsageError("no options to choose from: give classes=, such as classes=('yes', 'no').")
    asked.rows([""], str(processor.image_token), options)

    def read(pictures: Sequence[Image], texts: Sequence[str]) -> tuple[Inputs, Inputs]:
        images = asked.pictures(pictures)
        return asked.placed(images.inputs), asked.inputs(asked.rows(asked.texts(texts), images.block, options))

    how = "mean" if normalise else "sum"
    notes = (f"the score of an answer is the {how} of its tokens' log-probabilities",)
    return asked.given(read, options, _mean if normalise else _sum, notes, len(options))


def answer_tokens(
    model: Any, processor: Any, prompt: str, picture: Image, text: str = "", *, max_new_tokens: int = 20
) -> Given:
    """A vision-language model with the answer that it gives: one class for each of the answer's tokens, and a last one for all.

    The answer to one picture and text is found greedily, and stays the same for every picture and text that is explained: the score of a
    token is its log-probability, given the picture, the prompt and the answer before it, and the score of the whole answer is their sum.

    Args:
        model: as for ``answers``.
        processor: as for ``answers``.
        prompt: as for ``answers``.
        picture: the picture that is asked about.
        text: the text that is put into the prompt.
        max_new_tokens: where the answer is cut off.

    Raises:
        ModelError: an unknown kind of model, or another's processor.
        UsageError: a prompt without a place for the picture, or an empty answer.
    """
    asked = Asked.of(model, processor, prompt)
    answer = asked.generated(picture, text, max_new_tokens)

    def read(pictures: Sequence[Image], texts: Sequence[str]) -> tuple[Inputs, Inputs]:
        images = asked.pictures(pictures)
        rows = [(asked.prompt.tokens(each, images.block), answer) for each in asked.texts(texts)]
        return asked.placed(images.inputs), asked.inputs(rows)

    words = processor.tokenizer
    names = (*(f"{number}: {_word(words, token)}" for number, token in enumerate(answer, start=1)), WHOLE)
    said = words.decode(answer).strip()
    notes = (f"the answer is {shown(said)}, found for the first text; a token's score is its log-probability",)
    return asked.given(read, names, _each_and_all, notes)


@dataclass(frozen=True, eq=False)
class Asked:
    """A vision-language model with its processor and a prompt.

    Attributes:
        model: a transformers model that answers.
        processor: what reads pictures and prompts for it.
        family: what differs from other such models.
        prompt: the question.
    """

    model: Any
    processor: Any
    family: Family
    prompt: Prompt

    @classmethod
    def of(cls, model: Any, processor: Any, prompt: str) -> "Asked":
        """Check that they fit together.

        Raises:
            ModelError: an unknown kind of model, one without numbers, or another's processor.
            UsageError: a prompt without a place for the picture.
        """
        family = family_of(model, processor)
        check_loaded(model)
        return cls(model, processor, family, Prompt.of(prompt, family, processor))

    def pictures(self, pictures: Sequence[Image]) -> Pictures:
        """Pictures as the processor reads them."""
        return read_pictures(self.model, self.processor, self.family, pictures)

    def texts(self, texts: Sequence[str]) -> Sequence[str]:
        """The texts that have a place in the prompt."""
        return texts if self.prompt.reads_text else [""]

    def rows(self, texts: Sequence[str], block: str, options: Sequence[str]) -> list[tuple[list[int], list[int]]]:
        """Token ids of the prompt and of every option, text after text.

        Raises:
            UsageError: an option that gives no token, or two that give the same.
        """
        rows = []
        for text in texts:
            found = [self.prompt.continued(text, block, option) for option in options]
            rows += found
            tokens = [tuple(answer) for _, answer in found]
            same = [option for option, each in zip(options, tokens, strict=True) if tokens.count(each) > 1]
            if same:
                raise UsageError(f"the options {listed(same)} are the same to this model: give each answer once.")
        return rows

    def inputs(self, rows: Sequence[tuple[list[int], list[int]]]) -> Inputs:
        """Prompts and answers as the model's inputs, and which tokens are the answer's."""
        words = self.processor.tokenizer
        found = padded(rows, next((each for each in (words.pad_token_id, words.eos_token_id) if each is not None), 0))
        kinds = self.family.kinds(found.ids, found.answer, self.model.config)
        return self.placed({"input_ids": found.ids, "attention_mask": found.attended, _ANSWER: found.answer, **kinds})

    def placed(self, inputs: Inputs) -> Inputs:
        """The same on the model's device and in its precision."""
        return mapped(inputs, partial(_placed, self.model))

    def generated(self, picture: Image, text: str, max_new_tokens: int) -> list[int]:
        """The tokens of the model's own answer, greedily, up to its end.

        Raises:
            UsageError: it has none, or one that holds a picture's token.
        """
        images = self.pictures([picture])
        row = self.prompt.tokens(text, images.block)
        asked = self.inputs([(row, [])])
        del asked[_ANSWER]
        views = arguments_of(take(self.placed(images.inputs), torch.tensor([0])))
        with evaluating(self.model), torch.no_grad():
            found = self.model.generate(**views, **asked, do_sample=False, num_beams=1, max_new_tokens=max_new_tokens)
        answer = found[0, len(row) :].tolist()
        ends = _ends(self.model, self.processor)
        stop = next((place for place, token in enumerate(answer) if token in ends), len(answer))
        if not stop:
            raise UsageError(
                f"the model's answer to {shown(self.prompt.template.replace('{text}', text))} is empty: ask another way, or give classes=."
            )
        if self.model.config.image_token_id in answer[:stop]:
            token = str(self.processor.image_token)
            raise UsageError(
                f"the model's answer holds {token!r}, which stands for a picture: ask another way, or give classes=."
            )
        return answer[:stop]

    def given(
        self, read: Reading, classes: tuple[str, ...], score: Score, notes: tuple[str, ...], options: int = 1
    ) -> Given:
        """The model at its tap, scored."""
        family = self.family
        red, green, blue = map(float, self.processor.image_processor.image_mean)
        net = wrap(
            self.model,
            family.tap,
            part=family.part,
            nth=family.nth,
            grid=layout_of,
            forward=partial(_scored, self.model, score),
            places=partial(places_of, self.model.config.image_token_id),
        )
        return Given(
            name=type(self.model).__name__,
            net=net,
            read=read,
            classes=classes,
            view=lambda picture: family.view(picture, self.processor, self.model.config),
            reads_text=self.prompt.reads_text,
            options=options,
            mean_colour=(red, green, blue),
            notes=(*notes, *family.notes),
        )


def _scored(model: Any, score: Score, images: Inputs, texts: Inputs) -> Tensor:
    """Run the model on pictures and prompts with answers, and score the answers."""
    asked = {name: value for name, value in texts.items() if name != _ANSWER}
    answer, ids = texts[_ANSWER], texts["input_ids"]
    first = int(answer.any(0).nonzero()[0])
    # Logits of the answers alone: those of every token, in a vocabulary of 200,000, would take gigabytes.
    kept = ids.shape[1] - first + 1
    logits = model(**arguments_of(images), **asked, logits_to_keep=kept, use_cache=False).logits
    every = logits[:, :-1].float().log_softmax(-1)
    said = every.gather(2, ids[:, first:, None])[:, :, 0]
    return score(torch.where(answer[:, first:], said, 0), answer[:, first:])


def _sum(said: Tensor, answer: Tensor) -> Tensor:
    return said.sum(1)


def _mean(said: Tensor, answer: Tensor) -> Tensor:
    return said.sum(1) / answer.sum(1)


def _each_and_all(said: Tensor, answer: Tensor) -> Tensor:
    return torch.cat([said[answer].view(len(said), -1), said.sum(1, keepdim=True)], dim=1)


def _placed(model: Any, leaf: Any) -> Any:
    if not isinstance(leaf, Tensor):
        return type(leaf)(_placed(model, leaf.values), leaf.lengths)
    return leaf.to(model.device, model.dtype if leaf.is_floating_point() else leaf.dtype)


def _ends(model: Any, processor: Any) -> set[int]:
    """The tokens that end an answer."""
    ends = model.generation_config.eos_token_id
    return {*(ends if isinstance(ends, list) else [ends]), processor.tokenizer.eos_token_id}


def _word(words: Any, token: int) -> str:
    """A token as a reader knows it."""
    said = words.decode([token])
    return said.strip() or repr(said)
