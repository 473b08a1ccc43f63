"""Two readings of a shift, from stored maps: is the text more than a label, and does it move the map more than retraining does?"""

from itertools import pairwise

import numpy as np
import pandas as pd

from gazeshift.mapstore.distributions import ByClass, Drawn
from gazeshift.measures import jensen_shannon


def prompt_rows(measures: pd.DataFrame, fusion: Drawn, image: ByClass) -> pd.DataFrame:
    """The label-prompt null, where a changed text switched the class from c0 to c1.

    If the text were only a label that names the class, the fusion map would change as the image-only model's map changes from class c0
    to c1.

    Args:
        measures: measures of the fusion model for one seed.
        fusion: its maps.
        image: the image-only model's maps of every class, same seed.

    Returns:
        key, label, edit; ``fusion``, ``image``: Jensen-Shannon distances between the maps before and after; ``apart``: between both
        models' maps of c1. NaN where a map is undefined.
    """
    own = dict(measures.loc[measures["edit"] == "original", ["key", "predicted"]].to_numpy(str))
    switched = measures[measures["switched"].astype(bool)]
    columns = switched[["key", "label", "edit", "predicted"]].to_numpy(str)
    rows = []
    for (key, label, edit, predicted), bits in zip(columns, switched["js_bits"], strict=True):
        before, after = image[key, own[key]], image[key, predicted]
        rows.append(
            {
                "key": key,
                "label": label,
                "edit": edit,
                "fusion": float(np.sqrt(bits)),
                "image": float(np.sqrt(jensen_shannon(before, after))),
                "apart": float(np.sqrt(jensen_shannon(fusion[edit][key], after))),
            }
        )
    frame = pd.DataFrame(rows, columns=["key", "label", "edit", "fusion", "image", "apart"])
    return frame.astype({"fusion": float, "image": float, "apart": float})  # where no class switched too


def retrained_rows(drawn: dict[int, Drawn], labels: dict[str, str]) -> pd.DataFrame:
    """Jensen-Shannon distance between the maps of one image, own text, from each training seed and the next; the last and the first too.

    Args:
        drawn: maps of one model by seed.
        labels: class of each key.

    Returns:
        seed, key, label, ``js_distance``; NaN where a map is undefined.
    """
    seeds = list(drawn)
    if len(seeds) < 2:
        return pd.DataFrame(columns=["seed", "key", "label", "js_distance"]).astype({"js_distance": float})
    rows = []
    for seed, other in [*pairwise(seeds), (seeds[-1], seeds[0])]:
        first, second = drawn[seed]["original"], drawn[other]["original"]
        keys = [key for key in first if key in second]
        distance = np.sqrt(
            jensen_shannon(np.array([first[key] for key in keys]), np.array([second[key] for key in keys]))
        )
        rows.append(
            pd.DataFrame({"seed": seed, "key": keys, "label": [labels[key] for key in keys], "js_distance": distance})
        )
    return pd.concat(rows, ignore_index=True)
