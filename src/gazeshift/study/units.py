"""The two kinds of work of one model and one seed: train it, and look through it."""

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gazeshift.atomic import UNFINISHED, atomic_write
from gazeshift.edits import EDITS, Corpus, Edited, Pieces, random_for
from gazeshift.errors import TrainingError
from gazeshift.evaluation.analyse import analyse
from gazeshift.evaluation.class_maps import write_class_maps
from gazeshift.evaluation.equivariance import equivariance_rows
from gazeshift.evaluation.modifiers import modifier_rows
from gazeshift.evaluation.question import Question
from gazeshift.evaluation.reading import with_reading
from gazeshift.mapstore.store import write_maps, write_table
from gazeshift.models import Classifier, TokenizerPieces, load, save
from gazeshift.pairs import Pair
from gazeshift.study.config import StudyConfig
from gazeshift.study.materials import Ingredients
from gazeshift.training import Fitted, fit, predict
from gazeshift.training.device import on_device
from gazeshift.training.parts import frozen_parts, is_fixed


def train_unit(
    ingredients: Ingredients,
    name: str,
    seed: int,
    folder: Path,
    work: Path,
    digest: str,
    data: dict[str, Any],
    *,
    resume: bool = True,
) -> Fitted:
    """Train one model with one seed and save it; an interrupted training of the same digest is continued.

    Args:
        ingredients: of the study.
        name: of the model.
        seed: of initialisation, order and dropout.
        folder: where the model goes.
        work: where checkpoint and logs are while it trains; the logs stay.
        digest: of everything that decides the result.
        data: what the model's file says of its data.
        resume: continue an interrupted training; False begins again.

    Raises:
        TrainingError: a loss that is not finite; the model of the last finished epoch is kept beside ``folder``.
    """
    recipe = ingredients.study.recipe_of(name)
    _clear_for(digest, work, folder, resume=resume)
    model = ingredients.fresh(name, seed)
    images, texts = ingredients.features(model, recipe)
    train, validation = (
        ingredients.split(part, ingredients.texts_read(name, part, training=True)) for part in ("train", "validation")
    )
    try:
        fitted = fit(
            model,
            train,
            validation,
            recipe,
            seed,
            work,
            resume=resume,
            images=images,
            texts=texts,
            progress=ingredients.progress,
        )
    except TrainingError as error:
        kept = folder.with_name(folder.name + ".last-good")
        save(model, kept, data, {"recipe": recipe.model_dump(), "seed": seed, "stopped": str(error)})
        raise TrainingError(
            f"{name}, seed {seed}: {error} The model of the last finished epoch is kept in {kept}."
        ) from error
    training = {"recipe": recipe.model_dump(), "seed": seed, "texts": ingredients.study.models[name].texts}
    reached = {key: getattr(fitted, key) for key in ("epochs", "kept_epoch", "validation_accuracy")}
    save(model, folder, data, training | reached)
    (work / "last.ckpt").unlink(missing_ok=True)
    shutil.rmtree(work / "features", ignore_errors=True)
    return fitted


def _clear_for(digest: str, work: Path, folder: Path, *, resume: bool) -> None:
    """Remove what another training left, unless it is this one's and shall be continued."""
    mark = work / "inputs.sha256"
    if work.exists() and not (resume and mark.is_file() and mark.read_text() == digest):
        shutil.rmtree(work)  # holds the checkpoint of another training
    with atomic_write(mark, parents=True) as file:
        file.write_text(digest)
    for left in folder.parent.glob(f"{folder.name}.*{UNFINISHED}"):
        shutil.rmtree(left)  # of a run that was killed while it saved this model


def analyse_unit(
    ingredients: Ingredients, name: str, seed: int, folder: Path, question: Question, rows: Sequence[int], store: Path
) -> None:
    """Predictions of a saved model on validation and test, and its maps of the question; written under ``store``."""
    model = load(folder)
    tag = {"model": name, "seed": seed}
    with on_device(model):
        predictions = [row for split in ("validation", "test") for row in _predictions(ingredients, model, name, split)]
        if model.structure.sees_image:
            _look(ingredients, model, seed, question, rows, store)
    write_table([tag | row for row in predictions], store / "parts" / name / f"predictions-{seed}.parquet")


def _look(
    ingredients: Ingredients, model: Classifier, seed: int, question: Question, rows: Sequence[int], store: Path
) -> None:
    """All that is asked of a model that sees images."""
    study, name = ingredients.study, model.spec.name
    recipe = study.recipe_of(name)
    parts, maps = store / "parts" / name, store / "maps" / name
    images, texts = ingredients.image_source(model, rows, recipe), ingredients.text_source(model, recipe)
    told_nothing = study.models[name].texts == "constant"  # it reads the empty text, whatever it is given
    if told_nothing:
        question = replace(question, texts={"original": question.texts["original"]})
    found = analyse(model, question, images, texts)
    write_maps(found.maps, maps / f"seed-{seed}.parquet")
    pieces = None if model.tokenizer is None else TokenizerPieces(model.tokenizer)
    measures = with_reading(found.measures, pieces)
    write_table(measures.assign(model=name, seed=seed), parts / f"measures-{seed}.parquet")
    if not model.structure.reads_text:
        write_class_maps(model, question, images, texts, maps / f"classes-{seed}.parquet")
    elif question.crossed and not told_nothing:
        modified = modifier_rows(model, question, images, texts)
        write_table(modified.assign(model=name, seed=seed), parts / f"modifiers-{seed}.parquet")
    if study.explain.windows:
        windows = ingredients.windows(model, question.pairs, recipe)
        slopes = equivariance_rows(model, windows, texts, question.method)
        write_table(slopes.assign(model=name, seed=seed), parts / f"equivariance-{seed}.parquet")


def unit_files(study: StudyConfig, store: Path, name: str, seed: int) -> tuple[Path, ...]:
    """What ``analyse_unit`` leaves under ``store``."""
    parts, maps = store / "parts" / name, store / "maps" / name
    files: tuple[Path, ...] = (parts / f"predictions-{seed}.parquet",)
    structure = study.structure(name)
    if structure.sees_image:
        files += (parts / f"measures-{seed}.parquet", maps / f"seed-{seed}.parquet")
        if not structure.reads_text:
            files += (maps / f"classes-{seed}.parquet",)
        elif study.explain.modifiers and study.models[name].texts != "constant":
            files += (parts / f"modifiers-{seed}.parquet",)
        if study.explain.windows:
            files += (parts / f"equivariance-{seed}.parquet",)
    return files


def _predictions(ingredients: Ingredients, model: Classifier, name: str, split: str) -> list[dict[str, Any]]:
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
    pairs: Sequence[Pair], edits: Sequence[str], corpus: Corpus, pieces: Pieces
) -> dict[str, list[Edited | None]]:
    """The text of every pair under every edit; None where an edit does not apply."""
    made = {name: EDITS[name](corpus, pieces) for name in edits}
    return {name: [edit(pair, random_for(name, pair.key)) for pair in pairs] for name, edit in made.items()}
