"""YAML that a person writes and that is read strictly, node by node, so that a message can name the line."""

from typing import Any

import yaml

from reprise.errors import one_line

LONGEST = 60
"""Characters of a value that a message shows."""


def scalar(node: yaml.ScalarNode) -> Any:
    """Read one value.

    Raises:
        ValueError: it is none, such as a date that does not exist, or is of a type that safe YAML does not know.
    """
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except yaml.YAMLError as error:
        raise ValueError(one_line(error)) from error


def why_not_yaml(error: yaml.YAMLError | RecursionError) -> str:
    """Say where and why a text is no YAML, to follow the file's name."""
    if isinstance(error, RecursionError):
        return ": nested too deeply to be read; a few levels are enough"
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark else ""
    return f"{line}: not YAML: {one_line(getattr(error, 'problem', None) or error)}"


def shorten(text: str) -> str:
    """Cut a value that is too long for a message."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
