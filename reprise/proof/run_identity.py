"""The names of a single run, read from the store: its ids, its folders and its time."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote, urlsplit

import mlflow

from reprise.base import process, tag
from reprise.store.paging import every
from reprise.store.recorded import Recorded

FOLDER = "a folder of its own"
"""The kind of a run's own folder, such as a clone or a temporary folder."""

CLOCK = 120.0
"""Seconds by which the clock of the machine that ran and that of the store may differ."""

QUARTER = 900
"""Seconds; all time zones are a multiple of it from UTC."""

FARTHEST_ZONE = 14 * 3600


@dataclass(frozen=True)
class RunIdentity:
    """The names and times of a single run.

    Attributes:
        names: a text, such as the run's id or its folder -> what it is.
        begin: when the run began, in seconds since 1970; NaN where it is not known.
        end: when it ended.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    begin: float = math.nan
    end: float = math.nan

    @cached_property
    def _pattern(self) -> re.Pattern[str] | None:
        longest_first = sorted(filter(None, self.names), key=len, reverse=True)
        names = "|".join(map(re.escape, longest_first))
        return re.compile(rf"(?<![A-Za-z0-9])(?:{names})(?![A-Za-z0-9])") if names else None

    def replaced(self, text: str) -> str:
        """Replace each name of this run in a text by its kind."""
        return self._pattern.sub(lambda found: f"<{self.names[found[0]]}>", text) if self._pattern else text

    def holds(self, seconds: float, *, zoned: bool = True) -> bool:
        """Return whether a moment is within the run; in any time zone where its own is not known."""
        low, high = self.begin - CLOCK - seconds, self.end + CLOCK - seconds
        if zoned or not math.isfinite(low):
            return low <= 0 <= high
        nearest = QUARTER * math.ceil(low / QUARTER)
        return nearest <= high and abs(nearest) <= FARTHEST_ZONE


@dataclass(frozen=True)
class RunIdentities:
    """The names and times of each of the two compared runs."""

    recorded: RunIdentity = field(default_factory=RunIdentity)
    again: RunIdentity = field(default_factory=RunIdentity)


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
    yield from ((child, "id of a run under it") for child in _children(run))
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


def _children(run: Recorded) -> Iterator[str]:
    under = f"tags.`{tag.PARENT}` = '{run.run_id}'"
    for child in every(mlflow.MlflowClient().search_runs, [run.run.info.experiment_id], under):
        yield child.info.run_id
