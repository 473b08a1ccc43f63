"""A model that gazeshift saved, by its folder or by its name on the Hugging Face hub."""

from pathlib import Path
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.utils.tqdm import tqdm

from gazeshift.errors import GazeshiftError, ModelError, UsageError
from gazeshift.models.classifier import Classifier
from gazeshift.models.files import CONFIG, FROZEN, TOKENIZER, WEIGHTS, load, read_config
from gazeshift.models.hub.refused import hub_errors

FILES = (CONFIG, WEIGHTS, FROZEN, f"{TOKENIZER}/*")
"""All that is downloaded: JSON, text and safetensors. Nothing else that a repository may hold is touched."""


def from_pretrained(
    name: str | Path, revision: str | None = None, *, token: str | None = None, cache: str | Path | None = None
) -> Classifier:
    """Load a model that ``save_pretrained``, ``push_to_hub`` or a study wrote, in evaluation mode, on the CPU.

    Reads JSON and safetensors only, and runs no code of the repository. What was downloaded once is there without a network.

    Args:
        name: a folder, or ``USER/NAME`` on the hub.
        revision: a branch, a tag or a commit; None: the main branch. Name a commit to get the same model for ever.
        token: of the hub, for private models; None: the one that ``hf auth login`` stored.
        cache: folder for downloads; None: that of the hub's client.

    Raises:
        ModelError: no such folder or repository, no access, no network, or it holds something else than a model of gazeshift.
        UsageError: a revision of a folder.

    Example:
        >>> import gazeshift as gs
        >>> model = gs.from_pretrained("me/food10-early-fusion", revision="main")  # doctest: +SKIP
        >>> model.structure.additive  # doctest: +SKIP
        False
    """
    if Path(name).is_dir():
        if revision is not None:
            raise UsageError(f"{name} is a folder, which has no revisions: leave revision {revision!r} out.")
        return load(name)
    if isinstance(name, Path) or not _may_be_on_the_hub(name):
        raise ModelError(f"{name}: no such folder; give a model folder, or USER/NAME for a model on the hub.")
    with hub_errors(f"{name} at {revision}" if revision else name):
        found = _configuration(name, revision, token, cache)
        _check_ours(name, found)
        # By the commit that the configuration is from: a push in between cannot mix two models.
        snapshot_download(name, revision=found.name, token=token, cache_dir=cache, allow_patterns=list(FILES))
    try:
        return load(found)
    except ModelError as error:
        raise ModelError(f"{name}: {error} Download it again with `hf download {name} --force-download`.") from error


def is_saved(name: str) -> bool:
    """Whether a folder or a repository holds a model that gazeshift saved; False, too, where that cannot be found out."""
    try:
        read_config(Path(name) if Path(name).is_dir() else _configuration(name))
    except (GazeshiftError, OSError, ValueError):  # the hub's client raises the latter two
        return False
    return True


def _configuration(
    name: str, revision: str | None = None, token: str | None = None, cache: str | Path | None = None
) -> Path:
    """The folder, named after a commit, to which the client downloads a revision; it has at least the configuration.

    ``hf_hub_download`` would try again and again for half a minute where there is no network.
    """
    return Path(
        snapshot_download(
            name, revision=revision, token=token, cache_dir=cache, allow_patterns=[CONFIG], tqdm_class=_Silent
        )
    )


class _Silent(tqdm):
    """A bar for one small file says nothing."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **{**settings, "disable": True})  # type: ignore[no-untyped-call]


def _may_be_on_the_hub(name: str) -> bool:
    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not name.endswith("/")


def _check_ours(name: str, folder: Path) -> None:
    try:
        read_config(folder)
    except ModelError as error:
        raise ModelError(
            f"{name}: on the hub, but not a model that gazeshift saved; published models of others are opened by gs.from_hub."
        ) from error
