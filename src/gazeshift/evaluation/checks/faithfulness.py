"""Do the cells that a map marks matter to the logit? Every pair keeps its own text; cells are hidden at the tap."""

import pandas as pd

from gazeshift.evaluation.checks.subject import Subject, own_maps, per_pair
from gazeshift.measures import undefined
from gazeshift.models import BoundClassifier, evaluating
from gazeshift.saliency import Probe, map_faithfulness, tap_score

SAMPLES = 100
"""Random sets of cells for each n of sensitivity-n, and for infidelity; the same sets for every map of a grid."""

HIDDEN_AS = "zero"
"""What a hidden cell becomes (``gazeshift.saliency.MIXINGS``); ROAD always fills from the neighbours."""


def faithfulness(subject: Subject) -> pd.DataFrame:
    """``gazeshift.saliency.MapFaithfulness.numbers`` of every pair's map, NaN where it is undefined; ``undefined`` counts these."""
    parts = []
    for shard in subject.shards:
        own = own_maps(subject, shard)
        probe = Probe(BoundClassifier(subject.model, own.image, own.text), own.rows)
        with evaluating(subject.model):
            found = [
                map_faithfulness(
                    raw, tap_score(probe, row, HIDDEN_AS), tap_score(probe, row, "neighbours"), SAMPLES
                ).numbers
                for row, raw in enumerate(own.raw)
            ]
        table = pd.DataFrame(found)
        numbers = {str(name): table[name].to_numpy() for name in table}
        parts.append(per_pair(subject, shard, {"undefined": undefined(own.raw), **numbers}))
    return pd.concat(parts, ignore_index=True)
