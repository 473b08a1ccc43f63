"""Prompts, options and processors that do not fit are refused in one line; those that do are read as the processor reads them."""

from typing import Any

import pytest
import torch
import transformers as hf

from gazeshift.errors import GazeshiftError, ModelError, UsageError
from gazeshift.models.hub.answers import answer_tokens, answers
from gazeshift.models.hub.answers_prompts import Prompt
from gazeshift.models.hub.vision_language import FAMILIES
from tests.hub.answering import MODELS, OPTIONS, PROMPT, loaded, picture
from tests.hub.tiny_vlm import builders


def test_every_family_has_a_tiny_model() -> None:
    assert set(FAMILIES) == {name.split(",")[0] for name in builders}


@pytest.mark.parametrize("name", MODELS)
def test_image_stands_for_the_picture_whatever_the_model_calls_it(name: str) -> None:
    given = answers(*loaded(name), PROMPT, OPTIONS)
    own = answers(*loaded(name), PROMPT.replace("<image>", MODELS[name].image), OPTIONS)
    _, texts = given.read([picture()], ["a dog"])
    _, same = own.read([picture()], ["a dog"])
    assert torch.equal(texts["input_ids"], same["input_ids"])


@pytest.mark.parametrize(
    ("prompt", "said"),
    [
        ("is it a cat ?", r"no place for the picture: write <image> \(or '.*', as this model calls it\) once"),
        ("<image><image> is it a cat ?", "2 places for the picture"),
    ],
)
@pytest.mark.parametrize("name", MODELS)
def test_a_prompt_has_one_place_for_the_picture(name: str, prompt: str, said: str) -> None:
    refused(said, lambda: answers(*loaded(name), prompt, OPTIONS))


@pytest.mark.parametrize(
    ("classes", "said"),
    [
        ((), "no options to choose from"),
        (("yes", ""), "the option '' gives no token"),
        (("yes", " "), "the option ' ' gives no token"),
        (("yes", "no", "yes"), "the options yes, yes are the same to this model"),
        (("yes", " yes"), "the options yes,  yes are the same to this model"),
    ],
)
def test_options_are_answers_of_their_own(classes: tuple[str, ...], said: str) -> None:
    refused(said, lambda: answers(*loaded("llava"), PROMPT, classes))


@pytest.mark.parametrize("name", MODELS)
def test_a_text_does_not_stand_for_a_picture(name: str) -> None:
    model, processor = loaded(name)
    given = answers(model, processor, PROMPT, OPTIONS)
    for token in ("<image>", processor.image_token):
        refused("stands for a picture: take it out", lambda token=token: given.read([picture()], [f"a {token} dog"]))


@pytest.mark.parametrize("name", MODELS)
def test_a_processor_of_another_family_is_refused(name: str) -> None:
    family = FAMILIES[loaded(name)[0].config.model_type]
    for other in MODELS:
        processor = loaded(other)[1]
        if type(processor).__name__ not in family.processors:
            refused(
                rf"a {type(processor).__name__} does not read for a .*: load AutoProcessor from the model's own folder",
                lambda processor=processor: answers(loaded(name)[0], processor, PROMPT, OPTIONS),
            )


def test_a_model_of_another_kind_is_refused() -> None:
    class Other:
        class config:  # noqa: N801 (as transformers calls it)
            model_type = "fuyu"

    refused(r"Other \(fuyu\) is not among .*: llava, .*", lambda: answers(Other(), None, PROMPT, OPTIONS))


def test_an_option_that_the_tokenizer_joins_to_the_prompt_is_refused() -> None:
    """With a tokenizer that joins them; gazeshift puts a space between words itself."""
    _, processor = loaded("llava")
    prompt = Prompt.of("<image> {text} gre", FAMILIES["llava"], processor)
    assert prompt.continued("a", "<image>", "en")[1]
    refused(
        "the option 's' cannot be told from the prompt's end",
        lambda: Prompt.of("<image> {text} ye\n", FAMILIES["llava"], Joining(processor)).continued("a", "<image>", "s"),
    )


class Joining:
    """A processor with a tokenizer for which everything is one token."""

    def __init__(self, processor: Any) -> None:
        self.image_token = processor.image_token
        self.tokenizer = self

    eos_token_id = None

    def __call__(self, text: str, add_special_tokens: bool) -> dict[str, list[int]]:
        return {"input_ids": [hash(text)]}

    def get_added_vocab(self) -> dict[str, int]:
        return {}


@pytest.mark.parametrize(
    ("end", "option", "read"),
    [
        (" ASSISTANT:", "yes", " ASSISTANT: yes"),
        (" ASSISTANT: ", "yes", " ASSISTANT: yes"),
        (" ASSISTANT:", " yes", " ASSISTANT: yes"),
        (" ASSISTANT:\n", "yes", " ASSISTANT:\nyes"),
        ("</s>", "yes", "</s>yes"),
        ("回答", "是", "回答是"),
        (" answer:", "是", " answer:是"),
    ],
)
def test_a_space_is_put_where_one_belongs(end: str, option: str, read: str) -> None:
    processor = loaded("llava")[1]
    before, answer = Prompt.of(f"<image>{end}", FAMILIES["llava"], processor).continued("", "<image>", option)
    assert processor.tokenizer.decode([*before, *answer]) == processor.tokenizer.decode(
        processor.tokenizer(f"<image>{read}")["input_ids"]
    )
    assert processor.tokenizer.decode(answer).strip() == option.strip()


def test_an_empty_answer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    model, processor = loaded("llava")
    said = answer_tokens(model, processor, PROMPT, picture(), "a dog", max_new_tokens=2)
    first = said.read([picture()], ["a dog"])[1]
    ends = int(first["input_ids"][0][first["answer"][0]][0])
    monkeypatch.setattr(model.generation_config, "eos_token_id", ends)
    refused("the model's answer to .* is empty", lambda: answer_tokens(model, processor, PROMPT, picture(), "a dog"))


def refused(said: str, act: Any) -> None:
    """Refused in one line."""
    with pytest.raises(GazeshiftError, match=said) as found:
        act()
    assert isinstance(found.value, ModelError | UsageError)
    assert "\n" not in str(found.value)


def test_a_language_model_with_an_encoder_of_its_own_is_refused() -> None:
    small = {"d_model": 16, "d_kv": 8, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 60}
    tiny = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    config = hf.Blip2Config(
        vision_config={**tiny, "image_size": 14, "patch_size": 7},
        qformer_config={**tiny, "encoder_hidden_size": 16},
        text_config={"model_type": "t5", **small},
    )
    model = hf.Blip2ForConditionalGeneration(config)
    refused("an encoder and a decoder.*take one", lambda: answers(model, loaded("blip-2")[1], PROMPT, OPTIONS))
