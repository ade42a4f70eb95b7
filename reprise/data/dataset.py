"""The data set of a classifier, made from a table: features, labels and held-out rows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.model_selection import train_test_split

from reprise.base.errors import WrongCall
from reprise.data import date_columns, number_notation
from reprise.data.column_choice import check_known, choose
from reprise.data.features import feature, numbers_rows_in_disorder, useless
from reprise.data.labels import WHOLE_FLOATS, check_classes, labels_of
from reprise.data.model_columns import NOTHING, ModelColumns, as_known
from reprise.data.table import WITH_DATES, Table

BOOLEANS = {"True": True, "TRUE": True, "true": True, "False": False, "FALSE": False, "false": False}
"""The texts of a CSV file that pandas reads as booleans."""

UNNAMED = re.compile(r"\s*|Unnamed: \d+(\.\d+)?|__index_level_\d+__")
"""Names that pandas and pyarrow make up, such as that of an index; files keep them when they are written again."""


@dataclass(frozen=True)
class Dataset:
    """The data set of a classifier, made from a table for one target.

    Attributes:
        raw: the features as they were read, the input of a served model; shape (rows, features).
        X: the same with each column a number, a boolean, a date or text, `raw` itself where it is so already.
        y: class labels, shape (rows,): integers, booleans or text.
        target: the target column's name.
        notes: what was left out and why, a line each.
    """

    raw: pd.DataFrame
    X: pd.DataFrame
    y: pd.Series
    target: str
    notes: tuple[str, ...] = ()

    @property
    def table(self) -> pd.DataFrame:
        """Features and target in one table, rows numbered as in the table that was read."""
        return pd.concat([self.raw, self.y], axis=1)

    def take(self, rows: np.ndarray) -> "Dataset":
        """Keep some rows, by their position here."""
        raw = self.raw.iloc[rows]
        return Dataset(raw, raw if self.X is self.raw else self.X.iloc[rows], self.y.iloc[rows], self.target)


def make_dataset(table: Table, target: str, features: str = "all", exclude: str = "none") -> Dataset:
    """Choose features and labels.

    Args:
        table: the table as read.
        target: the column to predict. Rows that miss it are dropped, and counted in a note.
        features: `all`, or column names separated by commas (quoted as in CSV where a name holds one).
        exclude: `none`, or names of columns to leave out, written in the same way.

    Raises:
        WrongCall: a column does not exist or cannot be used, or the labels are no classes.
    """
    _check_table(table)
    chosen = choose(table.frame, target, features, exclude)
    frame, dropped = _with_target(table, target)
    y = labels_of(frame[target], target)
    check_classes(y, target)
    columns, notes = {}, [*table.notes, *dropped]
    dated = date_columns.find(frame, chosen) if table.reading >= WITH_DATES else date_columns.Found()
    notes += dated.notes
    if dated.raw:
        frame = frame.assign(**dated.raw)
    if table.reading > 1:
        frame, read = _with_numbers(frame, [name for name in chosen if name not in {*dated.raw, *dated.texts}], table)
        notes += read
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
    raw = frame[list(columns)]
    same = all(column.dtype == raw[name].dtype for name, column in columns.items())
    return Dataset(raw, raw if same else pd.DataFrame(columns, index=frame.index), y, target, tuple(notes))


def to_judge(table: Table, target: str, features: Sequence[str], known: ModelColumns = NOTHING) -> Dataset:
    """Take features and labels as a fitted model knows them; one class is enough.

    Raises:
        WrongCall: a column does not exist, a value is not what the model knows the column for, or the labels are no
            classes.
    """
    check_known([target], table.frame, "target")
    _check_table(table)
    frame, dropped = _with_target(table, target, text=known.label_kind == "text")
    raw, notes = _as_known(frame, features, table, known)
    y = labels_of(as_known(frame[target], known.label_kind), target)
    return Dataset(raw, raw, y, target, (*table.notes, *dropped, *notes))


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


def split(dataset: Dataset, test_size: float, seed: int) -> tuple[Dataset, Dataset]:
    """Hold out a share of the rows, each class in proportion; the same seed holds out the same rows.

    It is scikit-learn's `train_test_split` with `stratify`, in which `test_size` is rounded up to whole rows.

    Raises:
        WrongCall: a side would have fewer rows than there are classes.
    """
    rows, classes = len(dataset.y), dataset.y.nunique()
    held_out = int(np.ceil(test_size * rows))
    if min(held_out, rows - held_out) < classes:
        message = (
            f"test_size {test_size:g} of {rows} rows leaves {rows - held_out} to train and {held_out} to test, "
            f"fewer than the {classes} classes; choose another test_size"
        )
        raise WrongCall(message)
    train, test = train_test_split(np.arange(rows), test_size=test_size, random_state=seed, stratify=dataset.y)
    return dataset.take(train), dataset.take(test)


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
        column = frame[name]
        if isinstance(column.dtype, pd.CategoricalDtype):
            column = column.astype(object).infer_objects()
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
        frame = frame.assign(**{target: frame[target].astype(object).infer_objects()})
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
