"""Modality and shift-faithfulness against definitions, enumerations and the measures of whole tables."""

from collections.abc import Callable
from itertools import permutations

import numpy as np
import pandas as pd
import pytest
import torch

import gazeshift as gs
from gazeshift.evaluation.checks import CHECKS
from gazeshift.evaluation.checks.modality import ORDERS
from gazeshift.evaluation.checks.shift_faithfulness import texts_of_others
from gazeshift.evaluation.faithful import TextChange, region_changes, rendered
from gazeshift.measures import conditional_utilisation, perceptual_score
from gazeshift.measures import shift_faithfulness as compare
from gazeshift.measures.modality import emap
from gazeshift.study.check_figures import check_figures

from ..conftest import COUNT, Case

ADDITIVE = ["early-linear", "late-fusion"]


def column(rows: pd.DataFrame, measure: str) -> pd.Series:
    return rows[rows["measure"] == measure].set_index("key")["value"]


def all_logits(case: Case) -> np.ndarray:
    """Every picture with every text, one at a time."""
    model = case.subject.model
    found = np.zeros((COUNT, COUNT, len(model.classes)))
    for i in range(COUNT):
        for j in range(COUNT):
            tokens = model.tokenize([case.subject.text_of(j)])
            with torch.no_grad():
                found[i, j] = model(case.subject.pixels([i]), tokens.ids, tokens.mask)[0].numpy()
    return found


@pytest.mark.parametrize("head", ["early-fusion", *ADDITIVE])
def test_accuracies_against_every_permutation(case: Callable[..., Case], head: str) -> None:
    here = case(head)
    rows = CHECKS["modality"].rows(here.subject)
    logits = all_logits(here)
    labels = np.array([here.subject.model.classes.index(pair.label) for pair in here.subject.question.pairs])
    own = np.arange(COUNT)
    right, additive = (float((answers[own, own].argmax(1) == labels).mean()) for answers in (logits, emap(logits)))
    assert column(rows, "accuracy").mean() == pytest.approx(right)
    assert column(rows, "accuracy_emap").mean() == pytest.approx(additive)
    if head in ADDITIVE:
        assert column(rows, "accuracy").equals(column(rows, "accuracy_emap"))
    orders = np.array(list(permutations(own)))
    for name, permuted in (
        ("text", [(logits[own, order].argmax(1) == labels).mean() for order in orders]),
        ("image", [(logits[order, own].argmax(1) == labels).mean() for order in orders]),
    ):
        score = perceptual_score(right, np.array(permuted)).score
        assert column(rows, f"perceptual_{name}").mean() == pytest.approx(score)


@pytest.mark.parametrize("head", ["early-fusion", *ADDITIVE])
def test_shares_are_those_of_one_pair_at_a_time(case: Callable[..., Case], head: str) -> None:
    here = case(head)
    rows = CHECKS["modality"].rows(here.subject)
    for index, pair in enumerate(here.subject.question.pairs):
        one = gs.modality(
            here.subject.model, here.pictures[index], pair.text, absent=here.subject.absent(), orders=ORDERS
        )
        assert column(rows, "shapley_text")[pair.key] == pytest.approx(one.text, abs=1e-4)
        assert column(rows, "shapley_image")[pair.key] == pytest.approx(one.image, abs=1e-4)
        assert column(rows, "interaction")[pair.key] == pytest.approx(one.interaction, abs=1e-4)
        assert column(rows, "t_shap")[pair.key] == pytest.approx(one.players.t_shap, abs=1e-3)
    assert (not column(rows, "interaction").any()) == (head in ADDITIVE)
    assert column(rows, "interaction_size").equals(column(rows, "interaction").abs())


