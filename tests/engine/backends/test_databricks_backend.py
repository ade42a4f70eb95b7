"""`mlflow run . -b databricks-commit`, whole, against a stand-in for a workspace; see databricks_stand_in.py."""

import json
import os
import secrets
import shutil
import signal
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import mlflow
import pytest
from conftest import PROJECT, commit_all, git, put_store, run
from databricks.sdk.service.compute import ClusterSpec, Library
from databricks_stand_in import TOKEN, Workspace, stand_in
from servers import free_port, mlflow_server, running

from reprise.backends import databricks, databricks_settings
from reprise.base.errors import JobFailed, WrongCall
from reprise.code.project_uri import ProjectUri
from reprise.code.repository import find
from reprise.running.run_request import RunRequest

CONFIG: dict[str, Any] = json.loads((PROJECT / "deploy/databricks.json").read_text())
SECRET = secrets.token_hex()
MLFLOWS_OWN = {"ENV_MANAGER": "uv", "SYNCHRONOUS": False, "DOCKER_ARGS": {}, "STORAGE_DIR": None, "build_image": False}
COMMAND = ["mlflow", "run", ".", "--backend-config", "deploy/databricks.json", "--env-manager", "uv", "-P", "seed=0"]


def new_cluster(**changes: Any) -> dict[str, Any]:
    return {**CONFIG, "new_cluster": {**CONFIG["new_cluster"], **changes}}


def pypi(package: Any) -> dict[str, Any]:
    return {"pypi": {"package": package}}


def test_the_example_is_what_databricks_sdk_takes() -> None:
    """Its types give back all that they were given, so no key is unknown to them."""
    assert ClusterSpec.from_dict(CONFIG["new_cluster"]).as_dict() == CONFIG["new_cluster"]
    assert [Library.from_dict(library).as_dict() for library in CONFIG["libraries"]] == CONFIG["libraries"]
    assert databricks_settings.check(CONFIG | MLFLOWS_OWN, "uv") == CONFIG


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (CONFIG["new_cluster"], "MLflow would send DOCKER_ARGS, ENV_MANAGER, STORAGE_DIR, SYNCHRONOUS"),
        ({}, "no cluster is configured"),
        (CONFIG | {"timeout": 3}, "'timeout' is not known"),
        (new_cluster(node_type="i3.xlarge"), "new_cluster has no field 'node_type'"),
        (new_cluster(num_workers="two"), "new_cluster.num_workers is 'two'; it takes a whole number"),
        (new_cluster(data_security_mode="OPEN"), "new_cluster.data_security_mode is 'OPEN'; it takes"),
        (new_cluster(autoscale={"min": 1}), "new_cluster.autoscale has no field 'min'"),
        (CONFIG | {"libraries": {"pypi": "uv"}}, "libraries is {'pypi': 'uv'}; it takes a list"),
        (CONFIG | {"libraries": []}, "libraries lack uv"),
        (CONFIG | {"libraries": [pypi("uvicorn")]}, "libraries lack uv"),
        (CONFIG | {"libraries": [pypi("==1")]}, "libraries lack uv"),
        (CONFIG | {"libraries": [pypi(5)]}, "libraries[0].pypi.package is 5; it takes text"),
        (CONFIG | {"libraries": [{"pypi": None}, {"jar": "a.jar"}]}, "libraries[0].pypi is None; give it a value, or"),
        (CONFIG | {"libraries": [{"pypi": {}}]}, "libraries[0].pypi lacks package"),
        ({"new_cluster": {"num_workers": 1}}, "lacks spark_version"),
    ],
)
def test_a_cluster_that_will_not_do_is_one_line(config: dict[str, Any], says: str) -> None:
    with pytest.raises(WrongCall) as refused:
        databricks_settings.check(config | MLFLOWS_OWN, "uv")
    assert says in refused.value.message
    assert "\n" not in refused.value.message


def test_what_is_wrong_in_a_file_has_its_line(tmp_path: Path) -> None:
    file = tmp_path / "databricks.json"
    libraries = '[{"pypi": {"package": "uv"}},\n {"jar": 5}]'
    file.write_text(f'{{"new_cluster": {{"spark_version": "17.3.x"}},\n "libraries": {libraries}}}')
    command = click.Context(click.Command("run"))
    command.params = {"backend_config": str(file)}
    wrong = rf"^backend config {file}, line 3: libraries\[1\]\.jar is 5; it takes text$"
    with command, pytest.raises(WrongCall, match=wrong):
        databricks_settings.check(json.loads(file.read_text()), "uv")


