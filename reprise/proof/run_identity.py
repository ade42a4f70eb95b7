"""The names of a single run: its ids, its folders and its time. Pure."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

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
