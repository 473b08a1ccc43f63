"""Visual question answering with words and image in one stream: ViLT (a grid before the stream) and LXMERT (the slow path)."""

import torch
from transformers import LxmertConfig, LxmertForQuestionAnswering, ViltConfig, ViltForQuestionAnswering

from gazeshift.models.adapters import lxmert_answers, vilt_answers
from gazeshift.saliency.outside import explain_inputs

torch.manual_seed(0)
tiny = {"vocab_size": 60, "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4}
questions = torch.randint(1, 60, (2, 6))
texts = {"input_ids": questions, "attention_mask": torch.ones_like(questions)}

# ViLT shuffles its patches at the input, so the grid is taken at the patch embedding, where they are still in order.
vilt = ViltForQuestionAnswering(ViltConfig(**tiny, num_hidden_layers=2, image_size=64, patch_size=16, num_labels=4))
maps = explain_inputs(vilt_answers(vilt), torch.rand(1, 3, 64, 64), texts, target=3)
print(f"ViLT: {maps.raw.shape}")

# LXMERT looks at regions from a detector: the "grid" is 1 x regions, and it has already mixed with the question.
lxmert = LxmertForQuestionAnswering(
    LxmertConfig(**tiny, l_layers=1, x_layers=2, r_layers=1, visual_feat_dim=16, num_qa_labels=5)
)
regions = (torch.rand(1, 9, 16), torch.rand(1, 9, 4))
maps = explain_inputs(lxmert_answers(lxmert, regions=9), regions, texts, target=2)
print(f"LXMERT: region {maps.of(0, 0).argmax()} for one question, region {maps.of(0, 1).argmax()} for the other")
assert maps.raw.shape == (2, 1, 9)
