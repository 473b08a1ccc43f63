"""The page calls models as the study does and knows them by what they are; published figures stand beside their own data alone."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from gazeshift.report import write
from gazeshift.report.page import key_numbers
from gazeshift.report.published import PUBLISHED, published
from gazeshift.report.store import read_run

NAMES = {
    "image-only": "seer", "image-mlp": "deep-seer", "text-only": "reader", "early-linear": "liner", "early-fusion": "gallo",
    "late-fusion": "latecomer",
}  # fmt: skip


def renamed(run: Path, names: dict[str, str]) -> Path:
    """A run folder in which every model has another name; its kind stays."""
    facts = json.loads((run / "run.json").read_text())
    for model in facts["models"]:
        model |= {"kind": model.get("kind", model["name"]), "name": names[model["name"]]}
    facts["recipes"] = {names[name]: recipe for name, recipe in facts["recipes"].items()}
    (run / "run.json").write_text(json.dumps(facts))
    summary = json.loads((run / "summary.json").read_text())
    for section in ("accuracy", "gap", "gap_to_text", "maps", "edits", "masks"):
        summary[section] = {names[name]: figures for name, figures in summary.get(section, {}).items()}
    (run / "summary.json").write_text(json.dumps(summary))
    for path in (run / "store").glob("*.parquet"):
        table = pd.read_parquet(path)
        if "model" in table:
            table.assign(model=table["model"].map(names)).to_parquet(path)
    maps = (run / "store" / "maps").rename(run / "store" / "old")
    for folder in maps.iterdir():
        (run / "store" / "maps").mkdir(exist_ok=True)
        folder.rename(run / "store" / "maps" / names[folder.name])
    maps.rmdir()
    return run


def said(run: Path, names: dict[str, str]) -> str:
    """The page without what it says of kinds (the claims are about kinds), with the usual names."""
    page = write(run).read_text(encoding="utf-8").partition("<body>")[2]
    page = re.sub(r'(?s)<section id="claims".*?</section>', "", page)
    page = re.sub(rf'<span class="n">({"|".join(names)})</span>', "", page)
    back = {new: old for old, new in names.items()}
    return re.sub(
        rf"(?<![\w-])({'|'.join(sorted(back, key=len, reverse=True))})(?![\w-])", lambda found: back[found[0]], page
    )


def tables(run: Path, names: dict[str, str]) -> dict[str, list[list[str]]]:
    """Every CSV table, with the usual names."""
    back = {new: old for old, new in names.items()}
    found = {}
    for path in sorted(run.glob("*.csv")):
        rows = pd.read_csv(path, dtype=str, header=None, keep_default_na=False).to_numpy().tolist()
        found[path.name] = [[back.get(value, value) for value in row] for row in rows]
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    "names",
    [NAMES, dict(zip(NAMES, [*list(NAMES)[1:], next(iter(NAMES))], strict=True))],
    ids=["own names", "each named after the next kind"],
)
def test_a_page_says_the_same_whatever_the_models_are_called(tmp_path: Path, fake_run, names: dict[str, str]):
    options = fake_run.Options(seeds=(3,), pairs=12, shown=2, edge=48)
    usual, own = (fake_run.build(tmp_path / name, options) for name in ("usual", "own"))
    # The fake run's own sentences name kinds that no study of these names would.
    for run in (usual, own):
        summary = json.loads((run / "summary.json").read_text())
        summary |= {"headline": ["A sentence."], "checks": []}
        (run / "summary.json").write_text(json.dumps(summary))
        facts = json.loads((run / "run.json").read_text())
        facts |= {"steps": [], "models": [{**model, "structure": "built"} for model in facts["models"]]}
        (run / "run.json").write_text(json.dumps(facts))
        (run / "study.yaml").write_text("title: fake\n")
    renamed(own, names)
    assert said(own, names) == said(usual, dict(zip(NAMES, NAMES, strict=True)))
    assert tables(own, names) == tables(usual, {})


def test_kinds_are_told_where_names_do_not(tmp_path: Path, unwritten: Path):
    page = write(renamed(unwritten, NAMES)).read_text(encoding="utf-8")
    accuracy = page[page.index('<section id="accuracy"') : page.index('<section id="look"')]
    assert re.search(r'<th scope="row">gallo<span class="n">early-fusion</span>', accuracy)
    assert "minus that of seer or reader" in accuracy
    assert "gap to seer" in accuracy


def test_a_run_without_an_image_only_model_compares_with_none(unwritten: Path):
    facts = json.loads((unwritten / "run.json").read_text())
    kept = {"early-linear", "late-fusion"}
    facts["models"] = [model for model in facts["models"] if model["name"] in kept]
    (unwritten / "run.json").write_text(json.dumps(facts))
    summary = json.loads((unwritten / "summary.json").read_text())
    summary |= {"gap": {}, "gap_to_text": {}, "headline": ["A sentence."], "checks": []}
    for section in ("accuracy", "maps", "edits"):
        summary[section] = {name: figures for name, figures in summary[section].items() if name in kept}
    (unwritten / "summary.json").write_text(json.dumps(summary))
    page = write(unwritten).read_text(encoding="utf-8")
    assert "First those where the maps of early-linear and late-fusion differ most" in page
    assert "image-only" not in re.sub(r"(?s)<section id=\"again\".*", "", page)
    assert "None" not in page


def test_the_first_figures_are_those_of_the_text_alone_too(finished: Path):
    titles = [item.title for item in key_numbers(read_run(finished))]
    assert titles[:3] == ["Accuracy, image-only", "Accuracy, text-only", "Accuracy, early-fusion"]
    assert "What the text adds" in titles


@pytest.mark.parametrize("count", [1, 10, 100, 101, 102])
def test_published_figures_stand_beside_their_own_data_alone(count: int):
    classes = ["apple pie", *(f"dish {index}" for index in range(count - 2)), "waffles"][:count]
    assert bool(published(classes)) == (count == PUBLISHED[0].classes)
    assert not published([f"dish {index}" for index in range(101)])


def test_the_page_of_other_data_names_no_published_figure(finished: Path):
    assert "UPMC" not in (finished / "report.html").read_text(encoding="utf-8")
