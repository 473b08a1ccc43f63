"""200,000 pairs without 200,000 files: tar shards are read in place, and each of several processes reads its share. (Here: 24 pairs.)"""

import io
import tarfile
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from gazeshift.data.decode import decode
from gazeshift.data.order import reading_order
from gazeshift.data.sources import load_pairs

folder = Path(tempfile.mkdtemp())
for shard in range(3):
    with tarfile.open(folder / f"food-train-{shard:03}.tar", "w") as tar:
        for number in range(8):
            picture = io.BytesIO()
            Image.fromarray(np.random.default_rng([shard, number]).integers(0, 256, (32, 32, 3), np.uint8)).save(
                picture, "png"
            )
            sample = {
                "png": picture.getvalue(),
                "txt": f"dish {number} of shard {shard}".encode(),
                "cls": str(number % 4).encode(),
            }
            for suffix, content in sample.items():
                info = tarfile.TarInfo(f"{number:04}.{suffix}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))

# The same line reads "s3://bucket/food/food-train-{000..002}.tar" (pip install 'gazeshift[remote]').
pairs = load_pairs(folder / "food-train-{000..002}.tar").pairs
print(f"{len(pairs)} pairs; the first: {pairs[0].key}, {pairs[0].text!r}, its picture lies at {pairs[0].image}")

parts = [reading_order(pairs, seed=0, epoch=0, rank=rank, ranks=4) for rank in range(4)]
assert sorted(int(index) for part in parts for index in part) == list(range(24)), "every pair in exactly one process"
for index in parts[1]:  # what the second of four processes does
    assert decode(pairs[index].image, pairs[index].key).size == (32, 32)
print(f"process 1 of 4 read {len(parts[1])} pictures, the first of them {pairs[parts[1][0]].key}")
