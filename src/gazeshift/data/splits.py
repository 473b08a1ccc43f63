"""Splits decided by a hash of the key: the same on every machine, for any order of the pairs."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import replace

from gazeshift.data.contents import image_identity
from gazeshift.data.titles import normalise_title
from gazeshift.errors import UsageError
from gazeshift.pairs import Pair


def with_validation(pairs: Sequence[Pair], fraction: float = 0.1, salt: str = "validation") -> list[Pair]:
    """Give the split ``validation`` to a share of the training pairs of every class.

    Pairs of one image stay in one split, and so do pairs with the same title (``titles.normalise_title``) as far as the shares allow.
    Test pairs are never touched, and a source's own validation split is kept.

    Args:
        pairs: all pairs of a data set.
        fraction: share of each class's training pairs, in [0, 1); rounded, at least one if a class has two. If images have several
            pairs, it is met approximately, but a class with two or more images gets one, unless that takes the last image of another class.
        salt: a different salt draws a different split.

    Raises:
        UsageError: a fraction out of range.

    Example:
        >>> pairs = [Pair(f"{i}.png", bytes([i]), f"title {i}", "pie", "train") for i in range(10)]
        >>> Counter(pair.split for pair in with_validation(pairs, 0.2))
        Counter({'train': 8, 'validation': 2})
    """
    if any(pair.split == "validation" for pair in pairs):
        return list(pairs)
    return _give_split([*pairs], "validation", fraction, salt)


def with_test(pairs: Sequence[Pair], fraction: float = 0.25, salt: str = "test") -> list[Pair]:
    """Give the split ``test`` to a share of the training pairs of every class, for sources without a test split.

    Raises:
        UsageError: a fraction out of range.
    """
    return _give_split([*pairs], "test", fraction, salt)


def limit(pairs: Sequence[Pair], per_class: int) -> list[Pair]:
    """At most ``per_class`` pairs of each split and class, in the given order; always the same pairs.

    Raises:
        UsageError: less than one pair.

    Example:
        >>> pairs = [Pair(f"{i}.png", b"x", "", "pie", "train") for i in range(10)]
        >>> len(limit(pairs, 3))
        3
    """
    if per_class < 1:
        raise UsageError(f"limit: {per_class} pairs per class leave nothing; give 1 or more.")
    groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for pair in pairs:
        groups[pair.split, pair.label].append(pair.key)
    kept = {key for keys in groups.values() for key in sorted(keys, key=lambda key: _draw(key, "limit"))[:per_class]}
    return [pair for pair in pairs if pair.key in kept]


def _give_split(pairs: list[Pair], split: str, fraction: float, salt: str) -> list[Pair]:
    if not 0 <= fraction < 1:
        raise UsageError(f"{split} fraction: {fraction} is not in [0, 1).")
    training = [pair for pair in pairs if pair.split == "train"]
    sizes = Counter(pair.label for pair in training)
    wanted = Counter({label: max(round(fraction * n), min(1, n - 1)) if fraction else 0 for label, n in sizes.items()})
    chosen = _choose(training, wanted, salt)
    return [replace(pair, split=split) if pair.split == "train" and pair.key in chosen else pair for pair in pairs]


def _choose(pairs: list[Pair], wanted: Counter[str], salt: str) -> set[str]:
    """Keys of ``wanted[label]`` pairs of each class: whole groups of one title first, then single images; an image is never split up."""
    images: dict[str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        images[image_identity(pair.image)].append(pair)
    groups: dict[str, dict[str, list[Pair]]] = defaultdict(dict)  # title -> images that have it
    for image, members in images.items():
        for pair in members:
            groups[normalise_title(pair.text) or pair.key][image] = members
    titled = ([pair for members in group.values() for pair in members] for group in groups.values())
    # A group's draw depends on one of its keys, so a large group is not drawn more often than a small one.
    drawn = sorted(titled, key=lambda group: _draw(min(pair.key for pair in group), salt))
    singles = sorted(images.values(), key=lambda group: _draw(group[0].key, salt))
    chosen: set[str] = set()
    left = wanted.copy()
    for group in (*drawn, *singles):
        new = Counter(pair.label for pair in group if pair.key not in chosen)
        if all(left[label] >= count for label, count in new.items()):
            left.subtract(new)
            chosen.update(pair.key for pair in group)
    for label in sorted(wanted):
        if (
            wanted[label] and left[label] == wanted[label]
        ):  # its images have more pairs than the share: one image then, if one is left
            chosen.update(_first_with(label, singles, chosen))
    return chosen


def _first_with(label: str, images: list[list[Pair]], chosen: set[str]) -> list[str]:
    """Keys of the first image with a class, if each of its classes also occurs in an image that is not chosen."""
    left = [image for image in images if image[0].key not in chosen]
    counts = Counter(each for image in left for each in {pair.label for pair in image})
    for image in left:
        labels = {pair.label for pair in image}
        if label in labels and all(counts[each] > 1 for each in labels):
            return [pair.key for pair in image]
    return []


def _draw(key: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}\0{key}".encode("utf-8", "surrogatepass")).hexdigest()
