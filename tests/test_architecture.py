"""The shape of the house: imports point downwards, siblings do not know each other, files and functions stay short."""

import ast
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1] / "src" / "gazeshift"
# From the ground up; what stands in one line is not imported by its neighbours.
STOREYS = [
    {"errors", "json_types", "lazy"},
    {"registry", "records", "reduced"},
    {
        "interrupts",
        "names",
        "pairs",
        "preprocessing",
        "resampling",
        "rounding",
        "scripts",
        "spreadsheet",
        "atomic",
        "yaml_text",
    },
    {"arrays", "locks"},
    {"data", "models", "edits", "measures", "statistics"},
    {"training", "saliency"},
    {"drawing", "mapstore"},
    {"engine"},
    {"evaluation"},
    {"claims"},
    {"runs"},
    {"report"},
    {"sharing"},
    {"study"},
    {"app", "bench", "benchmark", "instrument"},
    {"cli"},
    {"__main__"},
]
LEVEL = {part: level for level, storey in enumerate(STOREYS) for part in storey}
FILES = sorted(ROOT.rglob("*.py"))


def part_of(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def module_of(path: Path) -> str:
    return ".".join(["gazeshift", *path.relative_to(ROOT).with_suffix("").parts]).removesuffix(".__init__")


KNOWN = {module_of(file) for file in FILES} - {"gazeshift"}


@cache
def imported(path: Path) -> frozenset[str]:
    """Modules of gazeshift that a file imports, anywhere in it, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import; write the whole name"
            # `from gazeshift.x import y`: y may be a module, and then x is only the way to it.
            found |= {name if (name := f"{node.module}.{y.name}") in KNOWN else str(node.module) for y in node.names}
    return frozenset(found & KNOWN)


def test_every_part_has_a_place() -> None:
    assert {part_of(path) for path in FILES} - {"__init__"} == set(LEVEL), (
        "a part without a storey, or a storey that nothing stands on"
    )


@pytest.mark.parametrize("path", [path for path in FILES if part_of(path) != "__init__"], ids=module_of)
def test_imports_point_downwards(path: Path) -> None:
    here = part_of(path)
    for name in imported(path):
        there = name.split(".")[1]
        assert there == here or LEVEL[there] < LEVEL[here], f"{module_of(path)} imports {name}: not below it"


def test_no_cycles_between_modules() -> None:
    graph = {module_of(path): imported(path) for path in FILES if part_of(path) != "__init__"}
    # A package's __init__ gathers its modules; they may not import it back.
    done: set[str] = set()

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"cycle: {' -> '.join((*trail, name))}"
        if name in done:
            return
        for below in sorted(graph[name]):
            visit(below, (*trail, name))
        done.add(name)

    for name in sorted(graph):
        visit(name, ())


@pytest.mark.parametrize("path", FILES, ids=module_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    source = path.read_text(encoding="utf-8")
    assert len(source.splitlines()) <= 350, f"{path.name} is too long: one idea per file"
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert node.end_lineno is not None
            length = node.end_lineno - node.lineno + 1
            assert length <= 62, f"{path.name}: {node.name} has {length} lines"
