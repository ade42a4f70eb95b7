"""The backend `commit`: any MLflow Project, at any commit, in a run that says so."""

import json
import os
import platform
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import mlflow
import pytest
from conftest import commit_all, environment, git, run

from reprise.backends.commit import CommitBackend, EntryPointFailed
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.process_lock import is_held
from reprise.code.project_uri import ProjectUri
from reprise.running.commit_run import run_at_commit
from reprise.running.run_request import RunRequest, RunResult

MLPROJECT = """
name: foreign
entry_points:
  main:
    parameters:
      word: {type: string, default: hello}
      out: {type: string}
    command: "cat value.txt > {out} && echo {word} >> {out}"
  fail: {command: "exit 7"}
  wait: {command: "trap 'echo interrupted > $OUT; exit 5' INT; echo $$ > $OUT.pid; while true; do sleep 0.1; done"}
"""


@pytest.fixture
def foreign(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, store: str) -> Path:
    """Somebody's MLflow Project without any environment, of two commits."""
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("MLFLOW_ENV_ROOT", str(tmp_path / "envs"))
    folder = tmp_path / "foreign"
    (folder / "sub").mkdir(parents=True)
    (folder / "MLproject").write_text(MLPROJECT)
    (folder / "sub/MLproject").write_text(MLPROJECT)
    (folder / "sub/value.txt").write_text("inner ")
    (folder / "value.txt").write_text("first ")
    commit_all(folder, "first")
    git(folder, "tag", "v1")
    (folder / "value.txt").write_text("second ")
    commit_all(folder, "second")
    return folder


def request(place: str | Path, version: str | None = None, subdirectory: str = "", **fields: object) -> RunRequest:
    uri = ProjectUri(str(place), version, subdirectory)
    fields = {"env_manager": "local", "experiment_id": os.environ["MLFLOW_EXPERIMENT_ID"], **fields}
    return RunRequest(uri, **fields)  # type: ignore[arg-type]


def run_backend(uri: str | Path, version: str | None = None, entry_point: str = "main", **config: object) -> str:
    """Call the plugin as `mlflow run` does, and return the id of the run."""
    full = {"ENV_MANAGER": "local", "SYNCHRONOUS": False, "DOCKER_ARGS": None, "STORAGE_DIR": None, **config}
    parameters = {"out": str(Path("out.txt").absolute())} if entry_point == "main" else {}
    experiment = os.environ["MLFLOW_EXPERIMENT_ID"]
    backend = CommitBackend()
    submitted = backend.run(str(uri), entry_point, parameters, version, full, mlflow.get_tracking_uri(), experiment)
    assert submitted.wait()
    return str(submitted.run_id)


def all_runs() -> list[mlflow.entities.Run]:
    found: list[mlflow.entities.Run] = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return found


def test_it_runs_what_stood_at_that_commit(foreign: Path, tmp_path: Path) -> None:
    for uri, expected in {
        f"{foreign}#v1": "first hello",
        f"{foreign}#main": "second hello",
        f"{foreign.as_uri()}#{git(foreign, 'rev-parse', '--short', 'v1')}": "first hello",
        f"{foreign}#v1:sub": "inner hello",
        f"{foreign}#:sub": "inner hello",
        f"{foreign}/sub": "inner hello",
    }.items():
        run_backend(uri)
        assert (tmp_path / "out.txt").read_text().split() == expected.split()


def test_the_run_says_what_ran(foreign: Path) -> None:
    git(foreign, "remote", "add", "origin", "https://me:secret@example.org/foreign.git")
    found = mlflow.get_run(run_backend(f"{foreign}#v1:sub"))
    assert found.info.status == "FINISHED"
    assert found.data.params["word"] == "hello"
    expected = {
        "mlflow.source.git.commit": git(foreign, "rev-parse", "v1"),
        "mlflow.source.git.repoURL": "https://example.org/foreign.git",
        "mlflow.source.name": f"{foreign}#v1:sub",
        "mlflow.source.type": "PROJECT",
        "mlflow.project.entryPoint": "main",
        "mlflow.project.backend": "commit",
        "mlflow.project.env": "local",
        "reprise.version": "v1",
        "reprise.subdirectory": "sub",
    }
    assert expected.items() <= found.data.tags.items()
    assert mlflow.get_run(run_backend(f"{foreign}#main")).data.tags["mlflow.source.git.branch"] == "main"


