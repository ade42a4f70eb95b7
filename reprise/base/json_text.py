"""JSON that somebody else may have written: all that it can be is a value, or a ValueError."""

import json
from collections.abc import Iterable
from typing import Any

DEEPEST = 100
"""Levels at most: what walks the value by calling itself has enough room then."""

_DEEP = "nested too deeply to be read"


def parse(text: str | bytes | None) -> Any:
    """Parse a text.

    Raises:
        ValueError: it is no JSON, not in UTF-8, nested too deeply, or holds a number of thousands of digits.
    """
    try:
        value = json.loads(text or "")
    except RecursionError as error:
        raise ValueError(_DEEP) from error
    level = [value]
    for _ in range(DEEPEST):
        level = [part for here in level for part in _parts(here) if isinstance(part, (dict, list))]
        if not level:
            return value
    raise ValueError(_DEEP)


def _parts(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
