"""A remembered digest is the digest: whatever is done to a model is noticed."""

import gc
import weakref
from collections.abc import Callable

import pytest
import torch
from torch import nn

from gazeshift.models import Classifier, digest
from gazeshift.models.fingerprint import _known, known_digest
from gazeshift.models.tokenizer import train_tokenizer

Build = Callable[..., Classifier]


def in_place(model: Classifier) -> None:
    with torch.no_grad():
        model.head.joint[0].weight[3, 5] += 1e-6


def past_the_counter(model: Classifier) -> None:
    for value in model.parameters():
        value.data.mul_(1.001)


def by_an_optimiser(model: Classifier) -> None:
    optimiser = torch.optim.SGD(model.parameters(), lr=0.1)
    model.head.joint[2].bias.sum().backward()
    optimiser.step()
    optimiser.zero_grad()


def replaced(model: Classifier) -> None:
    model.head.joint[0].weight = nn.Parameter(model.head.joint[0].weight.detach() * 2)


def a_buffer(model: Classifier) -> None:
    model.trunk.mean += 1


def loaded(model: Classifier) -> None:
    model.load_state_dict({name: value * 2 for name, value in model.state_dict().items()})


def cast(model: Classifier) -> None:
    model.head.to(torch.bfloat16)


def a_word_more(model: Classifier) -> None:
    assert model.tokenizer is not None
    model.tokenizer.tokenizer = train_tokenizer(["umami"], 100)


CHANGES = [in_place, past_the_counter, by_an_optimiser, replaced, a_buffer, loaded, cast, a_word_more]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_noticed(build: Build, change: Callable[[Classifier], None]) -> None:
    model = build("early-fusion")
    before = known_digest(model)
    assert before == digest(model) == known_digest(model)
    change(model)
    assert known_digest(model) == digest(model) != before


def test_what_changes_no_number_changes_no_digest(build: Build) -> None:
    model = build("early-fusion")
    before = known_digest(model)
    model.requires_grad_(False).train()
    assert known_digest(model) == before
    model.to(memory_format=torch.contiguous_format)
    assert known_digest(model) == before


def test_weights_are_hashed_once(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    model, calls = build("early-fusion"), []

    def counted(model: Classifier, real: Callable[[Classifier], str] = digest) -> str:
        calls.append(1)
        return real(model)

    monkeypatch.setattr("gazeshift.models.fingerprint.digest", counted)
    for _ in range(3):
        known_digest(model)
    assert len(calls) == 1


def test_weights_made_in_inference_mode_count_no_versions(build: Build) -> None:
    with torch.inference_mode():
        model = build("early-fusion")
        assert known_digest(model) == known_digest(model) == digest(model)
        before = known_digest(model)
        model.trunk.mean += 1
        assert known_digest(model) == digest(model) != before


def test_two_models_are_not_mixed_up_and_none_is_kept_alive(build: Build) -> None:
    models = [build("early-fusion", seed=seed) for seed in (0, 1, 0)]
    found = [known_digest(model) for model in models]
    assert found[0] == found[2] != found[1]
    gone = weakref.ref(models.pop())
    gc.collect()
    assert gone() is None
    assert all(model is not None for model in _known)
