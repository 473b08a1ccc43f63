"""The two kinds of work of a unit: train it, and explain it."""

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch

from gazeshift.atomic import UNFINISHED, atomic_write
from gazeshift.edits import Corpus, Edited, Pieces, random_for
from gazeshift.errors import TrainingError
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.class_maps import write_class_maps
from gazeshift.evaluation.equivariance import equivariance_rows
from gazeshift.evaluation.modifiers import modifier_rows
from gazeshift.evaluation.question import Question
from gazeshift.evaluation.reading import with_reading
from gazeshift.evaluation.viewer import viewer_of
from gazeshift.mapstore.store import Row, write_maps, write_table
from gazeshift.models import Classifier, TokenizerPieces, load, save
from gazeshift.models.shelf import Shelf
from gazeshift.pairs import Pair
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.study.config import StudyConfig
from gazeshift.study.materials import Ingredients
from gazeshift.study.sections import ExplainConfig
from gazeshift.training import Fitted, Recipe, fit, predict
from gazeshift.training.augment import AUGMENTATIONS
from gazeshift.training.device import best_device, on_device
from gazeshift.training.parts import frozen_parts, is_fixed, trained_tensors
from gazeshift.training.ranks import first_alone, ranks


def train_unit(
    ingredients: Ingredients,
    unit: Unit,
    folder: Path,
    work: Path,
    digest: str,
    data: Mapping[str, object],
    *,
    shelf: Path | None = None,
    resume: bool = True,
) -> Fitted:
    """Train one model with one seed and save it; an interrupted training of the same digest is continued.

    Args:
        ingredients: of the study.
        unit: the model, and the seed of initialisation, order and dropout.
        folder: where the model goes.
        work: where checkpoint and logs are while it trains; the logs stay.
        digest: of everything that decides the result.
        data: what the model's file says of its data.
        shelf: where weights that the training freezes are kept, once for all models that have the same; None: the model keeps its own.
        resume: continue an interrupted training; False starts again.

    Raises:
        TrainingError: a loss that is not finite; the model of the last finished epoch is kept next to ``folder``.
    """
    recipe, first = ingredients.study.recipe_of(unit.model), ranks().first
    _clear_for(digest, work, folder, resume=resume)
    model = ingredients.fresh(unit)
    images, texts = ingredients.features(model, recipe)
    train, validation = (
        ingredients.split(part, ingredients.texts_read(unit.model, part, training=True))
        for part in ("train", "validation")
    )
    try:
        fitted = fit(
            model,
            train,
            validation,
            recipe,
            unit.seed,
            work,
            resume=resume,
            images=images,
            texts=texts,
            workers=batch_workers(recipe, ingredients.study.data.workers, best_device()),
            progress=ingredients.progress,
            feature_bytes=ingredients.study.cache_bytes,
        )
    except TrainingError as error:
        kept = folder.with_name(folder.name + ".last-good")
        if first:
            save(model, kept, data, {"recipe": recipe.model_dump(), "seed": unit.seed, "stopped": str(error)})
        raise TrainingError(
            f"{unit.model}, seed {unit.seed}: {error} The model of the last finished epoch is kept in {kept}."
        ) from error
    training = {"recipe": recipe.model_dump(), "seed": unit.seed, "texts": ingredients.study.models[unit.model].texts}
    reached = {key: getattr(fitted, key) for key in ("epochs", "kept_epoch", "validation_accuracy")}
    if first:
        save(model, folder, data, training | reached, None if shelf is None else _shared(model, recipe, shelf))
    _clear_after(work)
    return fitted


def _shared(model: Classifier, recipe: Recipe, shelf: Path) -> Shelf:
    """What other models have, too: all that the training froze."""
    return Shelf(shelf, model.state_dict().keys() - trained_tensors(model, frozen_parts(model, recipe)).keys())


def _clear_after(work: Path) -> None:
    """Keep only the logs of a finished training."""
    if ranks().local_rank == 0:
        (work / "last.ckpt").unlink(missing_ok=True)
        shutil.rmtree(work / "features", ignore_errors=True)


def batch_workers(recipe: Recipe, workers: int | None, device: torch.device) -> int:
    """Processes that make batches of crops while an accelerator trains; 0 where the CPU itself trains, or batches are of kept features.

    Args:
        recipe: of the training.
        workers: the study's ``data.workers``; None for one per CPU.
        device: on which the model is trained.
    """
    sees_crops = recipe.trunk == "fine-tuned" or AUGMENTATIONS[recipe.augmentation].changes_images
    return (workers or os.cpu_count() or 1) if sees_crops and device.type != "cpu" else 0


def _clear_for(digest: str, work: Path, folder: Path, *, resume: bool) -> None:
    """Remove the files of another training, or of this one unless it is to be continued; one process on each machine does so."""
    here = ranks()
    with first_alone():
        if here.local_rank == 0:  # where machines share a disk, the second finds what the first has left
            _clear(digest, work, folder, resume=resume or not here.first)


