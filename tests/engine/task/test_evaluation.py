"""Metrics against scikit-learn's own, where they are simple and where they are not."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, brier_score_loss, log_loss, roc_auc_score

from reprise.base.errors import JobFailed
from reprise.task.evaluation import Evaluation, assess
from reprise.task.result import evaluate


def judged(model: LogisticRegression, X: pd.DataFrame, y: pd.Series) -> Evaluation:
    found = evaluate(model, X, y, "classification")
    assert isinstance(found, Evaluation)
    return found


def judge(classes: int, rows: int = 300) -> tuple[Evaluation, LogisticRegression, pd.DataFrame, pd.Series]:
    X, y = make_classification(rows, n_informative=6, n_classes=classes, random_state=0)
    frame, labels = pd.DataFrame(X).add_prefix("x"), pd.Series(y)
    model = LogisticRegression(max_iter=1000).fit(frame, labels)
    return judged(model, frame, labels), model, frame, labels


def test_two_classes_have_scikit_learns_area() -> None:
    evaluation, model, X, y = judge(2)
    assert evaluation.metrics["roc_auc"] == roc_auc_score(y, model.decision_function(X))


def test_more_classes_have_scikit_learns_one_vs_rest_area() -> None:
    evaluation, model, X, y = judge(4)
    assert evaluation.metrics["roc_auc"] == pytest.approx(
        roc_auc_score(y, model.predict_proba(X), multi_class="ovr"), abs=0.02
    )
    scores = model.decision_function(X)
    areas = [roc_auc_score(y == label, scores[:, label]) for label in range(4)]
    assert evaluation.metrics["roc_auc"] == np.mean(areas)


class _InColumns(LogisticRegression):  # type: ignore[misc]  # scikit-learn has no types
    """Predicts as CatBoost does for three classes or more: in a column, or here in some."""

    columns = 1

    def predict(self, X: pd.DataFrame) -> np.ndarray:
        return np.column_stack([super().predict(X)] * self.columns)


def test_predictions_in_a_column_are_taken_and_those_in_two_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, _, X, y = judge(3)
    model = _InColumns(max_iter=1000).fit(X, y)
    assert judged(model, X, y).metrics == plain.metrics
    monkeypatch.setattr(_InColumns, "columns", 2)
    with pytest.raises(JobFailed, match=r"predicts values of shape \(300, 2\) for 300 rows; let it predict one value"):
        judged(model, X, y)


def test_a_class_that_the_rows_lack_is_left_out_of_the_mean() -> None:
    _, model, X, y = judge(3)
    some = (y != 2).to_numpy()
    evaluation = judged(model, X[some], y[some])
    assert np.isfinite(evaluation.metrics["roc_auc"])
    assert 0 < evaluation.metrics["balanced_accuracy"] <= 1
    assert evaluation.per_class["rows"].tolist()[2] == 0


def test_rows_of_one_class_have_no_area() -> None:
    _, model, X, y = judge(2)
    only = (y == 1).to_numpy()
    assert "roc_auc" not in judged(model, X[only], y[only]).metrics


def test_probabilities_have_scikit_learns_losses() -> None:
    for classes in (2, 4):
        evaluation, model, X, y = judge(classes)
        likely = model.predict_proba(X)
        assert evaluation.metrics["log_loss"] == log_loss(y, likely)
        assert evaluation.metrics["brier_score"] == brier_score_loss(y, likely, labels=model.classes_)
    assert evaluation.metrics["average_precision"] == pytest.approx(
        np.mean([average_precision_score(y == label, model.decision_function(X)[:, label]) for label in range(4)])
    )


@pytest.mark.parametrize("labels", [["b", "a"], [True, False], [5, 3]])
def test_losses_take_labels_of_any_kind(labels: list[object]) -> None:
    X = pd.DataFrame({"a": range(20)})
    y = pd.Series(labels * 10)
    found = judged(LogisticRegression().fit(X, y), X, y)
    assert 0 < found.metrics["brier_score"] < 1


def test_a_class_that_the_model_does_not_know_has_no_loss() -> None:
    _, model, X, y = judge(2)
    found = judged(model, X, y.replace(1, 7))
    assert not {"log_loss", "brier_score"} & set(found.metrics)
    assert 0 < found.metrics["accuracy"] < 1


def test_figures_need_no_pyplot() -> None:
    import subprocess
    import sys

    modules = "reprise.task.evaluation_figures, reprise.task.regression_figures"
    check = f"import sys, {modules}; sys.exit('matplotlib.pyplot' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", check], check=False).returncode == 0


def test_weights_count_in_metrics_and_classes_that_weigh_nothing_do_not() -> None:
    truth = pd.Series(["a", "a", "b", "c"])
    weight = pd.Series([3.0, 1.0, 2.0, 0.0])
    found = assess(truth, np.array(["a", "b", "b", "a"]), None, weight)
    assert found.metrics["accuracy"] == pytest.approx(5 / 6)
    assert found.metrics["balanced_accuracy"] == pytest.approx((3 / 4 + 1) / 2)
    assert found.per_class["rows"].tolist() == [2, 1, 1]
    assert found.per_class["weight"].tolist() == [4, 2, 0]
    assert found.counted_classes["class"].tolist() == ["a", "b"]
    assert found.predictions["weight"].tolist() == weight.tolist()
    assert assess(truth, truth.to_numpy(), None, weight * 0).metrics == {}
