"""A calibrated model with a threshold, from `train` over `evaluate` to `reproduce`."""

from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import Job, as_served, reproduced
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import brier_score_loss
from sklearn.naive_bayes import GaussianNB

from reprise.base.errors import WrongCall
from reprise.contract.parameters import DecisionOptions
from reprise.data.dataset import Dataset
from reprise.data.split_column import SplitColumn, parse, read_split_column
from reprise.jobs.decisions import decide

DECISION = ("--data", "breast_cancer", "--calibrate", "sigmoid", "--threshold", "f1")


def test_what_is_served_decides_by_the_recorded_threshold(
    train: Job, evaluate: Job, capsys: pytest.CaptureFixture[str]
) -> None:
    run = train(*DECISION)
    threshold = float(run.data.params["resolved.threshold"])
    assert f"note: the answer is '1' from {threshold:.6g} of its probability on, found by f1" in capsys.readouterr().err
    folder = Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/"))
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert (rows["prediction"] == (rows["score_1"] >= threshold)).all()
    assert threshold != 0.5
    assert run.data.metrics["test_brier_score"] == pytest.approx(brier_score_loss(rows["truth"], rows["score_1"]))
    assert pd.read_csv(folder / "calibration.csv")["rows"].sum() == len(rows)
    assert (folder / "figures/calibration.png").exists()
    assert (folder / "scaler.gz").exists()
    X = load_breast_cancer(as_frame=True).data.loc[rows["row"]]
    served = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")
    np.testing.assert_array_equal(served.predict(as_served(served, X)), rows["prediction"])
    judged = evaluate()
    assert judged.data.metrics["test_brier_score"] == run.data.metrics["test_brier_score"]
    kept = mlflow.artifacts.download_artifacts(f"runs:/{judged.info.run_id}/calibration.csv")
    assert Path(kept).read_bytes() == (folder / "calibration.csv").read_bytes()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--threshold", "0.3"), "threshold=0.3 is for two classes, and target 'target' has 3"),
        (("--threshold", "best"), "threshold 'best' is neither a number nor a metric"),
        (("--calibrate", "sigmoid", "--test-size", "0.97"), "calibrate=sigmoid needs 5 rows of each class"),
    ],
)
def test_what_the_rows_do_not_allow_is_refused_before_a_run_begins(
    options: tuple[str, ...], message: str, train: Job
) -> None:
    with pytest.raises(WrongCall, match=message):
        train(*options)
    assert not mlflow.search_runs(output_format="list")


def test_folds_of_a_calibration_part_groups_and_leave_times_out_of_account(capsys: pytest.CaptureFixture[str]) -> None:
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    rows, options = Dataset(X, X, y, "target"), DecisionOptions("sigmoid")
    model = GaussianNB().fit(X, y)

    def by(split: str) -> SplitColumn | None:
        return read_split_column(parse(split), pd.DataFrame({"c": np.arange(len(y)) % 3}), y.index, "target")

    with pytest.raises(WrongCall, match="calibrate=sigmoid: split=group:c: 3 groups are left to train on"):
        decide(model, options, rows, by("group:c"), 0)
    random, _ = decide(model, options, rows, None, 0)
    in_time, _ = decide(model, options, rows, by("time:c"), 0)
    np.testing.assert_array_equal(random.predict_proba(X), in_time.predict_proba(X))
    assert "note: calibration takes stratified folds" in capsys.readouterr().err


@pytest.mark.integration
def test_a_calibrated_run_is_reproduced(train: Job, quick_python: None) -> None:
    verdict = reproduced(train(*DECISION))
    assert verdict["verdict"] == "reproduced", verdict
