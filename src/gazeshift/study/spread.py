"""The units of a study, one after the other or spread over the devices of a cluster."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from gazeshift.data.contents import fingerprint
from gazeshift.data.loader import CONTENTS
from gazeshift.engine.engines import ENGINES
from gazeshift.engine.ray_cluster import cluster
from gazeshift.engine.work import Tell
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.runs.record import Step
from gazeshift.study.config import StudyConfig
from gazeshift.study.cropping import cropping
from gazeshift.study.encoding_shards import spread_on
from gazeshift.study.materials import Ingredients
from gazeshift.study.sources import data_root, initial_weights, usable_pairs
from gazeshift.study.steps import Announce, Event, Steps
from gazeshift.study.unit_steps import Work, compare_given, do_unit, encode_frozen, prepare_units
from gazeshift.training.encoding import Spread
from gazeshift.training.features import in_turns


def prepare(study: StudyConfig, run: RunFolder, announce: Announce, progress: bool, spread: Spread) -> Work:
    """Everything that the units of a study share; what is in the run folder already is used again.

    Args:
        study: the settings.
        run: the run folder.
        announce: told of every step.
        progress: show progress lines.
        spread: who computes the features of frozen trunks.
    """
    steps = Steps(run, announce)
    root = data_root(study, run, steps)
    pairs, data = usable_pairs(study, root, run, steps)
    weights, source = initial_weights(study, run, steps, data)
    cropped = cropping(study, pairs.splits, run.cache, announce)
    ingredients = Ingredients(
        study, pairs.classes, pairs.splits, cropped, weights, run.cache, progress, announce, spread
    )
    learnt_from = (*pairs.splits["train"], *pairs.splits["validation"])
    known = fingerprint(learnt_from, run.cache / CONTENTS, study.data.workers)
    return prepare_units(study, pairs, ingredients, steps, run, {"data": data, "learnt_from": known, **source})


def do_units(study: StudyConfig, work: Work) -> dict[str, str]:
    """Train, evaluate and check every model with every seed, on the study's engine; and compare given models.

    Returns:
        The digests of every evaluation, check and comparison, by what they are of.
    """
    return _WAYS[study.engine](study, work) | compare_given(work)


@dataclass(frozen=True)
class UnitDone:
    """What became of a unit elsewhere.

    Attributes:
        unit: the unit.
        digests: of its evaluation and its check.
        records: of its steps.
    """

    unit: Unit
    digests: dict[str, str]
    records: tuple[Step, ...]


@dataclass(frozen=True)
class UnitWork:
    """The units of a study as work for an engine: a worker prepares the study for itself, from the same run folder.

    Attributes:
        study: the settings.
        run: the run folder, under the same path everywhere.
    """

    study: StudyConfig
    run: Path

    def workers(self, count: int | None) -> "Sequence[Callable[[Unit, Tell], UnitDone]]":
        """One: training sets the random numbers of its whole process."""
        return [self.worker()]

    def worker(self) -> "Callable[[Unit, Tell], UnitDone]":
        """Trains, evaluates and checks one unit after the other."""
        events: list[Event] = []
        work = prepare(self.study, RunFolder(self.run), events.append, progress=False, spread=in_turns)

        def do(unit: Unit, _: Tell) -> UnitDone:
            events.clear()
            digests = do_unit(work, unit)
            return UnitDone(unit, digests, tuple(event for event in events if isinstance(event, Step)))

        return do

    def name(self, unit: Unit) -> str:
        """Its model and seed."""
        return str(unit)

    def done(self, result: UnitDone) -> int:
        """Images are not counted."""
        return 0


def _here(study: StudyConfig, work: Work) -> dict[str, str]:
    digests: dict[str, str] = {}
    for unit in study.units:
        digests |= do_unit(work, unit)
    return digests


def _on_ray(study: StudyConfig, work: Work) -> dict[str, str]:
    found: dict[str, dict[str, str]] = {}
    with cluster():
        encode_frozen(work, study.units)
        for done in ENGINES["ray"](UnitWork(study, work.run.path), study.units, None, lambda images: None):
            found[str(done.unit)] = done.digests
            for record in done.records:
                work.steps.take(record)
    return {name: digest for unit in study.units for name, digest in found[str(unit)].items()}


SPREADS: dict[str, Spread] = {"local": in_turns, "ray": spread_on("ray")}
"""Who computes the features of frozen trunks, by engine."""
_WAYS: dict[str, Callable[[StudyConfig, Work], dict[str, str]]] = {"local": _here, "ray": _on_ray}