def test_utilisation_by_mean_features_and_by_models_of_one_modality(case: Callable[..., Case]) -> None:
    rows = pd.concat([CHECKS["modality"].rows(case().subject).assign(seed=seed) for seed in (0, 1)])
    rows = rows.assign(model="fusion", check="modality")
    # What the untrained model gets right is too little to divide by: two of six both, one with the image alone.
    for name, right in (("accuracy_both", 2), ("accuracy_image_alone", 1), ("accuracy_text_alone", 2)):
        mine = rows["measure"] == name
        rows.loc[mine, "value"] = (rows.loc[mine].groupby("seed").cumcount() < right).astype(float)
    predictions = pd.DataFrame(
        [
            {"model": model, "seed": seed, "split": "test", "key": f"{key}", "correct": key < right}
            for model, right in (("fusion", 8), ("image", 6), ("text", 2))
            for seed in (0, 1)
            for key in range(10)
        ]
    )
    found = check_figures(rows, predictions, {"image": "image", "text": "text"})["fusion"]["modality"]
    wanted = conditional_utilisation(np.asarray(2 / 6), np.asarray(1 / 6))
    assert found["utilisation_text"].mean == pytest.approx(float(wanted))
    assert found["utilisation_image"].mean == 0
    assert found["utilisation_text_retrained"].mean == pytest.approx(0.25)
    assert found["utilisation_image_retrained"].mean == pytest.approx(0.75)
    low, high = found["utilisation_text_retrained"].interval
    assert 0 <= low < 0.25 < high
    without = check_figures(rows, predictions, {})["fusion"]["modality"]
    assert not any(name.endswith("retrained") for name in without)


def test_each_other_object_is_named_once_in_the_own_texts_way(case: Callable[..., Case]) -> None:
    for pair in case().subject.question.pairs:
        texts = texts_of_others(pair)
        by_text = {caption.text: caption for caption in pair.captions}
        referred = [by_text[text].referred for text in texts]
        own = pair.captions[0].referred
        assert len(set(referred)) == len(texts)
        assert own not in referred
        for text in texts:
            same_kind = [c for c in pair.captions if c.kind == "colour" and c.referred == by_text[text].referred]
            assert by_text[text].kind == "colour" or not same_kind


def test_shift_faithfulness_pools_every_object_of_every_change(case: Callable[..., Case]) -> None:
    here = case()
    subject = here.subject
    check = CHECKS["shift-faithfulness"]
    rows = check.rows(subject)
    changes = [
        TextChange(subject.scenes[pair.key], pair.text, text)
        for pair in subject.question.pairs
        for text in texts_of_others(pair)
    ]
    assert len(changes) > COUNT
    found = region_changes(subject.model, changes, rendered(subject.model), subject.texts)
    np.testing.assert_array_equal(rows[rows["measure"] == "map_change"]["value"], found.map_change)
    np.testing.assert_array_equal(rows[rows["measure"] == "effect_change"]["value"], found.effect_change)
    figures = check.figures(rows.assign(seed=0))
    wanted = compare(found.map_change, found.effect_change)
    assert figures["rho"].mean == pytest.approx(wanted.rho, abs=1e-9)
    assert figures["slope"].mean == pytest.approx(wanted.slope, rel=1e-6)
    assert figures["rms_effect"].mean == pytest.approx(wanted.rms_effect)
    assert figures["rms_map"].mean == pytest.approx(wanted.rms_map)
    assert figures["rho"].interval is not None
    # Another seed with the sides exchanged in sign: rho is the mean over seeds, not that of all regions together.
    turned = rows.assign(seed=1)
    turned.loc[turned["measure"] == "map_change", "value"] *= -3
    both = check.figures(pd.concat([rows.assign(seed=0), turned]))
    assert both["rho"].mean == pytest.approx(0, abs=1e-9)
    assert both["rms_map"].mean == pytest.approx(2 * wanted.rms_map)


@pytest.mark.parametrize("head", ADDITIVE)
def test_an_additive_head_has_exactly_no_effect_within_a_class(case: Callable[..., Case], head: str) -> None:
    check = CHECKS["shift-faithfulness"]
    rows = check.rows(case(head).subject)
    assert not rows[rows["measure"].isin(["map_change", "effect_change"])]["value"].any()
    figures = check.figures(rows.assign(seed=0))
    assert figures["rho"].mean is None
    assert figures["slope"].mean is None
    assert figures["rms_effect"].mean == figures["rms_map"].mean == 0
