"""Models from outside: the fast path, the slow path and plain autograd with a hook must agree, and nothing stays behind."""

from collections.abc import Callable
from typing import Any

import lightning
import numpy as np
import pytest
import torch
import transformers
from torch import Tensor, nn

from gazeshift.errors import ModelError, UsageError
from gazeshift.models.adapters import (
    TokenGrid,
    blip_caption,
    blip_matching,
    lxmert_answers,
    similarity,
    split,
    vilt_answers,
    wrap,
    zero_shot,
)
from gazeshift.saliency.outside import explain_inputs


class Fusion(nn.Module):
    """Image and token ids into one head; with ``early`` the text is in the trunk already."""

    def __init__(self, early: bool = False, inplace: bool = False) -> None:
        super().__init__()
        self.early = early
        self.words = nn.EmbeddingBag(20, 6)
        self.stem = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.BatchNorm2d(6), nn.ReLU(inplace=inplace))
        self.layer = nn.Conv2d(6, 8, 3, stride=2)
        self.relu = nn.ReLU(inplace=inplace)
        self.drop = nn.Dropout(0.5)
        self.head = nn.Sequential(nn.Linear(14, 16), nn.ReLU(), nn.Linear(16, 3))

    def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
        text = self.words(ids)
        grid = self.stem(pixels)
        if self.early:
            grid = grid + text[:, :, None, None]
        image = self.relu(self.layer(grid)).flatten(2).logsumexp(2)
        return self.head(self.drop(torch.cat([image, text], 1)))


@pytest.fixture
def images() -> Tensor:
    return torch.rand(2, 3, 21, 25, generator=torch.Generator().manual_seed(1))


@pytest.fixture
def ids() -> Tensor:
    return torch.randint(0, 20, (3, 4), generator=torch.Generator().manual_seed(2))


def seeded(make: Callable[[], nn.Module]) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return make().eval()


def by_hook(
    layer: nn.Module, score: Callable[[], Tensor], read: Callable[[Any], Tensor] = lambda out: out
) -> np.ndarray:
    """Grad-CAM of one row by a plain hook: the layer's output itself is differentiated, cloned against in-place work."""
    kept: list[Tensor] = []

    def keep(module: nn.Module, arguments: Any, output: Any) -> Any:
        kept.append(read(output))
        return output.clone() if isinstance(output, Tensor) else output

    hook = layer.register_forward_hook(keep)
    with torch.enable_grad():
        value = score()
        (slope,) = torch.autograd.grad(value, kept[0])
    hook.remove()
    return (slope.mean((2, 3), keepdim=True) * kept[0]).sum(1)[0].detach().numpy()


def close(ours: np.ndarray, theirs: np.ndarray, tolerance: float = 1e-5) -> None:
    assert np.abs(theirs).max() > 0
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=tolerance * np.abs(theirs).max())


@pytest.mark.parametrize("inplace", [False, True])
@pytest.mark.parametrize("early", [False, True])
def test_both_paths_equal_a_plain_hook(early: bool, inplace: bool, images: Tensor, ids: Tensor) -> None:
    model = seeded(lambda: Fusion(early, inplace))
    maps = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids)
    assert maps.raw.shape == (6, 4, 5)
    for row, raw in zip(maps.rows, maps.raw, strict=True):
        pixels, words = images[row.image : row.image + 1], ids[row.text : row.text + 1]
        logits = model(pixels, words)[0]
        assert row.target == int(logits.argmax())
        assert row.logit == pytest.approx(float(logits[row.target].detach()), abs=1e-5)
        close(raw, by_hook(model.layer, lambda p=pixels, w=words, t=row.target: model(p, w)[0, t]))


def test_the_slow_path_forced_on_a_text_free_trunk_gives_the_same(images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    fast = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids)
    slow = explain_inputs(wrap(model, "layer", image="pixels", text="ids", text_free=False), images, ids)
    close(fast.raw, slow.raw)
    np.testing.assert_allclose(fast.logits, slow.logits, atol=1e-5)


