"""The smallest edit of real, tiny models: against every text explained by ``gs.explain``, and where the right answer is known."""

from collections.abc import Callable
from itertools import combinations, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import gazeshift as gs
from gazeshift.errors import ConfigError, DataError, GazeshiftError, UsageError
from gazeshift.evaluation.smallest.changes import Change
from gazeshift.evaluation.smallest.goals import GOALS
from gazeshift.measures import distribution, jensen_shannon, mask_mass, mask_to_grid
from tests.evaluation.smallest import red_green
from tests.evaluation.smallest.red_green import LEFT, RIGHT
from tests.saliency import own_model

TEXT = "a red dog left"
SUBSTITUTES = ["blue", "honey"]
BOX = (0, 0, 30, 25)


def every_text(size: int) -> list[str]:
    """All texts with so many words changed."""
    words = TEXT.split()
    found = []
    for places in combinations(range(len(words)), size):
        for news in product([None, *SUBSTITUTES], repeat=size):
            changed = dict(zip(places, news, strict=True))
            kept = [changed.get(place, word) for place, word in enumerate(words)]
            found.append(" ".join(word for word in kept if word is not None))
    return found


def quantities(model: gs.Classifier, goal: str, texts: list[str], target: str) -> np.ndarray:
    """Of each text, from maps and logits that ``gs.explain`` gives."""
    picture = own_model.picture()
    maps = gs.explain(model, picture, [TEXT, *texts], target)
    raw = maps.raw[: len(texts) + 1]
    if goal == "class":
        by_class = [gs.explain(model, picture, [TEXT, *texts], name) for name in model.classes]
        logits = np.array([[row.logit for row in each.rows[: len(texts) + 1]] for each in by_class]).T
        own = logits[0].argmax()
        return np.delete(logits, own, 1).max(1)[1:] - logits[1:, own]
    p = distribution(raw)
    if goal == "shift":
        return np.asarray(jensen_shannon(p[:1], p[1:]))
    mask = np.zeros((40, 60), bool)
    mask[:25, :30] = True  # the model sees the whole picture
    return np.asarray(mask_mass(p[1:], mask_to_grid(mask, *raw.shape[1:])))


@pytest.mark.slow
@pytest.mark.parametrize("target", ["reference", "predicted"])
@pytest.mark.parametrize("goal", GOALS)
def test_one_and_two_changes_are_those_of_explaining_every_text(goal: str, target: str) -> None:
    model, sign = own_model.make(), GOALS[goal].sign
    texts = [[TEXT], every_text(1), every_text(2)]
    towards = [sign * quantities(model, goal, some, target) for some in texts]
    start, best = float(towards[0][0]), [float(np.nanmax(values)) for values in towards]
    # A goal that one change reaches easily, one that it hardly reaches, and one that takes two, or that nothing reaches.
    for share in (0.05, 0.95, 1.05, 3.0) if goal != "class" else (0.0,):
        passed = sign * (start + share * (best[1] - start))
        to = float(np.clip(passed, 1e-6, 1 - 1e-6)) if goal != "class" else None
        found = gs.smallest_edit(
            model, own_model.picture(), TEXT, goal, region=BOX, substitutes=SUBSTITUTES, most=2, target=target, to=to
        )
        first = next((size for size in range(3) if best[size] > sign * (to or 0.0)), None)
        assert found.exact
        assert found.reached == (first is not None)
        assert sign * found.before == pytest.approx(start, abs=1e-5)
        assert sign * found.after == pytest.approx(max(best) if first is None else best[first], abs=2e-5)
        assert first is None or (len(found.changes) == first and found.new_text in texts[first])


@pytest.mark.parametrize("head", ["early-fusion", "late-fusion"])
def test_a_classifier_trained_here_is_asked_alike(build: Callable[..., gs.Classifier], head: str) -> None:
    model, text = build(head, seed=1), "apple pie with cream"
    picture = own_model.picture()
    found = gs.smallest_edit(model, picture, text, "shift", to=1e-4, region=BOX, substitutes=["honey", "red"])
    again = gs.smallest_edit(model, picture, text, "shift", to=1e-4, region=BOX, substitutes=["honey", "red"])
    assert (found.changes, found.tried, found.js_bits) == (again.changes, again.tried, again.js_bits)
    maps = gs.explain(model, picture, [text, found.new_text], "reference")
    assert found.js_bits == pytest.approx(float(jensen_shannon(*distribution(maps.raw[:2]))), abs=1e-5)
    assert found.predicted == tuple(maps.classes[index] for index in maps.predicted[:2])
    np.testing.assert_allclose(found.maps, maps.raw[:2], atol=1e-5 * np.abs(maps.raw).max())


def test_a_text_that_cannot_move_the_map_says_so(build: Callable[..., gs.Classifier]) -> None:
    found = gs.smallest_edit(
        build("early-linear"), own_model.picture(), "apple pie", "shift", to=0.01, substitutes=["red"]
    )
    assert (found.reached, found.exact, found.changes) == (False, True, ())
    assert found.js_bits == pytest.approx(0, abs=1e-6)
    assert any("cannot" in note for note in found.notes)


