"""Read YAML and JSON of any author safely. YAML can be read as nodes, whose lines a message can name."""

import json
import math
from collections.abc import Iterable
from typing import Any

import yaml

from reprise.base.errors import one_line

LONGEST = 60
"""Characters of a value that a message shows."""

_DEEP = "nested too deeply to be read; a few levels are enough"
_DEEP_JSON = "nested too deeply to be read"

DEEPEST = 100
"""Levels at most: what walks the value by calling itself has enough room then."""

NODES = 1_000_000
"""Values at most, those that aliases stand for counted as often as they do."""

BITS = 4_000
"""Bits of a whole number at most. Python writes none of more than some thousand digits."""

NONE = (RecursionError, ValueError, LookupError, ArithmeticError, TypeError, AttributeError)
"""What PyYAML raises beside its own errors: of deep nesting, and of a tag on what is none of its kind."""


def load_yaml(content: str | bytes) -> Any:
    """Read a whole text.

    Raises:
        yaml.YAMLError: it is no YAML, nested too deeply, or holds a value that is none.
    """
    try:
        return yaml.load(content, _Loader)  # noqa: S506  a safe one
    except RecursionError as error:
        raise yaml.YAMLError(_DEEP) from error
    except NONE as error:
        raise yaml.YAMLError(f"it holds an invalid value: {one_line(error, LONGEST)}") from error


def compose(text: str) -> yaml.Node | None:
    """Read a whole text as nodes, which know their lines; None where it is empty.

    Raises:
        yaml.YAMLError: it is no YAML, or its aliases stand for too much.
        RecursionError: it is nested too deeply.
    """
    return _Loader(text).get_single_node()


def scalar(node: yaml.ScalarNode) -> Any:
    """Read one value.

    Raises:
        ValueError: it is none, such as a date that does not exist, or is of a type that safe YAML does not know.
    """
    try:
        return _Loader("").construct_object(node)
    except (yaml.YAMLError, *NONE) as error:
        raise ValueError(one_line(error)) from error


class _Loader(yaml.SafeLoader):
    """A safe YAML loader that refuses integers too long to print and documents that grow by their aliases."""

    def get_single_node(self) -> yaml.Node | None:
        """Compose the text's one document."""
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _size(node, {}) > NODES:
            raise yaml.YAMLError("its aliases expand to too many values")
        return node


def _size(node: Any, known: dict[int, float]) -> float:
    """Count the nodes below one, those of an alias as often as it stands there; one that holds itself has no end."""
    parts = node if isinstance(node, tuple) else node.value
    if isinstance(parts, str):
        return 1
    if id(node) not in known:
        known[id(node)] = math.inf
        known[id(node)] = 1 + sum(_size(part, known) for part in parts)
    return known[id(node)]


def _whole_number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int:
    value: int = loader.construct_yaml_int(node)
    if value.bit_length() > BITS:
        raise ValueError("a whole number of too many digits")
    return value


_Loader.add_constructor("tag:yaml.org,2002:int", _whole_number)


def why_not_yaml(error: yaml.YAMLError | RecursionError) -> str:
    """Return where and why a text is no YAML, to follow the file's name."""
    if isinstance(error, RecursionError):
        return f": {_DEEP}"
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    return f"{line}: not YAML: {one_line(getattr(error, 'problem', None) or error)}"


def shorten(text: str) -> str:
    """Cut a value that is too long for a message."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def parse_json(text: str | bytes | None) -> Any:
    """Parse a text.

    Raises:
        ValueError: it is no JSON, not in UTF-8, nested too deeply, or holds a number of thousands of digits.
    """
    try:
        value = json.loads(text or "")
    except RecursionError as error:
        raise ValueError(_DEEP_JSON) from error
    level = [value]
    for _ in range(DEEPEST):
        level = [part for here in level for part in _parts(here) if isinstance(part, (dict, list))]
        if not level:
            return value
    raise ValueError(_DEEP_JSON)


def _parts(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