@pytest.mark.parametrize(("early", "grids"), [(False, 2), (True, 6)])
def test_a_text_in_the_trunk_is_found_out(early: bool, grids: int, images: Tensor, ids: Tensor) -> None:
    """Also where the first two texts are the same: one grid per image if it is text-free, else one per combination."""
    ids[1] = ids[0]
    combinations = torch.tensor([0, 0, 0, 1, 1, 1]), torch.tensor([0, 1, 2, 0, 1, 2])
    bound = wrap(seeded(lambda: Fusion(early)), "layer", image="pixels", text="ids").bind(images, ids, *combinations)
    assert len(bound.image) == grids


def count_calls(module: nn.Module) -> list[int]:
    """Calls of a convolution's own arithmetic, which a recorded result does without."""
    calls: list[int] = []
    original = module._conv_forward

    def counted(*arguments: Any) -> Tensor:
        calls.append(1)
        return original(*arguments)

    module._conv_forward = counted
    return calls


def test_replay_does_not_run_what_lies_before_the_layer(images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    calls = count_calls(model.stem[0])
    explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids.repeat(20, 1))
    assert len(calls) == 2  # the trial and the recording; not once more for 120 combinations


def test_the_users_own_hooks_keep_their_effect(images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    model.stem.register_forward_hook(lambda module, arguments, output: output * 2)
    maps = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1)
    close(maps.of(1, 2), by_hook(model.layer, lambda: model(images[1:], ids[2:])[0, 1]))
    assert len(model.stem._forward_hooks) == 1


def test_an_object_of_three_parts_needs_no_hook(images: Tensor, ids: Tensor) -> None:
    net = seeded(Fusion)

    class Mine:
        def __init__(self) -> None:
            self.net = net

        def encode_image(self, pixels: Tensor) -> Tensor:
            return net.layer(net.stem(pixels))

        def encode_text(self, words: Tensor) -> dict[str, Tensor]:
            return {"vector": net.words(words)}

        def classify(self, grid: Tensor, text: dict[str, Tensor]) -> Tensor:
            return net.head(torch.cat([grid.mean((2, 3)), text["vector"]], 1))

    slow = explain_inputs(split(Mine()), images, ids, target=1)
    fast = explain_inputs(split(Mine(), pools_first=True), images, ids, target=1)
    close(fast.raw, slow.raw)
    grid = net.layer(net.stem(images)).detach().requires_grad_()
    score = Mine().classify(grid[1:], Mine().encode_text(ids[2:]))[0, 1]
    (slope,) = torch.autograd.grad(score, grid)
    close(slow.of(1, 2), (slope[1].mean((1, 2), keepdim=True) * grid[1]).sum(0).detach().numpy())


def sentences(vocabulary: int = 90, rows: int = 3, length: int = 6) -> dict[str, Tensor]:
    ids = torch.randint(3, vocabulary, (rows, length), generator=torch.Generator().manual_seed(3))
    ids[:, -1] = 2  # the end token, which CLIP reads the sentence at
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


VISION = {
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "image_size": 32,
}
TEXT = {"vocab_size": 90, "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
SPECIAL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}


def tiny_clip() -> Any:
    config = transformers.CLIPConfig(
        text_config={**TEXT, **SPECIAL, "projection_dim": 16},
        vision_config={**VISION, "patch_size": 8, "projection_dim": 16},
        projection_dim=16,
    )
    return transformers.CLIPModel(config)


def tiny_siglip() -> Any:
    config = transformers.SiglipConfig(
        text_config={**TEXT, **SPECIAL, "max_position_embeddings": 6}, vision_config={**VISION, "patch_size": 8}
    )
    return transformers.SiglipModel(config)


