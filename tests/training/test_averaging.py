"""The exponential moving average of the weights, against its definition."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from gazeshift.errors import TrainingError
from gazeshift.models import Classifier
from gazeshift.training import Split, accuracy, fit, predict, recipe_of

DECAY = 0.6
QUICK = {"epochs": 2, "batch_size": 8, "schedule": "warm-cosine", "learning_rate": 0.01}
Build = Callable[..., Classifier]
State = dict[str, Tensor]


def copied(model: Classifier) -> State:
    return {name: value.clone() for name, value in model.state_dict().items()}


class _Watch:
    """The weights that each step of training begins with, and those that each batch of validation is judged by."""

    def __init__(self, model: Classifier) -> None:
        self.model, self.steps, self.judged = model, [], []
        first = next(module for module in model.trunk.modules() if isinstance(module, nn.Conv2d))
        first.register_forward_pre_hook(self)

    def __call__(self, *_: object) -> None:
        (self.steps if self.model.training else self.judged).append(copied(self.model))


def averages(weights: list[State]) -> list[State]:
    """After each step; the first of the given is before all steps."""
    mean, found = {name: value.double() for name, value in weights[0].items()}, []
    for step, now in enumerate(weights[1:], start=1):
        stays = min(DECAY, (1 + step) / (10 + step))
        mean = {name: stays * value + (1 - stays) * now[name].double() for name, value in mean.items()}
        found.append(mean)
    return found


def close(found: State, expected: State) -> None:
    for name, value in expected.items():
        if found[name].is_floating_point():  # whole numbers count batches
            allowed = 1e-5 * float(value.abs().max())
            torch.testing.assert_close(found[name].double(), value, rtol=0, atol=allowed, msg=name)


@pytest.mark.parametrize("keep", ["last", "best"])
def test_the_average_is_validated_and_kept(
    build: Build, train: Split, validation: Split, tmp_path: Path, keep: str
) -> None:
    plain, model = build(), build()
    watch = _Watch(model)
    fit(plain, train, validation, recipe_of("plates", QUICK), 0, tmp_path / "plain", progress=False)
    recipe = recipe_of("plates", {**QUICK, "ema": DECAY, "keep": keep})
    fitted = fit(model, train, validation, recipe, 0, tmp_path / "averaged", progress=False)
    # Training itself goes on as without, to the last step, whose weights the other training tells.
    expected = averages([*watch.steps, copied(plain)])
    assert len(expected) == 10
    for epoch, seen in enumerate(watch.judged[:2]):
        close(seen, expected[5 * epoch + 4])
    kept = expected[5 * fitted.kept_epoch - 1]
    close(model.state_dict(), kept)
    far = max(float((kept[name] - copied(plain)[name]).abs().max()) for name in kept)
    assert far > 1e-3, "nothing was averaged"
    counts = [int(value) for name, value in model.state_dict().items() if name.endswith("num_batches_tracked")]
    assert set(counts) == {5 * fitted.kept_epoch}
    assert fitted.validation_accuracy == pytest.approx(accuracy(predict(model, validation), validation.labels))


def test_after_a_loss_that_is_no_number_the_model_holds_the_last_average(
    build: Build, train: Split, validation: Split, tmp_path: Path
) -> None:
    recipe, calls = recipe_of("plates", {**QUICK, "schedule": "constant", "ema": DECAY}), []
    model, one_epoch = build(), build()

    def spoil(net: nn.Module, given: object, logits: Tensor) -> Tensor:
        calls.append(1)
        return logits * (float("nan") if len(calls) == 12 else 1)  # in the validation after the second epoch

    model.head.register_forward_hook(spoil)
    with pytest.raises(TrainingError, match="epoch 2, validation"):
        fit(model, train, validation, recipe, 0, tmp_path / "bad", progress=False)
    fit(one_epoch, train, validation, recipe.model_copy(update={"epochs": 1}), 0, tmp_path / "one", progress=False)
    assert all(torch.equal(value, one_epoch.state_dict()[name]) for name, value in model.state_dict().items())


def test_a_training_begun_before_there_was_an_average_is_continued(
    build: Build, train: Split, validation: Split, tmp_path: Path
) -> None:
    """Its checkpoint names every choice there was, and none that came later."""
    whole, stopped, resumed = build(), build(), build()
    recipe = recipe_of("plates", {**QUICK, "schedule": "cosine"})

    def stop(record: object) -> None:
        raise KeyboardInterrupt

    fit(whole, train, validation, recipe, 0, tmp_path / "whole", progress=False)
    with pytest.raises(KeyboardInterrupt):
        fit(stopped, train, validation, recipe, 0, tmp_path, progress=False, on_epoch=stop)
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    before = json.dumps(
        recipe.model_dump(mode="json", exclude={"accumulate", "ema", "unimodal"}), separators=(",", ":")
    )
    checkpoint["gazeshift"]["identity"]["recipe"] = before
    torch.save(checkpoint, tmp_path / "last.ckpt")
    other = recipe.model_copy(update={"ema": 0.9})
    with pytest.raises(TrainingError, match=r"recipe: ema None -> 0\.9"):
        fit(build(), train, validation, other, 0, tmp_path, resume=True, progress=False)
    fit(resumed, train, validation, recipe, 0, tmp_path, resume=True, progress=False)
    assert all(torch.equal(value, resumed.state_dict()[name]) for name, value in whole.state_dict().items())


def test_a_plateau_of_the_loss_is_not_continued_as_one_of_the_accuracy(
    build: Build, train: Split, validation: Split, tmp_path: Path
) -> None:
    recipe = recipe_of("plates", {**QUICK, "epochs": 1, "schedule": "plateau"})
    fit(build(), train, validation, recipe, 0, tmp_path, progress=False)
    checkpoint = torch.load(tmp_path / "last.ckpt", weights_only=True)
    checkpoint["gazeshift"]["schedule"]["mode"] = "min"  # as until 0.2
    torch.save(checkpoint, tmp_path / "last.ckpt")
    with pytest.raises(TrainingError, match="recipe: schedule plateau of the loss -> plateau"):
        fit(build(), train, validation, recipe, 0, tmp_path, resume=True, progress=False)


@pytest.mark.slow
def test_the_modern_recipe_learns(build: Build, train: Split, validation: Split, tmp_path: Path) -> None:
    changes = {"epochs": 6, "batch_size": 8, "learning_rate": 0.003, "trunk_learning_rate": 0.003}
    model = build()
    fitted = fit(model, train, validation, recipe_of("modern", changes), 0, tmp_path, progress=False)
    assert fitted.history[-1].validation_loss < fitted.history[0].validation_loss
    assert all(value.dtype in {torch.float32, torch.long} for value in model.state_dict().values())
