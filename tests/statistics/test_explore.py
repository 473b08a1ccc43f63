"""The exploratory mixed model: it finds what was put in, says when it fails, and needs its extra."""

import json
import math
import sys
import warnings
from typing import Any

import numpy as np
import pytest
import scipy.stats

from gazeshift.errors import UsageError
from gazeshift.statistics import explore


def rows(seeds: int = 3, classes: int = 5, words: int = 8, noise: float = 0.2, truths: int = 2) -> dict[str, Any]:
    """Colour words with an effect of 1, position words of 0.4, 0.3 less where absent; 2 per unit of the text's change."""
    rng = np.random.default_rng(0)
    seed, class_, word, truth = (axis.ravel() for axis in np.indices((seeds, classes, words, truths)))
    kind = np.where(word % 2 == 0, "colour", "position")
    change, pmi = rng.random(words)[word], rng.normal(size=(classes, words))[class_, word]
    effects = 0.2 * (rng.normal(size=seeds)[seed] + rng.normal(size=classes)[class_] + rng.normal(size=words)[word])
    mean = np.where(kind == "colour", 1.0, 0.4) + np.where(truth == 1, 0.0, -0.3) + 2 * change
    return {
        "excess": mean + effects + noise * rng.normal(size=len(seed)),
        "kind": kind,
        "truth": np.array(["absent", "true"])[truth],
        "text_change": change,
        "pmi": pmi,
        "class_": class_,
        "seed": seed,
        "word": np.array([f"word-{index}" for index in range(words)])[word],
    }


def test_it_finds_what_was_put_in() -> None:
    found = explore(**rows())
    assert found.converged, found.notes
    assert found.exploratory
    effects = {effect.name: effect for effect in found.effects}
    assert list(effects) == [
        "intercept",
        "kind[position]",
        "truth[true]",
        "kind[position] x truth[true]",
        "text change",
        "pmi",
    ]
    for name, truth in (("kind[position]", -0.6), ("truth[true]", 0.3), ("text change", 2), ("pmi", 0)):
        assert effects[name].low < truth < effects[name].high, name
    assert effects["truth[true]"].p_value < 1e-3 < effects["pmi"].p_value
    asked = found.effects[1:]
    adjusted = scipy.stats.false_discovery_control([effect.p_value for effect in asked])
    assert [effect.p_adjusted for effect in asked] == pytest.approx(list(adjusted))
    assert math.isnan(effects["intercept"].p_adjusted)
    assert found.to_dict()["effects"][0]["p_adjusted"] is None
    assert found.components["residual"] == pytest.approx(0.04, rel=0.3)
    assert set(found.components) == {"class", "seed", "word", "residual"}


def test_the_unit_of_the_excess_and_of_covariates_does_not_matter() -> None:
    data = rows()
    found = explore(**data)
    scaled = explore(**data | {"excess": 1e-4 * data["excess"], "text_change": 50 * data["text_change"]})
    for ours, theirs in zip(found.effects, scaled.effects, strict=True):
        unit = 1e-4 / (50 if ours.name == "text change" else 1)
        assert [theirs.estimate, theirs.low, theirs.high] == pytest.approx(
            [unit * value for value in (ours.estimate, ours.low, ours.high)], rel=1e-2, abs=unit * 1e-2
        )


def test_fixed_effects_alone_are_least_squares() -> None:
    """With one seed, class and word level there is nothing random beside the residual but what a balanced word adds."""
    data = rows()
    names = [effect.name for effect in explore(**data | {"truth": np.full(len(data["excess"]), "true")}).effects]
    assert names == ["intercept", "kind[position]", "text change", "pmi"], "a single truth drops out"
    single = explore(**data | {"seed": np.zeros(len(data["excess"]), dtype=int)})
    assert "seed" not in single.components
    assert any("only one seed" in note for note in single.notes)


def test_missing_values_are_left_out_and_counted() -> None:
    data = rows()
    data["pmi"][:7] = np.nan
    found = explore(**data)
    assert (found.dropped, found.rows) == (7, len(data["pmi"]) - 7)


def test_a_fit_that_fails_says_so_and_spills_nothing() -> None:
    """Four rows a component on pure noise: the variances end at 0, which the optimiser does not like."""
    data = rows(seeds=2, classes=2, words=4)
    data["excess"] = np.random.default_rng(1).normal(size=len(data["excess"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = explore(**data)
    assert found.notes
    assert found.converged == (not any("did not converge" in note for note in found.notes))
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_broken_fit_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise np.linalg.LinAlgError("Singular matrix")

    monkeypatch.setattr("statsmodels.regression.mixed_linear_model.MixedLM.fit", broken)
    found = explore(**rows())
    assert not found.converged
    assert found.notes == ("the fit did not converge; its numbers mean nothing", "the fit failed: Singular matrix")
    assert found.to_dict()["effects"][0]["estimate"] is None


def test_without_the_extra_it_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "statsmodels.regression.mixed_linear_model", None)
    with pytest.raises(UsageError, match=r"pip install 'gazeshift\[explore\]'"):
        explore(**rows())


def test_terms_that_cannot_be_told_apart_are_refused() -> None:
    data = rows()
    with pytest.raises(UsageError, match="'text change'"):
        explore(**data | {"text_change": np.ones(len(data["excess"]))})
    twin = data | {"truth": np.where(data["kind"] == "colour", "absent", "true")}
    with pytest.raises(UsageError, match=r"'truth\[true\]'"):
        explore(**twin)
    with pytest.raises(UsageError, match=r"equal length.*pmi"):
        explore(**data | {"pmi": data["pmi"][:-1]})
    few = {key: values[:4] for key, values in data.items()}
    with pytest.raises(UsageError, match="too few"):
        explore(**few)