@pytest.mark.parametrize(("make", "prefix"), [(tiny_clip, 1), (tiny_siglip, 0)])
def test_clip_and_siglip_equal_a_hook_in_the_whole_model(make: Callable[[], nn.Module], prefix: int) -> None:
    model: Any = seeded(make)
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    words = sentences()
    maps = explain_inputs(similarity(model), pixels, words, target=0)
    classes = explain_inputs(zero_shot(model, words), pixels, target=2)
    assert maps.raw.shape == (6, 4, 4)
    with torch.no_grad():
        whole = model(pixel_values=pixels, **words).logits_per_image
    np.testing.assert_allclose(maps.logits.reshape(2, 3), whole.numpy(), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(classes.logits, whole.numpy(), rtol=1e-4, atol=1e-5)
    layer, kept = model.vision_model.encoder.layers[1], []
    hook = layer.register_forward_hook(lambda module, arguments, output: kept.append(output))
    score = model(pixel_values=pixels, **words).logits_per_image[1, 2]
    hook.remove()
    (slope,) = torch.autograd.grad(score, kept[0])
    patches, weights = kept[0][1, prefix:], slope[1, prefix:].mean(0)
    expected = (patches @ weights).reshape(4, 4).detach().numpy()
    close(maps.of(1, 2), expected, 1e-4)
    close(classes.of(1), expected, 1e-4)


def test_blip_reads_the_image_with_the_text() -> None:
    text = {**TEXT, **SPECIAL, "encoder_hidden_size": 16, "max_position_embeddings": 16, "sep_token_id": 2}
    config = transformers.BlipConfig(
        text_config=text, vision_config={**VISION, "patch_size": 8}, projection_dim=16, image_text_hidden_size=16
    )
    pixels = torch.rand(1, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    words = sentences()
    for make, wrapped, target in (
        (transformers.BlipForImageTextRetrieval, blip_matching, 1),
        (transformers.BlipForConditionalGeneration, lambda model: blip_caption(model, 3), 7),
    ):
        model: Any = seeded(lambda make=make: make(config))
        maps = explain_inputs(wrapped(model), pixels, words, target=target)
        layer, kept = model.vision_model.encoder.layers[-1], []
        hook = layer.register_forward_hook(lambda module, arguments, output, kept=kept: kept.append(output))
        out = model(pixel_values=pixels, **{name: value[1:2] for name, value in words.items()})
        hook.remove()
        score = out.itm_score[0, 1] if make is transformers.BlipForImageTextRetrieval else out.logits[0, 2, 7]
        (slope,) = torch.autograd.grad(score, kept[0])
        expected = (kept[0][0, 1:] @ slope[0, 1:].mean(0)).reshape(4, 4).detach().numpy()
        close(maps.of(0, 1), expected, 1e-4)


def test_vilt_in_spite_of_its_shuffled_patches() -> None:
    config = transformers.ViltConfig(
        **TEXT, image_size=32, patch_size=8, num_labels=4, max_position_embeddings=16, num_images=-1
    )
    model: Any = seeded(lambda: transformers.ViltForQuestionAnswering(config))
    pixels = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(4))
    words, state = sentences(), torch.get_rng_state()
    maps = explain_inputs(vilt_answers(model), pixels, words, target=3)
    assert torch.equal(torch.get_rng_state(), state)
    one = {name: value[2:] for name, value in words.items()}
    layer = model.vilt.embeddings.patch_embeddings.projection
    close(maps.of(1, 2), by_hook(layer, lambda: model(pixel_values=pixels[1:], **one).logits[0, 3]), 1e-4)


def test_lxmert_by_the_slow_path() -> None:
    config = transformers.LxmertConfig(
        vocab_size=90, hidden_size=16, num_attention_heads=2, intermediate_size=32, l_layers=1, x_layers=3, r_layers=1,
        visual_feat_dim=8, num_qa_labels=5,
    )  # fmt: skip
    model: Any = seeded(lambda: transformers.LxmertForQuestionAnswering(config))
    regions = torch.rand(2, 7, 8, generator=torch.Generator().manual_seed(4))
    boxes = torch.rand(2, 7, 4, generator=torch.Generator().manual_seed(5))
    words = sentences()
    maps = explain_inputs(lxmert_answers(model, 7), (regions, boxes), words, target=4)
    assert maps.raw.shape == (6, 1, 7)
    one = {name: value[:1] for name, value in words.items()}
    kept: list[Tensor] = []
    layer = model.lxmert.encoder.x_layers[1]
    hook = layer.register_forward_hook(lambda module, arguments, output: kept.append(output[1]))
    score = model(visual_feats=regions[1:], visual_pos=boxes[1:], **one).question_answering_score[0, 4]
    hook.remove()
    (slope,) = torch.autograd.grad(score, kept[0])
    close(maps.of(1, 0), (kept[0][0] @ slope[0].mean(0))[None].detach().numpy(), 1e-4)


def state_of(model: nn.Module) -> list[Any]:
    """All that an explanation could leave behind in a model."""
    modules = [(m.training, len(m._forward_hooks), len(m._forward_pre_hooks), sorted(vars(m))) for m in model.modules()]
    return [modules, [(p.requires_grad, p.grad, p._version) for p in model.parameters()]]


class BrokenError(Exception):
    """Raised inside a model."""


@pytest.mark.parametrize("fails_at", [None, 1, 2, 3, 4])
def test_nothing_stays_behind_also_after_an_exception(fails_at: int | None, images: Tensor, ids: Tensor) -> None:
    model, passes = seeded(Fusion), []
    model.train()
    model.drop.eval()
    model.words.weight.requires_grad_(False)

    def output(logits: Tensor) -> Tensor:
        passes.append(1)
        if len(passes) == fails_at:
            raise BrokenError
        return logits

    class Fails(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = model

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            return output(self.inner(pixels, ids))

    wrapped = Fails()
    before, state = state_of(wrapped), torch.get_rng_state()
    if fails_at is None:
        explain_inputs(wrap(wrapped, "inner.layer", image="pixels", text="ids"), images, ids)
        assert len(passes) >= 4
    else:
        with pytest.raises(BrokenError):
            explain_inputs(wrap(wrapped, "inner.layer", image="pixels", text="ids"), images, ids)
    assert state_of(wrapped) == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("around", [torch.no_grad, torch.inference_mode])
def test_frozen_and_without_grad(around: Callable[[], Any], images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    expected = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids)
    model.requires_grad_(False)
    with around():
        maps = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images * 1, ids)
    close(maps.raw, expected.raw)


def test_a_lightning_module(images: Tensor, ids: Tensor) -> None:
    class Lit(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.net = Fusion()

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            return self.net(pixels, ids)

    model = seeded(Lit)
    maps = explain_inputs(wrap(model, "net.layer", image="pixels", text="ids"), images, ids)
    close(maps.raw, explain_inputs(wrap(model.net, "layer", image="pixels", text="ids"), images, ids).raw)


def test_bfloat16_and_autocast_stay_near_float32(images: Tensor, ids: Tensor) -> None:
    model = seeded(Fusion)
    full = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1).raw
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1).raw
    half = explain_inputs(wrap(model.bfloat16(), "layer", image="pixels", text="ids"), images.bfloat16(), ids, target=1)
    assert mixed.dtype == half.raw.dtype == np.float32
    for maps in (mixed, half.raw):
        assert np.corrcoef(maps.ravel(), full.ravel())[0, 1] > 0.95


