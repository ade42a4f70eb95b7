"""`tune` with `calibrate` and `threshold`: trials fit what `train` fits, and so does the winner."""

from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, Job, reproduced
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, get_scorer
from sklearn.model_selection import StratifiedKFold, TunedThresholdClassifierCV, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from reprise.base import tag
from reprise.base.errors import WrongCall
from reprise.contract.parameters import DecisionOptions
from reprise.data.split_column import SplitColumn, parse, read_split_column
from reprise.search import winner
from reprise.search.decision_folds import decision_folds, describe, within_folds
from reprise.search.folds import make_folds

FEATURES = ["mean radius", "mean texture"]
TABLE = ("--data", "breast_cancer", "--features", ",".join(FEATURES))
SMALL = (*TABLE, "--search", "grid", "--n-jobs", "1", "--folds", "2")
DECISION = ("--calibrate", "sigmoid", "--threshold", "accuracy")
OPTIONS = DecisionOptions("sigmoid", "accuracy")


@pytest.fixture(autouse=True)
def space(tmp_path: Path) -> None:
    """A small grid."""
    (tmp_path / "search_space.yaml").write_text("C: [0.01, 1]\nkernel: linear\n")


def folded(y: Any, folds: int) -> Any:
    return list(StratifiedKFold(folds, shuffle=True, random_state=0).split(np.zeros(len(y)), y))


def rows(split: str, groups: int) -> tuple[pd.Series, SplitColumn | None]:
    """Labels of 120 rows, and the column that splits them."""
    y = pd.Series(np.arange(120) % 2, name="target")
    frame = pd.DataFrame({"c": np.arange(120) // 2 % groups})
    return y, read_split_column(parse(split), frame, y.index, "target")


@pytest.mark.parametrize("metric", ["accuracy", "neg_log_loss"])
def test_scores_of_trials_are_those_of_scikit_learns_estimators(tune: Job, metric: str) -> None:
    run = tune(*SMALL, *DECISION, "--metric", metric)
    trials = pd.read_csv(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="trials.csv"))
    X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    X, _, y, _ = train_test_split(X[FEATURES], y, test_size=0.25, random_state=0, stratify=y)
    for trial in trials.to_dict("records"):
        for number, (train, test) in enumerate(folded(y, 2)):
            learned = X.iloc[train], y.iloc[train]
            inner = folded(y.iloc[train], 5)
            svm = make_pipeline(StandardScaler(), SVC(C=trial["params.C"], kernel="linear"))
            model = CalibratedClassifierCV(svm, method="sigmoid", cv=inner, ensemble=False).fit(*learned)
            if metric == "accuracy":
                refolded = clone(model).set_params(cv=5)
                found = TunedThresholdClassifierCV(refolded, scoring=metric, cv=inner).fit(*learned).best_threshold_
                score = accuracy_score(y.iloc[test], model.predict_proba(X.iloc[test])[:, 1] >= found)
            else:
                score = get_scorer(metric)(model, X.iloc[test], y.iloc[test])
            assert trial[f"fold_{number}"] == pytest.approx(score, abs=1e-9)


def test_the_winner_is_what_train_fits_with_the_same_options(tune: Job, train: Job) -> None:
    run = tune(*SMALL, *DECISION)
    found = mlflow.get_run(run.data.tags[tag.TUNE_WINNER])
    same = train(*TABLE, *DECISION, "--C", run.data.params["resolved.C"], "--kernel", "linear")
    assert found.data.params == same.data.params
    assert found.data.params["calibrate"] == run.data.params["calibrate"] == "sigmoid"
    X = load_breast_cancer(as_frame=True).data[FEATURES]
    ours, theirs = (mlflow.sklearn.load_model(f"runs:/{made.info.run_id}/model") for made in (found, same))
    np.testing.assert_array_equal(ours.predict_proba(X), theirs.predict_proba(X))
    np.testing.assert_array_equal(ours.predict(X), theirs.predict(X))
    assert float(found.data.params["resolved.threshold"]) != 0.5
    assert found.data.metrics["test_brier_score"] == same.data.metrics["test_brier_score"]
    with pytest.raises(WrongCall, match="searched with threshold 'accuracy', not 'balanced'"):
        tune(*SMALL, *DECISION, "--threshold", "balanced", "--resume", run.info.run_id)


def test_folds_within_folds_part_groups() -> None:
    y, by = rows("group:c", 12)
    folds = make_folds(y, 2, 0, by)
    assert by is not None
    for (train, _), within in zip(folds, within_folds(OPTIONS, y, None, folds, by, 0), strict=True):
        groups = by.of(y.index[train])
        for learned, scored in [*within[0], *within[1]]:
            assert set(groups[learned]).isdisjoint(groups[scored])
            assert len(scored)
    (line,) = describe(OPTIONS, by)
    assert "the folds of the threshold are calibrated on stratified folds of their own, which part groups" in line
    assert not list(describe(DecisionOptions("sigmoid"), by))


def test_folds_of_a_threshold_go_on_in_time_and_those_of_a_calibration_do_not() -> None:
    y, by = rows("time:c", 60)
    assert by is not None
    calibration, threshold = decision_folds(OPTIONS, y, by, 0)
    times = by.of(y.index)
    assert all(times[learned].max() < times[scored].min() for learned, scored in threshold)
    for ours, theirs in zip(calibration, folded(y, 5), strict=True):
        np.testing.assert_array_equal(ours[1], theirs[1])
    (line,) = describe(OPTIONS, by)
    assert "calibration takes stratified folds: they are not in time's order" in line


def test_what_a_fold_does_not_allow_is_refused_before_the_search_begins(tune: Job) -> None:
    y, by = rows("group:c", 8)
    with pytest.raises(WrongCall, match="within fold 0 of 2, counted from 0: calibrate=sigmoid: split=group:c: 4 gro"):
        within_folds(OPTIONS, y, None, make_folds(y, 2, 0, by), by, 0)
    with pytest.raises(WrongCall, match=r"within fold 0 of 2, .*: threshold=f1 needs 5 rows of each class"):
        tune(*SMALL, "--test-size", "0.97", "--threshold", "f1")
    with pytest.raises(WrongCall, match="threshold=f1 is for two classes, and target 'target' has 3"):
        tune(*SMALL, "--data", "iris", "--features", "all", "--threshold", "f1")
    assert not mlflow.search_runs(output_format="list")


def test_a_script_that_takes_no_threshold_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    def train(C: float = 1.0) -> None: ...

    assert vars(winner)["_whole"](train, {"C": 2, "calibrate": "none", "threshold": "0.3"}) == {"C": 2}
    assert "takes no threshold: the winner is trained without threshold=0.3" in (told := capsys.readouterr().err)
    assert "calibrate" not in told


@pytest.mark.integration
def test_a_search_with_a_decision_and_its_winner_are_reproduced(tune: Job, quick_python: None) -> None:
    run = tune(*SMALL, *DECISION, "--search", "random", "--trials", "2", "--space", str(PROJECT / "search_space.yaml"))
    for made in (run, mlflow.get_run(run.data.tags[tag.TUNE_WINNER])):
        verdict = reproduced(made)
        assert verdict["verdict"] == "reproduced", verdict
