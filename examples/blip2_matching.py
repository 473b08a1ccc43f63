"""BLIP-2: which words of a caption make the picture fit, and where, for a table of one's own pairs, in batches."""

import numpy as np
import torch
from PIL import Image
from tokenizers import ByteLevelBPETokenizer
from transformers import (
    Blip2Config,
    Blip2ForImageTextRetrieval,
    Blip2Processor,
    BlipImageProcessor,
    PreTrainedTokenizerFast,
)

import gazeshift as gs
from gazeshift.models.hub.matching import matching

# A tiny random BLIP-2 with a tokenizer made here. Yours, in one line: gs.from_hub("Salesforce/blip2-itm-vit-g", as_="matching").
torch.manual_seed(0)
pairs = ByteLevelBPETokenizer()
pairs.train_from_iterator(["a red dog on a bench, two blue cats"] * 9, special_tokens=["<pad>"], show_progress=False)
words = PreTrainedTokenizerFast(tokenizer_object=pairs._tokenizer, pad_token="<pad>", model_max_length=20)
tiny = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
queries = {**tiny, "vocab_size": len(words) + 8, "max_position_embeddings": 20, "encoder_hidden_size": 32}
config = Blip2Config(
    vision_config={**tiny, "image_size": 64, "patch_size": 8},
    qformer_config={**queries, "use_qformer_text_input": True, "cross_attention_frequency": 1},
    num_query_tokens=4,
    image_text_hidden_size=32,
)
model = Blip2ForImageTextRetrieval(config).eval()
fits = matching(model, Blip2Processor(BlipImageProcessor(size={"height": 64, "width": 64}), words))

# Your own pairs; here, noise in two shapes.
table = [
    (Image.effect_noise((120, 80), 80).convert("RGB"), "a red dog"),
    (Image.effect_noise((60, 90), 80).convert("RGB"), "two blue cats on a bench"),
    (Image.effect_noise((80, 80), 80).convert("RGB"), "a blue bench"),
]
for photo, caption in table:
    # A word's map: the evidence that goes when the word does. All versions of a caption are one batch, the picture is encoded once.
    said = caption.split()
    without = [" ".join(said[:place] + said[place + 1 :]) for place in range(len(said))]
    maps = gs.explain(fits, photo, [caption, *without], target="match", method="hires-cam")
    print(f"{caption!r}: match minus no match {maps.rows[0].logit:+.3f}")
    for word, row, raw in zip(said, maps.rows[1:], maps.raw[1:], strict=False):
        its = maps.raw[0] - raw
        cell = np.unravel_index(abs(its).argmax(), its.shape)
        print(f"  {word:6} {maps.rows[0].logit - row.logit:+.4f}, most of it at row {cell[0]}, column {cell[1]}")
    # The same numbers, with their names:
    effects = gs.word_effects(fits, photo, caption, target="match")
    assert len(effects.words) == len(said)