MODEL, PICTURE = red_green.make(), red_green.picture()


def test_the_word_that_holds_the_map_goes() -> None:
    found = gs.smallest_edit(MODEL, PICTURE, "a red and green crimson", "off", region=LEFT, to=0.6)
    assert found.new_text == "a red and green"  # red alone would leave 3 of 4
    assert found.changes == (Change(4, 16, 23, "crimson", None),)
    assert (found.before, found.after) == (pytest.approx(0.8), pytest.approx(0.5))
    assert (found.reached, found.exact, found.tried) == (True, True, 5)
    assert found.area == 0.5
    assert found.mass == (found.before, found.after)


def test_two_words_where_one_is_not_enough_and_the_best_two() -> None:
    found = gs.smallest_edit(MODEL, PICTURE, "red red green", "onto", region=RIGHT, to=0.99)
    assert (found.new_text, found.exact, found.after) == ("green", True, pytest.approx(1.0))
    found = gs.smallest_edit(MODEL, PICTURE, "red red red", "onto", region=RIGHT, to=0.6, substitutes=["green"])
    assert (found.new_text, found.exact) == ("green green", False) or found.new_text == "green green red"
    assert [change.new for change in found.changes].count("green") == len(found.changes)


def test_three_words_are_greedy_and_two_are_ruled_out() -> None:
    found = gs.smallest_edit(
        MODEL, PICTURE, "red red red", "onto", region=RIGHT, to=0.9, substitutes=["green"], delete=False
    )
    assert (found.new_text, found.reached, found.exact, found.exhausted) == ("green green green", True, False, 2)
    assert "so 3 are the fewest" in found.proof


def test_an_undefined_map_never_counts_and_is_counted() -> None:
    found = gs.smallest_edit(MODEL, PICTURE, "red thing", "off", region=LEFT, to=0.5, substitutes=["void"], most=2)
    # Without red, or with void beside it, the map is empty: it is on no region, but it is nowhere else either.
    assert (found.reached, found.exact, found.changes) == (False, True, ())
    assert found.undefined == 6
    assert any("6 texts have an undefined map" in note for note in found.notes)
    assert (found.before, found.after) == (pytest.approx(1.0), pytest.approx(1.0))


def test_an_undefined_map_to_start_from() -> None:
    with pytest.raises(UsageError, match="looks nowhere"):
        gs.smallest_edit(MODEL, PICTURE, "void red", "off", region=LEFT)
    with pytest.raises(UsageError, match="looks nowhere"):
        gs.smallest_edit(MODEL, PICTURE, "void red", "shift", to=0.3, target="thing")
    found = gs.smallest_edit(MODEL, PICTURE, "void red", "onto", region=LEFT, to=0.5, target="thing")
    assert (found.new_text, found.reached) == ("red", True)
    assert np.isnan(found.before)
    assert any("whole text is undefined" in note for note in found.notes)


def test_the_class_switches_with_the_map_of_the_first_class_explained() -> None:
    found = gs.smallest_edit(MODEL, PICTURE, "a red dog", "class", substitutes=["boat", "green"])
    assert found.predicted == ("thing", "boat")
    assert found.explained == ("thing", "thing")
    assert (found.new_text, found.exact) == ("a boat dog", True)  # deleting red is enough, but leads by less
    same = gs.smallest_edit(MODEL, PICTURE, "a red dog", "class", to="thing")
    assert (same.changes, same.reached, same.exact, same.proof) == (
        (),
        True,
        True,
        "Exact: the whole text is there already.",
    )
    own = gs.smallest_edit(MODEL, PICTURE, "a red dog", "class", to="boat", substitutes=["boat"], target="predicted")
    assert own.explained == ("thing", "boat")


def test_japanese() -> None:
    found = gs.smallest_edit(MODEL, PICTURE, "赤い緑の車", "onto", region=RIGHT, to=0.9)
    assert (found.new_text, found.exact) == ("い緑の車", True)
    found = gs.smallest_edit(MODEL, PICTURE, "赤い車", "onto", region=RIGHT, to=0.9, substitutes=["緑"], spans=["赤い"])
    assert (found.new_text, found.pieces) == ("緑車", (("old", "赤い"), ("new", "緑"), ("same", "車")))


def test_one_word_and_punctuation() -> None:
    found = gs.smallest_edit(MODEL, PICTURE, "(red),", "class", target="thing", substitutes=["Red"])
    assert (found.new_text, found.reached, found.exact, found.tried) == (
        "(red),",
        False,
        True,
        1,
    )  # it reads nothing in "(red),"
    found = gs.smallest_edit(MODEL, PICTURE, "red", "class")
    assert (found.new_text, found.exact, found.tried) == ("", True, 1)
    assert found.changes == (Change(0, 0, 3, "red", None),)


def test_a_repeated_word_is_changed_where_it_stands_first() -> None:
    found = gs.smallest_edit(MODEL, PICTURE, "red red", "onto", region=RIGHT, to=0.4, substitutes=["green"])
    assert (found.new_text, found.tried) == ("green red", 3)


