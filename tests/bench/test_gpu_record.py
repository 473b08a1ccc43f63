"""``make gpu-record``: what it does without a device, and that its parts give what they say."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from benchmarks import gpu_record

SCRIPT = Path(gpu_record.__file__)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a device")
def test_without_a_device_it_says_so_and_writes_nothing(tmp_path: Path) -> None:
    done = subprocess.run(  # this interpreter
        [sys.executable, str(SCRIPT), "--out", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stdout == "There is no CUDA device on this machine; nothing recorded.\n"
    assert not list(tmp_path.iterdir())


def test_every_way_to_run_a_trunk_gives_its_features() -> None:
    eager = ["plain", "folded", "folded, contiguous", "folded, bfloat16"]
    assert set(eager) < set(gpu_record.WAYS)
    found = gpu_record.trunk_ways("cpu", [("small_cnn", 64, 2), ("vit_tiny_patch16_224", 64, 2)], 1, eager)["found"]
    for ways in found.values():
        assert list(ways) == eager
        assert all(way["seconds"] > 0 for way in ways.values())
        assert ways["plain"]["gap"] == 0
        assert max(ways["folded"]["gap"], ways["folded, contiguous"]["gap"]) < 1e-4
        assert 1e-5 < ways["folded, bfloat16"]["gap"] < 0.2


def test_the_line_for_the_docs_has_every_ratio() -> None:
    settings = {"model": "small_cnn", "precision": "bfloat16", "compiled": True}
    bench = {"results": [{"settings": settings, "ratios": {"map_vs_forward": 0.5, "texts_loop_vs_ours": 1234.5}}]}
    said = gpu_record.line({"device": "H100", "bench": bench})
    assert said == "| H100 | small_cnn bfloat16 compiled: map_vs_forward 0.50, texts_loop_vs_ours 1,234.50 |"
    assert gpu_record.line({"device": "H100", "bench": {"passed": False}}) == "| H100 |"
