"""From the checks' rows for all models to their figures."""

import numpy as np
import pandas as pd

from gazeshift.evaluation.checks import CHECKS
from gazeshift.evaluation.checks.modality import utilisation
from gazeshift.measures import Figure
from gazeshift.study.summary import crossed


def check_figures(
    rows: pd.DataFrame, predictions: pd.DataFrame, alone: dict[str, str]
) -> dict[str, dict[str, dict[str, Figure]]]:
    """``{model: {check: {measure: figure}}}``, in the order of the rows.

    Args:
        rows: of all models and seeds, as ``check_unit`` leaves them.
        predictions: of all models.
        alone: the study's single-modality models, by ``image`` and ``text``, if it has them; conditional utilisation is computed with
            these as well as with the model itself on mean features (``_retrained``: they were trained for it).
    """
    found: dict[str, dict[str, dict[str, Figure]]] = {}
    for (model, check), mine in rows.groupby(["model", "check"], sort=False):
        figures = CHECKS[str(check)].figures(mine)
        if check == "modality":
            figures |= _against_models_of_one(predictions, str(model), alone)
        found.setdefault(str(model), {})[str(check)] = dict(figures)
    return found


def _against_models_of_one(predictions: pd.DataFrame, model: str, alone: dict[str, str]) -> dict[str, Figure]:
    """What a modality adds to a model of only the other one, over all test pairs."""
    test = predictions[predictions["split"] == "test"].astype({"correct": float})
    both: np.ndarray = crossed(test, model, "correct")
    return {
        f"utilisation_{gained}_retrained": utilisation(both, crossed(test, alone[other], "correct"))
        for gained, other in (("text", "image"), ("image", "text"))
        if other in alone
    }
