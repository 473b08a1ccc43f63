"""Does the change of a map between two texts predict the change of objects' effects? On Plates, where an object can be removed."""

import numpy as np
import pandas as pd
from jaxtyping import Float

from gazeshift.evaluation.checks.subject import Subject, grid_of, means
from gazeshift.evaluation.faithful import TextChange, region_changes, rendered
from gazeshift.measures import Figure, crossed_statistic
from gazeshift.measures.shift_faithfulness import FROM_SUMS
from gazeshift.pairs import Pair

SIDES = ("map_change", "effect_change", "effect_before")


def shift_faithfulness(subject: Subject) -> pd.DataFrame:
    """Both sides for every object of every checked scene and every text that names another of its objects.

    Rows also have ``part``: which (text, object) of the pair. ``whole_map_change`` has one row per text.
    """
    pairs = [pair for pair in subject.question.pairs for _ in texts_of_others(pair)]
    texts = [text for pair in subject.question.pairs for text in texts_of_others(pair)]
    changes = [TextChange(subject.scenes[pair.key], pair.text, text) for pair, text in zip(pairs, texts, strict=True)]
    found = region_changes(subject.model, changes, rendered(subject.model), subject.texts, subject.question.method)
    keys, labels = (np.array([getattr(pair, name) for pair in pairs], dtype=object) for name in ("key", "label"))
    regions = pd.DataFrame({"key": keys[found.change], "label": labels[found.change]})
    columns = [regions.assign(measure=side, value=getattr(found, side)) for side in SIDES]
    whole = pd.DataFrame({"key": keys, "label": labels, "measure": "whole_map_change", "value": found.whole_map_change})
    table = pd.concat([*columns, whole], ignore_index=True)
    return table.assign(part=table.groupby(["measure", "key"]).cumcount())


def texts_of_others(pair: Pair) -> list[str]:
    """For every object that a pair's own text does not refer to, one true text that does: of the own text's kind if possible.

    Objects that no text of the scene names on its own are left out.
    """
    own = pair.captions[0]
    found: dict[int, str] = {}
    for caption in sorted(pair.captions, key=lambda caption: caption.kind != own.kind):
        if caption.referred is not None and caption.referred != own.referred and caption.text != pair.text:
            found.setdefault(caption.referred, caption.text)
    return [found[index] for index in sorted(found)]


def figures(rows: pd.DataFrame) -> dict[str, Figure]:
    """rho, slope and root mean squares, pooled over texts and objects; intervals resample seeds and images."""
    sums = _sums(rows)
    found = {name: crossed_statistic(sums, statistic) for name, statistic in FROM_SUMS.items()}
    return found | {"whole_map_change": means(rows)["whole_map_change"]}


def _sums(rows: pd.DataFrame) -> Float[np.ndarray, "seeds n 6"]:
    """Per seed and image: number of regions, sums of x, y, x^2, x y, y^2 (x: change of the map, y: change of the effect)."""
    regions = rows[rows["measure"].isin(SIDES)].pivot_table(
        index=["seed", "key", "part"], columns="measure", values="value", aggfunc="first"
    )
    x, y = regions["map_change"], regions["effect_change"]
    products = pd.DataFrame({"n": x * 0 + 1, "x": x, "y": y, "xx": x * x, "xy": x * y, "yy": y * y})
    table = products.groupby(["seed", "key"]).sum().reset_index().melt(["seed", "key"], var_name="measure")
    return np.stack([grid_of(table, str(name)) for name in products], axis=-1)
