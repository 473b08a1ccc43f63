"""Fenced blocks of the documentation: where they stand, what they are written in, what they say."""

import contextlib
import importlib
import io
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(.*)$")


@dataclass(frozen=True)
class Block:
    """One fenced block.

    Attributes:
        page: the file.
        line: of its first line of code, from 1.
        language: what stands behind the opening fence; empty if nothing does.
        source: the code.
    """

    page: Path
    line: int
    language: str
    source: str

    def __str__(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def module(self) -> str | None:
        """The module that the block is a piece of, named in its first line: ``# src/gazeshift/saliency/gradient.py``."""
        named = re.match(r"# src/(\S+)\.py\n", self.source)
        return named[1].replace("/", ".") if named else None

    @property
    def is_new(self) -> bool:
        """Whether it is a whole module that is not there yet."""
        return self.module is not None and not (ROOT / "src" / f"{self.module.replace('.', '/')}.py").exists()

    @property
    def commands(self) -> list[str]:
        """The commands of a console block: continued lines joined, comments left out."""
        lines = self.source.replace("\\\n", " ").splitlines()
        return [shlex.join(words) for line in lines if (words := shlex.split(line, comments=True))]


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order; an opening fence that nothing closes is an error."""
    found: list[Block] = []
    lines = iter(enumerate(page.read_text(encoding="utf-8").splitlines(), start=1))
    for number, line in lines:
        if opening := FENCE.match(line):
            code = []
            for _, inner in lines:
                if inner.rstrip() == "```":
                    break
                code.append(inner)
            else:
                raise AssertionError(f"{page.name}:{number}: nothing closes this block")
            found.append(Block(page, number + 1, opening[1].strip(), "\n".join(code) + "\n"))
    return found


def run_python(block: Block, names: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a block; a piece of a module is put into it. What its ``print(...)  # said`` lines say is what it prints."""
    said = re.findall(r"^print\(.*\)  # (.*)$", block.source, re.MULTILINE)
    code = compile("\n" * (block.line - 1) + block.source, str(block.page), "exec")
    module = importlib.import_module(block.module) if block.module and not block.is_new else None
    space = dict(vars(module)) if module else {"__name__": block.module} if block.is_new else names
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(code, space)  # noqa: S102  it is the documentation's code
    if module:
        for name in space.keys() - vars(module).keys():
            monkeypatch.setattr(module, name, space[name], raising=False)
    if said:
        assert printed.getvalue().splitlines() == said, block
