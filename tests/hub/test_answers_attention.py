"""Attention in the language model, at the places of a picture's tokens, equals that of a loop over the attentions the model returns."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models.hub.answers import WHOLE, answer_tokens, answers
from gazeshift.saliency.compute import compute_maps
from gazeshift.saliency.probe import Rows
from tests.hub.answering import MODELS, PROMPT, TEXTS, loaded, picture
from tests.hub.test_answers import apart, read_by_processor

OPTIONS = ("yes", "a red dog")


def place(name: str, row: int, column: int, columns: int) -> int:
    """Which of the picture's places in the prompt a cell takes, by hand: LLaVA-NeXT ends each line of cells with a token."""
    if name == "llava_next":
        return 16 + row * (columns + 1) + column
    if name == "qwen2_5_vl":  # whose merger goes window by window
        return row * columns + column
    return MODELS[name].token(row, column)


def by_hand(name: str, text: str, answer: str, method: str) -> np.ndarray:
    """The map of one answer, from the attentions that the model returns itself."""
    model, _ = loaded(name)
    inputs, tokens = read_by_processor(name, text, answer)
    attentions, score = returned(model, inputs, tokens)
    slopes = torch.autograd.grad(score, attentions)
    size = attentions[0].shape[-1]
    relevance = torch.eye(size)
    for weights, slope in zip(attentions, slopes, strict=True):
        if method == "attention-gradient":
            relevance = relevance + (weights * slope).relu()[0].mean(0) @ relevance
        else:
            relevance = (weights[0].mean(0) + torch.eye(size)) / 2 @ relevance
    relevance = (relevance - torch.eye(size) if method == "attention-gradient" else relevance).detach()
    read = slopes[-1][0].abs().sum((0, 2)).nonzero()[:, 0]
    stands = (inputs["input_ids"][0] == model.config.image_token_id).nonzero()[:, 0]
    rows, columns = MODELS[name].shape
    found = np.zeros((rows, columns))
    for row in range(rows):
        for column in range(columns):
            at = stands[place(name, row, column, columns)]
            found[row, column] = float(relevance[read, at].mean())
    return found


def returned(model: Any, inputs: dict[str, Tensor], tokens: int) -> tuple[tuple[Tensor, ...], Tensor]:
    model.set_attn_implementation("eager")
    try:
        out = model(**inputs, output_attentions=True)
    finally:
        model.set_attn_implementation("sdpa")
    ids = inputs["input_ids"][0]
    each = [out.logits[0, at - 1].log_softmax(0)[ids[at]] for at in range(len(ids) - tokens, len(ids))]
    return out.attentions, torch.stack(each).sum()


@pytest.mark.parametrize("method", ["attention-gradient", "rollout"])
@pytest.mark.parametrize("name", sorted(set(MODELS) - {"blip-2"}))
def test_attention_equals_a_loop_over_what_the_model_returns(name: str, method: str) -> None:
    """Texts of different lengths, so that padding takes no part; the second of several options, each a pass of its own."""
    given = answers(*loaded(name), PROMPT, OPTIONS)
    maps = gs.explain(given, picture(), TEXTS, target=OPTIONS[1], method=method)
    for raw, text in zip(maps.raw, TEXTS, strict=False):
        assert apart(raw, by_hand(name, text, OPTIONS[1], method)) < 1e-4


@pytest.mark.parametrize("method", ["attention-gradient", "rollout"])
def test_every_row_follows_the_pass_of_its_own_option(method: str) -> None:
    asked = [(0, 1), (1, 0), (0, 0), (2, 1)]
    bound = answers(*loaded("llava"), PROMPT, OPTIONS).bind([picture()], TEXTS)
    text, option = (torch.tensor(column) for column in zip(*asked, strict=True))
    found = compute_maps(bound, Rows(torch.zeros(4, dtype=torch.long), text, option), method)
    for raw, (text_row, target) in zip(found.maps, asked, strict=True):
        assert apart(raw.numpy(), by_hand("llava", TEXTS[text_row], OPTIONS[target], method)) < 1e-4


def test_a_picture_after_texts_of_different_lengths_has_no_common_place() -> None:
    given = answers(*loaded("llava"), "{text} <image> is it a cat ?", ["yes"])
    gs.explain(given, picture(), TEXTS[:1], target="yes", method="rollout")
    with pytest.raises(UsageError, match="attention methods need the cells at the same tokens in every row"):
        gs.explain(given, picture(), TEXTS[:2], target="yes", method="rollout")


def test_queries_that_look_at_the_picture_are_not_followed() -> None:
    """With prompts of all lengths, one of which is as long with the queries as the picture is."""
    given = answers(*loaded("blip-2"), "<image> {text}", ["yes"])
    texts = [" a" * count for count in range(1, 16)]
    lengths = [given.read([picture()], [text])[1]["input_ids"].shape[1] for text in texts]
    assert 17 in lengths
    for text in texts:
        with pytest.raises(UsageError, match=r"\(17 tokens, 16 of them cells\).*3 x 17.*cross-attention") as error:
            gs.explain(given, picture(), [text], target="yes", method="rollout")
        assert "\n" not in str(error.value)


def test_a_target_made_of_several_passes_is_refused_in_one_line() -> None:
    given = answers(*loaded("llava"), PROMPT, OPTIONS)
    with pytest.raises(
        UsageError, match="each of 2 options is a pass of its own: give one option as the target"
    ) as error:
        gs.explain(given, picture(), TEXTS[:1], target="yes rather than a red dog", method="attention-gradient")
    assert "\n" not in str(error.value)


def test_the_tokens_of_an_answer_have_attention() -> None:
    given = answer_tokens(*loaded("llava"), PROMPT, picture(), TEXTS[0], max_new_tokens=3)
    maps = gs.explain(given, picture(), TEXTS[:2], target=WHOLE, method="attention-gradient")
    assert np.abs(maps.raw).max(axis=(1, 2)).min() > 0
