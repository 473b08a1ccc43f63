"""Which structures let the text steer the map: the fusions of several finished studies side by side, as a Markdown table.

    python benchmarks/structures_table.py runs/scenes runs/food10 runs/plates

For each study the means over its pairs of image trunk and text encoder: accuracy, bits of divergence that come with a switch of the class
and within a class, lift on the object where it is known, and in how many of the pairs the interval of the bits within a class lies above
0. Below it: how alike the studies order the fusions by these bits, and the text encoders of each do; how far coverage changes; and the
accuracies of one modality.
"""
# ruff: noqa: T201

import argparse
import math
from itertools import combinations
from pathlib import Path

import pandas as pd
from scipy.stats import spearmanr

import gazeshift as gs

COLUMNS = ("accuracy", "switch", "within", "lift")


def by_fusion(run: Path) -> pd.DataFrame:
    """A row for each fusion of a study, with the means over its models."""
    rows = pd.read_csv(run / "structures.csv")
    table = rows.pivot_table("mean", "kind", "quantity").reindex(columns=list(COLUMNS))
    within = rows[rows["quantity"] == "within"].groupby("kind")
    table["above 0"] = within["low"].apply(lambda low: (low > 0).sum()).astype(str) + " of " + within.size().astype(str)
    return table


def alone(run: Path) -> str:
    """Accuracies of the models that have one modality."""
    summary = gs.read_summary(run)
    found = {name: figures["test"].mean for name, figures in summary.accuracy.items() if name.endswith("-only")}
    return ", ".join(f"{name} {mean:.2f}" for name, mean in found.items() if mean is not None)


def by_encoder(run: Path) -> str:
    """How alike every two text encoders order the fusions by the bits within a class."""
    rows = pd.read_csv(run / "structures.csv")
    table = rows[rows["quantity"] == "within"].pivot_table("mean", "kind", "text")
    pairs = combinations(table.columns, 2)
    return ", ".join(
        f"{one} and {two} Spearman {spearmanr(table[one], table[two]).statistic:.2f}" for one, two in pairs
    )


def coverage(run: Path) -> str:
    """How far a text of another class changes the map's coverage, in shares of the grid: means over the models of each fusion."""
    found: dict[str, list[float]] = {}
    for model, edits in gs.read_summary(run).edits.items():
        mean = edits["other-class"]["coverage_change"].mean
        if mean is not None:
            found.setdefault(model.rpartition(".")[2], []).append(mean)
    return ", ".join(f"{kind} {sum(values) / len(values):+.3f}" for kind, values in found.items())


def main() -> None:
    """Print the table of the runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    runs: list[Path] = parser.parse_args().runs
    tables = {run.name: by_fusion(run) for run in runs}
    columns = [*COLUMNS, "above 0"]
    print(
        "| fusion | "
        + " | ".join(f"{name}: {', '.join(columns)}" for name in tables)
        + " |\n|---|"
        + "---|" * len(tables)
    )
    order = next(iter(tables.values())).sort_values("within", ascending=False).index
    for kind in order.append(pd.Index({name for table in tables.values() for name in table.index}.difference(order))):
        cells = [_cells(table, kind, columns) for table in tables.values()]
        print(f"| {kind} | " + " | ".join(cells) + " |")
    print()
    for one, two in combinations(tables, 2):
        both = pd.DataFrame({one: tables[one]["within"], two: tables[two]["within"]}).dropna()
        alike = spearmanr(both[one], both[two]).statistic
        print(f"bits within a class, {one} and {two}: Spearman {alike:.2f} over {len(both)} fusions")
    for run in runs:
        print(f"{run.name}: {alone(run)}")
        print(f"{run.name}, order by text encoder: {by_encoder(run)}")
        print(f"{run.name}, change of coverage: {coverage(run)}")


def _cells(table: pd.DataFrame, kind: str, columns: list[str]) -> str:
    if kind not in table.index:
        return "-"
    return ", ".join(_cell(value) for value in (table.at[kind, column] for column in columns))


def _cell(value: float | str) -> str:
    if isinstance(value, str):
        return value
    return "-" if math.isnan(value) else f"{value:.3f}"


if __name__ == "__main__":
    main()
