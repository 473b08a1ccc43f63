"""How many processes make a study's batches."""

import os

import pytest
import torch

from gazeshift.study.units import batch_workers
from gazeshift.training import recipe_of

CPU, GPU = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    ("recipe", "changed", "device", "expected"),
    [
        ("modern", {}, CPU, 0),
        ("modern", {}, GPU, 3),
        ("paper-image-only", {}, GPU, 3),
        ("adamw", {}, GPU, 0),  # batches of kept features
        ("adamw", {"augmentation": "crop"}, GPU, 3),
        ("adamw", {"augmentation": "crop"}, CPU, 0),
    ],
)
def test_processes_make_batches_of_crops_while_an_accelerator_trains(
    recipe: str, changed: dict[str, str], device: torch.device, expected: int
) -> None:
    assert batch_workers(recipe_of(recipe, changed), 3, device) == expected


def test_one_process_for_each_cpu_unless_told() -> None:
    assert batch_workers(recipe_of("modern"), None, GPU) == os.cpu_count()
