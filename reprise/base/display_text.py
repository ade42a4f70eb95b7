"""Write text for the terminal and for tags.

Text of a store, a table or a repository is made safe to show. No character of it moves the cursor or hides other text.
Long text is cut, with a mark. Values and names of parameters are written as one types them.
"""

import json
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any

TAG_LENGTH = 5000
"""Characters of a tag that are kept. MLflow allows 8000."""

PARAMETER_LENGTH = 6000
"""Characters that MLflow keeps of a parameter's value (`mlflow.utils.validation.MAX_PARAM_VAL_LENGTH`)."""

_SHOWN_OTHERWISE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control and format characters (terminal escapes, C1 controls, those that turn the direction
of text or have no width), of lone surrogates, and of separators of lines."""

_JOINERS = "\u200c\u200d"
"""Format characters that Persian, Indic scripts and emoji are written with."""


def printable(text: object) -> str:
    r"""Write a value in one line of printable characters. Other characters become escapes, such as `\n`."""
    written = str(text)
    if written.isprintable():
        return written
    return "".join(map(_plain_letter, written))


def _plain_letter(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) not in _SHOWN_OTHERWISE:
        return letter
    return letter.encode("unicode_escape").decode("ascii")


def in_parameter(text: str) -> str:
    """Cut a parameter's value to what MLflow keeps, as MLflow itself does."""
    return text[:PARAMETER_LENGTH]


def in_tag(text: str) -> str:
    """Cut a text for a tag. A cut text ends with a note of its full length."""
    if len(text) <= TAG_LENGTH:
        return text
    said = f" … (cut, {len(text)} characters in all)"
    return text[: TAG_LENGTH - len(said)] + said


def cut(parameters: Mapping[str, str]) -> dict[str, int]:
    """Name the parameters of which MLflow keeps a part, with the number of characters of each."""
    return {name: len(value) for name, value in parameters.items() if len(value) > PARAMETER_LENGTH}


def as_text(value: Any) -> str:
    """Write a value as one types it: `yes`, `no`, `none`, JSON for a list or a mapping, else as Python prints it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple | list | dict):
        return json.dumps(value)
    return "none" if value is None else str(value)


def as_option(name: str) -> str:
    """Write a parameter's name as an option: `--test-size`."""
    return f"--{name.replace('_', '-')}"


def few(entries: Iterable[str], limit: int, where: str = "") -> list[str]:
    """Return the first entries, and one more that counts the rest.

    Args:
        entries: to choose from.
        limit: how many are shown.
        where: the place that holds all of them.
    """
    entries = list(entries)
    rest = f"and {len(entries) - limit} more"
    return [*entries[:limit], f"{rest} (all in {where})" if where else rest] if len(entries) > limit else entries


def listed(names: Iterable[object], limit: int) -> str:
    """Return the first names in a line, and how many more there are."""
    words = [str(name) for name in names]
    shown = ", ".join(words[:limit])
    return f"{shown} and {len(words) - limit} more" if len(words) > limit else shown
