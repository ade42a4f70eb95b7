"""Which rows are held out: at random, by groups, by time, or as a column says."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as some
from sklearn.model_selection import train_test_split

from reprise.base.errors import WrongCall
from reprise.data.dataset import Dataset, make_dataset
from reprise.data.holdout import Holdout, hold_out
from reprise.data.source import Source
from reprise.data.split_column import parse, read_split_column, rule_of
from reprise.data.table import Table

ROWS = 40


def table(**columns: Iterable[Any]) -> Table:
    whole = {"target": ["a", "b"] * (ROWS // 2), "a": np.arange(ROWS) % 7, **columns}
    return Table(pd.DataFrame(whole), Source("file", "t.parquet", "t.parquet"), "none")


def held_out(split: str, test_size: float = 0.25, seed: int = 0, **columns: Iterable[Any]) -> Holdout:
    read = table(**columns)
    rule = parse(split)
    dataset = make_dataset(read, "target", aside=rule.columns)
    return hold_out(dataset, test_size, seed, read_split_column(rule, read.frame, dataset.y.index, "target"))


def values(dataset: Dataset, column: Any) -> set[Any]:
    return set(pd.Series(column)[dataset.y.index])


class TestRandom:
    """`split=random`."""

    def test_is_stratified_and_keeps_row_numbers(self) -> None:
        parts = held_out("random", 0.2, 3, target=["a"] * 30 + ["b"] * 10)
        assert parts.held_out.y.value_counts().to_dict() == {"a": 6, "b": 2}
        assert sorted([*parts.training.y.index, *parts.held_out.y.index]) == list(range(ROWS))

    def test_is_train_test_split_of_scikit_learn(self) -> None:
        y = table().frame["target"]
        train, test = train_test_split(np.arange(ROWS), test_size=0.3, random_state=5, stratify=y)
        parts = held_out("random", 0.3, 5)
        assert parts.training.y.index.tolist() == train.tolist()
        assert parts.held_out.y.index.tolist() == test.tolist()
        assert parts.notes == ()

    @pytest.mark.parametrize("test_size", [0.01, 0.99])
    def test_refuses_a_side_with_fewer_rows_than_classes(self, test_size: float) -> None:
        with pytest.raises(WrongCall, match="fewer than the 2 classes"):
            held_out("random", test_size)

    def test_is_what_a_record_without_a_split_means(self) -> None:
        assert rule_of({}) == parse("random")
        assert rule_of({"split": "time:when"}).column == "when"


class TestGroups:
    """`split=group:<column>`."""

    @settings(deadline=None, max_examples=60)
    @given(
        groups=some.lists(some.integers(0, 12), min_size=ROWS, max_size=ROWS),
        test_size=some.floats(0.05, 0.95),
        seed=some.integers(0, 2**32 - 1),
    )
    def test_are_never_on_both_sides(self, groups: list[int], test_size: float, seed: int) -> None:
        assume(len(set(groups)) > 1)
        try:
            parts = held_out("group:g", test_size, seed, g=groups)
        except WrongCall as error:
            assert "out of training" in error.message  # noqa: PT017  no other refusal is right
            return
        assert not values(parts.training, groups) & values(parts.held_out, groups)
        assert sorted([*parts.training.y.index, *parts.held_out.y.index]) == list(range(ROWS))
        assert set(parts.training.y) == {"a", "b"}

    def test_are_drawn_again_the_same_by_the_same_seed(self) -> None:
        groups = np.arange(ROWS) // 4
        first, again, other = (held_out("group:g", seed=seed, g=groups).held_out.y.index for seed in (1, 1, 2))
        assert first.equals(again)
        assert not first.equals(other)

    def test_come_near_to_the_share_of_rows_and_of_each_class(self) -> None:
        random = np.random.default_rng(0)
        groups = random.integers(0, 20, 2000)
        target = np.where(random.random(2000) < (groups % 5) / 5, "b", "a")
        parts = held_out("group:g", 0.25, g=groups, target=target, a=random.normal(size=2000))
        assert len(parts.held_out.y) / 2000 == pytest.approx(0.25, abs=0.02)
        assert (parts.held_out.y == "b").mean() == pytest.approx((target == "b").mean(), abs=0.03)
        assert "holds out 5 of 20 groups" in parts.notes[0]

    def test_keep_a_class_in_training_where_one_draw_can(self) -> None:
        target = ["c"] * 4 + ["a", "b"] * 18
        for seed in range(10):
            parts = held_out("group:g", 0.5, seed, g=[0, 1, *np.arange(ROWS - 2) // 5], target=target)
            assert set(parts.training.y) == {"a", "b", "c"}

    def test_that_hold_a_class_alone_stay_in_training_and_the_lack_is_said(self) -> None:
        parts = held_out("group:g", g=np.arange(ROWS) // 8, target=["c"] * 8 + ["a", "b"] * 16)
        assert "c" not in set(parts.held_out.y)
        assert parts.notes[-1] == "the held-out rows hold no row of class 'c'"


class TestTimes:
    """`split=time:<column>`."""

    @settings(deadline=None, max_examples=60)
    @given(times=some.lists(some.integers(0, 30), min_size=ROWS, max_size=ROWS), test_size=some.floats(0.02, 0.98))
    def test_no_training_row_is_as_new_as_a_held_out_one(self, times: list[int], test_size: float) -> None:
        assume(len(set(times)) > 1)
        try:
            parts = held_out("time:t", test_size, t=times)
        except WrongCall as error:
            assert "out of training" in error.message  # noqa: PT017  no other refusal is right
            return
        assert max(values(parts.training, times)) < min(values(parts.held_out, times))
        assert sorted([*parts.training.y.index, *parts.held_out.y.index]) == list(range(ROWS))

    def test_hold_out_the_exact_share_where_none_are_equal(self) -> None:
        days = pd.Series(pd.date_range("2024-01-01", periods=ROWS)).sample(frac=1, random_state=0).to_numpy()
        parts = held_out("time:t", t=days)
        assert parts.held_out.y.index.tolist() == sorted(np.argsort(days)[-10:])
        assert parts.notes == (
            "split=time:t holds out the newest rows, from 2024-01-31 00:00:00 on: 10 of 40 rows (25.0%)",
        )

    @pytest.mark.parametrize(
        ("tied", "newer", "kept", "side"), [(12, 0, 12, "held out"), (9, 3, 12, "held out"), (25, 5, 5, "learned from")]
    )
    def test_that_tie_across_the_border_stay_on_the_nearer_side_and_it_is_said(
        self, tied: int, newer: int, kept: int, side: str
    ) -> None:
        years = [2000] * (ROWS - tied - newer) + [2001] * tied + [2002] * newer
        parts = held_out("time:t", t=years)
        assert len(parts.held_out.y) == kept
        assert parts.notes[1] == f"{tied} rows of 2001 lie across the border of 10 rows: all are {side}"

    @pytest.mark.parametrize(
        "times",
        [
            [f"20{n:02}-03-01" for n in range(ROWS)],
            [f"2024-03-01T00:{n:02}:00+02:00" for n in range(ROWS)],
            [pd.Timestamp(2000 + n, 1, 1).date() for n in range(ROWS)],
            [pd.Timestamp(2000 + n, 1, 1, tz="Europe/Rome") for n in range(ROWS)],
            [n / 8 for n in range(ROWS)],
            pd.Categorical([str(1960 + n) for n in range(ROWS)]),
        ],
    )
    def test_may_be_written_in_many_ways(self, times: Any) -> None:
        assert held_out("time:t", t=times).held_out.y.index.tolist() == list(range(30, 40))

    def test_with_a_zone_and_without_are_taken_as_utc_and_it_is_said(self) -> None:
        times = [f"2024-03-01T00:{n:02}:00{'Z' * (n % 2)}" for n in range(ROWS)]
        parts = held_out("time:t", t=times)
        assert parts.held_out.y.index.tolist() == list(range(30, 40))
        assert "those without are taken as UTC" in parts.notes[0]


class TestColumn:
    """`split=column:<name>`."""

    def test_says_itself_which_rows_are_held_out(self) -> None:
        parts = held_out("column:part", part=["train", " Test "] * 3 + ["TRAIN"] * (ROWS - 7) + ["test"], target=[
            *("a", "b", "b", "a"), *["a", "b"] * 18,
        ])  # fmt: skip
        assert parts.held_out.y.index.tolist() == [1, 3, 5, 39]
        assert parts.notes[0].endswith("4 of 40 rows (10.0%); test_size is not used")


def test_the_column_that_splits_is_a_feature_only_if_it_is_named() -> None:
    read = table(g=np.arange(ROWS) // 5)
    assert list(make_dataset(read, "target", aside=["g"]).X) == ["a"]
    assert list(make_dataset(read, "target", "a,g", aside=["g"]).X) == ["a", "g"]


def test_a_date_that_splits_is_no_reason_to_refuse_the_table() -> None:
    days = pd.date_range("2024-01-01", periods=ROWS)
    assert list(held_out("time:day", day=days).training.X) == ["a"]


@pytest.mark.parametrize(
    ("split", "column", "message"),
    [
        ("groups", [1], "split 'groups' is not known"),
        ("random:g", [1], "split 'random:g' is not known"),
        ("group:", [1], "split 'group:' is not known"),
        ("group:h", [1, 2], r"split=group:h: 'h' is not a column of the table; it has 'target', 'a', 'g'"),
        ("group:target", [1, 2], "'target' is the target"),
        ("group:g", [1, None], "column 'g' is empty in 20 of 40 rows, the first is row 1"),
        ("time:g", ["2024-01-01", None], "column 'g' is empty in 20 of 40 rows"),
        ("column:g", ["train", None], "column 'g' is empty in 20 of 40 rows"),
        ("group:g", ["x"], "column 'g' is 'x' in every row"),
        ("time:g", ["2024-01-01"], "column 'g' is '2024-01-01' in every row"),
        ("column:g", ["train"], "column 'g' is 'train' in every row"),
        ("column:g", ["train", "valid"], "column 'g' says 'valid' in row 1"),
        ("time:g", ["2024-01-01", "soon"], "column 'g' holds 'soon' in row 1, which is no date"),
        ("time:g", ["2024-01-01", "01/02/2024"], "holds '01/02/2024' in row 1, which is no date in ISO 8601"),
        ("time:g", [True, False], "holds boolean values, such as 'True', which are no times"),
        ("time:g", [1.0, np.inf], "holds infinite numbers"),
        ("group:g", [0, 1], "leaves class '[ab]' out of training: 20 rows, all of them held out"),
        ("time:g", [0, 1], "leaves class 'b' out of training"),
        ("column:g", ["train", "test"], "leaves class 'b' out of training"),
    ],
)
def test_a_column_that_cannot_split_is_refused(split: str, column: list[Any], message: str) -> None:
    with pytest.raises(WrongCall, match=message) as refused:
        held_out(split, g=column * (ROWS // len(column)))
    assert "\n" not in str(refused.value)
