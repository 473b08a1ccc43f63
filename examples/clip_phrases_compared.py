"""CLIP: the maps of two phrases compared, on a picture that is not square, drawn where the model looked."""

import torch
from PIL import Image
from tokenizers import ByteLevelBPETokenizer
from tokenizers.processors import TemplateProcessing
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, PreTrainedTokenizerFast

import gazeshift as gs
from gazeshift.models.hub.matching import matching
from gazeshift.models.hub.zero_shot import zero_shot

# A tiny random CLIP with a tokenizer made here. Yours, in one line: gs.from_hub("openai/clip-vit-base-patch32", as_="matching").
torch.manual_seed(0)
pairs = ByteLevelBPETokenizer()
special = ["<s>", "</s>", "<pad>"]
pairs.train_from_iterator(["a red dog on a bench, two blue cats"] * 9, special_tokens=special, show_progress=False)
ends = [("<s>", 0), ("</s>", 1)]
pairs._tokenizer.post_processor = TemplateProcessing(single="<s> $A </s>", special_tokens=ends)
words = PreTrainedTokenizerFast(
    tokenizer_object=pairs._tokenizer, bos_token="<s>", eos_token="</s>", pad_token="<pad>", model_max_length=20
)
tiny = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 4}
text = {**tiny, "vocab_size": len(words), "max_position_embeddings": 20, "bos_token_id": 0, "eos_token_id": 1}
config = CLIPConfig(text_config=text, vision_config={**tiny, "image_size": 64, "patch_size": 8})
model = CLIPModel(config).eval()
sides = {"height": 64, "width": 64}
processor = CLIPProcessor(CLIPImageProcessor(size={"shortest_edge": 64}, crop_size=sides), words)

photo = Image.effect_noise((120, 80), 80).convert("RGB")
phrases = ["a red dog", "two blue cats on a bench"]

# One score for a picture and a phrase: where is the evidence for each, and how far apart are the two maps?
fits = matching(model, processor)
maps = gs.explain(fits, photo, phrases, target="match", method="hires-cam")
seen = fits.view(photo)
print(f"maps {maps.raw.shape} cover the middle {seen.size} of {photo.size}: draw them on that")
for phrase, raw in zip(phrases, maps.raw, strict=False):
    row, column = divmod(int(raw.argmax()), raw.shape[1])
    print(f"{phrase!r}: most evidence in row {row}, column {column}")
moved = gs.shift(maps, 0, 1)
print(f"moved by {moved.js_bits:.2f} bits from the first phrase to the second")

# The same as a choice: one phrase rather than the other, in one map.
chosen = zero_shot(model, processor, phrases)
rather = gs.explain(chosen, photo, [""], target=f"{phrases[0]} rather than {phrases[1]}", method="hires-cam")
difference = maps.raw[0] - maps.raw[1]
print(
    f"rather: differs from the difference of both by {abs(rather.raw[0] - difference).max() / abs(difference).max():.1g}"
)
assert abs(rather.raw[0] - difference).max() < 1e-3 * abs(difference).max()
