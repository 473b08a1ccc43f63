"""Models of open_clip, loaded from a folder of their own format, equal a plain loop."""

import builtins
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from torch import Tensor, nn

import gazeshift as gs
from gazeshift.models.hub.matching import MATCH
from tests.hub.answering import picture
from tests.hub.attention import relevance, shaped, weights_of

TEXTS = ["a red dog", "two big green cats and a tree", ""]
WORDS = {"context_length": 12, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1}
SEEN = {"image_size": 28, "patch_size": 7, "width": 32, "head_width": 16, "layers": 3}
TOWERS = {
    "class token": (SEEN, "transformer.resblocks.2.ln_1"),
    "attention pool": (
        {**SEEN, "attentional_pool": True, "attn_pooler_queries": 1, "attn_pooler_heads": 2},
        "transformer.resblocks.1",
    ),
    "resnet": ({"image_size": 64, "layers": [1, 1, 1, 1], "width": 8, "patch_size": None}, "layer4"),
    "timm": (
        {"image_size": 224, "timm_model_name": "vit_tiny_patch16_224", "timm_pool": "", "timm_proj": "linear"},
        "trunk.blocks.11.norm1",
    ),
}


@pytest.fixture(autouse=True)
def _installed(request: pytest.FixtureRequest) -> None:
    if "without" not in request.node.name:
        pytest.importorskip("open_clip", reason="open_clip is an extra: pip install 'gazeshift[open-clip]'")


def saved(folder: Path, vision: dict[str, Any], seed: int = 0) -> Path:
    """A tiny random model as open_clip's own ``save_for_hf`` writes it, without the tokenizer's files, which CLIP's own does not need."""
    import open_clip  # noqa: PLC0415  an extra

    config = {"embed_dim": 16, "vision_cfg": vision, "text_cfg": WORDS}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = open_clip.CLIP(16, vision_cfg=vision, text_cfg=WORDS)
        for parameter in model.parameters():
            if parameter.ndim > 1:
                nn.init.normal_(parameter, std=parameter[0].numel() ** -0.5)
    safetensors.torch.save_file(model.state_dict(), folder / "open_clip_model.safetensors")
    shown = {"mean": [0.5, 0.4, 0.3], "std": [0.25, 0.25, 0.25], "interpolation": "bicubic", "resize_mode": "shortest"}
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": config, "preprocess_cfg": shown}))
    return folder


@dataclass(frozen=True)
class Asked:
    """A model loaded with open_clip's own functions, and asked about the picture and a text."""

    model: Any
    seen: Tensor
    words: Tensor

    @classmethod
    def of(cls, folder: Path, text: str) -> "Asked":
        import open_clip  # noqa: PLC0415

        model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
        words = open_clip.get_tokenizer(f"local-dir:{folder}")([text])
        return cls(model.eval(), preprocess(picture())[None], words)

    def score(self, seen: Tensor | None = None) -> Tensor:
        return self.model.get_logits(self.seen if seen is None else seen, self.words)[0][0, 0]


def cams(asked: Asked, tap: str) -> dict[str, Any]:
    """Score and gradient maps, with a hook at the tap."""
    kept: list[Tensor] = []
    layer = asked.model.visual.get_submodule(tap)
    hook = layer.register_forward_hook(lambda module, arguments, output: kept.append(output))
    score = asked.score()
    hook.remove()
    (slope,) = torch.autograd.grad(score, kept[0])
    features, slopes = (each[0].flatten(1).T if each.ndim == 4 else each[0, 1:] for each in (kept[0].detach(), slope))
    rows = int(len(features) ** 0.5)
    each, whole = (features * slopes).sum(1), features @ slopes.mean(0)
    found = {"hires-cam": each, "grad-cam": whole}
    return {"score": float(score.detach()), **{name: map_.view(rows, rows).numpy() for name, map_ in found.items()}}


def occluded(asked: Asked, tap: str) -> np.ndarray:
    cells = cams(asked, tap)["hires-cam"]
    side, fall = asked.seen.shape[-1] // len(cells), np.zeros(cells.shape)
    with torch.no_grad():
        for row, column in np.ndindex(*cells.shape):
            hidden = asked.seen.clone()
            hidden[:, :, row * side : (row + 1) * side, column * side : (column + 1) * side] = 0
            fall[row, column] = float(asked.score() - asked.score(hidden))
    return fall


