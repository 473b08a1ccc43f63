"""``gazeshift maps``: the maps of a whole data set in a folder."""

import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from gazeshift.cli.models import tell_findings, tell_kinds
from gazeshift.cli.opening import open_model
from gazeshift.data.addresses import Root, without_secrets
from gazeshift.edits import EDITS, Corpus, WholeWords, find_lexicon, random_for
from gazeshift.engine.job import EditedTexts, MapJob
from gazeshift.engine.run import run_maps
from gazeshift.engine.status import Status
from gazeshift.errors import DataError, UsageError
from gazeshift.json_types import Json
from gazeshift.mapstore.lookup import failures
from gazeshift.models import Classifier, TokenizerPieces
from gazeshift.models.adapters.given import Given
from gazeshift.models.addresses import Address
from gazeshift.pairs import Pair
from gazeshift.registry import known_name
from gazeshift.saliency import Speed
from gazeshift.study.pairs import SPLITS, Pairs, read_pairs, stream_split
from gazeshift.study.sections import DataConfig

_SHOWN = 5


@dataclass(frozen=True)
class Texts:
    """What is asked with.

    Attributes:
        given: texts for every image.
        edits: edits of each pair's own text.
        lexicon: words for the edits.
    """

    given: tuple[str, ...] = ()
    edits: tuple[str, ...] = ()
    lexicon: str = "english"

    def check(self) -> None:
        """Refuse what cannot be asked.

        Raises:
            UsageError: texts and edits, one of them twice, or an unknown edit.
        """
        if self.given and self.edits:
            raise UsageError("--text and --edit: give texts for every image, or edits of each pair's own text.")
        for name, values in (("--text", self.given), ("--edit", self.edits)):
            if len(set(values)) < len(values):
                raise UsageError(f"{name}: the same is given twice; give each once.")
        for edit in self.edits:
            known_name(EDITS, edit, "edit")


@dataclass(frozen=True)
class Data:
    """Which pairs.

    Attributes:
        root: where they are.
        split: train, validation, test, or all.
        columns: settings of ``DataConfig`` that name a column; None: as in the model's training.
    """

    root: Root
    split: str
    columns: Mapping[str, str | None] = field(default_factory=dict)


def store_maps(
    address: Address,
    data: Data,
    out: Path,
    texts: Texts,
    *,
    target: Sequence[str],
    method: str,
    speed: Speed,
    engine: str,
    workers: int | None,
) -> None:
    """Store the maps of a split's images, or what is left of them."""
    texts.check()
    if (out.exists() and not out.is_dir()) or out.suffix == ".parquet":
        raise UsageError(f"--out {out}: maps are written to a folder of Parquet files; name a folder.")
    if len(set(target)) < len(target):
        raise UsageError("--target: the same class is given twice; give each once.")
    model = open_model(address)
    optional = [role for role, needed in (("text", not texts.given), ("label", "label" in target)) if not needed]
    asked = _asked(data, optional, model, texts)
    job = MapJob(
        model=address,
        out=out,
        texts=texts.given or None,
        edits=() if asked.edited is None else tuple(dict.fromkeys(("original", *texts.edits))),
        target=tuple(target) if len(target) > 1 else target[0] if target else "predicted",
        method=method,
        speed=speed,
        threads=torch.get_num_threads() if isinstance(model, Given) else 1,
    )
    with _progress(asked.total) as watch:
        manifest = run_maps(
            job,
            model,
            asked.pairs,
            asked.total,
            edited=asked.edited,
            engine=engine,
            workers=workers,
            watch=watch,
            say=lambda line: typer.echo(line, err=True),
        )
    tell_kinds(without_secrets(data.root), asked.found)
    each = len(model.classes) if list(target) == ["all"] else max(1, len(target))
    _tell(out, manifest, each * len(job.edits))


@dataclass(frozen=True)
class _Asked:
    """The pairs of a run; how many, if that is known; their edited texts, if any; and what was found while they were read."""

    pairs: Iterable[Pair]
    total: int | None
    edited: Callable[[Pair], EditedTexts] | None
    found: Counter[str]


def _asked(data: Data, optional: Sequence[str], model: Classifier | Given, texts: Texts) -> _Asked:
    """Pairs shard by shard where they can be read so; edits draw from the training split, so they need all pairs."""
    counted = Counter[str]()
    if not texts.edits:
        settings = _settings(model, data)
        streamed = stream_split(settings, data.root, data.split, model.classes, optional, counted)
        if streamed is not None:
            return _Asked(streamed, None, None, counted)
    found, pairs = _pairs(model, data, optional)
    edited = _edited(texts, found, model) if texts.edits else None
    return _Asked(pairs, len(pairs), edited, counted)


