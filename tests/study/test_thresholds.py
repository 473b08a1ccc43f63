"""What a study is held to: undefined maps count with the pairs' own texts, and over all texts."""

import pytest

from gazeshift.claims.roles import Roles
from gazeshift.study.thresholds import EXPECTATIONS, SeedFigures


@pytest.mark.parametrize(
    ("own", "changed", "expected"),
    [
        ({"a": 0.02, "b": 0.0}, {"b": [0.0, 0.0, 0.0]}, 0.02),  # a broken map with the own text is not diluted
        (
            {"a": 0.0, "b": 0.0},
            {"b": [0.0, 0.012, 0.0]},
            0.003,
        ),  # one text of a class that is not there does not decide
        ({"a": 0.0, "b": 0.0}, {"b": [0.0, 0.6, 0.0]}, 0.15),  # but it counts
        ({"a": 0.0, "b": 0.04}, {"b": [0.08, 0.08, 0.08]}, 0.07),
    ],
)
def test_undefined_maps_of_the_worst_model(
    own: dict[str, float], changed: dict[str, list[float]], expected: float
) -> None:
    figures = SeedFigures(
        roles=Roles(()),
        accuracy={},
        maps={model: {"undefined": share} for model, share in own.items()},
        edits={
            model: {str(place): {"undefined": share} for place, share in enumerate(shares)}
            for model, shares in changed.items()
        },
    )
    assert EXPECTATIONS["zero_maps"].value(figures) == pytest.approx(expected)
