"""One version: of the package, of what is installed, of the citation and at the top of the changelog."""

import re
import tomllib
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

import gazeshift as gs

ROOT = Path(__file__).parents[1]
HEADINGS = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)


def test_the_changelog_goes_by_version_the_newest_first() -> None:
    assert HEADINGS[0] == "Unreleased"
    releases = [re.fullmatch(r"(\d+)\.(\d+)\.(\d+) - (\d{4}-\d\d-\d\d)", heading) for heading in HEADINGS[1:]]
    assert all(releases), "each a version and the day it was made"
    numbers = [tuple(map(int, release.groups()[:3])) for release in releases if release]
    days = [date.fromisoformat(release[4]) for release in releases if release]
    assert len(numbers) >= 2
    assert numbers == sorted(set(numbers), reverse=True)
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize(
    ("place", "said"),
    [
        ("pyproject.toml", tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]),
        ("CITATION.cff", yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))["version"]),
        ("CHANGELOG.md", HEADINGS[1].split(" - ")[0]),
        ("what is installed (make setup)", version("gazeshift")),
    ],
)
def test_one_version_everywhere(place: str, said: str) -> None:
    assert said == gs.__version__, place
