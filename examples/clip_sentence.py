"""CLIP: the map of a sentence, with a vision transformer and with a ResNet as image tower, and zero-shot classes."""

import timm
import torch
from torch import nn
from transformers import CLIPConfig, CLIPModel

from gazeshift.models.adapters import similarity, wrap, zero_shot
from gazeshift.saliency.outside import explain_inputs

# A tiny random CLIP, so that this file runs in a second. Yours: CLIPModel.from_pretrained("openai/clip-vit-base-patch32"), and
# the sentences from its tokenizer: tokenizer(["a photo of a cat", ...], padding=True, return_tensors="pt").
torch.manual_seed(0)
tiny = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "projection_dim": 16,
}
text = {**tiny, "vocab_size": 100, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}
clip = CLIPModel(
    CLIPConfig(text_config=text, vision_config={**tiny, "image_size": 64, "patch_size": 8}, projection_dim=16)
)
pixels = torch.rand(2, 3, 64, 64)
sentences = torch.randint(3, 100, (4, 8))
sentences[:, -1] = 2  # CLIP reads a sentence at its end token

# Similarity: one score per image and sentence. Each image and each sentence is encoded once.
maps = explain_inputs(similarity(clip), pixels, sentences, target=0)
print(f"2 images x 4 sentences: {maps.raw.shape}")

# Zero-shot: the sentences are the classes.
classes = explain_inputs(zero_shot(clip, {"input_ids": sentences}), pixels)
print(f"predicted prompts {[row.target for row in classes.rows]}, maps {classes.raw.shape}")
assert abs(classes.raw[0] - maps.of(0, classes.rows[0].target)).max() < 1e-4 * abs(maps.raw).max()


class ResNetCLIP(nn.Module):
    """The interface of open_clip's and OpenAI's models: `encode_image`, `encode_text`."""

    def __init__(self) -> None:
        super().__init__()
        self.visual = timm.create_model("resnet18", num_classes=16)
        self.words = nn.EmbeddingBag(100, 16)

    def encode_image(self, images: torch.Tensor) -> torch.Tensor:
        return self.visual(images)

    def encode_text(self, ids: torch.Tensor) -> torch.Tensor:
        return self.words(ids)


resnet = ResNetCLIP()
model = wrap(
    resnet,
    "visual.layer4",
    forward=lambda images, sentence: nn.functional.cosine_similarity(resnet.encode_image(images), sentence),
    read_text=resnet.encode_text,  # once, however many images
)
print(f"ResNet tower: {explain_inputs(model, pixels, sentences, target=0).raw.shape}")
