"""The digest of a saved model: SHA-256 over its files, by which a later change of any of them shows."""

import hashlib
import json
from pathlib import Path

from reprise.store import mlmodel

_STAMPED = ("artifact_path", "model_id", "model_uuid", "run_id")
"""What MLmodel says of the place where the model was logged; `reprise.store.bundle` writes it later."""

ADDED = "registered_model_meta"
"""A file that MLflow adds when a model is downloaded by its registered name."""


def digest(folder: Path) -> str:
    """Hash a model's folder, names and content; of MLmodel all but the ids, for it says how the model is loaded.

    Args:
        folder: a model in MLflow's format, before it is logged or after it is downloaded.

    Returns:
        64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != ADDED):
        name = path.relative_to(folder).as_posix()
        content = (_without_ids(folder) if name == mlmodel.NAME else None) or path.read_bytes()
        total.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return total.hexdigest()


def _without_ids(folder: Path) -> bytes | None:
    """Give MLmodel without what a store stamps on it; None where it is of another form and so has no stamp."""
    kept = {name: value for name, value in (mlmodel.read(folder) or {}).items() if name not in _STAMPED}
    try:
        return json.dumps(kept, sort_keys=True, default=str).encode() if kept else None
    except (ValueError, TypeError):  # a circle, or keys of two kinds
        return None
