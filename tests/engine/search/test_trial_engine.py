"""Engines: the same search on a real Dask cluster, one worker of which is killed."""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import partial
from pathlib import Path

import cloudpickle
import mlflow
import pandas as pd
import pytest
from conftest import Job, environment
from search_processes import with_old_joblib

import reprise
from reprise.base.errors import JobFailed, WrongCall
from reprise.contract import project_model
from reprise.search import trial_engine
from reprise.search.trial_log import TrialLog
from reprise.search.trials import fit_and_score

pytestmark = pytest.mark.integration

SEARCH = ("--search", "grid", "--folds", "3")
GRID = "C: [0.01, 0.1, 1, 10, 100, 1000]\nkernel: [rbf, linear]\n"


@contextmanager
def process(folder: Path, *arguments: str, **variables: str) -> Iterator[subprocess.Popen[str]]:
    """Start a part of Dask in a process of its own, away from the project's code; end it as the block ends."""
    command = [sys.executable, "-m", "distributed.cli.dask_" + arguments[0], *arguments[1:]]
    variables = environment(OMP_NUM_THREADS="1", **variables)
    with subprocess.Popen(command, cwd=folder, env=variables, stderr=subprocess.PIPE, text=True) as started:
        try:
            yield started
        finally:
            started.kill()


def says(started: subprocess.Popen[str], pattern: str) -> str:
    """Wait for a line on stderr, and give what the pattern's group matches in it."""
    assert started.stderr
    for line in started.stderr:
        if found := re.search(pattern, line):
            return found[1]
    raise AssertionError(f"ended without {pattern!r}")


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    with process(tmp_path, "scheduler", "--port", "0", "--host", "127.0.0.1", "--no-dashboard") as started:
        yield says(started, r"Scheduler at: +(\S+)")


def worker(folder: Path, scheduler: str, **variables: str) -> AbstractContextManager[subprocess.Popen[str]]:
    options = ("--no-nanny", "--no-dashboard", "--nthreads", "1", "--host", "127.0.0.1")
    return process(folder, "worker", scheduler, *options, **variables)


def all_trials(run: mlflow.entities.Run) -> pd.DataFrame:
    return pd.read_csv(mlflow.artifacts.download_artifacts(run_id=run.info.run_id, artifact_path="trials.csv"))


def test_a_killed_worker_loses_no_trial_and_changes_no_result(
    tune: Job, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "search_space.yaml").write_text(GRID)
    alone = tune(*SEARCH, "--n-jobs", "1")
    (tmp_path / "without").mkdir()
    for name in ("reprise", "model"):
        (tmp_path / f"without/{name}.py").write_text("raise ImportError('a worker need not have the project')")
    with ExitStack() as stack:
        without = str(tmp_path / "without")
        workers = [stack.enter_context(worker(tmp_path, scheduler, PYTHONPATH=without)) for _ in range(2)]
        for started in workers:
            says(started, r"(Starting established connection)")
        taken, add = [], TrialLog.add

        def kill_one(log: TrialLog, trial: object) -> None:
            taken.append(trial)
            if len(taken) == 3:
                workers[0].kill()
            add(log, trial)  # type: ignore[arg-type]

        monkeypatch.setattr(TrialLog, "add", kill_one)
        run = tune(*SEARCH, "--engine", "dask", "--scheduler", scheduler)
        assert workers[0].wait(30) < 0
        assert workers[1].poll() is None
    same = ["candidate", "params.C", "params.kernel", "mean", "std", "fold_0", "fold_1", "fold_2"]
    pd.testing.assert_frame_equal(all_trials(run)[same], all_trials(alone)[same], check_exact=True)
    under = f"tags.`mlflow.parentRunId` = '{run.info.run_id}' and tags.`reprise.job` = 'trial'"
    recorded = mlflow.search_runs(filter_string=under, output_format="list")
    assert sorted(int(made.data.tags["reprise.tune.candidate"]) for made in recorded) == list(range(12))
    assert run.data.tags["reprise.tune.winner"]


