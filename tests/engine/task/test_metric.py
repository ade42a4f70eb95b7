"""A metric is declared once; what a project declares is checked."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss

from reprise import Metric
from reprise.base.errors import JobFailed, WrongCall
from reprise.task.answers import Answers
from reprise.task.declared_metrics import checked
from reprise.task.evaluation import Evaluation
from reprise.task.known_metrics import KNOWN

LABELS = np.array(["a", "b"], dtype=object)
TRUTH, PREDICTED = np.array(["a", "b", "b"], dtype=object), np.array(["a", "b", "a"], dtype=object)
LIKELY = np.array([[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
ANSWERS = Answers(TRUTH, PREDICTED, LABELS, LIKELY[:, 1], LIKELY, np.array([1.0, 2, 1]))


def cost(truth: Any, predicted: Any) -> float:
    """Ten for each b that is missed."""
    return float(10 * np.sum((truth == "b") & (predicted == "a")))


COST = Metric("cost", cost, bounds=(0, None), greater_is_better=False)


def test_a_function_gets_what_it_needs_and_takes() -> None:
    assert ANSWERS.own_value(COST) == 10
    assert ANSWERS.own_value(Metric("right", accuracy_score)) == 3 / 4, "weights, since it takes them"
    loss = log_loss(TRUTH, LIKELY, labels=LABELS, sample_weight=[1, 2, 1])
    assert ANSWERS.own_value(Metric("loss", log_loss, needs="probabilities")) == loss
    scored = Metric("mean_score", lambda _, scores: scores.mean(), needs="scores")
    assert ANSWERS.own_value(scored) == LIKELY[:, 1].mean()
    assert Answers(TRUTH, PREDICTED).own_value(scored) is None, "a model of labels alone"


def test_its_name_and_task_follow_from_what_it_declares() -> None:
    assert (COST.scorer, COST.task) == ("neg_cost", "classification")
    gain = Metric("gain", cost, needs="values")
    assert (gain.scorer, gain.task) == ("gain", "regression")


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (lambda *_: 1 / 0, "metric 'x' of model.py fails on 3 rows: ZeroDivisionError: division by zero; correct its"),
        (lambda *_: np.nan, "metric 'x' of model.py is nan on 3 rows; let its function return None where it is not"),
        (lambda *_: np.inf, "metric 'x' of model.py is inf on 3 rows"),
        (lambda *_: "much", "metric 'x' of model.py fails on 3 rows: ValueError: could not convert"),
        (lambda: 1.0, "metric 'x' of model.py fails on 3 rows: TypeError"),
    ],
)
def test_one_that_fails_is_one_line(function: Any, message: str) -> None:
    with pytest.raises(JobFailed, match=message) as failed:
        ANSWERS.own_value(Metric("x", function))
    assert "\n" not in failed.value.message


def test_on_some_of_the_rows_one_that_fails_is_not_defined() -> None:
    broken = Metric("broken", lambda *_: 1 / 0)
    whole = Evaluation(LABELS, pd.Series(TRUTH), PREDICTED, None, own=(COST, broken))
    with pytest.raises(JobFailed):
        _ = whole.metrics
    part = whole.part(np.array([True, True, False])).metrics
    assert part["cost"] == 0
    assert "broken" not in part


def test_one_of_the_other_task_is_left_out() -> None:
    other = Metric("error", cost, needs="values")
    assert "error" not in Evaluation(LABELS, pd.Series(TRUTH), PREDICTED, None, own=(other,)).metrics


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ([Metric("accuracy", cost)], "'accuracy' is the name of another metric; choose another name"),
        ([COST, COST], "'cost' is the name of another metric"),
        ([Metric("my cost", cost)], "'my cost' is no name; use letters, digits and _"),
        ([Metric("x", "cost")], "'x' has 'cost' as its function"),  # type: ignore[arg-type]
        ([Metric("x", cost, needs="labls")], "'x' needs 'labls'; choose one of labels, scores"),  # type: ignore[arg-type]
        ([Metric("x", cost, bounds=(1, 0))], r"'x' has the bounds \(1, 0\); write \(least, greatest\)"),
        ([Metric("x", cost, bounds=3)], "'x' has the bounds 3"),  # type: ignore[arg-type]
        ([cost], r"METRICS holds <function cost .*; write Metric\(name, function"),
        (COST, "METRICS is Metric.*; write a list"),
    ],
)
def test_what_cannot_be_a_metric_is_refused(declared: Any, message: str) -> None:
    with pytest.raises(WrongCall, match=message):
        checked(declared, KNOWN)


def test_a_model_file_that_declares_one_takes_little_of_the_engine_along() -> None:
    import subprocess
    import sys

    check = "import sys; from reprise import Metric; sys.exit('click' in sys.modules or 'sklearn' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0
