"""How a parameter is written where a person may type it: on a command line, in MLproject, in a run's record."""

import json
from typing import Any


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
