from dataclasses import replace

from gazeshift.edits import Corpus
from gazeshift.pairs import Pair, SceneCaption, SceneObject

CORPUS = Corpus(
    {
        "apple_pie": ("apple pie", "pie of the day"),
        "tart": ("lemon tart", "tart recipe", "a very long title of a tart"),
    },
    ("apple_pie", "tart"),
)
PAIR = Pair("a.jpg", b"", "apple pie", "apple_pie", "test")
SCENE = replace(
    PAIR,
    text="easy apple pie recipe",
    objects=(SceneObject("apple_pie", "red", 1, True), SceneObject("tart", "green", 2, False)),
    captions=(
        SceneCaption("dish", "easy apple pie recipe", 1, "apple_pie"),
        SceneCaption("dish", "how to make an easy apple pie", 1, "apple_pie"),
        SceneCaption("dish", "easy tart recipe", 2, "tart"),
        SceneCaption("colour", "the red one", 1, "red"),
        SceneCaption("colour", "the green one", 2, "green"),
        SceneCaption("position", "the one on the left", 1, "left"),
        SceneCaption("position", "the one at the top", 2, "top"),
    ),
)
