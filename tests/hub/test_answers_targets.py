"""What can be explained of a model that answers, through ``from_hub``: options, their combinations, tokens of its own answer."""

from pathlib import Path

import pytest

import gazeshift as gs
from gazeshift.models.hub.answers import WHOLE
from gazeshift.saliency import Combination, explain_inputs
from tests.hub.answering import MODELS, OPTIONS, PROMPT, TEXTS, loaded, picture
from tests.hub.test_answers import apart, by_hand, read_by_processor
from tests.hub.tiny_vlm import builders

NAMES = ["llava", "qwen2_5_vl"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published")


def published(folder: Path, name: str) -> Path:
    if not (folder / name).exists():
        builders[name](folder / name)
    return folder / name


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("target", "weights"),
    [
        ("no", (0, 1, 0)),
        ("a red dog rather than yes", (-1, 0, 1)),
        (Combination({"yes": 0.5, 1: 0.5, "a red dog": -1.0}), (0.5, 0.5, -1)),
    ],
)
def test_combinations_of_options_are_those_of_their_scores(
    folder: Path, name: str, target: str | Combination, weights: tuple[float, ...]
) -> None:
    model = gs.from_hub(published(folder, name), as_="answers", prompt=PROMPT, classes=OPTIONS)
    maps = gs.explain(model, picture(), TEXTS[:2], target, method="hires-cam")
    for row, text in enumerate(TEXTS[:2]):
        each = [by_hand(loaded(name)[0], MODELS[name], *read_by_processor(name, text, option)) for option in OPTIONS]
        expected = sum(weight * one["hires-cam"] for weight, one in zip(weights, each, strict=True))
        score = sum(weight * one["score"] for weight, one in zip(weights, each, strict=True))
        assert apart(maps.raw[row], expected) < 1e-4
        assert maps.rows[row].logit == pytest.approx(score, abs=1e-5 * max(abs(one["score"]) for one in each))


@pytest.mark.parametrize("name", NAMES)
def test_a_token_of_its_own_answer(folder: Path, name: str) -> None:
    """Each token's map is that of its log-probability after the prompt and the tokens before it; all together are the whole answer's."""
    model = gs.from_hub(published(folder, name), as_="answers", prompt=PROMPT)
    said = model.about(picture(), TEXTS[0])
    assert said.classes[-1] == WHOLE
    inputs = said.read([picture()], TEXTS[:1])
    own = {key: value for key, value in inputs[1].items() if key != "answer"}
    asked, _ = read_by_processor(name, TEXTS[0], "yes")
    seen = {key: value for key, value in asked.items() if key not in own}
    every = explain_inputs(said.net, *inputs, target=list(range(len(said.classes))), method="hires-cam").raw
    for token, place in enumerate(inputs[1]["answer"][0].nonzero()[:3, 0].tolist()):
        before = {**seen, **{key: value[:, : place + 1] for key, value in own.items()}}
        expected = by_hand(loaded(name)[0], MODELS[name], before, 1)
        maps = gs.explain(model, picture(), TEXTS[:1], said.classes[token], method="hires-cam")
        assert apart(maps.raw[0], expected["hires-cam"]) < 1e-4
        assert apart(every[token], expected["hires-cam"]) < 1e-4
        assert maps.rows[0].logit == pytest.approx(expected["score"], rel=1e-4)
    assert apart(every[-1], every[:-1].sum(0)) < 1e-4
    told = f"{said.classes[0]} rather than {said.classes[1]}"
    between = gs.explain(model, picture(), TEXTS[:1], told, method="hires-cam").raw[0]
    assert apart(between, every[0] - every[1]) < 1e-4
