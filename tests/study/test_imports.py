"""What a command may import: nobody waits for a library that is not used. No clock is asked."""

import inspect
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
import typer

from gazeshift.cli.data import data
from gazeshift.cli.data_mosaic import mix_of
from gazeshift.cli.main import app
from gazeshift.data.decode import MAX_PIXELS
from gazeshift.data.mosaic import MosaicConfig
from gazeshift.data.plates import PlatesConfig

pytestmark = pytest.mark.slow

HEAVY = {
    "PIL", "jinja2", "lightning", "matplotlib", "numpy", "ot", "pandas", "pyarrow", "scipy", "tensorboard", "timm", "tokenizers", "torch",
    "torch._dynamo", "torchvision", "transformers",
}  # fmt: skip
MODEL = {"PIL", "numpy", "tokenizers", "torch"}
TABLES = {"numpy", "pandas", "pyarrow"}
ON_DISK = ("--set", "data.plates=null", "--set", "data.root={plates}")
# {model}, {picture}, {plates}, {run}: what a small study left. The first of a list runs in a fresh process, the others after it.
ALLOWED = [
    ([["--help"], ["--version"], ["explain", "--help"], ["study", "--help"], ["data", "mosaic", "--help"]], set()),
    ([["explain", "{model}", "{picture}"], ["words", "{model}", "{picture}", "a donut"]], MODEL),
    ([["regions", "{model}", "{picture}", "a donut", "--json"]], MODEL),
    ([["benchmark", "{model}", "--images", "10"]], MODEL | TABLES | {"matplotlib", "scipy"}),
    ([["mediate", "{model}", "{picture}", "--text", "a donut", "--text", "ramen"]], MODEL),
    ([["smallest", "{model}", "{picture}", "a donut", "--switch", "any", "--lexicon", "colour"]], MODEL),
    ([["smallest", "{model}", "{picture}", "a donut", "--switch", "any", "--corpus", "{plates}"]], MODEL | TABLES | {"scipy"}),
    (
        [
            ["explain", "{model}", "{picture}", "--out", "{new}/maps.png", "--save", "{new}/maps.safetensors"],
            ["words", "{model}", "{picture}", "a donut", "--out", "{new}/words.png"],
            ["regions", "{model}", "{picture}", "a donut", "--out", "{new}/regions.png"],
            ["smallest", "{model}", "{picture}", "a donut", "--shift", "0.1", "--target", "donut", "--out", "{new}/s.png"],
        ],
        MODEL | {"matplotlib"},
    ),
    ([["words", "{model}", "{picture}", "a donut", "--out", "{new}/words.html"]], MODEL | {"matplotlib", "jinja2"}),
    (
        [
            ["evaluate", "{model}", "--data", "{plates}"],
            ["maps", "{model}", "--data", "{plates}", "--out", "{new}/maps"],
        ],
        MODEL | TABLES,
    ),
    ([["layers", "python:tests.saliency.own_model:bare"]], MODEL),
    ([["guard", "{model}", "--data", "{plates}", "--baseline", "{new}/guard.json"]], MODEL | TABLES | {"scipy"}),
    ([["analyse", "{maps}", "--out", "{new}/tables", "--threads", "1"]], TABLES | {"ot", "scipy", "duckdb"}),
    ([["card", "{model}", "--run", "{run}"]], MODEL | TABLES | {"scipy", "jinja2"}),
    ([["report", "{run}"]], TABLES | {"PIL", "jinja2", "matplotlib", "scipy"}),
    ([["explore", "{run}"]], TABLES | {"scipy"}),
    ([["calibrate", "--draws", "100"]], {"numpy", "scipy"}),
    ([["data", "check", "{plates}"]], {"PIL", "numpy", "pyarrow"}),
    ([["data", "plates", "{new}/plates", "--train", "12", "--test", "12", "--size", "32", "--quiet"]], TABLES | {"PIL"}),
    (
        [
            ["data", "mosaic", "{plates}/images", "{new}/mosaics", "--train", "4", "--validation", "2", "--test", "2", "--tiles", "1x2"]
        ],
        TABLES | {"PIL", "torch"},  # pyarrow asks pandas about every list that it makes a column of
    ),
    # Lightning's torchmetrics imports whatever of these is there.
    (
        [
            ["train", "{study}", *ON_DISK, "--model", "early-fusion", "--out", "{new}/model"]
        ],
        HEAVY - {"timm"},
    ),
]  # fmt: skip
# These train, and time others beside us: they use everything. `import-keras` builds nets of timm and of transformers, which bring the rest;
# `push` is `card` and the hub's client; `app` answers until it is interrupted.
USE_EVERYTHING = {"study", "instrument", "bench", "import-keras", "push", "app"}

