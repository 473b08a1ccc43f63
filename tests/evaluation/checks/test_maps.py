"""Localisation, faithfulness and sanity in batches against one map at a time."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import gazeshift as gs
from gazeshift.evaluation.checks import CHECKS
from gazeshift.evaluation.checks.sanity import RANDOM_HEADS, SEED
from gazeshift.evaluation.checks.subject import means
from gazeshift.evaluation.faithful import reading
from gazeshift.measures import InformationSums, distribution, jensen_shannon, spearman
from gazeshift.models.build import TextParts, build_classifier
from gazeshift.models.randomise import cascade, with_random_encoder, with_random_head

from ..conftest import COUNT, Case


def value(rows: pd.DataFrame, measure: str, key: str) -> float:
    found = rows[(rows["measure"] == measure) & (rows["key"] == key)]["value"]
    assert len(found) == 1
    return float(found.iloc[0])


def raw_of(case: Case, index: int, text: str | None = None, target: str = "predicted", model=None) -> np.ndarray:
    pair = case.subject.question.pairs[index]
    text = pair.text if text is None else text
    return gs.explain(model or case.subject.model, case.pictures[index], [text], target).raw[0]


@pytest.mark.slow
@pytest.mark.parametrize("head", ["image-only", "early-fusion"])
def test_localisation_against_cell_by_cell(case: Callable[..., Case], head: str) -> None:
    here = case(head)
    rows = CHECKS["localisation"].rows(here.subject)
    assert rows.groupby("measure").size().unique().tolist() == [COUNT]
    for index, pair in enumerate(here.subject.question.pairs):
        raw = raw_of(here, index)
        masks = here.subject.question.masks(index, *raw.shape)
        referred = next(item.index for item in pair.objects if item.referred)
        assert value(rows, "undefined", pair.key) == (raw.max() <= 0)
        if masks is None:
            for name in ("energy", "rank_accuracy", "pointing", "energy_ceiling", "energy_prior", "pointing_prior"):
                assert np.isnan(value(rows, name, pair.key))
            continue
        mask = masks[referred]
        share, best = mask.mean(), mask.max()
        assert value(rows, "energy_chance", pair.key) == pytest.approx(share)
        assert value(rows, "energy_ceiling", pair.key) == pytest.approx(best)
        assert value(rows, "energy_ceiling_corrected", pair.key) == pytest.approx((best - share) / (1 - share))
        prior = [(y + 1) * (x + 1) / 100 for y in range(4) for x in range(4)]
        by_prior = sum(part * share for part, share in zip(prior, mask.ravel(), strict=True))
        assert value(rows, "energy_prior", pair.key) == pytest.approx(by_prior)
        corner = max(mask[3, 3], mask[2, 3], mask[3, 2])  # the prior's highest cell, or beside it
        assert value(rows, "pointing_prior", pair.key) == pytest.approx(corner)
        if raw.max() <= 0:
            assert np.isnan(value(rows, "energy", pair.key))
            continue
        positive = np.maximum(raw, 0)
        energy = sum(positive[y, x] * mask[y, x] for y in range(4) for x in range(4)) / positive.sum()
        assert value(rows, "energy", pair.key) == pytest.approx(energy, rel=1e-4)
        assert value(rows, "energy_corrected", pair.key) == pytest.approx((energy - share) / (1 - share), abs=1e-5)
        top = np.unravel_index(raw.argmax(), raw.shape)
        near = [mask[y, x] for y in range(4) for x in range(4) if abs(y - top[0]) + abs(x - top[1]) <= 1]
        assert value(rows, "pointing", pair.key) == pytest.approx(max(near))


def test_faithfulness_is_that_of_one_map_at_a_time(case: Callable[..., Case]) -> None:
    here = case()
    rows = CHECKS["faithfulness"].rows(here.subject)
    for index, pair in enumerate(here.subject.question.pairs):
        one = gs.faithfulness(here.subject.model, here.pictures[index], pair.text, samples=100)
        for name, number in one.numbers.items():
            assert value(rows, name, pair.key) == pytest.approx(number, rel=1e-3, abs=1e-4, nan_ok=True), name
    assert means(rows.assign(seed=0))["logit"].mean == pytest.approx(
        np.mean([value(rows, "logit", pair.key) for pair in here.subject.question.pairs])
    )


@pytest.mark.slow
@pytest.mark.parametrize("damage", [False, True])
def test_the_text_term_is_that_of_the_information_split(case: Callable[..., Case], damage: bool) -> None:
    here = case()
    subject = here.subject
    rows = CHECKS["sanity"].rows(subject)
    model = with_random_encoder(subject.model, SEED) if damage else subject.model
    prefix = "random_encoder_" if damage else ""
    whole = [index for index in range(COUNT) if index != 2]
    for name, edits in (("changed", ["original", "other-class"]), ("floor", ["original", "paraphrase"])):
        found = rows[(rows["measure"] == f"{prefix}text_{name}")].set_index("key")["value"]
        sums = InformationSums()
        maps = []
        for index in whole:
            texts = [subject.question.texts[edit][index].text for edit in edits]
            maps.append([distribution(raw_of(here, index, text, model=model)) for text in texts])
        defined = [place for place, one in enumerate(maps) if np.isfinite(one).all()]
        assert defined
        sums.add(np.array([maps[place] for place in defined]))
        kept = [f"{whole[place]}.png" for place in defined]
        assert found[kept].mean() == pytest.approx(sums.split().text, abs=1e-5)  # bits, from float32 maps
        assert set(found.dropna().index) - {"2.png"} == set(kept)
    excess = rows[rows["measure"] == f"{prefix}text_excess"].set_index("key")["value"]
    assert np.isnan(excess["2.png"])


def test_damaged_heads_and_trunks_against_one_map_at_a_time(case: Callable[..., Case]) -> None:
    here = case()
    subject = here.subject
    rows = CHECKS["sanity"].rows(subject)
    stages = list(range(1, 5))
    for index in (0, 3):
        pair = subject.question.pairs[index]
        own = gs.explain(subject.model, here.pictures[index], [pair.text])
        target = subject.model.classes[own.predicted[0]]
        heads = [
            raw_of(here, index, None, target, with_random_head(subject.model, SEED + draw))
            for draw in range(RANDOM_HEADS)
        ]
        likeness = [spearman(own.raw[0], raw) for raw in heads]
        assert value(rows, "random_head_spearman", pair.key) == pytest.approx(np.mean(likeness), abs=1e-4)
        gone = np.mean([raw.max() <= 0 for raw in heads])
        assert value(rows, "random_head_undefined", pair.key) == pytest.approx(gone)
        for stage, damaged in zip(stages, cascade(subject.model, SEED, 4), strict=True):
            raw = raw_of(here, index, None, target, damaged)
            js = jensen_shannon(distribution(own.raw[0]), distribution(raw))
            assert value(rows, f"cascade_{stage}_of_4_js", pair.key) == pytest.approx(float(js), abs=1e-4, nan_ok=True)
            likeness = float(spearman(own.raw[0], raw))
            assert value(rows, f"cascade_{stage}_of_4_spearman", pair.key) == pytest.approx(likeness, abs=1e-3)


@pytest.mark.parametrize("seed", range(5))
def test_no_random_head_is_the_one_that_a_training_began_with(case: Callable[..., Case], seed: int) -> None:
    model = case().subject.model
    begun = build_classifier(
        model.spec, model.trunk, TextParts(model.spec.text, model.encoder, model.tokenizer), seed
    ).head
    for draw in range(RANDOM_HEADS):
        drawn = with_random_head(model, SEED + draw).head
        assert not torch.equal(next(drawn.parameters()), next(begun.parameters()))
    same = with_random_head(model, seed).head  # what must not happen is possible
    assert torch.equal(next(same.parameters()), next(begun.parameters()))


def test_a_model_without_text_has_no_text_term(case: Callable[..., Case]) -> None:
    rows = CHECKS["sanity"].rows(case("image-only").subject)
    assert not rows["measure"].str.contains("text").any()
    assert rows["measure"].str.startswith("cascade_4_of_4").any()


@pytest.mark.parametrize("check", ["localisation", "faithfulness", "modality", "shift-faithfulness"])
def test_parts_change_no_number(case: Callable[..., Case], check: str, monkeypatch: pytest.MonkeyPatch) -> None:
    here = case()
    whole = CHECKS[check].rows(here.subject)
    monkeypatch.setattr("gazeshift.evaluation.checks.subject.SHARD", 2)
    apart = CHECKS[check].rows(here.subject)
    keys = ["measure", "key"] + (["part"] if "part" in whole else [])
    a, b = (rows.sort_values(keys)["value"].to_numpy() for rows in (whole, apart))
    np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4)


def test_some_pairs_keep_their_own_texts_masks_and_pictures(case: Callable[..., Case]) -> None:
    here = case()
    few = here.subject.some(3)
    assert [pair.key for pair in few.question.pairs] == ["0.png", "2.png", "4.png"]
    rows, all_rows = CHECKS["localisation"].rows(few), CHECKS["localisation"].rows(here.subject)
    for key in ("0.png", "4.png"):
        assert value(rows, "energy_chance", key) == value(all_rows, "energy_chance", key)
    assert few.question.texts["other-class"][1] is None
    assert torch.equal(few.pixels([1]), here.subject.pixels([2]))
    assert here.subject.some(100) is here.subject
    assert reading(few.model)([few.text_of(2)]).pooled.equal(few.texts([here.subject.text_of(4)]).pooled)
    assert isinstance(here.pictures[0], Image.Image)
