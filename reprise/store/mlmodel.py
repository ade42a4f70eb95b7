"""MLmodel, the file in which a model says what it is: read from wherever it was logged, so it may hold anything."""

from pathlib import Path
from typing import Any

import yaml

from reprise.base import yaml_nodes

NAME = "MLmodel"


def read(folder: Path) -> dict[str, Any] | None:
    """Read what a model says of itself.

    Args:
        folder: of the model.

    Returns:
        Its keys and values; None where there is no such file, or it is no YAML mapping.
    """
    try:
        content = yaml_nodes.load((folder / NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return content if isinstance(content, dict) else None
