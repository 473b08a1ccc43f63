"""A study's inputs: its pairs, audited once, and the initial weights of its trunk. Each is a step."""

import os
import shutil
from dataclasses import replace

import torch
from safetensors.torch import save_file

from gazeshift.atomic import UNFINISHED, atomic_write, write_json
from gazeshift.data.addresses import Root, as_root
from gazeshift.data.audit import audit, read_audit
from gazeshift.data.findings import Finding
from gazeshift.data.plates import single_objects
from gazeshift.data.rows import PairSet
from gazeshift.models import build_trunk
from gazeshift.runs.folder import RunFolder
from gazeshift.study.config import StudyConfig
from gazeshift.study.origins import Origins, origins_of
from gazeshift.study.pairs import SPLITS, Pairs, plates_config, read_pairs, refuse_unfit, write_plates
from gazeshift.study.sections import PretrainConfig
from gazeshift.study.steps import Steps
from gazeshift.training import RECIPES, fit_trunk


def data_root(study: StudyConfig, run: RunFolder, steps: Steps) -> Root:
    """Where the pairs are; a study that makes its own data writes them first."""
    if study.data.plates is None:
        return as_root(study.data.root or "")
    settings = study.data.plates
    config, root = plates_config(settings), run.plates
    workers = study.data.workers or os.cpu_count() or 1

    def render(_: str) -> None:
        for left in (root, *run.path.glob(f"plates.*{UNFINISHED}")):
            shutil.rmtree(left, ignore_errors=True)  # of other settings, or of a run that was killed
        write_plates(settings, root, workers)

    steps.do("plates", {"plates": config.to_dict()}, render, (root,))
    return root


def usable_pairs(study: StudyConfig, root: Root, run: RunFolder, steps: Steps) -> tuple[Pairs, str]:
    """The pairs that can be used, and the digest of the data.

    Raises:
        DataError: they are not enough.
    """
    reads_text = any(study.structure(name).reads_text for name in study.models)
    pairs = read_pairs(
        study.data, root, reads_text=reads_text, cache=run.cache, columns=tuple(study.explain.columns.values())
    )

    def look(_: str) -> None:
        everything = PairSet(pairs.root, pairs.format, tuple(pairs.all), pairs.classes, pairs.findings, pairs.notes)
        found = audit(everything, reads_text=reads_text, workers=study.data.workers)
        write_json(run.audit, found.to_dict())

    settings = study.data.model_dump(exclude={"root", "workers", "cache_limit"})
    digest = steps.do("data", {"data": settings, "fingerprint": pairs.fingerprint}, look, (run.audit,))
    corrupt = {finding.key for finding in read_audit(run.audit).findings if finding.kind == "corrupt image"}
    splits = {split: tuple(pair for pair in pairs.splits[split] if pair.key not in corrupt) for split in SPLITS}
    left = replace(pairs, splits=splits)
    gone = [Finding("corrupt image", key) for key in sorted(corrupt)]
    refuse_unfit(pairs.root, left.all, [*pairs.findings, *gone], reads_text=reads_text)
    return left, digest


def initial_weights(study: StudyConfig, run: RunFolder, steps: Steps, data: str) -> tuple[str, Origins]:
    """Initial weights of the study's own trunk, and digests of where all weights come from."""
    sources = origins_of(study)
    if study.pretrain is None:
        return study.weights, sources
    inputs = {
        "pretrain": study.pretrain.model_dump(),
        "plates": study.data.plates,
        "image": study.image.model_dump(exclude={"features"}),
        "preprocessing": study.preprocessing,
        "weights": sources["weights"],
    }
    pretrain = study.pretrain
    digest = steps.do("pretrain", inputs, lambda _: _pretrain(study, pretrain, run), (run.pretrained,))
    return str(run.pretrained), {**sources, "weights": digest}


def _pretrain(study: StudyConfig, pretrain: PretrainConfig, run: RunFolder) -> None:
    config = plates_config(study.data.plates or {})
    images, labels = single_objects(config, pretrain.images, pretrain.seed)
    preprocessing = replace(study.crop, size=images.shape[-1])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(pretrain.seed)
        trunk = build_trunk(study.image.model_copy(update={"features": "plain"}), preprocessing.size, study.weights)
    recipe = RECIPES["plates"].model_copy(update={"epochs": pretrain.epochs, "augmentation": "flip"})
    fit_trunk(
        trunk,
        images,
        torch.from_numpy(labels),
        config.dishes,
        preprocessing,
        run.path / "logs" / "pretrain",
        seed=pretrain.seed,
        recipe=recipe,
        progress=False,
    )
    state = {
        name.removeprefix("net."): value.contiguous()
        for name, value in trunk.state_dict().items()
        if name.startswith("net.")
    }
    with atomic_write(run.pretrained, parents=True) as file:
        save_file(state, file)
