"""The size of the source: lines and files by package, the longest file and function, loose dictionaries: ``python benchmarks/house.py``."""

import argparse
import ast
from pathlib import Path

import typer

ROOT = Path(__file__).parents[1] / "src" / "gazeshift"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="the package, for example of another checkout")
    root = parser.parse_args().root
    sources = {path: path.read_text(encoding="utf-8") for path in sorted(root.rglob("*.py"))}
    lines = {path: len(source.splitlines()) for path, source in sources.items()}
    total = sum(lines.values())
    packages: dict[str, list[int]] = {}
    for path, count in lines.items():
        packages.setdefault(path.relative_to(root).parts[0].removesuffix(".py"), []).append(count)
    for name, counts in sorted(packages.items(), key=lambda item: -sum(item[1]))[:8]:
        typer.echo(f"{name:12} {sum(counts):6,} lines {sum(counts) / total:6.1%} {len(counts):4} files")
    functions = [
        (node.end_lineno - node.lineno + 1, f"{path.relative_to(root)}: {node.name}")
        for path, source in sources.items()
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno is not None
    ]
    longest = max(sources, key=lambda path: lines[path])
    typer.echo(f"all {total:,} lines in {len(sources)} files")
    typer.echo(
        f"longest file: {longest.relative_to(root)}, {lines[longest]} lines; over 350: {sum(n > 350 for n in lines.values())}"
    )
    typer.echo(
        f"longest function: {max(functions)[1]}, {max(functions)[0]} lines; over 62: {sum(n > 62 for n, _ in functions)}"
    )
    typer.echo(f"dict[str, Any]: {sum(source.count('dict[str, Any]') for source in sources.values())}")


if __name__ == "__main__":
    main()
