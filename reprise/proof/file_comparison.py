"""Compare two files of unknown meaning, such as pictures, pickles and texts. Pure: values in, findings out."""

from dataclasses import dataclass

from reprise.proof.comparison_terms import result
from reprise.proof.outcome import Finding, Match
from reprise.proof.run_identity import RunIdentities
from reprise.proof.volatile_values import alike

SHOWN = 100
"""Characters of a line that a finding shows."""


@dataclass(frozen=True)
class RecordedFile:
    """A file.

    Attributes:
        sha256: of its bytes.
        text: what it holds, where it is plain text.
    """

    sha256: str
    text: str | None


def compare_files(name: str, old: RecordedFile, new: RecordedFile, sides: RunIdentities) -> Finding:
    """Compare two files: what differs is not judged, for such files hold times, ids or fonts, and a log anything."""
    if old.sha256 == new.sha256:
        return result(name, Match.EQUAL)
    if old.text is None or new.text is None:
        why = "its bytes differ; files of its kind may hold times, ids or fonts"
        return result(name, Match.SKIPPED, note=why)
    return _text(name, old.text.splitlines(), new.text.splitlines(), sides)


def _text(name: str, old: list[str], new: list[str], sides: RunIdentities) -> Finding:
    """Compare plain text line by line; a log may say anything, so what differs is shown and not judged."""
    reasons = []
    for number, (line, other) in enumerate(zip(old, new, strict=False), 1):
        why = line != other and alike("", line, other, sides)
        if line != other and not why:
            note = f"it is text, which may say anything; line {number}: {line[:100]!r}, again {other[:100]!r}"
            return result(name, Match.SKIPPED, note=note)
        reasons += [why] if why else []
    if len(old) != len(new):
        note = f"it is text, which may say anything; it has {len(old)} lines, again {len(new)}"
        return result(name, Match.SKIPPED, note=note)
    worst = max(reasons, key=lambda why: why.match == Match.SKIPPED, default=None)
    if worst is None:
        return result(name, Match.SKIPPED, note="its lines end otherwise")
    return result(name, worst.match, note=worst.why)
