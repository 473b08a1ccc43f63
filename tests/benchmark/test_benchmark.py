"""The benchmark's texts, numbers and verdicts where the answer is known, and its command on a small model."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from gazeshift.benchmark.aspects import ASPECTS, NAMES_ANOTHER, asked_about
from gazeshift.benchmark.card import card
from gazeshift.benchmark.questions import HONEST, QUESTIONS
from gazeshift.benchmark.record import Answer, Benchmark, ModelResult
from gazeshift.benchmark.run import verdict
from gazeshift.benchmark.scenes import SceneSettings, scenes_for
from gazeshift.data.mosaic.captions import TEMPLATES
from gazeshift.data.plates.vocabulary import DISHES
from gazeshift.data.regions.shapes import Box
from gazeshift.edits import NULLS
from gazeshift.errors import DataError, UsageError
from gazeshift.names import contains_name
from gazeshift.pairs import Pair, SceneCaption, SceneObject
from tests.conftest import Command

FEW = SceneSettings(images=12, size=64, plates_size=48)


def scene(key: str, *captions: tuple[str, str, int | None]) -> Pair:
    objects = tuple(
        SceneObject(name, "", index, index == 1) for index, name in enumerate(("donut", "ramen", "taco"), start=1)
    )
    known = tuple(SceneCaption(kind, text, referred, text) for kind, text, referred in captions)
    return Pair(key, b"", "anything", "donut", "test", objects=objects, captions=known)


def test_a_picture_is_asked_about_one_thing_and_then_about_another() -> None:
    pairs = [
        scene(f"{place}.png", ("dish", "a donut", 1), ("dish", "the ramen", 2), ("dish", "a taco", 3), ("two", "x", 1))
        for place in range(30)
    ]
    asked = asked_about(ASPECTS["name"], pairs, seed=0)
    named = {"a donut": 1, "the ramen": 2, "a taco": 3}
    assert {pair.text for pair in asked.pairs} == set(named)
    for pair, other, own in zip(asked.pairs, asked.texts[NAMES_ANOTHER], asked.texts["original"], strict=True):
        assert own is not None
        assert other is not None
        assert own.text == pair.text != other.text
        assert [each.index for each in pair.objects if each.referred] == [named[pair.text]]
        assert pair.label == pair.objects[named[pair.text] - 1].name
        assert other.refers == named[other.text]
    assert asked_about(ASPECTS["name"], pairs, seed=0) == asked
    assert asked_about(ASPECTS["name"], pairs, seed=1) != asked


@pytest.mark.parametrize(
    "captions",
    [
        [],
        [("dish", "a donut", 1)],
        [("dish", "a donut", 1), ("dish", "one donut", 1)],
        [("dish", "a donut", 1), ("dish", "nothing", None)],
        [("position", "the left one", 1), ("position", "the right one", 2)],
    ],
)
def test_a_picture_without_two_such_captions_is_left_out(captions: Sequence[tuple[str, str, int | None]]) -> None:
    assert asked_about(ASPECTS["name"], [scene("a.png", *captions)], seed=0).pairs == ()


def rows(**gains: Sequence[float] | np.ndarray) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"key": str(place), "edit": edit.replace("_", "-"), "target_gain": value, "js_distance": abs(value)}
            for edit, values in gains.items()
            for place, value in enumerate(values)
        ]
    )


def test_told_apart_is_the_probability_that_a_naming_text_gains_more() -> None:
    rng = np.random.default_rng(0)
    values = {edit: rng.standard_normal(20) for edit in ("other_object", "paraphrase", *NULLS)}
    values["other_object"] = values["other_object"] + 1
    values["shuffle"][3] = np.nan
    found = QUESTIONS["told apart"].measure(rows(**values))
    nulls = [x for edit in ("paraphrase", *NULLS) for x in values[edit] if np.isfinite(x)]
    slow = np.mean([(a > b) + 0.5 * (a == b) for a in values["other_object"] for b in nulls])
    assert found.mean == pytest.approx(slow)
    assert found.interval is not None
    assert found.interval[0] < slow < found.interval[1]


def test_what_is_gained_is_measured_above_a_paraphrase_on_the_same_picture() -> None:
    given = rows(other_object=[0.3, 0.5, np.nan], paraphrase=[0.1, 0.1, 0.0], shuffle=[0.2] * 3, nonsense=[0.4] * 3)
    assert QUESTIONS["goes where named"].measure(given).mean == pytest.approx(0.3)
    assert QUESTIONS["goes where named"].measure(given).n == 2
    assert QUESTIONS["stays on paraphrase"].measure(given).mean == pytest.approx(0.2 / 3)
    assert QUESTIONS["ignores noise"].measure(given).mean == pytest.approx(0.3 - 0.2 / 3)


CLASSES = ("apple_pie", "ramen", "sushi", "taco", "waffle", "donut")


def coloured(folder: Path, classes: Sequence[str]) -> list[Pair]:
    """A few test photos of each class, none like another."""
    photos = []
    for place in range(4 * len(classes)):
        path = folder / f"{place}.png"
        Image.new("RGB", (40, 40), (place * 9, 0, 0)).save(path)
        photos.append(Pair(path.name, path, "", classes[place % len(classes)], "test"))
    return photos


@pytest.mark.parametrize("aspect", ["name", "place", "two"])
def test_mosaics_are_paraphrased_in_their_own_words(tmp_path: Path, aspect: str) -> None:
    openings = {opening.split("{")[0] for kind in ("class", "position", "two") for opening in TEMPLATES[kind]}
    with scenes_for(CLASSES, coloured(tmp_path, CLASSES), FEW) as (mosaics,):
        asked = asked_about(ASPECTS[aspect], mosaics.pairs, 0, mosaics.reworded)
        assert asked.pairs
        for pair, again in zip(asked.pairs, asked.texts["paraphrase"], strict=True):
            assert again is not None
            assert again.text != pair.text
            bare = [
                text.removeprefix(max(filter(text.startswith, openings), key=len)) for text in (pair.text, again.text)
            ]
            assert bare[0] == bare[1]


def test_of_two_names_one_is_there(tmp_path: Path) -> None:
    with scenes_for(CLASSES, coloured(tmp_path, CLASSES), FEW) as (mosaics,):
        asked = asked_about(ASPECTS["two"], mosaics.pairs, 0, mosaics.reworded)
    for pair, other in zip(asked.pairs, asked.texts[NAMES_ANOTHER], strict=True):
        assert other is not None
        shown = {each.name for each in pair.objects}
        for text, meant in ((pair.text, pair.label), (other.text, pair.objects[(other.refers or 0) - 1].name)):
            named = {name for name in CLASSES if contains_name(text, name)}
            assert len(named) == 2
            assert named & shown == {meant}


def test_right_is_the_share_of_the_own_texts_where_there_is_a_class() -> None:
    given = pd.DataFrame(
        [("a", "original", 1.0), ("b", "original", 0.0), ("c", "original", np.nan), ("a", "paraphrase", 0.0)],
        columns=["key", "edit", "right"],
    )
    found = QUESTIONS["finds which is there"].measure(given)
    assert (found.mean, found.n) == (0.5, 2)


def answer(question: str, interval: tuple[float, float] | None) -> Answer:
    known = {"scenes": "plates", "sentence": "", "unit": "", "chance": 0.5, "n": 9, "undefined": 0.0}
    return Answer(question=question, value=0.6, interval=interval, **known)


@pytest.mark.parametrize(
    ("follows", "decides", "expected"),
    [
        ((0.7, 0.9), None, "honest"),
        ((0.7, 0.9), (0.55, 0.7), "honest"),
        ((0.7, 0.9), (0.45, 0.7), "undecided"),
        ((0.7, 0.9), (0.45, 0.55), "shortcut"),  # the map goes where the words point, but the picture decides nothing
        ((0.3, 0.5), (0.8, 0.9), "shortcut"),
        ((0.3, 0.5), None, "shortcut"),
        ((0.5, 0.7), (0.8, 0.9), "undecided"),
        (None, (0.8, 0.9), "undecided"),
        ((HONEST, 1.0), (0.8, 0.9), "undecided"),
    ],
)
def test_a_verdict_needs_whole_intervals(
    follows: tuple[float, float] | None, decides: tuple[float, float] | None, expected: str
) -> None:
    found = [answer("told apart", follows)] + [answer("finds which is there", decides)] * (decides is not None)
    assert verdict(found, 0.3) == expected
    assert verdict(found, 0.0) == "blind"  # no text moves such a map: it says nothing about the model


def test_plates_are_drawn_for_their_dishes_and_mosaics_of_photos_of_the_classes(tmp_path: Path) -> None:
    photos = []
    for place in range(36):
        path = tmp_path / f"{place}.png"
        Image.new("RGB", (40, 40), (place * 7, 0, 0)).save(path)
        photos.append(Pair(path.name, path, "", (*DISHES[:5], "cup")[place % 6], "test"))
    with scenes_for(DISHES[:8], photos, FEW) as found:
        assert [each.name for each in found] == ["mosaics", "plates"]
        assert [len(each.pairs) for each in found] == [12, 12]
        assert {each.name for pair in found[0].pairs for each in pair.objects} <= set(DISHES[:8])
    with (
        pytest.raises(DataError, match=r"no dishes of Plates; give photos of them with --data DIR"),
        scenes_for(["cup"], None, FEW),
    ):
        pass
    with (
        pytest.raises(DataError, match=r"no test photo is of a class of the model"),
        scenes_for(["plane", "ship"], photos, FEW),
    ):
        pass


def test_of_mosaics_no_mosaics_are_made_and_it_is_said_what_is_asked_instead(tmp_path: Path) -> None:
    photos = coloured(tmp_path, CLASSES)
    with scenes_for(CLASSES, photos, FEW) as (mosaics,):
        said: list[str] = []
        with scenes_for(CLASSES, mosaics.pairs, FEW, said.append) as again:
            assert [each.name for each in again] == ["two regions"]
    assert len(said) == 1
    assert said[0].startswith("mosaic: of 12 photos all are known to show another class, too")


@pytest.mark.parametrize("several", [0, 3])
def test_a_photo_that_shows_another_class_is_no_tile_and_is_counted(tmp_path: Path, several: int) -> None:
    photos = coloured(tmp_path, CLASSES)
    other = SceneObject(CLASSES[0].upper(), "", 1, False, (Box(0, 0, 9, 9),))
    crowded = [replace(pair, objects=(other,)) for pair in photos if pair.label != CLASSES[0]][:several]
    kept = [pair for pair in photos if pair.key not in {each.key for each in crowded}]
    with scenes_for(CLASSES, [*kept, *crowded], FEW) as (mosaics, *_):
        assert (f"left out: {several} photos known to show another class, too" in mosaics.note) == bool(several)


def test_photos_with_regions_never_vanish_without_a_word(tmp_path: Path) -> None:
    tiny = (SceneObject("speck", "", 1, True, (Box(0, 0, 1, 1),)),)
    photos = [replace(pair, objects=tiny) for pair in coloured(tmp_path, CLASSES)]
    said: list[str] = []
    with scenes_for(CLASSES, photos, FEW, said.append) as found:
        assert [each.name for each in found] == ["mosaics"]
    count = len(photos)
    assert said == [
        f"photos with regions: none of {count} can be asked about; left out: {count} with a region that covers "
        "less than 0.5 % of the middle square."
    ]


def test_few_classes_are_asked_about_by_their_regions(tmp_path: Path) -> None:
    photos = [
        replace(pair, objects=(SceneObject(pair.label, "", 1, True, (Box(0, 0, 20, 20),)),))
        for pair in coloured(tmp_path, CLASSES[:2])
    ]
    said: list[str] = []
    with scenes_for(CLASSES[:2], photos, FEW, said.append) as (one,):
        assert one.name == "one region"
    assert "2x2 tiles need 4; take fewer tiles" in said[0]
    with pytest.raises(UsageError, match="tiles 9x9"), scenes_for(CLASSES, photos, replace(FEW, tiles=(9, 9))):
        pass  # a setting that cannot be is an error, whatever else there is to ask about


def test_a_card_has_a_table_for_each_set() -> None:
    found = answer("told apart", (0.7, 0.8)).model_copy(update={"value": 0.75})
    model = ModelResult(
        name="a|b",
        address="m",
        digest="d",
        method="rise",
        accuracy={},
        answers=(found,),
        verdicts={"plates": "honest"},
    )
    record = Benchmark(seed=0, scenes={"plates": "12 plates"}, models=(model,))
    page = card(record)
    assert "| told apart | 0.750 [0.700, 0.800] | 0.5 |" in page
    assert "| question | a\\|b | by chance |" in page
    assert "| honest or shortcut | honest |  |" in page
    assert "by method" not in page
    assert "(AUROC; by chance 0.5; more is better)" in page
    assert "*follows colour*" not in page  # which was not asked
    assert "Not asked about" not in page
    few = model.model_copy(update={"answers": (found, found.model_copy(update={"question": "ignores noise", "n": 3}))})
    page = card(record.model_copy(update={"models": (few,), "not_asked": ("mosaic: too few photos.",)}))
    assert "| told apart | 0.750" in page
    assert "| ignores noise (3 pictures) | 0.750" in page
    assert "less is better" in page
    assert "Not asked about:\n\n- mosaic: too few photos." in page
    blind = model.model_copy(update={"method": "eigen-cam", "verdicts": {"plates": "blind"}})
    both = card(record.model_copy(update={"models": (model, blind)}))
    assert "| rise | 0.750 [0.700, 0.800] honest | 0.5 |" in both
    assert "| eigen-cam | 0.750 [0.700, 0.800] blind | 0.5 |" in both


@pytest.fixture
def model(tiny_run: Path) -> Path:
    return tiny_run / "models" / "early-fusion" / "seed-0"


def test_the_command_prints_one_json_object_the_same_for_the_same_seed(
    gazeshift: Command, model: Path, tiny_run: Path
) -> None:
    asked = ("benchmark", model, "--images", 12, "--data", tiny_run / "plates", "--size", 64, "--json")
    code, out, err = gazeshift(*asked)
    assert code == 0, err
    found = json.loads(out)
    assert set(found["scenes"]) == {"two regions", "plates"}  # where the things of plates lie is known
    # Plates show several dishes: as tiles, captions about them could be wrong.
    assert f"not asked about: {found['not_asked'][0]}" in err
    assert found["not_asked"][0].startswith("mosaic: of")
    answers = {(each["scenes"], each["question"]) for each in found["models"][0]["answers"]}
    assert {("plates", name) for name in QUESTIONS} <= answers
    assert gazeshift(*asked)[1] == out


def test_the_command_writes_a_table_a_figure_and_a_card(gazeshift: Command, model: Path, tmp_path: Path) -> None:
    code, out, _ = gazeshift("benchmark", model, model, "--images", 12, "--out", tmp_path / "found")
    assert code == 0
    assert "goes where named" in out
    assert sorted(path.name for path in (tmp_path / "found").iterdir()) == [
        "CARD.md",
        "benchmark.json",
        "benchmark.png",
    ]
    assert len(json.loads((tmp_path / "found" / "benchmark.json").read_text())["models"]) == 2
    with Image.open(tmp_path / "found" / "benchmark.png") as figure:
        assert figure.size[0] > 500
    assert gazeshift("benchmark", model, "--images", 12, "--out", tmp_path / "found")[0] == 2


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("image-only", (), "has only one modality: no text can move its map"),
        ("text-only", (), "has only one modality: no text can move its map"),
        ("early-fusion", ("--tiles", "2x3"), "--tiles and --size are those of mosaics of photos: give --data DIR, too"),
        ("early-fusion", ("--size", "128"), "--tiles and --size are those of mosaics of photos: give --data DIR, too"),
        ("early-fusion", ("--data", "nowhere"), "nowhere"),
        ("early-fusion", ("--method", "nonsense"), "nonsense"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    gazeshift: Command, tiny_run: Path, name: str, more: tuple[str, ...], said: str
) -> None:
    code, out, err = gazeshift("benchmark", tiny_run / "models" / name / "seed-0", "--images", 12, *more, columns=400)
    assert code == 2
    assert said in err
    assert "Traceback" not in out + err


@pytest.mark.parametrize("wrong", ["nowhere", "image-only"])
def test_a_wrong_model_is_found_before_the_first_is_asked(
    gazeshift: Command, tiny_run: Path, model: Path, wrong: str
) -> None:
    second = tiny_run / "models" / wrong / "seed-0"
    code, out, err = gazeshift("benchmark", model, second, "--images", 12, columns=400)
    assert (code, out) == (2, "")
    assert wrong in err
    assert "named by name" not in err  # what is told when a model is asked
