"""The results of a measurement, as plain data: their dump is what ``gazeshift bench --json`` prints."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass

from gazeshift.bench.settings import BenchSettings
from gazeshift.json_types import Json


@dataclass(frozen=True)
class Machine:
    """Where it was measured.

    Attributes:
        cpus: number of CPUs; None if the system does not say.
        gpu: name of the CUDA device, if there is one.
        platform: operating system and processor.
        torch: version of torch.
        threads: number of threads that torch uses.
    """

    cpus: int | None
    gpu: str | None
    platform: str
    torch: str
    threads: int


@dataclass(frozen=True)
class BatchTimes:
    """A map for each image of a batch.

    Attributes:
        batch: number of images.
        seconds: median seconds by contender.
        ratios: ratios of these, named by numerator and denominator.
    """

    batch: int
    seconds: Mapping[str, float]
    ratios: Mapping[str, float]


@dataclass(frozen=True)
class TextTimes:
    """Maps of one image with many texts.

    Attributes:
        texts: number of texts.
        seconds: median seconds by contender.
        ratios: ``texts_loop_vs_ours`` and ``texts_loop_vs_outside``, if a peer is installed.
        memory_mb: how much higher the process's peak memory is than for one text.
    """

    texts: int
    seconds: Mapping[str, float]
    ratios: Mapping[str, float]
    memory_mb: float


@dataclass(frozen=True)
class PipelineTimes:
    """A whole data set, from JPEG files to stored maps.

    Attributes:
        images: number of photos.
        kb: mean size of a photo.
        seconds: median seconds of the bare pass and of the pipeline.
        images_per_second: throughput of the pipeline.
        ratios: ``pipeline_vs_forward``: throughput of the pipeline divided by that of the bare pass; 1 would mean that maps and files cost
            nothing.
    """

    images: int
    kb: float
    seconds: Mapping[str, float]
    images_per_second: float
    ratios: Mapping[str, float]


@dataclass(frozen=True)
class BenchResult:
    """One model, with gazeshift and the installed peers.

    Attributes:
        settings: what was measured.
        machine: where.
        not_offered: installed peers that have no map for this model.
        texts: one per number of texts.
        batches: one per size of batch.
        outside: the last batch as a third-party model, with its checks and without; None if it was left out.
        pipeline: the data set; None if it was left out.
    """

    settings: BenchSettings
    machine: Machine
    not_offered: tuple[str, ...]
    texts: tuple[TextTimes, ...]
    batches: tuple[BatchTimes, ...]
    outside: BatchTimes | None
    pipeline: PipelineTimes | None = None

    @property
    def ratios(self) -> dict[str, float]:
        """The ratios of the last batch, the largest number of texts, the third-party model and the data set together.

        ``map_vs_forward``: seconds of a batch, divided by the model's eager float32 forward pass; ``<peer>_vs_ours``: a peer's, divided
        by ours. ``texts_loop_vs_ours``: a peer's loop over the texts of one image, divided by ours; ``texts_loop_vs_outside``: by ours for
        the same model as a third-party module, with all checks. ``outside_checks_vs_none``: with the
        checks divided by without.
        """
        more = [part.ratios for part in (self.outside, self.pipeline) if part is not None]
        parts = [self.batches[-1].ratios, self.texts[-1].ratios, *more]
        return {name: ratio for ratios in parts for name, ratio in ratios.items()}

    @property
    def memory_mb(self) -> float:
        """How much higher the process's peak memory is for the largest number of texts than for one."""
        return self.texts[-1].memory_mb

    def to_dict(self) -> Json:
        """Everything for JSON; without what was left out."""
        plain = {name: value for name, value in asdict(self).items() if value is not None}
        return {**plain, "ratios": self.ratios, "memory_mb": self.memory_mb}
