"""A study with changed texts of its user's own."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gazeshift.errors import ConfigError, DataError
from gazeshift.study.load import read_study
from gazeshift.study.pairs import read_pairs
from tests.tiny_study import run_tiny, write_yaml

COLOURS = {"car": "red", "dog": "brown"}
PLACES = ("left", "right")


def write_data(root: Path) -> Path:
    """Pictures of cars and dogs on the left or on the right, with boxes; a false colour for every second one, another's name for cars."""
    rng, rows = np.random.default_rng(0), []
    for split, count in (("train", 40), ("test", 12)):
        for index in range(count):
            label, place = ("car", "dog")[index % 2], index // 2 % 2
            image, name = rng.integers(0, 60, (48, 48, 3), dtype=np.uint8), f"{split}-{index}.png"
            image[10:30, 24 * place + 2 : 24 * place + 20] = (200, 40, 40) if label == "car" else (120, 80, 20)
            Image.fromarray(image).save(root / name)
            text = f"a {COLOURS[label]} {label} on the {PLACES[place]}"
            false = text.replace(COLOURS[label], "blue") if index % 4 < 2 else ""
            mine, other = (json.dumps([24 * side, 10, 24 * side + 20, 30]) for side in (place, 1 - place))
            rows.append(
                {"image": name, "text": text, "label": label, "split": split, "box": mine, "tree": other, "false": false,
                 "named": "a tree" if label == "car" else ""}
            )  # fmt: skip
    pd.DataFrame(rows).to_csv(root / "pairs.csv", index=False)
    return root / "pairs.csv"


def settings(root: Path, edits: list[Any]) -> dict[str, Any]:
    data = {"root": str(root / "pairs.csv"), "validation": 0.2, "workers": 1, "regions": {"tree": "tree"}}
    return {
        "data": data,
        "models": {"image-only": None, "early-fusion": None},
        "seeds": [0],
        "training": {"epochs": 6, "batch_size": 8},
        "compare": None,
        "explain": {"edits": edits, "samples": 2},
    }


EDITS: list[Any] = [
    "paraphrase",
    {"column": "false", "kind": "false-colour"},
    {"column": "named", "kind": "other-object"},
    "column:false",
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own-texts")
    write_data(folder)
    run_tiny(folder, folder / "run", **settings(folder, EDITS))
    return folder / "run"


def measures(run: Path) -> pd.DataFrame:
    every = pd.read_parquet(run / "store" / "measures.parquet")
    return every[every["model"] == "early-fusion"]


def test_pairs_with_a_text_are_explained_with_it_and_the_others_counted(run: Path) -> None:
    rows = measures(run)
    false = rows[rows["edit"] == "false-colour"]
    assert len(false) == 6
    assert false["text"].str.contains("blue").all()
    assert rows.loc[rows["edit"] == "column:false", "text"].tolist() == false["text"].tolist()
    columns = json.loads((run / "summary.json").read_text())["columns"]
    assert (columns["false-colour"]["texts"], columns["false-colour"]["without"]) == (6, 6)
    assert columns["false-colour"]["changed"] == [["red", "blue", 3], ["brown", "blue", 3]]
    assert (columns["other-object"]["column"], columns["other-object"]["texts"]) == ("named", 6)


def test_what_a_text_names_is_measured(run: Path) -> None:
    rows = measures(run)
    assert set(rows.loc[rows["naming"] == 1, "edit"]) == {"other-object"}
    assert rows.loc[rows["edit"] == "other-object", "label"].eq("car").all()
    assert (
        rows.loc[rows["edit"].isin(["paraphrase", "false-colour"]) & (rows["label"] == "car"), "target_gain"]
        .notna()
        .any()
    )
    claims = json.loads((run / "summary.json").read_text())["claims"]
    assert "other-object" in claims["C5"]["notes"][0]


def test_the_report_says_what_the_texts_are(run: Path) -> None:
    page = (run / "report.html").read_text()
    assert "the text of the column false, false words of colour; 6 of 12 explained pairs have one" in page
    assert "“red” → “blue” (3)" in page


def test_another_column_repeats_no_training_and_a_changed_text_only_the_evaluation(run: Path) -> None:
    root = run.parent
    states = run_tiny(root, run, **settings(root, [*EDITS[:3]]))
    assert states["train early-fusion seed 0"] == "reused"
    assert states["evaluate early-fusion seed 0"] == "done"
    table = pd.read_csv(root / "pairs.csv", keep_default_na=False)
    table["false"] = table["false"].str.replace("blue", "green")
    table.to_csv(root / "pairs.csv", index=False)
    states = run_tiny(root, run, **settings(root, [*EDITS[:3]]))
    assert states["train early-fusion seed 0"] == "reused"
    assert states["evaluate early-fusion seed 0"] == "done"
    assert measures(run).loc[lambda rows: rows["edit"] == "false-colour", "text"].str.contains("green").all()
    write_data(root)


def test_a_written_study_is_the_same_study(tmp_path: Path) -> None:
    write_data(tmp_path)
    study = read_study(write_yaml(tmp_path, **settings(tmp_path, EDITS)))
    assert study.explain.edits == ("original", "paraphrase", "false-colour", "other-object", "column:false")
    again = read_study(
        write_yaml(tmp_path, **{**study.model_dump(mode="json", by_alias=True), "data": settings(tmp_path, [])["data"]})
    )
    assert again.explain == study.explain


def test_a_column_without_any_text(tmp_path: Path) -> None:
    write_data(tmp_path)
    table = pd.read_csv(tmp_path / "pairs.csv", keep_default_na=False).assign(blank="")
    table.to_csv(tmp_path / "pairs.csv", index=False)
    with pytest.raises(DataError, match="no pair has a changed text in the column 'blank'"):
        run_tiny(tmp_path, tmp_path / "run", **settings(tmp_path, ["column:blank"]))


@pytest.mark.parametrize(("refers", "known"), [("Tree", True), ("tere", False)])
def test_texts_are_not_said_to_refer_to_a_region_that_no_pair_has(tmp_path: Path, refers: str, known: bool) -> None:
    write_data(tmp_path)
    study = read_study(
        write_yaml(tmp_path, **settings(tmp_path, [{"column": "named", "kind": "true-plant", "refers": refers}]))
    )
    columns = tuple(study.explain.columns.values())
    if known:
        assert read_pairs(study.data, str(study.data.root), columns=columns).splits["test"]
        return
    with pytest.raises(DataError, match=r"refer to 'tere', but no pair .* those of these pairs are car, tree"):
        read_pairs(study.data, str(study.data.root), columns=columns)


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        (["column:"], r"explain\.edits\.0\.column: String should have at least 1 character"),
        ([{"column": "false", "kind": "original"}], "'original' is no kind of changed text"),
        (["column:false", "column:false"], "'column:false' is listed twice"),
        (["colour", {"column": "false", "kind": "colour"}], "'colour' is listed twice"),
        (
            [
                {"column": "text", "file": "anna.csv", "kind": "false-a"},
                {"column": "text", "file": "ben.csv", "kind": "false-b"},
            ],
            r"the column 'text' is asked for in anna\.csv and ben\.csv",
        ),
        (
            ["column:false", {"column": "false", "file": "ben.csv", "kind": "false-b"}],
            r"the column 'false' is asked for in the data's own table and ben\.csv",
        ),
        ([{"kind": "false-colour"}], "this key is missing"),
        ([{"column": "false", "knd": "x"}], "unknown key"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(tmp_path: Path, edits: list[Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        read_study(write_yaml(tmp_path, **settings(tmp_path, edits)))
    assert "\n" not in str(caught.value)
