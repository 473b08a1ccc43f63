"""Models of open_clip, loaded from a folder of their own format, equal a plain loop."""

import builtins
import json
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


def by_hand(folder: Path, tap: str, text: str, method: str) -> dict[str, Any]:
    """Score and maps from open_clip's own functions."""
    import open_clip  # noqa: PLC0415

    model, preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
    model.eval()
    kept: list[Tensor] = []
    hook = model.visual.get_submodule(tap).register_forward_hook(lambda module, arguments, output: kept.append(output))
    seen = preprocess(picture())[None]
    score = model.get_logits(seen, open_clip.get_tokenizer(f"local-dir:{folder}")([text]))[0][0, 0]
    hook.remove()
    (slope,) = torch.autograd.grad(score, kept[0])
    features, slopes = kept[0][0].detach(), slope[0]
    if features.ndim == 3:
        each = (features * slopes).sum(0)
    else:
        rows = int(len(features) ** 0.5)  # after a class token
        each = (features * slopes).sum(1)[1:].view(rows, rows)
    found = {"score": float(score.detach()), "hires-cam": each.numpy()}
    if method != "occlusion":
        return found
    fall = []
    side = seen.shape[-1] // len(each)
    with torch.no_grad():
        words = open_clip.get_tokenizer(f"local-dir:{folder}")([text])
        for cell in range(each.numel()):
            row, column = side * (cell // len(each)), side * (cell % len(each))
            hidden = seen.clone()
            hidden[:, :, row : row + side, column : column + side] = 0
            fall.append(float(score - model.get_logits(hidden, words)[0][0, 0]))
    return {**found, "occlusion": np.reshape(fall, each.shape)}


@pytest.mark.parametrize("tower", TOWERS)
def test_maps_equal_a_loop(tower: str, tmp_path: Path) -> None:
    vision, tap = TOWERS[tower]
    model = gs.from_hub(saved(tmp_path, vision))
    assert model.view(picture()).size == (40, 40)
    for method in ("hires-cam", "occlusion")[: 1 if tower == "timm" else 2]:  # its 196 cells take a while
        maps = gs.explain(model, picture(), TEXTS, target=MATCH, method=method)
        for row, raw, text in zip(maps.rows, maps.raw, TEXTS, strict=False):
            expected = by_hand(tmp_path, tap, text, method)
            assert row.logit == pytest.approx(expected["score"], rel=1e-4, abs=1e-5)
            assert np.abs(raw - expected[method]).max() < 1e-4 * np.abs(expected[method]).max()


def test_zero_shot_rollout_and_cut_texts(tmp_path: Path) -> None:
    saved(tmp_path, SEEN)
    classes = ("a red dog", "two cats")
    model = gs.from_hub(tmp_path, classes=classes, prompt="{class} {text}")
    maps = gs.explain(model, picture(), ["", "on a bench"], target="two cats", method="rollout")
    expected = by_hand(tmp_path, TOWERS["class token"][1], "two cats on a bench", "rollout")
    assert maps.rows[1].logit == pytest.approx(expected["score"], rel=1e-4)
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
