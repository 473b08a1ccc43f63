from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from gazeshift.models import (
    Classifier,
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
)
from gazeshift.models.build import TextParts
from gazeshift.models.text import build_encoder
from gazeshift.models.tokenizer import TextTokenizer, train_tokenizer
from gazeshift.preprocessing import Preprocessing
from gazeshift.training import Split

SIZE = 32
CLASSES = ("apple", "lime", "berry")
TEXTS = ("red left", "green right", "blue", "")


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    """Tiny tensors: threads would only wait for each other."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_split(count: int, name: str = "train", seed: int = 0) -> Split:
    """Images with one brighter channel, which is the class; texts that tell it in three of four cases."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 3, count)
    images = rng.integers(0, 200, (count, 3, SIZE, SIZE)).astype(np.uint8)
    images[np.arange(count), labels] += 55
    texts = [TEXTS[label] if rng.random() < 0.75 else TEXTS[3] for label in labels]
    return Split([f"{name}/{row}" for row in range(count)], texts, torch.from_numpy(labels), images)


def make_model(
    head: str = "early-fusion", trunk: str = "small_cnn", text: str = "transformer", dropout: float = 0.3
) -> Classifier:
    """The same initial weights at every call."""
    spec = ModelSpec(
        name=head,
        image=ImageSpec(name=trunk),
        text=TextSpec(encoder=text, width=8, heads=2, layers=1),
        head=HeadSpec(head=head, image_width=8, hidden=16, dropout=dropout),
        classes=CLASSES,
        preprocessing=Preprocessing(size=SIZE),
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return build_classifier(spec, build_trunk(spec.image, SIZE), build_text(spec.text, TEXTS), seed=0)


TINY_BERT = {
    "model_type": "bert",
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "vocab_size": 120,
    "max_position_embeddings": 32,
}


def make_bert_model(encoder: str) -> Classifier:
    """An untrained BERT of one layer of width 8."""
    spec = ModelSpec(
        name="early-fusion",
        image=ImageSpec(name="small_cnn"),
        text=TextSpec(encoder=encoder, width=8, config=TINY_BERT),
        head=HeadSpec(head="early-fusion", image_width=8, hidden=16),
        classes=CLASSES,
        preprocessing=Preprocessing(size=SIZE),
    )
    torch.manual_seed(0)
    parts = TextParts(spec.text, build_encoder(spec.text, 0), TextTokenizer(train_tokenizer(TEXTS, 120), 16))
    return build_classifier(spec, build_trunk(spec.image, SIZE), parts)


@pytest.fixture(scope="session")
def train() -> Split:
    return make_split(37)


@pytest.fixture(scope="session")
def validation() -> Split:
    return make_split(11, "validation", seed=1)


@pytest.fixture
def build() -> Callable[..., Classifier]:
    return make_model


@pytest.fixture
def build_bert() -> Callable[[str], Classifier]:
    return make_bert_model


@pytest.fixture(name="make_split")
def _make_split() -> Callable[..., Split]:
    return make_split
