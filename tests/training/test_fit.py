import logging
import math
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812

from gazeshift.errors import DataError, TrainingError
from gazeshift.models import Classifier, ImageSpec, build_trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.spreadsheet import read_csv
from gazeshift.training import Split, accuracy, fit, fit_trunk, image_features, predict, recipe_of, text_features
from gazeshift.training.keyed import order
from gazeshift.training.optimise import SCHEDULES, parameter_groups

QUICK = {"epochs": 2, "batch_size": 8}


def changed(model: Classifier, before: dict[str, torch.Tensor]) -> set[str]:
    """Top-level parts (two levels of the name) with any change of weights or buffers."""
    return {
        ".".join(name.split(".")[:2])
        for name, value in model.state_dict().items()
        if not torch.equal(value, before[name])
    }


def copy(model: Classifier) -> dict[str, torch.Tensor]:
    return {name: value.cpu().clone() for name, value in model.state_dict().items()}


def test_equals_a_plain_loop(build, train: Split, validation: Split, tmp_path: Path) -> None:
    """SGD with momentum, weight decay on matrices only, label smoothing, clipping: written out by hand."""
    settings = {
        "optimizer": "sgd",
        "learning_rate": 0.02,
        "weight_decay": 0.01,
        "label_smoothing": 0.1,
        "gradient_clip": 0.5,
    }
    recipe = recipe_of("plates", {**QUICK, **settings, "schedule": "constant", "augmentation": "none"})
    model, slow = build(dropout=0.0), build(dropout=0.0)
    start = copy(slow)
    fitted = fit(model, train, validation, recipe, 3, tmp_path, progress=False)

    slow.train()
    speed = {name: torch.zeros_like(p) for name, p in slow.named_parameters()}
    losses = []
    for epoch in range(2):
        for rows in order(len(train), 3, epoch).split(8):
            tokens = slow.tokenize([train.texts[row] for row in rows])
            pixels = slow.spec.preprocessing.normalise(torch.from_numpy(train.images[rows.numpy()]))
            loss = F.cross_entropy(slow(pixels, tokens.ids, tokens.mask), train.labels[rows], label_smoothing=0.1)
            slow.zero_grad()
            loss.backward()
            norm = math.sqrt(sum(float((p.grad**2).sum()) for p in slow.parameters()))
            for name, p in slow.named_parameters():
                gradient = p.grad * min(1, 0.5 / (norm + 1e-6)) + (0.01 * p.detach() if p.ndim > 1 else 0)
                speed[name] = 0.9 * speed[name] + gradient
                p.data -= 0.02 * speed[name]
            losses.append(loss.item() * len(rows))
    for name, value in slow.state_dict().items():
        moved, largest = float((value - start[name]).abs().max()), float(value.abs().max())
        near = 1e-3 * moved + 1e-6 * largest  # of the change, and of float32's rounding of what hardly changed
        torch.testing.assert_close(model.state_dict()[name], value, rtol=0, atol=near, msg=name)
    assert fitted.train_loss == pytest.approx(sum(losses[5:]) / len(train), rel=1e-5)


@pytest.mark.slow
def test_fusion_learns_and_reports_what_predict_gives(build, make_split, tmp_path: Path) -> None:
    train, validation = make_split(240), make_split(60, "validation", seed=1)
    model = build(dropout=0.0)
    fitted = fit(
        model, train, validation, recipe_of("plates", {"epochs": 5, "batch_size": 16}), 0, tmp_path, progress=False
    )
    logits = predict(model, validation, batch_size=7)
    assert fitted.validation_accuracy == pytest.approx(accuracy(logits, validation.labels))
    assert fitted.validation_accuracy > 0.9
    assert fitted.history[-1].validation_loss == pytest.approx(
        float(F.cross_entropy(logits, validation.labels)), rel=1e-4
    )
    assert fitted.train_loss < fitted.history[0].train_loss


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoder", "trunk", "text", "expected"),
    [
        ("bert-lstm", "frozen", "frozen", {"encoder.lstm", "head.image", "head.joint"}),
        ("huggingface", "frozen", "frozen", {"head.image", "head.joint"}),
        ("huggingface", "frozen", "fine-tuned", {"encoder.net", "head.image", "head.joint"}),
        ("bert-lstm", "fine-tuned", "frozen", {"trunk.net", "encoder.lstm", "head.image", "head.joint"}),
    ],
)
@pytest.mark.parametrize("augmentation", ["none", "flip-words"])
def test_only_what_is_not_frozen_changes(
    build_bert,
    train: Split,
    validation: Split,
    tmp_path: Path,
    encoder: str,
    trunk: str,
    text: str,
    expected: set,
    augmentation: str,
) -> None:
    model = build_bert(encoder)
    before = copy(model)
    fit(
        model,
        train,
        validation,
        recipe_of("adamw", {**QUICK, "trunk": trunk, "text": text, "augmentation": augmentation}),
        0,
        tmp_path,
        progress=False,
    )
    assert changed(model, before) == expected


