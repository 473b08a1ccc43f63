"""A small world in which everything is where the documentation says, so that its blocks run as they are written."""

import shutil
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import BertConfig, BertModel

from gazeshift.models.small_cnn import SmallCNN
from gazeshift.models.tokenizer import train_tokenizer
from tests.docs.blocks import ROOT
from tests.hub.tiny_vlm import builders
from tests.mosaic.flat_photos import write_source
from tests.saliency import own_model

RUNS = ("plates", "food10", "food", "study")  # finished runs that pages speak of: all of them the tiny study's
DATA = ("DIR", "food101", "data/food101")  # roots of pairs: its Plates


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory, tiny_run: Path) -> Path:
    """What a reader brings: a photo, ``PHOTOS`` that show one thing each, ``FILE.safetensors`` with weights of a trunk, ``ENCODER``
    with a text encoder, ``FOLDER`` with a published model, and ``mine.py`` with a model of their own."""
    folder = tmp_path_factory.mktemp("files")
    with Image.open(sorted(tiny_run.glob("plates/images/test/*/*.png"))[0]) as picture:
        for name in ("photo.png", "photo.jpg"):
            picture.convert("RGB").save(folder / name)
    write_source(folder / "PHOTOS")
    tokenizer = train_tokenizer(["a donut at home", "red tomato ketchup"], 100)
    config = BertConfig(
        vocab_size=len(tokenizer), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        save_file(SmallCNN().state_dict(), folder / "FILE.safetensors")
        BertModel(config).save_pretrained(folder / "ENCODER")
    tokenizer.save_pretrained(folder / "ENCODER")
    builders["llava"](folder / "FOLDER")
    shutil.copy(own_model.__file__, folder / "mine.py")
    return folder


@pytest.fixture(autouse=True)
def _nothing_stays(registries_as_before: None) -> None:
    """What a block registers or seeds is gone after its page."""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: Path, tiny_run: Path) -> Path:
    """The working directory of one page."""
    for path in files.iterdir():
        (tmp_path / path.name).symlink_to(path)
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    for folder in ("runs", "data"):
        (tmp_path / folder).mkdir()
    mine = tmp_path / "a run"
    shutil.copytree(tiny_run, mine)  # a page may go on with a run that it speaks of; the others need theirs as it is
    for name in RUNS:
        (tmp_path / "runs" / name).symlink_to(mine)
    for name in DATA:
        (tmp_path / name).symlink_to(mine / "plates")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    return tmp_path
