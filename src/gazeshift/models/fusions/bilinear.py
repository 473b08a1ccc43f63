"""Products of image and text: every channel of one meets every channel of the other, through a tensor that is kept small."""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from gazeshift.models.features import TextFeatures
from gazeshift.models.fusions.fusion import PooledFusion, Structure, Widths
from gazeshift.models.fusions.layers import signed_root
from gazeshift.models.fusions.registry import fusion
from gazeshift.models.fusions.sentences import PRODUCT
from gazeshift.models.spec import HeadSpec

_FACTORS = 5  # as in the paper of MFB
_RANK = 4


def _product(reference: str) -> Structure:
    return Structure(True, True, False, PRODUCT, reference=reference)


@fusion("low-rank-bilinear", _product("Kim et al., Hadamard product for low-rank bilinear pooling (MLB), ICLR 2017"))
class LowRankBilinear(PooledFusion):
    """MLB: ``tanh(U v) * tanh(V t)``, then a linear layer."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Dropout(spec.dropout), nn.Linear(widths.vector, spec.hidden), nn.Tanh())
        self.text = nn.Sequential(nn.Linear(widths.text, spec.hidden), nn.Tanh())
        self.classes = nn.Linear(spec.hidden, widths.classes)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """``tanh(U v)``."""
        return self.image(vector)

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of the product."""
        return self.classes(seen * self.text(text.pooled))


@fusion("factorised-bilinear", _product("Yu et al., Multi-modal factorized bilinear pooling (MFB), ICCV 2017"))
class FactorisedBilinear(PooledFusion):
    """MFB: a product of several factors each is summed, then normalised, then classified."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.drop = nn.Dropout(spec.dropout)
        self.image = nn.Linear(widths.vector, _FACTORS * spec.hidden)
        self.text = nn.Linear(widths.text, _FACTORS * spec.hidden)
        self.classes = nn.Linear(spec.hidden, widths.classes)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """``U v``."""
        return self.image(self.drop(vector))

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of the sum-pooled product."""
        product = (seen * self.text(text.pooled)).unflatten(1, (-1, _FACTORS)).sum(2)
        return self.classes(signed_root(product))


@fusion("mutan", _product("Ben-younes et al., MUTAN: multimodal Tucker fusion, ICCV 2017"))
class Mutan(PooledFusion):
    """MUTAN: a Tucker decomposition whose core has low rank: the sum of several products of projections."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.image = nn.Sequential(nn.Dropout(spec.dropout), nn.Linear(widths.vector, spec.hidden), nn.Tanh())
        self.text = nn.Sequential(nn.Linear(widths.text, spec.hidden), nn.Tanh())
        self.image_core, self.text_core = (nn.Linear(spec.hidden, _RANK * spec.hidden) for _ in range(2))
        self.classes = nn.Linear(spec.hidden, widths.classes)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """The image's projections."""
        return self.image_core(self.image(vector))

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of the sum of products."""
        products = seen * self.text_core(self.text(text.pooled))
        return self.classes(products.unflatten(1, (_RANK, -1)).sum(1))


@fusion("compact-bilinear", _product("Fukui et al., Multimodal compact bilinear pooling (MCB), EMNLP 2016"))
class CompactBilinear(PooledFusion):
    """MCB: the outer product of both vectors, hashed: count sketches convolved with each other by a Fourier transform."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.drop, self.size = nn.Dropout(spec.dropout), 4 * spec.hidden
        for name, width in (("image", widths.vector), ("text", widths.text)):
            places = nn.functional.one_hot(torch.randint(self.size, (width,)), self.size)
            self.register_buffer(f"{name}_sketch", places * (2.0 * torch.randint(2, (width, 1)) - 1))
        self.classes = nn.Linear(self.size, widths.classes)

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """The image's count sketch."""
        return self.drop(vector) @ cast("Tensor", self.image_sketch)

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits of the sketch of the outer product."""
        words = text.pooled @ cast("Tensor", self.text_sketch)
        # In double precision: a transform's rounding is that of its largest number, everywhere.
        transforms = torch.fft.rfft(seen.double()) * torch.fft.rfft(words.double())
        return self.classes(signed_root(torch.fft.irfft(transforms, n=self.size).to(seen.dtype)))


@fusion("low-rank-tensor", _product("Liu et al., Efficient low-rank multimodal fusion (LMF), ACL 2018"))
class LowRankTensor(PooledFusion):
    """LMF: the outer product of ``[v, 1]`` and ``[t, 1]``, through a weight tensor of low rank that is never built."""

    def __init__(self, widths: Widths, spec: HeadSpec) -> None:
        super().__init__()
        self.drop = nn.Dropout(spec.dropout)
        self.image, self.text = (nn.Linear(width, _RANK * widths.classes) for width in (widths.vector, widths.text))
        self.bias = nn.Parameter(torch.zeros(widths.classes))

    def see(self, vector: Float[Tensor, "b v"]) -> Float[Tensor, "b m"]:
        """The image's factors; a layer's bias is the appended 1's weight."""
        return self.image(self.drop(vector))

    def fuse(self, seen: Float[Tensor, "b m"], text: TextFeatures) -> Float[Tensor, "b classes"]:
        """Logits: the sum over the rank of products."""
        return (seen * self.text(text.pooled)).unflatten(1, (_RANK, -1)).sum(1) + self.bias
