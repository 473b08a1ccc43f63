"""The claims of the run that nobody ran, and the tables that verdicts rest on: not measured numbers and markup among them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

NAN = float("nan")
HOSTILE = '<img src=x onerror="alert(6)"> & C0\'s'
KINDS = {
    "colour": ["red", "green", "<b>blue</b>"],
    "position": ["left", "upper"],
    "material": ["wooden"],
    "nonsense": ["blicket"],
}
MOVED = {"colour": 0.12, "position": 0.09, "material": 0.07, "nonsense": 0.06}


def claims() -> dict[str, Any]:
    c1 = [
        support("static share", 0.11, 0.05, "sign", unit="share of the maps' information"),
        support("equivariance", -0.04, 0.06, "sign", agrees=False, unit="slope"),
        support("ladder: told nothing", 0.02, 0.01, "interval"),
        support("other side of the affine", 0.03, 0.012, "sign"),
        support("true class", 0.05, 0.02),
        support("same class", 0.04, None),
    ]
    c3 = [
        support("above shuffle", 0.19, 0.03),
        support("above retraining", 0.07, 0.02),
        support("switch", 0.14, 0.03, unit="bits"),
        support("within class", 0.05, 0.01, unit="bits"),
        support(HOSTILE, NAN, None),
    ]
    colour = claim("A colour word widens the map.", "undecided", 0.004, 0.009, "coverage (share of the grid)", 0.01)
    colour["supports"] = [support("above nonsense", 0.003, 0.006, "sign"), support("colour true", 0.007, 0.02)]
    more = claim(
        "A colour word moves the map more than a position word.",
        "supported",
        0.03,
        0.01,
        "Jensen-Shannon distance (0 to 1)",
        0.01,
    )
    del more["supports"], more["bootstrap"]
    parts = {"C4a": colour, "C4b": more}
    return {
        "C0": claim("The text raises accuracy.", "supported", 0.259, 0.018, "share of the test pairs", 0.01)
        | {"supports": [support("over text only", 0.37, 0.02), support("told nothing", 0.26, 0.02)], "notes": [HOSTILE]},
        "C1": claim("The image-only model looks nearer the centre.", "undecided", 0.047, 0.016, "centre bias (1 centre, 0 uniform)", 0.02)
        | {"supports": c1},
        "C2": {
            "claim": "The fusion model looks at what the text names.", "verdict": "not testable", "effect": None, "interval": None, "n": 0,
            "seeds": 2, "classes": 0, "reason": "These data have no masks <so nothing is known>.", "contrast": "mass in the own mask",
            "unit": "share of the map's mass", "margin": 0.01, "p": None, "p_holm": NAN, "degrees_of_freedom": None,
            "equivalence": None, "bootstrap": None, "sign_flip": None, "d_z": None, "cliffs_delta": None, "notes": [], "supports": [],
        },
        "C3": claim("The map follows the text.", "supported", 0.22, 0.04, "Jensen-Shannon distance (0 to 1)", 0.05) | {"supports": c3},
        "C4": {
            "claim": "Colour texts widen the map and matter more than position texts.",
            **{name: colour[name] for name in ("verdict", "effect", "interval", "n", "seeds", "unit", "contrast")},
            "reason": "C4a: undecided. C4b: supported.", "decided_by": "C4a", "parts": parts,
        },
    }  # fmt: skip


def claim(sentence: str, verdict: str, effect: float, half: float, unit: str, margin: float) -> dict[str, Any]:
    low, high = effect - half, effect + half
    return {
        "claim": sentence, "verdict": verdict, "effect": effect, "interval": [low, high], "n": 40, "seeds": 2, "classes": 4,
        "reason": f"{effect:+.3g} [{low:+.3g}, {high:+.3g}], above 0 (Holm-corrected p < 0.001).", "contrast": f"contrast of {verdict}",
        "unit": unit, "margin": margin, "p": 0.0001, "p_holm": 0.0004, "degrees_of_freedom": 5.31,
        "equivalence": {"equivalent": False, "p": 0.61}, "bootstrap": [low + 0.001, high - 0.001], "d_z": 1.37,
        "sign_flip": {"p": 0.5, "smallest_p": 0.5}, "cliffs_delta": 0.75, "notes": [], "supports": [],
    }  # fmt: skip


def support(
    name: str, effect: float, half: float | None, needed: str = "no", *, agrees: bool = True, unit: str = ""
) -> dict[str, Any]:
    interval = None if half is None else [effect - half, effect + half]
    return {
        "name": name, "sentence": f"what {name} contrasts", "effect": effect, "interval": interval, "n": 38, "needed": needed,
        "agrees": agrees, "unit": unit,
    }  # fmt: skip


def write_tables(
    store: Path,
    models: dict[str, tuple[bool, bool, bool]],
    classes: list[str],
    keys: list[tuple[str, str]],
    seeds: tuple[int, ...],
    grid: int,
    write_maps: Callable[[list[dict[str, Any]], Path], None],
) -> None:
    """``keys``: (key, label) of every pair; ``models``: as in the run."""
    rng = np.random.default_rng(11)
    seeing = [name for name, (sees, _, _) in models.items() if sees]
    both = [name for name in seeing if models[name][1]]
    write = {
        "information": [row for name in seeing for seed in seeds for row in information(name, seed, name in both, classes, rng)],
        "modifiers": [row for name in both for seed in seeds for row in modifiers(name, seed, keys[:12], rng)],
        "equivariance": [
            {"model": name, "seed": seed, "key": key, "label": label, "slope": NAN if i % 5 == 0 else rng.normal(0.5, 0.2)}
            for name in seeing
            for seed in seeds
            for i, (key, label) in enumerate(keys[:20])
        ],
        "retrained": [
            {"model": name, "seed": seed, "key": key, "label": label, "js_distance": NAN if i == 3 else rng.uniform(0.05, 0.3)}
            for name in seeing
            for seed in seeds
            for i, (key, label) in enumerate(keys)
        ],
    }  # fmt: skip
    for name, rows in write.items():
        pd.DataFrame(rows).to_parquet(store / f"{name}.parquet")
    means = []
    for name in seeing:
        for seed in seeds:
            for edit in ("original", "empty") if name in both else ("original",):
                p = rng.dirichlet(np.ones(grid * grid)).reshape(grid, grid)
                means.append({"model": name, "seed": seed, "edit": edit, "images": len(keys) - 3, "map": p})
    write_maps(means, store / "mean-maps.parquet")


def information(
    name: str, seed: int, reads: bool, classes: list[str], rng: np.random.Generator
) -> list[dict[str, Any]]:
    rows = []
    sets = [("own", ""), *((("changed", ""), ("floor", "")) if reads else ()), *(("own", label) for label in classes)]
    for texts, label in sets:
        static, image = rng.uniform(0.4, 0.6), rng.uniform(0.2, 0.5)
        text = {"own": 0.0, "changed": rng.uniform(0.2, 0.3), "floor": rng.uniform(0.02, 0.05)}[texts]
        # The last class had no image whose maps are all defined.
        values = dict.fromkeys(("total", "static", "image", "text"), NAN) if label == classes[-1] else {
            "total": static + image + text, "static": static, "image": image, "text": text
        }  # fmt: skip
        rows.append({"model": name, "seed": seed, "texts": texts, "label": label, **values, "images": 37})
    return rows


def modifiers(name: str, seed: int, keys: list[tuple[str, str]], rng: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    for index, (key, label) in enumerate(keys):
        for kind, words in KINDS.items():
            for word in words:
                bits = NAN if index == 3 else float(np.clip(rng.normal(MOVED[kind], 0.02), 0, 1)) ** 2
                rows.append(
                    {
                        "model": name, "seed": seed, "key": key, "label": label, "kind": kind, "word": word, "truth": "unknown",
                        "js_bits": bits, "js_distance": bits**0.5, "coverage_change": NAN if index == 3 else rng.normal(0.01, 0.01),
                        "switch": bits * 0.6, "within": bits * 0.4, "switched": False, "text_change": rng.uniform(0, 2),
                    }
                )  # fmt: skip
    return rows
