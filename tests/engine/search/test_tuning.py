"""`tune` in this process: what is tried, recorded, chosen and trained."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import Job
from sklearn.datasets import load_iris
from sklearn.model_selection import GridSearchCV, StratifiedKFold, train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from reprise.base import tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.cli.commands import cli
from reprise.contract import project_model
from reprise.search import trials
from reprise.search.trial_log import TrialLog
from reprise.store import abandoned_runs

GRID = "C: [0.01, 1, 100]\nkernel: [rbf, linear]\n"
SMALL = ("--search", "grid", "--n-jobs", "1", "--folds", "3")
Runs = list[mlflow.entities.Run]


@pytest.fixture(autouse=True)
def space(tmp_path: Path) -> Callable[[str], None]:
    """A small grid, to be replaced at will."""

    def write(text: str) -> None:
        (tmp_path / "search_space.yaml").write_text(text)

    write(GRID)
    return write


def children(run: mlflow.entities.Run, job: str = "trial") -> Runs:
    under = f"tags.`mlflow.parentRunId` = '{run.info.run_id}' and tags.`reprise.job` = '{job}'"
    found: Runs = mlflow.search_runs(filter_string=under, output_format="list", max_results=1000)
    return sorted(found, key=lambda found: (found.data.tags.get("reprise.tune.rung"), number(found)))


def number(run: mlflow.entities.Run) -> int:
    return int(run.data.tags.get("reprise.tune.candidate", -1))


def all_trials(run: mlflow.entities.Run) -> pd.DataFrame:
    return pd.read_csv(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="trials.csv"))


def break_fits(monkeypatch: pytest.MonkeyPatch, when: Callable[[Any], bool], error: BaseException) -> list[Any]:
    """Let fits of some hyper-parameters raise; return the list of all that are fitted."""
    fitted, model = [], project_model.load()

    def broken(X: Any, y: Any, hyperparameters: Any, seed: int) -> Any:
        fitted.append(hyperparameters)
        if when(hyperparameters):
            raise error
        return model.fit(X, y, hyperparameters, seed)

    monkeypatch.setattr(project_model, "load", lambda: replace(model, fit=broken))
    return fitted


def test_scores_and_winner_are_those_of_grid_search_cv(tune: Job) -> None:
    run = tune(*SMALL)
    X, y = load_iris(return_X_y=True, as_frame=True)
    X_train, _, y_train, _ = train_test_split(X, y, test_size=0.25, random_state=0, stratify=y)
    theirs = GridSearchCV(
        make_pipeline(StandardScaler(), SVC()),
        {"svc__C": [0.01, 1, 100], "svc__kernel": ["rbf", "linear"]},
        cv=StratifiedKFold(3, shuffle=True, random_state=0),
    ).fit(X_train, y_train)
    table = all_trials(run)
    np.testing.assert_allclose(table["mean"], theirs.cv_results_["mean_test_score"])
    np.testing.assert_allclose(table["std"], theirs.cv_results_["std_test_score"])
    assert run.data.params["resolved.C"] == str(theirs.best_params_["svc__C"] * 1.0)
    assert run.data.params["resolved.kernel"] == theirs.best_params_["svc__kernel"]
    assert run.data.metrics["best_cv_accuracy"] == pytest.approx(theirs.best_score_)


@pytest.mark.usefixtures("drawn")
def test_each_trial_is_a_run_and_the_parent_holds_table_and_figures(tune: Job) -> None:
    run = tune(*SMALL)
    table = all_trials(run)
    tried = children(run)
    assert [made.info.run_id for made in tried] == list(table["run_id"])
    for made, row in zip(tried, table.to_dict("records"), strict=True):
        assert made.info.status == "FINISHED"
        assert made.data.params == {"C": str(row["params.C"]), "kernel": row["params.kernel"]}
        assert set(made.data.metrics) == {"cv_accuracy", "cv_accuracy_std", "fit_seconds"}
        assert made.data.metrics["cv_accuracy"] == pytest.approx(row["mean"])
        assert row["mean"] == pytest.approx(np.mean([row[f"fold_{fold}"] for fold in range(3)]))
    assert run.info.status == "FINISHED"
    assert (run.data.metrics["trials"], run.data.metrics["failed_trials"]) == (6, 0)
    folder = Path(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path=""))
    for name in ("parallel_coordinates", "best_so_far"):
        assert (folder / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
    assert (folder / "search_space.json").exists()
    assert (folder / "provenance/provenance.json").exists()


def test_the_winner_is_a_training_run_like_any_other(tune: Job, train: Job) -> None:
    run = tune(*SMALL, "--data", "wine", "--seed", "3", "--test-size", "0.3")
    (winner,) = children(run, "train")
    assert run.data.tags["reprise.tune.winner"] == winner.info.run_id
    chosen = {name: run.data.params[f"resolved.{name}"] for name in ("C", "kernel")}
    same = train(
        "--data", "wine", "--seed", "3", "--test-size", "0.3", "--C", chosen["C"], "--kernel", chosen["kernel"]
    )
    assert winner.data.params == same.data.params
    seconds = {"fit_seconds"}
    assert {name: winner.data.metrics[name] for name in set(winner.data.metrics) - seconds} == {
        name: same.data.metrics[name] for name in set(same.data.metrics) - seconds
    }
    assert set(same.data.tags) <= set(winner.data.tags)
    assert mlflow.sklearn.load_model(f"runs:/{winner.info.run_id}/model")


def test_held_out_rows_are_not_looked_at(tune: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: set[int] = set()
    inner = trials.fit_and_score

    def spy(model: Any, key: Any, X: Any, *rest: Any) -> Any:
        seen.update(X.index)
        return inner(model, key, X, *rest)

    monkeypatch.setattr(trials, "fit_and_score", spy)
    run = tune(*SMALL)
    (winner,) = children(run, "train")
    path = mlflow.artifacts.download_artifacts(run_id=winner.info.run_id, artifact_path="predictions.parquet")
    assert seen.isdisjoint(pd.read_parquet(path)["row"])


@pytest.mark.parametrize("engine", ["loky", "threading", "multiprocessing"])
def test_workers_and_engine_change_nothing(tune: Job, engine: str, space: Callable[[str], None]) -> None:
    space("C: {distribution: loguniform, a: 0.01, b: 100}\ngamma: [scale, 0.1]")
    alone = all_trials(tune("--n-jobs", "1", "--trials", "8"))
    many = tune("--n-jobs", "2", "--trials", "8", "--engine", engine)
    same = ["candidate", "params.C", "params.gamma", "mean", "std", "fold_0", "fold_4"]
    pd.testing.assert_frame_equal(all_trials(many)[same], alone[same], check_exact=True)


def test_of_equal_candidates_the_first_wins(tune: Job, space: Callable[[str], None]) -> None:
    space("kernel: linear\ngamma: [0.3, 0.2, 0.1]")
    assert tune(*SMALL).data.params["resolved.gamma"] == "0.3"


def test_direction_is_that_of_the_scorer(tune: Job, space: Callable[[str], None]) -> None:
    """Of losses, scikit-learn's scorers give the negative: more is better still."""
    space("C: [0.0001, 1]")
    run = tune(*SMALL, "--data", "breast_cancer", "--metric", "neg_mean_absolute_error")
    assert run.data.params["resolved.C"] == "1.0"
    assert -1 < run.data.metrics["best_cv_neg_mean_absolute_error"] < 0


