"""The data set of a model, made from a table: features and target."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from reprise.base.errors import WrongCall
from reprise.base.task import CLASSIFICATION, TASKS, Task
from reprise.data import date_columns, number_notation, text_columns
from reprise.data.column_choice import check_known, choose
from reprise.data.features import feature, numbers_rows_in_disorder, uncategorised, useless
from reprise.data.labels import WHOLE_FLOATS
from reprise.data.model_columns import NOTHING, ModelColumns, as_known
from reprise.data.sample_weight import check_column, check_varies, read_weight
from reprise.data.table import WITH_DATES, Table
from reprise.data.target import choose_task, kind_of, to_check, to_learn

BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
"""The texts of a CSV file that pandas reads as booleans."""

UNNAMED = re.compile(r"\s*|Unnamed: \d+(\.\d+)?|__index_level_\d+__")
"""Names that pandas and pyarrow make up, such as that of an index; files keep them when they are written again."""


@dataclass(frozen=True)
class Dataset:
    """The data set of a model, made from a table for one target.

    Attributes:
        raw: the features as they were read, the input of a served model; shape (rows, features).
        X: the same with each column a number, a boolean, a date or text, `raw` itself where it is so already.
        y: the target, shape (rows,): class labels, which are integers, booleans or text; of a regression, floats.
        target: the target column's name.
        notes: what was left out and why, a line each.
        weight: sample weights, shape (rows,), 0 or more; None where all rows count the same.
        task: what the target is for.
        task_reason: why, in words.
    """

    raw: pd.DataFrame
    X: pd.DataFrame
    y: pd.Series
    target: str
    notes: tuple[str, ...] = ()
    weight: pd.Series | None = None
    task: Task = CLASSIFICATION
    task_reason: str = ""

    @property
    def table(self) -> pd.DataFrame:
        """Features and target in one table, rows numbered as in the table that was read."""
        return pd.concat([self.raw, self.y], axis=1)

    def take(self, rows: np.ndarray) -> "Dataset":
        """Keep some rows, by their position here."""
        raw = self.raw.iloc[rows]
        X = raw if self.X is self.raw else self.X.iloc[rows]
        weight = None if self.weight is None else self.weight.iloc[rows]
        return Dataset(raw, X, self.y.iloc[rows], self.target, weight=weight, task=self.task)


def make_dataset(
    table: Table,
    target: str,
    features: str = "all",
    exclude: str = "none",
    *,
    aside: Collection[str] = (),
    weight: str | None = None,
    task: Literal["auto"] | Task = "auto",
    served: Sequence[Task] = TASKS,
) -> Dataset:
    """Choose features, target and task.

    Args:
        table: the table as read.
        target: the column to predict. Rows that miss it are dropped, and counted in a note.
        features: `all`, or column names separated by commas (quoted as in CSV where a name holds one).
        exclude: `none`, or names of columns to leave out, written in the same way.
        aside: columns that are features only where `features` names them, such as the one that splits the rows.
        weight: the column of sample weights, which is no feature; None where all rows count the same.
        task: what the target is for; `auto` lets its values decide.
        served: the tasks that the model does.

    Raises:
        WrongCall: a column does not exist or cannot be used, or the target is not what the task needs.
    """
    _check_table(table)
    chosen = choose(table.frame, target, features, exclude, (*aside, *([weight] if weight else [])))
    check_column(weight, table.frame, target, chosen)
    frame, dropped = _with_target(table, target)
    chosen_task = choose_task(kind_of(frame[target], target), target, task, served)
    y = to_learn(frame[target], target, chosen_task.task)
    columns, notes = {}, [*table.notes, *dropped, *filter(None, [chosen_task.note])]
    dated = date_columns.find(frame, chosen) if table.reading >= WITH_DATES else date_columns.Found()
    notes += dated.notes
    if dated.raw:
        frame = frame.assign(**dated.raw)
    if table.reading > 1:
        numbers = [name for name in chosen if name not in {*dated.raw, *dated.texts}]
        frame, read = _with_numbers(frame, [*numbers, *([weight] if weight else [])], table)
        notes += read
    weights = read_weight(frame, weight) if weight else None
    if weights is not None:
        check_varies(weights)
        notes.append(f"column {weight!r} weighs the rows and is no feature")
    for name in chosen:
        reason = useless(frame[name], named=features != "all", unnamed=_is_unnamed(name, table))
        if reason:
            notes.append(f"column {name!r} is left out: {reason}")
        else:
            columns[name] = dated.dates[name] if name in dated.dates else feature(frame[name])
            if features == "all" and table.reading > 1 and numbers_rows_in_disorder(frame[name]):
                notes.append(
                    f"column {name!r} holds each whole number up to the number of rows once, as a shuffled index does; "
                    "if it is one, leave it out with exclude"
                )
    if not columns:
        raise WrongCall(f"no column is left to learn {target!r} from: {'; '.join(notes) or 'the table has no other'}")
    told = {*aside, *dated.texts}  # of the latter another note says more
    notes += text_columns.notes(column for name, column in columns.items() if name not in told)
    notes += text_columns.notes_on_gaps([*columns.values(), y], table.missing)
    raw = frame[list(columns)]
    same = all(column.dtype == raw[name].dtype for name, column in columns.items())
    X = raw if same else pd.DataFrame(columns, index=frame.index)
    return Dataset(raw, X, y, target, tuple(notes), weights, chosen_task.task, chosen_task.reason)


def to_judge(
    table: Table, target: str, features: Sequence[str], known: ModelColumns = NOTHING, weight: str | None = None
) -> Dataset:
    """Take features and target as a fitted model knows them; one class is enough, or one value.

    Args:
        table: the table as read.
        target: the column of the true labels.
        features: the columns that the model takes.
        known: what it takes them for.
        weight: the column that weighed the rows of its training; where the table lacks it, all rows count the same.

    Raises:
        WrongCall: a column does not exist, a value is not what the model knows the column for, or the target is not
            what the model's task needs.
    """
    check_known([target], table.frame, "target")
    _check_table(table)
    frame, dropped = _with_target(table, target, text=known.label_kind == "text")
    raw, notes = _as_known(frame, features, table, known)
    y = to_check(as_known(frame[target], known.label_kind), target, known.task)
    weights = None
    if weight and weight in frame:
        weights = read_weight(_with_numbers(frame, [weight], table)[0], weight)
    elif weight:
        notes.append(f"the table has no column {weight!r}, which weighed the rows in training: all rows count the same")
    return Dataset(raw, raw, y, target, (*table.notes, *dropped, *notes), weights, known.task)


def to_predict(table: Table, features: Sequence[str], known: ModelColumns) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Take features as a fitted model knows them, with notes on how they were read.

    Raises:
        WrongCall: a column does not exist, or a value is not what the model knows the column for.
    """
    _check_table(table)
    raw, notes = _as_known(table.frame, features, table, known)
    return raw, (*table.notes, *notes)


