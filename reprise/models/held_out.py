"""Rows that a model has not learned from: its own held-out rows, or those of another table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from reprise.base import artifact
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.record import Data, Record
from reprise.base.terminal import note
from reprise.data.dataset import Dataset, make_dataset, to_judge
from reprise.data.fingerprint import fingerprint
from reprise.data.holdout import hold_out
from reprise.data.model_columns import ModelColumns
from reprise.data.sample_weight import check_counted, weight_of
from reprise.data.source import again
from reprise.data.split_column import read_split_column, rule_of
from reprise.data.table import READING, Table, read_again, read_table, reading_of
from reprise.data.table_identity import identify
from reprise.data.target import task_of
from reprise.models.logged_model import Subject
from reprise.models.recorded_rows import RecordedRows, recorded_rows


@dataclass(frozen=True)
class HeldOutRows:
    """Rows to judge a model on.

    Attributes:
        table: the table that they are from.
        dataset: features and labels of the rows themselves.
        description: what they are, for a person, such as `held-out rows of iris`.
        held_out: whether they are the very rows that the model's training run held out.
    """

    table: Table
    dataset: Dataset
    description: str
    held_out: bool = False


def rows_to_judge(subject: Subject, data: str, target: str) -> HeldOutRows:
    """Find the rows to judge a model on.

    Args:
        subject: the model.
        data: `held-out` for the rows that its training run held out, or a table as in `train`. Of the very table
            that it was trained on, only the held-out rows are taken.
        target: the column of true labels; `auto` for the one it was trained to predict.

    Raises:
        WrongCall: the model has no recorded training run and none of data and target can replace it.
        JobFailed: the recorded table has changed; both fingerprints are named.
    """
    origin = subject.training_record()
    record = origin["data"] if origin else None
    if data == "held-out":
        if origin is None or record is None:
            raise WrongCall(
                f"model {subject.uri} was not trained by this project", remedy="name a table, such as data=rows.csv"
            )
        if target not in ("auto", record["target"]):
            message = f"target {target!r} is not what the model predicts, {record['target']!r}"
            raise WrongCall(message, remedy="leave it out")
        table = read_again(again(record["source"]), record)
        found = identify(table, origin)
        if not found.same:
            raise _changed(f"data {table.source.uri!r}", found.why, subject)
        return _held_out(subject, origin, table, found.why)
    table = read_again(data, record) if record else read_table(data)
    if target == "auto":
        if record is None:
            raise WrongCall(
                f"model {subject.uri} was not trained by this project", remedy="name the labels' column, target=…"
            )
        target = record["target"]
    if origin and record and target == record["target"] and (found := identify(table, origin)).same:
        return _held_out(subject, origin, table, found.why)
    known = read_as_known(table, data, subject.known, target)
    features = subject.features or [name for name in table.frame.columns if name != target]
    dataset = to_judge(known, target, features, subject.known, weight_of(record) if record else None)
    check_counted(dataset.y, dataset.weight, "judged", each_class=False)
    _check_labels(dataset, subject.classes)
    return HeldOutRows(replace(table, frame=known.frame), dataset, f"rows of {table.source.name}")


def read_as_known(table: Table, data: str, known: ModelColumns, target: str = "") -> Table:
    """Read a table again with text where a model knows text: `01` is no 1 then.

    Args:
        table: as it was read without the model.
        data: what names it.
        known: what the model knows.
        target: the column of labels, where they are wanted.
    """
    texts = [name for name in known.texts(target) if name in table.frame]
    if table.reading == READING and (table.typed or not texts):
        return table
    return read_table(data, texts=texts, missing=table.missing)


def held_out_by(subject: Subject, table: Table) -> pd.Index | None:
    """Find the numbers of the rows that a model held out, of the table that it was trained on.

    Returns:
        None where the table is another one, or it is not known which.

    Raises:
        JobFailed: what the training run has kept of its held-out rows has been changed.
    """
    origin = subject.training_record()
    if origin is None or not _is_its_own(table, origin):
        return None
    kept = recorded_rows(str(subject.run_id), origin)
    if kept is not None:
        return kept.numbers
    note(_split_now(subject))
    return _split_again(origin["data"], table).y.index


def _is_its_own(table: Table, origin: Record) -> bool:
    """Return whether a table is the one that a run learned from, also where that read it in an earlier way."""
    if identify(table, origin).same:
        return True
    reading = reading_of(origin["data"])
    if table.reading == reading or table.source.kind != "file":
        return False
    return identify(read_again(table.source.uri, origin["data"]), origin).same


def _held_out(subject: Subject, origin: Record, table: Table, why: str) -> HeldOutRows:
    """Take the rows that the training run held out.

    Args:
        subject: the model.
        origin: provenance.json of its training run.
        table: the one that it was trained on.
        why: how today's code reads that otherwise, where it does.
    """
    record, said = origin["data"], [why] if why else []
    kept = recorded_rows(str(subject.run_id), origin)
    if kept is None:
        said.append(_split_now(subject))
        dataset = _split_again(record, table)
        found = fingerprint(dataset.table)
        if found != record["test"]["fingerprint"]:
            raise _changed("the held-out rows", _fingerprints(found, record), subject)
    else:
        dataset, otherwise = _take(kept, subject, record, table)
        said += otherwise
    dataset = replace(dataset, notes=(*dataset.notes, *said))
    return HeldOutRows(table, dataset, f"held-out rows of {table.source.name}", held_out=True)


def _take(kept: RecordedRows, subject: Subject, record: Data, table: Table) -> tuple[Dataset, tuple[str, ...]]:
    """Take rows by their numbers: as in training, or, where today's code trains on them otherwise, as the model knows.

    Raises:
        JobFailed: the rows are not the recorded ones.
    """
    dataset = _as_in_training(kept, record, table)
    found = fingerprint(dataset.table) if dataset else "none"
    if dataset and found == record["test"]["fingerprint"]:
        return dataset, ()
    if not kept.sealed or subject.features is None:
        raise _changed("the held-out rows", _fingerprints(found, record), subject)
    rows = _as_known(kept, subject, record, table)
    if other := kept.other_label(rows.y):
        raise _changed("the held-out rows", f"{other}, of {record['target']!r}", subject)
    line = (
        f"today's code makes other features or labels of the held-out rows ({_fingerprints(found, record)}): they are "
        f"taken by their numbers in {artifact.PREDICTIONS} of run {subject.run_id}, as the model knows its columns"
    )
    return rows, (line,)


def _as_in_training(kept: RecordedRows, record: Data, table: Table) -> Dataset | None:
    """Make features and labels as `train` does; None where today's code refuses the table, or leaves out the rows."""
    try:
        dataset = _whole(record, table)
    except WrongCall:
        return None
    at = dataset.y.index.get_indexer(kept.numbers)
    return None if (at < 0).any() else dataset.take(at)


