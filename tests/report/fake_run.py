"""A finished run that nobody ran: every file of a run folder, with hostile texts, undefined maps and missing numbers."""

import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fake_claims
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageDraw

CLASSES = ["french onion soup", "tuna tartare", "寿司 sushi", '<b onclick="x()">deviled & "eggs"</b>']
TEXTS = [
    "Ahi Ahi Tuna Tartare Recipes Yummly",
    "<script>alert(1)</script><img src=x onerror=alert(2)>",
    "おいしい寿司の作り方 🍣🥢",
    '" \' onmouseover="alert(3)" {{ 7 * 7 }} {% raw %}',
    "\u202eevil\u202c מתכון לסושי طريقة عمل السوشي",
    "word " * 100,
    "",
    '=HYPERLINK("http://example.invalid") http://example.invalid/x.png',
]
EDITS = {
    "original": None,
    "paraphrase": "the same in other words",
    "paper-colour": "red tomato ketchup",
    "paper-position": "top left white plate",
    "other-class": "<svg onload=alert(4)>",
    "empty": "",
}
MODELS = {  # sees image, reads text, text can move the map
    "image-only": (True, False, False),
    "image-mlp": (True, False, False),
    "text-only": (False, True, False),
    "early-linear": (True, True, False),
    "early-fusion": (True, True, True),
    "late-fusion": (True, True, False),
}
SHIFT = {
    "original": 0.0,
    "paraphrase": 0.03,
    "paper-colour": 0.22,
    "paper-position": 0.12,
    "other-class": 0.3,
    "empty": 0.15,
}
REASONS = ["largest difference", "random", "largest difference", "random", "smallest difference", "random"]
GRID = 6


@dataclass(frozen=True)
class Options:
    """What kind of run it is."""

    seeds: tuple[int, ...] = (0, 1)
    pairs: int = 40
    shown: int = 4
    masks: bool = True
    checks: bool = True
    claims: bool = True
    edge: int = 96


def figure(mean: float | None, seeds: int = 2, n: int = 40, half: float = 0.0173) -> dict[str, Any]:
    interval = None if mean is None else [mean - half, mean + half]
    return {"mean": mean, "interval": interval, "n": 0 if mean is None else n, "seeds": seeds}


def build(path: Path, options: Options = Options()) -> Path:
    """Write a run folder; the same options give the same bytes of numbers."""
    rng = np.random.default_rng(7)
    path.mkdir(parents=True)
    (path / "study.yaml").write_text("name: fake\nmodels: [image-only, early-fusion]\n", encoding="utf-8")
    (path / "run.json").write_text(json.dumps(run_record(options)), encoding="utf-8")
    (path / "summary.json").write_text(json.dumps(summary(options, rng)), encoding="utf-8")
    tables(path / "store", options, rng)
    return path


def run_record(options: Options) -> dict[str, Any]:
    return {
        "name": "fake",
        "title": "A study that never ran <i>& its report</i>",
        "command": "gazeshift study configs/fake.yaml --out RUN --set data.root='<DATA>'",
        "started": "2026-11-23T20:00:00+00:00",
        "seconds": 183.4,
        "machine": {"cpus": 2, "platform": "Linux x86_64", "device": "cpu"},
        "versions": {"gazeshift": "0.1.0", "torch": "2.10.0", "timm": "1.0.20"},
        "seeds": list(options.seeds),
        "classes": CLASSES,
        "steps": [
            {"name": "features", "seconds": 41.2, "state": "done"},
            {"name": "train early-fusion seed 0", "seconds": 12.9, "state": "reused"},
        ],
        "data": {
            "name": "plates", "format": "upmc", "fingerprint": "9f" * 32,
            "pairs": {"train": 3000, "validation": 300, "test": options.pairs},
            "audit": {"corrupt image": 1, "duplicate image": 3}, "title_contains_class": 0.735, "titles_shared_train_test": 147,
            "ceiling": {"test": 0.5833},
        },
        "preprocessing": {"size": 224, "crop_fraction": 0.875, "mean": [0.485, 0.456, 0.406], "interpolation": "bicubic"},
        "recipes": {"early-fusion": {"optimiser": "adamw", "rate": 0.001, "epochs": 20}},
        "models": [
            {
                "name": name, "sees_image": sees, "reads_text": reads, "text_can_move_map": moves,
                "structure": f"{name} in one sentence: a linear head gives every text the same weights, so no text can re-weight a class.",
                **({"kind": name, "texts": "shuffled" if name == "early-linear" else "own"} if options.claims else {}),
                "digest": {str(seed): f"{index:02x}" * 32 for seed in options.seeds},
            }
            for index, (name, (sees, reads, moves)) in enumerate(MODELS.items())
        ],
        "warnings": [
            "73.5 % of the titles contain the class name: the text may act as a label.",
            "pair '<img src=x onerror=alert(5)>' has no text",
        ],
    }  # fmt: skip


