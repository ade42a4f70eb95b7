"""`tune` as a process: interrupted, started by `mlflow run`, and with a server that goes away."""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import mlflow
import psutil
import pytest
from conftest import environment, run
from proxy import proxy
from servers import free_port, tracking_server

pytestmark = pytest.mark.integration

DIGITS = ("--data", "digits", "--n-jobs", "2", "--folds", "3")


def found(job: str) -> list[mlflow.entities.Run]:
    tagged = f"tags.`reprise.job` = '{job}'"
    runs: list[mlflow.entities.Run] = mlflow.search_runs(
        search_all_experiments=True, filter_string=tagged, output_format="list"
    )
    return runs


def wait(process: subprocess.Popen[str], condition: Callable[[], bool]) -> None:
    while process.poll() is None and not condition():
        time.sleep(0.2)
    assert process.poll() is None, process.communicate()


def test_ctrl_c_ends_workers_and_run_and_keeps_finished_trials(project: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    mlflow.search_experiments()
    command = [sys.executable, "-m", "reprise", "job", "tune", *DIGITS, "--trials", "1000"]
    with subprocess.Popen(
        command, cwd=project, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as job:
        wait(job, lambda: len(found("trial")) > 3)
        workers = psutil.Process(job.pid).children(recursive=True)
        os.killpg(job.pid, signal.SIGINT)  # as a terminal does: to the workers too
        _, stderr = job.communicate(timeout=120)
    assert job.returncode == 130
    assert "Traceback" not in stderr
    assert stderr.strip().endswith("interrupted")
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []
    (search,) = found("tune")
    assert search.info.status == "KILLED"
    assert f"repeat the command with resume={search.info.run_id}" in stderr
    assert {trial.info.status for trial in found("trial")} == {"FINISHED"}


@pytest.mark.parametrize("engine", ["loky", "multiprocessing"])
def test_workers_of_a_search_that_was_killed_end(project: Path, engine: str) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    mlflow.search_experiments()
    command = [sys.executable, "-m", "reprise", "job", "tune", *DIGITS, "--trials", "1000", "--engine", engine]
    with subprocess.Popen(command, cwd=project, env=environment(), start_new_session=True, text=True) as job:
        wait(job, lambda: len(found("trial")) > 0)
        workers = psutil.Process(job.pid).children(recursive=True)
        job.kill()  # it alone
    assert len(workers) >= 2
    _, alive = psutil.wait_procs(workers, timeout=60)
    assert [process for process in alive if process.status() != psutil.STATUS_ZOMBIE] == []


def test_mlflow_run_tunes_and_the_winner_looks_like_a_run_of_train(project: Path, tmp_path: Path) -> None:
    command = ("mlflow", "run", ".", "-e", "tune", "--env-manager", "local", "-P", "trials=4", "-P", "folds=3")
    done = run(*command, cwd=project)
    assert done.returncode == 0, done.stderr
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    (search,), (winner,) = found("tune"), found("train")
    assert len(found("trial")) == 4
    tags = winner.data.tags
    assert (tags["mlflow.project.entryPoint"], tags["mlflow.source.type"]) == ("train", "PROJECT")
    assert tags["mlflow.source.git.commit"] == search.data.tags["mlflow.source.git.commit"]
    kept = [name for name in search.data.tags if name.startswith("mlflow.project.") and "entryPoint" not in name]
    assert {name: tags[name] for name in kept} == {name: search.data.tags[name] for name in kept}
    assert "mlflow run . -e evaluate --env-manager local" in done.stdout
    best = run("reprise", "best", "--metric", "test_accuracy", cwd=project)
    assert winner.info.run_id in best.stdout


@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")
def test_a_server_that_is_away_for_a_while_loses_nothing(project: Path, tmp_path: Path) -> None:
    """The server stays; what leads to it is cut while trials are recorded. MLflow waits half as long as by default."""
    port = free_port()
    command = ["python", "-m", "reprise", "job", "tune", *DIGITS, "--trials", "40"]
    mlflow.set_tracking_uri(f"http://127.0.0.1:{port}")
    with tracking_server(tmp_path, port), proxy(port) as between:
        variables = environment(
            MLFLOW_TRACKING_URI=f"http://127.0.0.1:{between.port}", MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1"
        )
        with subprocess.Popen(command, cwd=project, env=variables, stderr=subprocess.PIPE, text=True) as job:
            wait(job, lambda: len(found("trial")) > 3)
            between.go_away()
            time.sleep(12)
            between.away = False
            _, stderr = job.communicate(timeout=300)
        assert job.returncode == 0, stderr
        trials = found("trial")
        assert sorted(int(trial.data.tags["reprise.tune.candidate"]) for trial in trials) == list(range(40))
        assert {trial.info.status for trial in trials} == {"FINISHED"}
        assert [made.info.status for made in (*found("tune"), *found("train"))] == ["FINISHED"] * 2
