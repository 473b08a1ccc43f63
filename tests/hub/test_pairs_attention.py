"""Attention methods of models that score a picture and a sentence: a loop over the attentions that the model returns, or one line."""

from functools import cache
from typing import Any

import numpy as np
import pytest
from torch import Tensor

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models.hub.matching import MATCH
from tests.hub.answering import TEXTS, picture
from tests.hub.attention import relevance, shaped, weights_of
from tests.hub.test_pairs import MODELS, folder, inputs, loaded

METHODS = ["attention-gradient", "rollout"]
CELLS = {
    "clip": range(1, 17),
    "siglip": range(16),
    "siglip2": range(13 * 19),
    "flava": range(1, 17),
    "bridgetower": range(1, 17),
}
"""Tokens that are cells, of the families with attention over the picture after the tap."""


def by_hand(name: str, text: str, method: str) -> np.ndarray:
    steps, score = returned(name, inputs(name, text))
    return shaped(relevance(steps, score, method), CELLS[name], MODELS[name].shape)


def returned(name: str, asked: dict[str, Any]) -> tuple[list[Tensor], Tensor]:
    """The attentions over the picture after the tap, in the order they run, and the score."""
    model, beside = eager(name), list[Tensor]()
    if name == "bridgetower":  # whose picture tower goes on beside the cross-modal layers
        with weights_of(model.bridgetower.vision_model.visual.transformer.resblocks[2].attn, beside):
            out = model(**asked, output_attentions=True)
        (_, first), (_, second) = out.attentions
        return [first, *beside, second], MODELS[name].score(out)
    out = model(**asked, output_attentions=True)
    seen = out.image_output if name == "flava" else out.vision_model_output
    return [seen.attentions[-1]], MODELS[name].score(out)


@cache
def eager(name: str) -> Any:
    """A model that returns its attentions."""
    return type(loaded(name)[0]).from_pretrained(folder(name), attn_implementation="eager").eval()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", CELLS)
def test_attention_equals_a_loop_over_what_the_model_returns(name: str, method: str) -> None:
    maps = gs.explain(gs.from_hub(folder(name)), picture(), TEXTS, target=MATCH, method=method)
    for raw, text in zip(maps.raw, TEXTS, strict=True):
        expected = by_hand(name, text, method)
        assert np.abs(expected).max() > 1e-6  # half of a half of a small number, where tokens are many
        assert np.abs(raw - expected).max() < 1e-4 * np.abs(expected).max()


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("blip", r"\(17 tokens, 16 of them cells\); what follows attends .*{words} x 17.*cross-attention"),
        ("blip-2", r"\(17 tokens, 16 of them cells\); what follows attends .*3 x 17.*cross-attention"),
        (
            "blip-2 with image tokens",
            r"\(17 tokens, 16 of them cells\); what follows attends .*3 x 17.*cross-attention",
        ),
        ("vilt", r"\(24 tokens, 24 of them cells\); what follows attends {all} x {all}"),
    ],
)
def test_where_a_text_or_queries_look_at_the_cells_that_is_said(name: str, said: str, method: str) -> None:
    """With a text of any length, also one that is as many tokens as the picture, alone or with the queries."""
    for words in range(11, 18):
        text, tokens = of_tokens(name, words)
        with pytest.raises(UsageError, match=said.format(words=tokens, all=tokens + 25)) as error:
            gs.explain(gs.from_hub(folder(name)), picture(), [text], target=MATCH, method=method)
        assert "\n" not in str(error.value)


def of_tokens(name: str, count: int) -> tuple[str, int]:
    """A text that is this many tokens to a model's tokenizer."""
    words = loaded(name)[1].tokenizer
    text = ""
    while len(words(text)["input_ids"]) < count:
        text += " cat"
    return text, len(words(text)["input_ids"])