PROGRAM = """
import json, sys
from gazeshift.cli.main import run
for arguments in json.loads(sys.argv[1]):
    sys.argv = ["gazeshift", *arguments]
    try:
        run()
    except SystemExit as ended:
        print(ended.code, file=sys.stderr)
print(json.dumps(sorted(sys.modules)), file=sys.stderr)
"""


def imported(program: str, *arguments: str) -> tuple[list[str], set[str]]:
    """What a program printed to standard error before its modules, and the heavy ones among these."""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )
    *said, modules = done.stderr.splitlines()
    return said, set(json.loads(modules)) & HEAVY


# Coverage and the like of whoever runs the tests must not import into the programs under test.
ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "PYTEST_"))}


@pytest.mark.parametrize(
    ("commands", "allowed"), ALLOWED, ids=lambda part: part[0][0] if isinstance(part, list) else ""
)
def test_a_command_imports_what_it_uses(
    commands: Sequence[Sequence[str]], allowed: set[str], tiny_run: Path, tmp_path: Path, place: dict[str, str]
) -> None:
    lines = [[word.format(**place, new=tmp_path) for word in line] for line in commands]
    codes, heavy = imported(PROGRAM, json.dumps(lines))
    expected = "2" if commands[0][0] == "explore" else "0"  # this run has no modifiers to explore
    assert [code for code in codes if code.isdigit()] == [expected] * len(lines), codes
    assert heavy <= allowed, f"imports {sorted(heavy - allowed)}, which it does not use"


@pytest.fixture
def place(tiny_run: Path) -> dict[str, str]:
    return {
        "run": str(tiny_run),
        "study": str(tiny_run / "study.yaml"),
        "plates": str(tiny_run / "plates"),
        "model": str(tiny_run / "models" / "early-fusion" / "seed-0"),
        "maps": str(tiny_run / "store" / "maps" / "early-fusion" / "seed-0.parquet"),
        "picture": str(sorted(tiny_run.glob("plates/images/test/*/*.png"))[0]),
    }


def test_every_command_has_its_list() -> None:
    named = {
        line[1] if line[0] == "data" else line[0]
        for commands, _ in ALLOWED
        for line in commands
        if "--help" not in line
    }
    group = typer.main.get_command(app)
    inner = typer.main.get_command(data)
    everything = {*group.commands, *inner.commands} - {"data"}  # type: ignore[attr-defined]
    assert named - {"--version"} | USE_EVERYTHING == everything


@pytest.mark.parametrize(
    ("lines", "allowed"),
    [
        ("import gazeshift as gs; gs.__version__", set()),
        ("import gazeshift as gs; gs.explain, gs.load, gs.shift, gs.word_effects", MODEL - {"PIL"} | {"PIL"}),
        ("from gazeshift.training import predict", MODEL | {"pyarrow"}),
        ("from gazeshift.measures import spearman, road", {"numpy"}),
    ],
)
def test_a_script_imports_what_it_uses(lines: str, allowed: set[str]) -> None:
    _, heavy = imported(f"import json, sys; {lines}; print(json.dumps(sorted(sys.modules)), file=sys.stderr)")
    assert heavy <= allowed


def test_help_shows_the_defaults_that_are_used() -> None:
    """They stand in the command line as texts, so that help need not import what they belong to."""
    shown = {command: _shown_defaults(command) for command in ("check", "plates", "mosaic")}
    assert shown["check"] == {"max_pixels": str(MAX_PIXELS)}
    default, plates = PlatesConfig(), shown["plates"]
    assert plates.pop("kappa_distractor") == "as --kappa"
    assert default.kappa_distractor == default.kappa_target
    assert plates.pop("workers")
    assert plates == {
        "train": str(default.train),
        "test": str(default.test),
        "size": str(default.size),
        "seed": str(default.seed),
        "objects": "{} {}".format(*default.objects),
        "dishes": str(default.n_dishes),
        "colours": str(default.n_colours),
        "kappa": str(default.kappa_target),
    }
    mosaic = MosaicConfig()
    assert mix_of(shown["mosaic"].pop("captions")) == mosaic.mix
    assert shown["mosaic"] == {
        "tiles": "{}x{}".format(*mosaic.tiles),
        "size": str(mosaic.size),
        "train": str(mosaic.train),
        "validation": str(mosaic.validation),
        "test": str(mosaic.test),
        "seed": str(mosaic.seed),
    }


def _shown_defaults(command: str) -> dict[str, str]:
    (found,) = (each for each in data.registered_commands if each.callback.__name__ == command)
    parameters = inspect.signature(found.callback).parameters
    options = {name: parameter.annotation.__metadata__[0] for name, parameter in parameters.items()}
    return {name: option.show_default for name, option in options.items() if option.show_default not in {True, False}}
