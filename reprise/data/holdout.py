"""Hold rows out: at random, by groups, by time, or as a column says."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import ShuffleSplit, train_test_split

from reprise.base.display_text import listed
from reprise.base.errors import WrongCall
from reprise.base.task import CLASSIFICATION
from reprise.data.dataset import Dataset
from reprise.data.split_column import PARTS, SplitColumn

DRAWS = 50
"""Random choices of groups, of which the one is taken whose held-out rows are most like all rows."""

LEAST_ROWS = 2
"""Rows that each side of a random split of a regression has at least: of one row there is no R²."""

LISTED = 5
"""Classes that one line lists at most."""


@dataclass(frozen=True)
class Holdout:
    """Rows in two parts.

    Attributes:
        training: those to learn from.
        held_out: the others.
        notes: how they came apart, a line each.
    """

    training: Dataset
    held_out: Dataset
    notes: tuple[str, ...] = ()


def hold_out(dataset: Dataset, test_size: float, seed: int, by: SplitColumn | None = None) -> Holdout:
    """Hold a share of the rows out; the same arguments hold out the same rows.

    Args:
        dataset: all rows.
        test_size: the share, between 0 and 1.
        seed: decides which rows or groups.
        by: the column that splits the rows; None for a random split, of classes each in proportion.

    Raises:
        WrongCall: a side would have too few rows, or would lack a class that training needs.
    """
    if by is None:
        return _at_random(dataset, test_size, seed)
    if by.rule.kind == "group":
        held_out, notes = _by_group(dataset, by, test_size, seed)
    elif by.rule.kind == "time":
        held_out, notes = _by_time(dataset, by, test_size)
    else:
        held_out, notes = _as_said(dataset, by)
    if dataset.task == CLASSIFICATION:
        _check_classes(dataset.y, held_out, by)
        lacking = sorted(set(map(str, dataset.y.unique())) - set(map(str, dataset.y[held_out].unique())))
        notes += [f"the held-out rows hold no row of {_classes(lacking)}"] if lacking else []
    training = dataset.take(np.flatnonzero(~held_out))
    return Holdout(training, dataset.take(np.flatnonzero(held_out)), (*by.notes, *notes))


def _at_random(dataset: Dataset, test_size: float, seed: int) -> Holdout:
    """Split as scikit-learn's `train_test_split`, with `stratify` for classes.

    In it, test_size is rounded up to whole rows.
    """
    classes = dataset.y if dataset.task == CLASSIFICATION else None
    least = LEAST_ROWS if classes is None else classes.nunique()
    rows = len(dataset.y)
    held_out = int(np.ceil(test_size * rows))
    if min(held_out, rows - held_out) < least:
        needed = f"the {least} that regression needs" if classes is None else f"the {least} classes"
        message = (
            f"test_size {test_size:g} of {rows} rows leaves {rows - held_out} to train and {held_out} to test, "
            f"fewer than {needed}; choose another test_size"
        )
        raise WrongCall(message)
    train, test = train_test_split(np.arange(rows), test_size=test_size, random_state=seed, stratify=classes)
    return Holdout(dataset.take(train), dataset.take(test))


def _by_group(dataset: Dataset, by: SplitColumn, test_size: float, seed: int) -> tuple[np.ndarray, list[str]]:
    """Hold a share of the groups out, as GroupShuffleSplit does, and of many draws take the best one.

    The best one leaves no class out of training or held-out rows where that is possible, and then comes nearest to the
    share of each class.
    """
    groups = by.of(dataset.y.index)
    count = len(by.names)
    size = min(int(np.ceil(test_size * count)), count - 1)
    learned = dataset.y.to_numpy() if dataset.task == CLASSIFICATION else np.zeros(len(groups))  # as of one class
    classes, labels = np.unique(learned, return_inverse=True)
    totals = np.bincount(labels, minlength=len(classes))
    best, taken = None, np.array([], dtype=int)
    for _, drawn in ShuffleSplit(DRAWS, test_size=size, random_state=seed).split(np.arange(count)):
        rows = np.isin(np.arange(count), drawn)[groups]
        counts = np.bincount(labels[rows], minlength=len(classes))
        distance = float(np.abs(counts - test_size * totals).sum())
        rank = (int((counts == totals).sum()), int((counts == 0).sum()), distance)
        if best is None or rank < best:
            best, taken = rank, drawn
    held_out = np.isin(groups, taken)
    line = f"{by.rule} holds out {len(taken)} of {count} groups: {_share(held_out)}"
    return held_out, [line]


def _by_time(dataset: Dataset, by: SplitColumn, test_size: float) -> tuple[np.ndarray, list[str]]:
    """Hold the newest rows out. Rows of the time at the border stay together, where the share comes out nearer."""
    times = by.of(dataset.y.index)
    wanted = int(np.ceil(test_size * len(times)))
    border = int(np.sort(times)[-wanted])
    newer, tied = int((times > border).sum()), int((times == border).sum())
    last = times.max()
    out = border > times.min() and (border == last or newer + tied - wanted <= wanted - newer)
    held_out = times >= border if out else times > border
    first = by.names[border if out else border + 1]
    notes = [f"{by.rule} holds out the newest rows, from {first} on: {_share(held_out)}"]
    if newer + tied > wanted:
        side = "all are held out" if out else "all are learned from"
        notes.append(f"{tied} rows of {by.names[border]} lie across the border of {wanted} rows: {side}")
    return held_out, notes


def _as_said(dataset: Dataset, by: SplitColumn) -> tuple[np.ndarray, list[str]]:
    """Hold out the rows whose column says test."""
    held_out = by.of(dataset.y.index) == PARTS.index("test")
    return held_out, [f"{by.rule} holds out the rows that say test: {_share(held_out)}; test_size is not used"]


def _check_classes(y: pd.Series, held_out: np.ndarray, by: SplitColumn) -> None:
    """Check that training has a row of each class.

    Raises:
        WrongCall: it has none of some; they are named.
    """
    lost = sorted(set(y.unique()) - set(y[~held_out].unique()), key=str)
    if lost:
        rows = int(y.isin(lost).sum())
        message = f"{by.rule} leaves {_classes(map(str, lost))} out of training: {rows} rows, all of them held out"
        raise WrongCall(message, remedy="choose another test_size or split, or leave these rows out")


def _classes(names: Iterable[str]) -> str:
    shown = [repr(name) for name in names]
    return f"class{'es' if len(shown) > 1 else ''} {listed(shown, LISTED)}"


def _share(held_out: np.ndarray) -> str:
    return f"{int(held_out.sum())} of {len(held_out)} rows ({held_out.mean():.1%})"
