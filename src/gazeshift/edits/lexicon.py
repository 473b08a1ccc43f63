"""Lists of modifiers by kind, with the template that joins one to a noun: shipped ones, and a user's own in YAML."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import Formatter
from typing import Any

from gazeshift.errors import ConfigError, UsageError
from gazeshift.registry import known_name
from gazeshift.yaml_text import read_yaml

BARE = "bare"
"""The kind of the text without a modifier; not a kind in a lexicon."""

_KEYS = ("language", "template", "kinds", "means")


@dataclass(frozen=True)
class Lexicon:
    """Candidate modifiers.

    Attributes:
        name: name of a shipped lexicon, or the file.
        language: for example ``en``.
        template: how a modifier and a noun form a text; contains ``{modifier}`` and ``{noun}`` once each.
        kinds: words by kind, for example ``colour``.
        means: for known scenes: the scene's own word that a word is equivalent to (``crimson``: ``red``); a word not listed means
            itself.
    """

    name: str
    language: str
    template: str
    kinds: Mapping[str, tuple[str, ...]]
    means: Mapping[str, str]

    def words(self, kind: str) -> tuple[str, ...]:
        """The candidates of a kind.

        Raises:
            ConfigError: the lexicon has no such kind.
        """
        if kind not in self.kinds:
            raise ConfigError(
                f"lexicon {self.name}: no words of kind {kind!r}; it has {', '.join(self.kinds)}. "
                f"Name a YAML file with kinds.{kind}, or leave out what needs it."
            )
        return self.kinds[kind]

    def phrase(self, modifier: str, noun: str) -> str:
        """A modifier and a noun, joined by the template.

        Example:
            >>> shipped("english").phrase("left", "apple pie"), shipped("japanese").phrase("赤い", "りんご")
            ('left apple pie', '赤いりんご')
        """
        return self.template.format(modifier=modifier, noun=noun).strip()


SHIPPED = ("english", "japanese", "plates")


@lru_cache
def shipped(name: str) -> Lexicon:
    """One of the lexicons that come with the package (``SHIPPED``).

    Raises:
        ConfigError: no such lexicon.
    """
    try:
        name = known_name(SHIPPED, name, "lexicon")
    except UsageError as error:
        raise ConfigError(f"{error} Or give a YAML file.") from None
    text = (files("gazeshift.edits") / "lexicons" / f"{name}.yaml").read_text(encoding="utf-8")
    return _lexicon(text, name)


def find_lexicon(name: str) -> Lexicon:
    """A shipped lexicon by name, else the YAML file of that name (``docs/edits.md`` describes the format).

    Raises:
        ConfigError: neither exists, or the file has a missing, unknown or ambiguous key: one line with the file and the key.
    """
    return _read(Path(name)) if Path(name).suffix else shipped(name)


def _read(path: Path) -> Lexicon:
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, IsADirectoryError) as error:
        raise ConfigError(f"{path}: no such lexicon; built in: {', '.join(SHIPPED)}.") from error
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}).") from error
    return _lexicon(text, str(path))


def _lexicon(text: str, name: str) -> Lexicon:
    values = read_yaml(text, name)
    if not isinstance(values, dict):
        raise ConfigError(f"{name}: a lexicon is a mapping with the keys {', '.join(_KEYS)}.")
    for key in values:
        if key not in _KEYS:
            raise ConfigError(f"{name}: {key}: unknown key; known: {', '.join(_KEYS)}.")
    kinds = _kinds(name, values.get("kinds"))
    return Lexicon(
        name,
        _text(name, "language", values.get("language")),
        _template(name, _text(name, "template", values.get("template"))),
        kinds,
        _means(name, values.get("means") or {}, kinds),
    )


def _text(name: str, key: str, value: Any) -> str:
    if value is None:
        raise ConfigError(f"{name}: {key}: this key is missing.")
    if not isinstance(value, str) or not value.strip():
        # YAML reads on, off, yes, no and numbers as something else than words.
        raise ConfigError(f'{name}: {key}: give text, not {value!r}; put a word such as "on" in quotes.')
    return value


def _template(name: str, template: str) -> str:
    try:
        fields = [
            (field, spec, conversion) for _, field, spec, conversion in Formatter().parse(template) if field is not None
        ]
    except ValueError:
        fields = []
    if sorted(fields) != [("modifier", "", None), ("noun", "", None)]:
        raise ConfigError(
            f'{name}: template: {template!r} must hold {{modifier}} and {{noun}} once each, for example "{{modifier}} {{noun}}".'
        )
    return template


def _kinds(name: str, values: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(values, dict) or not values:
        raise ConfigError(f"{name}: kinds: give kinds with a list of words each, for example colour: [red, green].")
    kinds: dict[str, tuple[str, ...]] = {}
    seen: dict[str, str] = {}
    for kind, words in values.items():
        key = f"kinds.{_text(name, 'kinds', kind)}"
        if kind == BARE:
            raise ConfigError(f"{name}: {key}: this name is reserved for the text without a modifier; choose another.")
        if not isinstance(words, list) or not words:
            raise ConfigError(f"{name}: {key}: give a list of words, for example [red, green].")
        for word in words:
            if len(_text(name, key, word).split()) != 1 or word != word.strip():
                raise ConfigError(f"{name}: {key}: {word!r} is more than one word; a modifier is one word.")
            if word.casefold() in seen:
                raise ConfigError(
                    f"{name}: {key}: {word!r} occurs twice, also in kinds.{seen[word.casefold()]}; keep one."
                )
            seen[word.casefold()] = kind
        kinds[kind] = tuple(words)
    return kinds


def _means(name: str, values: Any, kinds: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    if not isinstance(values, dict):
        raise ConfigError(f"{name}: means: give the scene's word for each word, for example crimson: red.")
    known = {word for words in kinds.values() for word in words}
    for word, meaning in values.items():
        if word not in known:
            raise ConfigError(f"{name}: means.{word}: the word is in none of the kinds.")
        _text(name, f"means.{word}", meaning)
    return dict(values)
