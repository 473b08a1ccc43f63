"""How fast pairs are opened and read, and what memory they take, by where they lie.

    python benchmarks/reading.py --pairs 20000              # files, tar shards, Parquet, a saved data set, and S3 on loopback
    python benchmarks/reading.py --pairs 200000 --only tar s3-tar --small

Every picture is a photo of 400 x 300 pixels (30 to 60 kB), or the first 2 kB of one with ``--small``; no two are equal. *Open* is
``load_pairs``, *read* is the bytes of every picture in the order of the pairs, by eight threads, *decode* the same with ``decode``
on at most 2,000 of them. Each place is measured in a process of its own; its memory is the growth of the resident set while the pairs are
opened and held. The S3 server is moto's, in a process of its own, in Python: figures for S3 are its speed more than that of the client.
"""
# ruff: noqa: T201

import argparse
import io
import json
import logging
import multiprocessing
import os
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import groupby
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from gazeshift.bench.photos import write_photos
from gazeshift.data.decode import content_of, decode
from gazeshift.data.pool import map_ordered
from gazeshift.data.sources import load_pairs

SHARD = 1000
"""Pairs of a shard, of a Parquet file and of a part of a saved data set."""
THREADS = 8
DECODED = 2000

Sample = tuple[int, bytes, str]


def samples(count: int, photos: Path, small: bool) -> Iterator[Sample]:
    """Number, JPEG and text of each pair: a few photos over and over, with a number after the end of the picture."""
    seen = [path.read_bytes() for path in sorted(photos.glob("*.jpg"))]
    for number in range(count):
        content = seen[number % len(seen)] + number.to_bytes(8, "big")
        yield number, content[:2000] + content[-8:] if small else content, f"a tasty dish, number {number}"