def _edited(texts: Texts, found: Pairs, model: Classifier | Given) -> Callable[[Pair], EditedTexts]:
    """The texts of a pair under every edit; the corpus that edits draw from is the training split."""
    corpus = Corpus.of(found.splits["train"], found.classes, find_lexicon(texts.lexicon))
    tokenizer = None if isinstance(model, Given) else model.tokenizer
    pieces = WholeWords() if tokenizer is None else TokenizerPieces(tokenizer)
    edits = {name: EDITS[name](corpus, pieces) for name in dict.fromkeys(("original", *texts.edits))}

    def edited(pair: Pair) -> EditedTexts:
        made = [edit(pair, random_for(name, pair.key)) for name, edit in edits.items()]
        return tuple(None if each is None else each.text for each in made)

    return edited


@contextmanager
def _progress(total: int | None) -> Iterator[Callable[[Status], None]]:
    """A line on a terminal: how many, how fast, how long still, how many failed."""
    columns = (
        TextColumn("Maps"),
        BarColumn(bar_width=12),
        TextColumn(f"{{task.completed:,.0f}}{'' if total is None else f'/{total:,}'}{{task.fields[more]}}  ETA"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("Maps", total=total, more="")

        def watch(status: Status) -> None:
            rate = "" if status.rate is None else f"  {status.rate:,.1f} images/s"
            failed = f"  {status.failed:,} without maps" if status.failed else ""
            reused = f"  {status.reused:,} of earlier runs" if status.reused else ""
            bar.update(task, completed=status.reused + status.done, more=f"{rate}{failed}{reused}")

        yield watch


def _tell(out: Path, manifest: Json, edited: int) -> None:
    """What was left out, and what there is; ``edited`` is the number of maps that an image has if all edits apply to it."""
    failed = manifest["failed"]
    if inapplicable := max(0, edited * manifest["images"] - manifest["maps"]):
        typer.echo(
            f"{inapplicable:,} of {edited * manifest['images']:,} maps are not there, because an edit does not apply to every text",
            err=True,
        )
    for line in failures(out, _SHOWN) if failed else ():
        typer.echo(f"left out: {line}", err=True)
    if failed > _SHOWN:
        typer.echo(f"left out: {failed - _SHOWN:,} more images; their column error says why", err=True)
    if manifest["incomplete"]:
        typer.echo(
            f"{manifest['incomplete']:,} maps do not sum to y(A) - y(B) within 1 %: trust where they point, not their magnitude.",
            err=True,
        )
    typer.echo(
        f"{out}: {manifest['maps']:,} maps of {manifest['images']:,} images ({manifest['undefined']:,} without positive evidence), "
        f"{failed:,} images left out"
    )


def pairs_for(model: Classifier | Given, root: Root, split: str, optional: Sequence[str]) -> list[Pair]:
    """The pairs of a split, read with the data options of the model's training, but without its limit.

    Raises:
        UsageError: an unknown split.
        DataError: it has no pairs.
    """
    return _pairs(model, Data(root, split), optional)[1]


def _pairs(model: Classifier | Given, data: Data, optional: Sequence[str]) -> tuple[Pairs, list[Pair]]:
    needed = () if data.split == "all" else (data.split,)
    found = read_pairs(_settings(model, data), data.root, needed, classes=model.classes, optional=optional)
    tell_findings(found)
    pairs = found.all if data.split == "all" else list(found.splits[data.split])
    if not pairs:
        raise DataError(f"{without_secrets(data.root)}: contains no pairs.")
    return found, pairs


def _settings(model: Classifier | Given, data: Data) -> DataConfig:
    """The data options of the model's training, but without its limit, and with the columns that are named here."""
    if data.split not in {*SPLITS, "all"}:
        raise UsageError(f"--split {data.split}: give one of {', '.join(SPLITS)}, or all.")
    stored = {} if isinstance(model, Given) else model.origin.data.get("settings", {})
    named = {name: column for name, column in data.columns.items() if column is not None}
    return DataConfig(**{**stored, "root": str(data.root), "limit": None, "drop_repeated_titles": False, **named})