def test_a_dirty_tree_is_refused_or_carried_along(foreign: Path, tmp_path: Path) -> None:
    (foreign / "value.txt").write_text("dirty ")
    (foreign / "new.txt").write_text("untracked")
    with pytest.raises(WrongCall, match=r"these changes are not committed: new\.txt, value\.txt; commit them, or add"):
        run_backend(foreign)
    assert all_runs() == []
    run_backend(f"{foreign}#main")
    assert (tmp_path / "out.txt").read_text().startswith("second")
    found = mlflow.get_run(run_backend(foreign, patch=True))
    assert (tmp_path / "out.txt").read_text().startswith("dirty")
    assert (found.data.tags["mlflow.source.git.dirty"], found.data.tags["reprise.patch"]) == ("true", "complete")
    patch = mlflow.artifacts.load_text(f"runs:/{found.info.run_id}/provenance/patch.diff")
    assert "+dirty" in patch
    assert "new.txt" in patch
    (foreign / ".env").write_text("secret")
    with pytest.raises(WrongCall, match=r"the patch would leave out \.env: its name is one that secrets have"):
        run_backend(foreign, patch=True)


@pytest.mark.parametrize(
    ("uri", "arguments", "reason"),
    [
        ("{}#sub", {}, r"'sub' is no commit, tag or branch of .*#:<subdirectory>"),
        ("{}#main:nothing", {}, "has no folder 'nothing'"),
        ("{}#main", {"version": "v1"}, "version 'v1' is not the commit that #main names"),
        ("{}", {"entry_point": "nothing"}, "Could not find nothing among entry points"),
        ("{}", {"Patch": True}, "backend config 'Patch' is not known"),
        ("{}", {"patch": "yes"}, "backend config patch is 'yes'"),
    ],
)
def test_a_wrong_call_is_one_line_and_makes_no_run(
    uri: str, arguments: dict[str, str], reason: str, foreign: Path
) -> None:
    with pytest.raises(WrongCall, match=reason) as raised:
        run_backend(uri.format(foreign), **arguments)
    assert "\n" not in raised.value.format_message()
    assert all_runs() == []


def test_a_repository_without_mlproject_is_said(foreign: Path) -> None:
    git(foreign, "rm", "--quiet", "MLproject")
    commit_all(foreign)
    with pytest.raises(WrongCall, match="has no MLproject; name a project's folder"):
        run_backend(foreign)


def test_a_parameter_that_mlflow_does_not_take_ends_the_run(foreign: Path) -> None:
    with pytest.raises(JobFailed, match="takes no such parameters"):
        run_at_commit(request(foreign, entry_point="fail", parameters={"a$": "1"}))
    assert [one.info.status for one in all_runs()] == ["FAILED"]


def test_a_password_in_a_parameter_is_not_printed(foreign: Path, capsys: pytest.CaptureFixture[str]) -> None:
    word = "https://me:hunter2@example.org/x.csv"
    result = run_at_commit(request(foreign, parameters={"word": word, "out": str(foreign.with_suffix(".out"))}))
    assert "hunter2" in foreign.with_suffix(".out").read_text()
    assert "hunter2" not in capsys.readouterr().err
    assert mlflow.get_run(result.run_id).data.params["word"] == "https://example.org/x.csv"


def test_a_missing_parameter_and_manager_are_said(foreign: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(WrongCall, match="No value given for missing parameters: 'out'"):
        run_at_commit(request(foreign))
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    with pytest.raises(WrongCall, match="uv is not on the PATH"):
        run_at_commit(request(foreign, parameters={"out": "x"}, env_manager="uv"))
    with pytest.raises(WrongCall, match="pyenv is not on the PATH; install it, or give --env-manager uv"):
        run_at_commit(request(foreign, parameters={"out": "x"}, env_manager="virtualenv"))
    assert all_runs() == []


def test_an_entry_point_that_fails_passes_its_exit_code_on(foreign: Path) -> None:
    with pytest.raises(EntryPointFailed, match="exit code 7") as raised:
        run_backend(foreign, entry_point="fail")
    assert raised.value.exit_code == 7
    (found,) = all_runs()
    assert (found.info.status, found.data.tags["mlflow.project.backend"]) == ("FAILED", "commit")


def test_runs_of_one_repository_do_not_disturb_one_another(foreign: Path, tmp_path: Path) -> None:
    """Several at once, on a cache that is empty, each at a commit of its own."""
    results: list[RunResult] = []

    def start(version: str, out: Path) -> None:
        results.append(run_at_commit(request(foreign.as_uri(), version, parameters={"out": str(out)})))

    outs = {tmp_path / f"out-{number}": ("v1", "main")[number % 2] for number in range(6)}
    threads = [threading.Thread(target=start, args=(version, out)) for out, version in outs.items()]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one.exit_code for one in results] == [0] * 6
    assert [out.read_text().split()[0] for out in outs] == ["first", "second"] * 3
    assert list((tmp_path / "cache/clones").iterdir()) == []


