"""Thresholds a study can be held to, per seed: each is a question to the figures of one seed. One dict of them."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class SeedFigures:
    """Means over the test pairs of one training seed.

    Attributes:
        accuracy: of each model on the test pairs, 0 to 1.
        maps: per model and measure of the maps with the pairs' own texts.
        edits: per model, edit and measure.
    """

    accuracy: dict[str, float]
    maps: dict[str, dict[str, float]]
    edits: dict[str, dict[str, dict[str, float]]]


@dataclass(frozen=True)
class Expectation:
    """A question to the figures of one seed.

    Attributes:
        sentence: what is measured.
        value: the answer; raises ``KeyError`` if a model or an edit it needs is not in the study.
        at_least: whether the threshold is a floor; otherwise a ceiling that must not be reached.
    """

    sentence: str
    value: Callable[[SeedFigures], float]
    at_least: bool = True


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")


def _undefined(figures: SeedFigures, model: str) -> float:
    """Of all texts alike. A title of a class that the picture lacks may rightly find no evidence, so no text stands for all."""
    texts = [figures.maps[model], *figures.edits.get(model, {}).values()]
    return sum(text["undefined"] for text in texts) / len(texts)


EXPECTATIONS: dict[str, Expectation] = {
    "image_only_accuracy": Expectation("accuracy of image only", lambda f: f.accuracy["image-only"]),
    "early_fusion_accuracy": Expectation("accuracy of early fusion", lambda f: f.accuracy["early-fusion"]),
    "gain_over_image_only": Expectation(
        "accuracy of early fusion minus image only", lambda f: f.accuracy["early-fusion"] - f.accuracy["image-only"]
    ),
    "gain_over_text_only": Expectation(
        "accuracy of early fusion minus text only", lambda f: f.accuracy["early-fusion"] - f.accuracy["text-only"]
    ),
    "lift": Expectation(
        "early fusion's mass on the referred object over the object's share of the area",
        lambda f: f.maps["early-fusion"]["mask_lift"],
    ),
    "lift_over_image_only": Expectation(
        "the same, as a multiple of image only's",
        lambda f: _ratio(f.maps["early-fusion"]["mask_lift"], f.maps["image-only"]["mask_lift"]),
    ),
    "named_mass_change": Expectation(
        "mass gained by another dish of the scene when the caption names it",
        lambda f: f.edits["early-fusion"]["other-object"]["named_mass_change"],
    ),
    "named_over_paraphrase": Expectation(
        "JS divergence when the caption names another dish, as a multiple of a paraphrase's",
        lambda f: _ratio(
            f.edits["early-fusion"]["other-object"]["js_bits"], f.edits["early-fusion"]["paraphrase"]["js_bits"]
        ),
    ),
    "named_over_paraphrase_distance": Expectation(
        "the same with the square root, the JS distance",
        lambda f: _ratio(
            f.edits["early-fusion"]["other-object"]["js_distance"],
            f.edits["early-fusion"]["paraphrase"]["js_distance"],
        ),
    ),
    "zero_maps": Expectation(
        "share of undefined (all zero) maps of the worst model, with the pairs' own texts or with all texts together, whichever is more",
        lambda f: max(max(own["undefined"], _undefined(f, model)) for model, own in f.maps.items()),
        at_least=False,
    ),
}
