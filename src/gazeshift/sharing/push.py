"""A model to the Hugging Face hub, in one commit."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from huggingface_hub import CommitOperationAdd, CommitOperationDelete, HfApi

from gazeshift.models import Classifier
from gazeshift.models.files import TOKENIZER
from gazeshift.models.hub.refused import hub_errors
from gazeshift.sharing.card import Publication, model_card
from gazeshift.sharing.save import write


def push_to_hub(
    model: Classifier,
    name: str,
    run: str | Path | None = None,
    *,
    license: str | None = None,
    datasets: Sequence[str] = (),
    private: bool | None = None,
    branch: str | None = None,
    message: str = "Upload model",
    token: str | None = None,
) -> str:
    """Upload a model with its card to the Hugging Face hub, in one commit: the repository never holds half a model.

    A repository that is there gets a new commit, which also replaces its card; everything else in it stays.

    Args:
        model: a classifier trained here.
        name: ``USER/NAME``; created if it is not there.
        run: the folder of the study that trained it, for the figures of the card; None: a card without figures.
        license: of the weights, as the hub writes it (``apache-2.0``).
        datasets: names on the hub of what it was trained on.
        private: who sees a new repository; None: what the account sets.
        branch: to upload to, created if it is not there; None: the main branch.
        message: of the commit.
        token: of the hub, with the right to write; None: the one that ``hf auth login`` stored.

    Returns:
        The address of the commit.

    Raises:
        ModelError: no right to the repository, no network, not a name.
        UsageError, DataError: the study does not have this model, is not finished or has other weights; nothing was uploaded.

    Example:
        >>> import gazeshift as gs
        >>> model = gs.load("runs/food10/models/early-fusion/seed-0")  # doctest: +SKIP
        >>> gs.push_to_hub(model, "me/food10-early-fusion", run="runs/food10", license="apache-2.0")  # doctest: +SKIP
        'https://huggingface.co/me/food10-early-fusion/commit/...'
    """
    card = model_card(model, name, run, Publication(license, datasets))
    api = HfApi(token=token, library_name="gazeshift")
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "model"
        write(model, folder, card)
        with hub_errors(name):
            api.create_repo(name, private=private, exist_ok=True)
            if branch is not None:
                api.create_branch(name, branch=branch, exist_ok=True)
            operations = _operations(folder, api.list_repo_files(name, revision=branch))
            done = api.create_commit(name, operations, commit_message=message, revision=branch)
    return str(done.commit_url)


def _operations(folder: Path, there: Sequence[str]) -> list[CommitOperationAdd | CommitOperationDelete]:
    """Every file of the model, and no file of the tokenizer of the one before."""
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    stale = [name for name in there if name.startswith(f"{TOKENIZER}/") and name not in files]
    return [
        *(CommitOperationAdd(path_in_repo=name, path_or_fileobj=path) for name, path in files.items()),
        *(CommitOperationDelete(path_in_repo=name) for name in stale),
    ]
