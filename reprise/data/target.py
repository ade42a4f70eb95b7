"""The target of a table: what kind of values it holds, the task that these are for, and numbers to predict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from reprise.base.errors import WrongCall
from reprise.base.record import Data
from reprise.base.task import CLASSIFICATION, FORMERLY, REGRESSION, TASKS, Task, other
from reprise.data.features import DATES, NUMBERS, REAL, check_finite
from reprise.data.labels import check_classes, labels_of

FEW_NUMBERS = 20
"""So many different whole numbers are classes, however few rows each of them has."""

MOST_CLASSES = 100
"""Up to so many different whole numbers are classes if each is on two rows or more. More of them are quantities."""

SHOWN = 40
"""Characters of a value that a message shows at most."""

DOES = {CLASSIFICATION: "classifies", REGRESSION: "does regression"}


@dataclass(frozen=True)
class TargetKind:
    """The kind of values that a target holds.

    Attributes:
        named: in words, such as `214 different whole numbers`.
        tasks: the tasks that such values can be for, the one of `auto` first.
        doubtful: whether they might as well be for the other one.
    """

    named: str
    tasks: tuple[Task, ...]
    doubtful: bool = False


@dataclass(frozen=True)
class ChosenTask:
    """A task, and why it was taken.

    Attributes:
        task: classification or regression.
        reason: why, in words.
        note: what to tell a person of it; None where the values leave no doubt.
    """

    task: Task
    reason: str
    note: str | None = None


def task_of(data: Data) -> Task:
    """Return the task of a run, from what its provenance.json says of its data."""
    return REGRESSION if data.get("task", FORMERLY) == REGRESSION else CLASSIFICATION


def kind_of(column: pd.Series, target: str) -> TargetKind:
    """Look at the values of a target without gaps.

    Raises:
        WrongCall: there is none, or they are dates.
    """
    if column.empty:
        raise WrongCall(f"target {target!r} is missing in every row")
    kind = pd.api.types.infer_dtype(column, skipna=True)
    if kind in DATES:
        raise WrongCall(f"target {target!r} holds dates", remedy="turn them into classes or into numbers first")
    if kind == "boolean":
        return TargetKind("booleans", (CLASSIFICATION,))
    if kind not in NUMBERS:
        return TargetKind(f"text, {_stray(column) or f'such as {_shown(column.iloc[0])}'}", (CLASSIFICATION,))
    if kind in REAL:
        numbers = column.astype("float64")
        broken = numbers[~(numbers % 1 == 0)]  # infinity too
        if len(broken):
            return TargetKind(f"numbers such as {broken.iloc[0]:g}", (REGRESSION,))
    return _whole_numbers(column)


def _stray(column: pd.Series) -> str | None:
    """Return which text is no number, where most of many different texts are numbers; None elsewhere."""
    different = pd.Series(column.unique(), dtype=object)
    stray = different[pd.to_numeric(different, errors="coerce").isna()]
    if len(different) > FEW_NUMBERS and 0 < len(stray) < len(different) / 2:
        row = column.index[column == stray.iloc[0]][0]
        return f"for {_shown(stray.iloc[0])} in row {row} is no number, as most of its values are"
    return None


def _whole_numbers(column: pd.Series) -> TargetKind:
    counts = column.value_counts()
    named, single = f"{len(counts)} different whole numbers", int((counts == 1).sum())
    if len(counts) <= FEW_NUMBERS:
        return TargetKind(named, TASKS)
    if len(counts) <= MOST_CLASSES and not single:
        return TargetKind(f"{named}, each on two rows or more", TASKS, doubtful=True)
    why = f"{single} of them on one row only" if len(counts) <= MOST_CLASSES else f"more than {MOST_CLASSES}"
    return TargetKind(f"{named}, {why}", (REGRESSION, CLASSIFICATION), doubtful=True)


def choose_task(
    kind: TargetKind, target: str, asked: Literal["auto"] | Task = "auto", served: Sequence[Task] = TASKS
) -> ChosenTask:
    """Choose the task: the one that was asked for, else one that the model does, else by the target's values.

    Args:
        kind: of the target's values.
        target: the column's name.
        asked: as the caller has it, or `auto`.
        served: the tasks that the model does.

    Raises:
        WrongCall: the target, the task that was asked for and that of the model contradict each other.
    """
    holds = f"target {target!r} holds {kind.named}"
    if asked != "auto":
        if asked not in served:
            message = f"task={asked} is asked for, but model.py {DOES[other(asked)]}"
            raise WrongCall(message, remedy=f"leave task out, or write a model.py that {DOES[asked]}")
        if asked not in kind.tasks:
            remedy = _remedy(asked)
            raise WrongCall(f"task={asked} is asked for, but {holds}", remedy=f"give task={other(asked)}, or {remedy}")
        return ChosenTask(asked, "it was asked for")
    task = next((one for one in kind.tasks if one in served), None)
    if task is None:
        does = served[0]
        message = f"{holds}, which is for {kind.tasks[0]}, but model.py {DOES[does]}"
        raise WrongCall(message, remedy=f"{_remedy(does)}, or write a model.py that {DOES[other(does)]}")
    if task != kind.tasks[0]:
        reason = f"model.py {DOES[task]}"
        return ChosenTask(task, reason, f"the task is {task}, since {reason}; {holds}")
    as_well = f"; task={other(task)} takes them the other way" if kind.doubtful else ""
    told = kind.doubtful or task == REGRESSION
    return ChosenTask(task, holds, f"the task is {task}, since {holds}{as_well}" if told else None)


def _remedy(task: Task) -> str:
    wanted = "classes" if task == CLASSIFICATION else "numbers"
    return f"name a target of {wanted}"


def to_learn(column: pd.Series, target: str, task: Task) -> pd.Series:
    """Bring a target without gaps to what a model of a task learns: class labels, or floats.

    Raises:
        WrongCall: it holds other values, or none to tell apart.
    """
    y = to_check(column, target, task)
    if task == CLASSIFICATION:
        try:
            check_classes(y, target)
        except WrongCall as error:
            if _stray(column.astype(object)) is None:
                raise
            remedy = "correct such values, or leave them empty, to predict numbers"
            raise WrongCall(f"target {target!r} holds {kind_of(column, target).named}", remedy=remedy) from error
    elif (y == y.iloc[0]).all():
        message = f"target {target!r} is {y.iloc[0]:g} in every row, so there is nothing to predict"
        raise WrongCall(message, remedy="name another target")
    return y


def to_check(column: pd.Series, target: str, task: Task) -> pd.Series:
    """Bring a target without gaps to what predictions are compared with; one class or value is enough.

    Raises:
        WrongCall: it holds other values.
    """
    return labels_of(column, target) if task == CLASSIFICATION else _values_of(column, target)


def _values_of(column: pd.Series, target: str) -> pd.Series:
    kind = kind_of(column, target)
    if REGRESSION not in kind.tasks:
        raise WrongCall(f"target {target!r} holds {kind.named}, and regression needs numbers")
    values = column.astype("float64").rename(target)
    check_finite(values)
    return values


def _shown(value: Any) -> str:
    text = str(value)
    return repr(text if len(text) <= SHOWN else text[:SHOWN] + "…")
