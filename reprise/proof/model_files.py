"""Which of a model's files differ from those of the model that was learned again."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from reprise.digest import file_digests
from reprise.proof.verdict import Finding, Match

LISTED = 5
"""Files that a finding names at most."""


def with_files(record: Iterable[Finding], models: Mapping[str, Path], again: Mapping[str, Path]) -> Iterator[Finding]:
    """Add to each finding about a model that was changed which of its files differ from the rerun's.

    Args:
        record: findings of the area `record`.
        models: name -> folder, as they are in the store.
        again: those of the rerun.
    """
    for finding in record:
        name = finding.name
        if finding.match == Match.DIFFERENT and name in models and name in again:
            files = ", ".join(_differing(models[name], again[name])) or "none, so the recorded digest was changed"
            yield replace(finding, note=f"{finding.note}; files that differ from the rerun's: {files}")
        else:
            yield finding


def _differing(recorded: Path, again: Path) -> list[str]:
    old, new = file_digests(recorded), file_digests(again)
    found = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    return found[:LISTED] + ([f"and {len(found) - LISTED} more"] if len(found) > LISTED else [])
