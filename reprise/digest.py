"""What a model's files hold, in one number: the same files give the same digest, in every store and at every path."""

import hashlib
from pathlib import Path

NOT_CONTENT = ("MLmodel", "registered_model_meta")
"""MLmodel names the run and the store; MLflow writes registered_model_meta into any model that is loaded by URI."""

_BLOCK = 2**20


def model_digest(folder: Path) -> str:
    """Give the SHA-256 over a model folder's files, sorted by path: length of the path, path, size, content.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    for name in sorted(files.keys() - set(NOT_CONTENT)):
        encoded, path = name.encode(), files[name]
        digest.update(len(encoded).to_bytes(8) + encoded + path.stat().st_size.to_bytes(8))
        with path.open("rb") as file:
            while block := file.read(_BLOCK):
                digest.update(block)
    return digest.hexdigest()
