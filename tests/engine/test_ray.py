"""The same work on a Ray cluster that is started here: the same bytes, also if workers die."""

import sys
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

import gazeshift as gs
from gazeshift.errors import ModelError, UsageError
from gazeshift.models import save
from gazeshift.models.addresses import Address
from gazeshift.pairs import Pair
from tests.conftest import Build
from tests.engine.test_run import rows_of, run
from tests.saliency.own_model import CLASSES
from tests.saliency.test_stream import png
from tests.tiny_study import run_tiny

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:::ray")]


def black() -> bytes:
    file = BytesIO()
    Image.new("RGB", (60, 40)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture(scope="module")
def died(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("died") / "died"


@pytest.fixture(scope="module", autouse=True)
def cluster(died: Path) -> Iterator[None]:
    """Reached only from this machine, and only with its token; workers find the tests' models."""
    ray = pytest.importorskip("ray")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIED", str(died))
        patch.setenv("PYTHONPATH", f"{ROOT}:{ROOT / 'src'}")
        patch.setenv("OMP_NUM_THREADS", "1")
        ray.init(
            address="local", num_cpus=2, include_dashboard=False, log_to_driver=False, _node_ip_address="127.0.0.1"
        )
        yield
        ray.shutdown()


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    made = [Pair(f"{index}.png", png(index), f"title {index}", CLASSES[index % 3], "test") for index in range(40)]
    return [*made[:20], replace(made[20], image=black()), *made[21:]]


def test_the_same_bytes_as_in_this_process(build: Build, pairs: list[Pair], tmp_path: Path) -> None:
    save(build("early-fusion"), tmp_path / "model")
    address = Address(str(tmp_path / "model"))
    here = run(address, pairs, tmp_path / "here", None)
    there = run(address, pairs, tmp_path / "there", None, engine="ray", workers=2)
    assert here == there
    assert rows_of(tmp_path / "here").equals(rows_of(tmp_path / "there"))


def test_what_a_dead_worker_was_at_is_done_by_another(pairs: list[Pair], died: Path, tmp_path: Path) -> None:
    died.unlink(missing_ok=True)
    model = "python:tests.engine.dying_model"
    run(Address(f"{model}:once"), pairs, tmp_path / "there", None, engine="ray", workers=2)
    assert died.exists()
    run(Address(f"{model}:never"), pairs, tmp_path / "here", None)
    ours, theirs = (rows_of(tmp_path / name).drop_columns(["model"]) for name in ("here", "there"))
    assert ours.equals(theirs)


def test_a_shard_that_kills_every_worker_is_named(pairs: list[Pair], tmp_path: Path) -> None:
    address = Address("python:tests.engine.dying_model:always")
    with pytest.raises(ModelError, match=r"shard 2 \(from '16\.png'\): 3 workers died at it"):
        run(address, pairs, tmp_path / "maps", None, total=40, engine="ray", workers=1)


def test_errors_for_people_come_back_as_they_are(build: Build, pairs: list[Pair], tmp_path: Path) -> None:
    save(build("early-fusion"), tmp_path / "model")
    address = Address(str(tmp_path / "model"))
    wrong = [replace(pair, label="pizza") for pair in pairs[:8]]
    with pytest.raises(UsageError, match="unknown class 'pizza'"):
        run(address, wrong, tmp_path / "maps", None, target="label", engine="ray", workers=1)


def test_without_ray_the_extra_is_named(
    build: Build, pairs: list[Pair], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(build("early-fusion"), tmp_path / "model")
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'gazeshift\[cluster\]'"):
        run(Address(str(tmp_path / "model")), pairs, tmp_path / "maps", None, engine="ray")


def test_a_study_spreads_its_units(tmp_path: Path) -> None:
    """Every unit is trained once, somewhere; weights and summary are those of a study in one process."""
    models = {"image-only": None, "early-fusion": None}
    here = run_tiny(tmp_path, tmp_path / "here", models=models)
    there = run_tiny(tmp_path, tmp_path / "there", models=models, engine="ray")
    assert here == {name: state for name, state in there.items() if name != "features"}
    assert set(there.values()) == {"done"}
    for model, seed in product(models, (0, 1)):
        one, other = (
            gs.load(tmp_path / name / "models" / model / f"seed-{seed}").digest() for name in ("here", "there")
        )
        assert one == other
    figures = [gs.read_summary(tmp_path / name).accuracy for name in ("here", "there")]
    assert figures[0] == figures[1]
    again = run_tiny(tmp_path, tmp_path / "there", models=models, engine="ray")
    assert set(again.values()) == {"reused"}


def test_frozen_trunks_are_run_by_the_workers_of_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Features are computed once, before the units, and only by workers; the units find them."""
    training = {"epochs": 1, "batch_size": 16, "trunk": "frozen"}
    models = {"image-only": None, "early-fusion": None}
    run_tiny(tmp_path, tmp_path / "here", models=models, training=training)
    with monkeypatch.context() as patch:
        patch.setattr("gazeshift.training.encoding.Encoding.__call__", None)  # not here
        run_tiny(tmp_path, tmp_path / "there", models=models, training=training, engine="ray")
    here, there = (
        {path.name: path.read_bytes() for path in (tmp_path / name / "cache" / "features").iterdir()}
        for name in ("here", "there")
    )
    assert here == there
    assert here
