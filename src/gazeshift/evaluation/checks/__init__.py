"""The checks that a study can request, ``explain.checks``. One dict of them."""

from gazeshift.evaluation.checks import mediation as _mediation
from gazeshift.evaluation.checks import modality as _modality
from gazeshift.evaluation.checks import shift_faithfulness as _shift
from gazeshift.evaluation.checks.controls import controls
from gazeshift.evaluation.checks.faithfulness import faithfulness
from gazeshift.evaluation.checks.localisation import localisation
from gazeshift.evaluation.checks.naming import naming
from gazeshift.evaluation.checks.sanity import sanity
from gazeshift.evaluation.checks.subject import Check, Subject

CHECKS: dict[str, Check] = {
    "localisation": Check(localisation),
    "faithfulness": Check(faithfulness),
    "shift-faithfulness": Check(_shift.shift_faithfulness, needs_text=True, figures=_shift.figures),
    "sanity": Check(sanity),
    "modality": Check(_modality.modality, needs_text=True, figures=_modality.figures),
    "naming": Check(naming, needs_text=True),
    "controls": Check(controls),
    "mediation": Check(_mediation.mediation, needs_text=True, figures=_mediation.figures, needs_gaze=True),
}

__all__ = ["CHECKS", "Subject"]
