"""What names one run and no other: its ids, its folders, its time."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

CLOCK = 120.0
"""Seconds by which the clock of the machine that ran and that of the store may differ."""

QUARTER = 900
"""Seconds; all time zones are a multiple of it from UTC."""

FARTHEST_ZONE = 14 * 3600


@dataclass(frozen=True)
class Own:
    """What names one run and no other.

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
        """Replace what names this run by what it is."""
        return self._pattern.sub(lambda found: f"<{self.names[found[0]]}>", text) if self._pattern else text

    def holds(self, seconds: float, *, zoned: bool = True) -> bool:
        """Tell whether a moment is within the run; in any time zone where its own is not known."""
        low, high = self.begin - CLOCK - seconds, self.end + CLOCK - seconds
        if zoned or not math.isfinite(low):
            return low <= 0 <= high
        nearest = QUARTER * math.ceil(low / QUARTER)
        return nearest <= high and abs(nearest) <= FARTHEST_ZONE


@dataclass(frozen=True)
class Sides:
    """What names each of the two runs that are compared."""

    recorded: Own = field(default_factory=Own)
    again: Own = field(default_factory=Own)