def test_a_clone_that_its_own_process_removes_meanwhile_is_no_failure(
    foreign: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def removed(lock: Path) -> bool:
        shutil.rmtree(lock.parent)
        return is_held(lock)

    (tmp_path / "cache/clones/another").mkdir(parents=True)
    monkeypatch.setattr("reprise.code.clone.is_held", removed)
    out = tmp_path / "out"
    assert run_at_commit(request(foreign.as_uri(), "v1", parameters={"out": str(out)})).exit_code == 0
    assert list((tmp_path / "cache/clones").iterdir()) == []


def wait_until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.05)
    assert holds()


@pytest.mark.integration
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_job_and_the_run(number: signal.Signals, foreign: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    command = ["mlflow", "run", str(foreign), "-e", "wait", "-b", "commit", "--env-manager", "local"]
    variables = {name: os.environ[name] for name in ("REPRISE_CACHE", "MLFLOW_EXPERIMENT_ID")}
    with subprocess.Popen(
        command, env=environment(**variables, OUT=str(out), MLFLOW_TRACKING_URI=mlflow.get_tracking_uri())
    ) as process:
        try:
            wait_until(lambda: out.with_suffix(".pid").exists() and out.with_suffix(".pid").read_text() != "")
            process.send_signal(number)
            assert process.wait(60) != 0
        finally:
            process.kill()
    assert out.read_text() == "interrupted\n"
    assert not Path(f"/proc/{out.with_suffix('.pid').read_text().strip()}").exists()
    (found,) = all_runs()
    assert (found.info.status, found.data.tags["reprise.failure"]) == ("KILLED", "interrupted")
    assert list((tmp_path / "cache/clones").iterdir()) == []


@pytest.mark.integration
def test_mlflow_run_finds_the_backend(foreign: Path, tmp_path: Path) -> None:
    """With the run's name, a relative store, the job's output and its exit code."""
    shutil.copy(tmp_path / "mlflow.db", tmp_path / "other.db")
    options = ["-b", "commit", "--env-manager", "local", "--run-name", "by hand"]
    variables = {"REPRISE_CACHE": os.environ["REPRISE_CACHE"], "MLFLOW_TRACKING_URI": "sqlite:///other.db"}
    done = run("mlflow", "run", f"{foreign}#v1", *options, "-P", f"out={tmp_path}/a b.txt", cwd=tmp_path, **variables)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a b.txt").read_text().split() == ["first", "hello"]
    done = run("mlflow", "run", str(foreign), "-e", "fail", *options, cwd=tmp_path, **variables)
    assert done.returncode == 7
    assert "Traceback" not in done.stderr
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'other.db'}")
    found = all_runs()
    assert [(one.info.status, one.info.run_name) for one in found] == [("FAILED", "by hand"), ("FINISHED", "by hand")]


@pytest.mark.parametrize("key", ["conda_env", "python_env"])
@pytest.mark.parametrize("content", ["[", "dependencies: 5", "- a", "\x00"])
def test_an_environment_that_is_none_ends_the_run(key: str, content: str, foreign: Path) -> None:
    with (foreign / "MLproject").open("a") as file:
        file.write(f"{key}: environment.yaml\n")
    (foreign / "environment.yaml").write_text(content)
    commit_all(foreign)
    with pytest.raises(JobFailed, match=r"environment\.yaml describes no environment: ") as raised:
        run_at_commit(request(foreign, parameters={"out": "x"}, env_manager="uv"))
    assert "\n" not in raised.value.format_message()
    assert [one.info.status for one in all_runs()] == ["FAILED"]


