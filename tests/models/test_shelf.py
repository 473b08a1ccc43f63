"""Weights that models share: one file under several names, and every model whole."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from gazeshift.models import Classifier, digest, load, save
from gazeshift.models.files import weights_digest
from gazeshift.models.shelf import Shelf

Build = Callable[..., Classifier]
Saved = Callable[[str, Classifier], Path]


def trunk_of(model: Classifier) -> list[str]:
    return [name for name in model.state_dict() if name.startswith("trunk.")]


@pytest.fixture
def saved(tmp_path: Path) -> Saved:
    def write(name: str, model: Classifier) -> Path:
        save(model, tmp_path / name, shelf=Shelf(tmp_path / "shelf", trunk_of(model)))
        return tmp_path / name

    return write


def with_another_head(model: Classifier) -> Classifier:
    with torch.no_grad():
        for weight in model.head.parameters():
            weight.add_(1)
    return model


def test_models_of_one_trunk_have_one_file_and_each_its_own_head(build: Build, saved: Saved) -> None:
    one, two = build(head="early-fusion"), with_another_head(build(head="early-fusion"))
    folders = [saved("one", one), saved("two", two)]
    files = [folder / "frozen.safetensors" for folder in folders]
    assert files[0].samefile(files[1])
    assert files[0].stat().st_mode & 0o222 == 0  # writing into it would change the other model
    assert [digest(load(folder)) for folder in folders] == [digest(one), digest(two)]
    assert digest(one) != digest(two)


def test_another_trunk_has_another_file(build: Build, saved: Saved) -> None:
    one, two = build(head="early-fusion"), build(head="early-fusion")
    with torch.no_grad():
        next(two.trunk.parameters()).add_(1)
    files = [saved(name, model) / "frozen.safetensors" for name, model in (("one", one), ("two", two))]
    assert not files[0].samefile(files[1])
    assert weights_digest(files[0].parent) != weights_digest(files[1].parent)


def test_a_model_is_whole_whatever_becomes_of_the_shelf_and_the_others(
    build: Build, saved: Saved, tmp_path: Path
) -> None:
    model = build(head="early-fusion")
    saved("one", model)
    saved("two", with_another_head(build(head="early-fusion")))
    shutil.rmtree(tmp_path / "shelf")
    shutil.rmtree(tmp_path / "two")
    shutil.copytree(tmp_path / "one", tmp_path / "copy")
    assert digest(load(tmp_path / "one")) == digest(load(tmp_path / "copy")) == digest(model)
    saved("one", with_another_head(load(tmp_path / "one")))  # trained again, over what was there
    assert digest(load(tmp_path / "copy")) == digest(model) != digest(load(tmp_path / "one"))


def test_where_a_disk_has_no_hard_links_a_model_gets_a_copy(
    build: Build, saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", refused)
    model = build(head="early-fusion")
    one, two = saved("one", model), saved("two", model)
    assert not (one / "frozen.safetensors").samefile(two / "frozen.safetensors")
    assert digest(load(one)) == digest(load(two)) == digest(model)


def test_saved_again_alone_it_has_one_file(build: Build, saved: Saved, tmp_path: Path) -> None:
    model = build(head="early-fusion")
    folder = saved("one", model)
    save(load(folder), folder)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors", "tokenizer"]
    assert digest(load(folder)) == digest(model)
