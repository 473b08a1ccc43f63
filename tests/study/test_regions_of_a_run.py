"""What a run says of its maps and the regions of its pictures: held against slow re-derivations from the stored maps."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml

import gazeshift as gs
from gazeshift.data.loader import read_crop
from gazeshift.data.plates.captions_of_pairs import with_captions
from gazeshift.data.regions.masks import REFERRED, region_masks
from gazeshift.data.sources import load_pairs
from gazeshift.data.splits import with_validation
from gazeshift.measures import distribution, mask_to_grid
from gazeshift.pairs import Pair
from tests.tiny_study import run_tiny

pytestmark = pytest.mark.slow
EDITS = ["paraphrase", "shuffle", "other-object"]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("regions")
    run_tiny(folder, folder / "run", models={"image-only": None, "early-fusion": None}, explain={"edits": EDITS})
    return folder / "run"


@pytest.fixture(scope="module")
def measures(run: Path) -> pd.DataFrame:
    every = pd.read_parquet(run / "store" / "measures.parquet")
    return every[(every["model"] == "early-fusion") & (every["seed"] == every["seed"].min())]


@pytest.fixture(scope="module")
def pairs(run: Path) -> Mapping[str, Pair]:
    share = yaml.safe_load((run / "study.yaml").read_text())["data"]["validation"]
    found = with_captions(run / "plates", with_validation(list(load_pairs(run / "plates").pairs), share))
    return {pair.key: pair for pair in found}


def grids(pair: Pair, model: gs.Classifier, size: tuple[int, int]) -> Mapping[int, np.ndarray]:
    found = region_masks(pair, model.spec.preprocessing)
    return {index: mask_to_grid(mask, *size) for index, mask in found.items()}


def test_where_objects_usually_are_comes_from_the_training_pairs(
    run: Path, measures: pd.DataFrame, pairs: Mapping[str, Pair]
) -> None:
    model = gs.load(run / "models" / "early-fusion" / "seed-0")
    size = shape(run, model, pairs)
    train = [grids(pair, model, size)[REFERRED] for pair in pairs.values() if pair.split == "train"]
    mean = sum(mask for mask in train if mask.any())
    prior = 0.95 * mean / mean.sum() + 0.05 / mean.size
    own = measures[measures["edit"] == "original"]
    assert own["mask_prior"].notna().any()
    for row in own.head(8).itertuples():
        mask = grids(pairs[str(row.key)], model, size)[REFERRED]
        assert row.mask_prior == pytest.approx((prior * mask).sum() if mask.any() else np.nan, nan_ok=True)


def test_what_the_region_gains_that_a_text_names(run: Path, measures: pd.DataFrame, pairs: Mapping[str, Pair]) -> None:
    model = gs.load(run / "models" / "early-fusion" / "seed-0")
    size = shape(run, model, pairs)
    named = measures[measures["naming"] == 1]
    assert len(named)
    assert set(named["edit"]) == {"other-object"}
    for row in named.head(6).itertuples():
        pair = pairs[str(row.key)]
        caption = next(each for each in pair.captions if each.text == row.text)
        assert caption.referred is not None
        mask = grids(pair, model, size)[caption.referred]
        mine = measures[measures["key"] == row.key]
        texts = mine["text"].tolist()
        drawn = gs.explain(model, run / "plates" / pair.key, texts)
        own = mass(drawn.raw[texts.index(pair.text)], mask)
        for text, gain, naming in zip(texts, mine["target_gain"], mine["naming"], strict=True):
            assert gain == pytest.approx(mass(drawn.raw[texts.index(text)], mask) - own, abs=1e-4, nan_ok=True)
            assert naming == (text == row.text)


def test_the_map_that_no_text_changes(run: Path, measures: pd.DataFrame, pairs: Mapping[str, Pair]) -> None:
    model = gs.load(run / "models" / "early-fusion" / "seed-0")
    own = measures[measures["edit"] == "original"]
    assert measures.loc[measures["edit"] != "original", "blind_excess"].isna().all()
    keys = own["key"].tolist()
    for index, row in enumerate(own.head(4).itertuples()):
        crop = torch.from_numpy(read_crop(pairs[str(row.key)], model.spec.preprocessing)[None])
        grid = model.encode_image(model.spec.preprocessing.normalise(crop)).grid[0].detach().double()
        u, s, _ = torch.linalg.svd(grid.flatten(1).T, full_matrices=False)
        raw = (u[:, 0] * s[0]).reshape(grid.shape[1:]).numpy()
        raw = raw * np.sign(raw.sum())
        places = sorted({(index + 1 + step * len(keys) // 8) % len(keys) for step in range(8)} - {index})
        others = [grids(pairs[keys[place]], model, raw.shape)[REFERRED] for place in places]
        mask = grids(pairs[str(row.key)], model, raw.shape)[REFERRED]
        assert row.blind_excess == pytest.approx(excess(raw, mask, others), abs=1e-4, nan_ok=True)


def shape(run: Path, model: gs.Classifier, pairs: Mapping[str, Pair]) -> tuple[int, int]:
    first = next(pair for pair in pairs.values() if pair.split == "test")
    height, width = gs.explain(model, run / "plates" / first.key, [first.text]).raw.shape[-2:]
    return int(height), int(width)


def mass(raw: np.ndarray, mask: np.ndarray) -> float:
    return float((distribution(np.asarray(raw, float)) * mask).sum())


def excess(raw: np.ndarray, mask: np.ndarray, others: Sequence[np.ndarray]) -> float:
    if not mask.any():
        return float("nan")
    elsewhere = [mass(raw, other) for other in others if other.any()]
    return mass(raw, mask) - float(np.mean(elsewhere))
