"""What is tested, in which unit, and which effects count as none: fixed before the results. One dict of the primary contrasts.

Changing an entry after looking at results makes the verdict worthless; a new question gets a new entry.
"""

from dataclasses import dataclass

LEVEL = 0.05
"""Of every test, after Holm's correction over the primary contrasts that can be tested."""

MIN_SEEDS = 5
"""Training seeds below which nothing is said about a kind of model."""


@dataclass(frozen=True)
class Claim:
    """One claim and its primary contrast.

    Attributes:
        sentence: what is claimed.
        contrast: what is measured; the claim says that it is above 0.
        unit: unit of the contrast.
        margin: an effect whose 90 % interval lies within ``+-margin`` counts as no effect (two one-sided tests).
        roles: roles of the models that are contrasted (``gazeshift.claims.roles.ROLES``).
    """

    sentence: str
    contrast: str
    unit: str
    margin: float
    roles: tuple[str, ...]


CLAIMS: dict[str, Claim] = {
    "C0": Claim(
        "The text raises accuracy.",
        "accuracy of early fusion minus image only, same test pairs",
        "share of the test pairs",
        0.01,
        ("fusion", "image"),
    ),
    "C1": Claim(
        "The image-only model looks nearer the centre than the fusion model.",
        "centre bias of image only minus early fusion, maps of the predicted class with the pair's own text, images with both maps defined",
        "centre bias (1 centre, 0 uniform)",
        0.02,
        ("fusion", "image"),
    ),
    "C2": Claim(
        "The fusion model looks at what the text names, more than the image-only model does.",
        "map mass in the mask of the referred object minus its mass in other images' masks: early fusion minus image only",
        "share of the map's mass",
        0.01,
        ("fusion", "image"),
    ),
    "C3": Claim(
        "The map follows the text.",
        "Jensen-Shannon distance of early fusion's maps between the pair's own text and one about something else (another object of the "
        "scene where it is known, else a title of another class), minus that of a paraphrase",
        "Jensen-Shannon distance (0 to 1)",
        0.05,
        ("fusion",),
    ),
    "C4a": Claim(
        "A colour word widens the map.",
        "coverage of early fusion's map with a colour word before the class name minus without it",
        "coverage (share of the grid)",
        0.01,
        ("fusion",),
    ),
    "C4b": Claim(
        "A colour word moves the map more than a position word.",
        "Jensen-Shannon distance from the bare class name: colour words minus position words, same noun, same number of word pieces",
        "Jensen-Shannon distance (0 to 1)",
        0.01,
        ("fusion",),
    ),
    "C5": Claim(
        "The map moves when it should, and only then.",
        "map mass that another region of the picture gains when the text names it, minus what the same region gains with a paraphrase of "
        "the pair's own text, early fusion",
        "share of the map's mass",
        0.01,
        ("fusion",),
    ),
}
