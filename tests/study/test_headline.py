"""The sentences of the answer: what was found first, sign, size and certainty agree, how far it carries last."""

import pytest

from gazeshift.claims.roles import Player, Roles
from gazeshift.claims.verdict import Verdict, Word
from gazeshift.edits.telling import telling
from gazeshift.measures import Figure
from gazeshift.runs.summary import StudyFigures
from gazeshift.study.headline import doubled, headline, how_far

SEER = Player("seer", "image-only", "own", True, False)
READER = Player("reader", "text-only", "own", False, True)
GALLO = Player("gallo", "early-fusion", "own", True, True)
ALL = Roles((SEER, READER, GALLO))


def figure(mean: float | None, interval: list[float] | None = None, n: int = 20) -> Figure:
    return Figure(mean, None if interval is None else (interval[0], interval[1]), n, 2)


def told(
    gap: Figure | None = None,
    to_text: Figure | None = None,
    *,
    roles: Roles,
    structures: dict[str, str] | None = None,
    claims: dict[str, Verdict] | None = None,
    edits: dict[str, dict[str, dict[str, Figure]]] | None = None,
) -> list[str]:
    """The headline where seer is right on 50 %, reader on 60 %, and gallo on 70 %; the gaps are as given."""
    right = {"seer": 0.5, "reader": 0.6, "gallo": 0.7}
    figures = StudyFigures(
        accuracy={name: {"test": figure(mean)} for name, mean in right.items()},
        gap={} if gap is None else {"gallo": gap},
        gap_to_text={} if to_text is None else {"gallo": to_text},
        edits=edits or {},
    )
    return headline(figures, claims or {}, roles, structures or {})


@pytest.mark.parametrize(
    ("mean", "interval", "first", "then"),
    [
        (0.2, [0.1, 0.3], "The text raises accuracy on the test pairs from 50.0% (seer) to 70.0% (gallo).",
         "+20.0 points [10.0, 30.0] on the same test pairs."),
        (-0.2, [-0.3, -0.1], "The text lowers accuracy on the test pairs from 50.0% (seer) to 70.0% (gallo).",
         "-20.0 points [-30.0, -10.0] on the same test pairs."),
        (0.02, [-0.1, 0.2], "The text is not shown to change accuracy on the test pairs: 50.0% (seer) without it, 70.0% (gallo) with it.",
         "+2.0 points [-10.0, 20.0] on the same test pairs; no difference is shown."),
        (0.1, None, "The text raises accuracy", "+10.0 points on the same test pairs."),
    ],
)  # fmt: skip
def test_first_what_the_text_did_to_accuracy(mean: float, interval: list[float] | None, first: str, then: str) -> None:
    found = told(figure(mean, interval), roles=Roles((SEER, GALLO)))
    assert found[0].startswith(first)
    assert f"Against seer the text changes accuracy by {then}" in found[1]
    assert "Whether gallo just reads the text is not answered: the study has no text-only model." in found[1]


@pytest.mark.parametrize(
    ("mean", "interval", "first", "then"),
    [
        (-0.034, [-0.05, -0.02], "The text alone does better than text and image together:",
         "gallo may just read the text: the image changes accuracy by -3.4 points [-5.0, -2.0]."),
        (0.002, [-0.01, 0.01], "The text alone does as well as text and image together:",
         "+0.2 points [-1.0, 1.0]; no difference is shown."),
        (-0.002, [-0.01, 0.01], "The text alone does as well as text and image together:",
         "-0.2 points [-1.0, 1.0]; no difference is shown."),
        (0.1, [-0.1, 0.3], "That seeing the image helps is not shown:",
         "gallo may just read the text: the image changes accuracy by +10.0 points [-10.0, 30.0]; no difference is shown."),
    ],
)  # fmt: skip
def test_a_text_that_does_as_well_alone_is_said_first(
    mean: float, interval: list[float], first: str, then: str
) -> None:
    found = told(figure(0.2, [0.1, 0.3]), figure(mean, interval), roles=ALL)
    assert found[0].startswith(f"{first} reader is right on 60.0% of the test pairs, gallo on 70.0%, a difference of ")
    assert found[1].endswith(then)


def test_a_model_that_sees_too_is_said_not_to_just_read() -> None:
    found = told(figure(0.2, [0.1, 0.3]), figure(0.1, [0.05, 0.15]), roles=ALL)
    assert found[0] == "The text raises accuracy on the test pairs from 50.0% (seer) to 70.0% (gallo)."
    assert found[1].endswith(
        "gallo does not just read the text: reader, which sees no image, is right on 60.0%, and the image changes accuracy by "
        "+10.0 points [5.0, 15.0]."
    )


def moved(
    excess: list[float] | None, bits: float = 0.4, floor: float = 0.05, distances: tuple[float, float] = (0.6, 0.2)
) -> dict[str, dict[str, dict[str, Figure]]]:
    mean = None if excess is None else sum(excess) / 2
    parts = {name: figure(bits, [bits - 0.1, bits + 0.1], 18) for name in ("js_bits", "js_split", "switch")}
    other = {"within": figure(0.0), "switched_split": figure(0.9), "undefined": figure(0.1)}
    return {
        "gallo": {
            "paraphrase": {"js_bits": figure(floor), "js_distance": figure(distances[1])},
            "other-object": {**parts, **other, "excess": figure(mean, excess), "js_distance": figure(distances[0])},
        }
    }


