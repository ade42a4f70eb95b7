"""The folds of a cross-validation."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from sklearn.model_selection import StratifiedKFold

from reprise.base.errors import WrongCall
from reprise.data.split_column import SplitColumn, parse, read_split_column
from reprise.search.folds import describe, make_folds

ROWS = 60
Y = pd.Series(["a", "b"] * (ROWS // 2))


def by(split: str, values: Any) -> SplitColumn | None:
    return read_split_column(parse(split), pd.DataFrame({"c": values}), Y.index, "target")


def test_of_a_random_split_are_those_of_stratified_k_fold() -> None:
    theirs = StratifiedKFold(4, shuffle=True, random_state=7).split(np.zeros(ROWS), Y)
    for ours, wanted in zip(make_folds(Y, 4, 7), theirs, strict=True):
        assert [part.tolist() for part in ours] == [part.tolist() for part in wanted]


def test_of_a_column_that_says_train_or_test_are_the_same() -> None:
    column = by("column:c", ["train"] * (ROWS - 2) + ["test"] * 2)
    for ours, wanted in zip(make_folds(Y, 4, 7, column), make_folds(Y, 4, 7), strict=True):
        assert ours[1].tolist() == wanted[1].tolist()
    assert describe(column) is None


@settings(deadline=None, max_examples=40)
@given(groups=some.lists(some.integers(0, 9), min_size=ROWS, max_size=ROWS), seed=some.integers(0, 2**32 - 1))
def test_of_groups_have_no_group_on_both_sides(groups: list[int], seed: int) -> None:
    codes = np.asarray(groups)
    try:
        folds = make_folds(Y, 3, seed, by("group:c", codes))
    except WrongCall:
        return
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(ROWS))
    for train, test in folds:
        assert not set(codes[train]) & set(codes[test])
        assert set(Y[train]) == {"a", "b"}


@settings(deadline=None, max_examples=40)
@given(times=some.lists(some.integers(0, 40), min_size=ROWS, max_size=ROWS))
def test_of_times_learn_from_older_rows_only(times: list[int]) -> None:
    ages = np.asarray(times)
    try:
        folds = make_folds(Y, 3, 0, by("time:c", ages))
    except WrongCall:
        return
    assert len(folds) == 3
    for train, test in folds:
        assert ages[train].max() < ages[test].min()
        assert set(Y[train]) == {"a", "b"}


HALVES = ["a"] * (ROWS // 2) + ["b"] * (ROWS // 2)


@pytest.mark.parametrize(
    ("split", "values", "labels", "message"),
    [
        ("group:c", np.arange(ROWS) % 2, Y, "2 groups are left to train on, fewer than folds=3"),
        ("group:c", np.arange(ROWS) // 30 * (1 + np.arange(ROWS) % 3), HALVES, "learns from no row of class 'a'"),
        ("time:c", np.arange(ROWS) % 3, Y, "3 times are left to train on, too few for folds=3"),
        ("time:c", [0] * 20 + [1] * 38 + [2, 3], Y, "no row is older than those of fold 0 of 3"),
        ("time:c", np.arange(ROWS), HALVES, "fold 0 of 3, counted from 0, learns from no row of class 'b'"),
    ],
)
def test_that_cannot_be_made_are_refused(split: str, values: Any, labels: Any, message: str) -> None:
    with pytest.raises(WrongCall, match=message):
        make_folds(pd.Series(labels), 3, 0, by(split, values))


def test_of_a_class_with_too_few_rows_are_refused() -> None:
    with pytest.raises(WrongCall, match="class 'b' has 2 rows to train on, fewer than folds=3"):
        make_folds(pd.Series(["a"] * 9 + ["b"] * 2), 3, 0)
