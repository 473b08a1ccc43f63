"""From a spec to a classifier: a fresh one with initial weights, or an empty one for saved weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from gazeshift.errors import ModelError
from gazeshift.models.affine import Affine
from gazeshift.models.classifier import Classifier
from gazeshift.models.document_frequencies import inverse_frequencies
from gazeshift.models.image import build_trunk
from gazeshift.models.spec import ModelSpec, TextSpec
from gazeshift.models.text import Encoder, TfIdf, build_encoder
from gazeshift.models.tokenizer import TextTokenizer, Tokenizer, WordPieceTokenizer, train_tokenizer
from gazeshift.models.trunk import Trunk


@dataclass(frozen=True)
class TextParts:
    """A text encoder with its tokenizer, and its completed spec (with the Hugging Face configuration)."""

    spec: TextSpec
    encoder: Encoder
    tokenizer: TextTokenizer | None


def build_text(spec: TextSpec, training_texts: Sequence[str], source: str = "") -> TextParts:
    """Build a text encoder with its initial weights.

    Args:
        spec: which one.
        training_texts: the only texts used to build the vocabulary of ``transformer``.
        source: Hugging Face name or local folder, for ``huggingface`` and ``bert-lstm``.

    Raises:
        ModelError: the source cannot be loaded.
    """
    if spec.encoder == "none":
        return TextParts(spec, build_encoder(spec, 0), None)
    if spec.learns_vocabulary:
        tokenizer = build_tokenizer(spec, training_texts)
        if spec.encoder == "tf-idf":
            return TextParts(spec, TfIdf(inverse_frequencies(tokenizer, training_texts)), tokenizer)
        return TextParts(spec, build_encoder(spec, len(tokenizer.tokenizer)), tokenizer)
    from gazeshift.models.pretrained import load_encoder  # noqa: PLC0415  transformers takes a second to import

    net = load_encoder(source)
    places = getattr(net.config, "max_position_embeddings", None)  # not every architecture has such a limit
    if places is not None and spec.max_tokens > places:
        raise ModelError(f"text.max_tokens: {source!r} reads at most {places} tokens; {spec.max_tokens} are too many.")
    spec = spec.model_copy(update={"config": net.config.to_diff_dict()})
    return TextParts(spec, build_encoder(spec, 0, net), build_tokenizer(spec, training_texts, source))


def build_tokenizer(spec: TextSpec, training_texts: Sequence[str], source: str = "") -> TextTokenizer:
    """The tokenizer that ``build_text`` would build, without the encoder.

    Args:
        spec: of an encoder that reads text.
        training_texts: as for ``build_text``.
        source: as for ``build_text``.

    Raises:
        ModelError: the source cannot be loaded.
    """
    tokenizer = train_tokenizer(training_texts, spec.vocabulary) if spec.learns_vocabulary else _pretrained(source)
    return TextTokenizer(tokenizer, spec.max_tokens, spec.cleaning)


def _pretrained(source: str) -> Tokenizer:
    from gazeshift.models.pretrained import load_tokenizer  # noqa: PLC0415  transformers takes a second to import

    return load_tokenizer(source)


def build_classifier(spec: ModelSpec, trunk: Trunk, text: TextParts, seed: int = 0) -> Classifier:
    """Join a trunk, a text encoder and a freshly initialised head.

    Args:
        spec: the whole model; its ``text`` is replaced by the completed one of ``text``.
        trunk: as built by ``build_trunk``; may be shared by models that do not train it.
        text: as built by ``build_text``.
        seed: random seed of the head's initial weights; the caller's random state is unchanged.
    """
    spec = spec.model_copy(update={"text": text.spec})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Classifier(spec, trunk, text.encoder, text.tokenizer)


def build_shell(spec: ModelSpec, tokenizer_folder: Path) -> Classifier:
    """The same architecture, ready for its weights; reads only JSON and downloads nothing.

    Raises:
        ModelError: the tokenizer's files are missing.
    """
    with torch.random.fork_rng(devices=[]):
        trunk = build_trunk(spec.image, spec.preprocessing.size)
        if spec.text.encoder == "none":
            return Classifier(spec, trunk, build_encoder(spec.text, 0), None)
        if not (tokenizer_folder / "tokenizer.json").is_file():
            raise ModelError("there is no tokenizer.json; the model folder is incomplete.")
        own = spec.text.learns_vocabulary
        found = WordPieceTokenizer.from_pretrained(tokenizer_folder) if own else _pretrained(str(tokenizer_folder))
        tokenizer = TextTokenizer(found, spec.text.max_tokens, spec.text.cleaning)
        return Classifier(spec, trunk, build_encoder(spec.text, len(found)), tokenizer)


def set_affine(trunk: Trunk, pooled: Float[Tensor, "n c"], features: str, size: int) -> None:
    """Set the constant affine of a trunk's grid from the pooled plain features of the training images.

    Args:
        trunk: a trunk with the identity affine.
        pooled: mean over the grid, one row per training image.
        features: ``plain``, ``centred`` or ``standardised``.
        size: side of the input images in pixels.

    Raises:
        ModelError: the tail does more than average, so an affine before it would change the model.
    """
    if features == "plain":
        return
    mean, deviation = pooled.mean(0), pooled.std(0, correction=0)
    # A channel that never varied in training is not scaled: divided by almost nothing, its first change would fill the map.
    scale = torch.where(deviation > 1e-6, deviation, 1) if features == "standardised" else torch.ones_like(mean)
    trunk.fix_affine(Affine(mean, scale), size)