def summary(options: Options, rng: np.random.Generator) -> dict[str, Any]:
    seeds = len(options.seeds)

    def of(mean: float | None) -> dict[str, Any]:
        return figure(None if mean is None else mean + rng.uniform(0, 0.001), seeds, options.pairs)

    accuracy = {
        "image-only": 0.553,
        "image-mlp": 0.561,
        "text-only": 0.441,
        "early-linear": 0.672,
        "early-fusion": 0.812,
        "late-fusion": 0.701,
    }
    seeing = [name for name, kind in MODELS.items() if kind[0]]
    both = [name for name, kind in MODELS.items() if kind[0] and kind[1]]
    edits = [edit for edit in EDITS if edit != "original"]
    return {
        "headline": [
            "The text added 25.9 points of accuracy: early fusion is right on 81.2 % of the test pairs, image only on 55.3 %.",
            "The paper’s colour text moved the gaze by 0.22 bits, seven times what a paraphrase moves it <not by chance>.",
        ],
        "accuracy": {name: {"validation": of(mean - 0.01), "test": of(mean)} for name, mean in accuracy.items()},
        "gap": {name: of(mean - 0.553) for name, mean in accuracy.items() if name != "image-only"},
        "gap_to_text": {name: of(accuracy[name] - 0.441) for name in seeing},
        "maps": {name: {"centre_bias": of(0.31 - 0.05 * i), "coverage": of(0.4), "undefined": of(0.02)} for i, name in enumerate(seeing)},
        "edits": {
            name: {
                edit: {
                    "js_bits": of(SHIFT[edit]), "switch": of(SHIFT[edit] * 0.7), "within": of(SHIFT[edit] * 0.3), "switched": of(0.4),
                    "centre_bias_change": of(-0.03), "coverage_change": of(0.05), "confidence_change": of(-0.2),
                    **({"js_distance": of(SHIFT[edit] ** 0.5)} if options.claims else {}),
                    "undefined": of(0.01), "excess": figure(None, seeds) if edit == "paraphrase" else of(SHIFT[edit] - 0.03),
                }
                for edit in edits
            }
            for name in both
        },
        "masks": {name: dict(zip(("lift", "mass", "area", "other"), map(of, (1.5, 0.21, 0.11, 0.14)), strict=True)) for name in seeing}
        if options.masks
        else {},
        "checks": [
            {"name": "early fusion over image only (seed 0)", "wanted": ">= 0.2", "found": "0.259", "passed": True},
            {"name": "zero maps (seed 0)", "wanted": "< 0.01", "found": "0.02", "passed": False},
        ] if options.checks else [],
        **({"claims": fake_claims.claims()} if options.claims else {}),
    }  # fmt: skip


def tables(store: Path, options: Options, rng: np.random.Generator) -> None:
    store.mkdir()
    predictions, measures = [], []
    for name, (sees, reads, _) in MODELS.items():
        for seed in options.seeds:
            maps = []
            for index in range(options.pairs):
                key, label = key_of(index), CLASSES[index % len(CLASSES)]
                right = bool(rng.random() < 0.7)
                predicted = label if right else CLASSES[(index + 1) % len(CLASSES)]
                common = {"model": name, "seed": seed, "key": key, "label": label}
                predictions.append(
                    {
                        **common,
                        "split": "test",
                        "predicted": predicted,
                        "confidence": rng.uniform(0.3, 1),
                        "correct": right,
                    }
                )
                if not sees:
                    continue
                for edit in EDITS if reads else ["original"]:
                    text = TEXTS[index % len(TEXTS)] if EDITS[edit] is None else EDITS[edit]
                    switched = edit not in ("original", "paraphrase") and bool(rng.random() < 0.4)
                    seen = CLASSES[(index + 2) % len(CLASSES)] if switched else predicted
                    # Every eleventh map has no positive evidence; one pair's is missing altogether.
                    dead = index % 11 == 3
                    measures.append(
                        {**common, "edit": edit, "text": text, **_numbers(edit, switched, dead, options, rng)}
                    )
                    record = {"key": key, "edit": edit, "text": text}
                    raw = -np.ones((GRID, GRID)) if dead else blob(rng)
                    maps.append({**record, "target": "predicted", "class": seen, "map": raw})
                    if switched:
                        maps.append({**record, "target": "reference", "class": predicted, "map": -raw})
            if sees:
                write_maps(maps, store / "maps" / name / f"seed-{seed}.parquet")
    pd.DataFrame(predictions).to_parquet(store / "predictions.parquet")
    pd.DataFrame(measures).to_parquet(store / "measures.parquet")
    samples(options, rng).to_parquet(store / "samples.parquet")
    if options.claims:
        keys = [(key_of(index), CLASSES[index % len(CLASSES)]) for index in range(options.pairs)]
        fake_claims.write_tables(store, MODELS, CLASSES, keys, options.seeds, GRID, write_maps)


