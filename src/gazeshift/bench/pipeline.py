"""A whole data set, from JPEG files to stored maps, compared with the bare forward pass of the same images."""

import tempfile
from itertools import count
from pathlib import Path

import numpy as np
import torch

from gazeshift.bench.contenders import Work
from gazeshift.bench.photos import write_photos
from gazeshift.bench.results import PipelineTimes
from gazeshift.bench.subject import Subject
from gazeshift.bench.timing import interleave
from gazeshift.data.loader import read_crop
from gazeshift.engine.job import InMemory, MapJob
from gazeshift.engine.run import run_maps
from gazeshift.pairs import Pair


def measure_pipeline(subject: Subject, images: int, rounds: int) -> PipelineTimes:
    """Time the pipeline and the bare pass over the same photos, in turn.

    *Pipeline*: ``run_maps``, which is what ``gazeshift maps`` runs: JPEG files are read, decoded, cropped and normalised, each text is
    tokenised and encoded, the trunk runs, the map of the predicted class is computed for every image with its own text, and all maps go
    into a folder of Parquet files.

    *Bare pass*: the logits of the same images and texts with the same classifier and the same copy of its trunk, so in the same memory
    format, folding, precision, compilation, batch and number of threads; but the batches lie in memory, decoded, normalised and in
    channels_last, the texts as token ids, and nothing is explained or stored.
    """
    batch = subject.speed.batch
    photos = max(batch, images // batch * batch)
    titles = [subject.texts[index % len(subject.texts)] for index in range(photos)]
    with tempfile.TemporaryDirectory() as folder:
        pairs = write_photos(Path(folder), titles, subject.model.classes[0])
        works = {
            "bare forward pass": _bare(subject, pairs),
            "JPEG files to stored maps": _pipeline(subject, pairs, Path(folder)),
        }
        seconds = interleave(works, rounds, subject.images.device.type)
        size = float(np.mean([Path(folder, pair.key).stat().st_size for pair in pairs])) / 1000
    bare, pipeline = seconds.values()
    return PipelineTimes(photos, size, seconds, photos / pipeline, {"pipeline_vs_forward": bare / pipeline})


def _pipeline(subject: Subject, pairs: list[Pair], folder: Path) -> Work:
    fresh = count()

    def work() -> object:
        job = MapJob(InMemory(subject.model), folder / f"maps-{next(fresh)}", speed=subject.speed)
        return run_maps(job, subject.model, pairs, len(pairs))

    return work


def _bare(subject: Subject, pairs: list[Pair]) -> Work:
    model, device, encode = subject.model, subject.images.device, subject.encode
    preprocessing, batch, batches = model.spec.preprocessing, subject.speed.batch, []
    for start in range(0, len(pairs), batch):
        part = pairs[start : start + batch]
        crops = np.stack([read_crop(pair, preprocessing) for pair in part])
        images = preprocessing.normalise(torch.from_numpy(crops)).to(device, memory_format=torch.channels_last)
        batches.append((images, model.tokenize([pair.text for pair in part])))

    def work() -> object:
        with torch.no_grad():
            return [
                model.classify(encode(images), model.encode_text(tokens.ids, tokens.mask)).cpu()
                for images, tokens in batches
            ]

    return work
