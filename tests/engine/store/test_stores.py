"""A team's stores: an MLflow server on a real PostgreSQL and moto's S3; clients hold the keys of neither."""

import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from conftest import PROJECT, Job, copy_project, environment, run
from mlflow.exceptions import MlflowException
from servers import (
    FULL_MLFLOW,
    KEYS,
    REGION,
    Postgres,
    Server,
    aws,
    bucket,
    http,
    mlflow_server,
    moto,
    postgres,
    postgres_programs,
    running,
    until,
)

from reprise.base.entry_point import in_one_line
from reprise.base.errors import JobFailed
from reprise.cli.commands import cli

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed"),
    pytest.mark.skipif(postgres_programs() is None, reason="PostgreSQL is not installed"),
]

BUCKET = "artifacts"
CONNECTIONS = {"MLFLOW_SQLALCHEMYSTORE_POOL_SIZE": "20", "MLFLOW_SQLALCHEMYSTORE_MAX_OVERFLOW": "60"}
"""As in deploy/server: with MLflow's own 15, requests that need two each wait for one another, and some fail."""


@dataclass(frozen=True)
class Stack:
    postgres: Postgres
    aws: Server
    mlflow: Server

    @property
    def aws_variables(self) -> dict[str, str]:
        return {"AWS_ENDPOINT_URL": self.aws.address, "MLFLOW_S3_ENDPOINT_URL": self.aws.address, **KEYS}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Start it as `deploy/server/start` does, without access control, which test_access_control.py has."""
    folder = tmp_path_factory.mktemp("stack")
    with postgres() as database, running(moto(folder)) as cloud:
        bucket(cloud.address, BUCKET)
        place = ["--artifacts-destination", f"s3://{BUCKET}/mlflow"]
        variables = {"MLFLOW_S3_ENDPOINT_URL": cloud.address, **CONNECTIONS, **KEYS}
        with running(mlflow_server(folder, database.uri, *place, **variables)) as server:
            yield Stack(database, cloud, server)


@pytest.fixture
def client(stack: Stack, store: str, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """Work with the team's server in this process, impatiently."""
    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", stack.mlflow.address)
    mlflow.set_tracking_uri(stack.mlflow.address)
    mlflow.tracking.fluent._active_experiment_id = None  # noqa: SLF001
    return mlflow.MlflowClient()


