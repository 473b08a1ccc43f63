"""The two released models, built with Keras on torch as the published code builds them, with random weights; and their files.

BERT is a tiny one under the names that TensorFlow Hub's has in such files. Everything that Keras computes here is its own.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import keras
import numpy as np
import torch
from keras import layers
from keras.src.legacy.saving.legacy_h5_format import save_weights_to_hdf5_group

SIZE, TOKENS, CLASSES = 299, 20, 7
WIDTH, HEADS, DEPTH, PLACES = 16, 2, 2, 40


class Postprocessor(layers.Layer):
    """Word vectors plus those of places and of segments, normalised."""

    def build(self, shape: Any) -> None:
        self.places = self.add_weight(shape=(PLACES, WIDTH), initializer="random_normal", name="position_embeddings")
        self.kinds = self.add_weight(shape=(2, WIDTH), initializer="random_normal", name="type_embeddings")
        self.norm = layers.LayerNormalization(epsilon=1e-12, name="layer_norm")
        self.norm.build(shape)

    def call(self, words: Any, segments: Any) -> Any:
        places = keras.ops.convert_to_tensor(self.places)[: words.shape[1]]
        return self.norm(words + places + keras.ops.take(self.kinds, segments, axis=0))


class Block(layers.Layer):
    """One layer of BERT: attention with an axis for the heads, as TensorFlow's own has it."""

    def build(self, shape: Any) -> None:
        size = WIDTH // HEADS
        self.self_attention = Queries(size, name="self_attention")
        self.attended = layers.EinsumDense("bshe,hed->bsd", (None, WIDTH), bias_axes="d", name="self_attention_output")
        self.first_norm = layers.LayerNormalization(epsilon=1e-12, name="self_attention_layer_norm")
        self.wide = layers.Dense(3 * WIDTH, name="intermediate")
        self.narrow = layers.Dense(WIDTH, name="output")
        self.second_norm = layers.LayerNormalization(epsilon=1e-12, name="output_layer_norm")

    def call(self, tokens: Any, mask: Any) -> Any:
        query, key, value = self.self_attention(tokens)
        scores = keras.ops.einsum("bqhe,bkhe->bhqk", query, key) / (WIDTH // HEADS) ** 0.5
        scores = scores - 10000.0 * (1.0 - keras.ops.cast(mask, "float32")[:, None, None])
        heard = keras.ops.einsum("bhqk,bkhe->bqhe", keras.ops.softmax(scores), value)
        tokens = self.first_norm(tokens + self.attended(heard))
        wide = keras.ops.gelu(self.wide(tokens), approximate=True)
        return self.second_norm(tokens + self.narrow(wide))


class Queries(layers.Layer):
    """Query, key and value of every head."""

    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(**options)
        self.three = [
            layers.EinsumDense("bsd,dhe->bshe", (None, HEADS, size), bias_axes="he", name=name)
            for name in ("query", "key", "value")
        ]

    def call(self, tokens: Any) -> Any:
        return [each(tokens) for each in self.three]


class Encoder(layers.Layer):
    """The blocks in their order."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.blocks = [Block(name=f"layer_{number}") for number in range(DEPTH)]

    def call(self, tokens: Any, mask: Any) -> Any:
        for block in self.blocks:
            tokens = block(tokens, mask)
        return tokens


class Bert(layers.Layer):
    """Sequence output, as the second of TensorFlow Hub's two."""

    def __init__(self, pieces: int, **options: Any) -> None:
        super().__init__(**options)
        self.words = layers.Embedding(pieces, WIDTH, embeddings_initializer="random_normal", name="word_embeddings")
        self.embedded = Postprocessor(name="embedding_postprocessor")
        self.encoder = Encoder(name="encoder")
        self.pooler = layers.Dense(WIDTH, activation="tanh", name="pooler_transform")

    def call(self, ids: Any, mask: Any, segments: Any) -> Any:
        sequence = self.encoder(self.embedded(self.words(ids), segments), mask)
        return self.pooler(sequence[:, 0]), sequence


class KerasLayer(layers.Layer):
    """Where TensorFlow Hub puts a model; it also holds numbers that are no weights."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.bert = Bert(pieces, name="bert_model")

    def build(self, *_: Any) -> None:
        self.steps = self.add_weight(shape=(), dtype="int64", trainable=False, name="Variable")

    def call(self, ids: Any, mask: Any, segments: Any) -> Any:
        return self.bert(ids, mask, segments)


def inception() -> keras.Model:
    return keras.applications.InceptionV3(weights=None, include_top=False, input_shape=(SIZE, SIZE, 3))


def image_only(activation: str = "softmax", classes: int = CLASSES) -> keras.Model:
    base = inception()
    pooled = layers.AveragePooling2D(pool_size=(8, 8))(base.output)
    flat = layers.Flatten()(layers.Dropout(0.4)(pooled))
    return keras.Model(base.input, layers.Dense(classes, activation=activation)(flat))


def early_fusion(pieces: int, text_first: bool = False) -> keras.Model:
    cnn = keras.Sequential(
        [
            inception(),
            layers.AveragePooling2D(pool_size=(8, 8), name="AVG_Pooling"),
            layers.Dropout(0.4, name="Dropout_0.4"),
            layers.Flatten(name="Flatten"),
            layers.Dense(128, name="Dense_128"),
        ]
    )
    inner = [layers.Input((TOKENS,), dtype="int32") for _ in range(3)]
    text = keras.Model(inner, layers.LSTM(12, name="LSTM")(KerasLayer(pieces)(*inner)[1]))
    names = ("input_word_ids", "input_mask", "segment_ids")
    inputs = [layers.Input((TOKENS,), dtype="int32", name=name) for name in names]
    image = layers.Input((SIZE, SIZE, 3), name="image")
    sides = [cnn(image), text(inputs)]
    merged = layers.Concatenate()(sides[::-1] if text_first else sides)
    merged = layers.Dense(32, activation="relu")(merged)
    return keras.Model([*inputs, image], layers.Dense(CLASSES, activation="softmax", name="class")(merged))


def randomised(model: keras.Model) -> keras.Model:
    """The same with biases and statistics of its own.

    The batch norms' are those of a batch of noise, so that no layer falls silent; and the picture does not drown the text.
    """
    random = np.random.default_rng(0)
    for weight in model.trainable_weights:
        if weight.path.endswith(("bias", "beta", "gamma")):
            weight.assign(weight + 0.1 * torch.from_numpy(random.standard_normal(weight.shape).astype("float32")))
        if weight.path.endswith("Dense_128/kernel"):
            weight.assign(0.01 * weight)
        if weight.path.endswith("intermediate/kernel"):
            weight.assign(2 * weight)  # GELU and its approximation differ most around 2
    for layer in all_layers(model):
        if isinstance(layer, layers.BatchNormalization):
            layer.momentum = 0.0
    images = random.uniform(0, 255, (2, SIZE, SIZE, 3)).astype("float32")
    ones = np.ones((2, TOKENS), "int32")
    with torch.no_grad():
        model(images if len(model.inputs) == 1 else [ones, ones, 0 * ones, images / 255], training=True)
    return model


def all_layers(model: keras.Model) -> list[Any]:
    """Those of the models within it, too."""
    return [
        inner for layer in model.layers for inner in (all_layers(layer) if isinstance(layer, keras.Model) else [layer])
    ]


class Split:
    """A model of Keras, cut behind InceptionV3's last grid and before its softmax.

    Args:
        model: one of the two.
    """

    def __init__(self, model: keras.Model) -> None:
        self.model = model
        self.reads_text = len(model.inputs) > 1

    def whole(self, images: np.ndarray, texts: list[np.ndarray]) -> torch.Tensor:
        """Probabilities."""
        return self.model([*texts, images] if self.reads_text else images, training=False)

    def grid(self, images: np.ndarray) -> torch.Tensor:
        """``b h w c``."""
        if self.reads_text:
            return self._side("sequential").layers[0](images, training=False)
        return keras.Model(self.model.input, self.model.get_layer("mixed10").output)(images, training=False)

    def text(self, texts: list[np.ndarray]) -> torch.Tensor:
        """The LSTM's last state."""
        return self._side("functional")(texts, training=False)

    def logits(self, grid: torch.Tensor, texts: list[np.ndarray]) -> torch.Tensor:
        """From the grid on, without the softmax."""
        values = grid
        for layer in self._side("sequential").layers[1:] if self.reads_text else self.model.layers[-4:-1]:
            values = layer(values, training=False)
        if self.reads_text:
            values = self.model.layers[-2](torch.cat([values, self.text(texts)], dim=1))
        last = self.model.layers[-1]
        return values @ torch.as_tensor(last.kernel.value) + torch.as_tensor(last.bias.value)

    def grad_cam(self, images: np.ndarray, texts: list[np.ndarray], output: int) -> torch.Tensor:
        """Of one picture with one text: the channels' mean gradients times the channels, before any ReLU."""
        grid = self.grid(images).detach().requires_grad_()
        self.logits(grid, texts)[0, output].backward()
        return (grid.grad.mean((1, 2), keepdim=True) * grid).sum(3)[0].detach()

    def _side(self, name: str) -> keras.Model:
        return next(layer for layer in self.model.layers if layer.name.startswith(name))


@contextmanager
def keras_as_it_is() -> Iterator[None]:
    """NumPy warns of how Keras takes torch's tensors."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def save_whole(model: keras.Model, file: Path) -> Path:
    """As ``ModelCheckpoint`` writes it."""
    with keras_as_it_is():
        model.save(file)
    return file


def save_weights(model: keras.Model, file: Path) -> Path:
    """Weights alone, as Keras 2 writes them."""
    with h5py.File(file, "w") as opened, keras_as_it_is():
        save_weights_to_hdf5_group(opened, model)
    return file
