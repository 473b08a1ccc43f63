"""The check controls: what cannot know scores what chance says, and the model's own figures are those of its maps."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from gazeshift.edits import Edited
from gazeshift.evaluation.checks.controls import DRAWS, RANDOM, controls
from gazeshift.evaluation.checks.sanity import SEED
from gazeshift.evaluation.checks.subject import Subject, maps_of
from gazeshift.evaluation.faithful import reading
from gazeshift.evaluation.question import referred_mask
from gazeshift.measures import centre_prior, distribution, mask_mass
from gazeshift.models.randomise import with_random_weights
from gazeshift.saliency import Rows

from ..conftest import COUNT, Case


def with_named(subject: Subject) -> Subject:
    """The small case, with texts that name another object than the pairs' own."""
    texts = []
    for pair in subject.question.pairs:
        another = next((each.index for each in pair.objects if not each.referred), None)
        texts.append(None if another is None else Edited(f"number {another}", another))
    return replace(subject, question=subject.question.with_texts({**subject.question.texts, "other-object": texts}))


@pytest.fixture
def subject(case: Callable[..., Case]) -> Subject:
    return with_named(case().subject)


def excess_of(subject: Subject, index: int, p: np.ndarray) -> float:
    """Mass on the own region minus the mean mass on the others that there are: six pairs have no more than eight."""
    masks = [referred_mask(subject.question, other, *p.shape) for other in range(COUNT)]
    if masks[index] is None:
        return float("nan")
    others = [float(mask_mass(p, mask)) for place, mask in enumerate(masks) if mask is not None and place != index]
    return float(mask_mass(p, masks[index])) - float(np.mean(others))


def column(rows, measure: str) -> np.ndarray:
    return rows[rows["measure"] == measure]["value"].to_numpy()


def test_a_fixed_map_is_at_chance_over_all_pairs(subject: Subject) -> None:
    """Every region is compared with every other: what a fixed map has in one, it lacks in another."""
    seen = replace(
        subject,
        question=replace(subject.question, masks=lambda i, h, w: subject.question.masks(i if i != 1 else 0, h, w)),
    )
    rows = controls(seen)
    for name in ("centre_excess", "location_prior_excess"):
        assert np.abs(column(rows, name)).max() > 0
        assert column(rows, name).sum() == pytest.approx(0, abs=1e-12)
    shape = seen.images([0]).grid.shape[2:]
    expected = [excess_of(seen, index, centre_prior(*shape)) for index in range(COUNT)]
    np.testing.assert_allclose(column(rows, "centre_excess"), expected, atol=1e-12)


def test_random_weights_are_random_everywhere(subject: Subject) -> None:
    """Every draw, drawn again one pair at a time: its own trunk, its own reading, its own predicted class."""
    rows = controls(subject)
    found: list[list[float]] = []
    for draw in range(DRAWS):
        model = with_random_weights(subject.model, SEED + draw)
        assert not torch.equal(next(model.trunk.parameters()), next(subject.model.trunk.parameters()))
        assert not torch.equal(next(model.encoder.parameters()), next(subject.model.encoder.parameters()))
        assert not torch.equal(next(model.head.parameters()), next(subject.model.head.parameters()))
        found.append([])
        for index in range(COUNT):
            with torch.no_grad():
                image = model.encode_image(subject.pixels([index]))
                text = reading(model)([subject.text_of(index)])
                predicted = model.classify(image, text).argmax(1)
            zero = torch.zeros(1, dtype=torch.long)
            raw = maps_of(model, image, text, Rows(zero, zero, predicted), "grad-cam")[0]
            found[-1].append(excess_of(subject, index, distribution(raw)))
    expected = [np.mean([x for x in each if np.isfinite(x)] or [np.nan]) for each in zip(*found, strict=True)]
    np.testing.assert_allclose(column(rows, "random_weights_excess"), expected, atol=1e-4)


def test_what_reads_no_text_has_no_gain(case: Callable[..., Case]) -> None:
    measures = set(controls(with_named(case("image-only").subject))["measure"])
    assert measures == {"excess", "text_blind_excess", "centre_excess", "location_prior_excess"} | {
        f"{name}_excess" for name in RANDOM
    }


def test_other_edits_change_nothing(subject: Subject) -> None:
    fewer = {edit: texts for edit, texts in subject.question.texts.items() if edit not in ("colour", "other-class")}
    assert controls(replace(subject, question=subject.question.with_texts(fewer))).equals(controls(subject))
