"""Two given models before the same pairs: how far their maps of the same photo, text and class lie apart, beside their noise floor."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float

from gazeshift.evaluation.question import Question
from gazeshift.evaluation.viewer import Viewer
from gazeshift.mapstore.store import Row
from gazeshift.measures import crossed_figure, distribution, jensen_shannon, median_figure, on_common_grid
from gazeshift.runs.summary import Comparison
from gazeshift.saliency.asked import Asked

FLOOR = "paraphrase"
"""The changed text whose effect is noise: the same for every measure of a study."""


@dataclass(frozen=True)
class _Seen:
    """A model before one pair: its answer to the pair's own text, and the maps of one class with the own text and the paraphrase."""

    answer: str
    own: Float[np.ndarray, "h w"] | None
    paraphrased: Float[np.ndarray, "h w"] | None


def comparison_rows(first: Viewer, second: Viewer, question: Question) -> list[Row]:
    """Both models' maps of every pair, of the class that the first one answers.

    Args:
        first: a model before the question's pairs.
        second: another one before the same pairs.
        question: the pairs; their own texts, and their paraphrases if the study has them.

    Returns:
        key, label; ``class``; ``first`` and ``second``, the answers to the own text; ``differ``, 1 where these do (NaN if the models do
        not have the same classes); ``js_bits`` between the two maps of the
        class with the own text; ``floor_first`` and ``floor_second``, between a model's maps with the own text and the paraphrase. NaN
        where a map is undefined, the second model has no such class, or there is no paraphrase.
    """
    rows: list[Row] = []
    same = set(first.classes) == set(second.classes)
    for index, pair in enumerate(question.pairs):
        texts = [pair.text]
        if (paraphrase := question.texts.get(FLOOR, [None] * (index + 1))[index]) is not None:
            texts.append(paraphrase.text)
        one = _seen(first, index, texts, question.method)
        other = _seen(second, index, texts, question.method, one.answer)
        rows.append(
            {
                "key": pair.key,
                "label": pair.label,
                "class": one.answer,
                "first": one.answer,
                "second": other.answer,
                "differ": float(one.answer != other.answer) if same else float("nan"),
                "js_bits": _apart(one.own, other.own),
                "floor_first": _apart(one.own, one.paraphrased),
                "floor_second": _apart(other.own, other.paraphrased),
            }
        )
    return rows


def _seen(viewer: Viewer, index: int, texts: Sequence[str], method: str, asked: str | None = None) -> _Seen:
    """A model before a pair; the maps are of a named class, or of its own answer."""
    told = texts if viewer.reads_text else texts[:1]
    bound = viewer.bind([index], told)
    device = bound.grid.device
    rows = Asked.of(
        bound, torch.zeros(len(told), dtype=torch.long, device=device), torch.arange(len(told), device=device)
    )
    answer = viewer.classes[int(rows.predicted[0])]
    if (explained := asked or answer) not in viewer.classes:
        return _Seen(answer, None, None)
    chosen = torch.full((len(told),), viewer.classes.index(explained), device=device)
    maps = viewer.placed(rows.maps(chosen, method), [index])
    return _Seen(answer, maps[0], maps[1] if len(maps) > 1 else None)


def _apart(one: Float[np.ndarray, "h w"] | None, other: Float[np.ndarray, "y x"] | None) -> float:
    """Jensen-Shannon divergence of two maps in bits, on the coarser grid; NaN if there is none."""
    if one is None or other is None:
        return float("nan")
    return float(jensen_shannon(*on_common_grid(distribution(one), distribution(other))))


def comparison(first: str, second: str, rows: pd.DataFrame) -> Comparison:
    """The figures of two models' comparison.

    Args:
        first: name of a model.
        second: name of another.
        rows: of ``comparison_rows``.
    """
    values = {name: rows[name].to_numpy(float) for name in ("js_bits", "floor_first", "floor_second", "differ")}
    # The larger of a pair's two floors, or the only one: a model that reads no text has none.
    floor = np.fmax(values["floor_first"], values["floor_second"])
    return Comparison(
        first=first,
        second=second,
        js_bits=median_figure(values["js_bits"]),
        floors={first: median_figure(values["floor_first"]), second: median_figure(values["floor_second"])},
        excess=median_figure(values["js_bits"] - floor),
        differ=crossed_figure(values["differ"]),
    )


def compared_in_words(found: Sequence[Comparison]) -> list[str]:
    """A sentence on each comparison: whether the maps differ by more than noise, and how often the answers do.

    Example:
        >>> rows = pd.DataFrame({"js_bits": [0.5, 0.6], "floor_first": 0.1, "floor_second": 0.2, "differ": [True, False]})
        >>> compared_in_words([comparison("before", "after", rows)])[0][:52]
        'The maps of before and after lie 0.550 bits apart on'
    """
    return [_sentence(each) for each in found]


def _sentence(each: Comparison) -> str:
    answers = (
        "" if each.differ.mean is None else f" Their answers differ in {each.differ.mean:.0%} of {each.differ.n} pairs."
    )
    if each.js_bits.median is None:
        return f"The maps of {each.first} and {each.second} cannot be compared: no class has a map of both.{answers}"
    noise = ""
    if each.excess.median is not None:
        low = (each.excess.interval or (each.excess.median,))[0]
        beyond = f"{each.excess.median:.3f} bits{_interval(each.excess.interval)} more than a paraphrase moves either of them"
        noise = f", {beyond}" if low > 0 else f"; beyond noise, that is not shown ({beyond})"
    where = f"on the same photo, text and class (median Jensen-Shannon divergence of {each.js_bits.n} pairs)"
    return (
        f"The maps of {each.first} and {each.second} lie {each.js_bits.median:.3f} bits apart {where}{noise}.{answers}"
    )


def _interval(interval: tuple[float, float] | None) -> str:
    return f" [{', '.join(f'{bound:z.3f}' for bound in interval)}]" if interval else ""
