"""Calibrated probabilities and thresholds of a classifier, against scikit-learn's own."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV, calibration_curve
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from reprise.base.errors import JobFailed, WrongCall
from reprise.task.calibration import calibration
from reprise.task.decision import calibrated, check, notes, threshold_of, with_threshold, within
from reprise.task.result import evaluate

ROWS = 200


def rows(classes: int = 2) -> tuple[pd.DataFrame, pd.Series]:
    shares = [0.8, 0.1][: classes - 1]
    X, y = make_classification(ROWS, n_informative=6, n_classes=classes, weights=shares, flip_y=0.1, random_state=0)
    return pd.DataFrame(X).add_prefix("x"), pd.Series(np.array(["no", "yes", "maybe"], dtype=object)[y], name="bought")


X, Y = rows()
FOLDS = list(StratifiedKFold(5, shuffle=True, random_state=0).split(X, Y))
SVM = make_pipeline(StandardScaler(), SVC()).fit(X, Y)
WEIGHT = pd.Series(np.linspace(0, 3, ROWS))


@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration_is_scikit_learns_and_keeps_no_row_numbers(method: str) -> None:
    ours = calibrated(SVM, method, X, Y, FOLDS)
    theirs = CalibratedClassifierCV(clone(SVM), method=method, cv=FOLDS, ensemble=False).fit(X, Y)
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    assert ours.cv == 5
    np.testing.assert_array_equal(within(ours).decision_function(X), SVM.decision_function(X))


@pytest.mark.filterwarnings("error")
def test_weights_reach_the_last_step_of_a_pipeline_and_the_calibration() -> None:
    weighted = calibrated(SVM, "sigmoid", X, Y, FOLDS, WEIGHT)
    alone = make_pipeline(StandardScaler(), SVC()).fit(X, Y, svc__sample_weight=WEIGHT)
    np.testing.assert_allclose(within(weighted).decision_function(X), alone.decision_function(X))
    Z = StandardScaler().fit_transform(X)  # calibrated alone, the last step takes weights by itself
    folded = [(train, test) for train, test in FOLDS]
    theirs = CalibratedClassifierCV(SVC(), cv=folded, ensemble=False).fit(Z, Y, sample_weight=WEIGHT)
    np.testing.assert_allclose(weighted.predict_proba(X), theirs.predict_proba(Z), atol=0.02)


def test_a_threshold_is_one_of_the_second_class() -> None:
    model = calibrated(SVM, "sigmoid", X, Y, FOLDS)
    low, threshold = with_threshold(model, 0.1, X, Y, [])
    assert threshold == 0.1
    assert (low.predict(X) == np.where(model.predict_proba(X)[:, 1] >= threshold, "yes", "no")).all()
    assert within(low) is within(model)


def test_a_threshold_that_is_found_by_a_metric_raises_it_without_probabilities_too() -> None:
    found, threshold = with_threshold(SVM, "balanced_accuracy", X, Y, FOLDS)
    assert (found.predict(X) == np.where(SVM.decision_function(X) >= threshold, "yes", "no")).all()
    plain, better = (balanced_accuracy_score(Y, model.predict(X)) for model in (SVM, found))
    assert better > plain


@pytest.mark.parametrize("labels", [Y == "yes", (Y == "yes").astype("int64"), (Y == "yes") * 2 + 5])
def test_labels_may_be_of_any_kind(labels: pd.Series) -> None:
    model = LogisticRegression().fit(X, labels)
    found, _ = with_threshold(model, "f1", X, labels, FOLDS)
    assert set(found.predict(X)) <= set(labels)


def test_a_number_needs_probabilities() -> None:
    with pytest.raises(WrongCall, match=r"threshold=0\.3 is one of a probability, which SVC does not give"):
        with_threshold(SVM, 0.3, X, Y, [])


def test_what_scikit_learn_cannot_clone_is_refused_in_one_line() -> None:
    class Own:
        classes_ = np.array(["no", "yes"])

        def decision_function(self, rows: Any) -> Any:
            return np.zeros(len(rows))

    for refused in (
        lambda: calibrated(Own(), "sigmoid", X, Y, FOLDS),
        lambda: with_threshold(Own(), "f1", X, Y, FOLDS),
    ):
        with pytest.raises(JobFailed, match=r"^Own ") as error:
            refused()
        assert "\n" not in error.value.message


@pytest.mark.parametrize(
    ("text", "value"), [("0.5", 0.5), (".25", 0.25), ("balanced", "balanced_accuracy"), ("f1", "f1")]
)
def test_a_threshold_is_a_number_or_a_metric(text: str, value: object) -> None:
    assert threshold_of(text) == value


@pytest.mark.parametrize("text", ["0", "1", "1.5", "nan", "roc_auc", "", "best"])
def test_another_threshold_is_refused(text: str) -> None:
    with pytest.raises(WrongCall, match="is neither a number nor a metric known here"):
        threshold_of(text)


@pytest.mark.parametrize(
    ("calibrate", "threshold", "y", "weight", "message"),
    [
        ("none", "0.3", rows(3)[1], None, "threshold=0.3 is for two classes, and target 'bought' has 3"),
        ("sigmoid", "0.5", pd.Series(["a"] * 20 + ["b"] * 4), None, "calibrate=sigmoid needs 5 rows .* 'b' has 4"),
        ("none", "f1", pd.Series(["a"] * 20 + ["b"] * 4), None, "threshold=f1 needs 5 rows .* 'b' has 4"),
        ("none", "f1", Y, WEIGHT, "threshold=f1 cannot be found with sample weights"),
        ("sigmoid", "0.5", pd.Series([0.5, 1.5] * 9, name="price"), None, "is for classes, and target 'price' holds"),
    ],
)
def test_what_rows_do_not_allow_is_refused(
    calibrate: str, threshold: str, y: pd.Series, weight: pd.Series | None, message: str
) -> None:
    with pytest.raises(WrongCall, match=message):
        check(calibrate, threshold, y, weight)


def test_what_is_off_checks_nothing_and_a_few_rows_for_isotonic_are_noted() -> None:
    check("none", "0.5", pd.Series([0.5, 1.5]), None)
    check("none", "0.3", Y, WEIGHT)
    assert notes("sigmoid", Y) == []
    assert "overfit below 1000 rows, and there are 200" in notes("isotonic", Y)[0]


@pytest.mark.parametrize("classes", [2, 3])
def test_the_curve_is_scikit_learns(classes: int) -> None:
    frame, y = rows(classes)
    model = calibrated(make_pipeline(StandardScaler(), SVC()).fit(frame, y), "sigmoid", frame, y, FOLDS)
    found = calibration(model, evaluate(model, frame, y, "classification"))
    probabilities = model.predict_proba(frame)
    curve = found.curve
    assert list(dict.fromkeys(curve["class"])) == (["yes"] if classes == 2 else ["maybe", "no", "yes"])
    last = curve[curve["class"] == "yes"]
    observed, predicted = calibration_curve(y == "yes", probabilities[:, -1], n_bins=10)
    np.testing.assert_array_equal(last[["probability", "observed"]], np.column_stack([predicted, observed]))
    assert last["rows"].sum() == ROWS
    assert calibration(SVM, evaluate(SVM, X, Y, "classification")).probabilities is None
