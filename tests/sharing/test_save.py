"""A model folder with its card: the same model again, whole or not at all, and nothing of the reader's is lost."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest

import gazeshift as gs
from gazeshift.errors import DataError, ModelError, UsageError
from gazeshift.models import load, save
from tests.conftest import Build

DATA, TRAINING = {"fingerprint": "abc", "settings": {"mask_class_names": True}}, {"seed": 3, "recipe": {"epochs": 2}}


@pytest.fixture
def trained(build: Build, tmp_path: Path) -> gs.Classifier:
    """A model that says how it came to be."""
    save(build(), tmp_path / "trained", data=DATA, training=TRAINING)
    return load(tmp_path / "trained")


def test_the_same_model_comes_back_with_its_origin(trained: gs.Classifier, tmp_path: Path) -> None:
    folder = gs.save_pretrained(trained, tmp_path / "shared")
    assert sorted(path.name for path in folder.iterdir()) == [
        "README.md",
        "config.json",
        "model.safetensors",
        "tokenizer",
    ]
    again = gs.from_pretrained(str(folder))
    assert again.digest() == trained.digest()
    assert (again.origin.data, again.origin.training) == (DATA, TRAINING)
    assert not again.training


def test_what_is_given_goes_over_the_origin(trained: gs.Classifier, tmp_path: Path) -> None:
    save(trained, tmp_path / "again", training={"seed": 4})
    origin = load(tmp_path / "again").origin
    assert (origin.data, origin.training) == (DATA, {"seed": 4})


def test_a_model_that_was_never_saved_says_nothing_of_its_origin(build: Build, tmp_path: Path) -> None:
    origin = gs.from_pretrained(gs.save_pretrained(build(), tmp_path / "new")).origin
    assert (origin.data, origin.training) == ({}, {})


def test_an_earlier_model_is_replaced_and_nothing_else(build: Build, tmp_path: Path) -> None:
    folder = gs.save_pretrained(build(), tmp_path / "shared")
    gs.save_pretrained(build("image-only"), folder)
    assert gs.from_pretrained(folder).name == "image-only"
    assert not (folder / "tokenizer").exists(), "of the model before"
    (folder / ".git").mkdir()
    with pytest.raises(UsageError, match="shared: is not empty; name a new folder"):
        gs.save_pretrained(build(), folder)
    assert gs.from_pretrained(folder).name == "image-only"


def test_a_full_disk_leaves_nothing(
    build: Build, tmp_path: Path, no_space: Callable[[], AbstractContextManager[None]]
) -> None:
    with no_space(), pytest.raises(DataError, match="shared: cannot be written"):
        gs.save_pretrained(build(), tmp_path / "shared")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["shared", "./me/shared", "/me/shared", "~/shared", "a/b/c", "me/", Path("me/shared")])
def test_a_folder_that_is_not_there_is_not_looked_for_on_the_hub(name: str | Path) -> None:
    with pytest.raises(ModelError, match="no such folder; give a model folder, or USER/NAME"):
        gs.from_pretrained(name)


def test_a_folder_has_no_revisions(build: Build, tmp_path: Path) -> None:
    folder = gs.save_pretrained(build(), tmp_path / "shared")
    with pytest.raises(UsageError, match="is a folder, which has no revisions: leave revision 'v1' out"):
        gs.from_pretrained(folder, "v1")