def test_the_limit_is_kept_and_told() -> None:
    words = [f"w{number}" for number in range(50)]
    found = gs.smallest_edit(
        MODEL, PICTURE, "red red red", "onto", region=RIGHT, to=0.6, substitutes=[*words, "green"], limit=700
    )
    assert found.tried <= 700
    assert (found.reached, found.exact, found.exhausted) == (True, False, 1)
    assert any("All edits of 2 changes are 8,112 texts, more than the limit of 700" in note for note in found.notes)
    cut = gs.smallest_edit(MODEL, PICTURE, "red red red", "onto", region=RIGHT, to=0.6, substitutes=words, limit=60)
    assert (cut.tried, cut.exhausted, cut.reached) == (60, 0, False)
    assert any("ended at the limit of 60" in note for note in cut.notes)
    assert "nothing is proven" in cut.proof


def test_a_mask_and_its_file_are_the_same_region_as_the_box(tmp_path: Path) -> None:
    mask = np.zeros((16, 32), bool)
    mask[:, :16] = True
    Image.fromarray(mask.astype(np.uint8) * 255).save(tmp_path / "mask.png")
    found = [
        gs.smallest_edit(MODEL, PICTURE, "red green", "off", region=region)
        for region in (LEFT, mask, tmp_path / "mask.png", str(tmp_path / "mask.png"))
    ]
    assert {each.new_text for each in found} == {"green"}
    assert [each.before for each in found] == pytest.approx([0.5] * 4)


def test_each_source_of_substitutes() -> None:
    for substitutes in (["green"], {"words": "green"}, {"lexicon": "colour"}, {"corpus": ["a green thing"]}):
        found = gs.smallest_edit(MODEL, PICTURE, "red", "onto", region=RIGHT, to=0.9, substitutes=substitutes)
        assert found.new_text == "green"


def test_substitutes_that_the_model_does_not_read_are_left_out_and_named(build: Callable[..., gs.Classifier]) -> None:
    words = ["honey", "☃", "☂"]
    found = gs.smallest_edit(
        build(), own_model.picture(), "apple pie", "class", to="edamame", substitutes=words, most=1
    )
    assert found.unknown == ("☃", "☂")
    assert found.tried == 4
    assert "The tokenizer knows nothing in 2 substitutes (☃, ☂): they were left out." in found.notes


WRONG: list[tuple[dict[str, object], type[GazeshiftError], str]] = [
    ({"text": " "}, UsageError, "no word to change"),
    ({"goal": "awy"}, UsageError, "unknown goal 'awy'"),
    ({"region": None}, UsageError, "name the region"),
    ({"region": (5, 5, 2, 9)}, UsageError, "left < right"),
    ({"region": (0.1, 0.1, 0.9, 1)}, UsageError, "shares of the picture; give pixels"),
    ({"region": np.zeros((16, 32), bool)}, UsageError, "the mask is empty"),
    ({"region": np.ones((3, 3), bool)}, UsageError, "picture's own size"),
    ({"region": "none.png"}, DataError, "none.png"),
    ({"to": 1.5}, UsageError, "cannot come to lie below 1.5"),
    ({"to": 0.0}, UsageError, "cannot come to lie below 0"),
    ({"to": "half"}, UsageError, "needs a number"),
    ({"by": 0.9}, UsageError, "cannot change by 0.9"),
    ({"by": -0.1}, UsageError, "give a number above 0"),
    ({"to": 0.1, "by": 0.1}, UsageError, "not both"),
    ({"goal": "class", "to": "bot"}, UsageError, "Did you mean 'boat'"),
    ({"goal": "class", "by": 0.1}, UsageError, "has no threshold"),
    ({"goal": "shift", "to": 1}, UsageError, "above 1"),
    ({"target": "label"}, UsageError, "name the class itself"),
    ({"target": "bot"}, UsageError, "Did you mean 'boat'"),
    ({"most": 0}, UsageError, "most=0"),
    ({"limit": 0}, UsageError, "limit=0"),
    ({"top": 0}, UsageError, "top=0"),
    ({"delete": False}, UsageError, "Give substitutes"),
    ({"spans": ["blue"]}, UsageError, "'blue' is not in the text"),
    ({"substitutes": {"lexicon": "colr"}}, ConfigError, "no words of kind"),
    ({"method": "gradcamm"}, UsageError, "gradcamm"),
]


@pytest.mark.parametrize(("given", "error", "message"), WRONG, ids=lambda part: str(part)[:40])
def test_wrong_use_is_one_line(given: dict[str, object], error: type[GazeshiftError], message: str) -> None:
    asked = {"text": "red green", "goal": "off", "region": LEFT, **given}
    with pytest.raises(error, match=message) as raised:
        gs.smallest_edit(MODEL, PICTURE, **asked)  # type: ignore[arg-type]
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(("head", "said"), [("image-only", "reads no text"), ("text-only", "sees no image")])
def test_models_of_one_modality_are_refused(build: Callable[..., gs.Classifier], head: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        gs.smallest_edit(build(head), PICTURE, "red", "class")
