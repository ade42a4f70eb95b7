"""The folds within the rows to learn from, by which a classifier is calibrated and its threshold is found."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import pandas as pd

from reprise.base.errors import WrongCall
from reprise.contract.parameters import NO_DECISION, DecisionOptions
from reprise.data.split_column import SplitColumn
from reprise.search.folds import Fold, make_folds
from reprise.task import decision

DecisionFolds = tuple[Sequence[Fold], Sequence[Fold]]
"""Those of the calibration, and those of the threshold. A plain value, for a cluster's workers may lack the engine."""

NO_FOLDS: DecisionFolds = ((), ())
"""For a classifier that is left as `fit` made it."""


def decision_folds(options: DecisionOptions, y: pd.Series, by: SplitColumn | None, seed: int) -> DecisionFolds:
    """Make the folds that match a split, as far as they are needed.

    Args:
        options: what is asked.
        y: labels of the rows to learn from; the index is the row number in the table.
        by: the column that splits the rows; None for a random split.
        seed: of the folds.

    Raises:
        WrongCall: there are too few rows, groups or times for them.
    """
    calibrates, finds = options.calibrate != decision.NONE, isinstance(decision.threshold_of(options.threshold), str)
    return (
        _folds(f"calibrate={options.calibrate}", y, _timeless(by), seed) if calibrates else (),
        _folds(f"threshold={options.threshold}", y, by, seed) if finds else (),
    )


def describe(options: DecisionOptions, by: SplitColumn | None) -> Iterator[str]:
    """Yield what a person should know of these folds, a line each."""
    if options.calibrate == decision.NONE or by is None:
        return
    if _timeless(by) is None:
        yield "calibration takes stratified folds: they are not in time's order, for each row needs a score"
    elif by.rule.kind == "group" and isinstance(decision.threshold_of(options.threshold), str):
        yield "the folds of the threshold are calibrated on stratified folds of their own, which part groups"


def decided(
    model: Any,
    options: DecisionOptions,
    X: pd.DataFrame,
    y: pd.Series,
    weight: pd.Series | None,
    folds: DecisionFolds,
    step: Callable[[str], AbstractContextManager[Any]] = nullcontext,
) -> tuple[Any, float | None]:
    """Calibrate a fitted classifier and give it a threshold, as far as that is asked.

    Args:
        model: from `fit` of model.py.
        options: what is asked.
        X: features of the rows that it was fitted on, shape (rows, features).
        y: their labels.
        weight: their sample weights; None where all count the same.
        folds: from `decision_folds`, for the same rows.
        step: entered for each of the two, with its name.

    Returns:
        The classifier, itself or within others, and its threshold, None where the option leaves that as it is.

    Raises:
        WrongCall: the classifier has no probabilities for a threshold that is a number.
        JobFailed: it cannot be calibrated, or gets no threshold.
    """
    threshold = None
    if options.calibrate != decision.NONE:
        with step(f"calibrate by {options.calibrate}"):
            model = decision.calibrated(model, options.calibrate, X, y, folds[0], weight)
    wanted = decision.threshold_of(options.threshold)
    if wanted != decision.HALF:
        with step("find the threshold"):
            model, threshold = decision.with_threshold(model, wanted, X, y, folds[1])
    return model, threshold


def within_folds(
    options: DecisionOptions,
    y: pd.Series,
    weight: pd.Series | None,
    folds: Sequence[Fold],
    by: SplitColumn | None,
    seed: int,
) -> tuple[DecisionFolds, ...]:
    """Make the folds within each fold of a search, whose candidates are fitted as `train` fits.

    Args:
        options: what is asked.
        y: labels of all training rows.
        weight: their sample weights; None where all count the same.
        folds: of the search.
        by: the column that splits the rows; None for a random split.
        seed: of the folds.

    Raises:
        WrongCall: a fold leaves too few rows, groups or times to learn from; it is named.
    """
    if options == NO_DECISION:
        return (NO_FOLDS,) * len(folds)
    made = []
    for number, (train, _) in enumerate(folds):
        rows, counted = y.iloc[train], None if weight is None else weight.iloc[train]
        try:
            decision.check(options.calibrate, options.threshold, rows, counted)
            made.append(decision_folds(options, rows, by, seed))
        except WrongCall as error:
            message = f"within fold {number} of {len(folds)}, counted from 0: {error.message}"
            raise WrongCall(message, remedy="choose other folds, or leave it out") from error
    return tuple(made)


def _folds(asked: str, y: pd.Series, by: SplitColumn | None, seed: int) -> list[Fold]:
    try:
        return make_folds(y, decision.FOLDS, seed, by)
    except WrongCall as error:
        raise WrongCall(f"{asked}: {error.message}", remedy="leave it out, or split otherwise") from error


def _timeless(by: SplitColumn | None) -> SplitColumn | None:
    """Leave out an order in time: calibration needs a score of each row, and the oldest rows have none older."""
    return None if by is not None and by.rule.kind == "time" else by
