"""A project that pins another MLflow than the store's: it works by a server that lives as long as the job."""

import shutil
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import mlflow
import pytest
from conftest import PROJECT, commit_all, environment
from mlflow.store.db.utils import _get_latest_schema_revision
from servers import answers, until

from reprise.base import tag
from reprise.base.errors import JobFailed
from reprise.code.project_uri import ProjectUri
from reprise.running.commit_run import run_at_commit
from reprise.running.run_request import RunRequest
from reprise.store import store_access

OLD = "2.19.0"

MLPROJECT = """
name: old
python_env: python_env.yaml
entry_points: {main: {command: "python job.py"}}
"""

PYTHON_ENV = f"""
python: "3.11"
dependencies: [mlflow-skinny=={OLD}, "sqlalchemy<2.1", "alembic<2", "setuptools<81"]
"""

JOB = """
import os
import mlflow
with mlflow.start_run():
    mlflow.log_metric("answer", 42)
    mlflow.log_text(mlflow.__version__, "version.txt")
other = mlflow.create_experiment("another")
with mlflow.start_run(experiment_id=other):
    mlflow.log_text("text", "file.txt")
print(mlflow.get_tracking_uri())
print("past proxies:", os.environ["NO_PROXY"], os.environ["no_proxy"])
"""

SERVED = """
import sys, time
from reprise.store.store_access import served
with served(sys.argv[1]) as address:
    print(address, flush=True)
    time.sleep(600)
"""

needs_uv = pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")


def environment_of(folder: Path, *revisions: tuple[str, str | None]) -> Path:
    """Make what an environment has of MLflow: its version, and migrations, each with the one it follows."""
    site = folder / "lib/python3.11/site-packages"
    (site / "mlflow/store/db_migrations/versions").mkdir(parents=True)
    for revision, follows in revisions:
        down = f'"{follows}"' if follows else None
        text = f'"""Revises: {follows}"""\nrevision = "{revision}"\ndown_revision = {down}\nbranch_labels = None\n'
        (site / f"mlflow/store/db_migrations/versions/{revision}_a_step.py").write_text(text)
    (site / "mlflow_skinny-9.9.dist-info").mkdir()
    (site / "mlflow_skinny-9.9.dist-info/METADATA").write_text(
        "Metadata-Version: 2.1\nName: mlflow-skinny\nVersion: 9.9\n"
    )
    return folder


class TestNeed:
    def test_the_newest_migration_of_an_mlflow_is_its_schema(self) -> None:
        site = Path(mlflow.__file__).parent.parent
        assert store_access.schema_of(site) == _get_latest_schema_revision()

    def test_one_of_the_same_schema_reaches_the_store_by_itself(self, store: str, tmp_path: Path) -> None:
        same = environment_of(tmp_path / "env", (_get_latest_schema_revision(), "aaaa"), ("aaaa", None))
        assert store_access.other_mlflow(same, store) is None
        with store_access.reached(same, "no run is told") as variables:
            assert variables == {}

    @pytest.mark.usefixtures("store")
    def test_one_without_mlflow_and_that_of_this_process_do_too(self, tmp_path: Path) -> None:
        for folder in (tmp_path, None):
            with store_access.reached(folder, "no run is told") as variables:
                assert variables == {}

    def test_an_older_and_a_newer_one_do_not(self, store: str, tmp_path: Path) -> None:
        older = environment_of(tmp_path / "older", ("aaaa", None))
        newer = environment_of(tmp_path / "newer", ("bbbb", _get_latest_schema_revision()))
        assert [store_access.other_mlflow(one, store) for one in (older, newer)] == ["9.9", "9.9"]

    def test_a_server_gets_along_with_all(self, tmp_path: Path) -> None:
        older = environment_of(tmp_path / "older", ("aaaa", None))
        assert store_access.other_mlflow(older, "http://127.0.0.1:9") is None

    def test_another_database_is_refused_with_the_remedy(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(store_access, "other_mlflow", lambda *_: "9.9")
        monkeypatch.setattr("mlflow.get_tracking_uri", lambda: "postgresql://localhost/mlflow")
        said = r"mlflow 9\.9 does not know the schema .*; name an MLflow server over it in MLFLOW_TRACKING_URI$"
        with pytest.raises(JobFailed, match=said), store_access.reached(tmp_path, "a run"):
            pass


@pytest.mark.integration
@needs_uv
class TestServer:
    @pytest.mark.usefixtures("store")
    def test_an_old_mlflow_logs_runs_and_artifacts_where_the_store_keeps_its_own(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
    ) -> None:
        monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "envs"))
        monkeypatch.setenv("NO_PROXY", "example.org")
        foreign = tmp_path / "foreign"
        foreign.mkdir()
        for name, text in {"MLproject": MLPROJECT, "python_env.yaml": PYTHON_ENV, "job.py": JOB}.items():
            (foreign / name).write_text(text)
        commit_all(foreign)
        result = run_at_commit(RunRequest(ProjectUri(str(foreign), None, ""), env_manager="uv"))
        said = capfd.readouterr()
        assert result.exit_code == 0, said.err
        assert f"the project's mlflow {OLD} does not know the schema" in said.err
        made = mlflow.get_run(result.run_id)
        assert (made.info.status, made.data.metrics) == ("FINISHED", {"answer": 42.0})
        assert made.data.tags[tag.STORE_SERVER] == f"mlflow {OLD} by a server of {mlflow.__version__}"
        assert mlflow.artifacts.load_text(f"{made.info.artifact_uri}/version.txt") == OLD
        another = mlflow.get_experiment_by_name("another")
        assert another.artifact_location == str(tmp_path / "mlruns" / another.experiment_id)
        (inner,) = mlflow.search_runs([another.experiment_id], output_format="list")
        assert mlflow.artifacts.load_text(f"{inner.info.artifact_uri}/file.txt") == "text"
        assert "past proxies: example.org,127.0.0.1 " in said.out
        address = next(line for line in said.out.splitlines() if line.startswith("http://127.0.0.1:"))
        assert not answers(address)

    def test_it_is_gone_when_the_process_that_started_it_is_killed(self, store: str) -> None:
        command = [sys.executable, "-c", SERVED, store]
        with subprocess.Popen(command, cwd=PROJECT, env=environment(), stdout=subprocess.PIPE, text=True) as starter:
            assert starter.stdout
            address = starter.stdout.readline().strip()
            urlopen(f"{address}/health", timeout=10).close()
            starter.kill()
        until(lambda: not answers(address))

    def test_one_that_does_not_start_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        command = ["sh", "-c", "echo the reason >&2; exit 1"]
        monkeypatch.setattr("reprise.store.mlflow_server.command", lambda *_: command)
        with (
            pytest.raises(JobFailed, match=r"MLflow's server does not start: the reason$"),
            store_access.served("sqlite:///x"),
        ):
            pass
