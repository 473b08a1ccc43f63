"""Attention in the language model, at the places of a picture's tokens, equals that of a loop over the attentions the model returns."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models.hub.answers import WHOLE, answer_tokens, answers
from gazeshift.saliency.outside import explain_inputs
from tests.hub.answering import MODELS, PROMPT, TEXTS, loaded, picture
from tests.hub.test_answers import apart, read_by_processor


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
    """Texts of different lengths: padding takes no part."""
    given = answers(*loaded(name), PROMPT, ["a red dog"])
    maps = explain_inputs(given.net, *given.read([picture()], TEXTS), target=0, method=method)
    for row, raw in zip(maps.rows, maps.raw, strict=True):
        assert apart(raw, by_hand(name, TEXTS[row.text], "a red dog", method)) < 1e-4


def test_a_picture_after_texts_of_different_lengths_has_no_common_place() -> None:
    given = answers(*loaded("llava"), "{text} <image> is it a cat ?", ["yes"])
    gs.explain(given, picture(), TEXTS[:1], target="yes", method="rollout")
    with pytest.raises(UsageError, match="attention methods need the cells at the same tokens in every row"):
        gs.explain(given, picture(), TEXTS[:2], target="yes", method="rollout")


def test_queries_have_no_place_on_the_picture() -> None:
    given = answers(*loaded("blip-2"), PROMPT, ["yes"])
    with pytest.raises(UsageError, match="attention methods need the cells at the same tokens in every row"):
        gs.explain(given, picture(), TEXTS[:1], target="yes", method="rollout")


def test_several_options_are_refused_in_one_line() -> None:
    given = answers(*loaded("llava"), PROMPT, ["yes", "no"])
    with pytest.raises(UsageError, match="each of 2 options is a pass of its own: give a single option"):
        gs.explain(given, picture(), TEXTS[:1], target="yes", method="attention-gradient")


def test_the_tokens_of_an_answer_have_attention() -> None:
    given = answer_tokens(*loaded("llava"), PROMPT, picture(), TEXTS[0], max_new_tokens=3)
    maps = gs.explain(given, picture(), TEXTS[:2], target=WHOLE, method="attention-gradient")
    assert np.abs(maps.raw).max(axis=(1, 2)).min() > 0