def test_the_small_transformer_is_always_trained(build, train: Split, validation: Split, tmp_path: Path) -> None:
    model = build()
    before = copy(model)
    fit(model, train, validation, recipe_of("adamw", {**QUICK, "text": "frozen"}), 0, tmp_path, progress=False)
    assert "encoder.blocks" in changed(model, before)
    assert not any(name.startswith("trunk") for name in changed(model, before))


def test_the_callers_state_is_left_alone(build, train: Split, validation: Split, tmp_path: Path) -> None:
    model = build()
    model.eval()
    model.head.train()
    model.trunk.requires_grad_(False)
    modes = [module.training for module in model.modules()]
    torch.manual_seed(4)
    expected = torch.rand(3)
    torch.manual_seed(4)
    levels = logging.getLogger("lightning.pytorch").level
    fit(model, train, validation, recipe_of("plates", QUICK), 0, tmp_path, progress=False)
    assert torch.equal(torch.rand(3), expected)
    assert [module.training for module in model.modules()] == modes
    assert not any(parameter.requires_grad for parameter in model.trunk.parameters())
    assert all(parameter.requires_grad and parameter.grad is None for parameter in model.head.parameters())
    assert logging.getLogger("lightning.pytorch").level == levels


def test_given_features_are_used(build, train: Split, validation: Split, tmp_path: Path) -> None:
    one, other = build(), build()
    recipe = recipe_of("adamw", QUICK)
    options = {"pools_first": True, "progress": False}
    images = tuple(
        image_features(other.trunk, s.images, other.spec.preprocessing, **options) for s in (train, validation)
    )
    passes: list[int] = []
    other.trunk.net.features.register_forward_pre_hook(lambda *_: passes.append(1))
    fit(one, train, validation, recipe, 0, tmp_path / "one", progress=False)
    fit(other, train, validation, recipe, 0, tmp_path / "other", images=images, progress=False)
    assert passes == []
    assert not changed(other, copy(one))
    # A recipe that trains the trunk cannot use them, and does not.
    fit(other, train, validation, recipe_of("plates", QUICK), 0, tmp_path / "tuned", images=images, progress=False)
    assert passes


def test_text_vectors_are_computed_once_for_a_frozen_encoder(
    build_bert, train: Split, validation: Split, tmp_path: Path
) -> None:
    model = build_bert("huggingface")
    passes: list[int] = []
    model.encoder.register_forward_pre_hook(lambda *_: passes.append(1))
    texts = tuple(text_features(model, split.texts, progress=False) for split in (train, validation))
    given = len(passes)
    fit(model, train, validation, recipe_of("adamw", QUICK), 0, tmp_path, texts=texts, progress=False)
    assert len(passes) == given == 2


