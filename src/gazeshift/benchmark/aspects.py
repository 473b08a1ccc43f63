"""What captions can name a region by, and the texts that a picture is asked with. One dict of the aspects."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from gazeshift.benchmark.regions import ABSENT
from gazeshift.edits import EDITS, NULLS, Corpus, Edited, WholeWords, find_lexicon, random_for
from gazeshift.pairs import Pair, SceneCaption

NAMES_ANOTHER = "other-object"


@dataclass(frozen=True)
class Aspect:
    """A way to name one of several things in a picture.

    Attributes:
        kinds: kinds of the scenes' captions that do so.
        sentence: the question of the benchmark.
    """

    kinds: tuple[str, ...]
    sentence: str


ASPECTS: dict[str, Aspect] = {
    "name": Aspect(("class", "dish"), "Does the map go to the thing that the text names?"),
    "place": Aspect(("position",), "Does it follow words of place?"),
    "colour": Aspect(("colour",), "Does it follow words of colour?"),
    "two": Aspect(("two",), "Does the picture decide between two names, of which one is there?"),
}


@dataclass(frozen=True)
class Asked:
    """Pictures with a text about one of their things, and changed texts.

    Attributes:
        pairs: each with the text about one thing, which it refers to.
        texts: by edit, one text a pair; None where the edit does not apply.
    """

    pairs: tuple[Pair, ...]
    texts: dict[str, list[Edited | None]]


def no_other_words(caption: SceneCaption) -> list[str]:
    """Nothing is known to mean the same: texts are paraphrased by rules."""
    return []


def asked_about(
    aspect: Aspect, pairs: Sequence[Pair], seed: int, reworded: Callable[[SceneCaption], list[str]] = no_other_words
) -> Asked:
    """The texts for pictures with two captions or more that name different things, or one thing and a class that is not there.

    Other pictures are left out. The same seed gives the same texts. Words of the edits come from the captions of all pictures.

    Args:
        aspect: what captions name things by.
        pairs: pictures with all their captions.
        seed: draws what is named.
        reworded: other texts that say what a caption says.
    """
    chosen = [(pair, *found) for pair in pairs if (found := _two(aspect, pair, seed)) is not None]
    own = tuple(_about(pair, first, reworded(first)) for pair, first, _ in chosen)
    corpus = Corpus.of(own, tuple(sorted({pair.label for pair in pairs})), find_lexicon("english"))
    texts: dict[str, list[Edited | None]] = {
        name: [EDITS[name](corpus, WholeWords())(pair, random_for(name, pair.key, seed)) for pair in own]
        for name in ("original", "paraphrase", *NULLS)
    }
    texts[NAMES_ANOTHER] = [Edited(second.text, second.referred) for _, _, second in chosen]
    return Asked(own, texts)


def _two(aspect: Aspect, pair: Pair, seed: int) -> tuple[SceneCaption, SceneCaption] | None:
    rng = random_for("benchmark", pair.key, seed)
    captions = [each for each in pair.captions if each.kind in aspect.kinds and each.referred is not None]
    if not captions:
        return None
    first = captions[int(rng.integers(len(captions)))]
    others = [each for each in captions if each.referred != first.referred] or [
        each for each in pair.captions if each.kind == ABSENT
    ]
    return (first, others[int(rng.integers(len(others)))]) if others else None


def _about(pair: Pair, caption: SceneCaption, again: Sequence[str]) -> Pair:
    objects = tuple(replace(each, referred=each.index == caption.referred) for each in pair.objects)
    label = next(each.name for each in objects if each.referred)
    # A pair with captions is paraphrased by those of the same meaning, one without by rules.
    captions = (caption, *(replace(caption, text=text) for text in again)) if again else ()
    return replace(pair, text=caption.text, label=label, objects=objects, captions=captions)