def test_a_layer_that_runs_twice_asks_which(images: Tensor) -> None:
    class Views(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared = nn.Sequential(
                nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 4, 3, stride=2), nn.ReLU(inplace=True)
            )
            self.head = nn.Linear(8, 2)

        def forward(self, views: list[Tensor]) -> Tensor:
            return self.head(torch.cat([self.shared(view).amax((2, 3)) for view in views], 1))

    model, other = seeded(Views), images.flip(2)
    with pytest.raises(ModelError, match=r"runs 2 times .* nth=0 to nth=1"):
        explain_inputs(wrap(model, "shared.1", image="views"), [images, other])
    for nth in (0, 1):
        maps = explain_inputs(wrap(model, "shared.1", image="views", nth=nth), [images, other], target=0)
        grids = [model.shared[:2](view[1:]).detach().requires_grad_() for view in (images, other)]
        score = model.head(torch.cat([grid.relu().amax((2, 3)) for grid in grids], 1))[0, 0]
        (slope,) = torch.autograd.grad(score, grids[nth])
        close(maps.of(1), (slope.mean((2, 3), keepdim=True) * grids[nth]).sum(1)[0].detach().numpy())


@pytest.mark.parametrize(
    ("options", "words", "error"),
    [
        ({"layer": "layers"}, "no layer 'layers'.*layer", UsageError),
        ({"layer": "head.2"}, "where its grid is cannot be told", ModelError),
        ({"layer": "layer", "part": "hidden"}, "no part 'hidden'", ModelError),
        ({"layer": "layer", "nth": 1}, "no nth=1", ModelError),
        ({"layer": "layer", "grid": "b c"}, "unknown grid", UsageError),
        ({"layer": "layer", "grid": TokenGrid(2, 2)}, "2 x 2 tokens", ModelError),
        ({"layer": "layer", "output": lambda out: out.sum()}, "output= gives", ModelError),
        ({"layer": "layer", "output": lambda out: out.detach()}, "does not depend on layer", ModelError),
    ],
)
def test_errors_say_what_to_do(
    options: dict[str, Any], words: str, error: type[Exception], images: Tensor, ids: Tensor
) -> None:
    with pytest.raises(error, match=words):
        explain_inputs(wrap(seeded(Fusion), image="pixels", text="ids", **options), images, ids)


