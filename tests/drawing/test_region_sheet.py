"""The picture of a word x region table: colours where they belong, any number of words and regions, any language."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from gazeshift.drawing.coloured import for_or_against
from gazeshift.drawing.region_sheet import MOST_REGIONS, SHOWN, region_sheet, strongest_regions
from gazeshift.saliency import WordRegions

VIEW = Image.new("RGB", (90, 60), (120, 120, 120))


def table(words: int, regions: int, values: np.ndarray | None = None, text: str | None = None) -> WordRegions:
    said = [f"w{word}" for word in range(words)] if text is None else text.split()
    masks = np.zeros((regions, 60, 90), dtype=bool)
    for region in range(regions):
        masks[region, :, region * 90 // regions : (region + 1) * 90 // regions] = True
    rng = np.random.default_rng(0)
    return WordRegions(
        text=" ".join(said),
        words=tuple(said),
        spans=tuple((3 * word, 3 * word + 2) for word in range(words)),
        regions=tuple(f"part {region}" for region in range(regions)),
        masks=masks,
        explained="pie",
        hide="zero",
        logit=1.0,
        word=rng.normal(size=words),
        evidence=rng.normal(size=regions),
        interaction=rng.normal(size=(words, regions)) if values is None else values,
        map_change=np.zeros((words, regions)),
    )


def pixels(found: WordRegions, *, cut: bool = False) -> np.ndarray:
    return np.asarray(region_sheet(VIEW, found, cut=cut).image)


def has(image: np.ndarray, colour: tuple[int, ...]) -> bool:
    return bool((image == colour).all(-1).any())


def test_the_strongest_cell_has_the_full_colour_and_its_half_of_the_small_picture_too() -> None:
    green, red = (np.array(for_or_against(sign, 1)) for sign in (1.0, -1.0))
    image = pixels(table(1, 2, np.array([[1.0, -1.0]])))
    assert has(image, tuple(green))
    assert has(image, tuple(red))
    tinted = {sign: tuple(np.round(0.25 * 120 + 0.75 * colour).astype(int)) for sign, colour in ((1, green), (-1, red))}
    for sign, colour in tinted.items():
        rows, columns = np.nonzero((image == colour).all(-1))
        assert len(rows) > 1000
        middle = 24 + 225 / 2
        assert (columns < middle).all() if sign == 1 else (columns > middle).all()


@pytest.mark.parametrize("value", [0.0, np.nan])
def test_nothing_is_tinted_where_nothing_acts(value: float) -> None:
    found = table(2, 2, np.full((2, 2), value))
    found = replace(found, word=np.zeros(2))
    image = pixels(found)
    coloured = (image.max(-1).astype(int) - image.min(-1)) > 40
    assert not coloured.any()
    assert image.shape[0] < pixels(table(2, 2)).shape[0]  # and no small picture


@pytest.mark.parametrize(("words", "regions"), [(1, 1), (30, 2), (3, 40)])
def test_a_large_table_keeps_its_strongest(words: int, regions: int) -> None:
    found = table(words, regions)
    image = region_sheet(VIEW, found).image
    assert image.width == 1240
    chosen = strongest_regions(found)
    assert len(chosen) == min(regions, MOST_REGIONS)
    left = [region for region in range(regions) if region not in chosen]
    strength = np.abs(found.interaction).max(0)
    assert not left or strength[left].max() <= strength[chosen].min()
    taller = region_sheet(VIEW, table(SHOWN + 1, 1)).image.height - region_sheet(VIEW, table(1, 1)).image.height
    assert taller > 0


def test_any_language_and_what_no_font_has() -> None:
    assert region_sheet(VIEW, table(2, 1, text="赤い \U000f0000")).missing.endswith("\U000f0000")
    assert not region_sheet(VIEW, table(2, 1, text="crème brûlée")).missing


def test_a_text_that_is_cut_is_said() -> None:
    found = table(1, 1)
    assert pixels(found, cut=True).shape[0] > pixels(found).shape[0]