def _numbers(edit: str, switched: bool, dead: bool, options: Options, rng: np.random.Generator) -> dict[str, Any]:
    nan = float("nan")
    js = 0.0 if edit == "original" else float(np.clip(rng.gamma(2, SHIFT[edit] / 2), 0, 1))
    part = rng.uniform(0.4, 1.1) if switched else 0.0
    return {
        "confidence": rng.uniform(0.3, 1), "defined": not dead,
        "centre_bias": nan if dead else rng.normal(0.3, 0.15), "coverage": nan if dead else rng.uniform(0.2, 0.8),
        "amplitude": nan if dead else rng.normal(2, 1), "js_bits": nan if dead else js, "switched": switched,
        "switch": nan if dead else js * part, "within": nan if dead else js * (1 - part),
        "mask_mass": rng.uniform(0, 0.5) if options.masks and not dead else nan, "mask_area": 0.1 if options.masks else nan,
        **({"centre_bias_label": rng.normal(0.25, 0.1), "centre_bias_other_side": nan if dead else rng.normal(0.2, 0.1)}
           if options.claims else {}),
    }  # fmt: skip


def key_of(index: int) -> str:
    return f"images/test/class_{index % len(CLASSES)}/pair_{index}.jpg"


def blob(rng: np.random.Generator) -> np.ndarray:
    y, x = np.mgrid[0:GRID, 0:GRID]
    cy, cx = rng.uniform(0.5, GRID - 1.5, 2)
    return np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / rng.uniform(1.5, 5)) * rng.uniform(1, 1e6) - 0.1


def write_maps(rows: list[dict[str, Any]], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    raw = np.stack([row["map"] for row in rows]).astype(np.float32)
    scale = np.abs(raw).max((1, 2))
    halves = pa.array((raw / scale[:, None, None]).astype(np.float16).ravel())
    columns: dict[str, Any] = {name: [row[name] for row in rows] for name in rows[0] if name != "map"}
    columns |= {"height": pa.array([GRID] * len(rows), pa.int32()), "width": pa.array([GRID] * len(rows), pa.int32())}
    columns |= {"scale": pa.array(scale), "map": pa.FixedSizeListArray.from_arrays(halves, GRID * GRID)}
    pq.write_table(pa.table(columns), path)


def samples(options: Options, rng: np.random.Generator) -> pd.DataFrame:
    rows = []
    for table in ("2", "3"):
        for position in range(options.shown):
            rows.append(
                {
                    "table": table, "position": position, "reason": REASONS[position % len(REASONS)],
                    "key": key_of(position),
                    "label": CLASSES[position % len(CLASSES)], "text": TEXTS[position % len(TEXTS)],
                    "js_bits": float("nan") if position == 3 else rng.uniform(0, 1), "image": plate(options.edge, rng),
                }
            )  # fmt: skip
    return pd.DataFrame(rows)


def plate(edge: int, rng: np.random.Generator) -> bytes:
    """A plate with three dishes, as a JPEG."""
    picture = Image.new("RGB", (edge, edge), tuple(int(v) for v in rng.integers(120, 200, 3)))
    draw = ImageDraw.Draw(picture)
    draw.ellipse([edge * 0.06, edge * 0.06, edge * 0.94, edge * 0.94], fill=(245, 243, 238))
    for _ in range(3):
        x, y, r = *rng.uniform(0.25, 0.75, 2) * edge, edge * 0.12
        draw.ellipse([x - r, y - r, x + r, y + r], fill=tuple(int(v) for v in rng.integers(30, 220, 3)))
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG")
    return buffer.getvalue()
