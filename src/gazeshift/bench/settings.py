"""What to measure."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class BenchSettings:
    """What to measure.

    Attributes:
        model: a timm name.
        size: side of the images in pixels.
        batches: sizes of batches, each with maps of all images.
        texts: numbers of texts on one image, ascending.
        images: photos in the data set timed from JPEG files to stored maps; 0 leaves it out. Rounded to whole batches of the
            last size.
        rounds: how often each contender is timed, after one warm-up.
        device: ``cpu``, ``cuda`` or ``mps``.
        workers: threads that decode photos; one per CPU if None.
        compiled: run gazeshift's trunk, and the trunk of the data set's bare pass, through ``torch.compile``.
        precision: of these trunks, as in ``Speed``; the forward pass and the other explainers stay in single precision.
        outside: also time the same model as a third-party module.
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
    precision: Literal["float32", "bfloat16"] = "float32"
    outside: bool = True
