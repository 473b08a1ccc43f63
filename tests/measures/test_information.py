"""Static, image and text in bits: against mutual information by scipy, and what must come out where the answer is known."""

import numpy as np
import pytest
import scipy.special
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from gazeshift.errors import UsageError
from gazeshift.measures import InformationSums, concentration, information_split

TERMS = ("total", "static", "image", "text")


def maps(seed: int, images: int, texts: int, spread: float = 1.0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    raw = (
        rng.gamma(spread, size=(images, texts, 3, 4)) * rng.gamma(1, size=(images, 1, 3, 4)) * rng.gamma(1, size=(3, 4))
    )
    return raw / raw.sum((-2, -1), keepdims=True)


def mutual_information(joint: np.ndarray) -> float:
    """In bits, by the divergence of a joint distribution from the product of its margins."""
    independent = joint.sum(1, keepdims=True) * joint.sum(0, keepdims=True)
    return float(scipy.special.rel_entr(joint, independent).sum() / np.log(2))


@given(st.integers(0, 10**6), st.integers(1, 6), st.integers(1, 4))
def test_against_mutual_information(seed: int, images: int, texts: int) -> None:
    """The image term is the mutual information of cell and image, image and text together that of cell and (image, text)."""
    p = maps(seed, images, texts)
    split = information_split(p)
    assert split.total == pytest.approx(float(concentration(p).mean()), abs=1e-12)
    marginal = p.mean((0, 1)).ravel()
    assert split.static == pytest.approx(scipy.stats.entropy(marginal, np.full(12, 1 / 12), base=2), abs=1e-12)
    image = mutual_information(p.mean(1).reshape(images, 12) / images)
    both = mutual_information(p.reshape(images * texts, 12) / (images * texts))
    assert split.image == pytest.approx(image, abs=1e-12)
    assert split.image + split.text == pytest.approx(both, abs=1e-12)
    assert split.static + split.image + split.text == pytest.approx(split.total, abs=1e-12)
    assert split.static_share == pytest.approx(split.static / split.total)
    assert min(split.static, split.image, split.text) >= 0
    assert (split.images, split.texts, split.left_out) == (images, texts, 0)


@given(st.integers(0, 10**6), st.lists(st.integers(0, 12), max_size=3))
def test_blocks_and_merged_parts_give_the_same(seed: int, cuts: list[int]) -> None:
    p = maps(seed, 12, 3)
    p[seed % 12, 1] = np.nan
    whole = information_split(p)
    blocks = np.split(p, sorted(cuts))
    together, parts = InformationSums(), [InformationSums() for _ in blocks]
    for block, part in zip(blocks, parts, strict=True):
        together.add(block)
        part.add(block)
    merged = InformationSums()
    for part in parts:
        merged = merged + part
    for split in (together.split(), merged.split()):
        assert (split.images, split.texts, split.left_out) == (11, 3, 1) == (whole.images, whole.texts, whole.left_out)
        for term in TERMS:
            assert getattr(split, term) == pytest.approx(getattr(whole, term), abs=1e-12)


def test_merging_changes_neither_part() -> None:
    first, second = InformationSums(), InformationSums()
    first.add(maps(0, 3, 2))
    second.add(maps(1, 4, 2))
    before = first.split(), second.split()
    assert (first + second).split().images == 7
    assert (first.split(), second.split()) == before


def test_who_decides_takes_it_all() -> None:
    cells = np.eye(4).reshape(4, 1, 2, 2)
    static = information_split(np.broadcast_to(cells[0], (5, 3, 2, 2)).copy())
    assert (static.total, static.static, static.image, static.text, static.static_share) == (2, 2, 0, 0, 1)
    image = information_split(np.repeat(cells, 3, axis=1))
    assert (image.total, image.static, image.image, image.text) == (2, 0, 2, 0)
    text = information_split(np.repeat(cells.reshape(1, 4, 2, 2), 5, axis=0))
    assert (text.total, text.static, text.image, text.text) == (2, 0, 0, 2)


@pytest.mark.parametrize("texts", [3, 7])
def test_texts_that_move_nothing_add_nothing(texts: int) -> None:
    assert information_split(np.repeat(maps(0, 20, 1), texts, axis=1)).text == pytest.approx(0, abs=1e-12)


def test_an_image_with_one_undefined_map_is_left_out_whole() -> None:
    p = maps(0, 6, 3)
    lost = p.copy()
    lost[2, 1] = np.nan
    assert information_split(lost).text == pytest.approx(information_split(np.delete(p, 2, axis=0)).text, abs=1e-12)
    assert information_split(lost).left_out == 1
    nothing = information_split(np.full((4, 2, 3, 3), np.nan))
    assert np.isnan([getattr(nothing, term) for term in (*TERMS, "static_share")]).all()
    assert (nothing.images, nothing.texts, nothing.left_out) == (0, 2, 4)
    assert InformationSums().split().images == 0
    assert np.isnan(information_split(np.full((2, 2, 1, 2), 0.5)).static_share), "all uniform: no bits to share"


def test_unequal_texts_and_grids_are_refused() -> None:
    sums = InformationSums()
    sums.add(maps(0, 3, 2))
    with pytest.raises(UsageError, match="2 texts on 3 x 4 so far, now 3 on 3 x 4"):
        sums.add(maps(0, 3, 3))
    other = InformationSums()
    other.add(np.full((1, 2, 1, 2), 0.5))
    with pytest.raises(UsageError, match="now 2 on 1 x 2"):
        sums + other
    with pytest.raises(UsageError, match="at least one map"):
        information_split(np.empty((2, 0, 3, 3)))
    with pytest.raises(UsageError, match="needs distributions"):
        information_split(np.ones((2, 2, 3, 3)))
    assert sums.split().images == 3, "what was refused left no trace"
