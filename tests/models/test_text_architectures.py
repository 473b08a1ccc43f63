"""The text encoders that people use, tiny and with random weights: loaded from a folder, saved in a model and loaded again."""

from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModel

import gazeshift as gs
from gazeshift.models import (
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
    encode_texts,
    save,
)
from gazeshift.models.tokenizer import train_tokenizer
from gazeshift.preprocessing import Preprocessing

JAPANESE = ("赤いトマトの料理", "白い皿の左にある寿司", "緑の枝豆")
ENGLISH = ("red tomato dish", "sushi on the left of a white plate", "green edamame")
SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
}
DISTILLED = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32, "max_position_embeddings": 40}
# MiniLM is a narrow BERT; XLM-RoBERTa is what multilingual sentence encoders stand on.
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "bert": SMALL,
    "distilbert": DISTILLED,
    "roberta": SMALL,
    "xlm-roberta": SMALL,
    "deberta-v2": SMALL | {"relative_attention": True, "pos_att_type": ["p2c", "c2p"]},
    "mpnet": SMALL,
    "electra": SMALL | {"embedding_size": 16},
}


@pytest.fixture(params=ARCHITECTURES)
def source(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A folder as ``save_pretrained`` leaves it."""
    tokenizer = train_tokenizer([*JAPANESE, *ENGLISH], 300)
    known = ARCHITECTURES[request.param]
    config = AutoConfig.for_model(request.param, vocab_size=len(tokenizer), pad_token_id=0, **known)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        AutoModel.from_config(config).eval().save_pretrained(tmp_path / "source")
    tokenizer.save_pretrained(tmp_path / "source")
    return str(tmp_path / "source")


@pytest.mark.parametrize("encoder", ["huggingface", "bert-lstm"])
def test_it_reads_japanese_and_survives_saving(source: str, tmp_path: Path, encoder: str) -> None:
    text = TextSpec(encoder=encoder, width=8, max_tokens=32)
    parts, image = build_text(text, [], source), ImageSpec(name="small_cnn")
    spec = ModelSpec(
        name="early-fusion",
        image=image,
        text=parts.spec,
        head=HeadSpec(head="early-fusion", image_width=4, hidden=8),
        classes=("寿司", "枝豆"),
        preprocessing=Preprocessing(size=32),
    )
    model = build_classifier(spec, build_trunk(image, 32), parts).eval()
    together = encode_texts(model, [*JAPANESE, *ENGLISH, ""])
    distances = torch.cdist(together.pooled, together.pooled) + torch.eye(7)
    assert float(distances.min()) > 1e-5, "every text has a vector of its own, the empty one too"
    assert not any(model.tokenize(JAPANESE).unread)
    for row, each in enumerate(JAPANESE):
        alone = encode_texts(model, [each])
        torch.testing.assert_close(alone.pooled[0], together.pooled[row], rtol=1e-4, atol=1e-5)
        count = int(alone.mask.sum())
        torch.testing.assert_close(alone.tokens[0, :count], together.tokens[row, :count], rtol=1e-4, atol=1e-5)
    save(model, tmp_path / "model")
    again = gs.load(tmp_path / "model")
    torch.testing.assert_close(encode_texts(again, JAPANESE).pooled, together.pooled[:3], rtol=1e-4, atol=1e-5)
