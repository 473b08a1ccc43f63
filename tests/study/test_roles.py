"""What a model is decides which role it plays, never what it is called."""

import ast
import json
import re
from pathlib import Path
from typing import Any

import pytest

from gazeshift.claims.roles import ROLES, Player, Roles
from gazeshift.errors import DataError
from gazeshift.models import HEADS
from gazeshift.study.explore import lead_of
from gazeshift.study.thresholds import EXPECTATIONS
from tests.tiny_study import run_tiny

pytestmark = pytest.mark.slow

SOURCE = Path(__file__).parents[2] / "src" / "gazeshift"
NAMES = {"seer": "image-only", "reader": "text-only", "gallo": "early-fusion"}


def player(name: str, kind: str, texts: str = "own") -> Player:
    return Player(name, kind, texts, HEADS[kind].structure.sees_image, HEADS[kind].structure.reads_text)


def test_every_role_is_of_a_kind_that_there_is() -> None:
    assert {role.kind for role in ROLES.values()} <= set(HEADS)


@pytest.mark.parametrize(
    "named",
    [
        {"image-only": "image-only", "text-only": "text-only", "early-fusion": "early-fusion"},
        NAMES,
        {
            "early-fusion": "image-only",
            "image-only": "text-only",
            "text-only": "early-fusion",
        },  # each named after another
    ],
)
def test_roles_go_by_kind(named: dict[str, str]) -> None:
    roles = Roles(tuple(player(name, kind) for name, kind in named.items()))
    image, text, fusion = named
    assert roles.parts == {"image": image, "text": text, "fusion": fusion}
    assert (roles.lead, roles.compared, roles.others) == (fusion, (image, fusion), {})
    with pytest.raises(KeyError):
        roles["late"]


def test_of_two_models_of_one_kind_the_first_plays_the_role() -> None:
    first, second, seer = player("narrow", "early-fusion"), player("wide", "early-fusion"), player("seer", "image-only")
    told_nothing = player("deaf", "early-fusion", "constant")
    roles = Roles((told_nothing, seer, first, second))
    assert (roles["fusion"], roles["constant"], roles.lead) == ("narrow", "deaf", "narrow")
    assert roles.others == {"fusion": ("wide",)}
    other = roles.preferring("wide")
    assert (other["fusion"], other["image"], other["constant"]) == ("wide", "seer", "deaf")
    assert other.others == {"fusion": ("narrow",)}


@pytest.mark.parametrize(
    ("players", "lead", "compared"),
    [
        ([("a", "image-only", "own")], None, None),
        ([("a", "image-only", "own"), ("b", "image-mlp", "own")], None, ("a", "b")),
        ([("a", "late-fusion", "own")], "a", None),
        ([("a", "late-fusion", "own"), ("b", "image-only", "own")], "a", ("b", "a")),
        ([("a", "early-fusion", "shuffled"), ("b", "late-fusion", "own")], "b", ("a", "b")),
        ([("a", "early-linear", "constant"), ("b", "early-fusion", "constant")], "a", ("a", "b")),
    ],
)
def test_a_study_without_early_fusion_is_about_the_first_that_sees_and_reads(
    players: list[tuple[str, str, str]], lead: str | None, compared: tuple[str, str] | None
) -> None:
    roles = Roles(tuple(player(*one) for one in players))
    assert (roles.lead, roles.compared) == (lead, compared)


def literals(path: Path) -> set[str]:
    if path.suffix == ".py":
        nodes = ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        return {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return set(re.findall(r"""["']([^"']*)["']""", path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("part", ["study", "report", "cli"])
def test_nothing_that_compares_models_knows_them_by_a_name(part: str) -> None:
    """Kinds are spelled out in the one table of roles; any other literal would be a look-up by name."""
    files = [path for path in (SOURCE / part).rglob("*") if path.suffix in {".py", ".j2"}]
    found = {path.name: sorted(literals(path) & set(HEADS)) for path in files}
    assert {name for name, kinds in found.items() if kinds} <= {"roles.py"}


@pytest.fixture(scope="module")
def summaries(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, Any], Path]:
    """The summaries of one study, with the usual names and with the user's own."""
    folder = tmp_path_factory.mktemp("roles")
    edits = ["paraphrase", "other-object", "paper-colour"]
    common = {
        "seeds": [0],
        "explain": {"edits": edits, "samples": 2, "modifiers": 2, "windows": 4},
        "expect": dict.fromkeys(EXPECTATIONS, 0.1),
    }
    run_tiny(folder, folder / "usual", models=dict.fromkeys(NAMES.values()), **common)
    run_tiny(folder, folder / "own", models={name: {"kind": kind} for name, kind in NAMES.items()}, **common)
    usual, own = (json.loads((folder / run / "summary.json").read_text()) for run in ("usual", "own"))
    return usual, own, folder / "own"


def usually(node: Any) -> Any:
    """The same with the usual names, in keys and in sentences."""
    if isinstance(node, dict):
        return {usually(key): usually(value) for key, value in node.items()}
    if isinstance(node, list):
        return [usually(value) for value in node]
    return re.sub("|".join(NAMES), lambda found: NAMES[found[0]], node) if isinstance(node, str) else node


def test_a_study_says_the_same_whatever_its_models_are_called(
    summaries: tuple[dict[str, Any], dict[str, Any], Path],
) -> None:
    usual, own, _ = summaries
    assert usual["roles"] == {"image": "image-only", "text": "text-only", "fusion": "early-fusion"}
    assert own != usual
    assert list(usually(own)) == list(usual)
    for section, found in usual.items():
        assert usually(own[section]) == found, section


def test_every_threshold_can_be_measured_whatever_the_models_are_called(
    summaries: tuple[dict[str, Any], dict[str, Any], Path],
) -> None:
    _, own, _ = summaries
    assert len(own["checks"]) == len(EXPECTATIONS)
    assert all(record["found"] != "not measurable" for record in own["checks"])


def test_the_report_calls_the_models_as_the_study_does(
    summaries: tuple[dict[str, Any], dict[str, Any], Path],
) -> None:
    *_, run = summaries
    page = (run / "report.html").read_text(encoding="utf-8")
    assert "First those where the maps of seer and gallo differ most" in page
    assert "JS to seer" in page
    assert "minus that of seer or reader" in page
    assert "the early-fusion model is <b>gallo</b>" in page
    assert "image only" not in re.sub(r"(?s)<section id=\"claims\".*?</section>", "", page)


def test_exploring_starts_with_the_model_that_the_study_is_about(
    summaries: tuple[dict[str, Any], dict[str, Any], Path], tmp_path: Path
) -> None:
    *_, run = summaries
    assert lead_of(run) == "gallo"
    with pytest.raises(DataError, match=r"run\.json: no such file"):
        lead_of(tmp_path)
