"""Read the file MLmodel of a saved model, which may be from anyone, and compute the digest of the model's files.

The digest is SHA-256 over the names and the content of all files. It shows a later change of any file.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement

from reprise.base import untrusted_text

MLMODEL = "MLmodel"

_STAMPED = ("artifact_path", "model_id", "model_uuid", "run_id")
"""What MLmodel says of the place where the model was logged; `reprise.store.bundle` writes it later."""

ADDED = "registered_model_meta"
"""A file that MLflow adds when a model is downloaded by its registered name."""


def read_mlmodel(folder: Path) -> dict[str, Any] | None:
    """Read the file MLmodel of a model.

    Args:
        folder: of the model.

    Returns:
        Its keys and values; None where there is no such file, or it is no YAML mapping.
    """
    try:
        content = untrusted_text.load_yaml((folder / MLMODEL).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return None
    return content if isinstance(content, dict) else None


def read_requirements(folder: Path) -> list[Requirement]:
    """Read the requirements.txt of a model.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no text, or a line is no requirement.
    """
    lines = (folder / "requirements.txt").read_text(encoding="utf-8").splitlines()
    return [Requirement(line) for line in lines if line.strip()]


def folder_digest(folder: Path) -> str:
    """Hash names and content of a model's files, with all of MLmodel but its ids, since it defines the loading.

    Args:
        folder: a model in MLflow's format, before it is logged or after it is downloaded.

    Returns:
        64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ADDED):
        name = path.relative_to(folder).as_posix()
        content = (_without_ids(folder) if name == MLMODEL else None) or path.read_bytes()
        total.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return total.hexdigest()


def _without_ids(folder: Path) -> bytes | None:
    """Return MLmodel without what a store stamps on it; None where it is of another form and so has no stamp."""
    kept = {name: value for name, value in (read_mlmodel(folder) or {}).items() if name not in _STAMPED}
    try:
        return json.dumps(kept, sort_keys=True, default=str).encode() if kept else None
    except (ValueError, TypeError):  # a circle, or keys of two kinds
        return None