def _clear(digest: str, work: Path, folder: Path, *, resume: bool) -> None:
    mark = work / "inputs.sha256"
    if work.exists() and not (resume and mark.is_file() and mark.read_text() == digest):
        shutil.rmtree(work)  # holds the checkpoint of another training
    with atomic_write(mark, parents=True, shared=True) as file:
        file.write_text(digest)
    for left in folder.parent.glob(f"{folder.name}.*{UNFINISHED}"):
        shutil.rmtree(left)  # of a run that was killed while it saved this model


def analyse_unit(ingredients: Ingredients, unit: Unit, question: Question, rows: Sequence[int], run: RunFolder) -> None:
    """Predictions of a trained model on validation and test, and its maps of the question; written to the store of the run."""
    model = load(run.model(unit))
    with on_device(model):
        predictions = [row for split in ("validation", "test") for row in _predictions(ingredients, model, split)]
        if model.structure.sees_image:
            _explain(ingredients, model, unit, question, rows, run)
    write_table([{**unit.tag, **row} for row in predictions], run.part(unit, "predictions"))


def _explain(
    ingredients: Ingredients, model: Classifier, unit: Unit, question: Question, rows: Sequence[int], run: RunFolder
) -> None:
    """The complete evaluation of a model that sees images."""
    study = ingredients.study
    recipe = study.recipe_of(unit.model)
    images, texts = ingredients.image_source(model, rows, recipe), ingredients.text_source(model, recipe)
    constant = study.models[unit.model].texts == "constant"  # it reads the empty text, whatever it is given
    if constant:
        question = question.with_texts({"original": question.texts["original"]})
    viewer = viewer_of(model, images, texts)
    found = analyse(viewer, question)
    write_maps(found.maps, run.maps(unit))
    pieces = None if model.tokenizer is None else TokenizerPieces(model.tokenizer)
    write_table(with_reading(found.measures, pieces).assign(**unit.tag), run.part(unit, "measures"))
    if not model.structure.reads_text:
        write_class_maps(viewer, question, run.class_maps(unit))
    elif question.crossed and not constant:
        write_table(modifier_rows(viewer, question, texts).assign(**unit.tag), run.part(unit, "modifiers"))
    if study.explain.windows:
        windows = ingredients.windows(model, question.pairs, recipe)
        slopes = equivariance_rows(model, windows, texts, question.method)
        write_table(slopes.assign(**unit.tag), run.part(unit, "equivariance"))


def unit_files(study: StudyConfig, run: RunFolder, unit: Unit) -> tuple[Path, ...]:
    """What ``analyse_unit`` writes to the store."""
    files: tuple[Path, ...] = (run.part(unit, "predictions"),)
    structure = study.structure(unit.model)
    if structure.sees_image:
        files += (run.part(unit, "measures"), run.maps(unit))
        if not structure.reads_text:
            files += (run.class_maps(unit),)
        elif study.explain.modifiers and study.models[unit.model].texts != "constant":
            files += (run.part(unit, "modifiers"),)
        if study.explain.windows:
            files += (run.part(unit, "equivariance"),)
    return files


def _predictions(ingredients: Ingredients, model: Classifier, split: str) -> list[Row]:
    name = model.spec.name
    recipe = ingredients.study.recipe_of(name)
    frozen = frozen_parts(model, recipe)
    read = ingredients.texts_read(name, split, training=False)
    data, pairs = ingredients.split(split, read), ingredients.pairs[split]
    images = ingredients.images(model, split, model.pools_first) if is_fixed(model.trunk, frozen) else None
    texts = ingredients.texts(model, split, training=False) if is_fixed(model.encoder, frozen) else None
    logits = predict(model, data, images=images, texts=texts, device=model.device)
    confidence, predicted = logits.softmax(1).max(1)
    tokens = model.tokenize(read)
    return [
        {
            "split": split,
            "key": pair.key,
            "label": pair.label,
            "predicted": model.classes[int(guess)],
            "confidence": float(sure),
            "correct": model.classes[int(guess)] == pair.label,
            "truncated": cut,
            "unread": unread,
        }
        for pair, guess, sure, cut, unread in zip(
            pairs, predicted, confidence, tokens.truncated, tokens.unread, strict=True
        )
    ]


def edited_texts(
    pairs: Sequence[Pair], explain: ExplainConfig, corpus: Corpus, pieces: Pieces
) -> dict[str, list[Edited | None]]:
    """The text of every pair under every edit; None where an edit does not apply."""
    made = {name: explain.edit(name)(corpus, pieces) for name in explain.edits}
    return {name: [edit(pair, random_for(name, pair.key)) for pair in pairs] for name, edit in made.items()}
