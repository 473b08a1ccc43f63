"""Two players and many: against loops over what is present, and the head's structure."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pytest
import torch
from PIL import Image
from tests.saliency.conftest import TEXTS, Encoded

import gazeshift as gs
from gazeshift.errors import UsageError
from gazeshift.models import BoundClassifier, Classifier, ImageFeatures, TextFeatures, evaluating
from gazeshift.saliency import Baseline, four_logits, mean_features, share_between_players

PICTURE = Image.fromarray(np.random.default_rng(1).integers(0, 255, (32, 32, 3), dtype=np.uint8))
ADDITIVE = ["early-linear", "late-fusion"]


def reader(model: Classifier) -> Callable[[list[str]], TextFeatures]:
    def read(texts: list[str]) -> TextFeatures:
        tokens = model.tokenize(texts)
        with torch.no_grad(), evaluating(model):
            return model.encode_text(tokens.ids, tokens.mask)

    return read


@pytest.mark.parametrize("tail", ["mean", "flatten"])
@pytest.mark.parametrize("head", ["early-fusion", *ADDITIVE])
def test_two_players_against_one_pair_at_a_time(tiny: Callable[..., Encoded], head: str, tail: str) -> None:
    case = tiny(head, tail)
    absent = mean_features(case.image, case.text)
    images, texts = torch.tensor([0, 1, 1, 0]), torch.tensor([0, 1, 2, 3])
    four = four_logits(BoundClassifier(case.model, case.image, case.text), images, texts, absent)
    target = four.both.argmax(1)
    shares = four.shapley(target)
    grid, vector = case.image.grid.mean(0, keepdim=True), case.text.pooled.mean(0, keepdim=True)
    for row, (i, t, c) in enumerate(zip(images.tolist(), texts.tolist(), target.tolist(), strict=True)):

        def logit(image: bool, text: bool, i: int = i, t: int = t, c: int = c) -> float:
            with torch.no_grad():
                seen = ImageFeatures(case.image.grid[i : i + 1].clone() if image else grid.clone())
                read = TextFeatures.from_pooled(case.text.pooled[t : t + 1] if text else vector)
                return float(case.model.classify(seen, read)[0, c])

        added = {"text": 0.0, "image": 0.0}
        for order in permutations(added):
            there = {"text": False, "image": False}
            for player in order:
                before = logit(image=there["image"], text=there["text"])
                there[player] = True
                added[player] += (logit(image=there["image"], text=there["text"]) - before) / 2
        assert shares.text[row] == pytest.approx(added["text"], abs=1e-9)
        assert shares.image[row] == pytest.approx(added["image"], abs=1e-9)
        whole = logit(True, True) - logit(False, True) - logit(True, False) + logit(False, False)
        assert shares.interaction[row] == pytest.approx(whole, abs=1e-9)
    assert (not shares.interaction.any()) == (head in ADDITIVE)


@pytest.mark.parametrize("head", ADDITIVE)
def test_an_additive_head_has_exactly_no_interaction_in_float32(build: Callable[..., Classifier], head: str) -> None:
    model = build(head, size=32)
    for text in TEXTS[:2]:
        found = gs.modality(model, PICTURE, text, orders=2)
        assert found.interaction == 0.0
        assert found.text + found.image == pytest.approx(found.logit - found.logit_neither, abs=1e-5)
    assert gs.modality(build(size=32), PICTURE, TEXTS[0], orders=2).interaction != 0.0


def test_many_players_against_every_order(tiny: Callable[..., Encoded]) -> None:
    """One image player is left by a grid of 1 x 1 cells; with two words there are six orders."""
    case = tiny(tail="mean", images=1)
    model, read = case.model, reader(case.model)
    image = ImageFeatures(case.image.grid.mean((2, 3), keepdim=True))
    found = share_between_players(lambda said: BoundClassifier(model, image, read(said)), "red pie", 2, orders=6)
    assert found.exact

    def value(there: set[str]) -> float:
        words = " ".join(word for word in ("red", "pie") if word in there)
        grid = image.grid if "image" in there else torch.zeros_like(image.grid)
        with torch.no_grad():
            return float(model.classify(ImageFeatures(grid), read([words]))[0, 2])

    added = dict.fromkeys(("image", "red", "pie"), 0.0)
    for order in permutations(added):
        for place, player in enumerate(order):
            added[player] += (value(set(order[: place + 1])) - value(set(order[:place]))) / 6
    assert [*found.image, *found.text] == pytest.approx(list(added.values()), abs=1e-9)


@pytest.mark.parametrize("tail", ["mean", "flatten"])
def test_cells_and_words_add_up_to_what_both_say(tiny: Callable[..., Encoded], tail: str) -> None:
    case = tiny(tail=tail, images=1)
    read = reader(case.model)
    found = share_between_players(
        lambda said: BoundClassifier(case.model, case.image, read(said)), TEXTS[0], 1, orders=4
    )
    assert (len(found.image), len(found.text)) == (16, 4)
    with torch.no_grad():
        whole = case.model.classify(case.image, read([TEXTS[0]]))[0, 1]
        nothing = case.model.classify(ImageFeatures(torch.zeros_like(case.image.grid)), read([""]))[0, 1]
    assert found.image.sum() + found.text.sum() == pytest.approx(float(whole - nothing), abs=1e-9)


def test_what_stands_for_the_absent_is_said_and_counts(build: Callable[..., Classifier]) -> None:
    model = build(size=32)
    plain = gs.modality(model, PICTURE, "red pie", orders=2)
    assert plain.baseline == "a grid of zeros at the tap; the empty text"
    bound = model.bind([PICTURE], ["red pie"])
    image, text = bound.image, bound.text
    own = gs.modality(model, PICTURE, "red pie", baseline=mean_features(image, text), orders=2)
    assert own.text == own.image == own.interaction == 0
    assert own.logit == pytest.approx(own.logit_neither, rel=1e-5)
    assert own.logit == pytest.approx(plain.logit, rel=1e-5)
    assert isinstance(mean_features(image, text), Baseline)
    assert plain.words == ("red", "pie")
    assert plain.grid == (2, 2)
    assert len(plain.players.image) == 4


@pytest.mark.parametrize("head", ["image-only", "text-only"])
def test_one_modality_has_nothing_to_share(build: Callable[..., Classifier], head: str) -> None:
    with pytest.raises(UsageError, match="one modality"):
        gs.modality(build(head, size=32), PICTURE, "pie")


def test_the_mean_of_pictures_and_texts_is_that_of_their_features(build: Callable[..., Classifier]) -> None:
    model = build("early-fusion")
    pictures = [PICTURE, PICTURE.rotate(90), PICTURE.rotate(180)]
    found = gs.mean_of_pairs(model, pictures, TEXTS)
    grids = torch.cat([model.bind([picture], [""]).grid for picture in pictures])
    shape = found.image.grid.shape[2:]
    expected = grids.mean(0, keepdim=True) if shape == grids.shape[2:] else grids.mean((0, 2, 3), keepdim=True)
    torch.testing.assert_close(found.image.grid, expected)
    torch.testing.assert_close(found.text.pooled, reader(model)(list(TEXTS)).pooled.mean(0, keepdim=True))
    assert gs.modality(model, PICTURE, TEXTS[1], baseline=found).baseline == "mean features of the reference pairs"
    for images, texts in (([], TEXTS), (pictures, []), (pictures, "a donut"), ("photo.jpg", TEXTS)):
        with pytest.raises(UsageError, match="a list of images and a list of texts, with at least one entry each"):
            gs.mean_of_pairs(model, images, texts)
    with pytest.raises(UsageError, match="one modality"):
        gs.mean_of_pairs(build("image-only"), pictures, TEXTS)


def test_the_class_that_is_asked_for(build: Callable[..., Classifier]) -> None:
    model = build(size=32)
    assert gs.modality(model, PICTURE, "pie", "donuts", orders=1).explained == "donuts"
    assert gs.modality(model, PICTURE, "pie", "label", label="ceviche", orders=1).explained == "ceviche"
    with pytest.raises(UsageError, match="label=CLASS"):
        gs.modality(model, PICTURE, "pie", "label")
