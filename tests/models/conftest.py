from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import BertConfig, BertModel

from gazeshift.models.tokenizer import train_tokenizer
from tests.models.outside_model import some_ids, some_images

TITLES = ("Apple pie with cream", "Red tomato ketchup", "Green edamame in a bowl", "寿司と蜂蜜", "Baklava & honey")


@pytest.fixture(scope="session")
def bert_folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tiny BERT with its tokenizer, as ``save_pretrained`` leaves them."""
    folder: Path = tmp_path_factory.mktemp("bert")
    tokenizer = train_tokenizer(TITLES, 200)
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=40,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        BertModel(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return str(folder)


@pytest.fixture
def images() -> Tensor:
    return some_images()


@pytest.fixture
def ids() -> Tensor:
    return some_ids()
