import json
import sys

import numpy as np
import pytest
import torch

from gazeshift.bench import BenchSettings, run_bench
from gazeshift.bench.contenders import PEERS, installed_peers, ours
from gazeshift.bench.subject import make_subject
from gazeshift.cli.main import run
from gazeshift.measures import distribution


def test_all_contenders_draw_the_same_map() -> None:
    subject = make_subject("resnet18", 64, batch=2, texts=2, device="cpu")
    own = distribution(ours(subject)().numpy())  # type: ignore[attr-defined]
    assert installed_peers() == list(PEERS)
    captum = PEERS["captum"](subject)().detach().numpy()[:, 0]  # type: ignore[attr-defined]
    np.testing.assert_allclose(distribution(captum), own, atol=1e-4)
    torchcam = torch.cat(PEERS["torchcam"](subject)()).numpy()  # type: ignore[call-overload]
    for theirs, mine in zip(torchcam, own, strict=True):  # min-max normalised there
        assert np.corrcoef(theirs.ravel(), (mine / mine.max()).ravel())[0, 1] > 0.99


def test_ratios_are_those_of_the_seconds() -> None:
    result = run_bench(BenchSettings(model="resnet18", size=64, batch=2, texts=4, rounds=1))
    seconds, ratios = result["seconds"], result["ratios"]
    assert ratios["map_vs_forward"] == pytest.approx(seconds["ours"] / seconds["forward"])
    assert ratios["pytorch_grad_cam_vs_ours"] == pytest.approx(seconds["pytorch-grad-cam"] / seconds["ours"])
    assert ratios["texts_loop_vs_ours"] > 0
    assert result["memory_mb"] >= 0


def test_the_command_prints_json_and_refuses_what_timm_does_not_have(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        sys,
        "argv",
        ["gazeshift", "bench", "--model", "small_cnn", "--batch", "2", "--texts", "3", "--rounds", "1", "--json"],
    )
    with pytest.raises(SystemExit) as ended:
        run()
    assert not ended.value.code
    assert {"seconds", "ratios", "machine", "settings", "memory_mb"} == set(json.loads(capsys.readouterr().out))
    monkeypatch.setattr(sys, "argv", ["gazeshift", "bench", "--model", "inceptoin_v3"])
    with pytest.raises(SystemExit) as ended:
        run()
    assert ended.value.code == 2
    assert "inception_v3" in capsys.readouterr().err