def attended(asked: Asked, tap: str, method: str) -> np.ndarray:
    """From the attention of the last block, the only one after the tap."""
    kept: list[Tensor] = []
    if tap.startswith("trunk"):
        attention = asked.model.visual.trunk.blocks[-1].attn
        attention.fused_attn = False
        hook = attention.attn_drop.register_forward_hook(lambda module, arguments, output: kept.append(output))
        score = asked.score()
        hook.remove()
    else:
        with weights_of(asked.model.visual.transformer.resblocks[2].attn, kept):
            score = asked.score()
    cells = range(1, kept[0].shape[-1])
    rows = int(len(cells) ** 0.5)
    return shaped(relevance(kept, score, method), cells, (rows, rows))


@pytest.mark.parametrize("tower", TOWERS)
def test_maps_equal_a_loop(tower: str, tmp_path: Path) -> None:
    vision, tap = TOWERS[tower]
    model = gs.from_hub(saved(tmp_path, vision))
    assert model.view(picture()).size == (40, 40)
    every = [Asked.of(tmp_path, text) for text in TEXTS]
    expected = {method: [cams(asked, tap)[method] for asked in every] for method in ("score", "hires-cam", "grad-cam")}
    if tower != "timm":  # whose 196 cells take a while
        expected["occlusion"] = [occluded(asked, tap) for asked in every]
    if tower != "resnet":
        for method in ("attention-gradient", "rollout"):
            expected[method] = [attended(asked, tap, method) for asked in every]
    scores = expected.pop("score")
    for method, theirs in expected.items():
        maps = gs.explain(model, picture(), TEXTS, target=MATCH, method=method)
        for row, raw, score, each in zip(maps.rows, maps.raw, scores, theirs, strict=False):
            assert row.logit == pytest.approx(score, rel=1e-4, abs=1e-5)
            assert np.abs(each).max() > 1e-6
            rounding = 1e-6 * abs(score) if method == "occlusion" else 0  # of a difference of two scores
            assert np.abs(raw - each).max() < 1e-4 * np.abs(each).max() + rounding, method


def test_a_resnet_has_no_attention_over_its_cells(tmp_path: Path) -> None:
    model = gs.from_hub(saved(tmp_path, TOWERS["resnet"][0]))
    with pytest.raises(
        gs.errors.UsageError, match=r"no attention over the grid after the tap \(4 tokens, 4 of them cells\)"
    ):
        gs.explain(model, picture(), TEXTS, target=MATCH, method="rollout")


def test_zero_shot_rollout_and_cut_texts(tmp_path: Path) -> None:
    saved(tmp_path, SEEN)
    classes = ("a red dog", "two cats")
    model = gs.from_hub(tmp_path, classes=classes, prompt="{class} {text}")
    maps = gs.explain(model, picture(), ["", "on a bench"], target="two cats", method="rollout")
    score = float(Asked.of(tmp_path, "two cats on a bench").score().detach())
    assert maps.rows[1].logit == pytest.approx(score, rel=1e-4)
    assert (maps.raw > 0).all()
    matching = gs.from_hub(tmp_path)
    assert matching.heard(["cat " * 10, "cat " * 11, "cat " * 3000, "dog!!!"]).truncated == (False, True, True, False)
    assert model.heard(["cat " * 7, "cat " * 8]).truncated == (False, True)
    assert matching.mean_colour == (0.5, 0.4, 0.3)


def test_weights_in_pickles_are_refused(tmp_path: Path) -> None:
    saved(tmp_path, SEEN)
    (tmp_path / "open_clip_model.safetensors").rename(tmp_path / "open_clip_pytorch_model.bin")
    with pytest.raises(gs.errors.ModelError, match="never from pickles"):
        gs.from_hub(tmp_path)


def test_a_folder_that_open_clip_cannot_load_is_one_line(tmp_path: Path) -> None:
    saved(tmp_path, SEEN)
    (tmp_path / "open_clip_config.json").write_text("{}")
    with pytest.raises(gs.errors.ModelError, match="open_clip cannot load it") as error:
        gs.from_hub(tmp_path)
    assert "\n" not in str(error.value)


def test_without_open_clip_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "open_clip_config.json").write_text("{}")
    found = builtins.__import__

    def missing(name: str, *rest: Any, **others: Any) -> Any:
        if name == "open_clip":
            raise ImportError(name)
        return found(name, *rest, **others)

    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(gs.errors.ModelError, match=r"pip install 'gazeshift\[open-clip\]'"):
        gs.from_hub(tmp_path)
