"""gazeshift: how a text acts on what an image classifier looks at.

Example:
    >>> import gazeshift as gs
    >>> model = gs.load("runs/food10/models/early-fusion/seed-0")  # doctest: +SKIP
    >>> maps = gs.explain(model, "photo.jpg", ["Ahi Tuna Tartare Recipes", "red tomato ketchup"])  # doctest: +SKIP
    >>> gs.shift(maps, 0, 1).js_bits  # doctest: +SKIP
    0.21
"""

from typing import TYPE_CHECKING

from gazeshift.lazy import on_demand

if TYPE_CHECKING:
    from gazeshift.evaluation.smallest import SmallestEdit, smallest_edit
    from gazeshift.models import Classifier, load
    from gazeshift.models.adapters import model
    from gazeshift.models.hub import from_hub, from_pretrained
    from gazeshift.runs.summary import Summary, read_summary
    from gazeshift.saliency import (
        Baseline,
        Combination,
        MapFaithfulness,
        Mediation,
        Modality,
        SaliencyMaps,
        Shift,
        TextInfluence,
        WordEffects,
        WordPairs,
        WordRegions,
        effects,
        explain,
        faithfulness,
        mean_of_pairs,
        mediation,
        modality,
        shift,
        text_influence,
        word_effects,
        word_pairs,
        word_regions,
    )
    from gazeshift.sharing import push_to_hub, save_pretrained

_HOME = {
    "Baseline": "gazeshift.saliency",
    "Classifier": "gazeshift.models",
    "Combination": "gazeshift.saliency",
    "MapFaithfulness": "gazeshift.saliency",
    "Mediation": "gazeshift.saliency",
    "Modality": "gazeshift.saliency",
    "SaliencyMaps": "gazeshift.saliency",
    "Shift": "gazeshift.saliency",
    "SmallestEdit": "gazeshift.evaluation.smallest",
    "Summary": "gazeshift.runs.summary",
    "TextInfluence": "gazeshift.saliency",
    "WordEffects": "gazeshift.saliency",
    "WordPairs": "gazeshift.saliency",
    "WordRegions": "gazeshift.saliency",
    "effects": "gazeshift.saliency",
    "explain": "gazeshift.saliency",
    "faithfulness": "gazeshift.saliency",
    "from_hub": "gazeshift.models.hub",
    "from_pretrained": "gazeshift.models.hub",
    "load": "gazeshift.models",
    "mean_of_pairs": "gazeshift.saliency",
    "mediation": "gazeshift.saliency",
    "modality": "gazeshift.saliency",
    "model": "gazeshift.models.adapters",
    "push_to_hub": "gazeshift.sharing",
    "read_summary": "gazeshift.runs.summary",
    "save_pretrained": "gazeshift.sharing",
    "shift": "gazeshift.saliency",
    "smallest_edit": "gazeshift.evaluation.smallest",
    "text_influence": "gazeshift.saliency",
    "word_effects": "gazeshift.saliency",
    "word_pairs": "gazeshift.saliency",
    "word_regions": "gazeshift.saliency",
}

__version__ = "0.2.0"
__all__ = [
    "Baseline",
    "Classifier",
    "Combination",
    "MapFaithfulness",
    "Mediation",
    "Modality",
    "SaliencyMaps",
    "Shift",
    "SmallestEdit",
    "Summary",
    "TextInfluence",
    "WordEffects",
    "WordPairs",
    "WordRegions",
    "__version__",
    "effects",
    "explain",
    "faithfulness",
    "from_hub",
    "from_pretrained",
    "load",
    "mean_of_pairs",
    "mediation",
    "modality",
    "model",
    "push_to_hub",
    "read_summary",
    "save_pretrained",
    "shift",
    "smallest_edit",
    "text_influence",
    "word_effects",
    "word_pairs",
    "word_regions",
]

__getattr__ = on_demand(__name__, _HOME)  # so that the command line's help need not wait for torch


def __dir__() -> list[str]:
    return sorted(__all__)
