"""User-written YAML: read safely, and refused if a key is ambiguous."""

from typing import Any

import yaml

from gazeshift.errors import ConfigError


def read_yaml(text: str, name: str) -> Any:
    r"""The values of a YAML text.

    Args:
        text: the YAML.
        name: of its file, for the messages.

    Raises:
        ConfigError: it is not YAML, or a key occurs twice in one mapping, where YAML readers silently take the last.

    Example:
        >>> read_yaml("a: {b: 1}", "study.yaml")
        {'a': {'b': 1}}
        >>> read_yaml("a:\n  b: 1\n  b: 2", "study.yaml")
        Traceback (most recent call last):
        gazeshift.errors.ConfigError: study.yaml: a.b occurs twice, in line 2 and in line 3; keep one.
    """
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ConfigError(f"{name}: not valid YAML: {' '.join(str(error).split())}") from error
    check_keys(text, name)
    return values


def check_keys(text: str, name: str) -> None:
    """Refuse a key that occurs twice in one mapping, at any depth of valid YAML.

    Args:
        text: the YAML.
        name: of its file or option, for the message.

    Raises:
        ConfigError: there is one.
    """
    _check(yaml.compose(text, yaml.SafeLoader), name, (), set())


def _check(node: yaml.Node | None, name: str, above: tuple[str, ...], done: set[int]) -> None:
    if id(node) in done:
        return  # an alias of a node seen under its anchor
    done.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _check(value, name, above, done)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: dict[tuple[str, str], int] = {}
    for key, value in node.value:
        here, line = (*above, str(key.value)), key.start_mark.line + 1
        said = (key.tag, str(key.value))
        if said in seen:
            lines = f"in line {seen[said]} and in line {line}" if seen[said] != line else f"both in line {line}"
            raise ConfigError(f"{name}: {'.'.join(here)} occurs twice, {lines}; keep one.")
        seen[said] = line
        _check(value, name, here, done)