def shards(folder: Path, made: Iterator[Sample]) -> None:
    """Tar shards, each with the name of the training split."""
    for shard, part in groupby(made, key=lambda sample: sample[0] // SHARD):
        with tarfile.open(folder / f"food-train-{shard:05}.tar", "w") as tar:
            for number, content, text in part:
                for suffix, value in (("jpg", content), ("txt", text.encode()), ("cls", str(number % 101).encode())):
                    info = tarfile.TarInfo(f"{number:07}.{suffix}")
                    info.size = len(value)
                    tar.addfile(info, io.BytesIO(value))


def files(folder: Path, made: Iterator[Sample]) -> None:
    """Files beside a table."""
    (folder / "images").mkdir()
    lines = ["image,text,label,split"]
    for number, content, text in made:
        (folder / f"images/{number:07}.jpg").write_bytes(content)
        lines.append(f'images/{number:07}.jpg,"{text}",{number % 101},train')
    (folder / "pairs.csv").write_text("\n".join(lines))


def parquet(folder: Path, made: Iterator[Sample], group: int = 100) -> None:
    """Parquet files with the pictures' bytes, in row groups of 100, as Hugging Face writes them."""
    rows: list[dict[str, object]] = []
    for number, content, text in made:
        image = {"bytes": content, "path": f"{number:07}.jpg"}
        rows.append({"image": image, "text": text, "label": number % 101, "split": "train"})
        if len(rows) == SHARD:
            pq.write_table(
                pa.Table.from_pylist(rows), folder / f"train-{number // SHARD:05}.parquet", row_group_size=group
            )
            rows.clear()
    if rows:
        pq.write_table(pa.Table.from_pylist(rows), folder / "train-99999.parquet", row_group_size=group)


def saved(folder: Path, made: Iterator[Sample]) -> None:
    """A data set of Hugging Face's, saved to disk."""
    import datasets  # noqa: PLC0415

    datasets.disable_progress_bars()
    features = datasets.Features(
        {"image": datasets.Image(), "text": datasets.Value("string"), "label": datasets.Value("int64")}
    )

    parts = []
    for _, part in groupby(made, key=lambda sample: sample[0] // SHARD):
        rows = [
            {"image": {"bytes": content, "path": None}, "text": text, "label": number % 101}
            for number, content, text in part
        ]
        parts.append(datasets.Dataset.from_list(rows, features=features, split="train"))
    datasets.concatenate_datasets(parts).save_to_disk(folder)


WRITERS: dict[str, Callable[[Path, Iterator[Sample]], None]] = {
    "files": files, "tar": shards, "parquet": parquet, "saved": saved,
    "s3-files": files, "s3-tar": shards, "s3-parquet": parquet,
}  # fmt: skip


def measure(root: str, answers: "multiprocessing.Queue[dict[str, float]]") -> None:
    """Open and read one root."""
    before, started = resident(), time.perf_counter()
    pairs = load_pairs(root).pairs
    opened, held = time.perf_counter() - started, resident() - before
    started = time.perf_counter()
    size = sum(map_ordered(lambda pair: len(content_of(pair.image)), pairs, THREADS))
    read = time.perf_counter() - started
    few = pairs[:DECODED]
    started = time.perf_counter()
    seen = sum(map_ordered(lambda pair: _decodes(pair.image, pair.key), few, THREADS))
    decoded = time.perf_counter() - started
    answers.put(
        {
            "pairs": len(pairs),
            "megabytes": size / 1e6,
            "opened_per_second": len(pairs) / opened,
            "read_per_second": len(pairs) / read,
            "decoded_per_second": len(few) / decoded if seen == len(few) else float("nan"),
            "bytes_of_memory_a_pair": held / len(pairs),
        }
    )


def _decodes(image: object, key: str) -> bool:
    try:
        decode(image, key)  # type: ignore[arg-type]
    except Exception:  # the small ones are cut
        return False
    return True


def resident() -> int:
    """The resident set in bytes (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def serve(answers: "multiprocessing.Queue[str]") -> None:
    """Run the S3 server until the process is ended."""
    from moto.server import ThreadedMotoServer  # noqa: PLC0415

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    answers.put(f"http://{host}:{port}")
    time.sleep(10**6)


def upload(endpoint: str, folder: Path, bucket: str) -> str:
    """A folder in a bucket of its own."""
    import boto3  # noqa: PLC0415

    client = boto3.client("s3", endpoint_url=endpoint)
    client.create_bucket(Bucket=bucket)
    every = [path for path in folder.rglob("*") if path.is_file()]
    map_ordered(lambda path: client.upload_file(str(path), bucket, path.relative_to(folder).as_posix()), every, 4)
    return f"s3://{bucket}"


def main() -> None:
    """Write, open and read the pairs at every place, one line each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20_000)
    parser.add_argument("--only", nargs="+", choices=list(WRITERS), default=list(WRITERS))
    parser.add_argument("--small", action="store_true", help="2 kB a picture, which is no whole JPEG")
    arguments = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory() as folder:
        photos = Path(folder) / "photos"
        photos.mkdir()
        write_photos(photos, ["x"] * 50, "x")
        server = None
        for name in arguments.only:
            place = Path(folder) / name
            place.mkdir()
            WRITERS[name](place, samples(arguments.pairs, photos, arguments.small))
            root = str(place)
            if name.startswith("s3"):
                if server is None:
                    found = spawn.Queue()
                    server = spawn.Process(target=partial(serve, found), daemon=True)
                    os.environ |= {
                        "AWS_ACCESS_KEY_ID": "key",
                        "AWS_SECRET_ACCESS_KEY": "word",
                        "AWS_DEFAULT_REGION": "us-east-1",
                    }
                    server.start()
                    os.environ["AWS_ENDPOINT_URL"] = endpoint = found.get()
                root = upload(endpoint, place, name)
            answers = spawn.Queue()
            worker = spawn.Process(target=measure, args=(root, answers))
            worker.start()
            print(
                json.dumps({"place": name, **{key: round(value, 1) for key, value in answers.get().items()}}),
                flush=True,
            )
            worker.join()
        if server is not None:
            server.terminate()


if __name__ == "__main__":
    main()