@pytest.mark.parametrize(
    ("edits", "said"),
    [
        (moved([0.2, 0.5]), "The map of gallo follows the text: a text that names another object of the scene moves it 8 times as far as a "
         "paraphrase does."),
        (moved([0.2, 0.5], floor=0.3), "moves it farther than a paraphrase does."),
        (moved([0.2, 0.5], floor=0.0), "moves it farther than a paraphrase does."),
        (moved([-0.1, 0.2]), "That the map of gallo follows the text is not shown: a text that names another object of the scene moves it "
         "no farther than a paraphrase (+0.050 bits [-0.100, 0.200])."),
        (moved([-0.3, -0.1]), "is not shown"),
        (moved([0.0001, 0.002], distances=(0.034, 0.022)), "The map of gallo hardly follows the text: a text that names another object of "
         "the scene moves it farther than a paraphrase does, but by less than counts as a change (a Jensen-Shannon distance of 0.034 "
         "against 0.022; the maximum is 1)."),
        (moved([0.0001, 0.0003]), "8 times as far"),
        (moved([-0.00002, 0.00006]), "no farther than a paraphrase (+0.00002 bits [-0.00002, 0.00006])"),
    ],
)  # fmt: skip
def test_then_whether_the_map_follows(edits: dict[str, dict[str, dict[str, Figure]]], said: str) -> None:
    found = told(figure(0.2, [0.1, 0.3]), edits=edits, roles=ALL)
    assert said in found[0]
    assert found[0].startswith("The text raises accuracy")
    assert any("0.400 of them come with a switch of the predicted class (in 90% of the images)" in one for one in found)


def test_without_a_floor_nothing_is_said_to_follow() -> None:
    found = told(figure(0.2, [0.1, 0.3]), edits=moved(None), roles=ALL)
    assert "follow" not in found[0]


def test_the_most_telling_edit_is_told() -> None:
    assert telling({"colour": 1, "other-class": 2}) == "other-class"
    assert telling({"paraphrase": 9}) is None
    assert telling({"other-object": 9, "other-class": 20}) == "other-class"
    assert telling({"other-object": 10, "other-class": 20}) == "other-object"
    assert telling({"other-object": 0, "colour": 0}) is None


def test_a_study_of_one_model_says_how_often_it_is_right() -> None:
    found = told(roles=Roles((SEER,)), structures={"seer": "It sees."})
    assert found == ["seer is right on 50.0% of the test pairs.", "seer: It sees."]


def claims(seeds: int, **verdicts: Word) -> dict[str, Verdict]:
    return {
        name: Verdict(name=name, verdict=verdict, claim=f"Claim of {name}.", seeds=seeds)
        for name, verdict in verdicts.items()
    }


def test_how_far_it_carries_comes_last_and_names_the_claims() -> None:
    given = claims(5, C0="not testable", C1="supported", C2="supported")
    found = told(figure(0.2), claims=given, roles=Roles((SEER, GALLO)), structures={"gallo": "It reads."})
    assert found[-1] == (
        "Beyond these trainings and classes: of 3 claims, 2 are supported (C1, claim of C1; C2, claim of C2) and 1 is not testable "
        "(C0, claim of C0)."
    )
    assert found[-2] == "gallo: It reads."
    assert how_far({}) == ""


def test_few_seeds_are_given_as_the_reason() -> None:
    said = how_far(claims(2, C0="undecided", C1="not testable"))
    assert (
        "needs 5 training seeds, and this study has 2; of 2 claims, 1 is undecided (C0) and 1 is not testable (C1)"
        in said
    )
    assert "1 training seed;" not in said


def test_where_nothing_was_trained_that_is_the_reason() -> None:
    alone = Roles((Player("clip", "given", "own", True, True, given=True),))
    seen = {"clip": {"test": figure(0.7)}}
    (said,) = headline(StudyFigures(accuracy=seen), claims(1, C0="not testable"), alone, {})[-1:]
    assert said.startswith(
        "Beyond these models and classes: a claim about a kind of model needs 5 trainings of it, and this study"
    )
    assert "trained nothing; of 1 claim, 1 is not testable (C0)" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [(["wide"], "wide is shown for comparison."), (["wide", "deep"], "wide and deep are shown for comparison.")],
)
def test_who_speaks_for_models_of_one_kind_is_said(more: list[str], said: str) -> None:
    roles = Roles((SEER, GALLO, *(Player(name, "early-fusion", "own", True, True) for name in more)))
    assert doubled(ALL) == []
    (sentence,) = doubled(roles)
    assert sentence.startswith(
        "gallo is the early-fusion model of this page and of its claims because it is listed first; "
    )
    assert sentence.endswith(said)
    assert told(figure(0.2), roles=roles)[-1] == sentence
