"""A diagnosis: the subject of a check, its state, and a remedy."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import click

from reprise.base.credentials import without_credentials
from reprise.base.display_text import printable
from reprise.base.errors import JobFailed, WrongCall, one_line

Level = Literal["ok", "note", "warn", "FAIL"]

_COLOURS = {"ok": "green", "note": "cyan", "warn": "yellow", "FAIL": "red"}
_SUBJECT = 12  # characters of the longest subject


@dataclass(frozen=True)
class Diagnosis:
    """The state of one subject.

    Attributes:
        level: `ok`; `note`, nothing to do; `warn`, will trouble somebody; `FAIL`, does not work.
        subject: what was looked at, in a word.
        text: how it is, in a line.
        remedy: what to do, best a command to type.
        details: further lines.
    """

    level: Level
    subject: str
    text: str
    remedy: str | None = None
    details: tuple[str, ...] = ()

    def show(self) -> str:
        """Return the lines for a terminal. Level, subject and text come first, then details and the remedy."""
        level = click.style(self.level.ljust(4), fg=_COLOURS[self.level])
        below = "\n" + " " * (4 + 2 + _SUBJECT + 2)
        lines = [f"{level}  {self.subject.ljust(_SUBJECT)}  {_in_one_line(self.text)}"]
        lines += [_in_one_line(line) for line in self.details]
        if self.remedy:
            lines.append(click.style(printable(f"-> {without_credentials(self.remedy)}"), bold=True))
        return below.join(lines)


def guarded(subject: str, check: Callable[[], Iterable[Diagnosis]]) -> Iterator[Diagnosis]:
    """Return the diagnoses of a check, or its own failure as the diagnosis."""
    try:
        yield from check()
    except (WrongCall, JobFailed) as error:
        yield Diagnosis("FAIL", subject, f"could not be examined: {error.problem}", error.remedy)
    except Exception as error:  # noqa: BLE001  whatever is broken on this machine is what the person wants to know
        yield Diagnosis("FAIL", subject, f"could not be examined: {type(error).__name__}: {error}")


def _in_one_line(text: str) -> str:
    return printable(without_credentials(one_line(text)))
