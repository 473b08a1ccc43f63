"""Published models through the command line: a CLIP as a classifier, and a vision-language model that answers, each a tiny random one."""

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import gazeshift as gs
from gazeshift.data.decode import decode
from gazeshift.data.plates import PlatesConfig, write
from gazeshift.data.sources import load_pairs
from gazeshift.mapstore.lookup import read_folder
from gazeshift.models.adapters.given import Given
from gazeshift.pairs import Pair
from gazeshift.runs.folder import RunFolder, Unit
from tests.conftest import Command
from tests.hub import tiny_dual, tiny_vlm

TEXTS = ["a red dog", "two blue cats on a bench"]
DISHES = tuple(sorted(PlatesConfig(n_dishes=4).dishes))
RANDOM = 1e-4
"""Of the largest number of a map: two computations of the same."""


@dataclass(frozen=True)
class Published:
    """A tiny model in a folder, and how it is asked."""

    folder: Path
    as_: str
    classes: tuple[str, ...]
    prompt: str

    @property
    def options(self) -> list[str]:
        """On the command line, after the subcommand."""
        named = [part for name in self.classes for part in ("--class", name)]
        return [f"hub:{self.folder}", "--as", self.as_, *named, "--prompt", self.prompt]

    @cached_property
    def opened(self) -> Given:
        return gs.from_hub(self.folder, as_=self.as_, classes=self.classes, prompt=self.prompt)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("published")


@pytest.fixture(scope="module")
def models(place: Path) -> dict[str, Published]:
    tiny_dual.clip(place / "clip")
    tiny_vlm.llava(place / "llava")
    question = "USER: <image> {text} is it a cat ? ASSISTANT:"
    return {
        "clip": Published(place / "clip", "zero-shot", DISHES, "a photo of a {class}, {text}"),
        "vlm": Published(place / "llava", "answers", ("yes", "no"), question),
    }


@pytest.fixture(params=["clip", "vlm"])
def published(request: pytest.FixtureRequest, models: dict[str, Published]) -> Published:
    return models[request.param]


@pytest.fixture(scope="module")
def root(place: Path) -> Path:
    write(PlatesConfig(size=48, train=16, test=10, n_dishes=4), place / "plates", 1)
    return place / "plates"


@pytest.fixture(scope="module")
def pairs(root: Path) -> list[Pair]:
    return [pair for pair in load_pairs(root).pairs if pair.split == "test"]


def test_explain(published: Published, pairs: list[Pair], tmp_path: Path, gazeshift: Command) -> None:
    asked = ["--text", TEXTS[0], "--text", TEXTS[1], "--out", tmp_path / "maps.png", "--json"]
    code, out, err = gazeshift("explain", published.options[0], pairs[0].image, *published.options[1:], *asked)
    assert (code, err) == (0, "")
    found = gs.explain(published.opened, decode(pairs[0].image), TEXTS)
    moved = gs.shift(found)
    told = json.loads(out)["texts"]
    assert [each["predicted"] for each in told] == [found.classes[guess] for guess in found.predicted]
    logits = [found.rows[row].logit for row in range(2)]
    assert [each["logit"] for each in told] == pytest.approx(logits, rel=1e-4)
    assert [each["defined"] for each in told] == (~found.undefined[:2]).tolist()
    js_bits = float("nan") if told[1]["js_bits"] is None else told[1]["js_bits"]
    assert js_bits == pytest.approx(moved.js_bits, abs=1e-4, nan_ok=True)
    with Image.open(tmp_path / "maps.png") as picture:
        assert len(picture.convert("RGB").getcolors(picture.width * picture.height) or []) > 10


def test_words(published: Published, pairs: list[Pair], gazeshift: Command) -> None:
    code, out, err = gazeshift(
        "words", published.options[0], pairs[0].image, TEXTS[0], *published.options[1:], "--json"
    )
    assert (code, err) == (0, "")
    found = gs.word_effects(published.opened, decode(pairs[0].image), TEXTS[0])
    told = json.loads(out)
    assert [each["word"] for each in told["words"]] == TEXTS[0].split()
    np.testing.assert_allclose(
        [each["logit"] for each in told["words"]], found.logit, rtol=0, atol=RANDOM * np.abs(found.logit).max()
    )
    assert np.abs(found.logit).max() > 0


def test_maps(published: Published, root: Path, pairs: list[Pair], tmp_path: Path, gazeshift: Command) -> None:
    folder = tmp_path / "maps"
    code, out, _ = gazeshift("maps", *published.options, "--data", root, "--out", folder)
    assert (code, "10 maps of 10 images" in out) == (0, True)
    rows, stored = read_folder(folder)
    assert rows["key"].tolist() == [pair.key for pair in pairs]
    assert rows["text"].tolist() == [pair.text for pair in pairs]
    for row in range(3):
        found = gs.explain(published.opened, decode(pairs[row].image), [pairs[row].text])
        assert rows["class"][row] == found.classes[found.predicted[0]]
        # Stored in half precision, relative to each map's largest value.
        np.testing.assert_allclose(stored[row], found.raw[0], rtol=0, atol=1e-3 * np.abs(found.raw[0]).max())


