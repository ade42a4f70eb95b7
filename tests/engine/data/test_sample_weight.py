"""A column of sample weights: what it may hold, and what a data set makes of it."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from reprise.base.errors import WrongCall
from reprise.data.dataset import make_dataset, to_judge
from reprise.data.sample_weight import check_counted
from reprise.data.source import Source
from reprise.data.table import Table

ROWS = 40


def table(weight: Any) -> Table:
    frame = pd.DataFrame({"a": np.arange(ROWS) % 7, "w": weight, "target": ["x", "y"] * (ROWS // 2)})
    return Table(frame, Source("file", "t.parquet", "t.parquet"), "none", typed=False)


def test_a_weight_is_no_feature_and_stays_with_its_row() -> None:
    dataset = make_dataset(table(np.arange(ROWS)), "target", weight="w")
    assert list(dataset.X) == ["a"]
    assert dataset.notes == ("column 'w' weighs the rows and is no feature",)
    part = dataset.take(np.array([3, 1]))
    assert part.weight is not None
    assert part.weight.to_dict() == {3: 3.0, 1: 1.0}


def test_rows_to_judge_have_weights_if_their_table_has_the_column() -> None:
    known = to_judge(table([2] * ROWS), "target", ["a"], weight="w")
    assert known.weight is not None
    assert set(known.weight) == {2.0}
    without = to_judge(table([2] * ROWS), "target", ["a"], weight="importance")
    assert without.weight is None
    assert without.notes[-1].endswith("all rows count the same")


@pytest.mark.parametrize(
    ("weight", "message"),
    [
        ([1, None], "weight 'w' is empty in 20 of 40 rows, the first is row 1"),
        ([1, -2], "weight 'w' is -2 in row 1"),
        ([1.0, np.inf], "weight 'w' is inf in row 1"),
        ([0, 0], "weight 'w' is 0 in every row"),
        ([3, 3], "weight 'w' is 3 in every row, so it weighs nothing"),
        (["much", "little"], "weight 'w' holds string values, such as 'much'"),
        ([True, False], "weight 'w' holds boolean values"),
    ],
)
def test_weights_that_weigh_nothing_are_refused(weight: list[Any], message: str) -> None:
    with pytest.raises(WrongCall, match=message) as refused:
        make_dataset(table(weight * (ROWS // 2)), "target", weight="w")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"weight": "v"}, "weight 'v' is not a column of the table; it has 'a', 'w', 'target'"),
        ({"weight": "target"}, "weight 'target' is the target"),
        ({"weight": "w", "features": "a,w"}, "feature 'w' is the weight"),
    ],
)
def test_a_name_that_cannot_be_the_weight_is_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongCall, match=message):
        make_dataset(table(np.arange(ROWS)), "target", **options)


def test_rows_that_count_nothing_are_refused() -> None:
    y, weights = pd.Series(["x", "y", "x"]), pd.Series([1.0, 0.0, 2.0], name="w")
    check_counted(y, weights, "held-out", each_class=False)
    with pytest.raises(WrongCall, match="weight 'w' is 0 in every row of class 'y' among the training rows"):
        check_counted(y, weights, "training", each_class=True)
    with pytest.raises(WrongCall, match="weight 'w' is 0 in every held-out row"):
        check_counted(y, weights * 0, "held-out", each_class=False)
