"""What a run on a large data set costs: three rates of this machine, and what follows from them.

``python benchmarks/costs.py`` measures, for InceptionV3 and a text encoder of BERT's size (random weights), how long ``gazeshift maps``
takes for a photo, for one more text of a photo, and the encoder for a text of its own; and prints what the runs of docs/scale.md cost.
``--gpu FILE`` adds a GPU from a record of ``gpu_record.py``; what that does not hold is said to be an estimate.
"""
# ruff: noqa: T201

import argparse
import json
import os
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from transformers import BertConfig, BertModel, BertTokenizer

from gazeshift.bench.photos import write_photos
from gazeshift.engine.job import MapJob
from gazeshift.engine.run import run_maps
from gazeshift.models import (
    Classifier,
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
    encode_texts,
    save,
)
from gazeshift.models.addresses import Address
from gazeshift.preprocessing import Preprocessing

WORDS = [
    "red",
    "green",
    "tomato",
    "ketchup",
    "apple",
    "pie",
    "with",
    "cream",
    "on",
    "the",
    "left",
    "of",
    "a",
    "white",
    "plate",
    "and",
    "rice",
]
TITLE = 20  # tokens of a title, as Gallo et al. read them
RUNS = {"UPMC Food-101, 100 edits": (90_704, 100), "10 million products, 20 edits": (10_000_000, 20)}
INCEPTION, BERT = 11.4e9, 2 * 85e6 * TITLE
"""Floating-point operations of an image and of a text."""


@dataclass(frozen=True)
class Rates:
    """What one machine does in a second, alone.

    Attributes:
        name: of the machine.
        photos: JPEG files to maps of one text.
        texts: texts through the encoder.
        maps: further maps of the same photo, stored.
    """

    name: str
    photos: float
    texts: float
    maps: float

    def times(self, count: int, name: str) -> "Rates":
        """As many of them: shards do not know of each other."""
        return Rates(name, *(count * rate for rate in (self.photos, self.texts, self.maps)))

    def hours(self, photos: int, edits: int, own: bool) -> float:
        """Of a run with a number of texts for each photo, the same for all or each photo's own."""
        texts = photos * edits
        return (photos / self.photos + texts / self.maps + (texts / self.texts if own else 0)) / 3600


def model_in(folder: Path) -> Classifier:
    """InceptionV3 and an encoder of BERT's size, as Gallo et al. join them, with random weights."""
    source = folder / "bert"
    source.mkdir()
    (source / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *sorted(set(WORDS))]))
    BertTokenizer(str(source / "vocab.txt")).save_pretrained(source)
    BertModel(BertConfig()).save_pretrained(source)
    image, text = ImageSpec(name="inception_v3"), TextSpec(encoder="bert-lstm", max_tokens=TITLE)
    parts = build_text(text, [], str(source))
    spec = ModelSpec(
        name="early-fusion",
        image=image,
        text=parts.spec,
        head=HeadSpec(head="early-fusion"),
        classes=tuple(f"class {index}" for index in range(101)),
        preprocessing=Preprocessing(size=299),
    )
    model = build_classifier(spec, build_trunk(image, 299), parts).eval()
    save(model, folder / "model", {}, {})
    return model


def title(number: int) -> str:
    """A title of as many tokens as are read, unlike all others."""
    return " ".join(WORDS[(number // len(WORDS) ** place + place) % len(WORDS)] for place in range(TITLE - 2))


def seconds(work: Callable[[], object], rounds: int) -> float:
    """The least of several."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def measured(photos: int, rounds: int) -> Rates:
    """The rates of this machine."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        model = model_in(folder)
        pairs = write_photos(folder, [title(index) for index in range(photos)], model.classes[0])

        def run(some: int, count: int) -> Callable[[], object]:
            def once() -> None:
                with tempfile.TemporaryDirectory(dir=folder) as out:
                    job = MapJob(Address(str(folder / "model")), Path(out) / "maps", tuple(map(title, range(count))))
                    run_maps(job, model, pairs[:some], some)

            return once

        few = photos // 4  # a run has a start, which is the same for any number of photos
        start, one, many = (seconds(run(*asked), rounds) for asked in ((few, 1), (photos, 1), (photos, 101)))
        texts = [title(index) for index in range(128)]
        encoder = seconds(lambda: encode_texts(model, texts), rounds)
    cores = os.cpu_count() or 1
    return Rates(f"{cores} cores", (photos - few) / (one - start), len(texts) / encoder, photos * 100 / (many - one))


def recorded(path: Path) -> Rates:
    """The rates of a GPU: photos and maps measured; texts at the arithmetic rate that its trunk reached."""
    record = json.loads(path.read_text(encoding="utf-8"))
    result = next(each for each in record["bench"]["results"] if each["settings"]["model"] == "inception_v3")
    forward = next(each for each in result["batches"] if each["batch"] == 256)["seconds"]["forward"]
    few, many = ({each["texts"]: each["seconds"]["ours"] for each in result["texts"]}[count] for count in (100, 10_000))
    texts = 256 / forward * INCEPTION / BERT
    return Rates(record["device"], result["pipeline"]["images_per_second"], texts, 9_900 / (many - few))


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--gpu", type=Path)
    asked = parser.parse_args()
    rates = [here := measured(asked.photos, asked.rounds)]
    rates.append(here.times(512 // (os.cpu_count() or 1), "512 cores of that kind"))
    if asked.gpu:
        rates += [gpu := recorded(asked.gpu), gpu.times(8, f"8 x {gpu.name}")]
    for each in rates:
        print(f"{each.name}: {each.photos:.1f} photos, {each.texts:.0f} texts, {each.maps:.0f} further maps a second")
    for name, (photos, edits) in RUNS.items():
        print(f"{name}: {photos * edits / 1e6:.0f} million maps, {photos * edits * 110 / 1e9:.1f} GB")
        for each in rates:
            same, own = (each.hours(photos, edits, own) for own in (False, True))
            print(f"  {each.name}: {same:,.1f} hours with the same texts for all, {own:,.1f} with each pair's own")


if __name__ == "__main__":
    main()
