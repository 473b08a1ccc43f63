"""Text encoders: tokens to one vector per token and one per text. They never receive the image."""

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from gazeshift.models.features import TextFeatures
from gazeshift.models.spec import TextSpec

if TYPE_CHECKING:
    from transformers import PreTrainedModel
else:
    PreTrainedModel = nn.Module  # the true type; only models that need transformers import it


def masked_mean(tokens: Float[Tensor, "b l d"], mask: Bool[Tensor, "b l"]) -> Float[Tensor, "b d"]:
    """Mean over the real tokens of each text.

    Example:
        >>> masked_mean(torch.tensor([[[1.0], [3.0], [9.0]]]), torch.tensor([[True, True, False]]))
        tensor([[2.]])
    """
    weights = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weights).sum(1) / weights.sum(1).clamp(min=1)


class Encoder(nn.Module, ABC):
    """A text encoder, with what other modules need to know about it.

    Attributes:
        width: width of the pooled vector; 0 if nothing is read.
    """

    width: int

    @property
    @abstractmethod
    def pretrained(self) -> list[nn.Module]:
        """The pretrained parts: a recipe can freeze them, or give them a separate learning rate."""

    @abstractmethod
    def forward(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> TextFeatures:
        """Encode texts."""


class NoText(Encoder):
    """An empty encoder: the text side of an image-only model."""

    width = 0

    @property
    def pretrained(self) -> list[nn.Module]:
        """None."""
        return []

    def forward(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> TextFeatures:
        """Empty features, one row per text."""
        return TextFeatures.from_pooled(torch.zeros(len(ids), 0, device=ids.device))


def _gelu(values: Tensor) -> Tensor:
    """GELU, in a form that PyTorch does not recognise.

    For one that it does, ``nn.TransformerEncoderLayer`` computes a different function without gradients: its fast path on CUDA uses
    the tanh approximation, and a text's vector differs by 2e-4 from the one in training.
    """
    return functional.gelu(values)


class SmallTransformer(Encoder):
    """A small pre-norm transformer trained from scratch; the pooled vector is the mean over tokens."""

    def __init__(self, vocabulary_size: int, spec: TextSpec) -> None:
        super().__init__()
        self.width = spec.width
        self.pieces = nn.Embedding(vocabulary_size, spec.width)
        self.positions = nn.Embedding(spec.max_tokens, spec.width)
        nn.init.normal_(self.pieces.weight, std=0.02)
        nn.init.normal_(self.positions.weight, std=0.02)
        layer = nn.TransformerEncoderLayer(
            spec.width, spec.heads, 4 * spec.width, dropout=0.0, activation=_gelu, batch_first=True, norm_first=True
        )
        self.blocks = nn.TransformerEncoder(
            layer, spec.layers, norm=nn.LayerNorm(spec.width), enable_nested_tensor=False
        )

    @property
    def pretrained(self) -> list[nn.Module]:
        """None: it is trained from scratch."""
        return []

    def forward(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> TextFeatures:
        """Encode texts of at most ``max_tokens`` pieces."""
        places = torch.arange(ids.shape[1], device=ids.device)
        tokens = self.blocks(self.pieces(ids) + self.positions(places), src_key_padding_mask=~mask)
        return TextFeatures(tokens, mask, masked_mean(tokens, mask))


class HuggingFaceEncoder(Encoder):
    """Any Hugging Face encoder with ``last_hidden_state``; pooled by the mean over tokens or the first token."""

    def __init__(self, net: PreTrainedModel, pooling: str) -> None:
        super().__init__()
        self.net = net
        self.width: int = net.config.hidden_size
        self.pooling = pooling

    @property
    def pretrained(self) -> list[nn.Module]:
        """All of it."""
        return [self.net]

    def forward(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> TextFeatures:
        """Encode texts."""
        tokens = self.net(input_ids=ids, attention_mask=mask.long()).last_hidden_state
        pooled = tokens[:, 0] if self.pooling == "cls" else masked_mean(tokens, mask)
        return TextFeatures(tokens, mask, pooled)


class BertLSTM(Encoder):
    """Gallo et al. 2020: an LSTM over the token vectors of BERT; pooled is its state at the last real token.

    Their Keras code runs the LSTM over the padding too; here padding never changes a text's vector.
    """

    def __init__(self, net: PreTrainedModel, width: int) -> None:
        super().__init__()
        self.net = net
        self.width = width
        self.lstm = nn.LSTM(net.config.hidden_size, width, batch_first=True)

    @property
    def pretrained(self) -> list[nn.Module]:
        """BERT; the LSTM is new."""
        return [self.net]

    def forward(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> TextFeatures:
        """Encode texts."""
        states, _ = self.lstm(self.net(input_ids=ids, attention_mask=mask.long()).last_hidden_state)
        last = (mask.sum(1) - 1).clamp(min=0)
        return TextFeatures(states, mask, states[torch.arange(len(ids), device=ids.device), last])


class PaddedBertLSTM(Encoder):
    """``bert-lstm`` as Gallo et al. 2020 published it: texts are padded to one length, and pooled is the LSTM's last state, behind it.

    So the LSTM reads what BERT says at the padding, too. Their code cuts a long text after ``length`` tokens, and the closing ``[SEP]``
    falls off; a tokenizer that keeps it is therefore asked for one token more, which is not read here.

    Args:
        net: BERT.
        width: of the LSTM.
        length: of every text, in tokens.
    """

    def __init__(self, net: PreTrainedModel, width: int, length: int) -> None:
        super().__init__()
        self.net = net
        self.width = width
        self.length = length
        self.lstm = nn.LSTM(net.config.hidden_size, width, batch_first=True)

    @property
    def pretrained(self) -> list[nn.Module]:
        """BERT; the LSTM is new."""
        return [self.net]

    def forward(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> TextFeatures:
        """Encode texts."""
        missing = (0, self.length - ids.shape[1])  # negative: cut
        ids, mask = functional.pad(ids, missing, value=self.net.config.pad_token_id or 0), functional.pad(mask, missing)
        states, _ = self.lstm(self.net(input_ids=ids, attention_mask=mask.long()).last_hidden_state)
        return TextFeatures(states, mask, states[:, -1])


class TfIdf(Encoder):
    """Term frequency times inverse document frequency, of the same length for all texts: no order of words, and nothing to train.

    The length is the square root of the number of pieces: the mean square of an entry is 1, as behind a layer norm. With vectors of length
    1 a linear layer on top starts with outputs near 0 and, at the usual learning rates, stays there for hundreds of steps.

    The frequencies are those of the training texts (``document_frequencies``). A text without a known piece is the zero vector. A bag of
    words has no tokens in order, so a fusion that reads token by token gets one: the whole vector.

    Args:
        weights: inverse document frequency of each piece; 0 for those that do not count.
    """

    weights: Tensor

    def __init__(self, weights: Float[Tensor, " pieces"]) -> None:
        super().__init__()
        self.width = len(weights)
        self.register_buffer("weights", weights)

    @property
    def pretrained(self) -> list[nn.Module]:
        """All of it: there is nothing to train."""
        return [self]

    def forward(self, ids: Int[Tensor, "b l"], mask: Bool[Tensor, "b l"]) -> TextFeatures:
        """Encode texts."""
        counts = self.weights.new_zeros(len(ids), self.width).scatter_add_(1, ids, mask.to(self.weights.dtype))
        pooled = functional.normalize(counts * self.weights) * math.sqrt(self.width)
        return TextFeatures(pooled[:, None], torch.ones_like(mask[:, :1]), pooled)


def build_encoder(spec: TextSpec, vocabulary_size: int, net: PreTrainedModel | None = None) -> Encoder:
    """Build a text encoder; ``net`` is the Hugging Face model of the kinds that stand on one.

    Raises:
        ModelError: a Hugging Face encoder without a configuration.

    Example:
        >>> build_encoder(TextSpec(encoder="transformer", width=32), vocabulary_size=50).width
        32
    """
    if spec.encoder == "none":
        return NoText()
    if spec.encoder == "transformer":
        return SmallTransformer(vocabulary_size, spec)
    if spec.encoder == "tf-idf":
        return TfIdf(torch.rand(vocabulary_size))
    if net is None:
        from gazeshift.models.pretrained import encoder_from_config  # noqa: PLC0415  transformers takes a second to import

        net = encoder_from_config(spec.config)
    if spec.encoder == "bert-lstm-padded":
        return PaddedBertLSTM(net, spec.width, spec.max_tokens - 1)
    return BertLSTM(net, spec.width) if spec.encoder == "bert-lstm" else HuggingFaceEncoder(net, spec.pooling)
