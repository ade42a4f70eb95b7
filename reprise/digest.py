"""The digest of a saved model: SHA-256 over its files, by which a later change of any of them shows."""

import hashlib
import json
from pathlib import Path

import yaml

from reprise import yaml_nodes

TAG = "reprise.model.digest"

_STAMPED = ("artifact_path", "model_id", "model_uuid", "run_id")
"""What MLmodel says of the place where the model was logged; `reprise.bundle` writes it after the digest is made."""

_ADDED = "registered_model_meta"
"""A file that MLflow adds when a model is downloaded by its registered name."""


def digest(folder: Path) -> str:
    """Hash a model's folder, names and content; of MLmodel all but the ids, for it says how the model is loaded.

    Args:
        folder: a model in MLflow's format, before it is logged or after it is downloaded.

    Returns:
        64 hexadecimal digits.
    """
    total = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and path.name != _ADDED):
        name = path.relative_to(folder).as_posix()
        content = _without_ids(path) if name == "MLmodel" else path.read_bytes()
        total.update(f"{hashlib.sha256(content).hexdigest()}  {name}\n".encode())
    return total.hexdigest()


def _without_ids(path: Path) -> bytes:
    """Give MLmodel without what a store stamps on it; as it is where it is of another form and so has no stamp."""
    content = path.read_bytes()
    try:
        said = yaml_nodes.load(content.decode())
        kept = {name: value for name, value in said.items() if name not in _STAMPED}
        return json.dumps(kept, sort_keys=True, default=str).encode()
    except (yaml.YAMLError, ValueError, TypeError, AttributeError):
        return content
