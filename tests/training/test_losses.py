"""Losses that concern the modalities, each against its definition."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from gazeshift.errors import TrainingError
from gazeshift.models import HEADS, Classifier, ImageFeatures
from gazeshift.training import Split, fit, image_features, predict, recipe_of, text_features
from gazeshift.training.blending import Blend
from gazeshift.training.inputs import Inputs
from gazeshift.training.losses import losses, suited

EVEN = (1 / 3, 1 / 3, 1 / 3)
BOTH = [name for name, head in HEADS.items() if head.structure.sees_image and head.structure.reads_text]
Build = Callable[..., Classifier]


def views(model: Classifier, split: Split) -> tuple[list[Tensor], Tensor]:
    """Logits of each pair with both, with the image alone and with the text alone, one pair at a time."""
    found: list[list[Tensor]] = [[], [], []]
    for row in range(len(split.texts)):
        pixels = model.spec.preprocessing.normalise(torch.from_numpy(split.images[row : row + 1]))
        image = model.encode_image(pixels)
        text, empty = (
            model.encode_text(tokens.ids, tokens.mask)
            for tokens in (model.tokenize([split.texts[row]]), model.tokenize([""]))
        )
        nothing = ImageFeatures(torch.zeros_like(image.grid))
        for place, pair in enumerate(((image, text), (image, empty), (nothing, text))):
            found[place].append(model.classify(*pair))
    return [torch.cat(each) for each in found], split.labels


@pytest.fixture
def few(make_split: Callable[..., Split]) -> Split:
    return make_split(6)


@pytest.mark.parametrize("head", ["early-fusion", "film", "co-attention"])
def test_auxiliary_losses_are_those_of_one_modality(build: Build, few: Split, head: str) -> None:
    model, inputs = build(head, dropout=0.0).eval(), Inputs.of(few)
    recipe = recipe_of("plates", {"unimodal": "auxiliary", "auxiliary": 0.3, "label_smoothing": 0.1})
    found = losses(model, inputs, inputs.batch(np.arange(6)), recipe, EVEN)
    logits, labels = views(model, few)
    each = [F.cross_entropy(one, labels, label_smoothing=0.1) for one in logits]
    torch.testing.assert_close(torch.stack(found.each), torch.stack(each))
    torch.testing.assert_close(found.total, each[0] + 0.3 * (each[1] + each[2]))


def test_blended_losses_are_weighted(build: Build, few: Split) -> None:
    model, inputs = build(dropout=0.0).eval(), Inputs.of(few)
    recipe = recipe_of("plates", {"unimodal": "blended"})
    found = losses(model, inputs, inputs.batch(np.arange(6)), recipe, (0.5, 0.3, 0.2))
    torch.testing.assert_close(found.total, sum(w * x for w, x in zip((0.5, 0.3, 0.2), found.each, strict=True)))


def test_modality_dropout_takes_the_image_or_the_text(build: Build, few: Split) -> None:
    """Below half the rate the image goes, from there to the rate the text, beyond it nothing."""
    model, inputs = build(dropout=0.0).eval(), Inputs.of(few)
    batch = inputs.batch(np.arange(6))
    object.__setattr__(batch, "uniform", torch.tensor([0.0, 0.19, 0.2, 0.39, 0.4, 0.99]))
    found = losses(model, inputs, batch, recipe_of("plates", {"modality_dropout": 0.4, "label_smoothing": 0}), EVEN)
    logits, labels = views(model, few)
    expected = torch.stack([logits[view][row] for row, view in enumerate((2, 2, 1, 1, 0, 0))])
    torch.testing.assert_close(found.total, F.cross_entropy(expected, labels))


def test_the_contrastive_loss_prefers_own_texts(build: Build, few: Split) -> None:
    model, inputs = build("dual-encoder", dropout=0.0).eval(), Inputs.of(few)
    batch = inputs.batch(np.arange(6))
    plain = losses(model, inputs, batch, recipe_of("plates", {"label_smoothing": 0}), EVEN).total
    found = losses(model, inputs, batch, recipe_of("plates", {"contrastive": 0.5, "label_smoothing": 0}), EVEN).total
    image, text = inputs.encoded(model, batch)
    seen, said = model.head.image(model.trunk.pool(image)), model.head.text(text.pooled)
    cosines = torch.stack([F.cosine_similarity(one[None], said) for one in seen]) * model.head.log_scale.exp()
    expected = -(cosines.log_softmax(1).diagonal() + cosines.log_softmax(0).diagonal()).mean() / 2
    torch.testing.assert_close(found - plain, 0.5 * expected, rtol=1e-4, atol=1e-5)


def test_a_fusion_without_a_common_space_cannot_be_contrasted(build: Build, few: Split) -> None:
    inputs = Inputs.of(few)
    with pytest.raises(TrainingError, match="contrastive: the fusion 'early-fusion' has no common space"):
        losses(build(), inputs, inputs.batch(np.arange(6)), recipe_of("plates", {"contrastive": 1.0}), EVEN)


@pytest.mark.parametrize("head", ["image-only", "text-only"])
def test_models_of_one_modality_are_trained_as_without(build: Build, few: Split, head: str) -> None:
    text = "none" if head == "image-only" else "transformer"
    trunk = "none" if head == "text-only" else "small_cnn"
    model, inputs = build(head, trunk=trunk, text=text, dropout=0.0).eval(), Inputs.of(few)
    asked = {"modality_dropout": 0.9, "unimodal": "auxiliary", "contrastive": 1.0}
    batch = inputs.batch(np.arange(6))
    recipes = [suited(recipe_of("plates", changes), model) for changes in (asked, {})]
    one, other = (losses(model, inputs, batch, recipe, EVEN).total for recipe in recipes)
    torch.testing.assert_close(one, other)


@pytest.mark.parametrize("head", ["image-only", "text-only"])
def test_a_study_may_ask_all_its_models_for_them(
    build: Build, train: Split, validation: Split, tmp_path: Path, head: str
) -> None:
    text = "none" if head == "image-only" else "transformer"
    trunk = "none" if head == "text-only" else "small_cnn"
    trained = []
    for number, changes in enumerate(({"unimodal": "blended", "modality_dropout": 0.5, "contrastive": 1.0}, {})):
        model = build(head, trunk=trunk, text=text, dropout=0.0)
        recipe = recipe_of("plates", {"epochs": 2, "batch_size": 8, **changes})
        fit(model, train, validation, recipe, 0, tmp_path / str(number), progress=False)
        trained.append(model.state_dict())
    assert all(torch.equal(value, trained[1][name]) for name, value in trained[0].items())


@pytest.mark.parametrize("asked", [{"modality_dropout": 0.5}, {"unimodal": "auxiliary"}, {"unimodal": "blended"}])
def test_a_resumed_training_is_the_whole_one(
    build: Build, train: Split, validation: Split, tmp_path: Path, asked: dict[str, object]
) -> None:
    """Weights of losses and what is dropped continue where they stopped."""
    recipe = recipe_of("plates", {"epochs": 3, "batch_size": 8, "schedule": "constant", **asked})
    whole, stopped = build(), build()
    fit(whole, train, validation, recipe, 0, tmp_path / "whole", progress=False)

    def stop(record: object) -> None:
        if record.epoch == 2:  # type: ignore[attr-defined]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(stopped, train, validation, recipe, 0, tmp_path / "stopped", progress=False, on_epoch=stop)
    again = build()
    fit(again, train, validation, recipe, 0, tmp_path / "stopped", progress=False, resume=True)
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in whole.state_dict().items())


def test_what_gained_nothing_weighs_nothing_and_what_overfits_weighs_less() -> None:
    first = Blend().after((1.0, 1.0, 1.0), (1.0, 1.0, 1.0))
    assert first.weights == EVEN
    blend = first.after((0.5, 0.2, 0.9), (0.7, 0.7, 1.2))
    gains, gaps = (0.3, 0.3), (0.2, 0.5)
    worth = [gain / gap**2 for gain, gap in zip(gains, gaps, strict=True)]
    assert blend.weights == pytest.approx((worth[0] / sum(worth), worth[1] / sum(worth), 0.0))
    assert blend.after((0.1, 0.1, 0.1), (2.0, 2.0, 2.0)).weights == blend.weights


@pytest.mark.parametrize("head", BOTH)
def test_every_fusion_is_trained_on_cached_features(
    build: Build, train: Split, validation: Split, tmp_path: Path, head: str
) -> None:
    """The loss falls, and cached features give the logits of pixels and words."""
    model = build(head, dropout=0.0)
    recipe = recipe_of("adamw", {"epochs": 8, "batch_size": 8, "learning_rate": 0.003, "text": "frozen"})
    fitted = fit(model, train, validation, recipe, 0, tmp_path, progress=False)
    assert fitted.history[-1].train_loss < fitted.history[0].train_loss
    images = image_features(
        model.trunk,
        validation.images,
        model.spec.preprocessing,
        pools_first=model.pools_first,
        progress=False,
    )
    texts = text_features(model, validation.texts, progress=False)
    cached = predict(model, validation, images=images, texts=texts)
    torch.testing.assert_close(cached, predict(model, validation), rtol=1e-4, atol=1e-4)
