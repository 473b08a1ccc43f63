"""``gazeshift bench``: how fast maps are here, beside the forward pass and other explainers."""

import json

import timm
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from gazeshift.bench import BenchSettings, run_bench
from gazeshift.models.image import check_name


def bench_command(model: str, batch: int, texts: int, rounds: int, as_json: bool) -> None:
    """Measure one model and print one table, or JSON."""
    check_name(model)
    size = (
        timm.models.get_pretrained_cfg_value(model.partition(".")[0], "input_size")[-1] if model != "small_cnn" else 96
    )
    settings = BenchSettings(model=model, size=size, batch=batch, texts=texts, rounds=rounds)
    result = run_bench(settings, lambda line: typer.echo(line, err=True))
    if as_json:
        typer.echo(json.dumps(result))
        return
    table = Table(title=f"{model}, {size} px, batch {batch}, float32", title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("")
    for heading in ("seconds (median)", "of the forward pass"):
        table.add_column(heading, justify="right")
    for name, seconds in result["seconds"].items():
        table.add_row(name, f"{seconds:.3f}", f"{seconds / result['seconds']['forward']:.2f}")
    console = Console(highlight=False)
    console.print(table)
    for name, ratio in result["ratios"].items():
        console.print(f"{name}: {ratio:,.2f}")
    console.print(f"peak memory for {texts} texts: +{result['memory_mb']:.0f} MB")
    if "pytorch_grad_cam_vs_ours" not in result["ratios"]:
        console.print("Other explainers are not installed; they come with the extra: pip install 'gazeshift[peers]'")
