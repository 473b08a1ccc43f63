"""A model that answers in its own words: its tokens, how likely each is with every text, and their maps."""

import io

import pytest
import torch

import gazeshift as gs
from gazeshift.app.answers import said_by
from gazeshift.app.gaze import gaze
from gazeshift.app.remembering import Remembering
from gazeshift.app.words import words_of
from gazeshift.models.hub.answers import WHOLE
from tests.hub.answering import PROMPT, TEXTS, picture
from tests.hub.tiny_vlm import builders


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Remembering:
    folder = tmp_path_factory.mktemp("published") / "llava"
    builders["llava"](folder)
    return Remembering(gs.from_hub(folder, as_="answers", prompt=PROMPT))


def file() -> bytes:
    content = io.BytesIO()
    picture().save(content, "PNG")
    return content.getvalue()


def test_the_answer_is_written_out_and_explained_as_a_whole(model: Remembering) -> None:
    found = gaze(model, file(), TEXTS[:2], "predicted", None, "default")
    asked = model.model.about(picture(), TEXTS[0])
    assert [token.target for token in found.tokens] == list(asked.classes[:-1])
    assert found.looks[0].said == tuple(token.word for token in found.tokens)
    assert found.looks[1].said == said_by(model.model.about(picture(), TEXTS[1]))
    assert {look.explained for look in found.looks} == {WHOLE}
    assert all(look.top == () for look in found.looks)
    assert found.moved[0].switch is None  # tokens are no choice, so that none can be switched to
    assert found.moved[0].js_distance is not None


def test_each_token_can_be_explained_and_has_its_own_probability(model: Remembering) -> None:
    found = gaze(model, file(), TEXTS[:2], "predicted", None, "default")
    token = found.tokens[1]
    own = gaze(model, file(), TEXTS[:2], token.target, None, "default")
    assert {look.explained for look in own.looks} == {token.target}
    assert own.looks[0].mass != found.looks[0].mass
    asked = model.model.about(picture(), TEXTS[0])
    for place in range(2):
        scores = gs.explain(asked, file(), [TEXTS[place]], token.target).rows[0].logit
        assert token.probabilities[place] == pytest.approx(torch.tensor(scores).exp().item(), rel=1e-4)


def test_words_are_those_of_the_whole_answer(model: Remembering) -> None:
    assert words_of(model, file(), TEXTS[0], "predicted", None, "default", {}).explained == WHOLE


def test_an_answer_is_found_once(model: Remembering) -> None:
    assert model.about(picture(), TEXTS[0]) is model.about(picture(), TEXTS[0])
    assert model.about(picture(), TEXTS[0]) is not model.about(picture(), TEXTS[1])
