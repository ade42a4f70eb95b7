"""The folds of a cross-validation, which part the training rows as `split` parts them from the held-out ones."""

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import GroupKFold, KFold, StratifiedGroupKFold, StratifiedKFold, TimeSeriesSplit

from reprise.base.errors import WrongCall
from reprise.base.task import CLASSIFICATION, Task
from reprise.data.split_column import SplitColumn

Fold = tuple[np.ndarray, np.ndarray]
"""Positions of the rows to learn from, and of those to score."""


def make_folds(
    y: pd.Series, folds: int, seed: int, by: SplitColumn | None = None, task: Task = CLASSIFICATION
) -> list[Fold]:
    """Make the folds that match a split.

    Args:
        y: the target of the training rows; the index is the row number in the table.
        folds: how many.
        seed: of the shuffle; it decides nothing for rows in time's order.
        by: the column that splits the rows; None for a random split.
        task: what y is for.

    Returns:
        StratifiedKFold's for a random split and for a column that says train or test, StratifiedGroupKFold's for
        groups. Of a regression they are KFold's and GroupKFold's. For times they are TimeSeriesSplit's, and no row to
        learn from is as new as one to score.

    Raises:
        WrongCall: there are too few rows of a class, groups or times for that many folds.
    """
    kind = by.rule.kind if by else "random"
    if by is not None and kind == "group":
        made = _of_groups(y, folds, seed, by, task)
    elif by is not None and kind == "time":
        made = _of_times(y, folds, by)
    else:
        return _stratified(y, folds, seed) if task == CLASSIFICATION else _of_rows(y, folds, seed)
    if task == CLASSIFICATION:
        check_classes(made, y, by)
    return made


def describe(by: SplitColumn | None) -> str | None:
    """Return what the folds have of a split, for a person; None for a random one."""
    if by is None or by.rule.kind == "column":
        return None
    if by.rule.kind == "group":
        return f"no group of {by.rule.column!r} is on both sides of a fold"
    line = f"each fold learns from rows that are older, by {by.rule.column!r}, than those it scores"
    return f"{line}; rows as old as the oldest of these are left out of it"


def check_classes(folds: list[Fold], y: pd.Series, by: SplitColumn | None) -> None:
    """Check that each fold learns from every class.

    Raises:
        WrongCall: one does not; fold and class are named.
    """
    classes = set(y.unique())
    for number, (train, _) in enumerate(folds):
        lost = sorted(classes - set(y.iloc[train].unique()), key=str)
        if lost and by:
            message = f"{by.rule}: fold {number} of {len(folds)}, counted from 0, learns from no row of class"
            raise WrongCall(f"{message} {str(lost[0])!r}", remedy="choose fewer folds, or leave the class out")


def _stratified(y: pd.Series, folds: int, seed: int) -> list[Fold]:
    counts = y.value_counts()
    if counts.iloc[-1] < folds:
        message = (
            f"class {str(counts.index[-1])!r} has {counts.iloc[-1]} rows to train on, fewer than folds={folds}; "
            "choose fewer folds, or leave the class out"
        )
        raise WrongCall(message)
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    return list(splitter.split(np.zeros(len(y)), y.to_numpy()))


def _of_rows(y: pd.Series, folds: int, seed: int) -> list[Fold]:
    if len(y) < 2 * folds:
        message = f"{len(y)} rows to train on are fewer than two for each of folds={folds}"
        raise WrongCall(message, remedy="choose fewer folds")
    return list(KFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(y))))


def _of_groups(y: pd.Series, folds: int, seed: int, by: SplitColumn, task: Task) -> list[Fold]:
    groups = by.of(y.index)
    count = len(np.unique(groups))
    if count < folds:
        message = f"{by.rule}: {count} groups are left to train on, fewer than folds={folds}"
        raise WrongCall(message, remedy="choose fewer folds")
    if task != CLASSIFICATION:
        return list(GroupKFold(folds, shuffle=True, random_state=seed).split(np.zeros(len(y)), groups=groups))
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of a rare class, which is looked for in every fold
        try:
            return list(splitter.split(np.zeros(len(y)), y.to_numpy(), groups))
        except ValueError as error:  # each class has fewer rows than there are folds
            raise WrongCall(f"{by.rule}: no class has {folds} rows to train on", remedy="choose fewer folds") from error


def _of_times(y: pd.Series, folds: int, by: SplitColumn) -> list[Fold]:
    times = by.of(y.index)
    oldest_first = np.argsort(times, kind="stable")
    if len(np.unique(times)) <= folds or len(y) <= folds:
        message = f"{by.rule}: {len(np.unique(times))} times are left to train on, too few for folds={folds}"
        raise WrongCall(message, remedy="choose fewer folds")
    made: list[Fold] = []
    for train, test in TimeSeriesSplit(folds).split(oldest_first):
        train, test = oldest_first[train], oldest_first[test]  # noqa: PLW2901  positions among all rows
        older = train[times[train] < times[test].min()]
        if not len(older):
            message = f"{by.rule}: no row is older than those of fold {len(made)} of {folds}, counted from 0"
            raise WrongCall(message, remedy="choose fewer folds")
        made.append((older, test))
    return made
