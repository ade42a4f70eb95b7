"""The bytes of a table's source, by SHA-256 and size. No reader of tables affects them."""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from importlib import metadata, resources
from pathlib import Path

from reprise.base.errors import WrongCall
from reprise.base.record import Source as SourceRecord
from reprise.data.source import Source

PACKAGE = "scikit-learn"
"""The package that contains the bundled tables."""

FILES = {"iris": "iris.csv", "wine": "wine_data.csv", "breast_cancer": "breast_cancer.csv", "digits": "digits.csv.gz"}
"""Bundled table -> its file in the package `sklearn.datasets.data`."""


def of_file(source: Source, path: Path) -> Source:
    """Return a source with the digest of a file, which is read once, block by block.

    Args:
        source: the table's.
        path: its file, or where it was downloaded to.

    Raises:
        WrongCall: it cannot be read.
    """
    try:
        return _digested(source, path)
    except OSError as error:
        raise WrongCall(f"data {source.uri!r} cannot be read: {error.strerror}") from error


def of_bundled(source: Source) -> Source:
    """Return a bundled source with the package that it comes with, and the digest of its file where that has one."""
    source = replace(source, package=f"{PACKAGE}=={metadata.version(PACKAGE)}")
    try:
        with resources.as_file(resources.files("sklearn.datasets.data") / FILES[source.name]) as path:
            return _digested(source, path)
    except OSError:
        return source


def same_bytes(recorded: SourceRecord, source: Source, installed: Mapping[str, str]) -> bool | None:
    """Return whether a source has the bytes that a run recorded.

    Args:
        recorded: `source` of what provenance.json says of the data.
        source: as it is now.
        installed: package -> version that the run had: a bundled table is the same in the same release.

    Returns:
        None where the run recorded nothing of its bytes.
    """
    if recorded.get("sha256") and source.sha256:
        return bool(recorded["sha256"] == source.sha256)
    if recorded.get("kind") == source.kind == "bundled" and recorded.get("uri") == source.uri:
        package = recorded.get("package") or f"{PACKAGE}=={installed.get(PACKAGE)}"
        return True if package == source.package else None
    return None


def _digested(source: Source, path: Path) -> Source:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return replace(source, sha256=digest, size=file.tell())
