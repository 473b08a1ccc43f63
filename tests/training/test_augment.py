import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import affine_transform

from gazeshift.training import AUGMENTATIONS
from gazeshift.training.augment import crop, flip, flip_words, gallo, swap_directions
from gazeshift.training.keyed import draws, hash_keys, keyed_seed, order

KEYS = [f"train/pie/pie_{i}.jpg" for i in range(12)]


def crops(count: int, side: int = 8) -> torch.Tensor:
    return torch.randint(0, 256, (count, 3, side, side), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def splitmix64(state: int, steps: int) -> list[int]:
    """Steele, Lea and Flood 2014, one number at a time."""
    mask, numbers = 2**64 - 1, []
    for _ in range(steps):
        state = state + 0x9E3779B97F4A7C15 & mask
        z = state
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9 & mask
        z = (z ^ z >> 27) * 0x94D049BB133111EB & mask
        numbers.append(z ^ z >> 31)
    return numbers


def test_draws_are_splitmix64() -> None:
    hashes = hash_keys(KEYS)
    # The published test vector of SplitMix64 from seed 1234567 pins the reference itself.
    assert splitmix64(1234567, 2) == [6457827717110365317, 3203168211198807973]
    got = draws(hashes, seed=3, epoch=2, count=4)
    for key_hash, numbers in zip(hashes.tolist(), got.tolist(), strict=True):
        state = key_hash ^ keyed_seed("augmentation", 3, 2)
        start = splitmix64(state - 0x9E3779B97F4A7C15 & 2**64 - 1, 1)[0]
        assert numbers == [(number >> 40) / 2**24 for number in splitmix64(start, 4)]
    many = draws(hash_keys([str(i) for i in range(20_000)]), seed=0, epoch=0, count=2)
    assert abs(float(many.mean()) - 0.5) < 0.01
    assert abs(float(torch.corrcoef(many.T)[0, 1])) < 0.03


@given(st.permutations(range(len(KEYS))), st.integers(1, len(KEYS)))
@settings(max_examples=20)
@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
def test_a_pair_is_augmented_alike_in_any_batch(name: str, rows: list[int], count: int) -> None:
    augmentation, images, hashes = AUGMENTATIONS[name], crops(len(KEYS)), hash_keys(KEYS)
    texts = [f"left {key}" for key in KEYS]
    whole = draws(hashes, 5, 3, augmentation.count)
    chosen = np.array(rows[:count])
    part = draws(hashes[chosen], 5, 3, augmentation.count)
    assert torch.equal(augmentation.images(images[chosen], part), augmentation.images(images, whole)[chosen])
    assert augmentation.texts([texts[row] for row in chosen], part) == [
        augmentation.texts(texts, whole)[row] for row in chosen
    ]


def test_epochs_and_seeds_differ() -> None:
    hashes = hash_keys([str(i) for i in range(64)])
    first = draws(hashes, 0, 0, 1)
    assert not torch.equal(first, draws(hashes, 0, 1, 1))
    assert not torch.equal(first, draws(hashes, 1, 0, 1))
    assert order(64, 0, 0).tolist() != order(64, 0, 1).tolist()


def test_flip_mirrors_image_and_words_together() -> None:
    images, uniform = crops(4), torch.tensor([[0.1], [0.9], [0.4999], [0.5]])
    flipped = flip(images, uniform)
    for row, turned in enumerate([True, False, True, False]):
        assert np.array_equal(flipped[row].numpy(), images[row].numpy()[:, :, ::-1] if turned else images[row].numpy())
    texts = ["Left pie", "Left pie", "top RIGHT", "top RIGHT"]
    assert flip_words(texts, uniform) == ["Right pie", "Left pie", "top LEFT", "top RIGHT"]


@given(st.text(alphabet="leftrighLEFTRIGH -,most", max_size=40))
def test_swapping_twice_gives_the_text_back(text: str) -> None:
    # Odd spellings (lEFT) come back in a usual case.
    assert swap_directions(swap_directions(text)).lower() == text.lower()


def test_only_whole_words_are_swapped() -> None:
    assert swap_directions("bright leftover upright") == "bright leftover upright"
    assert swap_directions("left-hand, rightmost, leftwards") == "right-hand, leftmost, rightwards"


def test_gallo_equals_keras_formula() -> None:
    """Against scipy, which Keras uses: x_in = zoom * x_out + shift around the centre, mirrored beyond the border, then channel shift,
    then flip.
    """
    images = crops(5, side=16)
    uniform = torch.rand(5, 6, generator=torch.Generator().manual_seed(0))
    got = gallo(images, uniform).numpy().astype(float)
    for image, u, mine in zip(images.numpy(), uniform.numpy(), got, strict=True):
        shift = np.array([(2 * u[2] - 1) * 0.2, (2 * u[1] - 1) * 0.2]) * 16
        zoom = np.array([0.8 + 0.2 * u[4], 0.8 + 0.2 * u[3]])
        centre = np.array([7.5, 7.5])
        offset = centre + shift - zoom * centre
        moved = np.stack(
            [affine_transform(c.astype(float), np.diag(zoom), offset, order=1, mode="reflect") for c in image]
        )
        shifted = np.clip(moved + (2 * u[5] - 1) * 30, moved.min(), moved.max())
        expected = shifted[:, :, ::-1] if u[0] < 0.5 else shifted
        assert np.abs(mine - expected).max() <= 0.51  # rounded to whole numbers


def test_gallo_with_middle_numbers_is_the_identity() -> None:
    images = crops(1)
    assert torch.equal(gallo(images, torch.tensor([[0.9, 0.5, 0.5, 1.0, 1.0, 0.5]])), images)


def test_crop_is_a_part_of_the_image_resampled_to_its_size() -> None:
    """Against scipy, from the sides and the corner of the part; mirrored after."""
    images = crops(6, side=16)
    uniform = torch.rand(6, 5, generator=torch.Generator().manual_seed(0))
    uniform[0, 1:] = torch.tensor([1.0, 0.0, 0.3, 0.7])  # all of the area, but upright: as wide as the border allows
    got = crop(images, uniform).numpy().astype(float)
    for image, u, mine in zip(images.numpy(), uniform.double().numpy(), got, strict=True):
        area, ratio = 0.35 + 0.65 * u[1], np.exp(np.log(3 / 4) + u[2] * np.log(16 / 9))
        width, height = min(1, np.sqrt(area * ratio)), min(1, np.sqrt(area / ratio))
        left, top = u[3] * (1 - width), u[4] * (1 - height)
        # A pixel's centre lies half a pixel behind its edge.
        offset = 16 * np.array([top, left]) + np.array([height, width]) / 2 - 0.5
        part = np.stack(
            [
                affine_transform(c.astype(float), np.array([height, width]), offset, order=1, mode="nearest")
                for c in image
            ]
        )
        expected = part[:, :, ::-1] if u[0] < 0.5 else part
        assert np.abs(mine - expected).max() <= 0.51  # rounded to whole numbers