def test_what_fits_a_candidate_can_be_sent_as_code() -> None:
    """The workers of a cluster need not have the engine."""
    cloudpickle.register_pickle_by_value(reprise)
    try:
        assert cloudpickle.dumps(partial(fit_and_score, project_model.load()))
    finally:
        cloudpickle.unregister_pickle_by_value(reprise)


def test_calls_that_a_cluster_lost_are_made_again_and_answered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial_engine, "LOCAL", ())
    whole, lost = trial_engine._results, iter([True, True])  # noqa: SLF001

    def lossy(tasks: Iterator[object]) -> Iterator[object]:
        for number, result in enumerate(whole(tasks)):
            if number == 3 and next(lost, False):
                raise RuntimeError("the future was cancelled")
            yield result

    monkeypatch.setattr(trial_engine, "_results", lossy)
    calls = [(number,) for number in range(30)]
    assert sorted(trial_engine.SearchEngine("threading", 2).run(lambda key: (key, -key), calls, [])) == [
        (n, -n) for n in range(30)
    ]


def test_a_worker_with_another_environment_is_named(tune: Job, scheduler: str, tmp_path: Path) -> None:
    (tmp_path / "search_space.yaml").write_text(GRID)
    with worker(tmp_path, scheduler, PYTHONPATH=with_old_joblib(tmp_path)) as started:
        says(started, r"(Starting established connection)")
        with pytest.raises(JobFailed, match=r"worker tcp://\S+ has another environment: joblib 0\.1 instead of 1"):
            tune(*SEARCH, "--engine", "dask", "--scheduler", scheduler)
    assert not mlflow.search_runs(search_all_experiments=True, output_format="list")


def test_a_worker_with_another_environment_that_comes_late_is_sent_away(
    tune: Job, scheduler: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "search_space.yaml").write_text(GRID)
    taken, add = [], TrialLog.add

    def send_one(log: TrialLog, trial: object) -> None:
        taken.append(trial)
        if len(taken) == 3:
            with worker(tmp_path, scheduler, PYTHONPATH=with_old_joblib(tmp_path)) as late:
                assert says(late, "(this worker has another environment: joblib 0.1 instead of 1)")
                assert late.wait(30) == 0
        add(log, trial)  # type: ignore[arg-type]

    monkeypatch.setattr(TrialLog, "add", send_one)
    with worker(tmp_path, scheduler) as started:
        says(started, r"(Starting established connection)")
        run = tune(*SEARCH, "--engine", "dask", "--scheduler", scheduler)
    assert len(all_trials(run)) == len(taken) == 12


def test_a_search_to_which_no_worker_comes_ends_failed(tune: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reprise.search.dask_cluster.JOIN_SECONDS", 1)
    with pytest.raises(
        JobFailed, match=r"no worker joined tls://127\.0\.0\.1:\d+ within 1 s; start one with: reprise work"
    ):
        tune("--engine", "dask", "--scheduler", "here")
    (run,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert run.info.status == "FAILED"


def test_a_scheduler_without_workers_or_none_at_all_is_one_line(
    tune: Job, scheduler: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(JobFailed, match="has no worker; start one in the project's environment"):
        tune("--engine", "dask", "--scheduler", scheduler)
    assert f"note: the cluster at {scheduler} is not encrypted" in capsys.readouterr().err
    monkeypatch.setattr("reprise.search.dask_cluster.CONNECT_SECONDS", 1)
    with pytest.raises(WrongCall, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"):
        tune("--engine", "dask", "--scheduler", "tcp://127.0.0.1:9")
    with pytest.raises(WrongCall, match="no Dask scheduler answers at nonsense"):
        tune("--engine", "dask", "--scheduler", "nonsense")
    assert not mlflow.search_runs(search_all_experiments=True, output_format="list")