def test_a_cluster_may_give_numbers_where_anybody_names_the_keys() -> None:
    config = new_cluster(spark_conf={"spark.speculation": True, "spark.cores.max": 4})
    assert databricks_settings.check(config, "uv") == config


@pytest.mark.parametrize(
    "package", ["uv", "UV", "uv<1", "uv[x]==1", " uv >= 0.8", "uv~=0.8,<1", "uv @ https://host/uv.whl"]
)
def test_uv_may_be_asked_for_as_any_requirement(package: str) -> None:
    config = CONFIG | {"libraries": [{"jar": "dbfs:/a.jar"}, pypi("git+https://host/repo.git"), pypi(package)]}
    assert databricks_settings.check(config | MLFLOWS_OWN, "uv") == config


def test_a_portable_clone_is_the_commit_alone_and_needs_no_other_repository(project: Path, tmp_path: Path) -> None:
    """Even one that no branch leads to any more."""
    from reprise.code.clone import cloned

    (project / "secret.txt").write_text("of an earlier commit")
    commit_all(project)
    git(project, "rm", "--quiet", "secret.txt")
    sha = commit_all(project)
    git(project, "reset", "--quiet", "--hard", "HEAD~2")
    with cloned(find(ProjectUri(str(project), sha)), portable=True) as clone:
        shutil.copytree(clone.folder, tmp_path / "elsewhere")
    shutil.rmtree(project)
    assert git(tmp_path / "elsewhere", "rev-list", "HEAD") == sha
    assert git(tmp_path / "elsewhere", "fsck") == ""
    assert git(tmp_path / "elsewhere", "status", "--porcelain") == ""


def send(project: Path, **config: Any) -> None:
    mlflow.projects.run(
        str(project), backend="databricks-commit", backend_config=config or CONFIG, env_manager="uv",
        synchronous=False, experiment_id="0",
    )  # fmt: skip