@pytest.mark.slow
def test_guard(published: Published, root: Path, pairs: list[Pair], tmp_path: Path, gazeshift: Command) -> None:
    baseline = tmp_path / "guard.json"
    command = ["guard", *published.options, "--data", root, "--baseline", baseline]
    code, out, _ = gazeshift(*command)
    assert (code, "on 10 pairs; there is nothing to compare with yet" in out) == (0, True)
    recorded = json.loads(baseline.read_text())
    for pair in pairs[:2]:
        found = gs.modality(published.opened, decode(pair.image), pair.text, orders=2)
        share = abs(found.text) / (abs(found.text) + abs(found.image))
        assert recorded["measures"]["text_share"][pair.key] == pytest.approx(share, rel=1e-3)
    less = 2 * recorded["floor"]["text_share"] + 0.1
    shares = recorded["measures"]["text_share"].items()
    recorded["measures"]["text_share"] = {key: value - less for key, value in shares}
    baseline.write_text(json.dumps(recorded))
    code, out, err = gazeshift(*command)
    assert (code, err) == (1, "")
    assert "FAILED: the answer rests more on the text: text_share" in out
    assert "passed: no worse than before: follows_other_text" in out


def write_study(folder: Path, models: dict[str, Published], root: Path) -> Path:
    clip, vlm = models["clip"], models["vlm"]
    settings = {
        "title": "two published models",
        "data": {"root": str(root), "validation": 0.2, "workers": 1},
        "preprocessing": {"size": 48, "crop_fraction": 1.0},
        "models": {
            "clip": {"from": f"hub:{clip.folder}", "as": "zero-shot", "prompt": clip.prompt},
            "vlm": {"from": f"hub:{vlm.folder}", "as": "answers", "classes": ["yes", "no"], "prompt": vlm.prompt},
        },
        "explain": {"edits": ["paraphrase", "other-class"], "samples": 1, "images": 4},
    }
    path = folder / "study.yaml"
    path.write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf-8")
    return path


@pytest.mark.slow
def test_a_study_of_both(
    models: dict[str, Published], root: Path, pairs: list[Pair], tmp_path: Path, gazeshift: Command
) -> None:
    run = tmp_path / "run"
    code, out, _ = gazeshift("study", write_study(tmp_path, models, root), "--out", run)
    assert (code, f"report: {run / 'report.html'}" in out.replace("\n", "")) == (0, True)
    summary = gs.read_summary(run)
    answers = {name: _answers(model, pairs) for name, model in models.items()}
    right = [guess == pair.label for guess, pair in zip(answers["clip"], pairs, strict=True)]
    assert summary.accuracy["clip"]["test"].mean == pytest.approx(np.mean(right))
    assert summary.accuracy["vlm"]["test"].mean is None  # yes and no are no dishes
    for name in models:
        predicted = pd.read_parquet(RunFolder(run).part(Unit(name, 0), "predictions"))["predicted"]
        assert predicted.tolist() == answers[name]
    page = (run / "report.html").read_text(encoding="utf-8")
    for name, model in models.items():
        assert f"hub:{model.folder}" in page
        assert f"{name}-without-text" in page
    _moved_as_shift_says(models["clip"].opened, pairs, RunFolder(run).part(Unit("clip", 0), "measures"))


def _answers(model: Published, pairs: list[Pair]) -> list[str]:
    found = [gs.explain(model.opened, decode(pair.image), [pair.text]) for pair in pairs]
    return [each.classes[each.predicted[0]] for each in found]


def _moved_as_shift_says(model: Given, pairs: list[Pair], file: Path) -> None:
    rows = pd.read_parquet(file)
    pictures = {pair.key: decode(pair.image) for pair in pairs}
    changed = rows[rows["edit"] == "other-class"]
    assert len(changed) == 4
    for _, row in changed.iterrows():
        own = rows[(rows["key"] == row["key"]) & (rows["edit"] == "original")]["text"].item()
        moved = gs.shift(gs.explain(model, pictures[row["key"]], [own, row["text"]]))
        assert row["js_bits"] == pytest.approx(moved.js_bits, abs=1e-4, nan_ok=True)


def test_a_single_score_is_shown_as_a_score_and_not_as_a_certainty(
    gazeshift: Command, models: dict[str, Published], pairs: list[Pair], tmp_path: Path
) -> None:
    """The probability of the only class is 1, whatever the sentence."""
    decode(pairs[0].image, "photo").save(tmp_path / "photo.png")
    asked = (f"hub:{models['clip'].folder}", tmp_path / "photo.png", "--as", "matching", "--text", TEXTS[0])
    code, out, _ = gazeshift("explain", *asked)
    assert code == 0
    assert "score" in out
    assert "sure" not in out
    code, out, _ = gazeshift("explain", *asked, "--json")
    found = json.loads(out)["texts"][0]
    assert found["confidence"] is None
    expected = gs.explain(gs.from_hub(models["clip"].folder, as_="matching"), tmp_path / "photo.png", TEXTS[:1])
    assert found["logit"] == pytest.approx(expected.rows[0].logit, rel=1e-4)