def slow_table(folder: Path) -> Path:
    """Two classes with some noise, which the exact solver takes some seconds for."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(9_000, 20))).add_prefix("x")
    noisy = frame["x0"] + frame["x1"] * frame["x2"] + random.normal(size=len(frame))
    frame.assign(target=(noisy > 0).astype(int)).to_parquet(folder / "noise.parquet")
    return folder / "noise.parquet"


def call(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments)
    assert result.exit_code == 0, result.output
    return result.output


def test_two_people_tell_the_whole_story_through_a_restart_and_20_seconds_without_postgresql(
    stack: Stack, client: mlflow.MlflowClient, tmp_path: Path
) -> None:
    project, table = copy_project(tmp_path / "project"), slow_table(tmp_path)
    people = {}
    for user, C in (("ada", "1.0"), ("ben", "0.5")):
        (tmp_path / user).mkdir()
        command = ["python", str(project / "train.py"), "--data", str(table), "--solver", "exact", "--C", C]
        variables = environment(
            MLFLOW_TRACKING_URI=stack.mlflow.address, LOGNAME=user, MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1"
        )
        people[user] = subprocess.Popen(command, cwd=tmp_path / user, env=variables, stderr=subprocess.PIPE, text=True)

    def at_work() -> list[mlflow.entities.Run]:
        for job in people.values():
            assert job.poll() is None, job.communicate()
        return list(client.search_runs(["0"], "tags.`reprise.job` = 'train' and attributes.status = 'RUNNING'"))

    until(lambda: len(at_work()) == len(people))
    runs = {run.data.tags["mlflow.user"]: run.info.run_id for run in at_work()}
    stack.mlflow.kill()
    stack.postgres.stop()
    time.sleep(20)
    stack.postgres.start()
    stack.mlflow.start()
    for job in people.values():
        _, errors = job.communicate(timeout=300)
        assert job.returncode == 0, errors
    for user, run_id in runs.items():
        made = client.get_run(run_id)
        assert made.info.status == "FINISHED"
        assert {"test_accuracy", "fit_seconds"} <= set(made.data.metrics)
        assert mlflow.sklearn.load_model(f"runs:/{run_id}/model").predict(pd.read_parquet(table).head()).shape == (5,)
        assert not (tmp_path / user / "reprise-unlogged").exists()
    assert client.search_runs(["0"], "attributes.status = 'RUNNING'") == []
    _tune(project, stack, client)
    _reproduce(runs["ada"], project, stack)
    _promote_and_roll_back([runs["ada"], runs["ben"]], project, stack)


def _tune(project: Path, stack: Stack, client: mlflow.MlflowClient) -> None:
    command = ["python", "-m", "reprise", "job", "tune", "--trials", "4", "--folds", "3", "--n-jobs", "1"]
    done = run(*command, cwd=project, MLFLOW_TRACKING_URI=stack.mlflow.address)
    assert done.returncode == 0, done.stderr
    trials = client.search_runs(["0"], "tags.`reprise.job` = 'trial'")
    assert [trial.info.status for trial in trials] == ["FINISHED"] * 4
    assert all("cv_accuracy" in trial.data.metrics for trial in trials)


def _reproduce(run_id: str, project: Path, stack: Stack) -> None:
    local = ["--env-manager", "local", "--rerun-env-manager", "local"]
    command = ["python", "-m", "reprise", "reproduce", run_id, *local]
    done = run(*command, cwd=project, MLFLOW_TRACKING_URI=stack.mlflow.address)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "reproduced" in done.stdout


def _promote_and_roll_back(runs: list[str], project: Path, stack: Stack) -> None:
    local = ["--env-manager", "local"]
    for number, run_id in enumerate(runs, start=1):
        model = f"runs:/{run_id}/model"
        judged = run("python", "evaluate.py", "--model", model, cwd=project, MLFLOW_TRACKING_URI=stack.mlflow.address)
        assert judged.returncode == 0, judged.stderr
        call("register", run_id, *local)
        call("promote", str(number), "--reason", "the story", *local)
    assert mlflow.MlflowClient().get_model_version_by_alias("reprise", "champion").version == "2"
    call("rollback", "--reason", "the story goes on", *local)
    assert mlflow.MlflowClient().get_model_version_by_alias("reprise", "champion").version == "1"
    assert "the story goes on" in call("history")


def test_20_clients_that_log_at_once_lose_no_run(client: mlflow.MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Five runs each; benchmarks/load.py logs fifty."""
    monkeypatch.syspath_prepend(str(PROJECT / "benchmarks"))
    from load import log_runs

    experiment = client.create_experiment("load")
    with ThreadPoolExecutor(20) as clients:
        logged = [run_id for runs in clients.map(lambda _: log_runs(experiment, 5), range(20)) for run_id in runs]
    found = client.search_runs([experiment], max_results=1000)
    assert {run.info.run_id for run in found} == set(logged)
    assert len(logged) == 100
    for made in found:
        assert made.info.status == "FINISHED"
        assert made.data.metrics == {"loss": 0.0, "accuracy": 1.0}
        assert made.data.params == {"C": "1.0"}
    assert {file.path for run in found for file in client.list_artifacts(run.info.run_id)} == {"result.txt"}


def test_the_same_table_logged_by_many_at_once_is_one_data_set(client: mlflow.MlflowClient) -> None:
    """MLflow 3.17 looks whether it is there and then inserts it: of two that do so at once, one is refused."""
    from reprise.store.bundle import _dataset_input, _log_datasets

    fields = {"digest": "0", "source_type": "local", "source": "{}", "schema": "{}", "profile": "{}"}
    tables = [_dataset_input(name, {"name": name, **fields}) for name in ("train", "test")]
    experiment = client.create_experiment("one table")
    runs = [client.create_run(experiment).info.run_id for _ in range(20)]
    with ThreadPoolExecutor(20) as clients:
        list(clients.map(lambda run_id: _log_datasets(client, run_id, tables), runs))
    for run_id in runs:
        assert len(client.get_run(run_id).inputs.dataset_inputs) == 2


