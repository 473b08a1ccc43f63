"""The measures of a study's explained pairs, each map again on its own and by the definitions written out."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from PIL import Image

import gazeshift as gs
from gazeshift.data.plates import PlatesConfig, write
from gazeshift.data.sources import load_pairs
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.question import UNIFORM_SHARE, ObjectPrior, referred_mask
from gazeshift.evaluation.viewer import viewer_of
from gazeshift.measures import secondary_measures
from gazeshift.preprocessing import Preprocessing
from tests.slow_measures import slow_measures

from .conftest import Case

OF_A_CHANGE = ("pearson", "spearman", "iou", "amplitude_change", "interaction")
OF_A_MAP = (*secondary_measures(), "likelihood_ratio_objects")


def rows_of(case: Case) -> pd.DataFrame:
    subject = case.subject
    return analyse(viewer_of(subject.model, subject.images, subject.texts), subject.question).measures


def maps_of(case: Case, index: int, text: str) -> list[np.ndarray]:
    """The four raw maps of the decomposition: m00, m10, m01, m11."""
    own = case.subject.question.pairs[index].text
    maps = gs.explain(case.subject.model, case.pictures[index], [own, text])
    before, after = maps.predicted_with(0), maps.predicted_with(1)
    return [
        maps.raw[maps.row(which, shown)].astype(float)
        for which, shown in ((0, before), (0, after), (1, before), (1, after))
    ]


def alone(raw: np.ndarray) -> dict[str, float]:
    """The measures of one map; NaN where it is undefined."""
    slow = slow_measures(raw)
    p = np.maximum(raw, 0) / np.maximum(raw, 0).sum() if raw.max() > 0 else np.full(raw.shape, np.nan)
    objects = np.outer(*(np.arange(1, side + 1) for side in raw.shape))
    ratio = float((p * np.log2(objects / objects.mean())).sum())
    return {name: slow[name] for name in secondary_measures()} | {"likelihood_ratio_objects": ratio}


def against(m00: np.ndarray, m10: np.ndarray, m01: np.ndarray, m11: np.ndarray) -> dict[str, float]:
    """The measures of a map beside that of the own text."""
    count = round(0.2 * m00.size)
    first, second = (set(np.argsort(raw.ravel())[-count:].tolist()) for raw in (m00, m11))
    defined = m00.max() > 0 and m11.max() > 0
    sums = [np.maximum(raw, 0).sum() for raw in (m00, m11)]
    parts = [np.abs(part).sum() for part in (m10 - m00, m01 - m00, (m11 - m01) - (m10 - m00))]
    return {
        "pearson": np.corrcoef(m00.ravel(), m11.ravel())[0, 1],
        "spearman": scipy.stats.spearmanr(m00.ravel(), m11.ravel()).statistic,
        "iou": len(first & second) / len(first | second),
        "amplitude_change": np.log(sums[1] / sums[0]) if defined else np.nan,
        "interaction": parts[2] / sum(parts),
    }


@pytest.mark.parametrize("edit", ["other-class", "colour"])
def test_secondary_measures_against_definitions_map_by_map(case: Callable[..., Case], edit: str) -> None:
    here = case()
    rows = rows_of(here)
    mine = rows[rows["edit"] == edit].set_index("key")
    assert len(mine) >= 5
    assert mine["gini"].notna().any()
    for index, pair in enumerate(here.subject.question.pairs):
        edited = here.subject.question.texts[edit][index]
        if edited is None:
            assert pair.key not in mine.index
            continue
        maps = maps_of(here, index, edited.text)
        wanted = alone(maps[3]) | against(*maps)
        assert set(wanted) == {*OF_A_MAP, *OF_A_CHANGE}
        for name, value in wanted.items():
            near = pytest.approx(value, rel=1e-3, abs=1e-3, nan_ok=True)  # of float32 maps, asked in another batch
            assert mine.loc[pair.key, name] == near, (pair.key, name)


def test_the_own_text_is_like_itself_and_nothing_interacts(case: Callable[..., Case]) -> None:
    rows = rows_of(case())
    own = rows[rows["edit"] == "original"]
    np.testing.assert_allclose(own[["pearson", "spearman", "iou"]], 1)
    assert own["interaction"].isna().all()  # nothing changed, so nothing has a share in it
    assert (own["amplitude_change"].dropna() == 0).all()


def test_a_model_that_reads_no_text_has_its_own_rows_alone(case: Callable[..., Case]) -> None:
    rows = rows_of(case("image-only"))
    assert set(rows["edit"]) == {"original"}
    assert {*OF_A_MAP, *OF_A_CHANGE} <= set(rows.columns)


def test_the_location_prior_stands_beside_the_mass_in_the_mask(case: Callable[..., Case]) -> None:
    here = case()
    rows = rows_of(here)
    own = rows[rows["edit"] == "original"].set_index("key")
    for index, pair in enumerate(here.subject.question.pairs):
        mask = referred_mask(here.subject.question, index, 4, 4)
        wanted = np.nan
        if mask is not None:
            wanted = sum((y + 1) * (x + 1) / 100 * mask[y, x] for y in range(4) for x in range(4))
        assert own.loc[pair.key, "mask_prior"] == pytest.approx(wanted, nan_ok=True)


def test_without_masks_there_is_no_prior_of_objects(case: Callable[..., Case]) -> None:
    here = case()
    subject = here.subject
    pairs = subject.question.pairs
    prior = ObjectPrior(subject.model.spec.preprocessing, pairs)
    assert not any(pair.has_regions for pair in pairs)
    assert prior(4, 4) is None


def test_the_prior_of_objects_is_the_mean_mask_with_a_little_of_a_uniform_one(tmp_path: Path) -> None:
    write(PlatesConfig(size=32, train=12, test=4, seed=4), tmp_path / "data")
    pairs = [pair for pair in load_pairs(tmp_path / "data").pairs if pair.split == "train"]
    prior = ObjectPrior(Preprocessing(size=32, crop_fraction=1.0), pairs)
    summed = np.zeros((4, 4))
    for pair in pairs:
        referred = next((item.index for item in pair.objects if item.referred), None)
        if referred is None:  # a caption about no object
            continue
        covered = np.array(Image.open(pair.objects[0].shapes[0].source)) == referred
        for y in range(32):
            for x in range(32):
                summed[y // 8, x // 8] += covered[y, x]
    assert summed.any()
    wanted = (1 - UNIFORM_SHARE) * summed / summed.sum() + UNIFORM_SHARE / 16
    found = prior(4, 4)
    np.testing.assert_allclose(found, wanted, atol=1e-12)
    assert prior(4, 4) is found
