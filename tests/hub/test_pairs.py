"""Maps of published models that score a picture and a sentence equal those of a plain loop, for every family."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers as hf
from PIL import Image
from torch import Tensor

import gazeshift as gs
from gazeshift.models.hub.matching import MATCH, matching
from gazeshift.models.hub.pairs import FAMILIES
from tests.hub.answering import TEXTS, picture
from tests.hub.hiding import without
from tests.hub.tiny_dual import builders

Score = Callable[[Any], Tensor]


def _cells_after(prefix: int, cells: int) -> Callable[[Tensor], Tensor]:
    return lambda output: output[0, prefix : prefix + cells]


@dataclass(frozen=True)
class ByHand:
    """What is known of a model for a picture of 60 x 40 pixels.

    Attributes:
        tap: the layer of the map.
        shape: rows and columns of cells.
        view: width and height of the part of the picture that they cover.
        cells: the tap's output to its cells, row by row.
        score: the model's result to the score.
        padding: of the texts.
        asked: what else the model is called with.
    """

    tap: str
    shape: tuple[int, int]
    view: tuple[int, int]
    cells: Callable[[Tensor], Tensor]
    score: Score
    padding: str | bool = False
    asked: tuple[tuple[str, Any], ...] = ()


def _similarity(out: Any) -> Tensor:
    return out.logits_per_image[0, 0]


def _margin(of: Callable[[Any], Tensor]) -> Score:
    return lambda out: of(out)[0, 1] - of(out)[0, 0]


BLIP_2 = ByHand(
    "vision_model.post_layernorm",
    (4, 4),
    (60, 40),
    _cells_after(1, 16),
    _margin(lambda out: out.logits_per_image),
    asked=(("use_image_text_matching_head", True),),
)
MODELS = {
    "clip": ByHand("vision_model.encoder.layers.2.layer_norm1", (4, 4), (40, 40), _cells_after(1, 16), _similarity),
    "siglip": ByHand(
        "vision_model.encoder.layers.1",
        (4, 4),
        (60, 40),
        _cells_after(0, 16),
        _similarity,
        padding="max_length",
    ),
    "siglip2": ByHand(
        "vision_model.encoder.layers.1",
        (13, 19),
        (60, 40),
        _cells_after(0, 13 * 19),
        _similarity,
        padding="max_length",
    ),
    "flava": ByHand(
        "flava.image_model.encoder.layer.2.layernorm_before",
        (4, 4),
        (60, 40),
        _cells_after(1, 16),
        lambda out: out.contrastive_logits_per_image[0, 0],
        asked=(("skip_multimodal_encoder", True), ("return_loss", False)),
    ),
    "blip": ByHand(
        "vision_model.post_layernorm", (4, 4), (60, 40), _cells_after(1, 16), _margin(lambda out: out.itm_score)
    ),
    "blip-2": BLIP_2,
    "blip-2 with image tokens": BLIP_2,
    "vilt": ByHand(
        "vilt.embeddings.patch_embeddings.projection",
        (4, 6),
        (60, 40),
        lambda output: output[0].flatten(1).T,
        lambda out: out.logits[0, 0],
    ),
    "bridgetower": ByHand(
        "bridgetower.vision_model.visual.transformer.resblocks.1",
        (4, 4),
        (40, 40),
        lambda output: output[1:, 0],
        _margin(lambda out: out.logits),
    ),
}
TOWERS = [name for name in MODELS if name in {"clip", "siglip", "siglip2", "flava"}]


@cache
def folder(name: str) -> Path:
    made = Path(tempfile.mkdtemp())
    builders[name](made)
    return made


@cache
def loaded(name: str) -> tuple[Any, Any]:
    """A model and its processor, loaded without gazeshift."""
    kind = getattr(hf, hf.AutoConfig.from_pretrained(folder(name)).architectures[0])
    return kind.from_pretrained(folder(name)).eval(), hf.AutoProcessor.from_pretrained(folder(name))


def inputs(name: str, text: str, seen: Image.Image | None = None) -> dict[str, Any]:
    """A picture and a text as the processor itself reads them, and the rest of the call."""
    known, (_, processor) = MODELS[name], loaded(name)
    longest = {"max_length": 40} if known.padding else {}
    read = processor(images=[seen or picture()], text=[text], padding=known.padding, return_tensors="pt", **longest)
    return {**read, **dict(known.asked)}


def score(name: str, asked: dict[str, Any]) -> float:
    with torch.no_grad():
        return float(MODELS[name].score(loaded(name)[0](**asked)))


def cams(name: str, text: str) -> dict[str, Any]:
    """Score and gradient maps, with a hook at the tap and a loop over the cells."""
    known, (model, _) = MODELS[name], loaded(name)
    kept: list[Tensor] = []
    hook = model.get_submodule(known.tap).register_forward_hook(lambda module, arguments, output: kept.append(output))
    found = known.score(model(**inputs(name, text)))
    hook.remove()
    (slope,) = torch.autograd.grad(found, kept[0])
    features, slopes = known.cells(kept[0].detach()), known.cells(slope)
    average = sum(slopes) / len(slopes)
    return {
        "score": float(found.detach()),
        "grad-cam": np.array([float(cell @ average) for cell in features]).reshape(known.shape),
        "hires-cam": np.array([float(cell @ each) for cell, each in zip(features, slopes, strict=True)]).reshape(
            known.shape
        ),
    }


def occluded(name: str, text: str) -> np.ndarray:
    """How much the score falls when a cell's pixels are hidden, one cell after the other."""
    asked, (rows, columns) = inputs(name, text), MODELS[name].shape
    before, out = score(name, asked), np.zeros((rows, columns))
    for r in range(rows):
        for c in range(columns):
            if asked["pixel_values"].ndim == 4:
                pixels = asked["pixel_values"].clone()
                tall, wide = pixels.shape[2] // rows, pixels.shape[3] // columns
                pixels[:, :, r * tall : (r + 1) * tall, c * wide : (c + 1) * wide] = 0
                hidden = {**asked, "pixel_values": pixels}
            else:
                hidden = inputs(name, text, without(picture(), (r, c), (rows, columns), [0.5] * 3))
            out[r, c] = before - score(name, hidden)
    return out


