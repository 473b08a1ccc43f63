"""The steps of every unit of a study: train it, evaluate it, check it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gazeshift.atomic import atomic_write
from gazeshift.data.plates import Scene
from gazeshift.edits import Corpus, find_lexicon
from gazeshift.evaluation.modifiers import Modifiers, modifier_files
from gazeshift.evaluation.question import MaskReader, ObjectPrior, Question
from gazeshift.mapstore.store import write_table
from gazeshift.measures import secondary_measures
from gazeshift.models.face import Model
from gazeshift.pairs import Pair
from gazeshift.runs.folder import RunFolder, Unit
from gazeshift.study.check_units import CHECK_SETTINGS, check_unit, checked_models, scenes_for
from gazeshift.study.comparing import comparison_rows
from gazeshift.study.config import StudyConfig
from gazeshift.study.given import GivenModels, GivenUnit
from gazeshift.study.materials import Ingredients
from gazeshift.study.origins import encoder_origin, origin_of_encoder, weights_origin
from gazeshift.study.pairs import Pairs, evenly
from gazeshift.study.steps import Steps, digest_of
from gazeshift.study.units import analyse_unit, edited_texts, train_unit, unit_files

_TABLES = 6
"""Increased when an evaluation writes different tables, so that those of an older gazeshift are recomputed without retraining."""

PRIOR_PAIRS = 500
"""Training pairs, at most, whose masks show where objects usually are."""

Sources = Mapping[str, str | None]
"""Digests of the inputs of a unit: ``data``, ``learnt_from``, ``lexicon``, ``further`` (changed texts that the data hold), and those of
``origins``."""


@dataclass(frozen=True)
class Work:
    """What the steps of all units need.

    Attributes:
        ingredients: to build the models from.
        question: what every model is evaluated on.
        rows: of the question's pairs among the test pairs.
        scenes: of Plates pairs, where a check needs them.
        sources: digests.
        data: what a model's file says of its data.
        steps: of the run.
        run: the run folder.
        pairs: of the study.
        given: models that the study does not train, by name.
    """

    ingredients: Ingredients
    question: Question
    rows: Sequence[int]
    scenes: Mapping[str, Scene]
    sources: Sources
    data: Mapping[str, object]
    steps: Steps
    run: RunFolder
    pairs: Pairs
    given: Mapping[str, Model]


def prepare_units(
    study: StudyConfig, pairs: Pairs, ingredients: Ingredients, steps: Steps, run: RunFolder, sources: Sources
) -> Work:
    """What every unit needs: the words that texts are edited with, and what every model is evaluated on."""
    lexicon = find_lexicon(study.explain.lexicon)
    corpus = Corpus.of(pairs.splits["train"], pairs.classes, lexicon)
    words = digest_of({"lexicon": repr(lexicon)})  # a file of the user's may change under its name
    further = digest_of({pair.key: pair.further for pair in pairs.splits["test"] if pair.further})
    sources = {**sources, "lexicon": words, "further": further}
    modifiers = _modifiers(study, ingredients, corpus, steps, run.store, sources)
    question, rows = _question(study, pairs, ingredients, corpus, modifiers)
    data = {
        "format": pairs.format,
        "fingerprint": pairs.fingerprint,
        "settings": study.data.model_dump(exclude={"root", "plates", "workers", "cache_limit"}),
    }
    given = GivenModels(study, pairs.classes).opened
    return Work(ingredients, question, rows, scenes_for(study, pairs), sources, data, steps, run, pairs, given)


def do_unit(work: Work, unit: Unit) -> dict[str, str]:
    """Train, evaluate and check one model with one seed.

    Returns:
        The digests of the evaluation and the check, by what they are of.
    """
    if unit.model in work.given:
        return {str(unit): _evaluate_given(work, unit, work.given[unit.model], work.pairs.splits["test"])}
    trained = _train(work, unit)
    digests = {str(unit): _evaluate(work, unit, trained)}
    if checked_models(work.ingredients.study, [unit.model]):
        digests[f"checks of {unit}"] = _check(work, unit, trained)
    return digests


def encode_frozen(work: Work, units: Sequence[Unit]) -> None:
    """Compute the features of the frozen trunks of some units, so that whoever trains and evaluates them finds these in the run folder."""
    trained = [unit for unit in units if unit.model not in work.given]
    inputs = {str(unit): _inputs(work.ingredients, unit, work.sources) for unit in trained}

    def encode(_: str) -> None:
        for unit in trained:
            work.ingredients.encode_ahead(unit)

    work.steps.do("features", {"data": work.sources["data"], "units": inputs}, encode)


def compare_given(work: Work) -> dict[str, str]:
    """Compare given models two by two; the digest of each comparison."""
    digests = {}
    for first, second in work.ingredients.study.compared:
        units = tuple(_given_unit(work, name, work.given[name], work.pairs.splits["test"]) for name in (first, second))
        digests[f"{first} and {second}"] = _compare(work, *units)
    return digests


def _train(work: Work, unit: Unit) -> str:
    folder = work.run.model(unit)

    def train(digest: str) -> None:
        shelf = work.run.shelf
        train_unit(work.ingredients, unit, folder, work.run.log(unit), digest, work.data, shelf=shelf)

    return work.steps.do(f"train {unit}", _inputs(work.ingredients, unit, work.sources), train, (folder,))


def _evaluate(work: Work, unit: Unit, trained: str) -> str:
    study = work.ingredients.study
    inputs = {**_evaluation(work), "train": trained}

    def evaluate(_: str) -> None:
        analyse_unit(work.ingredients, unit, work.question, work.rows, work.run)

    return work.steps.do(f"evaluate {unit}", inputs, evaluate, unit_files(study, work.run, unit))


def _evaluate_given(work: Work, unit: Unit, model: Model, test: Sequence[Pair]) -> str:
    study, mark = work.ingredients.study, work.run.part(unit, "digest").with_suffix(".txt")
    digest, given = model.digest(), _given_unit(work, unit.model, model, test)
    inputs = {**_evaluation(work), **_asked(work, given)}

    def evaluate(_: str) -> None:
        given.write(work.question, work.run)
        with atomic_write(mark) as file:
            file.write_text(digest, encoding="utf-8")

    return work.steps.do(f"evaluate {unit}", inputs, evaluate, (*unit_files(study, work.run, unit), mark))


def _given_unit(work: Work, name: str, model: Model, test: Sequence[Pair]) -> GivenUnit:
    study = work.ingredients.study
    silent = study.models[name].texts == "constant"
    return GivenUnit(study.units_of(name)[0], model, silent, study.crop, test, study.explain.windows)


def _asked(work: Work, given: GivenUnit) -> dict[str, object]:
    """What a given model is, and how it is asked."""
    study = work.ingredients.study
    own = study.models[given.unit.model].model_dump(mode="json")
    return {"model": given.model.digest(), "asked": own, "preprocessing": study.preprocessing}


def _compare(work: Work, first: GivenUnit, second: GivenUnit) -> str:
    """Compare two given models map by map."""
    file = work.run.comparison(first.unit.model, second.unit.model)
    inputs = {**_evaluation(work), "first": _asked(work, first), "second": _asked(work, second)}

    def compare(_: str) -> None:
        pairs = work.question.pairs
        write_table(comparison_rows(first.viewer(pairs), second.viewer(pairs), work.question), file)

    return work.steps.do(f"compare {first.unit.model} with {second.unit.model}", inputs, compare, (file,))


def _evaluation(work: Work) -> dict[str, object]:
    """What determines an evaluation besides the model."""
    return {
        "tables": _TABLES,
        "measures": secondary_measures(),
        "data": work.sources["data"],
        "lexicon": work.sources["lexicon"],
        "further": work.sources["further"],
        "explain": work.ingredients.study.explain.model_dump(exclude={"samples", "checks", "check_images"}),
    }


def _check(work: Work, unit: Unit, trained: str) -> str:
    inputs = {
        "train": trained,
        "data": work.sources["data"],
        "lexicon": work.sources["lexicon"],
        "further": work.sources["further"],
        "explain": work.ingredients.study.explain.model_dump(include=set(CHECK_SETTINGS)),
    }

    def check(_: str) -> None:
        check_unit(work.ingredients, unit, work.question, work.rows, work.scenes, work.run)

    return work.steps.do(f"check {unit}", inputs, check, (work.run.part(unit, "checks"),))


def _inputs(ingredients: Ingredients, unit: Unit, sources: Sources) -> dict[str, object]:
    """What determines the weights of one model and no more, so that other settings and other test pairs do not repeat its training."""
    name, spec = unit.model, ingredients.spec(unit.model)
    used: dict[str, object] = {
        "data": sources["learnt_from"],
        "seed": unit.seed,
        "spec": spec.model_dump(mode="json"),
    }
    used["recipe"] = ingredients.study.recipe_of(name).deciding()
    used["texts"] = ingredients.study.models[name].texts
    if spec.image.name != "none":
        used["weights"] = weights_origin(ingredients.study, name, sources)
    if spec.text.needs_source:
        used["text_encoder"] = encoder_origin(ingredients.study, name, sources)
    return used


def _modifiers(
    study: StudyConfig, ingredients: Ingredients, corpus: Corpus, steps: Steps, store: Path, sources: Sources
) -> Modifiers | None:
    """The words that are crossed with the images, if the study asks for any; what was chosen is written to the store."""
    if not study.explain.modifiers:
        return None
    modifiers = Modifiers.of(study.explain.lexicon, study.explain.modifiers, ingredients.pieces)
    side = study.edits_side
    inputs = {
        **{name: sources[name] for name in ("data", "lexicon")},
        "text_encoder": None if side is None else origin_of_encoder(side.text_encoder),
        "modifiers": study.explain.modifiers,
        "text": None if side is None else side.text.model_dump(mode="json"),
    }
    steps.do("modifiers", inputs, lambda _: modifiers.write(corpus, store), modifier_files(store))
    return modifiers


def _question(
    study: StudyConfig, pairs: Pairs, ingredients: Ingredients, corpus: Corpus, modifiers: Modifiers | None
) -> tuple[Question, list[int]]:
    """What every model is evaluated on, and the rows of the explained pairs among the test pairs."""
    test = pairs.splits["test"]
    chosen = evenly(test, study.explain.images)
    place = {pair.key: index for index, pair in enumerate(test)}
    question = Question(
        chosen,
        edited_texts(chosen, study.explain, corpus, ingredients.pieces),
        MaskReader(study.crop, chosen),
        study.explain.method,
        study.explain.wasserstein,
        [] if modifiers is None else [modifiers.texts(pair) for pair in chosen],
        ObjectPrior(study.crop, evenly(pairs.splits["train"], PRIOR_PAIRS)),
    )
    return question, [place[pair.key] for pair in chosen]
