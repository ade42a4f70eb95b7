"""Compare the results of two runs: metrics, predictions, learned parameters, files. Pure: values in, findings out."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from reprise.base import artifact
from reprise.proof.comparison_terms import TOLERANCE, ComparisonTerms, result
from reprise.proof.file_comparison import RecordedFile, compare_files
from reprise.proof.leaf_comparison import compare_leaves
from reprise.proof.outcome import Finding, Match
from reprise.proof.run_identity import RunIdentities
from reprise.proof.table_comparison import EXACT, compare_tables
from reprise.proof.value_comparison import different, numbers
from reprise.proof.volatile_names import volatile_kind
from reprise.proof.volatile_values import alike, paired

__all__ = ["TOLERANCE", "RunResults", "compare"]

_Logged = tuple[float, tuple[tuple[int, float], ...]]
"""A metric's last value, and the step and value of each logged one."""


@dataclass(frozen=True)
class RunResults:
    """The results of a run.

    Attributes:
        metrics: name -> value.
        tables: file name -> table, such as `predictions.parquet`.
        leaves: name -> what a model has learned, or what a JSON file holds (`reprise.proof.fitted_state.parameters`).
        files: name -> SHA-256, of files whose content has no meaning known here: pictures, pickles, texts.
        unread: name -> why it could not be read.
        histories: name -> step and value of all that a metric was logged with, in order.
        texts: name -> content of those of the files that are plain text.
        models: names of those of tables and leaves that are models.
    """

    metrics: Mapping[str, float] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    leaves: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)
    histories: Mapping[str, tuple[tuple[int, float], ...]] = field(default_factory=dict)
    texts: Mapping[str, str] = field(default_factory=dict)
    models: frozenset[str] = frozenset()


def compare(
    recorded: RunResults, again: RunResults, tolerance: float | None, sides: RunIdentities | None = None
) -> tuple[Finding, ...]:
    """Compare two runs' results.

    Args:
        recorded: of the run to reproduce.
        again: of its rerun.
        tolerance: the relative difference that counts as none; None for bit for bit.
        sides: what names each of both runs, and is no difference.

    Returns:
        Findings of the area `results`.
    """
    sides = sides or RunIdentities()
    metrics = tuple(_metrics(recorded, again, ComparisonTerms(tolerance, sides)))
    same = tolerance is not None and _same_labels(recorded, again)
    terms = ComparisonTerms(tolerance, sides, same and all(finding.match != Match.DIFFERENT for finding in metrics))
    models = recorded.models | again.models
    unread = {*recorded.unread, *again.unread}
    files, others = (
        {name: RecordedFile(sha256, side.texts.get(name)) for name, sha256 in side.files.items()}
        for side in (recorded, again)
    )
    pairs = (
        *_both(recorded.tables, again.tables, sides, lambda name, old, new: compare_tables(name, old, new, terms)),
        *_both(
            recorded.leaves,
            again.leaves,
            sides,
            lambda name, old, new: compare_leaves(name, old, new, terms, of_model=name in models),
        ),
        *_both(files, others, sides, lambda name, old, new: iter([compare_files(name, old, new, sides)])),
    )
    return (
        *metrics,
        *(finding for finding in pairs if finding.name not in unread),
        *(_unread(name, recorded.unread.get(name), again.unread.get(name)) for name in sorted(unread)),
    )


def _same_labels(recorded: RunResults, again: RunResults) -> bool:
    tables = [side.tables.get(artifact.PREDICTIONS) for side in (recorded, again)]
    labels = [table[list(EXACT)] for table in tables if table is not None and set(EXACT) <= {*table.columns}]
    return len(labels) == len(tables) and labels[0].equals(labels[1])


def _metrics(recorded: RunResults, again: RunResults, terms: ComparisonTerms) -> Iterator[Finding]:
    logged, others = (
        {name: (value, side.histories.get(name, ())) for name, value in side.metrics.items()}
        for side in (recorded, again)
    )
    for name, old, new in paired(logged, others, terms.sides):
        (last, _), (now, _) = old or (None, ()), new or (None, ())
        passes = volatile_kind(name)
        if passes:
            yield result(name, Match.SKIPPED, note=f"{passes} is no result")
        elif old is None or new is None:
            yield result(name, Match.DIFFERENT, last, now)
        elif why := (last != now and alike(name, last, now, terms.sides)):
            yield result(name, why.match, last, now, why.why)
        else:
            yield _metric(name, old, new, terms)


def _metric(name: str, recorded: _Logged, again: _Logged, terms: ComparisonTerms) -> Finding:
    """Compare a metric's last value, and then all that came before it."""
    (old, before), (new, after) = recorded, again
    match, difference, _ = numbers(np.asarray([old], dtype=float), np.asarray([new], dtype=float), terms.tolerance)
    if match != Match.DIFFERENT and before and after:
        steps, others = ([step for step, _ in side] for side in (before, after))
        if steps != others:
            note = f"logged {_times(len(steps))}, and {_times(len(others))} again"
            at = next((at for at, pair in enumerate(zip(steps, others, strict=False)) if pair[0] != pair[1]), None)
            note += f", at other steps from the {at + 1}. on: {steps[at]}, again {others[at]}" if at is not None else ""
            return result(name, Match.DIFFERENT, old, new, note)
        logged, now = (np.asarray([value for _, value in side], dtype=float) for side in (before, after))
        whole, difference, _ = numbers(logged, now, terms.tolerance)
        if whole == Match.DIFFERENT:
            at = int(np.flatnonzero(different(logged, now))[0])
            note = f"at step {steps[at]}, the first that differs of {len(steps)} values; {difference}"
            return result(name, whole, logged[at].item(), now[at].item(), note)
        match = whole
    return result(name, match, old, new, difference)


def _times(number: int) -> str:
    return "once" if number == 1 else f"{number} times"


def _both(
    recorded: Mapping[str, Any],
    again: Mapping[str, Any],
    sides: RunIdentities,
    compare_two: Callable[..., Iterator[Finding]],
) -> Iterator[Finding]:
    for name, old, new in paired(recorded, again, sides):
        if old is None or new is None:
            there = ["there" if side is not None else None for side in (old, new)]
            yield result(name, Match.DIFFERENT, there[0], there[1])
        else:
            yield from compare_two(name, old, new)


def _unread(name: str, recorded: str | None, again: str | None) -> Finding:
    """Return no comparison if neither side can read it, and a difference if only one can."""
    if recorded and again:
        return result(name, Match.SKIPPED, note=recorded)
    return result(name, Match.DIFFERENT, recorded or "readable", again or "readable")
