"""The results of a regressor: metrics against scikit-learn's, segments, figures."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn import metrics
from sklearn.linear_model import LinearRegression

from reprise.base.errors import JobFailed
from reprise.task import regression_figures
from reprise.task.known_metrics import REGRESSION
from reprise.task.regression import RegressionEvaluation
from reprise.task.result import evaluate

FIGURES = {"predicted_against_actual", "residuals_against_predicted", "distribution_of_residuals", "error_by_quantile"}


def judged(truth: object, predicted: object, name: str = "y") -> RegressionEvaluation:
    return RegressionEvaluation(pd.Series(truth, name=name, dtype="float64"), np.asarray(predicted, dtype="float64"))


def some(rows: int = 200) -> RegressionEvaluation:
    random = np.random.default_rng(0)
    truth = random.normal(10, 2, rows)
    return judged(truth, truth + random.normal(0, 1, rows))


def test_metrics_are_scikit_learns() -> None:
    evaluation = some()
    assert list(evaluation.metrics) == [metric.name for metric in REGRESSION]
    for name, value in evaluation.metrics.items():
        function = metrics.r2_score if name == "r2" else getattr(metrics, name)
        assert value == function(evaluation.truth, evaluation.predicted)


def test_a_metric_that_is_not_defined_is_left_out() -> None:
    assert "mean_absolute_percentage_error" not in judged([0, 1, 2], [1, 1, 1]).metrics
    constant = judged([3, 3], [2, 4]).metrics
    assert "r2" not in constant
    assert constant["mean_absolute_error"] == 1


def test_segments_are_quarters_of_the_target() -> None:
    table = judged(np.arange(8.0), np.add(np.arange(8.0), [0, 0, 1, 1, 2, 2, -4, -2])).per_segment
    assert table["rows"].tolist() == [2, 2, 2, 2]
    assert table["from"].tolist() == [0, 2, 4, 6]
    assert table["mean_absolute_error"].tolist() == [0, 1, 2, 3]
    assert table["bias"].tolist() == [0, 1, 2, -3]
    assert table["root_mean_squared_error"].iloc[3] == np.sqrt(10)


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize("truth", [[5.0], [5.0, 5.0, 5.0], [0.0] * 9 + [1.0], [1.0, 2.0]])
def test_equal_values_are_in_one_segment(truth: list[float], tmp_path: Path) -> None:
    evaluation = judged(truth, np.zeros(len(truth)))
    table = evaluation.per_segment
    assert table["rows"].sum() == len(truth)
    assert (table["from"].iloc[1:].to_numpy() > table["to"].iloc[:-1].to_numpy()).all()
    assert regression_figures.draw(evaluation, tmp_path) == {}


@pytest.mark.usefixtures("drawn")
@pytest.mark.parametrize(("name", "rows"), [("$x_a^b\\frac{1}", 40), ("two\nlines" * 50, 40), ("", 6_000)])
def test_figures_are_drawn_for_any_name_and_number_of_rows(name: str, rows: int, tmp_path: Path) -> None:
    evaluation = some(rows)
    named = RegressionEvaluation(evaluation.truth.rename(name), evaluation.predicted)
    assert regression_figures.draw(named, tmp_path) == {}
    assert {path.stem for path in tmp_path.iterdir()} == FIGURES
    for path in tmp_path.iterdir():
        with Image.open(path) as image:
            assert min(image.size) > 300


def test_a_column_of_predictions_is_a_row_of_numbers() -> None:
    X, y = pd.DataFrame({"a": range(9)}), pd.Series(np.arange(9.0))
    model = LinearRegression().fit(X, y.to_frame())
    found = evaluate(model, X, y, "regression")
    assert found.predicted.shape == (9,)
    assert found.metrics["r2"] == pytest.approx(1)


def test_a_prediction_that_is_no_number_is_one_line() -> None:
    model = LinearRegression().fit(pd.DataFrame({"a": range(9)}), np.arange(9.0))
    model.intercept_ = np.inf
    with pytest.raises(JobFailed, match="the model predicts inf for row 5"):
        evaluate(model, pd.DataFrame({"a": [1, 2]}), pd.Series([1.0, 2.0], index=[5, 6]), "regression")


def test_weights_count_in_metrics_and_segments() -> None:
    truth, predicted, weight = np.array([0.0, 1, 2, 3]), np.array([0.0, 2, 2, 5]), np.array([1.0, 1, 2, 0])
    found = RegressionEvaluation(pd.Series(truth), predicted, weight)
    assert found.metrics["mean_absolute_error"] == 1 / 4
    assert found.metrics["r2"] == metrics.r2_score(truth, predicted, sample_weight=weight)
    assert found.per_segment["weight"].tolist() == [1, 1, 2, 0]
    assert found.counted_segments["to"].tolist() == [0, 1, 2]
    assert found.predictions["weight"].tolist() == weight.tolist()
    assert found.part(weight > 0).metrics["mean_absolute_error"] == 1 / 4
    assert RegressionEvaluation(pd.Series(truth), predicted, weight * 0).metrics == {}
