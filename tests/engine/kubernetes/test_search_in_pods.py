"""A search in pods: `tune` in one, workers in others, each of which may be lost."""

import base64
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import pytest
from conftest import commit_all, copy_project, run
from distributed import Client, Security
from kubernetes_cluster import (
    NEEDS_CLUSTER,
    Servers,
    all_runs,
    configure,
    jobs_of,
    kubectl,
    node_cache,
    publish,
    run_backend,
    serve,
    template,
    wait_until,
    work_in,
)

from reprise.base.errors import JobFailed

pytestmark = NEEDS_CLUSTER

TRIALS = 60
SEARCH = {"data": "digits", "trials": str(TRIALS), "folds": "3", "engine": "dask", "scheduler": "here"}


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with serve(tmp_path_factory.mktemp("servers")) as serving:
        yield serving


@pytest.fixture(scope="module")
def with_dask(servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> str:
    """This project with Dask in its environment, as docs/tuning.md says; its URI at a commit."""
    project = copy_project(tmp_path_factory.mktemp("projects") / "project")
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("project = [", 'project = [\n    "distributed>=2026.1",', 1))
    done = run("python", "-c", "from reprise.cli.commands import main; main()", "lock", cwd=project)
    assert done.returncode == 0, done.stderr
    sha = commit_all(project)
    return f"{publish(servers, project)}#{sha}"


@pytest.fixture(scope="module")
def cache() -> Iterator[Path]:
    """Where pods keep the environment, which is built once for these tests."""
    with node_cache() as folder:
        yield folder


@pytest.fixture
def job(servers: Servers, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    work_in(tmp_path, servers, monkeypatch)
    return template(cache)


def pods(component: str, run: mlflow.entities.Run) -> list[str]:
    chosen = f"app.kubernetes.io/component={component},reprise/run-id={run.info.run_id}"
    return kubectl("get", "pods", "-l", chosen, "--field-selector=status.phase=Running", "-o", "name").split()


def trials() -> list[mlflow.entities.Run]:
    return all_runs("tags.`reprise.job` = 'trial'")


def secrets_of(run: mlflow.entities.Run) -> list[dict[str, Any]]:
    found = kubectl("get", "secrets", "-l", f"reprise/run-id={run.info.run_id}", "-o", "json")
    items: list[dict[str, Any]] = json.loads(found)["items"]
    return items


def the_key_is_in_its_secret_alone(run: mlflow.entities.Run) -> str:
    """Ensure that nothing else tells the key, and that nobody gets in without; give it."""
    address = run.data.tags["reprise.tune.scheduler"]
    assert address.startswith("tls://")
    (secret,) = secrets_of(run)
    assert [one["kind"] for one in secret["metadata"]["ownerReferences"]] == ["Job"]
    pem = base64.b64decode(secret["data"]["key.pem"]).decode()
    told = kubectl("get", "jobs,pods", "-o", "yaml") + repr(mlflow.get_run(run.info.run_id).to_dictionary())
    assert not any(line in told for line in pem.splitlines() if not line.startswith("-----"))
    with pytest.raises((OSError, RuntimeError)):
        Client(address.replace("tls://", "tcp://"), timeout="3s")
    with pytest.raises((OSError, RuntimeError)):
        Client(address, security=Security.temporary(), timeout="3s")
    return pem


def test_a_search_outlives_the_loss_of_a_worker_and_of_its_own_pod(
    with_dask: str, job: dict[str, Any], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every trial is made once, whatever pod was lost in between, and a winner trained."""
    config = configure(tmp_path, job, workers=2)
    with ThreadPoolExecutor(1) as thread:
        searching = thread.submit(run_backend, with_dask, config, "tune", "uv", **SEARCH)
        wait_until(lambda: len(trials()) > 3 or searching.done(), 400)
        (running,) = all_runs("tags.`reprise.job` = 'tune'")
        key = the_key_is_in_its_secret_alone(running)
        lost = pods("worker", running)
        kubectl("delete", "--wait=false", lost[0])
        before = len(trials())
        wait_until(lambda: len(trials()) > before + 3 or searching.done())
        (first,) = pods("run", running)
        kubectl("delete", "--wait=false", first)
        made = {trial.info.run_id for trial in trials() if trial.info.status == "FINISHED"}
        wait_until(lambda: len(trials()) > len(made) + 3 or searching.done(), 200)
        assert the_key_is_in_its_secret_alone(mlflow.get_run(running.info.run_id)) == key
        seen = {*lost, *pods("worker", running)}
        run_id = searching.result()
    assert f"a worker was lost: {lost[0].replace('/', ' ')} ended with exit code 130" in "".join(capfd.readouterr())
    search = mlflow.get_run(run_id)
    assert (search.info.status, "reprise.failure" in search.data.tags) == ("FINISHED", False)
    assert f"pod/{search.data.tags['reprise.kubernetes.pod']}" != first
    assert len(made) < TRIALS
    assert len(seen) > 2
    numbers = [int(trial.data.tags["reprise.tune.candidate"]) for trial in trials()]
    assert sorted(numbers) == list(range(TRIALS))
    assert made < {trial.info.run_id for trial in trials()}
    path = mlflow.artifacts.download_artifacts(run_id=run_id, artifact_path="trials.csv")
    assert sorted(pd.read_csv(path)["run_id"]) == sorted(trial.info.run_id for trial in trials())
    (winner,) = all_runs("tags.`reprise.job` = 'train'")
    assert (winner.info.status, search.data.tags["reprise.tune.winner"]) == ("FINISHED", winner.info.run_id)
    wait_until(lambda: jobs_of(search) == "")
    wait_until(lambda: secrets_of(search) == [])


def test_where_workers_cannot_be_made_the_run_is_failed_and_nothing_is_left(
    with_dask: str, job: dict[str, Any], tmp_path: Path
) -> None:
    namespace = f"one-job-{os.getpid()}"
    job["metadata"]["namespace"] = namespace
    kubectl("create", "namespace", namespace)
    kubectl("create", "quota", "one", "--hard=count/jobs.batch=1", f"--namespace={namespace}")
    wait_until(lambda: "jobs.batch" in kubectl("get", "quota", "one", "-o", "jsonpath={.status.hard}", "-n", namespace))
    try:
        with pytest.raises(JobFailed, match="exceeded quota: one"):
            run_backend(with_dask, configure(tmp_path, job), "tune", "uv", **SEARCH)
        (search,) = all_runs()
        assert search.info.status == "FAILED"
        assert "exceeded quota" in search.data.tags["reprise.failure"]
        assert jobs_of(search) == ""
    finally:
        kubectl("delete", "namespace", namespace, "--wait=false")