PYTHON_ENV = "python: '3.11'\ndependencies: [six==1.16.0]\n"


@pytest.fixture
def with_environment(foreign: Path) -> Path:
    """The same project with a python_env of its own."""
    command = "python -c \"import six, sys; open('{out}', 'w').write(six.__version__ + ' ' + sys.prefix)\""
    (foreign / "python_env.yaml").write_text(PYTHON_ENV)
    (foreign / "MLproject").write_text(f"""
name: foreign
python_env: python_env.yaml
entry_points:
  main:
    parameters: {{out: string}}
    command: >-
      {command}
""")
    commit_all(foreign, "with an environment")
    return foreign


@pytest.mark.integration
@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")
def test_an_environment_is_built_whole_or_not_used(with_environment: Path, tmp_path: Path) -> None:
    """Built once; what an interrupted build left is built anew; what cannot be built says why."""
    out = tmp_path / "out"
    same = request(with_environment, env_manager="uv", parameters={"out": str(out)})
    run_at_commit(same)
    version, prefix = out.read_text().split()
    assert version == "1.16.0"
    assert Path(prefix).is_relative_to(tmp_path / "envs")
    (Path(prefix) / "mark").write_text("kept")
    run_at_commit(same)
    assert (Path(prefix) / "mark").exists()
    Path(f"{prefix}.whole").unlink()
    shutil.rmtree(next(Path(prefix).glob("lib/*/site-packages/six-*")))
    run_at_commit(same)
    assert out.read_text().split() == [version, prefix]
    assert not (Path(prefix) / "mark").exists()
    (with_environment / "python_env.yaml").write_text(PYTHON_ENV.replace("1.16.0", "99.0"))
    commit_all(with_environment)
    with pytest.raises(JobFailed, match=r"the environment cannot be built: .*six==99\.0"):
        run_at_commit(same)
    assert [one.info.status for one in all_runs()] == ["FAILED", *["FINISHED"] * 3]
    assert "six==99.0" in all_runs()[0].data.tags["reprise.failure"]


@pytest.mark.integration
@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")
def test_the_environment_has_the_very_python_that_is_asked_for(
    with_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of all that the project allows; another where that one cannot be had, which is said."""
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "never")
    (with_environment / "python_env.yaml").write_text(PYTHON_ENV.replace("3.11", "3"))
    commit_all(with_environment)
    listed = run("uv", "python", "list", "3.11", "--only-installed", "--output-format", "json", cwd=tmp_path).stdout
    installed = {python["version"] for python in json.loads(listed)}
    assert platform.python_version() in installed
    for version in installed:
        assert python_of(request(with_environment, env_manager="uv", python=version), tmp_path) == version
    assert "is not on this machine" not in capsys.readouterr().err
    assert python_of(request(with_environment, env_manager="uv", python="3.0.99"), tmp_path) != "3.0.99"
    assert (
        "Python 3.0.99 is not on this machine, and uv cannot download it; using another Python 3"
        in capsys.readouterr().err
    )


def python_of(asked: RunRequest, folder: Path) -> str:
    """The version of the Python in whose environment a request is run."""
    run_at_commit(replace(asked, parameters={"out": str(folder / "out")}))
    _, prefix = (folder / "out").read_text().split()
    return run(
        Path(prefix, "bin/python"), "-c", "import platform; print(platform.python_version())", cwd=folder
    ).stdout.strip()


@pytest.mark.integration
@pytest.mark.skipif(not shutil.which("pyenv"), reason="pyenv is not installed")
def test_virtualenv_takes_a_python_that_pyenv_has(
    with_environment: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """MLflow takes the newest that there is, which pyenv may have to build for minutes, or not know."""
    listed = run("pyenv", "versions", "--bare", cwd=tmp_path).stdout.split()
    installed = [version for version in listed if re.fullmatch(r"3\.11\.\d+", version)]
    if not installed:
        pytest.skip("pyenv has no Python 3.11")
    newest = max(installed, key=lambda version: int(version.rpartition(".")[2]))
    assert python_of(request(with_environment, env_manager="virtualenv"), tmp_path) == newest
    assert "pyenv has no" not in capsys.readouterr().err
    assert python_of(request(with_environment, env_manager="virtualenv", python="3.11.99"), tmp_path) == newest
    assert "pyenv has no Python 3.11.99; using another Python 3.11" in capsys.readouterr().err
