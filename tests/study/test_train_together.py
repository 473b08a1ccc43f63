"""``gazeshift train`` under torchrun: on one machine, and on two that are both this one."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gazeshift.models import load
from tests.tiny_study import write_yaml

pytestmark = pytest.mark.slow
TORCHRUN = [sys.executable, "-m", "torch.distributed.run"]


def study(folder: Path, tiny_run: Path) -> Path:
    return write_yaml(folder, data={"root": str(tiny_run / "plates"), "validation": 0.2, "workers": 1})


def port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def started(options: list[str], command: list[object]) -> subprocess.Popen[str]:
    whole = [*TORCHRUN, *options, "-m", "gazeshift", *map(str, command)]
    pipe = subprocess.PIPE
    return subprocess.Popen(whole, stdout=pipe, stderr=pipe, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_two_machines_train_one_model(tiny_run: Path, tmp_path: Path) -> None:
    command = ["train", study(tmp_path, tiny_run), "--model", "early-fusion", "--seed", 1, "--out", tmp_path / "m"]
    meeting = ["--nnodes", "2", "--nproc-per-node", "1", "--rdzv-backend", "c10d", "--rdzv-id", "tiny"]
    meeting += ["--rdzv-endpoint", f"127.0.0.1:{port()}", "--local-addr", "127.0.0.1"]
    machines = [started(meeting, command) for _ in range(2)]
    said = [machine.communicate(timeout=240) for machine in machines]
    assert [machine.returncode for machine in machines] == [0, 0], said
    printed = "".join(out for out, _ in said)
    assert printed.count("\n") == 1
    assert printed.startswith(f"{tmp_path / 'm'}: 1 epochs, validation accuracy ")
    assert load(tmp_path / "m").classes
    assert sorted(path.name for path in (tmp_path / "m.training" / "logs").iterdir()) == [
        "inputs.sha256",
        "metrics.csv",
        "tensorboard",
    ]


def test_an_error_is_one_line_of_each_process(tiny_run: Path, tmp_path: Path) -> None:
    command = ["train", study(tmp_path, tiny_run), "--model", "pizza", "--out", tmp_path / "m"]
    run = started(["--nproc-per-node", "2", "--master-port", str(port())], command)
    _, said = run.communicate(timeout=240)
    assert run.returncode != 0
    lines = [line for line in said.splitlines() if line.startswith("gazeshift: ")]
    assert lines, said
    assert all(line.startswith(("gazeshift: process 0: ", "gazeshift: process 1: ")) for line in lines)
    assert any("pizza" in line for line in lines)
    assert "train_model" not in said  # no traceback of ours
    assert not (tmp_path / "m").exists()


def test_a_study_is_one_process(tmp_path: Path, tiny_run: Path, gazeshift, monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "1"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    code, _, said = gazeshift("study", study(tmp_path, tiny_run), "--out", tmp_path / "run")
    assert code == 2
    assert "gazeshift train trains one of its models in several" in said
    assert not (tmp_path / "run").exists()
