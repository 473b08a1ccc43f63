"""What to measure."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BenchSettings:
    """What to measure.

    Attributes:
        model: a timm name.
        size: side of the images in pixels.
        batches: sizes of batches, each with maps of all images.
        texts: numbers of texts on one image, ascending.
        images: photos of the data set that is taken from JPEG files to stored maps; 0 leaves it out. Rounded to whole batches, of the
            last size.
        rounds: times each contender is measured, after one warm-up.
        device: ``cpu``, ``cuda`` or ``mps``.
        workers: threads that decode photos; one per CPU if None.
        compiled: our trunk, and that of the bare pass beside the data set, run through ``torch.compile``.
    """

    model: str = "inception_v3"
    size: int = 299
    batches: tuple[int, ...] = (8,)
    texts: tuple[int, ...] = (1000,)
    images: int = 64
    rounds: int = 5
    device: str = "cpu"
    workers: int | None = None
    compiled: bool = False
