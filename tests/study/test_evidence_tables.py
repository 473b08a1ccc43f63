"""What the claims rest on, from a small run with every kind of evidence: held against slow re-derivations from models and maps."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import gazeshift as gs
from gazeshift.data.decode import decode
from gazeshift.evaluation.equivariance import DIRECTIONS, Windows, content_shifts, equivariance_rows, shifted_crops
from gazeshift.mapstore.store import read_maps
from gazeshift.measures import centroid, distribution, information_split, jensen_shannon
from gazeshift.models.affine import NO_AFFINE
from gazeshift.pairs import Pair
from gazeshift.preprocessing import Preprocessing
from tests.tiny_study import TINY, run_tiny

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("evidence")
    models = {
        "image-only": None,
        "early-fusion": None,
        "empty-text": {"kind": "early-fusion", "texts": "constant"},
        "shuffled": {"kind": "early-fusion", "texts": "shuffled"},
    }
    explain = {
        "edits": ["paraphrase", "shuffle", "other-class", "other-object"],
        "modifiers": 2,
        "windows": 6,
        "samples": 2,
        "images": 12,
    }
    run_tiny(folder, folder / "run", models=models, explain=explain)
    return folder / "run"


def table(run: Path, name: str) -> pd.DataFrame:
    return pd.read_parquet(run / "store" / f"{name}.parquet")


def test_the_summary_holds_a_verdict_for_every_claim(run: Path) -> None:
    claims = json.loads((run / "summary.json").read_text())["claims"]
    assert list(claims) == ["C0", "C1", "C2", "C3", "C4", "C5"]
    assert all(claim["verdict"] in {"undecided", "not testable"} for claim in claims.values())
    report = (run / "report.html").read_text()
    assert all(claim["claim"][:-1] in report for claim in claims.values())


def test_the_model_that_is_told_nothing_reads_the_empty_text_alone(run: Path) -> None:
    measures = table(run, "measures")
    assert set(measures.loc[measures["model"] == "empty-text", "edit"]) == {"original"}
    model = gs.load(run / "models" / "empty-text" / "seed-0")
    predictions = table(run, "predictions")
    mine = predictions[
        (predictions["model"] == "empty-text") & (predictions["split"] == "test") & (predictions["seed"] == 0)
    ]
    for row in mine.head(5).itertuples():
        maps = gs.explain(model, run / "plates" / str(row.key), [""])
        assert model.classes[maps.predicted[0]] == row.predicted


def test_modifiers_move_the_map_as_explain_says(run: Path) -> None:
    rows = table(run, "modifiers")
    assert set(rows["model"]) == {"early-fusion", "shuffled"}
    assert set(rows["kind"]) == {"colour", "position", "material", "nonsense"}
    assert (rows["js_distance"] ** 2 - rows["js_bits"]).abs().max() < 1e-12
    model = gs.load(run / "models" / "early-fusion" / "seed-1")
    mine = rows[(rows["model"] == "early-fusion") & (rows["seed"] == 1)]
    for row in mine.iloc[::29].itertuples():
        noun = str(row.label).replace("_", " ")
        maps = gs.explain(model, run / "plates" / str(row.key), [noun, f"{row.word} {noun}"])
        found = gs.shift(maps)
        for value, wanted in ((row.js_bits, found.js_bits), (row.within, found.within)):
            assert value == pytest.approx(wanted, abs=1e-5, nan_ok=True)
        assert row.switched == found.switched


def test_the_information_split_is_that_of_the_stored_maps(run: Path) -> None:
    rows, maps = read_maps(run / "store" / "maps" / "early-fusion" / "seed-0.parquet")
    p = distribution(maps)
    mine = rows["target"] == "predicted"
    information = table(run, "information")
    found = information[
        (information["model"] == "early-fusion") & (information["seed"] == 0) & (information["label"] == "")
    ]
    found = found.set_index("texts")
    for texts, edits in (("own", ["original"]), ("floor", ["original", "paraphrase", "shuffle"])):
        keys = [
            key
            for key in dict.fromkeys(rows["key"])
            if all(((rows["key"] == key) & (rows["edit"] == edit)).any() for edit in edits)
        ]
        blocks = [
            [p[(mine & (rows["key"] == key) & (rows["edit"] == edit)).to_numpy()][0] for edit in edits] for key in keys
        ]
        wanted = information_split(np.array(blocks))
        assert found.loc[texts, "static"] == pytest.approx(wanted.static)
        assert found.loc[texts, "text"] == pytest.approx(wanted.text, abs=1e-12)
        assert found.loc[texts, "images"] == wanted.images


def test_the_label_prompt_null_holds_the_same_classes_of_both_models_against_each_other(run: Path) -> None:
    prompts = table(run, "prompts")
    measures = table(run, "measures")
    fusion = measures[measures["model"] == "early-fusion"].set_index(["seed", "key", "edit"])
    image = gs.load(run / "models" / "image-only" / "seed-0")
    mine = prompts[prompts["seed"] == 0]
    assert len(mine) > 0
    for row in mine.iloc[::7].itertuples():
        now, own = fusion.loc[(0, row.key, row.edit)], fusion.loc[(0, row.key, "original")]
        assert row.fusion**2 == pytest.approx(now["js_bits"], abs=1e-12, nan_ok=True)
        picture = run / "plates" / str(row.key)
        before, after = (gs.explain(image, picture, [""], target=name["predicted"]).raw[0] for name in (own, now))
        wanted = np.sqrt(jensen_shannon(distribution(before), distribution(after)))
        assert row.image == pytest.approx(float(wanted), abs=2e-2, nan_ok=True)  # stored in half precision


def test_maps_of_other_seeds_are_the_floor_of_retraining(run: Path) -> None:
    rows = table(run, "retrained")
    maps = {}
    for seed in (0, 1):
        found, raw = read_maps(run / "store" / "maps" / "early-fusion" / f"seed-{seed}.parquet")
        own = ((found["edit"] == "original") & (found["target"] == "predicted")).to_numpy()
        maps[seed] = dict(zip(found["key"][own], distribution(raw[own]), strict=True))
    for row in rows[rows["model"] == "early-fusion"].itertuples():
        wanted = np.sqrt(jensen_shannon(maps[0][row.key], maps[1][row.key]))
        assert row.js_distance == pytest.approx(float(wanted), nan_ok=True)


def test_shuffled_texts_are_those_of_other_pairs_in_training_and_the_own_ones_afterwards(run: Path) -> None:
    measures = table(run, "measures")
    own = measures[measures["edit"] == "original"].pivot_table(
        index="key", columns="model", values="text", aggfunc="first"
    )
    assert (own["shuffled"] == own["early-fusion"]).all()
    sure = measures[measures["edit"] == "original"].pivot_table(index="key", columns="model", values="confidence")
    assert (sure["shuffled"] != sure["early-fusion"]).all()  # the same start, other texts in training


def test_a_window_that_moves_over_the_content_moves_it_the_other_way(tmp_path: Path) -> None:
    picture = np.zeros((100, 100, 3), np.uint8)
    picture[48:52, 48:52] = 255
    Image.fromarray(picture).save(tmp_path / "dot.png")
    pair = Pair("dot.png", tmp_path / "dot.png", "", "dot", "test")
    crops = shifted_crops([pair], Preprocessing(size=80, crop_fraction=1.0), workers=1)
    assert crops.shape == (len(DIRECTIONS), 3, 80, 80)
    found = centroid(distribution(crops[:, 0].astype(float)))
    assert np.abs((found - found[:1]) - content_shifts()).max() < 0.02
    whole = Preprocessing(size=80, crop_fraction=0.8).crop(decode(pair.image, "dot.png"))
    assert np.abs(crops[0].astype(int) - whole.astype(int)).max() <= 1  # the unmoved window is the centre of the crop


class Looks(gs.Classifier):
    """A classifier whose map is its grid."""

    def __init__(self) -> None:
        torch.nn.Module.__init__(self)  # nothing of a classifier but what an explanation asks
        head = SimpleNamespace(see=lambda image: image @ torch.tensor([[1.0, 0.0]]), fuse=lambda seen, text: seen)
        self.head = SimpleNamespace(pooled=head, amplification=1.0)
        self.pools_first, self.trunk = (
            True,
            SimpleNamespace(
                affine=NO_AFFINE, attend=lambda features, see: None, pool=lambda features: features.grid.mean((2, 3))
            ),
        )

    def classify(self, image: gs.models.ImageFeatures, text: gs.models.TextFeatures) -> torch.Tensor:
        return image.grid.mean((2, 3)) @ torch.tensor([[1.0, 0.0]])


@pytest.mark.parametrize(("follows", "slope"), [(True, 1.0), (False, 0.0)])
def test_the_slope_is_1_for_a_map_that_follows_and_0_for_one_that_stays(follows: bool, slope: float) -> None:
    # A blob of 2 x 2 cells on a grid of 16: the content moves by a quarter of the half side, two cells.
    places = np.rint(content_shifts() * 8).astype(int) * follows
    grids = torch.zeros(len(DIRECTIONS), 1, 16, 16)
    for index, (x, y) in enumerate(places):
        grids[index, 0, 7 + y : 9 + y, 7 + x : 9 + x] = 1
    text = gs.models.TextFeatures.from_pooled(torch.zeros(1, 0))
    windows = Windows([Pair("a", b"", "", "x", "test")], lambda asked: gs.models.ImageFeatures(grids))
    rows = equivariance_rows(Looks(), windows, lambda texts: text, "grad-cam")
    assert rows["slope"].tolist() == [pytest.approx(slope)]


def test_settings_that_ask_for_nothing_leave_no_tables(tiny_run: Path) -> None:
    assert TINY["explain"].get("modifiers") is None  # type: ignore[attr-defined]
    for name in ("modifiers", "equivariance", "words"):
        assert not (tiny_run / "store" / f"{name}.parquet").exists()
