import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gazeshift.report import write


def _load(name: str) -> ModuleType:
    # pytest's importlib mode puts no test folder on the path; the builders are shared by the tests of this folder.
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


fake_claims = _load("fake_claims")
fake = _load("fake_run")


@pytest.fixture(scope="session")
def fake_run() -> ModuleType:
    return fake


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run folder with everything that a study can leave, whose report is written; tests only read it."""
    run = fake.build(tmp_path_factory.mktemp("runs") / "finished", fake.Options(shown=8))
    assert write(run) == run / "report.html"
    return run


@pytest.fixture
def unwritten(tmp_path: Path) -> Path:
    """A finished run without a report, for a test to spoil; it has what every run has, and no more."""
    options = fake.Options(seeds=(3,), pairs=12, shown=2, masks=False, checks=False, claims=False, edge=48)
    return fake.build(tmp_path / "run", options)
