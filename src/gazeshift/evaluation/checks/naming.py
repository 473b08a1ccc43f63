"""Claim C5 for every method: does a map of this method move to the region that a text names, and only then?"""

from dataclasses import replace

import numpy as np
import pandas as pd

from gazeshift.edits import NULLS
from gazeshift.errors import UsageError
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.checks.subject import Subject, mean_of_defined, per_pair
from gazeshift.evaluation.question import named_region
from gazeshift.evaluation.viewer import viewer_of
from gazeshift.saliency import METHODS, PIXEL_METHODS

QUANTILE = 0.95
"""Of the paraphrases' gains: what a region must gain beyond."""


def naming(subject: Subject) -> pd.DataFrame:
    """Every pair with a text that names another of its regions, by each method that needs no pixels.

    After the method's name and a ``_``:

    - ``gain``: mass that the named region gains, minus what the same region gains with a paraphrase;
    - ``sensitivity``: whether it gains more than the 95th percentile of all pairs' gains with a paraphrase (by chance 0.05);
    - ``specificity``: share of ``NULLS`` (those that the study has) with which it does not (by chance 0.95);
    - ``told_apart``: share of the paraphrase and ``NULLS`` with which it gains less than when it is named, ties counting half (0.5).

    NaN where a map is undefined. Methods that this model does not allow are left out, and so are all for a model that is told nothing.
    """
    question = subject.question
    pairs = [index for index in range(len(question.pairs)) if named_region(question, index) is not None]
    parts = [pd.DataFrame(columns=["key", "label", "measure", "value"]).astype({"value": float})]
    if not pairs:
        return parts[0]
    asked = subject.only(pairs)
    for method in METHODS.keys() - PIXEL_METHODS:
        try:
            gained = _gains(asked, method)
        except UsageError:  # attention methods, of a model without attention
            continue
        found = scores(gained.reindex([pair.key for pair in asked.question.pairs]))
        parts.append(per_pair(asked, range(len(pairs)), {f"{method}_{name}": values for name, values in found.items()}))
    return pd.concat(parts[1:], ignore_index=True).sort_values(["measure", "key"], kind="stable", ignore_index=True)


def _gains(subject: Subject, method: str) -> pd.DataFrame:
    question = replace(subject.question, method=method, wasserstein=0)
    return gains(analyse(viewer_of(subject.model, subject.images, subject.texts), question).measures)


def gains(rows: pd.DataFrame) -> pd.DataFrame:
    """What the named region gains with each text, from the measures of ``analyse``.

    A row for each pair, a column for each edit, and ``named`` for the text that names it.
    """
    named = rows[rows["naming"] == 1].drop_duplicates("key").assign(edit="named")
    still = rows[(rows["naming"] == 0) & rows["edit"].isin(("paraphrase", *NULLS))]
    return pd.concat([named, still]).pivot(index="key", columns="edit", values="target_gain")


def scores(gains: pd.DataFrame) -> dict[str, np.ndarray]:
    """The measures of one method by name, from what the named region gains: a row for each pair, a column for each edit, and ``named``."""
    named, floor = (gains.get(name, pd.Series(np.nan, gains.index)).to_numpy(float) for name in ("named", "paraphrase"))
    nulls = gains[[name for name in NULLS if name in gains]].to_numpy(float)
    known = floor[np.isfinite(floor)]
    high = np.quantile(known, QUANTILE) if len(known) else np.nan
    still = np.column_stack([floor, nulls])
    return {
        "gain": named - floor,
        "sensitivity": _where(np.isfinite(named), named > high),
        "specificity": mean_of_defined(_where(np.isfinite(nulls), nulls <= high), axis=1),
        "told_apart": mean_of_defined(
            _where(np.isfinite(still) & np.isfinite(named)[:, None], _more(named[:, None], still)), axis=1
        ),
    }


def _more(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    return (first > second) + 0.5 * (first == second)


def _where(known: np.ndarray, values: np.ndarray) -> np.ndarray:
    return np.where(known, values, np.nan).astype(float)