def _as_known(kept: RecordedRows, subject: Subject, record: Data, table: Table) -> Dataset:
    target = record["target"]
    if not kept.numbers.isin(table.frame.index).all():
        raise _changed("the held-out rows", f"the table has {len(table.frame)} rows and lacks some of them", subject)
    part = replace(table, frame=table.frame.loc[kept.numbers], faults=())  # the model has learned from it all the same
    dataset = to_judge(part, target, subject.features or (), subject.known, weight_of(record))
    if not dataset.y.index.equals(kept.numbers):
        raise _changed("the held-out rows", f"some of them miss {target!r} now", subject)
    return dataset


def _whole(record: Data, table: Table) -> Dataset:
    """Make the data set of all rows as `train` does; a run that says no task was a classification."""
    left_out, aside, weight = record.get("exclude", "none"), rule_of(record).columns, weight_of(record)
    return make_dataset(
        table, record["target"], record["features"], left_out, aside=aside, weight=weight, task=task_of(record)
    )


def _split_again(record: Data, table: Table) -> Dataset:
    dataset = _whole(record, table)
    by = read_split_column(rule_of(record), table.frame, dataset.y.index, record["target"])
    return hold_out(dataset, record["test_size"], record["seed"], by).held_out


def _split_now(subject: Subject) -> str:
    missing = f"run {subject.run_id} has no {artifact.PREDICTIONS} that names its held-out rows"
    return f"{missing}; today's code has split the table again"


def _fingerprints(found: str, record: Data) -> str:
    return f"fingerprint {found}, recorded {record['test']['fingerprint']}"


def _changed(what: str, why: str, subject: Subject) -> JobFailed:
    verb = "are" if what.endswith("rows") else "is"
    message = f"{what} {verb} not what run {subject.run_id} recorded: {why}"
    return JobFailed(message, remedy="bring the recorded data back, or name a table with data=")


def _check_labels(dataset: Dataset, classes: Sequence[Any] | None) -> None:
    if classes is not None and not np.isin(dataset.y.to_numpy(), np.asarray(classes)).any():
        message = (
            f"target {dataset.target!r} holds no class that the model knows: it holds "
            f"{dataset.y.iloc[0]!r}, the model knows {', '.join(map(repr, list(classes)[:5]))}"
        )
        raise WrongCall(message)