def _as_known(
    frame: pd.DataFrame, features: Sequence[str], table: Table, known: ModelColumns
) -> tuple[pd.DataFrame, list[str]]:
    check_known(features, frame, "feature")
    others = [name for name in features if known.kinds.get(name) not in ("text", "date")]
    read, notes = _with_numbers(frame, others, table)
    for name in [name for name in features if known.kinds.get(name) == "date"]:
        column, said = date_columns.without_placeholders(read[name])
        read, notes = (read.assign(**{name: column}), [*notes, *said]) if said else (read, notes)
    return pd.DataFrame({name: as_known(read[name], known.kinds.get(name)) for name in features}, frame.index), notes


def _check_table(table: Table) -> None:
    if table.faults:
        raise WrongCall(table.faults[0])


def _with_numbers(frame: pd.DataFrame, names: Sequence[str], table: Table) -> tuple[pd.DataFrame, list[str]]:
    """Read numbers that were written as text, and return the frame with notes on what was converted and what was not.

    Raises:
        WrongCall: a column holds numbers that can be read in more than one way, or in none.
    """
    read: dict[str, pd.Series] = {}
    notes: list[str] = []
    for name in names:
        if name in table.doubts:
            raise WrongCall(table.doubts[name])
        column = uncategorised(frame[name])
        if isinstance(column.dtype, pd.StringDtype):
            found = number_notation.read(column, decimal_comma=table.decimal_comma, typed=table.typed)
            if found.refusal:
                raise WrongCall(found.refusal)
            notes += found.notes
            read |= {name: found.numbers} if found.numbers is not None else {}
        elif pd.api.types.is_extension_array_dtype(column.dtype) and pd.api.types.is_integer_dtype(column.dtype):
            read[name] = column.astype("float64")
            notes.append(f"column {name!r} holds whole numbers too large for floats beside gaps: they are rounded")
    return frame.assign(**read) if read else frame, notes


def _with_target(table: Table, target: str, *, text: bool = False) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Leave out rows without a target, such as a line of totals, before the types of the others are looked at.

    Args:
        table: as it was read.
        target: the column's name.
        text: whether the labels are text even where they read as numbers.
    """
    frame, notes = table.frame, []
    if isinstance(frame[target].dtype, pd.CategoricalDtype):
        frame = frame.assign(**{target: uncategorised(frame[target])})
    if table.reading > 1 and not text and isinstance(frame[target].dtype, pd.StringDtype):
        found = number_notation.read(frame[target].dropna(), decimal_comma=table.decimal_comma, typed=table.typed)
        if found.numbers is not None:
            frame = frame.assign(**{target: found.numbers.reindex(frame.index)})
        notes = [*found.notes, *([f"{found.problem}; each is a class of its own"] if found.problem else [])]
    present = frame[target].notna()
    if present.all():
        return frame, tuple(notes)
    left_out = f"{int((~present).sum())} of {len(frame)} rows miss the target {target!r} and are left out"
    kept = frame[present] if table.typed or table.reading == 1 else _typed_again(frame, present)
    return kept, (*notes, left_out)


def _typed_again(frame: pd.DataFrame, present: pd.Series) -> pd.DataFrame:
    """Keep some rows of a CSV; a column is booleans or whole numbers if only the other rows made it something else.

    Numbers that they made text are looked at later, as text is in any case.
    """
    kept, left_out = frame[present], frame[~present]
    typed: dict[str, pd.Series] = {}
    for name in kept.columns[left_out.notna().any() | left_out.isna().any()]:
        column = kept[name]
        if isinstance(column.dtype, pd.StringDtype) and column.dropna().isin(list(BOOLEANS)).all() and column.any():
            typed[name] = column.map(BOOLEANS)
        elif column.dtype == "float64" and left_out[name].hasnans and _is_whole(column):
            typed[name] = column.astype("int64")
    return kept.assign(**typed)


def _is_whole(column: pd.Series) -> bool:
    return bool((column % 1 == 0).all() and column.abs().max() <= WHOLE_FLOATS)  # which no gap is


def _is_unnamed(name: str, table: Table) -> bool:
    return table.reading > 1 and bool(UNNAMED.fullmatch(str(name)))
