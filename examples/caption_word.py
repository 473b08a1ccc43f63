"""BLIP: the map for one word of a caption, how the words before it move that map, and the map of whether a text fits the image."""

import torch
from transformers import BlipConfig, BlipForConditionalGeneration, BlipForImageTextRetrieval

from gazeshift.models.adapters import blip_caption, blip_matching
from gazeshift.saliency.outside import explain_inputs

# A tiny random BLIP. Yours: BlipForConditionalGeneration.from_pretrained("Salesforce/blip-image-captioning-base").
torch.manual_seed(0)
tiny = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
special = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, "sep_token_id": 2}
words = {**tiny, **special, "vocab_size": 60, "encoder_hidden_size": 32, "max_position_embeddings": 16}
config = BlipConfig(text_config=words, vision_config={**tiny, "image_size": 64, "patch_size": 8})
model = BlipForConditionalGeneration(config)

photo = torch.rand(1, 3, 64, 64)
# Two captions that differ from the third token on: "a red bowl of soup", "a blue bowl of soup". Yours come from model.generate.
captions = torch.tensor([[1, 10, 20, 30, 40, 50], [1, 10, 21, 30, 40, 50]])
texts = {"input_ids": captions, "attention_mask": torch.ones_like(captions)}

for position in (2, 3, 5):
    word = captions[0, position]
    maps = explain_inputs(blip_caption(model, position), photo, texts, target=int(word))
    moved = abs(maps.of(0, 1) - maps.of(0, 0)).max() / abs(maps.of(0, 0)).max()
    print(f"word {position}: map {maps.of(0, 0).shape}, moved by {moved:.2g} when word 2 is another")
    # A word is predicted from the words before it, so replacing word 2 cannot move the map of word 2 itself.
    assert (moved > 1e-6) == (position > 2)

# The matching model of the same family: where does it see that the text describes the picture (class 1)?
judge = BlipForImageTextRetrieval(config)
fits = explain_inputs(blip_matching(judge), photo, texts, target=1)
print(f"fits: map {fits.of(0, 0).shape}, logits of the two captions {fits.logits.tolist()}")