def test_wrong_inputs_are_refused(images: Tensor, ids: Tensor) -> None:
    wrapped = wrap(seeded(Fusion), "layer", image="pixels", text="ids")
    with pytest.raises(UsageError, match="as many texts as images"):
        explain_inputs(wrapped, images, ids, aligned=True)
    with pytest.raises(UsageError, match="no class"):
        explain_inputs(wrapped, images, ids, target=3)
    with pytest.raises(UsageError, match="unknown target"):
        explain_inputs(wrapped, images, ids, target="best")
    assert explain_inputs(wrapped, images, ids[:2], aligned=True).raw.shape == (2, 4, 5)


def test_undefined_maps_are_told_why(ids: Tensor) -> None:
    model = seeded(Fusion)
    wrapped = wrap(model, "layer", image="pixels", text="ids")
    nothing = torch.zeros(2, 3, 21, 25)
    nothing[1] = torch.nan
    nn.init.zeros_(model.head[2].weight)
    first, second = explain_inputs(wrapped, nothing, ids[:1], target=0).reasons
    assert first is not None
    assert "every value is zero" in first
    assert second is not None
    assert "output is not finite" in second


def test_a_module_used_inside_and_outside_of_another_is_not_mixed_up(images: Tensor, ids: Tensor) -> None:
    """The gate reads the text, so it runs anew; the convolution it shares with the trunk must not hand it the trunk's result."""

    class Gate(nn.Module):
        def __init__(self, shared: nn.Module) -> None:
            super().__init__()
            self.shared = shared

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            return self.shared(pixels * ids[:, :1, None, None]).mean((2, 3))

    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared, self.layer, self.head = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3), nn.Linear(4, 2)
            self.gate = Gate(self.shared)

        def forward(self, pixels: Tensor, ids: Tensor) -> Tensor:
            gate = self.gate(pixels, ids)
            return self.head(self.layer(self.shared(pixels)).logsumexp((2, 3)) * gate)

    model = seeded(Odd)
    maps = explain_inputs(wrap(model, "layer", image="pixels", text="ids"), images, ids, target=1)
    close(maps.of(1, 2), by_hook(model.layer, lambda: model(images[1:], ids[2:])[0, 1]))
    np.testing.assert_allclose(maps.logits[5], model(images[1:], ids[2:])[0].detach(), rtol=1e-5)