def test_failed_and_non_finite_trials_are_recorded_and_never_win(tune: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    break_fits(monkeypatch, lambda tried: tried.C == 100, RuntimeError("no\nconvergence"))
    scorer = vars(trials)["find"]

    def odd(metric: str, _own: object) -> Any:
        return lambda model, X, y: (
            np.inf if model[-1].C == 0.01 and model[-1].kernel == "rbf" else scorer(metric)(model, X, y)
        )

    monkeypatch.setattr(trials, "find", odd)
    run = tune(*SMALL)
    tried = children(run)
    assert [made.info.status for made in tried] == ["FAILED", *["FINISHED"] * 3, "FAILED", "FAILED"]
    assert tried[0].data.tags["reprise.failure"] == "accuracy is inf, not a finite number"
    assert tried[4].data.tags["reprise.failure"] == "RuntimeError: no convergence"
    assert "cv_accuracy" not in tried[0].data.metrics
    assert run.data.params["resolved.C"] == "1.0"
    assert run.data.metrics["failed_trials"] == 3
    assert list(all_trials(run)["failure"].isna()) == [False, True, True, True, False, False]


def test_all_trials_failing_names_the_commonest_error(tune: Job) -> None:
    with pytest.raises(JobFailed, match=r"all 6 trials failed; the commonest error, 6 times: \w+: .*predict_proba"):
        tune(*SMALL, "--metric", "neg_log_loss")
    (run,) = mlflow.search_runs(filter_string="tags.`reprise.job` = 'tune'", output_format="list")
    assert run.info.status == "FAILED"
    assert {made.info.status for made in children(run)} == {"FAILED"}
    assert not children(run, "train")


def test_halving_tries_the_best_again_on_more_rows(tune: Job, space: Callable[[str], None]) -> None:
    space("C: {distribution: loguniform, a: 0.001, b: 100}")
    run = tune("--n-jobs", "1", "--search", "halving", "--trials", "9", "--folds", "3")
    table = all_trials(run)
    assert table.groupby("rung")["rows"].agg(["size", "first"]).to_numpy().tolist() == [[9, 18], [3, 54]]
    first, last = table[table["rung"] == 0], table[table["rung"] == 1]
    best = first.sort_values(["mean", "candidate"], ascending=[False, True]).head(3)
    assert set(last["candidate"]) == set(best["candidate"])
    assert run.data.metrics["best_cv_accuracy"] == last["mean"].max()
    assert len(children(run)) == 12


def test_a_search_that_was_stopped_is_resumed_without_repeating(
    tune: Job, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], space: Callable[[str], None]
) -> None:
    whole = all_trials(tune(*SMALL))
    with monkeypatch.context() as patch:
        break_fits(patch, lambda tried: tried.C == 1 and tried.kernel == "linear", KeyboardInterrupt())
        with pytest.raises(click.Abort):
            tune(*SMALL)
    (stopped,) = mlflow.search_runs(filter_string="attributes.status = 'KILLED'", output_format="list")
    assert [number(made) for made in children(stopped)] == [0, 1, 2]
    assert (
        f"3 trials are recorded; to continue, repeat the command with resume={stopped.info.run_id}"
        in capsys.readouterr().err
    )
    fitted = break_fits(monkeypatch, lambda _: False, RuntimeError())
    resumed = tune(*SMALL, "--resume", stopped.info.run_id)
    assert len(fitted) == 3 * 3
    assert [number(made) for made in children(resumed)] == [3, 4, 5]
    again = tune(*SMALL, "--resume", resumed.info.run_id)
    assert len(fitted) == 3 * 3
    assert children(again) == []
    for run in (resumed, again):
        same = ["candidate", "params.C", "params.kernel", "mean", "std"]
        pd.testing.assert_frame_equal(all_trials(run)[same], whole[same], check_exact=True)
        assert all_trials(run)["run_id"].notna().all()
    with pytest.raises(WrongCall, match=r"searched with exclude 'none', not 'petal width \(cm\)'; give the same value"):
        tune(*SMALL, "--exclude", "petal width (cm)", "--resume", stopped.info.run_id)
    with pytest.raises(WrongCall, match=r"searched with folds 3, not 4; give the same value"):
        tune("--search", "grid", "--n-jobs", "1", "--folds", "4", "--resume", stopped.info.run_id)
    space("C: [1, 2]")
    with pytest.raises(WrongCall, match="searched with space "):
        tune(*SMALL, "--resume", stopped.info.run_id)


