"""Seal a run. provenance.json holds digests of everything logged, and tags hold the digest of provenance.json.

So the parts of a record can be compared with one another (`reprise.proof.consistency`).
"""

import gzip
import hashlib
import json
import math
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import mlflow

from reprise.base import artifact, display_text, record, tag
from reprise.base.credentials import without_credentials
from reprise.store.recorded import Recorded, unquoted

_BLOCK = 1 << 20

SEALED_AT_FIRST = (
    *(tag.SOURCE_NAME, tag.SOURCE_TYPE, tag.ENTRY_POINT, tag.BACKEND, tag.ENVIRONMENT_MANAGER),
    *(tag.COMMIT, tag.BRANCH, tag.REPOSITORY, tag.DIRTY),
    *(tag.JOB, tag.VERSION, tag.SUBDIRECTORY, tag.GIT, tag.PATCH),
    *(tag.ENVIRONMENT_LOCK, tag.ENVIRONMENT_MATCHES, tag.PARAMETERS_CUT, tag.DATA_FINGERPRINT),
    *(tag.RERUN_OF, tag.TUNE_SETTINGS, tag.MODEL_DIGEST),
    *(tag.EVALUATES_MODEL_URI, tag.EVALUATES_MODEL_ID, tag.EVALUATES_RUN_ID),
    *(tag.VERDICT, tag.VERDICT_RUN_ID, tag.VERDICT_POLICY, tag.VERDICT_MODEL, tag.VERDICT_DATA),
    *(tag.VERDICT_CHAMPION, tag.VERDICT_REASONS),
)
"""Tags that the first sealed runs sealed, which do not list them. It never changes; what is added goes to `SEALED`."""

SEALED = (*SEALED_AT_FIRST, tag.ENGINE, tag.TASK, tag.METRICS)
"""Tags that say where a run came from or what it came to. Names, notes and tags of a person's own may change later.

Each record lists those that were sealed in its day, so that none of a later day is missed in it.
"""


def write(folder: Path, run: mlflow.entities.Run, results: Mapping[str, Any]) -> str | None:
    """Add to a bundle's provenance.json what the run logs elsewhere.

    Args:
        folder: of the bundle, all files written.
        run: which it is logged to, with the tags and parameters of its start, as `start_run` gives it.
        results: `reprise.store.bundle.ResultBundle` as a mapping.

    Returns:
        SHA-256 of provenance.json; None where the bundle has none.
    """
    path = folder / "artifacts" / artifact.PROVENANCE
    if not path.is_file():
        return None
    content: record.Record = json.loads(path.read_text(encoding="utf-8"))
    tags = _tags(run, results["tags"])
    content["run_id"] = run.info.run_id
    content["parameters"] = as_logged(content.get("parameters", {}), run)
    content["logged"] = {
        "files": {name: sha256(file) for name, file in files(folder / "artifacts") if name != artifact.PROVENANCE},
        "metrics": {name: number(value) for name, value in results["metrics"].items()},
        "resolved": {name: str(value) for name, value in results["parameters"].items()},
        "tags": tags,
        "sealed": list(SEALED),
        "model": tags.get(tag.MODEL_DIGEST),
    }
    path.write_text(record.text(content), encoding="utf-8")
    return sha256(path)


def as_logged(parameters: Mapping[str, str], run: mlflow.entities.Run) -> dict[str, str]:
    """Write parameters as `mlflow run` was given them, such as `1` for 1.0, where it has logged them whole."""
    given = {
        name: without_credentials(unquoted(value))
        for name, value in run.data.params.items()
        if name in parameters and len(value) < display_text.PARAMETER_LENGTH
    }
    return {**parameters, **(given if run.data.tags.get(tag.SOURCE_TYPE) == "PROJECT" else {})}


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """List the files in a folder, with their paths from there."""
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.relative_to(folder).as_posix(), path


def added(run: Recorded) -> set[str]:
    """List the artifacts that were added after the run, and so are none of its results.

    Nothing can be said of a run that is not sealed.
    """
    logged: Any = run.provenance.get("logged")
    own = logged.get("files") if isinstance(logged, dict) else None
    if not isinstance(own, dict):
        return set()
    return {name for name, _ in files(run.folder) if name not in own and not name.startswith(f"{artifact.FOLDER}/")}


def sha256(path: Path) -> str:
    """Hash a file's bytes; of one that gzip has packed, those that were packed.

    An artifact store or a client on the way may unpack a file by itself, as HTTP allows for what is called .gz.
    """
    try:
        with gzip.open(path) as unpacked:
            return digest_of(unpacked)
    except (OSError, EOFError, zlib.error):  # not packed, or torn
        with path.open("rb") as file:
            return digest_of(file)


def digest_of(file: IO[bytes] | gzip.GzipFile) -> str:
    """Hash what a file gives, block by block, so that none is too large for the memory."""
    digested = hashlib.sha256()
    while block := file.read(_BLOCK):
        digested.update(block)
    return digested.hexdigest()


def sealed_tags(logged: Mapping[str, Any]) -> set[str]:
    """Return the names of the tags that a run seals if it has them, at least those of every run.

    Args:
        logged: what its provenance.json holds under that name.
    """
    listed = logged.get("sealed")
    named = listed if isinstance(listed, list) and all(isinstance(name, str) for name in listed) else []
    return {*SEALED_AT_FIRST, *named}


def number(value: float) -> float | str:
    """Convert a number for JSON, a number that is not finite to text."""
    return value if math.isfinite(value) else str(float(value))


def _tags(run: mlflow.entities.Run, own: Mapping[str, str]) -> dict[str, str]:
    """Return the tags that matter, as they are in the store once the bundle is logged."""
    return {name: value for name, value in {**run.data.tags, **own}.items() if name in SEALED}