def apart(ours: np.ndarray, theirs: np.ndarray) -> float:
    assert ours.shape == theirs.shape
    assert np.abs(theirs).max() > 1e-4
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


@pytest.mark.parametrize("method", ["grad-cam", "hires-cam"])
@pytest.mark.parametrize("name", MODELS)
def test_a_map_equals_a_loop_of_autograd(name: str, method: str) -> None:
    """Several texts of different lengths, so that most rows are padded; no text reaches the tap."""
    maps = gs.explain(gs.from_hub(folder(name)), picture(), TEXTS, target=MATCH, method=method)
    for number, text in enumerate(TEXTS):
        expected = cams(name, text)
        assert maps.rows[number].logit == pytest.approx(expected["score"], rel=1e-4, abs=1e-5)
        assert apart(maps.raw[number], expected[method]) < 1e-4


@pytest.mark.parametrize("name", MODELS)
def test_occlusion_equals_a_loop_over_cells(name: str) -> None:
    maps = gs.explain(gs.from_hub(folder(name)), picture(), TEXTS[:2], target=MATCH, method="occlusion")
    for number, text in enumerate(TEXTS[: 1 if name == "siglip2" else 2]):
        expected, rounding = occluded(name, text), 1e-6 * abs(maps.rows[number].logit)  # of a difference of two scores
        assert np.abs(expected).max() > 1e-4
        assert np.abs(maps.raw[number] - expected).max() < 1e-4 * np.abs(expected).max() + rounding


@pytest.mark.parametrize("name", MODELS)
def test_the_text_is_varied_word_by_word(name: str) -> None:
    model = gs.from_hub(folder(name))
    effects = gs.word_effects(model, picture(), "a red dog", target=MATCH)
    assert len(effects.words) == 3
    maps = gs.explain(model, picture(), TEXTS, target=MATCH)
    assert np.isfinite(gs.shift(maps, 0, 1).js_bits) == (maps.reasons[0] is None and maps.reasons[1] is None)


@pytest.mark.parametrize("name", MODELS)
def test_the_map_is_drawn_on_what_the_model_sees(name: str) -> None:
    known, seen = MODELS[name], gs.from_hub(folder(name)).view(picture())
    assert seen.size == known.view
    left = (60 - known.view[0]) // 2
    np.testing.assert_array_equal(np.asarray(seen), np.asarray(picture())[:, left : left + known.view[0]])