@pytest.mark.usefixtures("workspace")
class TestBeforeAnythingIsSent:
    """A workspace that fails the test if it is given anything."""

    @pytest.fixture
    def workspace(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
        with stand_in(Workspace(tmp_path / "workspace")) as workspace:
            for name, value in login(workspace).items():
                monkeypatch.setenv(name, value)
            monkeypatch.setenv("HOME", str(tmp_path))
            mlflow.set_tracking_uri("databricks")
            yield workspace
            assert not workspace.submitted
            assert not workspace.tarballs()

    def test_a_store_that_a_cluster_cannot_reach(self, project: Path, store: str) -> None:
        mlflow.set_tracking_uri(store)
        with pytest.raises(WrongCall, match="export MLFLOW_TRACKING_URI=databricks"):
            send(project)

    def test_no_host(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DATABRICKS_HOST")
        with pytest.raises(WrongCall, match="set DATABRICKS_HOST and DATABRICKS_TOKEN"):
            send(project)

    def test_a_host_that_does_not_answer(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABRICKS_HOST", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(click.ClickException, match=r"does not answer \(.*refused\); check DATABRICKS_HOST"):
            send(project)

    def test_a_host_behind_a_proxy(self, workspace: Workspace, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Which only the proxy can reach; what NO_PROXY names is reached without it."""
        (project / "new.txt").write_text("so that nothing is sent")
        monkeypatch.setenv("HTTP_PROXY", workspace.address)
        monkeypatch.setenv("DATABRICKS_HOST", "http://workspace.invalid")
        with pytest.raises(WrongCall, match="these changes are not committed"):
            send(project)
        monkeypatch.setenv("HTTP_PROXY", f"http://127.0.0.1:{free_port()}")
        with pytest.raises(
            JobFailed, match=r"workspace\.invalid does not answer \(Connection refused\); check HTTP_PROXY"
        ):
            send(project)
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        monkeypatch.setenv("DATABRICKS_HOST", workspace.address)
        with pytest.raises(WrongCall, match="these changes are not committed"):
            send(project)

    @pytest.mark.parametrize("host", ["https://host:abc", "https://[::1", "ftp://host", f"https://{'a' * 64}.net"])
    def test_a_host_that_is_no_address(self, host: str, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("DATABRICKS_HOST", host)
        with pytest.raises(WrongCall, match=r"no request can be sent to .*; check DATABRICKS_HOST"):
            send(project)

    @pytest.mark.parametrize("content", [b"host = https://host", b"[DEFAULT]\nhost = a\nhost = b", b"\xff\xfe"])
    def test_a_configuration_that_cannot_be_read(
        self, content: bytes, project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.delenv("DATABRICKS_HOST")
        (tmp_path / ".databrickscfg").write_bytes(content)
        with pytest.raises(WrongCall, match=r"\.databrickscfg cannot be read: .*; correct it, or set") as refused:
            send(project)
        assert "\n" not in refused.value.message

    def test_no_token(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("DATABRICKS_TOKEN")
        with pytest.raises(WrongCall, match=r"there is no login for http://127\.0\.0\.1"):
            send(project)

    def test_a_dirty_tree(self, project: Path) -> None:
        (project / "model.py").write_text("")
        with pytest.raises(WrongCall, match=r"these changes are not committed: model.py"):
            send(project)

    def test_a_commit_that_is_too_large(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(databricks, "SIZE_LIMIT", 2**20)
        (project / "people.csv").write_bytes(bytes(2**20))
        commit_all(project)
        with pytest.raises(WrongCall, match=r"over the limit of 1 MiB; the largest: people.csv \(1 MiB\)"):
            send(project)

    def test_an_engine_that_a_cluster_cannot_get(self, project: Path) -> None:
        shutil.rmtree(project / "reprise")
        (project / "conda.yaml").write_text(
            "dependencies:\n  - python=3.11\n  - pip\n  - pip:\n"
            f"      - reprise @ git+file://localhost/srv/reprise@{'a' * 40}\n"
        )
        commit_all(project)
        with pytest.raises(WrongCall, match=r"at file://localhost/srv/reprise, .* a cluster does not have; pin the en"):
            send(project)
        text = (project / "conda.yaml").read_text()
        (project / "conda.yaml").write_text(text.replace("file://localhost", f"http://127.0.0.1:{free_port()}"))
        commit_all(project, "name a repository that asks for a login")
        with pytest.raises(WrongCall, match=r"the engine's repository http://127\S+ takes credentials"):
            send(project)


def terminate(*_arguments: Any) -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def fail(*_arguments: Any) -> None:
    raise RuntimeError("of no kind that anybody thought of")


@pytest.mark.parametrize(
    ("happens", "kind", "status"), [(terminate, KeyboardInterrupt, "KILLED"), (fail, RuntimeError, "FAILED")]
)
def test_a_run_does_not_stay_running_whatever_happens_on_the_way(
    happens: Any, kind: type[BaseException], status: str, project: Path, store: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("reprise.base.mlflow_private.run_on_databricks", happens)
    request = RunRequest(ProjectUri(str(project)), env_manager="uv", experiment_id=os.environ["MLFLOW_EXPERIMENT_ID"])
    with pytest.raises(kind):
        databricks.submit(request, CONFIG)
    assert [run.info.status for run in mlflow.search_runs(output_format="list")] == [status]


def login(workspace: Workspace) -> dict[str, str]:
    return {"DATABRICKS_HOST": workspace.address, "DATABRICKS_TOKEN": TOKEN}


def names(tarball: Path) -> set[str]:
    """The files of the project in a tarball, without git's own."""
    with tarfile.open(tarball) as opened:
        found = {member.name.removeprefix("mlflow-project/") for member in opened if member.isfile()}
    return {name for name in found if not name.startswith(".git/")}


@pytest.mark.integration
@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")
@pytest.mark.skipif(not shutil.which("rsync"), reason="rsync, which MLflow's command for the cluster calls, is missing")
class TestTheWholeWay:
    @pytest.fixture(scope="class")
    @classmethod
    def workspace(cls, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workspace]:
        """Behind it a real MLflow server; the job writes its artifacts into a folder, where DBFS would be."""
        folder = tmp_path_factory.mktemp("workspace")
        put_store(folder, artifacts=str(folder / "artifacts"))
        store = f"sqlite:///{folder / 'mlflow.db'}"
        place = ["--no-serve-artifacts", "--default-artifact-root", str(folder / "artifacts")]
        server = mlflow_server(folder, store, *place)
        with running(server), stand_in(Workspace(folder, server.address)) as workspace:
            yield workspace

    @pytest.fixture
    def checkout(self, project: Path) -> Path:
        """A checkout that has been worked in: with a login, a database, an environment, none of them committed."""
        (project / ".env").write_text(f"DATABRICKS_TOKEN={SECRET}")
        (project / "mlflow.db").write_text("a database")
        for file in (".venv/bin/python", "mlruns/0/model.skops", "data/people.csv"):
            (project / file).parent.mkdir(parents=True)
            (project / file).write_text("not committed")
        with (project / ".git/info/exclude").open("a") as ignored:
            ignored.write("/data/\n")
        git(project, "remote", "add", "origin", f"https://me:{SECRET}@git.example.org/me/project.git")
        return project

    def submit(self, backend: str, folder: Path, workspace: Workspace) -> subprocess.CompletedProcess[str]:
        variables = {"MLFLOW_TRACKING_URI": "databricks", "MLFLOW_EXPERIMENT_ID": "0", **login(workspace)}
        return run(*COMMAND, "-b", backend, cwd=folder, HOME=str(folder.parent), **variables)

    def test_the_commit_arrives_alone_and_its_job_fills_the_run(self, workspace: Workspace, checkout: Path) -> None:
        sha = git(checkout, "rev-parse", "HEAD")
        done = self.submit("databricks-commit", checkout, workspace)
        assert done.returncode == 0, done.stderr
        (tarball,) = workspace.tarballs()
        assert names(tarball) == set(git(checkout, "ls-files").splitlines())
        with tarfile.open(tarball) as opened:
            whole = b"".join(file.read() for member in opened if (file := opened.extractfile(member)))
        assert b"git.example.org" in whole
        assert SECRET.encode() not in whole

        (payload,) = workspace.submitted
        assert set(payload) == {"run_name", "new_cluster", "shell_command_task", "libraries"}
        assert ClusterSpec.from_dict(payload["new_cluster"]).as_dict() == payload["new_cluster"]
        assert [library["pypi"]["package"] for library in payload["libraries"]] == ["uv>=0.8", "mlflow==3.17.2"]
        assert "-P seed=0" in payload["shell_command_task"]["command"][-1]

        assert workspace.jobs[0].wait(600) == 0, (workspace.folder / "job.log").read_text()[-3000:]
        mlflow.set_tracking_uri(workspace.mlflow)
        (made,) = mlflow.search_runs(["0"], output_format="list")
        assert made.info.status == "FINISHED"
        assert made.data.metrics["test_accuracy"] > 0.9
        tags = made.data.tags
        assert tags["mlflow.source.git.commit"] == sha
        assert (tags["reprise.git"], tags["reprise.patch"], tags["reprise.environment.matches"]) == (
            "ok",
            "none",
            "true",
        )
        assert tags["mlflow.databricks.runURL"].startswith(workspace.address)
        assert mlflow.sklearn.load_model(f"runs:/{made.info.run_id}/model")

    def test_mlflows_own_backend_sends_a_fresh_clone_as_well_and_a_folder_as_it_stands(
        self, workspace: Workspace, checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Which is why a folder that was worked in should not be given to it."""
        monkeypatch.setattr(workspace, "executes", False)
        git(tmp_path, "clone", "--quiet", str(checkout), "fresh")
        for folder, extra in (
            (tmp_path / "fresh", set()),
            (checkout, {".env", "mlflow.db", ".venv/bin/python", "data/people.csv"}),
        ):
            before = set(workspace.tarballs())
            assert self.submit("databricks", folder, workspace).returncode == 0
            (tarball,) = set(workspace.tarballs()) - before
            compiled = {path.relative_to(folder).as_posix() for path in folder.rglob("__pycache__/*.pyc")}
            assert names(tarball) == {*git(checkout, "ls-files").splitlines(), *extra, *compiled}

    def test_a_workspace_that_refuses_leaves_the_run_failed(
        self, workspace: Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(workspace, "submit", lambda _payload: {"error_code": "PERMISSION_DENIED"})
        done = self.submit("databricks-commit", project, workspace)
        assert done.returncode == 1
        assert "Error: Databricks did not take run" in done.stderr
        mlflow.set_tracking_uri(workspace.mlflow)
        newest = mlflow.search_runs(["0"], output_format="list", max_results=1)[0]
        assert newest.info.status == "FAILED"
        assert "Databricks did not take" in newest.data.tags["reprise.failure"]