class TestAnArtifactStoreThatRefuses:
    """The run ends FAILED, the results are kept, and one line says where to look; then they can be logged."""

    def refused(self, train: Job, client: mlflow.MlflowClient, log: Path, reason: str) -> Path:
        with pytest.raises(JobFailed) as failed:
            train()
        assert "fails at its artifact store (no such bucket, wrong keys, no right to write)" in failed.value.message
        kept = Path(failed.value.message.rpartition(" ")[2])
        assert client.get_run(kept.name).info.status == "FAILED"
        assert reason in log.read_text().rpartition("S3UploadFailedError")[2]
        return kept

    def test_wrong_keys(self, stack: Stack, client: mlflow.MlflowClient, train: Job) -> None:
        reset = f"{stack.aws.address}/moto-api/reset-auth"
        http("POST", reset, b"0")  # from now on moto checks keys, and knows none
        try:
            kept = self.refused(train, client, stack.mlflow.log, "InvalidAccessKeyId")
        finally:
            http("POST", reset, b"inf")
        call("upload", str(kept))
        assert client.get_run(kept.name).info.status == "FINISHED"

    def test_a_bucket_that_is_read_only(self, stack: Stack, client: mlflow.MlflowClient, train: Job) -> None:
        rule = {"Effect": "Deny", "Principal": "*", "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{BUCKET}/*"}
        policy = f"{stack.aws.address}/{BUCKET}?policy"
        http("PUT", policy, json.dumps({"Version": "2012-10-17", "Statement": [rule]}).encode())
        try:
            self.refused(train, client, stack.mlflow.log, "Forbidden")
        finally:
            http("DELETE", policy)

    def test_a_bucket_that_is_missing(self, stack: Stack, client: mlflow.MlflowClient, train: Job) -> None:
        http("POST", f"{stack.aws.address}/moto-api/reset")
        try:
            self.refused(train, client, stack.mlflow.log, "NoSuchBucket")
        finally:
            bucket(stack.aws.address, BUCKET)


def fill_tags(database: Postgres, length: int) -> None:
    """Insert rows a few at a time, so that those which still have room stay."""
    run_id = "(SELECT min(run_uuid) FROM runs)"
    for number in range(1000):
        rows = f"'k-{length}-{number}-' || n, repeat(md5(n::text), {length}), {run_id}"
        database.sql(f"INSERT INTO tags SELECT {rows} FROM generate_series(1, 5) n")  # noqa: S608  ours alone


class TestADatabaseThatRefuses:
    @pytest.fixture
    def full_disk(self, stack: Stack) -> Iterator[None]:
        """Move the table of tags to a disk with no room left, and back."""
        with small_disk() as disk:
            stack.postgres.sql(f"CREATE TABLESPACE small LOCATION '{disk}'")
            stack.postgres.sql("ALTER TABLE tags SET TABLESPACE small")
            with (disk / "filler").open("wb", buffering=0) as filler:
                while True:
                    try:
                        filler.write(bytes(4096))
                    except OSError:
                        break
            for length in (60, 6, 0):  # pages that are half full take some rows, ever smaller ones
                with pytest.raises(subprocess.CalledProcessError):
                    fill_tags(stack.postgres, length)
            yield
            (disk / "filler").unlink()
            stack.postgres.sql("ALTER TABLE tags SET TABLESPACE pg_default")
            stack.postgres.sql("DROP TABLESPACE small")

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can mount a small disk")
    @pytest.mark.usefixtures("full_disk")
    def test_a_full_disk(self, client: mlflow.MlflowClient, train: Job) -> None:
        with pytest.raises((MlflowException, JobFailed)) as failed:  # as the run starts, or as its results are logged
            train()
        assert "answers, but fails at its database (away, its disk full" in in_one_line(failed.value)
        assert client.search_runs(["0"], "attributes.status = 'RUNNING'") == []

    def test_an_older_schema(self, stack: Stack, tmp_path: Path) -> None:
        """The server does not start, and its last words say what to do."""
        now = stack.postgres.sql("SELECT version_num FROM alembic_version")
        stack.postgres.sql("UPDATE alembic_version SET version_num = 'cbc13b556ace'")
        try:
            with pytest.raises(AssertionError, match=r"Take a backup of your database, then run 'mlflow db upgrade"):
                mlflow_server(tmp_path, stack.postgres.uri).start()
        finally:
            stack.postgres.sql(f"UPDATE alembic_version SET version_num = '{now}'")  # noqa: S608  as it was

    def test_an_older_schema_of_a_local_file_is_one_line(self, empty_store: Path, tmp_path: Path) -> None:
        import sqlite3

        shutil.copy(empty_store, tmp_path / "old.db")
        with sqlite3.connect(tmp_path / "old.db") as database:
            database.execute("UPDATE alembic_version SET version_num = 'cbc13b556ace'")
        uri = f"sqlite:///{tmp_path / 'old.db'}"
        done = run("python", PROJECT / "train.py", cwd=tmp_path, MLFLOW_TRACKING_URI=uri)
        assert done.returncode == 1
        assert "Take a backup of your database, then run 'mlflow db upgrade" in done.stderr.splitlines()[-1]
        assert "Traceback" not in done.stderr


