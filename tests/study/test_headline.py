"""The sentences of the answer: sign, size and certainty agree."""

from typing import Any

import pytest

from gazeshift.study.headline import headline


def summary(mean: float, interval: list[float] | None) -> dict[str, Any]:
    def accuracy(value: float) -> dict[str, Any]:
        return {"test": {"mean": value, "interval": None, "n": 20, "seeds": 2}}

    return {
        "accuracy": {"image-only": accuracy(0.5), "early-fusion": accuracy(0.5 + mean)},
        "gap": {"early-fusion": {"mean": mean, "interval": interval, "n": 20, "seeds": 2}},
        "edits": {},
        "maps": {},
    }


@pytest.mark.parametrize(
    ("mean", "interval", "said"),
    [
        (-0.05, [-0.3, 0.125], "by -5.0 points [-30.0, 12.5]: no difference is shown."),
        (0.156, [0.083, 0.229], "by +15.6 points [8.3, 22.9]."),
        (-0.2, [-0.3, -0.1], "by -20.0 points [-30.0, -10.0]."),
        (0.1, None, "by +10.0 points."),
    ],
)
def test_a_change_of_accuracy_has_the_sign_of_its_interval(
    mean: float, interval: list[float] | None, said: str
) -> None:
    assert any(sentence.endswith(said) for sentence in headline(summary(mean, interval), {}))