@pytest.mark.parametrize("name", MODELS)
def test_texts_that_are_cut_are_known(name: str) -> None:
    """Texts of every length around the limit: cut exactly when the model does not see their last word."""
    model = gs.from_hub(folder(name))
    texts = ["cat " * count + "dog" for count in range(1, 60, 3)]
    cut = model.heard(texts).truncated
    ids = model.read([picture()], texts)[1]["input_ids"]
    words = loaded(name)[1].tokenizer
    whole = [words(text)["input_ids"] for text in texts]
    assert any(cut)
    assert not all(cut)
    for row, full, said in zip(ids.tolist(), whole, cut, strict=True):
        assert ([token for token in row if token != words.pad_token_id] != full) == said


@pytest.mark.parametrize("name", TOWERS)
def test_zero_shot_equals_the_model_s_own_logits(name: str) -> None:
    """With and without a text in the prompt; texts with braces stay as they are."""
    classes, texts = ("a red dog", "two cats"), ["", "on a bench", "{class}"]
    plain = gs.from_hub(folder(name), classes=classes)
    prompted = gs.from_hub(folder(name), classes=classes, prompt="{class} {text} .")
    assert (plain.reads_text, prompted.reads_text) == (False, True)
    for said in classes:
        maps = gs.explain(plain, picture(), texts[:2], target=said, method="hires-cam")
        expected = cams(name, said)
        assert maps.rows[1].logit == pytest.approx(expected["score"], rel=1e-4, abs=1e-5)
        assert apart(maps.raw[1], expected["hires-cam"]) < 1e-4
        maps = gs.explain(prompted, picture(), texts, target=said, method="hires-cam")
        for row, text in enumerate(texts):
            expected = cams(name, f"{said} {text} .")
            assert maps.rows[row].logit == pytest.approx(expected["score"], rel=1e-4, abs=1e-5)
            assert apart(maps.raw[row], expected["hires-cam"]) < 1e-4


def test_every_family_is_tried() -> None:
    assert {hf.AutoConfig.from_pretrained(folder(name)).model_type for name in MODELS} | {"open_clip"} == set(FAMILIES)


@pytest.mark.parametrize("name", ["clip", "vilt", "siglip2"])
def test_pictures_are_read_together_or_said_to_differ(name: str) -> None:
    model = gs.from_hub(folder(name))
    both = [picture(), picture(seed=1)]
    bound = model.bind(both, TEXTS[:1])
    assert len(bound.grid) == 2
    for number, each in enumerate(both):
        alone = model.bind([each], TEXTS[:1])
        assert apart(bound.grid[number].numpy(), alone.grid[0].numpy()) < 1e-4
    if name != "clip":
        with pytest.raises(gs.errors.UsageError, match="one at a time"):
            model.bind([picture(), picture(40, 60)], TEXTS[:1])


def _other_processor() -> Any:
    return matching(loaded("clip")[0], loaded("blip")[1])


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_other_processor, "a BlipProcessor does not read for a CLIPModel: load AutoProcessor"),
        (lambda: gs.from_hub(folder("clip"), classes=["cat", "dog", "cat"]), "classes: cat given twice"),
        (lambda: gs.from_hub(folder("clip"), "zero-shot"), "needs classes"),
        (lambda: gs.from_hub(folder("clip"), classes=["a", "b"], prompt="a photo"), "has no {class}"),
        (lambda: gs.from_hub(folder("blip"), classes=["a", "b"]), "use as_='matching'"),
        (lambda: gs.from_hub(folder("clip"), "matching", classes=["a"]), "takes no classes"),
        (lambda: gs.from_hub(tempfile.mkdtemp()), "cannot be loaded"),
        (lambda: gs.from_hub(folder("clip") / "nothing"), "no such folder"),
        (lambda: matching(hf.BertModel(_bert()), loaded("clip")[1]), "BertModel .bert. is not among"),
    ],
)  # fmt: skip
def test_bad_input_is_one_line(wrong: Callable[[], Any], said: str) -> None:
    with pytest.raises(gs.errors.GazeshiftError, match=said) as error:
        wrong()
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("clip", hf.CLIPForImageClassification),
        ("blip", hf.BlipForConditionalGeneration),
        ("vilt", hf.ViltForQuestionAnswering),
        ("bridgetower", hf.BridgeTowerModel),
    ],
)
def test_another_model_of_the_same_type_is_named(name: str, kind: Any) -> None:
    model, processor = loaded(name)
    other = kind(model.config)
    with pytest.raises(
        gs.errors.ModelError, match=f"a {kind.__name__} does not score .* load a {type(model).__name__}"
    ):
        matching(other, processor)


def _bert() -> Any:
    return hf.BertConfig(hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=16)
