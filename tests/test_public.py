"""The public face: these names, each with a docstring, and no more."""

import importlib
import inspect
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gazeshift as gs

PUBLIC = [
    "Baseline",
    "Classifier",
    "Combination",
    "MapFaithfulness",
    "Mediation",
    "Modality",
    "SaliencyMaps",
    "Shift",
    "SmallestEdit",
    "Summary",
    "TextInfluence",
    "WordEffects",
    "WordPairs",
    "WordRegions",
    "__version__",
    "effects",
    "explain",
    "faithfulness",
    "from_hub",
    "from_pretrained",
    "load",
    "mean_of_pairs",
    "mediation",
    "modality",
    "model",
    "push_to_hub",
    "read_summary",
    "save_pretrained",
    "shift",
    "smallest_edit",
    "text_influence",
    "word_effects",
    "word_pairs",
    "word_regions",
]


def test_public_names() -> None:
    assert sorted(gs.__all__) == PUBLIC
    assert set(dir(gs)) >= set(PUBLIC)
    with pytest.raises(AttributeError, match="nothing"):
        gs.nothing  # noqa: B018


@pytest.mark.parametrize("name", [name for name in PUBLIC if name != "__version__"])
def test_each_has_a_docstring(name: str) -> None:
    public = getattr(gs, name)
    assert len(inspect.getdoc(public) or "") > 40
    assert callable(public)


def test_explain_is_the_function_whatever_was_imported_before(build: Callable[..., gs.Classifier]) -> None:
    package = importlib.import_module("gazeshift.saliency")  # binds the package over the function of the same name
    picture = Image.fromarray(np.zeros((64, 64, 3), dtype=np.uint8))
    for _ in range(2):
        maps = gs.explain(build(), picture, ["apple", "pie"])
        assert gs.shift(maps, 0, 1).before in maps.classes
    assert package.METHODS


def test_importing_the_package_does_not_wait_for_torch() -> None:
    program = "import sys, gazeshift; gazeshift.__version__; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full on this system")
def test_an_output_that_cannot_be_written_is_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "gazeshift", "--help"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 2
    assert done.stderr.startswith("gazeshift: cannot be read or written")
    assert done.stderr.count("\n") == 1
