"""Is the gaze what changes the answer? The gaze of every changed text, taken into the pass with the pair's own text."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from gazeshift.evaluation.checks.subject import Subject, grid_of, means, per_pair
from gazeshift.measures import Figure, MediatedEffects, crossed_statistic, mediated_effects
from gazeshift.models import BoundClassifier, TextFeatures
from gazeshift.saliency import exchanged_logits

SHARE, SWITCH = "share", "switch_"


def mediation(subject: Subject) -> pd.DataFrame:
    """Every pair's effects of each changed text, against its own; nothing for a pair to which an edit does not apply.

    After the edit's name and a ``_``: ``total``, ``mediated``, ``direct``, ``interaction`` of the logit of the class predicted with the own
    text; the same with ``switch_`` of the answer itself, the logit of the class predicted with the changed text minus that of the class
    predicted with the own one (0 where it is the same class); ``switched``, whether it is another class, ``switched_by_gaze`` and
    ``switched_by_text``, whether the changed text's gaze alone, or the rest of it under the own text's gaze, gives that other class.
    """
    columns = ["key", "label", "measure", "value"]
    parts = [pd.DataFrame(columns=columns).astype({"value": float})]
    for edit, texts in subject.question.texts.items():
        if edit == "original":
            continue
        for shard in subject.shards:
            there = [index for index in shard if texts[index] is not None]
            changed = [text.text for index in there if (text := texts[index]) is not None]
            if there:
                found = _effects(subject, there, changed)
                parts.append(per_pair(subject, there, {f"{edit}_{name}": value for name, value in found.items()}))
    return pd.concat([part for part in parts if len(part)] or parts, ignore_index=True)


def figures(rows: pd.DataFrame) -> dict[str, Figure]:
    """All means, and the mediated share of the summed totals: of the class's logit (``_share``) and of the answer (``_switch_share``).

    The share of sums, not the mean of shares: a pair in which the text changes next to nothing has a share that is anything.
    """
    found = dict(means(rows)) if len(rows) else {}
    for name in [name for name in found if name.endswith("_total")]:
        start = name.removesuffix("total")
        sums = np.stack([grid_of(rows, f"{start}{part}") for part in ("mediated", "total")], axis=-1)
        found[f"{start}{SHARE}"] = crossed_statistic(sums, _share)
    return found


def _share(sums: Float[np.ndarray, "*b 2"]) -> Float[np.ndarray, "*b"]:
    mediated, total = sums[..., 0], sums[..., 1]
    return np.asarray(mediated / np.where(total == 0, np.nan, total))


def _effects(subject: Subject, pairs: Sequence[int], changed: Sequence[str]) -> Mapping[str, np.ndarray]:
    own = [subject.text_of(index) for index in pairs]
    text: TextFeatures = subject.texts([*own, *changed])
    image = subject.images(pairs)
    each = torch.arange(len(pairs), device=image.grid.device)
    logits = exchanged_logits(BoundClassifier(subject.model, image, text), each, each, each + len(pairs))
    answers, row = logits.argmax(3), np.arange(len(pairs))
    own_class, new_class = (logits[row, :, :, answers[:, place, place]] for place in (0, 1))
    switched = answers[:, 0, 0] != answers[:, 1, 1]
    return {
        **_numbers(own_class),
        **{f"{SWITCH}{name}": value for name, value in _numbers(new_class - own_class).items()},
        "switched": switched,
        "switched_by_gaze": switched & (answers[:, 0, 1] == answers[:, 1, 1]),
        "switched_by_text": switched & (answers[:, 1, 0] == answers[:, 1, 1]),
    }


def _numbers(scores: Float[np.ndarray, "n 2 2"]) -> dict[str, np.ndarray]:
    found: MediatedEffects = mediated_effects(scores[:, 0, 0], scores[:, 0, 1], scores[:, 1, 0], scores[:, 1, 1])
    parts = {"total": found.total, "mediated": found.mediated, "direct": found.direct, "interaction": found.interaction}
    return {name: np.asarray(value) for name, value in parts.items()}
