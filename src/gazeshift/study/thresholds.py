"""Thresholds that a study can set, per seed: each is a function of the figures of one seed. One dict of them."""

from collections.abc import Callable
from dataclasses import dataclass

from gazeshift.claims.roles import ROLES, Roles


@dataclass(frozen=True)
class SeedFigures:
    """Means over the test pairs of one training seed.

    Attributes:
        roles: which model plays which role.
        accuracy: of each model on the test pairs, 0 to 1.
        maps: per model and measure of the maps with the pairs' own texts.
        edits: per model, edit and measure.
    """

    roles: Roles
    accuracy: dict[str, float]
    maps: dict[str, dict[str, float]]
    edits: dict[str, dict[str, dict[str, float]]]

    def accuracy_of(self, role: str) -> float:
        """Accuracy of the model that plays a role."""
        return self.accuracy[self.roles[role]]

    def lift_of(self, role: str) -> float:
        """Mass on the referred object over the object's share of the area, own texts."""
        return self.maps[self.roles[role]]["mask_lift"]

    def moved(self, edit: str, measure: str) -> float:
        """The effect of a text on early fusion's map."""
        return self.edits[self.roles["fusion"]][edit][measure]


@dataclass(frozen=True)
class Expectation:
    """A function of the figures of one seed.

    Attributes:
        template: what is measured, with roles in braces.
        value: the answer; raises ``KeyError`` if a model or an edit it needs is not in the study.
        at_least: whether the threshold is a floor; otherwise a ceiling that must not be reached.
    """

    template: str
    value: Callable[[SeedFigures], float]
    at_least: bool = True

    def sentence(self, roles: Roles) -> str:
        """What is measured, with the models called by their names; a role without a model is named itself.

        Example:
            >>> EXPECTATIONS["image_only_accuracy"].sentence(Roles(()))
            'accuracy of the image-only model'
        """
        words = {role: f"the {wanted.words}" for role, wanted in ROLES.items()}
        return self.template.format_map(words | roles.parts)


def _ratio(above: float, below: float) -> float:
    return above / below if below else float("nan")


def _undefined(figures: SeedFigures, model: str) -> float:
    """Over all texts. A title of a class absent from the picture may rightly find no evidence, so no single text is representative."""
    texts = [figures.maps[model], *figures.edits.get(model, {}).values()]
    return sum(text["undefined"] for text in texts) / len(texts)


EXPECTATIONS: dict[str, Expectation] = {
    "image_only_accuracy": Expectation("accuracy of {image}", lambda f: f.accuracy_of("image")),
    "early_fusion_accuracy": Expectation("accuracy of {fusion}", lambda f: f.accuracy_of("fusion")),
    "gain_over_image_only": Expectation(
        "accuracy of {fusion} minus {image}", lambda f: f.accuracy_of("fusion") - f.accuracy_of("image")
    ),
    "gain_over_text_only": Expectation(
        "accuracy of {fusion} minus {text}", lambda f: f.accuracy_of("fusion") - f.accuracy_of("text")
    ),
    "lift": Expectation(
        "mass of the maps of {fusion} on the referred object over the object's share of the area",
        lambda f: f.lift_of("fusion"),
    ),
    "lift_over_image_only": Expectation(
        "the same, as a multiple of that of {image}", lambda f: _ratio(f.lift_of("fusion"), f.lift_of("image"))
    ),
    "named_mass_change": Expectation(
        "mass gained by another dish of the scene when the caption names it",
        lambda f: f.moved("other-object", "named_mass_change"),
    ),
    "named_over_paraphrase": Expectation(
        "JS divergence when the caption names another dish, as a multiple of a paraphrase's",
        lambda f: _ratio(f.moved("other-object", "js_bits"), f.moved("paraphrase", "js_bits")),
    ),
    "named_over_paraphrase_distance": Expectation(
        "the same with the square root, the JS distance",
        lambda f: _ratio(f.moved("other-object", "js_distance"), f.moved("paraphrase", "js_distance")),
    ),
    "zero_maps": Expectation(
        "share of undefined (all zero) maps of the worst model, with the pairs' own texts or with all texts together, whichever is more",
        lambda f: max(max(own["undefined"], _undefined(f, model)) for model, own in f.maps.items()),
        at_least=False,
    ),
}