def test_a_trial_that_was_half_written_when_its_process_was_killed_is_made_again(
    tune: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`doctor --fix` ends it as FAILED: it is no trial that failed by itself."""
    first = tune(*SMALL)
    client, half = mlflow.MlflowClient(), children(first)[2]
    client.set_tag(half.info.run_id, "reprise.failure", abandoned_runs.REASON)
    client.set_terminated(half.info.run_id, "FAILED")
    fitted = break_fits(monkeypatch, lambda _: False, RuntimeError())
    resumed = tune(*SMALL, "--resume", first.info.run_id)
    assert len(fitted) == 3
    assert [number(made) for made in children(resumed)] == [2]


def test_a_search_that_recorded_no_later_setting_had_its_default(tune: Job) -> None:
    before = tune(*SMALL)
    settings = json.loads(before.data.tags[tag.TUNE_SETTINGS])
    older = {name: value for name, value in settings.items() if name != "exclude"}
    mlflow.MlflowClient().set_tag(before.info.run_id, tag.TUNE_SETTINGS, json.dumps(older))
    assert children(tune(*SMALL, "--resume", before.info.run_id)) == []
    with pytest.raises(WrongCall, match="searched with exclude 'none', not 'petal width"):
        tune(*SMALL, "--exclude", "petal width (cm)", "--resume", before.info.run_id)


def test_halving_is_resumed_from_its_last_finished_rung(
    tune: Job, monkeypatch: pytest.MonkeyPatch, space: Callable[[str], None]
) -> None:
    space("C: {distribution: loguniform, a: 0.001, b: 100}")
    arguments = ("--n-jobs", "1", "--search", "halving", "--trials", "9", "--folds", "3")
    with monkeypatch.context() as patch:
        fitted = break_fits(patch, lambda _: len(fitted) > 9 * 3 + 1, KeyboardInterrupt())
        with pytest.raises(click.Abort):
            tune(*arguments)
    (stopped,) = mlflow.search_runs(filter_string="attributes.status = 'KILLED'", output_format="list")
    fitted = break_fits(monkeypatch, lambda _: False, RuntimeError())
    resumed = tune(*arguments, "--resume", stopped.info.run_id)
    assert len(fitted) == 3 * 3, "three folds of three candidates"
    assert [made.data.tags["reprise.tune.rung"] for made in children(resumed)] == ["1"] * 3


def test_a_process_that_fills_the_run_of_a_lost_one_does_nothing_twice(
    tune: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lost after it had logged all but the winner, whose training it had begun."""
    lost = tune(*SMALL)
    client = mlflow.MlflowClient()
    (trained,) = children(lost, "train")
    for run in (lost, trained):
        client.update_run(run.info.run_id, status="RUNNING")
    fitted = break_fits(monkeypatch, lambda _: False, RuntimeError())
    monkeypatch.setenv("MLFLOW_RUN_ID", lost.info.run_id)
    with pytest.raises(WrongCall, match=rf"run {lost.info.run_id} searched with folds 3, not 4"):
        tune("--search", "grid", "--n-jobs", "1", "--folds", "4")
    for _ in range(2):  # a training that did not end is done again, one that did is not
        monkeypatch.setenv("MLFLOW_RUN_ID", lost.info.run_id)
        run = tune(*SMALL)
        assert (run.info.run_id, run.info.status) == (lost.info.run_id, "FINISHED")
    assert fitted == []
    assert len(children(run)) == 6
    statuses = {made.info.run_id: made.info.status for made in children(run, "train")}
    assert statuses.pop(trained.info.run_id) == "FAILED"
    assert list(statuses.items()) == [(run.data.tags["reprise.tune.winner"], "FINISHED")]
    assert len(client.get_metric_history(run.info.run_id, "best_cv_accuracy")) == 1


def test_a_store_that_fails_for_good_ends_the_search_failed_and_keeps_the_rest(
    tune: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = TrialLog._create  # noqa: SLF001

    def refuse(log: TrialLog, trial: trials.Trial) -> str:
        if trial.candidate.number > 2:
            raise mlflow.exceptions.MlflowException("the disk is full")
        return create(log, trial)

    monkeypatch.setattr(TrialLog, "_create", refuse)
    with pytest.raises(
        JobFailed, match=r"3 of 6 trials could not be recorded \(the disk is full\); repeat the command with"
    ):
        tune(*SMALL)
    (run,) = mlflow.search_runs(filter_string="tags.`reprise.job` = 'tune'", output_format="list")
    assert run.info.status == "FAILED"
    assert len(children(run)) == 3


def test_a_timeout_ends_the_search_with_what_there_is(tune: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(1000))
    monkeypatch.setattr("reprise.search.tuning.time.monotonic", lambda: next(clock))
    run = tune(*SMALL, "--timeout", "3")
    assert len(children(run)) == 3
    assert len(children(run, "train")) == 1


WRONG = {
    ("--metric", "accurcy"): "did you mean accuracy",
    ("--resume", "nothing"): "resume: run 'nothing' is not in sqlite",
    ("--folds", "60"): "class '0' has 37 rows to train on, fewer than folds=60",
    ("--engine", "nonsense"): "engine 'nonsense' is no backend of joblib",
    ("--engine", "ray"): "engine ray needs ray: add it to [dependency-groups] project",
    ("--engine", "dask"): "dask, and no other, needs scheduler=tcp://host:port",
    ("--scheduler", "tcp://127.0.0.1:9"): "dask, and no other, needs scheduler=tcp://host:port",
    ("--n-jobs", "0"): "n_jobs=0 leaves no worker",
    ("--space", "nothing.yaml"): "nothing.yaml cannot be read",
    ("--trials", "3", "--search", "grid"): "the grid has 6 combinations, more than trials=3",
}


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_call_is_one_line_and_makes_no_run(tune: Job, arguments: tuple[str, ...]) -> None:
    with pytest.raises(WrongCall) as caught:
        tune(*arguments)
    assert WRONG[arguments] in caught.value.message
    assert not mlflow.search_runs(search_all_experiments=True, output_format="list")


def test_best_is_the_best_over_training_runs_and_trials(tune: Job, train: Job) -> None:
    worst = train("--C", "0.01", "--kernel", "sigmoid")
    search = tune(*SMALL)
    (winner,) = children(search, "train")
    found = CliRunner().invoke(cli, ["best", "--metric", "test_accuracy"]).output
    assert winner.info.run_id in found.splitlines()[0]
    assert f"train of run {search.info.run_id}" in found
    poor = CliRunner().invoke(cli, ["best", "--metric", "test_accuracy", "--where", "params.kernel = 'sigmoid'"]).output
    assert worst.info.run_id in poor
    top = all_trials(search).sort_values("mean", ascending=False, kind="stable").iloc[0]
    assert CliRunner().invoke(cli, ["best", "--metric", "cv_accuracy"]).output.count(top["run_id"]) == 1


def test_best_leaves_out_what_failed_or_is_not_a_number(store: str) -> None:
    client = mlflow.MlflowClient()
    values = {"good": 0.5, "nan": np.nan, "failed": 0.9, "better": 0.7, "none": None}
    made = {}
    for name, value in values.items():
        run = client.create_run(mlflow.tracking.fluent._get_experiment_id(), tags={"reprise.job": "train"})  # noqa: SLF001
        made[name] = run.info.run_id
        if value is not None:
            client.log_metric(made[name], "test_accuracy", value)
            client.log_metric(made[name], "log_loss", value)
        client.set_terminated(made[name], "FAILED" if name == "failed" else "FINISHED")
    for arguments, expected in {
        ("--metric", "test_accuracy"): "better",
        ("--metric", "log_loss"): "good",
        ("--metric", "log_loss", "--direction", "maximize"): "better",
    }.items():
        assert made[expected] in CliRunner().invoke(cli, ["best", *arguments]).output
    for arguments, says in {
        ("--metric", "rows"): "does not tell whether more is better; say --direction",
        ("--metric", "f1"): "has no finished training run or trial with a finite f1",
        ("--metric", "test_accuracy", "--where", "nonsense"): "where 'nonsense' cannot be read",
    }.items():
        answer = CliRunner().invoke(cli, ["best", *arguments])
        assert (answer.exit_code, says in answer.output) == (2, True), answer.output
