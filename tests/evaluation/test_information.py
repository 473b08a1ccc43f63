"""The information split of stored maps, against its definition written out over maps one by one."""

import numpy as np
import pytest
from scipy.stats import entropy

from gazeshift.evaluation.information import Drawn, information_rows

LABELS = {f"image-{i}": "pie" if i % 2 else "soup" for i in range(6)}
EDITS = ("original", "paraphrase", "shuffle", "other-class", "colour")


def some_maps() -> Drawn:
    rng = np.random.default_rng(0)
    found: Drawn = {edit: {key: rng.dirichlet(np.ones(4)).reshape(2, 2) for key in LABELS} for edit in EDITS}
    found["paraphrase"]["image-0"] = np.full((2, 2), np.nan)
    del found["colour"]["image-3"]
    return found


def by_hand(found: Drawn, edits: list[str], keys: list[str]) -> dict[str, float]:
    """Mean Kullback-Leibler divergences in bits: of every map from uniform, and what is lost by forgetting text, then image."""
    maps = np.array([[found[edit][key].ravel() for edit in edits] for key in keys])
    of_image, of_all = maps.mean(1), maps.mean((0, 1))
    text = np.mean([entropy(p, of_image[i], base=2) for i, texts in enumerate(maps) for p in texts])
    image = np.mean([entropy(p, of_all, base=2) for p in of_image])
    return {"text": text, "image": image, "static": entropy(of_all, np.full(4, 0.25), base=2)}


@pytest.mark.parametrize(
    ("texts", "edits"),
    [("changed", ["original", "other-class", "colour"]), ("floor", ["original", "paraphrase", "shuffle"])],
)
def test_changed_texts_and_their_floor_are_measured_on_the_same_images(texts: str, edits: list[str]) -> None:
    found = some_maps()
    row = next(row for row in information_rows(found, LABELS, EDITS) if row["texts"] == texts)
    keys = [key for key in LABELS if key not in {"image-0", "image-3"}]
    assert row["images"] == len(keys)
    for term, expected in by_hand(found, edits, keys).items():
        assert row[term] == pytest.approx(expected, abs=1e-12)
    assert row["total"] == pytest.approx(row["static"] + row["image"] + row["text"])


def test_own_texts_have_no_text_term_and_every_class_has_a_row() -> None:
    rows = [row for row in information_rows(some_maps(), LABELS, EDITS) if row["texts"] == "own"]
    assert [(row["label"], row["images"]) for row in rows] == [("", 6), ("pie", 3), ("soup", 3)]
    assert all(row["text"] == pytest.approx(0, abs=1e-12) for row in rows)
