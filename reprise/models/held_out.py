"""Rows that a model has not learned from: those of its own training run, rebuilt and checked, or another table's."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from reprise.base.errors import JobFailed, WrongCall
from reprise.data.dataset import Dataset, make_dataset, split, to_judge
from reprise.data.fingerprint import fingerprint
from reprise.data.known import Known
from reprise.data.source import again
from reprise.data.table import READING, Table, read_table, reading_of
from reprise.models.logged_model import Subject


@dataclass(frozen=True)
class Rows:
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


def rows_to_judge(subject: Subject, data: str, target: str) -> Rows:
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
    record = subject.training_record()
    if data == "held-out":
        if record is None:
            raise WrongCall(f"model {subject.uri} was not trained by this project; name a table, such as data=rows.csv")
        if target not in ("auto", record["target"]):
            message = f"target {target!r} is not what the model predicts, {record['target']!r}; leave it out"
            raise WrongCall(message)
        table = read_table(again(record["source"]), reading=reading_of(record))
        _check(table.fingerprint, record["fingerprint"], f"data {table.source.uri!r}", subject)
        return _held_out(subject, record, table)
    table = read_table(data, reading=reading_of(record) if record else READING)
    if target == "auto":
        if record is None:
            raise WrongCall(f"model {subject.uri} was not trained by this project; name the labels' column, target=…")
        target = record["target"]
    if record and table.fingerprint == record["fingerprint"] and target == record["target"]:
        return _held_out(subject, record, table)
    known = read_as_known(table, data, subject.known, target)
    features = subject.features or [name for name in table.frame.columns if name != target]
    dataset = to_judge(known, target, features, subject.known)
    _check_labels(dataset, subject.classes)
    return Rows(replace(table, frame=known.frame), dataset, f"rows of {table.source.name}")


def read_as_known(table: Table, data: str, known: Known, target: str = "") -> Table:
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
    return read_table(data, texts=texts)


def _held_out(subject: Subject, record: dict[str, Any], table: Table) -> Rows:
    held_out = _split_again(record, table)
    _check(fingerprint(held_out.table), record["test"]["fingerprint"], "the held-out rows", subject)
    return Rows(table, held_out, f"held-out rows of {table.source.name}", held_out=True)


def held_out_by(subject: Subject, table: Table) -> pd.Index | None:
    """Give the numbers of the rows that a model held out, of the table that it was trained on.

    Returns:
        None where the table is another one, or it is not known which.
    """
    record = subject.training_record()
    if record is None or record["fingerprint"] != table.fingerprint:
        return None
    return _split_again(record, table).y.index


def _split_again(record: dict[str, Any], table: Table) -> Dataset:
    dataset = make_dataset(table, record["target"], record["features"])
    return split(dataset, record["test_size"], record["seed"])[1]


def _check(found: str, recorded: str, what: str, subject: Subject) -> None:
    if found != recorded:
        message = (
            f"{what} is not what run {subject.run_id} recorded: fingerprint {found}, recorded {recorded}; "
            "bring the recorded data back, or name a table with data="
        )
        raise JobFailed(message)


def _check_labels(dataset: Dataset, classes: Sequence[Any] | None) -> None:
    if classes is not None and not np.isin(dataset.y.to_numpy(), np.asarray(classes)).any():
        message = (
            f"target {dataset.target!r} holds no class that the model knows: it holds "
            f"{dataset.y.iloc[0]!r}, the model knows {', '.join(map(repr, list(classes)[:5]))}"
        )
        raise WrongCall(message)
