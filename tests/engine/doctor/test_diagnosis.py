"""`reprise doctor`: each thing that can be broken here is a line with what to do."""

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import click
import mlflow
import pytest
from click.testing import CliRunner, Result
from conftest import PROJECT, commit_all, environment, git

from reprise.base import process, tag
from reprise.base.project import LOCK_FILE
from reprise.cli.commands import cli
from reprise.doctor import diagnosis, environment_check, repository_check, store_check
from reprise.doctor import store_check as doctor_store
from reprise.environment.pins import read_lock
from reprise.store import tracking


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Take a small repository for the project's own, and leave aside what this machine keeps of environments."""
    monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "envs"))
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "file").write_text("text")
    (folder / "MLproject").write_text("name: checkout\n")
    commit_all(folder)
    monkeypatch.setattr("reprise.base.project.FOLDER", folder)
    return folder


def doctor(*arguments: str) -> Result:
    result = CliRunner().invoke(cli, ["doctor", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def shown(findings: Iterable[diagnosis.Diagnosis]) -> str:
    return click.unstyle("\n".join(found.show() for found in findings))


def line(output: str, subject: str) -> str:
    """Return a subject's lines: level, text, details and remedy."""
    found = re.search(rf"^(ok|note|warn|FAIL) +{subject} .*(\n {{10}}.*)*", output, re.MULTILINE)
    assert found, f"nothing about {subject} in\n{output}"
    return found[0]


def level(output: str, subject: str) -> str:
    return line(output, subject).split()[0]


class TestRepository:
    def look(self, folder: Path) -> str:
        return shown(repository_check.examine(folder))

    def test_a_pushed_head_is_ok(self, checkout: Path, tmp_path: Path) -> None:
        git(tmp_path, "init", "--quiet", "--bare", "remote.git")
        git(checkout, "remote", "add", "origin", str(tmp_path / "remote.git"))
        git(checkout, "push", "--quiet", "-u", "origin", "main")
        output = self.look(checkout)
        assert [level(output, subject) for subject in ("git", "repository", "pushed")] == ["ok", "ok", "ok"]
        assert "in origin/main" in line(output, "pushed")

    def test_an_unpushed_head_is_a_warning_and_the_remedy_works(self, checkout: Path, tmp_path: Path) -> None:
        git(tmp_path, "init", "--quiet", "--bare", "remote.git")
        git(checkout, "remote", "add", "upstream", str(tmp_path / "remote.git"))
        warned = line(self.look(checkout), "pushed")
        assert warned.startswith("warn")
        remedy = warned.partition("-> git ")[2]
        assert remedy == "push -u upstream main"
        git(checkout, *remedy.split())
        assert level(self.look(checkout), "pushed") == "ok"
        (checkout / "file").write_text("changed")
        commit_all(checkout)
        assert line(self.look(checkout), "pushed").endswith("-> git push")

    def test_no_remote_is_a_warning(self, checkout: Path) -> None:
        assert "warn  pushed        no remote" in self.look(checkout)

    def test_a_dirty_tree_is_a_note(self, checkout: Path) -> None:
        (checkout / "new").write_text("new")
        assert level(self.look(checkout), "repository") == "note"

    def test_no_repository_is_said_with_the_remedy(self, tmp_path: Path) -> None:
        said = line(self.look(tmp_path), "repository")
        assert said.startswith("FAIL")
        assert "-> git init and commit" in said

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder to another user")
    def test_an_untrusted_repository_is_said_with_the_remedy(
        self, checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        for path in [checkout, *checkout.rglob("*")]:
            os.lchown(path, 12345, 12345)
        said = line(self.look(checkout), "repository")
        assert said.startswith("FAIL")
        assert said.endswith(f"-> git config --global --add safe.directory {checkout}")


class TestEnvironments:
    @pytest.fixture
    def root(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "envs"))
        return tmp_path / "envs"

    def look(self) -> str:
        return shown(environment_check.kept_environments(LOCK_FILE, read_lock()))

    def make(self, folder: Path, *distributions: str) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").symlink_to(sys.executable)
        for distribution in distributions:
            named = folder / f"lib/python3.11/site-packages/{distribution}.dist-info"
            named.mkdir(parents=True)
            name, _, version = distribution.partition("-")
            (named / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")

    def test_a_folder_that_is_not_there_yet_can_be_made(self, root: Path) -> None:
        assert line(self.look(), "environments").startswith(f"ok    environments  {root}: 0 kept")
        assert not root.exists()

    def test_an_environment_without_python_is_half_built(self, root: Path) -> None:
        (root / "mlflow-0123").mkdir(parents=True)
        assert (
            f"it has no Python\n{' ' * 20}-> unless a run is building it now: rm -r {root}/mlflow-0123" in self.look()
        )

    def test_an_environment_without_packages_is_half_built(self, root: Path) -> None:
        self.make(root / "mlflow-0123", "pip-25.0")
        assert "it has no packages" in self.look()

    def test_another_projects_environment_is_not_held_to_our_lock(self, root: Path) -> None:
        self.make(root / "mlflow-0123", "numpy-1.0")
        assert "half-built" not in self.look()

    def test_ours_without_its_pins_is_half_built(self, root: Path) -> None:
        own = environment_check._name_of_environment(LOCK_FILE)  # noqa: SLF001  MLflow's own name for it
        self.make(root / own, "numpy-1.0")
        assert re.search(rf"{own} is half-built.* is not installed, locked ==.*, and \d+ more", self.look())

    def test_a_folder_that_cannot_be_written_fails(self, root: Path) -> None:
        root.write_text("a file")
        said = line(self.look(), "environments")
        assert said.startswith("FAIL")
        assert said.endswith("-> export MLFLOW_ENV_ROOT=FOLDER")

    def test_a_disk_that_is_nearly_full_is_a_warning(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(environment_check, "free_gib", lambda _folder: 0.5)
        assert line(self.look(), "environments").startswith(f"warn  environments  {root}: 0 kept, 0.5 GiB free")

    def test_without_any_manager_the_first_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("PATH", "CONDA_EXE", "MLFLOW_CONDA_HOME"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("PATH", "/nowhere")
        said = [found.level for found in environment_check.managers()]
        assert said == ["FAIL", "note", "note"]

    def test_one_manager_is_enough(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        (tmp_path / "uv").write_text("#!/bin/sh\necho uv 0.13.9\n")
        (tmp_path / "uv").chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/bin")
        said = {found.subject: found.level for found in environment_check.managers()}
        assert said["uv"] == "ok"
        assert "FAIL" not in said.values()

    def test_a_python_that_is_not_here_is_a_warning(self) -> None:
        lock = replace(read_lock(), python="3.99")
        found = environment_check.locked_python(lock)
        assert (found.level, found.remedy) == ("warn", "uv python install 3.99")

    def test_another_mlflow_than_the_locked_is_a_warning(self) -> None:
        lock = read_lock()
        assert environment_check.launcher_mlflow(lock).level == "ok"
        older = {**lock.pins, "mlflow-skinny": type(lock.pins["mlflow-skinny"])("mlflow-skinny==3.0.0")}
        found = environment_check.launcher_mlflow(replace(lock, pins=older))
        assert (found.level, found.remedy) == ("warn", "pip install mlflow-skinny==3.0.0")


class Silent(BaseHTTPRequestHandler):
    """A server that refuses, or says nothing that MLflow would say."""

    def do_POST(self) -> None:
        self.send_error(401)

    def log_message(self, *_: object) -> None:
        """Report nothing."""


@pytest.fixture
def locked_door() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Silent) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.mark.usefixtures("store")
class TestStore:
    def look(self, uri: str) -> str:
        mlflow.set_tracking_uri(uri)
        return shown(store_check.examine(fix=False))

    def test_a_store_that_works(self, store: str, tmp_path: Path) -> None:
        output = self.look(store)
        assert line(output, "tracking").startswith(f"ok    tracking      {store} answers")
        assert line(output, "artifacts").startswith(f"ok    artifacts     {tmp_path}/artifacts is writable")
        assert level(output, "runs") == "ok"
        assert not (tmp_path / "artifacts").exists()

    def test_a_store_that_is_not_there_yet_is_not_made(self, tmp_path: Path) -> None:
        output = self.look(f"sqlite:///{tmp_path}/new.db")
        assert "is empty: the first run fills it" in line(output, "tracking")
        assert not (tmp_path / "new.db").exists()

    def test_a_relative_store_fails_with_the_absolute_one(self, tmp_path: Path) -> None:
        said = line(self.look("sqlite:///mlflow.db"), "tracking")
        assert said.startswith("FAIL")
        assert said.endswith(f"-> export MLFLOW_TRACKING_URI=sqlite:///{tmp_path}/mlflow.db")

    def test_a_file_that_is_no_database_fails(self, tmp_path: Path) -> None:
        (tmp_path / "text.db").write_text("no database" * 100)
        assert level(self.look(f"sqlite:///{tmp_path}/text.db"), "tracking") == "FAIL"

    def test_a_store_of_an_older_mlflow_fails_with_the_upgrade(self, tmp_path: Path) -> None:
        with sqlite3.connect(tmp_path / "mlflow.db") as database:
            database.execute("UPDATE alembic_version SET version_num = '0a8213491aaa'")
        uri = f"sqlite:///{tmp_path}/mlflow.db?"
        assert f"-> back it up, then: mlflow db upgrade {uri}" in line(self.look(uri), "tracking")

    def test_a_dead_server_is_one_line(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        output = self.look(f"http://user:secret@127.0.0.1:{port}")
        assert re.fullmatch(r"FAIL  tracking .* does not answer\n +-> check that it runs, or export .*", output)
        assert "secret" not in output

    def test_a_dead_database_is_one_line(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        output = self.look(f"postgresql://user:secret@127.0.0.1:{port}/mlflow")
        assert f"postgresql://127.0.0.1:{port}/mlflow does not answer\n" in output
        assert "secret" not in output

    def test_a_server_that_refuses_the_login_is_one_line(self, locked_door: str) -> None:
        said = line(self.look(locked_door), "tracking")
        assert "refuses the login" in said
        assert "-> set MLFLOW_TRACKING_USERNAME" in said

    def test_artifacts_that_cannot_be_written_fail(self, store: str, tmp_path: Path) -> None:
        (tmp_path / "artifacts").write_text("a file")
        assert level(self.look(store), "artifacts") == "FAIL"

    def test_artifacts_elsewhere_are_said_not_to_have_been_tried(
        self, store: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bucket = mlflow.MlflowClient().create_experiment("bucket", artifact_location="s3://bucket/runs")
        monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", bucket)
        assert "s3://bucket/runs, to which runs write directly; not tested" in line(self.look(store), "artifacts")

    def test_a_folder_of_the_servers_machine_fails(self, tmp_path: Path) -> None:
        found = store_check._local_artifacts(tmp_path, "https://mlflow.example.org")  # noqa: SLF001
        assert (found.level, found.remedy) == ("FAIL", "start the server with --serve-artifacts")

    def test_an_experiment_that_is_gone_is_said(self, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
        deleted = mlflow.MlflowClient().create_experiment("deleted")
        mlflow.MlflowClient().delete_experiment(deleted)
        monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", deleted)
        assert f"-> mlflow experiments restore --experiment-id {deleted}" in line(self.look(store), "artifacts")
        monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", "777")
        assert "-> unset MLFLOW_EXPERIMENT_ID" in line(self.look(store), "artifacts")

    def test_results_that_wait_are_named(self, store: str, tmp_path: Path) -> None:
        (tmp_path / "reprise-unlogged/0123").mkdir(parents=True)
        (tmp_path / "reprise-unlogged/0123/results.json").write_text("{}")
        assert "-> reprise upload reprise-unlogged/0123" in line(self.look(store), "results")


START = """
import time
from reprise.store import tracking
with tracking.start_run("train", {}, {}) as run:
    print(run.info.run_id, flush=True)
    time.sleep(600)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="a process is identified on Linux alone")
@pytest.mark.usefixtures("store")
class TestRuns:
    @pytest.fixture
    def make(self) -> Callable[..., str]:
        """Make a run that is RUNNING, of this process but for what is changed."""

        def made(**changes: object) -> str:
            named = json.dumps(asdict(process.this_process()) | changes)
            client = mlflow.MlflowClient()
            run = client.create_run(os.environ["MLFLOW_EXPERIMENT_ID"], tags={tag.PROCESS: named} if changes else {})
            return str(run.info.run_id)

        return made

    def test_a_run_whose_process_was_killed_is_found_and_ended(self, store: str) -> None:
        variables = {"MLFLOW_TRACKING_URI": store, "MLFLOW_EXPERIMENT_ID": os.environ["MLFLOW_EXPERIMENT_ID"]}
        command = [sys.executable, "-c", START]
        with subprocess.Popen(
            command, cwd=PROJECT, env=environment(**variables), stdout=subprocess.PIPE, text=True
        ) as child:
            run_id = child.stdout.readline().strip() if child.stdout else ""
            alive = line(doctor().output, "runs")
            child.kill()
        assert run_id not in alive
        assert "left alone: 1 run with a live process" in alive

        found = line(doctor().output, "runs")
        assert re.search(rf"{run_id} in test, since \d{{4}}-", found)
        assert found.endswith("-> reprise doctor --fix")
        assert mlflow.get_run(run_id).info.status == "RUNNING"

        ended = line(doctor("--fix").output, "runs")
        assert ended.startswith("ok    runs          1 run ended as FAILED: its process is gone")
        run = mlflow.get_run(run_id)
        assert (run.info.status, run.data.tags["reprise.exit_code"]) == ("FAILED", "1")
        assert run.data.tags["reprise.failure"] == "its process is gone"
        assert run.info.end_time

    def test_only_what_is_surely_gone_is_ended(self, make: Callable[..., str]) -> None:
        with tracking.start_run("train", {}, {}) as live:
            others = [make(host="elsewhere", pid=2**22), make(pid_namespace="pid:[1]"), make(boot="")]
            stale = make(start="1")
            said = line(doctor("--fix").output, "runs")
            status = {run_id: mlflow.get_run(run_id).info.status for run_id in (live.info.run_id, *others, stale)}
        assert status.pop(stale) == "FAILED"
        assert set(status.values()) == {"RUNNING"}
        assert "left alone: 1 run with a live process" in said
        assert "left alone: 3 runs of another machine, or whose process is not known" in said

    @pytest.mark.parametrize("tie", ["its folder", "MLFLOW_TRACKING_URI", "the open file", "MLFLOW_RUN_ID"])
    def test_a_run_that_names_no_process_is_ended_once_none_is_left_that_may_fill_it(
        self, make: Callable[..., str], store: str, tie: str
    ) -> None:
        file = Path(store.removeprefix("sqlite:///"))
        work = f"import time; f = open({str(file)!r}); " if tie == "the open file" else "import time; "
        variables = {"MLFLOW_TRACKING_URI": store} if tie == "MLFLOW_TRACKING_URI" else {}
        variables |= {"MLFLOW_RUN_ID": make()} if tie == "MLFLOW_RUN_ID" else {}
        cwd = file.parent if tie == "its folder" else PROJECT
        command = [sys.executable, "-c", work + "print(flush=True); time.sleep(600)"]
        with subprocess.Popen(command, cwd=cwd, env=environment(**variables), stdout=subprocess.PIPE) as other:
            assert other.stdout
            other.stdout.readline()
            run_id = variables.get("MLFLOW_RUN_ID") or make()
            said = line(doctor("--fix").output, "runs")
            assert mlflow.get_run(run_id).info.status == "RUNNING"
            assert "left alone: 1 run of another machine, or whose process is not known" in said
            other.kill()
        assert "1 run ended as FAILED" in line(doctor("--fix").output, "runs")
        assert mlflow.get_run(run_id).info.status == "FAILED"

    def test_a_process_that_came_after_the_run_does_not_fill_it(self, make: Callable[..., str], store: str) -> None:
        run_id = make()
        client = mlflow.MlflowClient()
        with sqlite3.connect(store.removeprefix("sqlite:///")) as database:
            database.execute("UPDATE runs SET start_time = start_time - 3600000")
        file = Path(store.removeprefix("sqlite:///"))
        command = [sys.executable, "-c", "import time; print(flush=True); time.sleep(600)"]
        with subprocess.Popen(command, cwd=file.parent, env=environment(), stdout=subprocess.PIPE) as other:
            assert other.stdout
            other.stdout.readline()
            doctor("--fix")
            other.kill()
        assert client.get_run(run_id).info.status == "FAILED"

    def test_a_person_at_a_terminal_is_asked_about_what_is_not_known(
        self, make: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        yes, no = make(host="elsewhere"), make(host="elsewhere")
        asked: Any = []
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("click.confirm", lambda text: asked.append(text) or yes in text)
        found = doctor_store.runs(fix=True)
        assert "1 run ended as FAILED" in found.text
        assert (mlflow.get_run(yes).info.status, mlflow.get_run(no).info.status) == ("FAILED", "RUNNING")
        assert len(asked) == 2

    def test_all_experiments_are_searched_page_by_page(
        self, make: Callable[..., str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("reprise.store.paging.PAGE", 2)
        stale = []
        for number in range(3):
            monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", mlflow.MlflowClient().create_experiment(f"more {number}"))
            stale += [make(start=str(tick)) for tick in range(1, 4)]
        said = line(doctor("--fix").output, "runs")
        assert "9 runs ended as FAILED" in said
        assert {mlflow.get_run(run_id).info.status for run_id in stale} == {"FAILED"}


@pytest.mark.usefixtures("store", "checkout")
class TestScreen:
    def test_exit_code_0_when_nothing_fails(self) -> None:
        result = doctor()
        assert result.exit_code == 0, result.output
        assert "\nfailures: 0, warnings: " in result.output

    def test_exit_code_1_when_something_fails(self) -> None:
        mlflow.set_tracking_uri("sqlite:///mlflow.db")
        result = doctor()
        assert result.exit_code == 1
        assert "\nfailures: 1, " in result.output

    def test_without_git_uv_or_anything_on_the_path(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        result = doctor()
        assert result.exit_code == 1
        assert "-> install git" in line(result.output, "git")
        assert level(result.output, "uv") == "FAIL"
        assert level(result.output, "runs") == "ok"

    def test_a_project_without_its_lock_is_said(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("reprise.base.project.LOCK_FILE", Path("nowhere/conda.yaml"))
        assert "-> git checkout -- nowhere/conda.yaml" in line(doctor().output, "lock")

    def test_a_check_that_breaks_down_is_a_finding(self) -> None:
        def broken() -> list[diagnosis.Diagnosis]:
            raise RuntimeError("of all things")

        (found,) = diagnosis.guarded("thing", broken)
        assert (found.level, found.text) == ("FAIL", "could not be examined: RuntimeError: of all things")

    def test_colours_are_for_terminals(self) -> None:
        assert "\x1b" not in doctor().output
        assert "\x1b[32mok" in CliRunner().invoke(cli, ["doctor"], color=True).output


def test_temporary_folders_of_killed_processes_are_named_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    code = "import time; from reprise.base import scratch\n"
    code += "with scratch.folder('bundle'): print(flush=True); time.sleep(600)"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as child:
        assert child.stdout
        child.stdout.readline()
        assert not list(doctor_store.left_behind(fix=False))
        child.kill()
    (found,) = doctor_store.left_behind(fix=False)
    assert (found.text, found.remedy) == ("1 temporary folder of killed processes", "reprise doctor --fix")
    (fixed,) = doctor_store.left_behind(fix=True)
    assert fixed.text == "1 temporary folder removed: its process is gone"
    assert not list(doctor_store.left_behind(fix=False))
