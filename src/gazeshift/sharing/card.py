"""The model card: metadata that the hub reads, and a page for people. The hub's own client writes it, from a template."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from gazeshift.drawing.numbers import clipped, shown
from gazeshift.models import HEADS, Classifier
from gazeshift.sharing.scope import scope
from gazeshift.sharing.studied import Studied, studied

_TEMPLATE = Path(__file__).with_name("card.md.j2")
_MARKS = re.compile(r"([\\`*_{}\[\]<>#|~$])")
_RECIPE = (
    "epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "schedule",
    "augmentation",
    "trunk",
    "text",
    "precision",
)
"""What of a recipe the card shows."""


@dataclass(frozen=True)
class Publication:
    """What the model does not say itself.

    Attributes:
        license: of the weights, as the hub writes it (``apache-2.0``, ``cc-by-4.0``); None: the card says nothing.
        datasets: names on the hub of what it was trained on.
    """

    license: str | None = None
    datasets: Sequence[str] = ()


def model_card(
    model: Classifier, address: str, run: str | Path | None = None, publication: Publication | None = None
) -> ModelCard:
    """The card of a model.

    Args:
        model: the classifier.
        address: where others load it from: ``USER/NAME`` on the hub, or a folder.
        run: the folder of the study that trained it, for its figures; None: a card without figures.
        publication: what the model does not say itself.

    Raises:
        UsageError, DataError, ModelError: the study is not this model's, or not finished.

    Example:
        >>> import gazeshift as gs
        >>> card = model_card(gs.load("model"), "me/model", run="runs/food10")  # doctest: +SKIP
        >>> card.data.library_name  # doctest: +SKIP
        'gazeshift'
    """
    publication = publication or Publication()
    found = None if run is None else studied(model, run)
    return ModelCard.from_template(
        _metadata(model, address, found, publication),
        template_path=str(_TEMPLATE),
        name=plain(address.rstrip("/").rpartition("/")[2]),
        address=address.replace("\\", "\\\\").replace('"', '\\"'),
        opening=_opening(model),
        classes=", ".join(map(plain, model.classes)),
        has_maps=model.sees_image,
        scope=scope(model),
        found="" if found is None else _found(found),
        rows=[] if found is None else found.rows(),
        caveats=[] if found is None else [plain(said) for said in found.caveats],
        facts={name: plain(value) for name, value in _facts(model).items()},
    )


def _metadata(model: Classifier, address: str, found: Studied | None, publication: Publication) -> ModelCardData:
    """The hub has no task of an image and a text to a class; a model that sees is found among those of images."""
    task = "image-classification" if model.sees_image else "text-classification"
    return ModelCardData(
        library_name="gazeshift",
        pipeline_tag=task,
        license=publication.license,
        datasets=list(publication.datasets) or None,
        metrics=["accuracy"] if found else None,
        tags=["gazeshift", "explainability", "saliency", model.spec.head.head],
        model_name=address.rstrip("/").rpartition("/")[2] if found else None,
        eval_results=[_result(task, found, publication)] if found else None,
    )


def _result(task: str, found: Studied, publication: Publication) -> EvalResult:
    """The accuracy of these weights: the mean over seeds belongs to no file."""
    data = found.run.record.data.name or found.run.record.title
    return EvalResult(
        task_type=task,
        dataset_type=next(iter(publication.datasets), re.sub(r"\W+", "-", data.casefold()).strip("-")),
        dataset_name=data,
        dataset_split="test",
        metric_type="accuracy",
        metric_name="Accuracy",
        metric_value=round(found.accuracy, 4),
    )


def _opening(model: Classifier) -> str:
    spec, structure = model.spec, model.structure
    inputs = [f"an image (`{spec.image.name}`)"] * structure.sees_image + [
        f"a text (`{spec.text.encoder}`)"
    ] * structure.reads_text
    reference = HEADS[spec.head.head].structure.reference
    source = f" ({reference})" if reference else ""
    return f"Classifies {' and '.join(inputs)} into {len(model.classes)} classes; the fusion is `{spec.head.head}`{source}."


def _found(found: Studied) -> str:
    record, unit = found.run.record, found.unit
    pairs = record.data.pairs.get("test", 0)
    seeds = (
        f"means over {len(record.seeds)} trainings that differ in their seed"
        if len(record.seeds) > 1
        else "one training"
    )
    return (
        f"In the study “{plain(record.title)}”, on {pairs:,} test pairs of {plain(record.data.name)}: {seeds}. The weights here are "
        f"those of seed {unit.seed}, whose own accuracy on these pairs is {shown(found.accuracy, 'percent')}."
    )


def _facts(model: Classifier) -> dict[str, object]:
    """Data, seed and recipe; no path and no machine."""
    data, training = model.origin.data, model.origin.training
    recipe = training.get("recipe")
    told = {
        key: round(value, 4) if isinstance(value, float) else value
        for key, value in training.items()
        if isinstance(value, str | int | float)
    }
    about = {f"data, {key}": data[key] for key in ("format", "fingerprint") if key in data}
    return about | told | {key: recipe[key] for key in _RECIPE if isinstance(recipe, Mapping) and key in recipe}


def plain(value: object) -> str:
    r"""Text from data as Markdown that shows it and does nothing else, on one line.

    Example:
        >>> plain("<b>*fish*\n& chips")
        '\\<b\\>\\*fish\\* & chips'
    """
    return _MARKS.sub(r"\\\1", " ".join(clipped(value, 400).split()))
