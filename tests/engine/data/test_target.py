"""The task is chosen by the target's values, unless the caller or the model says it."""

import numpy as np
import pandas as pd
import pytest

from reprise.base.errors import WrongCall
from reprise.base.task import Task
from reprise.data.dataset import make_dataset, to_judge
from reprise.data.holdout import hold_out
from reprise.data.model_columns import ModelColumns
from reprise.data.source import Source
from reprise.data.table import Table

ROWS = 120


def table(target: object) -> Table:
    frame = pd.DataFrame({"a": np.arange(ROWS) % 7, "target": target})
    return Table(frame, Source("file", "t.csv", "/t.csv"), "0" * 64)


FRACTIONS = np.linspace(0, 1, ROWS)


@pytest.mark.parametrize(
    ("target", "task"),
    [
        (["yes", "no"] * 60, "classification"),
        ([True, False] * 60, "classification"),
        (np.arange(ROWS) % 10, "classification"),
        ((np.arange(ROWS) % 10).astype(float), "classification"),
        (np.arange(ROWS) % 60, "classification"),
        (np.arange(ROWS), "regression"),
        (np.arange(ROWS).astype(float), "regression"),
        ([*np.arange(ROWS - 1) % 50, 99], "regression"),
        (FRACTIONS, "regression"),
        ([*FRACTIONS[1:], None], "regression"),
    ],
)
def test_the_values_decide(target: object, task: str) -> None:
    dataset = make_dataset(table(target), "target")
    assert dataset.task == task
    assert dataset.y.dtype == "float64" or task == "classification"
    assert dataset.task_reason.startswith("target 'target' holds ")


def test_what_was_guessed_is_a_note() -> None:
    assert not make_dataset(table(np.arange(ROWS) % 20), "target").notes
    (classes,) = make_dataset(table(np.arange(ROWS) % 60), "target").notes
    assert classes == (
        "the task is classification, since target 'target' holds 60 different whole numbers, each on two rows or more; "
        "task=regression takes them the other way"
    )
    (numbers,) = make_dataset(table(FRACTIONS), "target").notes
    assert numbers == "the task is regression, since target 'target' holds numbers such as 0.00840336"


def test_a_text_among_numbers_is_named() -> None:
    numbers = [f"{number:.3f}" for number in FRACTIONS]
    with pytest.raises(WrongCall, match=r"for .n/k. in row 2 is no number, as most .*; correct such values"):
        make_dataset(table([*numbers[:2], "n/k", *numbers[3:]]), "target")


def test_the_caller_may_decide() -> None:
    dataset = make_dataset(table(np.arange(ROWS) % 3), "target", task="regression")
    assert dataset.task == "regression"
    assert str(dataset.y.dtype) == "float64"
    assert not dataset.notes, "nothing was guessed"
    assert make_dataset(table(np.arange(ROWS) // 2), "target", task="classification").y.dtype == "int64"


def test_the_model_decides_where_the_values_allow_both() -> None:
    dataset = make_dataset(table(np.arange(ROWS) % 3), "target", served=("regression",))
    assert dataset.task == "regression"
    assert "since model.py does regression" in dataset.notes[0]


@pytest.mark.parametrize(
    ("target", "task", "served", "message"),
    [
        (
            ["yes", "no"] * 60, "regression", ("classification", "regression"),
            "task=regression is asked for, but target 'target' holds text, such as 'yes'; give task=classification",
        ),
        (
            FRACTIONS, "classification", ("classification", "regression"),
            "task=classification is asked for, but target 'target' holds numbers such as 0.0084.*; give task=regr",
        ),
        (
            FRACTIONS, "auto", ("classification",),
            r"numbers such as 0.00840336, which is for regression, but model.py classifies; name a target of classes",
        ),
        (
            [True, False] * 60, "auto", ("regression",),
            "holds booleans, which is for classification, but model.py does regression; name a target of numbers",
        ),
        (
            np.arange(ROWS) % 3, "classification", ("regression",),
            "task=classification is asked for, but model.py does regression; leave task out",
        ),
        ([1.5, np.inf] * 60, "auto", ("regression",), "'target' is infinite in row 1"),
        ([1.5] * ROWS, "auto", ("regression",), "target 'target' is 1.5 in every row, so there is nothing to predict"),
        ([None] * ROWS, "regression", ("regression",), "is missing in every row"),
        (np.arange(ROWS) // 2 * 1e200, "auto", ("regression",), "too large to be squared"),
        (pd.date_range("2020-01-01", periods=ROWS), "auto", ("regression",), "holds dates; turn them into classes or"),
        ([*np.arange(ROWS - 1) % 9, 99], "auto", ("classification", "regression"), "is task=regression meant?"),
    ],
)  # fmt: skip
def test_a_contradiction_names_target_task_and_remedy(
    target: object, task: Task, served: tuple[Task, ...], message: str
) -> None:
    with pytest.raises(WrongCall, match=message):
        make_dataset(table(target), "target", task=task, served=served)


def test_rows_of_a_regression_are_held_out_without_classes() -> None:
    dataset = make_dataset(table(FRACTIONS), "target")
    parts = hold_out(dataset, 0.25, 0)
    assert (len(parts.training.y), len(parts.held_out.y), parts.held_out.task) == (90, 30, "regression")
    with pytest.raises(WrongCall, match="leaves 119 to train and 1 to test, fewer than the 2 that"):
        hold_out(dataset, 0.001, 0)


def test_a_regressor_is_judged_on_one_value_but_not_on_text() -> None:
    known = ModelColumns(task="regression")
    assert to_judge(table([3] * ROWS), "target", ["a"], known).y.tolist() == [3.0] * ROWS
    with pytest.raises(WrongCall, match="column 'target' holds 'high' in row 0, which is not a number"):
        to_judge(table(["high"] * ROWS), "target", ["a"], known)
