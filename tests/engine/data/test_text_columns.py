"""Columns of text with nearly as many values as rows."""

from typing import Any

import pandas as pd
import pytest

from reprise.data.dataset import make_dataset
from reprise.data.source import Source
from reprise.data.table import Table
from reprise.data.text_columns import notes

ROWS = 40


def notes_on(columns: dict[str, Any], **options: Any) -> list[str]:
    frame = pd.DataFrame({**columns, "n": [1.5, 2.5, 3.5, 4.5] * 10, "target": ["a", "b"] * (ROWS // 2)})
    made = make_dataset(Table(frame, Source("file", "t.csv", "/t.csv"), "0" * 64), "target", **options)
    return [note for note in made.notes if "identifiers" in note]


NAMES = [f"person {number}a" for number in range(ROWS)]


def test_the_note_names_column_counts_and_remedy() -> None:
    (line,) = notes_on({"who": NAMES})
    assert line == (
        "column 'who' (40 different values in 40 rows): identifiers or free text teach a model little; leave it out "
        "(exclude=who), or make features of it in model.py"
    )


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (NAMES[:36] + ["x"] * 4, True),  # 37 of 40
        (NAMES[:34] + ["x"] * 6, False),  # 35 of 40
        (NAMES[:20] + [None] * 20, True),  # gaps are no values
        (NAMES[:19] + [None] * 21, False),  # too few to tell
        ([f"{year}-02-{day:02d}" for year in (2020, 2021) for day in range(1, 21)], False),  # dates
    ],
)
def test_nine_tenths_of_twenty_values_or_more(values: list[Any], *, told: bool) -> None:
    assert bool(notes_on({"who": values})) == told


def test_columns_that_are_no_features_are_not_looked_at() -> None:
    assert not notes_on({"who": NAMES}, exclude="who")
    assert not notes_on({"who": NAMES}, aside=("who",))
    assert not notes_on({"who": NAMES}, features="n,who", aside=("who",)), "it splits the rows"
    assert notes_on({"who": NAMES}, features="n,who")


def test_many_columns_make_one_note() -> None:
    columns = [pd.Series(NAMES, dtype="str", name=f"c{number}") for number in range(8)]
    (line,) = notes(columns)
    assert line.startswith("columns 'c0' (40 different values in 40 rows), ")
    assert " and 3 more: identifiers" in line
    assert "leave them out (exclude=c0)" in line
