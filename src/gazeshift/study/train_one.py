"""One model of a study alone, without a run folder: for engineers who want the model and nothing else."""

from pathlib import Path

from gazeshift.data.addresses import as_root
from gazeshift.data.audit import drop_undecodable
from gazeshift.data.on_the_fly import Crops
from gazeshift.errors import ConfigError
from gazeshift.runs.folder import Unit
from gazeshift.study.config import StudyConfig
from gazeshift.study.cropping import cropping
from gazeshift.study.materials import Ingredients
from gazeshift.study.origins import encoder_origin, origins_of, weights_origin
from gazeshift.study.pairs import SPLITS, read_pairs, refuse_unfit
from gazeshift.study.steps import Announce, digest_of
from gazeshift.study.units import train_unit
from gazeshift.training import Fitted
from gazeshift.training.ranks import first_alone, from_first


def train_single(
    study: StudyConfig,
    name: str,
    seed: int,
    out: Path,
    *,
    resume: bool,
    progress: bool,
    announce: Announce = lambda event: None,
) -> Fitted:
    """Train one model of a study into a folder; checkpoints and logs go to ``<out>.training``.

    Processes that train it together (``joined``) all call this; the first reads the data and writes the folder.

    Args:
        study: the settings; its data must have a root.
        name: of the model.
        seed: of the training.
        out: the model folder.
        resume: continue an interrupted training of the same settings.
        progress: show progress lines.
        announce: told what is cached, and how large it will be.

    Raises:
        ConfigError: a study that makes its own data or weights; these belong to a run folder.
    """
    if study.data.root is None or study.pretrain is not None:
        raise ConfigError("gazeshift train needs data.root and no pretrain; run such a study with gazeshift study.")
    work = out.with_name(out.name + ".training")
    reads_text = study.structure(name).reads_text
    root = as_root(study.data.root)
    pairs = from_first(lambda: read_pairs(study.data, root, reads_text=reads_text, cache=work / "cache"))
    kept, corrupt = from_first(lambda: drop_undecodable(pairs.all, workers=study.data.workers))
    refuse_unfit(pairs.root, kept, [*pairs.findings, *corrupt], reads_text=reads_text)
    splits = {split: tuple(pair for pair in kept if pair.split == split) for split in SPLITS}
    alone = cropping(study, splits, work / "cache", announce)

    def cropped(split: str) -> Crops:
        with first_alone():
            return alone(split)

    ingredients = Ingredients(study, pairs.classes, splits, cropped, study.weights, work / "cache", progress, announce)
    settings = study.data.model_dump(exclude={"root", "plates", "workers", "cache_limit"})
    data = {"format": pairs.format, "fingerprint": pairs.fingerprint, "settings": settings}
    spec, recipe = ingredients.spec(name).model_dump(mode="json"), study.recipe_of(name).deciding()
    origins = origins_of(study)
    weights, encoder = weights_origin(study, name, origins), encoder_origin(study, name, origins)
    sources = {"weights": weights, "text_encoder": encoder}
    digest = digest_of({"data": data, "seed": seed, "spec": spec, "recipe": recipe, **sources})
    return train_unit(ingredients, Unit(name, seed), out, work / "logs", digest, data, resume=resume)
