"""A vision-language model that answers: where it looks for "yes" rather than "no", and for each word of its own answer."""

import torch
from PIL import Image
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

import gazeshift as gs
from gazeshift.models.hub.answers import answer_tokens, answers

# A tiny random LLaVA with a tokenizer made here. Yours: AutoModelForImageTextToText.from_pretrained("llava-hf/llava-1.5-7b-hf") and
# AutoProcessor.from_pretrained("llava-hf/llava-1.5-7b-hf"); or one of the other families in gazeshift.models.hub.vision_language.
torch.manual_seed(0)
pairs = ByteLevelBPETokenizer()
pairs.train_from_iterator(
    ["USER: is it a red dog? ASSISTANT: yes no"] * 9, special_tokens=["</s>", "<image>"], show_progress=False
)
words = PreTrainedTokenizerFast(
    tokenizer_object=pairs, eos_token="</s>", pad_token="</s>", extra_special_tokens={"image_token": "<image>"}
)
sides = {"height": 32, "width": 32}
processor = LlavaProcessor(
    CLIPImageProcessor(size=sides, crop_size=sides), words, patch_size=8, vision_feature_select_strategy="default",
    num_additional_image_tokens=1,
)  # fmt: skip
tiny = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
config = LlavaConfig(
    vision_config=CLIPVisionConfig(**tiny, image_size=32, patch_size=8),
    text_config=LlamaConfig(**tiny, vocab_size=len(words) + 8, eos_token_id=0, pad_token_id=0),
    image_token_id=words.image_token_id,
)
model = LlavaForConditionalGeneration(config).eval()

photo = Image.effect_noise((60, 40), 80).convert("RGB")
prompt = "USER: <image> {text} is it a cat? ASSISTANT:"
texts = ["there is a red dog.", "there is a blue cat, I am told."]

# With options a question is a classifier: the score of an option is the log-probability of its tokens.
asked = answers(model, processor, prompt, ["yes", "no"])
maps = gs.explain(asked, photo, texts, target="yes rather than no", method="hires-cam")
print(f"yes rather than no: maps {maps.raw.shape}, what the map covers {asked.view(photo).size}")
print(*maps.remarks, sep="\n")

# Without options: the model's own answer to the first text, word by word and as a whole.
said = answer_tokens(model, processor, prompt, photo, texts[0], max_new_tokens=3)
for token in said.classes:
    one = gs.explain(said, photo, texts, target=token, method="hires-cam").raw
    print(f"{token!r}: moved by {abs(one[1] - one[0]).max() / abs(one[0]).max():.2g} with the other text")
