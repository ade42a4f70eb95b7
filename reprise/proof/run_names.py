"""Read the names of a run from the store."""

import math
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

from reprise.base import process, tag
from reprise.proof.run_identity import FOLDER, RunIdentity
from reprise.store.paging import runs_under
from reprise.store.recorded import Recorded

SHORT = (7, 8, 12)
"""Digits of a run's id that people take for its short form."""

LEAST = 8
"""Characters that a name has at least: a shorter one may stand in a text for another thing."""


def identity_of(run: Recorded) -> RunIdentity:
    """Collect what names a run: ids of itself, its models and the runs under it, its folders, name, host and time.

    Args:
        run: that has ended.
    """
    info = run.run.info
    begin, end = (moment / 1000 if moment else math.nan for moment in (info.start_time, info.end_time))
    return RunIdentity({text: what for text, what in _names(run) if len(text) >= LEAST or what == "run id"}, begin, end)


def _names(run: Recorded) -> Iterator[tuple[str, str]]:
    """List what names a run; of two meanings of one text the last counts."""
    info, tags = run.run.info, run.tags
    yield from ((str(child.info.run_id), "id of a run under it") for child in runs_under(run.run))
    yield from (
        (str(output.model_id), "model id") for output in (run.run.outputs.model_outputs if run.run.outputs else [])
    )
    yield info.run_name or "", "run name"
    if named := process.read(tags.get(tag.PROCESS)):
        yield named.host, "host"
    if run.by_mlflow_run:
        folder = tags[tag.SOURCE_NAME].partition("#")[0].rstrip("/").removesuffix(f"/{run.subdirectory}")
        yield from _places(folder, FOLDER)
    yield from _places(info.artifact_uri, "artifacts")
    yield tags.get(tag.PARENT, ""), "id of the run above it"
    yield from ((info.run_id[:digits], "run id") for digits in SHORT)
    yield info.run_id, "run id"
    digits = info.run_id
    yield f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}", "run id"


def _places(uri: str, what: str) -> Iterator[tuple[str, str]]:
    """Write a folder as a path and as a URI; of what is elsewhere the URI alone."""
    yield uri, what
    if uri.startswith("file:"):
        yield unquote(urlsplit(uri).path), what
    elif uri.startswith("/"):
        yield Path(uri).as_uri(), what
