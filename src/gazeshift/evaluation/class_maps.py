"""Maps of every class, of a model that reads no text."""

from pathlib import Path

import torch

from gazeshift.evaluation.question import ImageSource, Question, TextSource
from gazeshift.mapstore.store import MapFile
from gazeshift.models import BoundClassifier, Classifier
from gazeshift.saliency import Rows, compute_maps

SHARD = 64


def write_class_maps(model: Classifier, question: Question, images: ImageSource, texts: TextSource, path: Path) -> None:
    """Store the maps of every class of every pair, of a model that reads no text."""
    count = len(model.classes)
    with MapFile(path) as file:
        for start in range(0, len(question.pairs), SHARD):
            shard = range(start, min(start + SHARD, len(question.pairs)))
            features, nothing = images(shard), texts([""])
            image = torch.arange(len(shard), device=features.grid.device).repeat_interleave(count)
            target = torch.arange(count, device=image.device).repeat(len(shard))
            rows = Rows(image, torch.zeros_like(image), target)
            maps = (
                compute_maps(BoundClassifier(model, features, nothing), rows, question.method)
                .maps.float()
                .cpu()
                .numpy()
            )
            keys = [question.pairs[index].key for index in shard for _ in range(count)]
            file.add({"key": keys, "class": model.classes * len(shard)}, maps)
