"""``gazeshift maps``: the maps of a whole data set in one file."""

import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path

import typer

from gazeshift.cli.models import tell_findings
from gazeshift.cli.opening import open_model
from gazeshift.cli.places import check_new_file
from gazeshift.data.addresses import Root, without_secrets
from gazeshift.errors import DataError, UsageError
from gazeshift.mapstore.collect import collect_maps
from gazeshift.models import read_config
from gazeshift.models.adapters.given import Given
from gazeshift.models.addresses import Address
from gazeshift.pairs import Pair
from gazeshift.saliency import Speed
from gazeshift.study.pairs import SPLITS, read_pairs
from gazeshift.study.sections import DataConfig
from gazeshift.training.device import on_device
from gazeshift.training.progress import bar

_SHOWN = 5


def store_maps(
    address: Address,
    root: Root,
    split: str,
    out: Path,
    *,
    texts: Sequence[str],
    target: Sequence[str],
    method: str,
    speed: Speed,
) -> None:
    """Store the maps of a split's images, each with its own text or all with the same texts."""
    if out.suffix != ".parquet":
        raise UsageError(f"--out {out}: maps are written as Parquet; give a name that ends in .parquet.")
    check_new_file(out)
    if len(set(texts)) < len(texts):
        raise UsageError("--text: the same text is given twice; give each once.")
    if len(set(target)) < len(target):
        raise UsageError("--target: the same class is given twice; give each once.")
    model = open_model(address)
    optional = [role for role, needed in (("text", not texts), ("label", "label" in target)) if not needed]
    pairs = pairs_for(address, root, split, optional, model.classes)
    asked = list(target) if len(target) > 1 else target[0] if target else "predicted"
    started = time.perf_counter()
    placed = nullcontext() if isinstance(model, Given) else on_device(model)
    with placed, bar(sys.stderr.isatty()) as progress:
        task = progress.add_task("Maps", total=len(pairs))
        found = collect_maps(
            model,
            pairs,
            out,
            list(texts) or None,
            method,
            speed,
            asked,
            lambda done: progress.update(task, completed=done),
        )
    seconds = time.perf_counter() - started
    for line in found.skipped[:_SHOWN]:
        typer.echo(f"left out: {line}", err=True)
    if len(found.skipped) > _SHOWN:
        typer.echo(f"left out: {len(found.skipped) - _SHOWN:,} more images that cannot be decoded", err=True)
    if not found.images:
        raise DataError(
            f"{without_secrets(root)}: no image of the split {split!r} can be decoded; nothing was written."
        )
    if found.incomplete:
        typer.echo(
            f"{found.incomplete:,} maps do not sum to y(A) - y(B) within 1 %: trust where they point, not their magnitude.",
            err=True,
        )
    typer.echo(
        f"{out}: {found.maps:,} maps of {found.images:,} images ({found.undefined:,} without positive evidence), "
        f"{len(found.skipped):,} images left out, {found.images / seconds:,.1f} images a second"
    )


def pairs_for(address: Address, root: Root, split: str, optional: Sequence[str], classes: Sequence[str]) -> list[Pair]:
    """The pairs of a split, read with the data options of the model's training, but without its limit.

    Raises:
        UsageError: an unknown split.
        DataError: it has no pairs.
    """
    if split not in {*SPLITS, "all"}:
        raise UsageError(f"--split {split}: give one of {', '.join(SPLITS)}, or all.")
    stored = read_config(Path(address.at))["data"].get("settings", {}) if address.is_folder else {}
    whole = {"root": str(root), "limit": None, "drop_repeated_titles": False}
    needed = () if split == "all" else (split,)
    found = read_pairs(DataConfig(**{**stored, **whole}), root, needed, classes=classes, optional=optional)
    tell_findings(found)
    pairs = found.all if split == "all" else list(found.splits[split])
    if not pairs:
        raise DataError(f"{without_secrets(root)}: contains no pairs.")
    return pairs