@contextmanager
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="reprise-small-"))
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)], check=False)
    if mounted.returncode:
        folder.rmdir()
        pytest.skip("mounting is not allowed here")
    try:
        shutil.chown(folder, "postgres")
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
        folder.rmdir()


def test_sagemaker_takes_the_champion_updates_it_and_lets_it_go(
    stack: Stack, client: mlflow.MlflowClient, train: Job, tmp_path: Path
) -> None:
    """By the commands of docs/sagemaker.md; moto runs no container, so nothing is predicted."""
    role = json.dumps({"Version": "2012-10-17", "Statement": []})
    aws(stack.aws.address, "iam", Action="CreateRole", RoleName="sagemaker", AssumeRolePolicyDocument=role)
    ecr = {"X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.CreateRepository"}
    answer = http("POST", stack.aws.address, b'{"repositoryName": "mlflow-pyfunc"}', service="ecr", **ecr)
    image = json.loads(answer)["repository"]["repositoryUri"] + ":3.17.2"
    client.create_registered_model("served")
    for _ in range(2):
        made = train()
        model = made.outputs.model_outputs[0].model_id
        client.create_model_version("served", f"models:/{model}", made.info.run_id, model_id=model)

    def deployments(*arguments: str) -> str:
        config = {"region_name": REGION, "execution_role_arn": "arn:aws:iam::123456789012:role/sagemaker"}
        config |= {"image_url": image, "instance_type": "ml.m5.large"}
        options = [part for name, value in config.items() for part in ("-C", f"{name}={value}")]
        command = [*FULL_MLFLOW, "deployments", *arguments, "-t", f"sagemaker:/{REGION}"]
        command += options if arguments[0] in ("create", "update") else []
        done = run(*command, cwd=tmp_path, MLFLOW_TRACKING_URI=stack.mlflow.address, **stack.aws_variables)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def sagemaker(action: str, **arguments: str) -> dict[str, Any]:
        target = {"X-Amz-Target": f"SageMaker.{action}"}
        body = json.dumps(arguments).encode()
        content: dict[str, Any] = json.loads(http("POST", stack.aws.address, body, service="sagemaker", **target))
        return content

    def served_model() -> str:
        (variant,) = sagemaker("DescribeEndpoint", EndpointName="reprise")["ProductionVariants"]
        model = sagemaker("DescribeModel", ModelName=variant["VariantName"])
        assert model["PrimaryContainer"]["Image"] == image
        return str(model["PrimaryContainer"]["ModelDataUrl"])

    client.set_registered_model_alias("served", "champion", "1")
    deployments("create", "--name", "reprise", "-m", "models:/served@champion")
    assert "'EndpointName': 'reprise'" in deployments("list")
    first = served_model()
    assert http("GET", first.replace("s3://", f"{stack.aws.address}/"))
    client.set_registered_model_alias("served", "champion", "2")
    deployments("update", "--name", "reprise", "-m", "models:/served@champion")
    assert served_model() != first
    assert len(sagemaker("ListModels")["Models"]) == 1
    deployments("delete", "--name", "reprise")
    assert sagemaker("ListEndpoints")["Endpoints"] == []
    assert sagemaker("ListModels")["Models"] == []
