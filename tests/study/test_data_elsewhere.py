"""Training and explaining from tar shards, and from pictures decoded anew each time: the same results, nothing kept but what may be."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image
from safetensors.torch import load_file

from gazeshift.data.loader import crops, crops_bytes
from gazeshift.data.on_the_fly import DecodedCrops
from gazeshift.data.sources import load_pairs
from gazeshift.errors import DataError
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from gazeshift.study.load import read_study, write_study
from gazeshift.study.sections import DataConfig
from tests.conftest import Command
from tests.data.packing import NAMES, pack_shards

SIZE = 32
STUDY: dict[str, Any] = {
    "title": "shards",
    "preprocessing": {"size": SIZE, "crop_fraction": 1.0},
    "image": {"name": "small_cnn"},
    "text": {"encoder": "transformer", "width": 16, "layers": 1, "heads": 2, "vocabulary": 100},
    "head": {"image_width": 0, "hidden": 16},
    "recipe": "plates",
    "training": {"epochs": 1, "batch_size": 8},
    "models": {"early-fusion": None},
    "seeds": [0],
    "explain": {"edits": []},
}


@pytest.fixture
def shards(tmp_path: Path) -> Path:
    """Thirty-six pairs in three shards."""
    (tmp_path / "images").mkdir()
    rows = []
    for number in range(36):
        name, split = NAMES[number % 3], ("train", "train", "test")[number // 3 % 3]
        pixels = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"images/{number:02}.png")
        rows.append({"image": f"images/{number:02}.png", "text": f"{name} {number}", "label": name, "split": split})
    return pack_shards(tmp_path, rows)


def study_of(folder: Path, shards: Path, **data: object) -> Path:
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump({**STUDY, "data": {"root": str(shards), "workers": 1, **data}}), encoding="utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("trunk", ["fine-tuned", "frozen"])
def test_a_model_is_the_same_whether_its_crops_are_kept_or_not(
    tmp_path: Path, shards: Path, gazeshift: Command, trunk: str
) -> None:
    weights = {}
    for limit in (1.0, 0.0):
        study = study_of(tmp_path, shards, cache_limit=limit)
        out, option = tmp_path / f"model-{limit}", f"training.trunk={trunk}"
        code, _, err = gazeshift("train", study, "--model", "early-fusion", "--out", out, "--set", option)
        assert code == 0, err
        weights[limit] = load_file(next(out.glob("*.safetensors")))
        kept = [path.name for path in (out.with_name(out.name + ".training") / "cache").rglob("*.npy")]
        assert bool(kept) == bool(limit)
        if limit:
            sizes = re.findall(r"keeping crops of (\d+) pictures, ([\d.]+) MB", err)
            assert [float(size) for _, size in sizes] == [float(f"{int(n) * 3 * SIZE**2 / 1e6:.3g}") for n, _ in sizes]
            assert sum(int(count) for count, _ in sizes) == 24, "training and validation, each before it is written"
        else:
            assert "more than data.cache_limit (0 GB): decoded when needed" in err
    assert weights[1.0].keys() == weights[0.0].keys()
    for name, value in weights[1.0].items():
        np.testing.assert_allclose(weights[0.0][name].numpy(), value.numpy(), atol=1e-4, err_msg=name)
    code, out, err = gazeshift("evaluate", tmp_path / "model-0.0", "--data", shards)
    assert (code, "on 12 test pairs" in out) == (0, True), err
    code, _, err = gazeshift(
        "maps", tmp_path / "model-0.0", "--data", shards, "--out", tmp_path / "maps", "--split", "all"
    )
    assert code == 0, err
    assert (tmp_path / "maps" / "manifest.json").is_file()


def test_crops_decoded_when_asked_for_are_those_that_are_kept(shards: Path) -> None:
    pairs, preprocessing = load_pairs(shards).pairs, Preprocessing(size=8)
    kept, decoded = crops(pairs, preprocessing), DecodedCrops(pairs, preprocessing)
    assert (decoded.shape, decoded.dtype, decoded.ndim, len(decoded)) == (kept.shape, kept.dtype, kept.ndim, len(kept))
    assert kept.nbytes == crops_bytes(len(pairs), preprocessing)
    for rows in (3, -1, slice(2, 9, 3), [5, 1, 5], np.array([0]), slice(0, 0)):
        assert np.array_equal(decoded[rows], kept[rows])


def test_what_is_decoded_has_a_digest_without_being_decoded(shards: Path) -> None:
    pairs = list(load_pairs(shards).pairs)
    digests = {
        DecodedCrops(of, Preprocessing(size=size)).digest for of, size in ((pairs, 8), (pairs, 9), (pairs[::-1], 8))
    }
    assert len(digests) == 3
    broken = [Pair("a.png", b"no picture", "", "pie", "train")]
    assert len(DecodedCrops(broken, Preprocessing(size=8)).digest) == 64
    with pytest.raises(DataError, match=r"^a\.png: not an image"):
        DecodedCrops(broken, Preprocessing(size=8))[0]


def test_no_secret_of_an_address_is_written(tmp_path: Path) -> None:
    address = "https://me:pass/word@host/food-{00..09}.tar?X-Amz-Signature=sesame"
    study = read_study(study_of(tmp_path, tmp_path), [f"data.root={address}"])
    assert study.data.root == address, "what is read from"
    write_study(study, tmp_path / "written.yaml")
    written = (tmp_path / "written.yaml").read_text(encoding="utf-8")
    assert "https://host/food-{00..09}.tar" in written
    assert "sesame" not in written
    assert "word" not in written
    assert DataConfig(root=address).model_dump()["root"] == "https://host/food-{00..09}.tar"
