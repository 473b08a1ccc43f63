"""Features of a frozen trunk that an engine's workers compute are those that are computed here."""

from collections.abc import Generator, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.engine.engines import ENGINES
from gazeshift.engine.work import Tell
from gazeshift.models import ImageSpec, build_trunk
from gazeshift.preprocessing import Preprocessing
from gazeshift.study.encoding_shards import Encoded, EncodingWork, spread_on
from gazeshift.training import image_features
from gazeshift.training.encoding import Spread
from gazeshift.training.features import in_turns

PREPROCESSING = Preprocessing(size=32)
CROPS = np.random.default_rng(0).integers(0, 256, (13, 3, 32, 32), dtype=np.uint8)


def features(crops: np.ndarray, spread: Spread, folder: Path | None = None) -> np.ndarray:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        trunk = build_trunk(ImageSpec(name="small_cnn"), 32)
    return np.asarray(
        image_features(
            trunk, crops, PREPROCESSING, pools_first=True, batch_size=4, progress=False, spread=spread, folder=folder
        ).grid
    )


@pytest.mark.parametrize("on_disk", [False, True])
def test_workers_give_the_same_features(tmp_path: Path, on_disk: bool) -> None:
    crops = CROPS
    if on_disk:
        np.save(tmp_path / "crops.npy", CROPS)
        crops = np.load(tmp_path / "crops.npy", mmap_mode="r")
    assert np.array_equal(features(crops, spread_on("local")), features(CROPS, in_turns))
    assert np.array_equal(features(crops, spread_on("local"), tmp_path / "features"), features(CROPS, in_turns))


@given(order=st.permutations(range(4)))
def test_they_come_in_order_whoever_is_ready_first(order: list[int]) -> None:
    def shuffled(
        work: EncodingWork, items: Iterable[int], workers: int | None, tell: Tell
    ) -> Generator[Encoded, None, None]:
        do, steps = work.workers(workers)[0], list(items)
        yield from (do(steps[place], tell) for place in order)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "shuffled", shuffled)
        found = features(CROPS, spread_on("shuffled"))
    assert np.array_equal(found, features(CROPS, in_turns))


def test_crops_in_a_file_do_not_travel(tmp_path: Path) -> None:
    np.save(tmp_path / "crops.npy", CROPS)
    seen: list[EncodingWork] = []

    def noting(
        work: EncodingWork, items: Iterable[int], workers: int | None, tell: Tell
    ) -> Generator[Encoded, None, None]:
        seen.append(work)
        return ENGINES["local"](work, items, workers, tell)

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ENGINES, "noting", noting)
        features(np.load(tmp_path / "crops.npy", mmap_mode="r"), spread_on("noting"))
    assert len(seen[0].encoding.images) == 0
