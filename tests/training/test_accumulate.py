"""A step computed in parts."""

from pathlib import Path

import pytest
import torch

from gazeshift.errors import TrainingError
from gazeshift.training import Split, fit, recipe_of

WHOLE = recipe_of(
    "adamw", {"epochs": 2, "batch_size": 8, "schedule": "one-cycle", "optimizer": "sgd", "gradient_clip": 1.0}
)
PARTS = WHOLE.model_copy(update={"accumulate": 3})


@pytest.mark.slow
def test_parts_give_the_weights_of_whole_steps(build, train: Split, validation: Split, tmp_path: Path) -> None:
    """As many steps of the schedule, and the same dropout. Stopped in parts and resumed whole, too."""
    whole, parts, mixed, start = build(), build(), build(), build().state_dict()
    expected = fit(whole, train, validation, WHOLE, 0, tmp_path / "whole", progress=False)
    found = fit(parts, train, validation, PARTS, 0, tmp_path / "parts", progress=False)

    def stop(record: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fit(build(), train, validation, PARTS, 0, tmp_path / "mixed", progress=False, on_epoch=stop)
    fit(mixed, train, validation, WHOLE, 0, tmp_path / "mixed", resume=True, progress=False)
    for one, other in zip(expected.history, found.history, strict=True):
        assert other.learning_rate == pytest.approx(one.learning_rate, rel=1e-9)
        assert other.train_loss == pytest.approx(one.train_loss, rel=1e-5)
        assert other.validation_accuracy == one.validation_accuracy
    for name, value in whole.state_dict().items():
        moved = float((value - start[name]).double().norm())
        for model in (parts, mixed):
            assert float((model.state_dict()[name] - value).double().norm()) <= 1e-3 * moved, name


def test_batch_norm_needs_the_whole_batch(build, train: Split, validation: Split, tmp_path: Path) -> None:
    recipe = recipe_of("plates", {"epochs": 1, "batch_size": 8, "accumulate": 2})
    model = build()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(TrainingError, match="batch norm needs the whole batch at once, which accumulate divides"):
        fit(model, train, validation, recipe, 0, tmp_path, progress=False)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_how_a_step_is_computed_decides_nothing() -> None:
    assert PARTS.deciding() == WHOLE.deciding()
    assert "accumulate" not in PARTS.deciding()
    assert PARTS.model_copy(update={"batch_size": 9}).deciding() != WHOLE.deciding()