def _poison(model: Classifier, call: int) -> None:
    calls: list[int] = []

    def spoil(_module: object, _inputs: object, logits: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return logits * float("nan") if len(calls) == call else logits

    model.head.register_forward_hook(spoil)


@pytest.mark.parametrize(
    ("call", "place"), [(8, "epoch 2, step 2"), (12, "epoch 2, validation"), (3, "epoch 1, step 3")]
)
def test_a_loss_that_is_no_number_stops_and_keeps_the_last_epoch(
    build, train: Split, validation: Split, tmp_path: Path, call: int, place: str
) -> None:
    """Six calls an epoch: five steps and one validation batch."""
    recipe = recipe_of("plates", {**QUICK, "epochs": 3, "schedule": "constant"})
    model, one_epoch = build(), build()
    before = copy(model)
    _poison(model, call)
    with pytest.raises(TrainingError) as caught:
        fit(model, train, validation, recipe, 0, tmp_path / "bad", progress=False)
    assert place in str(caught.value)
    assert "learning rate 0.003" in str(caught.value)
    assert "\n" not in str(caught.value)
    if place.startswith("epoch 1"):
        assert not changed(model, before)
        return
    fit(one_epoch, train, validation, recipe.model_copy(update={"epochs": 1}), 0, tmp_path / "one", progress=False)
    assert not changed(model, copy(one_epoch))
    assert [row["epoch"] for row in read_csv(tmp_path / "bad" / "metrics.csv")] == ["1"]


@pytest.mark.slow
def test_the_best_epoch_is_kept(build, train: Split, validation: Split, tmp_path: Path) -> None:
    recipe = recipe_of("plates", {**QUICK, "epochs": 5, "learning_rate": 0.02, "keep": "best", "schedule": "constant"})
    model = build()
    weights: dict[int, dict[str, torch.Tensor]] = {}
    fitted = fit(
        model,
        train,
        validation,
        recipe,
        0,
        tmp_path,
        progress=False,
        on_epoch=lambda r: weights.update({r.epoch: copy(model)}),
    )
    accuracies = [record.validation_accuracy for record in fitted.history]
    assert fitted.best_epoch == fitted.kept_epoch == int(np.argmax(accuracies)) + 1
    assert fitted.validation_accuracy == max(accuracies)
    assert not changed(model, weights[fitted.best_epoch])
    assert fitted.validation_accuracy == pytest.approx(accuracy(predict(model, validation), validation.labels))


@pytest.mark.slow
@pytest.mark.parametrize("workers", [0, 2])
def test_workers_change_nothing(build, train: Split, validation: Split, tmp_path: Path, workers: int) -> None:
    one, other = build(), build()
    recipe = recipe_of("plates", {**QUICK, "augmentation": "gallo"})
    fit(one, train, validation, recipe, 0, tmp_path / "one", progress=False)
    fit(other, train, validation, recipe, 0, tmp_path / "other", workers=workers, progress=False)
    assert not changed(other, copy(one))


def test_seeds_differ(build, train: Split, validation: Split, tmp_path: Path) -> None:
    one, other = build(), build()
    fit(one, train, validation, recipe_of("plates", QUICK), 0, tmp_path / "0", progress=False)
    fit(other, train, validation, recipe_of("plates", QUICK), 1, tmp_path / "1", progress=False)
    assert changed(other, copy(one))


@pytest.mark.slow
def test_plateau_lowers_the_rate(build, train: Split, validation: Split, tmp_path: Path) -> None:
    """As Keras does with a patience of 1: validation labels that are always wrong, so learning lowers the accuracy, and that the rate."""
    wrong = Split(validation.keys, validation.texts, (validation.labels + 1) % 3, validation.images)
    recipe = recipe_of("plates", {**QUICK, "epochs": 8, "schedule": "plateau", "learning_rate": 0.01})
    fitted = fit(build(), train, wrong, recipe, 0, tmp_path, progress=False)
    expected, rate, best = [], 0.01, -math.inf
    for record in fitted.history:
        expected.append(rate)
        if record.validation_accuracy > best + 1e-4:
            best = record.validation_accuracy
        else:
            rate = max(rate * 0.1, 1e-5)
    assert [record.learning_rate for record in fitted.history] == pytest.approx(expected)
    assert expected[0] == 0.01
    assert expected[-1] == 1e-5


def test_schedules_end_near_zero(build, train: Split, validation: Split, tmp_path: Path) -> None:
    for schedule in ("one-cycle", "cosine", "warm-cosine"):
        fitted = fit(
            build(),
            train,
            validation,
            recipe_of("plates", {**QUICK, "schedule": schedule}),
            0,
            tmp_path,
            progress=False,
        )
        assert fitted.history[0].learning_rate > 5e-4
        assert fitted.history[-1].learning_rate < 1e-4


def test_warm_cosine_rises_over_a_twentieth_then_falls_as_cosine_does(build) -> None:
    """Every group in proportion to its own rate."""
    recipe = recipe_of("adamw", {"schedule": "warm-cosine", "trunk": "fine-tuned", "trunk_learning_rate": 0.01})
    optimizer = torch.optim.SGD([group.options() for group in parameter_groups(build(), recipe)])
    peaks = [group["lr"] for group in optimizer.param_groups]
    assert set(peaks) == {0.001, 0.01}
    schedule, rates = SCHEDULES["warm-cosine"](optimizer, recipe, 40), []
    for _ in range(40):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        schedule.after_step()
    expected = [1 / 3, 2 / 3, *((1 + math.cos(math.pi * step / 38)) / 2 for step in range(38))]
    for peak, found in zip(peaks, zip(*rates, strict=True), strict=True):
        assert found == pytest.approx([peak * share for share in expected])


def test_rates_and_decay_by_part(build_bert) -> None:
    model = build_bert("bert-lstm")
    changes = {
        "trunk": "fine-tuned",
        "trunk_learning_rate": 0.01,
        "text_learning_rate": 0.02,
        "weight_decay": 0.5,
        "trunk_weight_decay": 0,
    }
    of = {
        id(p): (group.lr, group.weight_decay)
        for group in parameter_groups(model, recipe_of("adamw", changes))
        for p in group.params
    }
    for name, parameter in model.named_parameters():
        rate = 0.01 if name.startswith("trunk.") else 0.02 if name.startswith("encoder.net.") else 0.001
        decay = 0.5 if parameter.ndim > 1 and not name.startswith("trunk.") else 0.0
        assert of[id(parameter)] == (rate, decay), name


def test_progress_goes_to_stderr_and_nothing_without_it(
    build, train: Split, validation: Split, tmp_path: Path, capfd
) -> None:
    fit(build(), train, validation, recipe_of("adamw", QUICK), 0, tmp_path / "loud")
    out, err = capfd.readouterr()
    assert out == ""
    assert "early-fusion: epoch 2/2 loss" in err
    assert "ETA" in err
    fit(build(), train, validation, recipe_of("adamw", QUICK), 0, tmp_path / "quiet", progress=False)
    assert capfd.readouterr() == ("", "")


def test_pairs_that_do_not_fit_the_model(build, train: Split, validation: Split, tmp_path: Path) -> None:
    def attempt(split: Split) -> None:
        fit(build(), split, validation, recipe_of("adamw", QUICK), 0, tmp_path, progress=False)

    with pytest.raises(DataError, match="label 3 is not a class"):
        attempt(Split(train.keys, train.texts, train.labels + 1, train.images))
    with pytest.raises(DataError, match="16 x 32 px"):
        attempt(Split(train.keys, train.texts, train.labels, train.images[:, :, :, :16]))
    with pytest.raises(DataError, match="no pairs"):
        attempt(train.subset(np.arange(0)))


def test_float16_needs_a_gpu(build, train: Split, validation: Split, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr("gazeshift.training.fitting.best_device", lambda: torch.device("cpu"))
    with pytest.raises(TrainingError, match="float16 needs a GPU"):
        fit(build(), train, validation, recipe_of("adamw", {"precision": "float16"}), 0, tmp_path, progress=False)


@pytest.mark.parametrize("head", ["image-only", "image-mlp", "text-only", "early-linear", "late-fusion"])
def test_every_head_trains(train: Split, validation: Split, tmp_path: Path, build, head: str) -> None:
    model = build(
        head,
        trunk="none" if head == "text-only" else "small_cnn",
        text="none" if head.startswith("image") else "transformer",
    )
    before = copy(model)
    fit(model, train, validation, recipe_of("plates", QUICK), 0, tmp_path, progress=False)
    assert any(name.startswith("head") for name in changed(model, before))


@pytest.mark.slow
def test_fit_trunk_teaches_the_trunk(make_split, tmp_path: Path) -> None:
    crops = make_split(200)
    torch.manual_seed(0)
    trunk = build_trunk(ImageSpec(name="small_cnn"), 32)
    before = trunk.net.features[0][0].weight.detach().clone()
    recipe = recipe_of("plates", {"epochs": 6, "batch_size": 16, "augmentation": "flip"})
    fitted = fit_trunk(
        trunk,
        crops.images,
        crops.labels,
        ("a", "b", "c"),
        Preprocessing(size=32),
        tmp_path,
        recipe=recipe,
        progress=False,
    )
    assert fitted.validation_accuracy > 0.8
    assert not torch.equal(trunk.net.features[0][0].weight, before)
    assert torch.equal(trunk.mean, torch.zeros(256))


def test_predict_keeps_modes_and_is_the_forward_pass(build, validation: Split) -> None:
    model = build()
    model.train()
    model.trunk.eval()
    modes = [module.training for module in model.modules()]
    logits = predict(model, validation, batch_size=4)
    assert [module.training for module in model.modules()] == modes
    model.eval()
    tokens = model.tokenize(validation.texts)
    with torch.no_grad():
        pixels = model.spec.preprocessing.normalise(torch.from_numpy(validation.images))
        assert torch.allclose(logits, model(pixels, tokens.ids, tokens.mask), atol=1e-5)
    assert accuracy(logits, validation.labels) == pytest.approx(
        float((logits.argmax(1) == validation.labels).float().mean())
    )
