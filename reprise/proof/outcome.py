"""The verdict on a recorded run, as JSON and as a table: reproduced, diverged, or what is missing."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from itertools import groupby
from typing import Any

from reprise.base.display_text import few, printable
from reprise.base.terminal import columns

FORMAT = 1
"""Version of reproduction.json; docs/reproduction.md describes it."""

AREAS = ("record", "code", "data", "environment", "machine", "parameters", "randomness", "results")
"""The areas in which two runs can differ, the likeliest cause first."""


UNLOADED = "not loaded"
"""The recorded value in a finding about a model that is not loaded because its files differ. The reason says so."""

IN_REASON = 3
"""The most findings of an area that a verdict's reason lists."""

_WIDTH = 12  # characters of the column of areas, whichever of them a table has


class ReproductionOutcome(StrEnum):
    """The outcome of a reproduction."""

    REPRODUCED = "reproduced"
    DIVERGED = "diverged"
    IRREPRODUCIBLE = "cannot be reproduced"

    @property
    def exit_code(self) -> int:
        """The exit code of the command: 0, 1, 3."""
        return {
            ReproductionOutcome.REPRODUCED: 0,
            ReproductionOutcome.DIVERGED: 1,
            ReproductionOutcome.IRREPRODUCIBLE: 3,
        }[self]


class Match(StrEnum):
    """The result of comparing two values."""

    EQUAL = "equal"
    CLOSE = "within tolerance"
    DIFFERENT = "different"
    SKIPPED = "not compared"


@dataclass(frozen=True)
class Finding:
    """One thing that was compared, or could not be.

    Attributes:
        area: one of AREAS.
        name: what was compared, such as `test_accuracy`.
        match: how it stands.
        recorded: the recorded value, as JSON holds it.
        again: the value of the rerun.
        note: where it differs, by how much, or why it was not compared.
    """

    area: str
    name: str
    match: Match
    recorded: Any = None
    again: Any = None
    note: str = ""


@dataclass(frozen=True)
class Reproduction:
    """The verdict on a run.

    Attributes:
        run_id: the run that was to be reproduced.
        rerun_id: the run that repeats it; None where nothing was run.
        repository: where the code came from; None where it is nowhere.
        commit: at which commit; None where none is recorded.
        findings: all that was compared.
        missing: what it would take to run it again, a line each; empty where it was run.
        tolerance: the relative difference that was allowed, where the machine differs; else None.
    """

    run_id: str
    rerun_id: str | None
    repository: str | None
    commit: str | None
    findings: tuple[Finding, ...] = ()
    missing: tuple[str, ...] = ()
    tolerance: float | None = None

    @property
    def outcome(self) -> ReproductionOutcome:
        """The outcome. A difference of the machine alone is no divergence."""
        if self.missing or not self._compared:
            return ReproductionOutcome.IRREPRODUCIBLE
        if any(finding.match == Match.DIFFERENT and finding.area != "machine" for finding in self.findings):
            return ReproductionOutcome.DIVERGED
        return ReproductionOutcome.REPRODUCED

    @property
    def reason(self) -> str:
        """The verdict's reason in one line."""
        if self.missing:
            suspect = [f"record: {finding_text(finding)}" for finding in self.of(Match.DIFFERENT)]
            return "; ".join([*self.missing, *few(suspect, 3)])
        if not self._compared:
            return "the run holds no result that can be compared"
        different = list(_by_area(self.of(Match.DIFFERENT)))
        if self.outcome is ReproductionOutcome.DIVERGED:
            return "; ".join(different)
        unloaded = [finding_text(finding) for finding in self.of(Match.SKIPPED) if finding.recorded == UNLOADED]
        left = "".join(f"; {line}" for line in unloaded[:IN_REASON])
        close = self.of(Match.CLOSE)
        if close:
            return f"within a relative {self.tolerance:g}, since the machine differs: {'; '.join(different)}{left}"
        return f"bit for bit, in all that was compared{left}"

    @property
    def _compared(self) -> bool:
        """Whether any result was compared. Without one, nothing is proved."""
        return any(finding.area == "results" and finding.match != Match.SKIPPED for finding in self.findings)

    def of(self, match: Match) -> list[Finding]:
        """Return the findings of one kind, likeliest cause first."""
        return [finding for finding in _in_order(self.findings) if finding.match == match]

    def record(self) -> dict[str, Any]:
        """Return what reproduction.json holds."""
        return {
            "format": FORMAT,
            "verdict": str(self.outcome),
            "reason": self.reason,
            **{name: value for name, value in asdict(self).items() if name != "findings"},
            "findings": [_as_json(finding) for finding in _in_order(self.findings)],
        }

    def table(self) -> str:
        """Return the text for a person: a line for each area, and below it what is not simply equal."""
        lines = [f"{self.outcome}: {self.reason}", f"run {self.run_id}, again {self.rerun_id or 'not run'}"]
        lines += [f"code {self.commit or 'unknown'} of {self.repository or 'no repository'}", ""]
        areas = groupby(_in_order(self.findings), key=lambda finding: finding.area)
        rows = [row for area, findings in areas for row in _area_rows(area, list(findings))]
        return "\n".join([*map(printable, lines), *columns(rows, least=_WIDTH)])


def _in_order(findings: Iterable[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: AREAS.index(finding.area))


def _as_json(finding: Finding) -> dict[str, Any]:
    """Write what JSON has no number for as text."""
    record = asdict(finding)
    odd = {name: str(value) for name, value in record.items() if isinstance(value, float) and not math.isfinite(value)}
    return record | odd


def _area_rows(area: str, findings: list[Finding]) -> Iterator[tuple[str, str]]:
    counts = [(match, sum(finding.match == match for finding in findings)) for match in Match]
    yield area, ", ".join(f"{count} {match}" for match, count in counts if count)
    for finding in findings:
        if finding.match != Match.EQUAL:
            yield "", f"  {finding_text(finding)}"


def finding_text(finding: Finding) -> str:
    """Return a finding in words."""
    note = f" ({finding.note})" if finding.note else ""
    if finding.match == Match.SKIPPED:
        return f"{finding.name} is not compared{note}"
    if finding.recorded is None and finding.again is None:
        return f"{finding.name}{note}" if note else f"{finding.name} {finding.match}"
    word = "against" if finding.area == "record" else "again"  # two places of one record
    return f"{finding.name} {_shown(finding.recorded)}, {word} {_shown(finding.again)}{note}"


def _shown(value: Any) -> str:
    return "none" if value is None else str(value)


def _by_area(findings: Iterable[Finding]) -> Iterator[str]:
    """Return a few findings of each area, so that many of one do not hide the cause that is in another."""
    for area, group in groupby(findings, key=lambda finding: finding.area):
        yield f"{area}: {'; '.join(few(map(finding_text, group), IN_REASON))}"
