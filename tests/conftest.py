import os
import resource
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

# Shapes in the types are checked while the tests run; the hook must be there before gazeshift is imported.
from jaxtyping import install_import_hook

install_import_hook(["gazeshift.saliency", "gazeshift.measures", "gazeshift.models"], "beartype.beartype")
os.environ["HF_HUB_OFFLINE"] = "1"  # a test that reaches for the network fails instead

import pytest  # noqa: E402
import torch  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

from gazeshift.cli.main import run  # noqa: E402
from gazeshift.models import (  # noqa: E402
    Classifier,
    HeadSpec,
    ImageSpec,
    ModelSpec,
    TextSpec,
    build_classifier,
    build_text,
    build_trunk,
)
from gazeshift.preprocessing import Preprocessing  # noqa: E402

torch.backends.cudnn.allow_tf32 = False  # on CUDA too, numbers are compared; TF32 has ten bits
torch.set_num_threads(1)  # tiny tensors: threads cost more than they give, above all on a busy machine
# The same examples and so the same verdict on every machine, however slow. To look for new ones: pytest --hypothesis-profile=default
settings.register_profile("anywhere", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("anywhere")

Build = Callable[..., Classifier]
Command = Callable[..., tuple[int, str, str]]
CLASSES = ("apple pie", "baklava", "ceviche", "donuts", "edamame")
WORDS = ("apple pie with cream", "red tomato ketchup", "a bowl of green edamame", "baklava & honey 蜂蜜")
TEXT = TextSpec(encoder="transformer", width=16, layers=1, heads=2, max_tokens=12)


@pytest.fixture(scope="session")
def build() -> Build:
    """Make an untrained classifier: ``build(head="early-fusion", image=..., size=64, text=..., seed=0)``."""

    def make(
        head: str = "early-fusion",
        image: ImageSpec | str = "small_cnn",
        size: int = 64,
        text: TextSpec | None = None,
        seed: int = 0,
        trunk: Any = None,
        source: str = "",
        classes: tuple[str, ...] = CLASSES,
    ) -> Classifier:
        image = ImageSpec(name=image) if isinstance(image, str) else image
        text = text or (TextSpec(encoder="none") if head in {"image-only", "image-mlp"} else TEXT)
        preprocessing = Preprocessing(size=size, crop_fraction=1)
        spec = ModelSpec(
            name=head,
            image=image,
            text=text,
            head=HeadSpec(head=head, image_width=8, hidden=32, dropout=0.4),
            classes=classes,
            preprocessing=preprocessing,
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            trunk = trunk if trunk is not None else build_trunk(image, size)
            parts = build_text(text, WORDS, source)
        return build_classifier(spec, trunk, parts, seed).eval()

    return make


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever needs the tiny study waits for it."""
    for item in items:
        if "tiny_run" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run folder of a tiny study on Plates, finished with its report; to read, not to change."""
    from tests.tiny_study import run_tiny  # noqa: PLC0415  all of a study takes seconds to import

    folder = tmp_path_factory.mktemp("tiny")
    run_tiny(folder, folder / "run")
    return folder / "run"


@pytest.fixture
def gazeshift(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run the command line in this process: ``code, out, err = gazeshift("maps", model, "--data", root)``."""

    def command(*arguments: object, columns: int = 200) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gazeshift", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as ended:
            run()
        printed = capsys.readouterr()
        return int(ended.value.code or 0), printed.out, printed.err

    return command


@pytest.fixture
def registries_as_before() -> Iterator[None]:
    """What a test registers is gone afterwards, and random numbers are as before."""
    from gazeshift.edits import EDITS  # noqa: PLC0415
    from gazeshift.measures import MAP_MEASURES  # noqa: PLC0415
    from gazeshift.models.fusions import HEADS  # noqa: PLC0415
    from gazeshift.saliency import METHODS  # noqa: PLC0415
    from gazeshift.saliency.magnitude import MAGNITUDES  # noqa: PLC0415

    registries: tuple[dict[str, Any], ...] = (METHODS, MAGNITUDES, HEADS, EDITS, MAP_MEASURES)
    before = [dict(registry) for registry in registries]
    with torch.random.fork_rng(devices=[]):
        yield
    for registry, entries in zip(registries, before, strict=True):
        registry.clear()
        registry.update(entries)


@pytest.fixture
def no_space() -> Callable[[], AbstractContextManager[None]]:
    """``with no_space():`` no file can grow beyond eight bytes, whoever writes it: the system refuses, as a full disk does."""

    @contextmanager
    def block() -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (8, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return block
