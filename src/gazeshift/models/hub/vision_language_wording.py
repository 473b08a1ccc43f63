"""How the processors of vision-language models put a picture into a prompt, and what their models ask of its tokens."""

import warnings
from collections.abc import Callable
from typing import Any

from jaxtyping import Bool, Int
from PIL.Image import Image
from torch import Tensor

Kinds = Callable[[Int[Tensor, "r n"], Bool[Tensor, "r n"], Any], dict[str, Tensor]]
"""Token ids, which of them are the answer, and the model's configuration, to what else the model asks of each token."""


def no_kinds(ids: Tensor, answer: Tensor, config: Any) -> dict[str, Tensor]:
    """Nothing else."""
    return {}


def images_named(name: str) -> Kinds:
    """1 for the tokens that stand for a picture."""
    return lambda ids, answer, config: {name: (ids == config.image_token_id).long()}


def answer_follows(ids: Tensor, answer: Tensor, config: Any) -> dict[str, Tensor]:
    """PaliGemma reads its prompt in both directions (0), and what follows it word by word (1)."""
    return {"token_type_ids": (answer.long().cumsum(1) > 0).long()}


def as_written(prompt: str, processor: Any) -> str:
    """The prompt itself."""
    return prompt


def framed_by_paligemma(prompt: str, processor: Any) -> str:
    """The picture, the start token, the question and a line break, as the processor puts them."""
    end = prompt.rfind(processor.image_token) + len(processor.image_token)
    return f"{prompt[:end]}{processor.tokenizer.bos_token}{prompt[end:]}\n"


def framed_by_blip_2(prompt: str, processor: Any) -> str:
    """The queries' places come before the start token, wherever the picture's place is."""
    image = str(processor.image_token)
    return f"{image}{processor.tokenizer.bos_token}{prompt.replace(image, '').strip()}"


def by_placeholder(processor: Any, picture: Image) -> tuple[dict[str, Tensor], str]:
    """What the processor makes of a picture, and the text that it puts for it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # PaliGemma's processor, of its own call of numpy
        read = processor(
            images=[picture], text=[processor.image_token], return_text_replacement_offsets=True, return_tensors="pt"
        )
    (found,) = read["text_replacement_offsets"][0]
    return dict(read), found["replacement"]


def by_queries(processor: Any, picture: Image) -> tuple[dict[str, Tensor], str]:
    """As BLIP-2's processor does, which takes no places for pictures in its prompts: as many as there are queries."""
    read = processor.image_processor(images=[picture], return_tensors="pt")
    return dict(read), str(processor.image_token) * processor.num_query_tokens
