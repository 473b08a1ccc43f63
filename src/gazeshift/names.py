"""Class names in texts: found in their usual forms, regardless of case, accents and number."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import lru_cache

KATAKANA = r"\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
HAN = (
    r"\u3005-\u3007\u3021-\u3029\u3038-\u303b\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
    r"\U00016fe3\U00016ff0-\U00016ff6\U00020000-\U0003347f"
)
UNSPACED = (
    r"\u0e00-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf\u3041-\u309f\u3105-\u312f\u31a0-\u31bf\ua9e0-\ua9fe\uaa60-\uaadf"
    r"\U00011700-\U00011746\U0001aff0-\U0001b168" + HAN + KATAKANA
)
"""Letters of the scripts written without spaces between words (see ``gazeshift.scripts``), as ranges for a character class."""

_LETTERS = rf"[^\W_{UNSPACED}]"


def spoken(name: str) -> str:
    """A class name as the words that a title would have.

    Example:
        >>> spoken("apple_pie")
        'apple pie'
    """
    return " ".join(name.replace("_", " ").split())


def contains_name(text: str, name: str) -> bool:
    """Whether the text contains a class name, in any of the forms that ``replace_names`` replaces.

    Example:
        >>> contains_name("Grandma's Apple Pies", "apple_pie")
        True
        >>> contains_name("Pineapple piece", "apple_pie")
        False
    """
    return _pattern((name,)).search(without_accents(unicodedata.normalize("NFC", text))) is not None


def replace_names(text: str, names: Sequence[str], replacement: Callable[[str], str]) -> str:
    """The text with every class name replaced.

    A class name matches as whole words, in any case, with or without accents, its words apart by spaces, hyphens,
    underscores or nothing, its last word singular or plural (s, es, y / ies). Single words of a name are not replaced.
    Longer names come first: with classes ``pie`` and ``apple_pie``, "apple pie" is replaced once. In scripts without spaces
    a name may occur anywhere, in katakana as a whole run.

    Args:
        text: any.
        names: class names.
        replacement: function from a name as it occurs in the text to its replacement.

    Example:
        >>> replace_names("Best Apple-Pies and churro recipes", ["apple_pie", "churros"], lambda found: f"<{found}>")
        'Best <Apple-Pies> and <churro> recipes'
        >>> replace_names("美味しいパイとスパイス", ["パイ"], lambda found: "魚")
        '美味しい魚とスパイス'
    """
    text = unicodedata.normalize("NFC", text)
    pieces, end = [], 0
    for match in _pattern(tuple(names)).finditer(without_accents(text)):
        pieces += [text[end : match.start()], replacement(text[match.start() : match.end()])]
        end = match.end()
    return "".join([*pieces, text[end:]])


def without_accents(text: str) -> str:
    """The text with accented letters replaced by their bare ones; every character keeps its place.

    Example:
        >>> without_accents("Crème Brûlée")
        'Creme Brulee'
    """
    return "".join(map(_bare, text))


def name_words(name: str) -> list[str]:
    """The words of a class name, without accents.

    Example:
        >>> name_words("crème_brûlée")
        ['creme', 'brulee']
    """
    return re.findall(r"[^\W_]+", without_accents(unicodedata.normalize("NFC", name)))


@lru_cache(maxsize=512)
def _pattern(names: tuple[str, ...]) -> re.Pattern[str]:
    different = sorted({" ".join(name_words(name)) for name in names} - {""}, key=lambda name: (-len(name), name))
    return re.compile("|".join(map(_form, different)) or "(?!)", re.IGNORECASE)


def _form(name: str) -> str:
    *first, last = map(re.escape, name.split())
    return _edge(name[0], "(?<!{})") + r"[\W_]*".join((*first, _number_forms(last))) + _edge(name[-1], "(?!{})")


def _edge(letter: str, neighbour: str) -> str:
    """What must not be next to a name that begins or ends with this letter."""
    if re.match(f"[{KATAKANA}]", letter):
        return neighbour.format(f"[{KATAKANA}]")
    return "" if re.match(f"[{UNSPACED}]", letter) else neighbour.format(_LETTERS)


def _number_forms(word: str) -> str:
    """The word in singular and plural, as alternatives of a pattern; over-generous rather than a grammar."""
    forms = {word, f"{word}s", f"{word}es"}
    if word.endswith("y"):
        forms.add(f"{word[:-1]}ies")
    if word.endswith("ies"):
        forms.add(f"{word[:-3]}y")
    if word.endswith("es") and len(word) > 4:
        forms.add(word[:-2])
    if word.endswith("s") and not word.endswith("ss") and len(word) > 3:
        forms.add(word[:-1])
    return f"(?:{'|'.join(sorted(forms, key=lambda form: (-len(form), form)))})"


@lru_cache(maxsize=4096)
def _bare(character: str) -> str:
    base = unicodedata.normalize("NFD", character)[0]
    return base if base.isascii() else character  # Latin only: a Korean syllable is more than its first letter
