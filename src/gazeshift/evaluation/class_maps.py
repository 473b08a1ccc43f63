"""Maps of every class, of a model that reads no text."""

from pathlib import Path

import torch

from gazeshift.evaluation.question import Question
from gazeshift.evaluation.viewer import Viewer
from gazeshift.mapstore.store import MapFile
from gazeshift.saliency.asked import Asked


def write_class_maps(viewer: Viewer, question: Question, path: Path) -> None:
    """Store the maps of every class of every pair, of a model that reads no text."""
    count = len(viewer.classes)
    with MapFile(path) as file:
        for shard in viewer.shards(len(question.pairs)):
            bound = viewer.bind(shard, [""])
            image = torch.arange(len(shard), device=bound.grid.device)
            rows = Asked.of(bound, image, torch.zeros_like(image)).at(image.repeat_interleave(count))
            maps = rows.maps(torch.arange(count, device=image.device).repeat(len(shard)), question.method)
            keys = [question.pairs[index].key for index in shard for _ in range(count)]
            file.add({"key": keys, "class": viewer.classes * len(shard)}, viewer.placed(maps, shard))
