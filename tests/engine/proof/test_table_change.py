"""What is said of a table that is not the recorded one any more."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from reprise.data.fingerprint import fingerprint, parts
from reprise.proof.table_change import explain

TABLE = pd.DataFrame({"age": [31, 42, 53, 64], "city": ["Bonn", "Köln", None, "Trier"], "target": ["a", "b", "a", "b"]})
LABELS = pd.Series(["b", "a"], index=[1, 2])


def recorded(*, with_parts: bool = True) -> Any:
    record: dict[str, Any] = {
        "fingerprint": fingerprint(TABLE),
        "rows": 4,
        "columns": list(TABLE.columns),
        "target": "target",
    }
    return record | ({"parts": parts(TABLE)} if with_parts else {})


def cell(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[2, "age"] = 54
    return frame


def label(frame: pd.DataFrame) -> pd.DataFrame:
    frame.loc[2, "target"] = "b"
    return frame


CHANGES: list[tuple[Callable[[pd.DataFrame], pd.DataFrame], str]] = [
    (cell, "values differ in 'age', and in no other of 3 columns"),
    (label, "values differ in 'target', and in no other of 3 columns; row 2 has target b, recorded a"),
    (lambda frame: frame.iloc[::-1].reset_index(drop=True), "its rows are the same, in another order"),
    (lambda frame: frame.astype({"age": float}), "column 'age' is float, recorded integer"),
    (lambda frame: frame[["city", "age", "target"]], "in another order: column 1 is 'city', recorded 'age'"),
    (lambda frame: frame.rename(columns={"age": "years"}), "column 'age' is named 'years' now"),
    (lambda frame: frame.drop(columns="city"), "gone: 'city'"),
    (lambda frame: frame.assign(more=1), "new: 'more'"),
    (lambda frame: frame.iloc[:3], "it has 3 rows, recorded 4"),
]


@pytest.mark.parametrize(("change", "said"), CHANGES)
def test_what_has_changed_is_named(change: Callable[[pd.DataFrame], pd.DataFrame], said: str) -> None:
    assert said in explain(change(TABLE.copy()), recorded(), LABELS)


def test_an_older_record_says_what_it_can() -> None:
    older = recorded(with_parts=False)
    assert explain(TABLE.iloc[:3], older, None) == "it has 3 rows, recorded 4"
    assert explain(label(TABLE.copy()), older, LABELS) == "row 2 has target b, recorded a"
    assert explain(cell(TABLE.copy()), older, LABELS).startswith("rows, names and order of columns are the same")
