"""The verdicts on the page, in claims.csv and in summary.json are the same; nothing of them is left out."""

import json
import math
import re
from pathlib import Path

import pytest

from gazeshift.errors import DataError
from gazeshift.report import write
from gazeshift.report.claims import forests, primary_axes
from gazeshift.report.words import VERDICT_MARKS
from gazeshift.runs.summary import read_summary
from gazeshift.spreadsheet import read_csv


@pytest.fixture(scope="module")
def claims(finished: Path) -> dict:
    return json.loads((finished / "summary.json").read_text())["claims"]


@pytest.fixture(scope="module")
def section(finished: Path) -> str:
    html = (finished / "report.html").read_text(encoding="utf-8")
    return html[html.index('<section id="claims"') :].split("</section>", maxsplit=1)[0]


def articles(section: str) -> dict[str, str]:
    found = [part.split("</article>")[0] for part in section.split('<article class="claim">')[1:]]
    return {re.search(r'class="which">(\w+)<', part)[1]: part for part in found}


def by_contrast(claims: dict) -> dict[str, dict]:
    return {name: one for top, whole in claims.items() for name, one in (whole.get("parts") or {top: whole}).items()}


def finite(value: object) -> bool:
    return isinstance(value, (int, float)) and math.isfinite(value)


def test_every_claim_has_a_card_with_its_verdict_in_words_and_a_mark(section: str, claims: dict):
    cards = articles(section)
    assert list(cards) == list(claims)
    for name, claim in claims.items():
        mark = VERDICT_MARKS[claim["verdict"]]
        assert f'<span aria-hidden="true">{mark}</span> {claim["verdict"]}</p>' in cards[name]
        assert claim["claim"] in cards[name]


def test_the_card_says_effect_interval_counts_and_reason(section: str):
    said = re.sub(r"<[^>]+>", "", articles(section)["C0"]).replace("&nbsp;", " ")
    wanted = (
        "+0.259 in share of the test pairs, 95 % interval +0.241 to +0.277, from 40 images, 4 classes and 2 training seeds, above 0 "
        "(Holm-corrected p &lt; 0.001)."
    )
    assert wanted in said


def test_too_few_seeds_are_said_once(unwritten: Path):
    summary = json.loads((unwritten / "summary.json").read_text())
    reason = "+0.1 [-0.1, +0.3], but from 2 training seeds; a verdict on a kind of model needs 5."
    claim = {
        "claim": "x",
        "verdict": "undecided",
        "effect": 0.1,
        "interval": [-0.1, 0.3],
        "n": 9,
        "classes": 3,
        "seeds": 2,
        "unit": "bits",
    }
    summary["claims"] = {"C1": {**claim, "reason": reason}}
    (unwritten / "summary.json").write_text(json.dumps(summary))
    said = re.sub(r"<[^>]+>", "", write(unwritten).read_text(encoding="utf-8"))
    assert "from 9 images, 3 classes, but from 2 training seeds; a verdict on a kind of model needs 5." in said


def test_what_cannot_be_tested_says_why_and_draws_nothing(section: str):
    card = articles(section)["C2"]
    assert "These data have no masks &lt;so nothing is known&gt;." in card
    assert "<svg" not in card


def test_the_page_holds_every_contrast(section: str, claims: dict):
    on_page = set(re.findall(r'<data value="([^"]+)">', section))
    for one in by_contrast(claims).values():
        for row in [one, *one.get("supports", [])]:
            wanted = [row["effect"], *(row["interval"] or [])]
            assert {repr(float(value)) for value in wanted if finite(value)} <= on_page
        wanted = [one[key] for key in ("margin", "p_holm", "degrees_of_freedom", "d_z", "cliffs_delta")] + (
            one.get("bootstrap") or []
        )
        wanted.append((one.get("sign_flip") or {}).get("p"))
        assert {repr(float(value)) for value in wanted if finite(value)} <= on_page


def test_needed_contrasts_are_marked(section: str, claims: dict):
    needed = [row for one in by_contrast(claims).values() for row in one.get("supports", []) if row["needed"] != "no"]
    assert section.count("✓ agrees") == sum(row["agrees"] for row in needed)
    assert section.count("✗ disagrees") == sum(not row["agrees"] for row in needed) == 1
    assert "6 supporting contrasts, 4 of which must agree" in section


def test_claims_table_holds_every_contrast(finished: Path, claims: dict):
    rows = read_csv(finished / "claims.csv")
    wanted = [(name, row) for name, one in by_contrast(claims).items() for row in [one, *one.get("supports", [])]]
    assert len(rows) == len(wanted)
    for found, (name, row) in zip(rows, wanted, strict=True):
        assert found["claim"] == name
        assert found["needed"] == row.get("needed", "primary")
        for column, value in zip(
            ("effect", "low", "high"), [row["effect"], *(row["interval"] or [None, None])], strict=True
        ):
            assert found[column] == (repr(float(value)) if finite(value) else "")
        if found["needed"] == "primary":
            for column in ("margin", "p", "p_holm", "degrees_of_freedom", "d_z", "cliffs_delta"):
                assert found[column] == (repr(float(row[column])) if finite(row[column]) else "")
            flipped = (row["sign_flip"] or {}).get("p")
            assert found["sign_flip_p"] == (repr(flipped) if finite(flipped) else "")
            assert (found["verdict"], found["reason"]) == (row["verdict"], row["reason"])


def test_contrasts_of_one_unit_share_an_axis_that_holds_them(finished: Path):
    drawn = [part for parts in forests(list(read_summary(finished).claims.values())).values() for part in parts]
    axes: dict[str, object] = {}
    for part in drawn:
        assert axes.setdefault(part.unit, part.axis) == part.axis
        for row in part.rows:
            values = [value for value in (row.effect, *(row.interval or ())) if value is not None]
            assert all(part.axis.low <= value <= part.axis.high for value in [0, *values])
    # A share of information, a slope and bits are no centre bias and no distance.
    assert len(axes) == 8
    assert all(
        part.margin is None for part in drawn if part.unit in ("bits", "slope (1 follows the content, 0 the frame)")
    )


def test_the_claims_own_contrasts_have_an_axis_to_themselves(finished: Path, claims: dict):
    axes = primary_axes(list(read_summary(finished).claims.values()))
    assert set(axes) == {one["unit"] for one in by_contrast(claims).values()}
    for one in by_contrast(claims).values():
        wanted = [0, -one["margin"], one["margin"], *(one["interval"] or [])]
        assert all(axes[one["unit"]].low <= value <= axes[one["unit"]].high for value in wanted)


def test_a_run_without_claims_has_no_such_section(unwritten: Path):
    html = write(unwritten).read_text(encoding="utf-8")
    assert "claims-title" not in html
    assert 'href="#claims"' not in html
    assert (unwritten / "claims.csv").read_text().count("\n") == 1


@pytest.mark.parametrize(
    "broken",
    [[], {"claim": "x"}, {"claim": "x", "verdict": "y", "interval": [1]}, {"claim": "x", "verdict": "y", "effect": {}}],
)
def test_a_broken_claim_is_named(unwritten: Path, broken: object):
    summary = json.loads((unwritten / "summary.json").read_text())
    summary["claims"] = {"C9": broken}
    (unwritten / "summary.json").write_text(json.dumps(summary))
    with pytest.raises(DataError, match=r"summary.json: .*claims\.C9") as caught:
        write(unwritten)
    assert "\n" not in str(caught.value)
