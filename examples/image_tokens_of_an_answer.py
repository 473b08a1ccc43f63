"""Which image token matters to which token of the answer, as numbers: a table with a row for each of the answer's tokens."""

from tempfile import TemporaryDirectory

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
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
from gazeshift.saliency import explain_inputs

# A tiny random LLaVA in a folder. Yours needs none of this: gs.from_hub("llava-hf/llava-1.5-7b-hf", as_="answers", prompt=...).
torch.manual_seed(0)
known = ["</s>", "<image>", "USER", "ASSISTANT", ":", "?", "is", "it", "a", "red", "dog", "cat", "looks", "like", "one"]
whole = Tokenizer(WordLevel({word: number for number, word in enumerate(known)}, unk_token="?"))
whole.pre_tokenizer = Whitespace()
named = {"eos_token": "</s>", "pad_token": "</s>", "extra_special_tokens": {"image_token": "<image>"}}
words = PreTrainedTokenizerFast(tokenizer_object=whole, **named)
sides, how = {"height": 24, "width": 24}, {"patch_size": 8, "vision_feature_select_strategy": "default"}
pictures = CLIPImageProcessor(size=sides, crop_size=sides)
processor = LlavaProcessor(pictures, words, num_additional_image_tokens=1, **how)
tiny = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
sees = CLIPVisionConfig(**tiny, image_size=24, patch_size=8)
says = LlamaConfig(**tiny, vocab_size=len(words), eos_token_id=0, pad_token_id=0)
config = LlavaConfig(vision_config=sees, text_config=says, image_token_id=words.image_token_id)
net = LlavaForConditionalGeneration(config).eval()
with torch.no_grad():  # larger weights, so that what a random model says depends on the picture
    for weights in net.parameters():
        weights.mul_(6 if weights.ndim > 1 else 1)
net.generation_config.update(suppress_tokens=[known.index("<image>")], begin_suppress_tokens=[known.index("</s>")])
prompt, text = "USER: <image> {text} ASSISTANT:", "is it a red dog?"
photo = Image.merge(
    "RGB", [Image.linear_gradient("L"), Image.radial_gradient("L"), Image.linear_gradient("L").rotate(90)]
)
with TemporaryDirectory() as folder:
    net.save_pretrained(folder)
    processor.save_pretrained(folder)
    model = gs.from_hub(folder, as_="answers", prompt=prompt)

# Without classes its outputs are the tokens of the answer that it gives to this picture and text, and the whole answer.
said = model.about(photo, text)
# A cell of the map is an image token as the language model reads it. One pass of the model, one target per token of the answer.
maps = explain_inputs(said.net, *said.read([photo], [text]), target=list(range(len(said.classes))), method="hires-cam")
numbers = maps.raw.reshape(len(said.classes), -1)  # (tokens of the answer and the whole answer, image tokens)
table = numbers[:-1]
print("token      log p  " + "".join(f"  image{cell:<3}" for cell in range(table.shape[1])))
for name, row, one in zip(said.classes, maps.rows, numbers, strict=True):
    print(f"{name[:10]:10} {row.logit:6.2f}  " + "".join(f"{value:+10.4f}" for value in one))
print(f"the image token that matters most to each of them: {abs(table).argmax(1).tolist()}")

# The score of the answer is the sum of its tokens', so its row is the sum of theirs; and a single target gives the same row.
np.testing.assert_allclose(table.sum(0), numbers[-1], rtol=0, atol=1e-4 * abs(numbers).max())
alone = gs.explain(model, photo, [text], target=said.classes[1], method="hires-cam").raw[0]
np.testing.assert_allclose(alone.flatten(), table[1], rtol=0, atol=1e-4 * abs(table).max())

# The same by hand: the projector's output times the gradient of each token's log-probability, without gazeshift.
kept: list[torch.Tensor] = []
net.model.multi_modal_projector.register_forward_hook(lambda module, given, output: kept.append(output))
asked = processor(text=prompt.replace("{text}", text), images=photo, return_tensors="pt")
length = asked["input_ids"].shape[1]
ids = net.generate(**asked, do_sample=False, max_new_tokens=20)[:, : length + len(table)]
kept.clear()
logits = net(input_ids=ids, pixel_values=asked["pixel_values"]).logits.log_softmax(-1)
for place, row in enumerate(table, start=length):
    (slope,) = torch.autograd.grad(logits[0, place - 1, ids[0, place]], kept[0], retain_graph=True)
    np.testing.assert_allclose(row, (slope * kept[0]).sum(-1).detach().flatten(), rtol=0, atol=1e-4 * abs(table).max())
