"""Models of open_clip, an extra, under the names that transformers' CLIP has: what asks the one asks the other."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from jaxtyping import Float, Int
from PIL.Image import Image
from torch import Tensor, nn

from gazeshift.errors import ModelError
from gazeshift.models.reason import reason

_CONFIG = "open_clip_config.json"
_WEIGHTS = ("open_clip_model.safetensors", "open_clip_pytorch_model.safetensors")
_LONG = 4096
"""Longer than any text tower reads: how long a text would be."""


def is_open_clip(name: str | Path) -> bool:
    """Whether a folder was written by open_clip."""
    return (Path(name) / _CONFIG).is_file()


def load_open_clip(name: str | Path) -> tuple["OpenClip", "OpenClipProcessor"]:
    """The model in a folder, in evaluation mode, and what reads for it.

    Raises:
        ModelError: open_clip is not installed, or the folder holds no model with weights in safetensors.
    """
    try:
        import open_clip  # noqa: PLC0415  an extra
    except ImportError as error:
        raise ModelError(f"{name} is a model of open_clip: pip install 'gazeshift[open-clip]'.") from error
    if not any((Path(name) / weights).is_file() for weights in _WEIGHTS):
        raise ModelError(
            f"{name}: has none of {', '.join(_WEIGHTS)}; weights are read from safetensors only, never from pickles."
        )
    try:
        model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{name}")
        tokenizer = open_clip.get_tokenizer(f"local-dir:{name}")
    except Exception as error:  # open_clip raises many kinds
        raise ModelError(f"{name}: open_clip cannot load it ({reason(error)}).") from error
    mean = model.visual.preprocess_cfg["mean"]
    return OpenClip(model.eval()), OpenClipProcessor(preprocess, Words(tokenizer), mean)


class OpenClip(nn.Module):
    """A model of open_clip as one of transformers.

    Args:
        model: with ``encode_image`` and ``encode_text``.
    """

    def __init__(self, model: Any) -> None:
        super().__init__()
        self.logit_scale = model.logit_scale
        self.logit_bias = model.logit_bias
        self.model = model
        text = SimpleNamespace(max_position_embeddings=model.context_length)
        self.config = SimpleNamespace(model_type="open_clip", text_config=text)

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.logit_scale.device

    @property
    def dtype(self) -> torch.dtype:
        """Its precision."""
        return next(self.model.visual.parameters()).dtype

    def get_image_features(self, pixel_values: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """The vectors of pictures."""
        found: Tensor = self.model.encode_image(pixel_values)
        return found

    def get_text_features(self, input_ids: Int[Tensor, "b n"]) -> Float[Tensor, "b d"]:
        """The vectors of sentences."""
        found: Tensor = self.model.encode_text(input_ids)
        return found


@dataclass(frozen=True, eq=False)
class Words:
    """A tokenizer of open_clip as one of transformers.

    Attributes:
        own: texts to ids, padded to a length.
    """

    own: Any
    mask_token: None = None

    @property
    def model_max_length(self) -> int:
        """How many tokens of a text are read."""
        return int(self.own.context_length)

    def __call__(self, texts: Sequence[str], max_length: int | None = None, **options: Any) -> dict[str, Any]:
        """Ids up to a length; without one, those of each whole text, not padded."""
        if max_length is not None:
            return {"input_ids": self.own(list(texts), context_length=max_length)}
        rows = self.own(list(texts), context_length=_LONG).tolist()
        return {
            "input_ids": [row[: 1 + max((n for n, id_ in enumerate(row) if id_ != row[-1]), default=0)] for row in rows]
        }


@dataclass(frozen=True, eq=False)
class OpenClipProcessor:
    """What reads for a model of open_clip, as a processor of transformers.

    Attributes:
        preprocess: a picture to a tensor.
        tokenizer: texts to ids.
        mean: of the normalisation, 0 to 1.
    """

    preprocess: Callable[[Image], Float[Tensor, "3 h w"]]
    tokenizer: Words
    mean: Sequence[float]

    @property
    def image_processor(self) -> SimpleNamespace:
        """Its normalisation."""
        return SimpleNamespace(image_mean=self.mean, do_normalize=True)

    def __call__(self, images: Sequence[Image], **options: Any) -> dict[str, Tensor]:
        """Pictures as the model's arguments."""
        return {"pixel_values": torch.stack([self.preprocess(image) for image in images])}


def last_heard(model: OpenClip) -> str:
    """Name of the last layer of the image tower with cells that are used other than through a norm only.

    After the last block's first norm where a class token is read, before that block where patches are pooled, and a ResNet's last stage.

    Raises:
        ModelError: another kind of tower.
    """
    visual: Any = model.model.visual
    modules = dict(model.named_modules())
    if "model.visual.transformer.resblocks" in modules:
        return _of_blocks(
            modules,
            "model.visual.transformer.resblocks",
            "ln_1",
            visual.attn_pool is None and visual.pool_type == "tok",
        )
    if "model.visual.trunk.blocks" in modules:
        return _of_blocks(modules, "model.visual.trunk.blocks", "norm1", visual.trunk.global_pool == "token")
    if "model.visual.layer4" in modules:
        return "model.visual.layer4"
    raise ModelError(
        f"the image tower of this model of open_clip ({type(visual).__name__}) is not known: use gazeshift.model(net, layer, ...) and name "
        "the layer there."
    )


def _of_blocks(modules: Mapping[str, nn.Module], blocks: str, norm: str, reads_class_token: bool) -> str:
    last = len(list(modules[blocks].children())) - 1
    return f"{blocks}.{last}.{norm}" if reads_class_token else f"{blocks}.{last - 1}"
