"""Nothing is exported that nobody needs: not the house, and no code that is shown to users."""

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
FENCED = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


def module_of(path: Path, source: Path) -> str:
    return ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__")


def exported(package: Path) -> list[str]:
    """The names in a package's ``__all__``."""
    for node in ast.parse(package.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return list(ast.literal_eval(node.value))
    return []


def imports(code: str) -> Iterator[tuple[str, str]]:
    """Module and name of everything that is imported by name, also inside functions."""
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def registries(code: str) -> set[str]:
    """The dicts that a module makes at its top level, by name."""
    nodes = [node for node in ast.parse(code).body if isinstance(node, ast.AnnAssign | ast.Assign)]
    dicts = [node for node in nodes if isinstance(node.value, ast.Dict)]
    targets = [target for node in dicts for target in (node.targets if isinstance(node, ast.Assign) else [node.target])]
    return {ast.unparse(target) for target in targets}


def unused(source: Path, shown: str) -> dict[str, list[str]]:
    """By package, the exported names that nobody outside of it needs.

    A name is needed if a module of another package imports it, from the package or from the module where it is defined (passing it on in an
    ``__init__`` is no use), if it is passed on by the top package, which is what users import, if ``shown`` calls or imports it, or if a
    module that makes an exported registry imports it: what is registered there is reached from everywhere.
    """
    files = {module_of(path, source): path for path in source.rglob("*.py")}
    packages = {name: names for name, path in files.items() if (names := exported(path))}
    top = min(packages, key=len)
    users = {
        module: set(imports(path.read_text(encoding="utf-8")))
        for module, path in files.items()
        if path.name != "__init__.py"
    }
    registering = {
        module
        for module in users
        if registries(files[module].read_text(encoding="utf-8")) & set(packages.get(module.rpartition(".")[0], ()))
    }
    called = set(re.findall(r"\b(\w+)\(", shown)) | {name for _, name in imports(shown)}
    return {
        package: [
            name
            for name in names
            if name not in packages[top]
            and name not in called
            and not any(
                name == taken
                and module.startswith(package)
                and (user in registering or not f"{user}.".startswith(f"{package}."))
                for user, found in users.items()
                for module, taken in found
            )
        ]
        for package, names in packages.items()
    }


def code_for_users() -> str:
    """The Python blocks of the pages, and the examples."""
    pages = [HOUSE / "README.md", *sorted((HOUSE / "docs").glob("*.md"))]
    blocks = [block for page in pages for block in FENCED.findall(page.read_text(encoding="utf-8"))]
    return "\n".join(
        [*blocks, *(path.read_text(encoding="utf-8") for path in sorted((HOUSE / "examples").glob("*.py")))]
    )


@cache
def found() -> Mapping[str, list[str]]:
    return unused(HOUSE / "src", code_for_users())


PACKAGES = sorted(module_of(path, HOUSE / "src") for path in (HOUSE / "src").rglob("__init__.py") if exported(path))


@pytest.mark.parametrize("package", PACKAGES)
def test_every_exported_name_is_needed_by_somebody(package: str) -> None:
    assert not found()[package], f"{package}.__all__ holds what nobody needs: use it, or take it out (and delete it)"


def test_every_package_is_asked() -> None:
    assert {"gazeshift", "gazeshift.measures", "gazeshift.statistics", "gazeshift.models.adapters"} <= set(PACKAGES)
    assert set(found()) == set(PACKAGES)


PLANTED = {
    "top/__init__.py": "from top.near import face\n__all__ = ['face']",
    "top/near/__init__.py": "from top.near.one import (face, passed, shown, taken, inside, alone)\n"
    "__all__ = ['alone', 'face', 'inside', 'passed', 'shown', 'taken']",
    "top/rows/__init__.py": "from top.rows.one import (counted, uncounted)\nfrom top.rows.two import KINDS\n"
    "__all__ = ['KINDS', 'counted', 'uncounted']",
    "top/rows/one.py": "def counted(): ...\ndef uncounted(): ...",
    "top/rows/two.py": "from top.rows.one import counted\nKINDS: dict = {'counted': counted}",
    "top/kinds.py": "from top.rows import KINDS",
    "top/near/one.py": "def alone(): ...\ndef face(): ...\ndef inside(): ...\ndef passed(): ...\ndef shown(): ...\ndef taken(): ...",
    "top/near/two.py": "from top.near.one import inside\nUNEXPORTED = {'inside': inside}",
    "top/far/__init__.py": "from top.near import passed\n__all__ = ['passed']",
    "top/far/three.py": "def later():\n    from top.near import taken",
    "top/far/four.py": "from elsewhere.near import alone",
}


def test_a_planted_name_that_nobody_needs_is_found(tmp_path: Path) -> None:
    for name, code in PLANTED.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(code, encoding="utf-8")
    left = unused(tmp_path, "from top.near import shown\nshown()")
    assert left == {
        "top": [],
        "top.near": ["alone", "inside", "passed"],
        "top.far": ["passed"],
        "top.rows": ["uncounted"],
    }
    assert unused(tmp_path, "top.near.alone()\nx = passed(inside(1))") == {
        "top": [],
        "top.near": ["shown"],
        "top.rows": ["uncounted"],
        "top.far": [],
    }
