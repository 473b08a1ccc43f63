"""From a file of Keras to a classifier: image only, or early fusion with BERT and an LSTM."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from torch import nn
from transformers import BertModel

from gazeshift.errors import ModelError, UsageError, listed
from gazeshift.models.build import TextParts, build_classifier, build_text
from gazeshift.models.classifier import Classifier
from gazeshift.models.image import build_trunk
from gazeshift.models.keras_weights.architecture import Sizes, sizes_of
from gazeshift.models.keras_weights.file import KerasFile, opened
from gazeshift.models.keras_weights.nets import (
    bert_config,
    fill_bert,
    fill_dense,
    fill_inception,
    fill_lstm,
    turn_colours,
    weight,
)
from gazeshift.models.keras_weights.parts import Parts, parts_of
from gazeshift.models.pretrained import encoder_from_config, load_tokenizer
from gazeshift.models.spec import HeadSpec, ImageSpec, ModelSpec, TextSpec
from gazeshift.models.text import build_encoder
from gazeshift.models.tokenizer import TextTokenizer
from gazeshift.preprocessing import Preprocessing

SIZE = 299
TOKENS = 20
_CELLS = 64  # what the released models' pooling of 8 x 8 cells covers


@dataclass(frozen=True)
class Imported:
    """A classifier with the weights of a file.

    Attributes:
        model: in evaluation mode.
        version: of the Keras that wrote the file.
        notes: what the file does not tell, one sentence each.
    """

    model: Classifier
    version: str
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Pictures:
    """How the published code gives a model its pictures: the largest value of a channel, the order of channels, the resampling."""

    largest: float
    blue_first: bool
    interpolation: str


_PICTURES = {"image-only": _Pictures(255.0, False, "nearest"), "early-fusion": _Pictures(1.0, True, "bilinear")}


def import_keras(
    path: Path, classes: Sequence[str] = (), tokenizer: str = "bert-base-uncased", max_tokens: int | None = None
) -> Imported:
    """Read one of the two files that Gallo et al. 2020 released, or one with the same layers.

    Args:
        path: an HDF5 file: ``model.save("FILE.hdf5")``, or weights alone as Keras 2 saves them.
        classes: their names in the order of the outputs; without any, the outputs are numbered.
        tokenizer: Hugging Face name or local folder; only for a model that reads text. Files hold no vocabulary.
        max_tokens: of each text; by default what the file says, else 20.

    Raises:
        ModelError: not such a file, or a damaged one; h5py is missing, or the tokenizer.
        UsageError: another number of classes than outputs.

    Example:
        >>> found = import_keras(Path("early_fusion_weights_0.92.hdf5"))  # doctest: +SKIP
        >>> found.model.name, len(found.model.classes)  # doctest: +SKIP
        ('early-fusion', 101)
    """
    with opened(path) as file:
        parts = parts_of(file.layers)
        head = _head(parts)
        sizes = sizes_of(file.architecture, head, file.layers)
        outputs = weight(parts.dense[-1], "bias").shape[0]
        if classes and len(classes) != outputs:
            raise UsageError(f"{path}: {len(classes)} names of classes for a model with {outputs} outputs.")
        names = tuple(classes) or tuple(f"output {number:0{len(str(outputs - 1))}}" for number in range(outputs))
        text = (
            _text(parts, tokenizer, max_tokens or sizes.tokens or TOKENS)
            if head == "early-fusion"
            else build_text(_NONE, [])
        )
        model = _filled(head, sizes.image or SIZE, names, parts, text)
        return Imported(model.eval(), file.version, tuple(_notes(file, sizes, classes, max_tokens, head)))


_NONE = TextSpec(encoder="none")


def _head(parts: Parts) -> str:
    """Which of the two it is, by its layers."""
    match len(parts.lstm), bool(parts.bert), len(parts.dense):
        case 0, False, 1:
            return "image-only"
        case 1, True, 3:
            return "early-fusion"
        case lstms, bert, dense:
            found = f"{len(parts.convolutions)} convolutions, {lstms} LSTMs, {'a' if bert else 'no'} BERT and {dense} dense layers"
            raise ModelError(f"it has {found}; image-only has 94, 0, no and 1, early fusion has 94, 1, a and 3.")


def _filled(head: str, size: int, classes: tuple[str, ...], parts: Parts, text: TextParts) -> Classifier:
    *widths, _ = (weight(layer, "bias").shape[0] for layer in parts.dense)
    image, pictures = ImageSpec(name="inception_v3_keras"), _PICTURES[head]
    spec = ModelSpec(
        name=head,
        image=image,
        text=text.spec,
        head=HeadSpec(head=head, dropout=0.4, **dict(zip(("image_width", "hidden"), widths, strict=False))),
        classes=classes,
        preprocessing=Preprocessing(size, 1.0, (0, 0, 0), (1 / pictures.largest,) * 3, pictures.interpolation),
    )
    trunk = build_trunk(image, size)
    fill_inception(trunk, parts)
    if pictures.blue_first:
        turn_colours(trunk)
    model = build_classifier(spec, trunk, text)
    if model.widths.cells != _CELLS:
        raise ModelError(
            f"pictures of {size} px give {model.widths.cells} cells, of which its pooling would read 8 x 8 alone."
        )
    fill_dense([module for module in model.head.modules() if isinstance(module, nn.Linear)], parts.dense)
    return model


def _text(parts: Parts, tokenizer: str, length: int) -> TextParts:
    config = bert_config(parts.bert)
    net = cast("BertModel", encoder_from_config(config))
    fill_bert(net, parts.bert)
    if length > config["max_position_embeddings"]:
        raise ModelError(f"its BERT reads at most {config['max_position_embeddings']} tokens; {length} are too many.")
    spec = TextSpec(
        encoder="bert-lstm-padded",
        width=weight(parts.lstm[0], "recurrent_kernel").shape[0],
        max_tokens=length + 1,
        cleaning="gallo",
        config=config,
    )
    encoder = build_encoder(spec, 0, net)
    fill_lstm(next(module for module in encoder.modules() if isinstance(module, nn.LSTM)), parts.lstm[0])
    words = load_tokenizer(tokenizer)
    if len(words) != config["vocab_size"]:
        raise ModelError(
            f"the tokenizer {tokenizer!r} knows {len(words)} pieces, and the file's BERT {config['vocab_size']}; "
            "name the one that it was trained with."
        )
    return TextParts(spec, encoder, TextTokenizer(words, spec.max_tokens, spec.cleaning))


def _notes(file: KerasFile, sizes: Sizes, classes: Sequence[str], max_tokens: int | None, head: str) -> list[str]:
    """What had to be assumed."""
    notes = []
    if not classes:
        notes.append("a Keras file holds no names of classes: the outputs are numbered")
    assumed = [f"pictures of {SIZE} px"] if sizes.image is None else []
    if head == "early-fusion" and not (sizes.tokens or max_tokens):
        assumed.append(f"texts of {TOKENS} tokens")
    if assumed:
        notes.append(f"the file does not say so, but {listed(assumed)} are assumed, as in the released models")
    if file.architecture is None:
        notes.append(
            "a file of weights alone does not tell what its layers compute: assumed to be as in the released models"
        )
    return notes
