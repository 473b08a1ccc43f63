"""Maps of answers equal those of a plain autograd loop, for every family of vision-language models."""

import warnings
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from gazeshift.models.adapters.inputs import take
from gazeshift.models.hub.answers import WHOLE, answer_tokens, answers
from gazeshift.models.hub.answers_pictures import arguments_of
from gazeshift.saliency.outside import explain_inputs
from tests.hub.answering import MODELS, OPTIONS, PROMPT, TEXTS, ByHand, loaded, picture

METHODS = ["grad-cam", "hires-cam"]


def read_by_processor(
    name: str, text: str, answer: str, seen: Image.Image | None = None
) -> tuple[dict[str, Tensor], int]:
    """A prompt with an answer as the processor itself reads them, and how many tokens the answer has."""
    _, processor = loaded(name)
    # BLIP-2's processor puts the picture's places first, and takes none in a prompt.
    prompt = PROMPT.replace("<image>", "" if name == "blip-2" else MODELS[name].image).replace("{text}", text)
    read = {"images": [seen or picture()], "return_tensors": "pt"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PaliGemma's processor calls numpy in an old way
        before = processor(text=[prompt], **read)
        if name != "paligemma":
            whole = processor(text=[f"{prompt} {answer}"], **read)
            return dict(whole), whole["input_ids"].shape[1] - before["input_ids"].shape[1]
    return suffixed(processor, before, answer)


def suffixed(processor: Any, before: Any, answer: str) -> tuple[dict[str, Tensor], int]:
    """PaliGemma's answer follows the line break that ends its prompt, in the second of two segments."""
    ids = processor.tokenizer(answer, add_special_tokens=False, return_tensors="pt")["input_ids"]
    whole = {
        "input_ids": torch.cat([before["input_ids"], ids], 1),
        "attention_mask": torch.ones(1, before["input_ids"].shape[1] + ids.shape[1], dtype=torch.long),
        "token_type_ids": torch.cat([before["token_type_ids"], torch.ones_like(ids)], 1),
        "pixel_values": before["pixel_values"],
    }
    return whole, ids.shape[1]


def by_hand(model: Any, known: ByHand, inputs: dict[str, Tensor], tokens: int, mean: bool = False) -> dict[str, Any]:
    """Score and maps of the last tokens of a prompt, with a hook at the tap and a loop over the cells."""
    kept: list[Tensor] = []
    hook = model.get_submodule(known.tap).register_forward_hook(lambda module, arguments, output: kept.append(output))
    logits = model(**inputs).logits[0]
    hook.remove()
    ids = inputs["input_ids"][0]
    each = [logits[place - 1].log_softmax(0)[ids[place]] for place in range(len(ids) - tokens, len(ids))]
    score = sum(each) / (tokens if mean else 1)
    (slope,) = torch.autograd.grad(score, kept[0])
    features, slopes = (whole.detach().reshape(-1, whole.shape[-1]) for whole in (kept[0], slope))
    rows, columns = known.shape
    own = [known.token(r, c) for r in range(rows) for c in range(columns)]
    average = torch.stack([slopes[token] for token in own]).mean(0)
    maps = {"grad-cam": np.zeros(known.shape), "hires-cam": np.zeros(known.shape)}
    for r in range(rows):
        for c in range(columns):
            token = known.token(r, c)
            maps["grad-cam"][r, c] = float(features[token] @ average)
            maps["hires-cam"][r, c] = float(features[token] @ slopes[token])
    return {"score": float(score.detach()), **maps}


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 1e-4
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", MODELS)
def test_an_option_equals_a_loop_of_autograd(name: str, method: str) -> None:
    """Several texts of different lengths, so that most rows are padded; every option of every text."""
    model, processor = loaded(name)
    given = answers(model, processor, PROMPT, OPTIONS)
    maps = explain_inputs(given.net, *given.read([picture()], TEXTS), target=0, method=method)
    assert len(maps.rows) == len(TEXTS) * given.options
    for row, raw in zip(maps.rows, maps.raw, strict=True):
        text, option = TEXTS[row.text // given.options], OPTIONS[row.text % given.options]
        expected = by_hand(model, MODELS[name], *read_by_processor(name, text, option))
        assert row.logit == pytest.approx(expected["score"], rel=1e-4)
        assert apart(raw, expected[method]) < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_the_mean_of_one_text_and_one_option(name: str) -> None:
    model, processor = loaded(name)
    given = answers(model, processor, PROMPT, OPTIONS[2:], normalise=True)
    maps = explain_inputs(given.net, *given.read([picture()], TEXTS[:1]), target=0, method="hires-cam")
    inputs, tokens = read_by_processor(name, TEXTS[0], OPTIONS[2])
    assert tokens > 1
    expected = by_hand(model, MODELS[name], inputs, tokens, mean=True)
    assert maps.logits[0, 0] == pytest.approx(expected["score"], rel=1e-4)
    assert apart(maps.raw[0], expected["hires-cam"]) < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_no_text_reaches_the_tap(name: str) -> None:
    given = answers(*loaded(name), PROMPT, OPTIONS)
    images, texts = given.read([picture()], TEXTS)
    rows = len(TEXTS) * len(OPTIONS)
    bound = given.net.bind(images, texts, torch.zeros(rows, dtype=torch.long), torch.arange(rows))
    assert len(bound.grid) == 1
    assert bound.notes == ()


@pytest.mark.parametrize("name", MODELS)
def test_the_tokens_of_its_own_answer_equal_a_loop_of_autograd(name: str) -> None:
    model, processor = loaded(name)
    given = answer_tokens(model, processor, PROMPT, picture(), TEXTS[0], max_new_tokens=4)
    images, texts = given.read([picture()], TEXTS[:2])
    answer = texts["input_ids"][0][texts["answer"][0]]
    assert len(given.classes) == len(set(given.classes)) == len(answer) + 1
    assert given.classes[-1] == WHOLE
    prompt, _ = read_by_processor(name, TEXTS[0], "yes")
    start = int(texts["answer"][0].nonzero()[0])
    assert texts["input_ids"][0, :start].tolist() == prompt["input_ids"][0, :start].tolist()
    maps = explain_inputs(given.net, images, texts, target=len(answer), method="hires-cam")
    for row in maps.rows:
        attended = texts["attention_mask"][row.text].bool()
        own = {key: value[row.text : row.text + 1, attended] for key, value in texts.items() if key != "answer"}
        inputs = {**{key: value for key, value in prompt.items() if key not in own}, **own}
        expected = by_hand(model, MODELS[name], inputs, len(answer))
        assert apart(maps.of(0, row.text), expected["hires-cam"]) < 1e-4
        assert maps.logits[row.text, :-1].sum() == pytest.approx(expected["score"], rel=1e-4)


@pytest.mark.parametrize("name", MODELS)
def test_its_own_answer_is_what_the_model_finds_likeliest(name: str) -> None:
    """Each token of it has the largest logit after the ones before it."""
    model, processor = loaded(name)
    given = answer_tokens(model, processor, PROMPT, picture(), TEXTS[0], max_new_tokens=3)
    images, texts = given.read([picture()], TEXTS[:1])
    views = arguments_of(take(images, torch.tensor([0])))
    asked = {key: value for key, value in texts.items() if key != "answer"}
    logits = model(**views, **asked).logits[0]
    for place in texts["answer"][0].nonzero()[:, 0].tolist():
        assert int(logits[place - 1].argmax()) == int(texts["input_ids"][0, place])


def test_pictures_of_one_shape_are_read_together() -> None:
    model, processor = loaded("llava_next")
    given = answers(model, processor, PROMPT, OPTIONS[:2])
    both = [picture(), picture(seed=1)]
    maps = explain_inputs(given.net, *given.read(both, TEXTS[:2]), target=0, method="hires-cam")
    for number, one in enumerate(both):
        alone = explain_inputs(given.net, *given.read([one], TEXTS[:2]), target=0, method="hires-cam")
        for text in range(4):
            assert apart(maps.of(number, text), alone.of(0, text)) < 1e-4


def test_a_prompt_without_a_text_is_asked_once() -> None:
    given = answers(*loaded("llava"), "USER: <image> is it a cat ? ASSISTANT:", OPTIONS)
    _, texts = given.read([picture()], TEXTS)
    assert not given.reads_text
    assert len(texts["input_ids"]) == len(OPTIONS)


# Pixtral's tower lays all pictures in one sequence of a single row, from which none can be taken.
@pytest.mark.parametrize("rows", [2, 20])
@pytest.mark.parametrize("name", sorted(set(MODELS) - {"llava, pixtral"}))
def test_the_vision_tower_runs_no_more_for_a_map(name: str, rows: int) -> None:
    """Once it has run for the checks; for two texts and for more than are run at once."""
    model, processor = loaded(name)
    given = answers(model, processor, PROMPT, OPTIONS[:1])
    images, texts = given.read([picture()], [f"a dog {number}" for number in range(rows)])
    bound = given.net.bind(images, texts, torch.zeros(rows, dtype=torch.long), torch.arange(rows))
    ran: list[str] = []
    hooks = [
        part.register_forward_hook(lambda module, given, output: ran.append(type(module).__name__))
        for part in model.modules()
        if isinstance(part, torch.nn.Conv2d | torch.nn.Conv3d)
    ]
    bound.logits(bound.grid.expand(rows, -1, -1, -1), torch.zeros(rows, dtype=torch.long), torch.arange(rows))
    for hook in hooks:
        hook.remove()
    assert hooks
    assert not ran
