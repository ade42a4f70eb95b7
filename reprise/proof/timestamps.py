"""Find times in texts and numbers, and check whether they lie within a run."""

import math
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from reprise.proof.run_identity import RunIdentity

DAY = 86400
"""Seconds."""

_DAY = r"(?P<year>\d{4})(?P<dash>[-/.]?)(?P<month>\d\d)(?P=dash)(?P<day>\d\d)"
_CLOCK = r"(?P<hour>\d\d)[:.-]?(?P<minute>\d\d)(?:[:.-]?(?P<second>\d\d)(?P<fraction>[.,]\d+)?)?"
_ISO = rf"(?<!\d){_DAY}(?:[T _-]?{_CLOCK} ?(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d(?::?\d\d)?)?)?(?!\d)"
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
_WORDS = rf"(?:{'|'.join(_MONTHS)})"
_WEEKDAY = r"(?:[A-Z][a-z]{2},? )?"
_CTIME = (
    rf"{_WEEKDAY}(?P<c_month>{_WORDS}) +(?P<c_day>\d\d?) (?P<c_clock>\d\d:\d\d:\d\d) "
    r"(?:[A-Z]+ )?(?P<c_year>\d{4})"
)
_MAIL = (
    rf"{_WEEKDAY}(?P<m_day>\d\d?) (?P<m_month>{_WORDS}) (?P<m_year>\d{{4}}) (?P<m_clock>\d\d:\d\d:\d\d)"
    r"(?: GMT| [+-]\d{4})?"
)
_EUROPE = r"(?P<e_day>\d\d)[./](?P<e_month>\d\d)[./](?P<e_year>\d{4})(?:,? (?P<e_clock>\d\d:\d\d(?::\d\d)?))?"
_EPOCH = r"(?<![\d.])(?P<epoch>\d{10}(?:\d{3}|\d{6}|\d{9})?(?:\.\d+)?)(?![\d])"
_TIME_OF_DAY = r"(?<![\d:])(?P<t_clock>\d\d:\d\d:\d\d(?:[.,]\d+)?)(?![\d:])"
_TIME = re.compile(f"{_ISO}|{_CTIME}|{_MAIL}|{_EUROPE}|{_EPOCH}|{_TIME_OF_DAY}")


def without_times(text: str, own: RunIdentity, named: Callable[[str], str]) -> str:
    """Replace the times in a text that lie within a run by what `named` makes of the words `a time`."""
    return _TIME.sub(lambda found: named("a time") if _is_within(found, own) else found[0], text)


def is_epoch(value: float, own: RunIdentity) -> bool:
    """Return whether a number is a time within the run: seconds since 1970, or thousandths, millionths, billionths."""
    return any(own.holds(value / scale) for scale in (1, 1e3, 1e6, 1e9))


def _is_within(found: re.Match[str], own: RunIdentity) -> bool:
    """Return whether a text that may be a time is one, and within the run."""
    parts = {name: value for name, value in found.groupdict().items() if value is not None}
    if "epoch" in parts:
        return is_epoch(float(parts["epoch"]), own)
    if "t_clock" in parts:
        hours, minutes, seconds = parts["t_clock"].replace(",", ".").split(":")
        day = own.begin - own.begin % DAY if math.isfinite(own.begin) else math.nan
        moment = day + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
        return any(own.holds(moment + shift, zoned=False) for shift in (-DAY, 0, DAY))
    return any(_holds(own, *moment) for moment in _moments(parts))


def _moments(parts: Mapping[str, str]) -> Iterator[tuple[list[int], str | None, str | None]]:
    """Read the possible dates, each with its clock and zone or None."""
    if "year" in parts:
        day = [int(parts[name]) for name in ("year", "month", "day")]
        clock = f"{parts['hour']}:{parts['minute']}:{parts.get('second', '00')}" if "hour" in parts else None
        yield day, clock, parts.get("zone")
    for key in ("c", "m"):
        if f"{key}_year" in parts:
            month = _MONTHS.index(parts[f"{key}_month"]) + 1
            yield [int(parts[f"{key}_year"]), month, int(parts[f"{key}_day"])], parts[f"{key}_clock"], None
    if "e_year" in parts:
        first, second = int(parts["e_day"]), int(parts["e_month"])
        for month, day_of_month in ((second, first), (first, second)):
            yield [int(parts["e_year"]), month, day_of_month], parts.get("e_clock"), None


def _holds(own: RunIdentity, day: list[int], clock: str | None, zone: str | None) -> bool:
    try:
        moment = datetime(*day, tzinfo=UTC)  # type: ignore[arg-type, misc]
        if clock is None:
            return own.begin - 2 * DAY <= moment.timestamp() <= own.end + DAY
        hour, minute, *second = (int(part) for part in clock.split(":"))
        moment = moment.replace(hour=hour, minute=minute, second=second[0] if second else 0)
    except (ValueError, OverflowError):
        return False
    if zone is None:
        return own.holds(moment.timestamp(), zoned=False) or (
            not second and own.holds(moment.timestamp() + 59, zoned=False)
        )
    digits = re.sub(r"\D", "", zone)
    offset = timedelta(hours=int(digits[:2] or 0), minutes=int(digits[2:4] or 0)) * (-1 if zone[0] == "-" else 1)
    return own.holds((moment - offset).timestamp())
