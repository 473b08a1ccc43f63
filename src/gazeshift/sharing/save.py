"""A model folder with its card."""

from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import ModelCard

from gazeshift.atomic import atomic_folder, atomic_write
from gazeshift.models import Classifier
from gazeshift.models.files import CONFIG, FROZEN, TOKENIZER, WEIGHTS, write_model
from gazeshift.sharing.card import Publication, model_card

CARD = "README.md"
"""The hub shows it as the model's page."""


def save_pretrained(
    model: Classifier,
    folder: str | Path,
    run: str | Path | None = None,
    *,
    license: str | None = None,
    datasets: Sequence[str] = (),
) -> Path:
    """Write a model folder with a card, whole or not at all: what ``from_pretrained`` loads and ``push_to_hub`` uploads.

    Args:
        model: a classifier trained here.
        folder: a new folder, an empty one, or an earlier model's, which is replaced.
        run: the folder of the study that trained it, for the figures of the card; None: a card without figures.
        license: of the weights, as the hub writes it (``apache-2.0``).
        datasets: names on the hub of what it was trained on.

    Returns:
        The folder.

    Raises:
        UsageError: something else is in the folder, or the study does not have this model.
        DataError: it cannot be written, or the study is not finished or has other weights.

    Example:
        >>> import gazeshift as gs
        >>> model = gs.load("runs/food10/models/early-fusion/seed-0")  # doctest: +SKIP
        >>> gs.save_pretrained(model, "food10-early-fusion", run="runs/food10", license="apache-2.0")  # doctest: +SKIP
        PosixPath('food10-early-fusion')
    """
    place = Path(folder)
    write(model, place, model_card(model, place.name, run, Publication(license, datasets)))
    return place


def write(model: Classifier, folder: Path, card: ModelCard) -> None:
    """Write a model folder with a given card, whole or not at all."""
    with atomic_folder(folder, replace=_holds_a_model_alone(folder)) as unfinished:
        write_model(model, unfinished, model.origin)
        with atomic_write(unfinished / CARD) as file:
            file.write_text(str(card), encoding="utf-8")


def _holds_a_model_alone(folder: Path) -> bool:
    """Only then is nothing lost that is not written again; a clone of a repository has its history, for one."""
    return folder.is_dir() and {path.name for path in folder.iterdir()} <= {CONFIG, WEIGHTS, FROZEN, TOKENIZER, CARD}
