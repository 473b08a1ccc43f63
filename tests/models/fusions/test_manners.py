"""What all fusions have in common."""

import ast
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gazeshift.errors import ModelError
from gazeshift.models import HEADS, fusions
from gazeshift.models.features import ImageFeatures, TextFeatures
from gazeshift.models.fusions.registry import fusion
from tests.models.fusions.conftest import Make, pool

FILES = sorted(Path(fusions.__file__).parent.glob("*.py"))
BY_TOKEN = [name for name, head in HEADS.items() if head.structure.text == "tokens"]
LONGEST = 60


@pytest.mark.parametrize("name", HEADS)
@torch.no_grad()
def test_padding_and_the_others_in_a_batch_change_nothing(
    make: Make, image: ImageFeatures, text: TextFeatures, name: str
) -> None:
    head, logits = make(name), make(name)(image, pool, text)
    noise = replace(text, tokens=text.tokens + 5 * ~text.mask[..., None])
    torch.testing.assert_close(head(image, pool, noise), logits)
    for row in range(3):
        only = slice(row, row + 1)
        alone = head(ImageFeatures(image.grid[only]), pool, text.rows(only).trimmed())
        torch.testing.assert_close(alone, logits[only])


@pytest.mark.parametrize("name", HEADS)
def test_every_part_of_a_fusion_is_used(make: Make, image: ImageFeatures, text: TextFeatures, name: str) -> None:
    head = make(name)
    head(image, pool, text)[:, :2].square().sum().backward()
    idle = {part for part, weight in head.named_parameters() if weight.grad is None or not weight.grad.abs().max() > 0}
    # A key's bias adds the same to every score of a softmax.
    assert {part for part in idle if not part.endswith("key.bias")} == set()


@pytest.mark.parametrize("name", BY_TOKEN)
def test_a_fusion_that_reads_tokens_asks_for_them(
    make: Make, image: ImageFeatures, text: TextFeatures, name: str
) -> None:
    with pytest.raises(ModelError, match="token by token"):
        make(name)(image, pool, TextFeatures.from_pooled(text.pooled))


@pytest.mark.parametrize("name", HEADS)
def test_whatever_reads_both_has_a_reference_and_a_sentence(name: str) -> None:
    structure = HEADS[name].structure
    assert structure.sentence.endswith(".")
    assert bool(structure.reference) is (structure.sees_image and structure.reads_text)


def test_each_is_short() -> None:
    classes = [node for path in FILES for node in ast.parse(path.read_text()).body if isinstance(node, ast.ClassDef)]
    assert len(classes) > 16
    long = {each.name for each in classes if (each.end_lineno or 0) - each.lineno >= LONGEST}
    assert not long


@pytest.mark.usefixtures("registries_as_before")
def test_a_name_is_given_once() -> None:
    with pytest.raises(ValueError, match="there is a fusion 'film' already"):
        fusion("film", HEADS["film"].structure)(HEADS["film"].build)


def test_at_least_sixteen_differ_in_structure() -> None:
    both = [name for name, head in HEADS.items() if head.structure.sees_image and head.structure.reads_text]
    assert len(both) >= 16
    assert {HEADS[name].structure.additive for name in both} == {True, False}
