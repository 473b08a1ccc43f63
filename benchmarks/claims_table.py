"""The claims of several finished studies side by side, as a Markdown table: what holds on all of them, and what does not.

python benchmarks/claims_table.py runs/coco-named runs/coco-unnamed runs/fashion
"""
# ruff: noqa: T201

import argparse
from pathlib import Path

import gazeshift as gs
from gazeshift.claims.verdict import Verdict
from gazeshift.measures import Figure

ROWS = ("image", "text", "fusion", "late")
"""Roles whose accuracy is told."""

CONTROLS = (
    ("excess", "the model"),
    ("text_blind_excess", "text-blind map (Eigen-CAM)"),
    ("random_head_excess", "random head"),
    ("random_weights_excess", "random weights"),
    ("location_prior_excess", "location prior"),
    ("centre_excess", "centre prior"),
    ("gain", "the model, gain of the region that is named"),
    ("random_head_gain", "random head, gain"),
    ("random_weights_gain", "random weights, gain"),
)


def main() -> None:
    """Print the table of the runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    runs: list[Path] = parser.parse_args().runs
    found = [gs.read_summary(run) for run in runs]
    print("| | " + " | ".join(run.name for run in runs) + " |\n|---|" + "---|" * len(runs))
    for role in ROWS:
        names = [summary.roles.get(role) for summary in found]
        figures = [summary.accuracy.get(name or "", {}).get("test") for name, summary in zip(names, found, strict=True)]
        print(
            f"| accuracy, {next((name for name in names if name), role)} | " + " | ".join(map(_figure, figures)) + " |"
        )
    verdicts = [_all(summary) for summary in found]
    for claim in dict.fromkeys(name for each in verdicts for name in each):
        print(f"| {claim} | " + " | ".join(_verdict(each.get(claim)) for each in verdicts) + " |")
        for part in dict.fromkeys(support.name for each in verdicts for support in _supports(each.get(claim))):
            print(f"| {claim}: {part} | " + " | ".join(_support(each.get(claim), part) for each in verdicts) + " |")
    checks = [summary.model_checks.get(summary.roles.get("fusion") or "", {}).get("controls", {}) for summary in found]
    for measure, title in CONTROLS:
        print(f"| controls: {title} | " + " | ".join(_figure(each.get(measure)) for each in checks) + " |")


def _all(summary: gs.Summary) -> dict[str, Verdict]:
    """The claims; those with parts by their parts."""
    return {
        name: each for claim, whole in summary.claims.items() for name, each in (whole.parts or {claim: whole}).items()
    }


def _figure(figure: Figure | None) -> str:
    if figure is None or figure.mean is None:
        return "-"
    low, high = figure.interval or (float("nan"), float("nan"))
    return f"{figure.mean:.3f} [{low:.3f}, {high:.3f}]"


def _supports(verdict: Verdict | None) -> tuple:
    return () if verdict is None else tuple(verdict.supports)


def _verdict(verdict: Verdict | None) -> str:
    if verdict is None:
        return "-"
    if verdict.effect is None or verdict.interval is None:
        return verdict.verdict
    return f"**{verdict.verdict}** {verdict.effect:+.3f} [{verdict.interval[0]:+.3f}, {verdict.interval[1]:+.3f}]"


def _support(verdict: Verdict | None, name: str) -> str:
    for support in _supports(verdict):
        if support.name == name and support.effect is not None:
            low, high = support.interval or (float("nan"), float("nan"))
            return f"{support.effect:+.3f} [{low:+.3f}, {high:+.3f}]"
    return "-"


if __name__ == "__main__":
    main()
