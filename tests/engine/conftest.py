"""What the tests share: a copy of this project in a git repository of its own, a store, and real processes."""

import atexit
import collections
import contextlib
import functools
import gc
import importlib
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import mlflow
import pandas as pd
import pytest
import python_stand_in
from PIL import Image

from reprise.base import project as project_folder
from reprise.contract.command import command
from reprise.task import canvas

PROJECT = Path(__file__).resolve().parents[2]
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # mlflow, uv, reprise
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:  # of a shell's background, and what a test starts inherits it
    signal.signal(signal.SIGINT, signal.default_int_handler)
JOBS = {name: f"reprise.jobs.{name}" for name in ("tune", "probe", "predict", "reproduce")}
"""Entry points of the engine's own, and the module of each."""
SCRIPTS = ("train", "evaluate")
"""Entry points whose scripts are the project's."""
EXPERIMENT = "MLFLOW_EXPERIMENT_ID"
"""The variable by which tests take the experiment that every store has, where the project's own is not the subject."""
os.environ[EXPERIMENT] = "0"
ENTRY_POINTS: dict[str, click.Command] = {
    name: command(getattr(importlib.import_module(home), name))
    for name, home in {**{name: name for name in SCRIPTS}, **JOBS}.items()
}
"""The click command of each entry point that fits, scores or loads models."""
SLOW = {"integration": 1, "slow": 30, "kubernetes": 5}
"""Marks of tests that start processes, and how heavy each makes its file.

The two files of cluster tests come far apart, for the node has no room for the pods of both.
"""
POOR = ("--features", "sepal width (cm)")
"""Options of `train` by which a model of any kind is refused by the policy."""
OTHER = ("--features", "sepal length (cm),petal length (cm),petal width (cm)")
"""Options of `train` by which a model of any kind is another than by default, and passes."""
IDENTITY = ["-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main"]


python_stand_in.leave_stores_to_the_system()
python_stand_in.read_metadata_once()


def _write_blank(figures: Iterable[str], folder: Path) -> dict[str, str]:
    for name in figures:
        Image.new("L", (1, 1), "white").save(folder / f"{name}.png")
    return {}


_write_figures, canvas.write = canvas.write, _write_blank
"""Drawing is two fifths of a job in this process. Jobs that a test starts in a process of their own draw."""


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the figures of jobs in this process, for tests of figures."""
    monkeypatch.setattr(canvas, "write", _write_figures)


def pytest_xdist_auto_num_workers() -> int:
    """Start one worker more than there are cores, because many tests wait for a server."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let files of slow tests begin first, so that no worker is left with one of them in the end."""
    weights = collections.Counter[Path]()
    for item in items:
        slow = [mark for mark in SLOW if item.get_closest_marker(mark)]
        weights[item.path] += sum(SLOW[mark] for mark in slow)
    items.sort(key=lambda item: -weights[item.path])  # stable: a file's tests stay together and in their order


def pytest_collection_finish() -> None:
    """Keep the garbage collector off what is imported by now, as `reprise.base.garbage_collection` does in a script."""
    gc.freeze()


def git(folder: Path, *arguments: str) -> str:
    """Run git, away from the caller's own configuration."""
    command = ["git", *IDENTITY, "-C", str(folder), *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def commit_all(folder: Path, message: str = "change") -> str:
    """Commit all that is in a folder and return the commit."""
    if not (folder / ".git").exists():
        git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", message)
    return git(folder, "rev-parse", "HEAD")


def environment(**variables: str) -> dict[str, str]:
    """Return the environment of a user's process: nothing of MLflow's or pytest's, byte-code written.

    Runs go to MLflow's `Default`, unless an experiment is named; "" names that of the project.
    """
    dropped = ("MLFLOW_", "PYTEST_", "PYTHONDONTWRITEBYTECODE", "GIT_", "REPRISE_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    if "MLFLOW_EXPERIMENT_NAME" not in variables:
        variables = {EXPERIMENT: "0", **variables}
    return {**clean, **{name: value for name, value in variables.items() if name != EXPERIMENT or value}}


def run(*command: str | Path, cwd: Path, timeout: Any = 900, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, and return what it printed and its exit code."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(**variables),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def copy_project(folder: Path) -> Path:
    """Copy this project's files, as they are now, into a git repository of its own with one commit."""
    return Path(shutil.copytree(_committed(), folder, dirs_exist_ok=True))


@functools.cache
def _committed() -> Path:
    """Commit this project once in this process, for copies.

    The byte-code of the engine comes along. A file keeps its time, so that Python takes it as it is.
    """
    folder = Path(tempfile.mkdtemp(prefix="template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    listed = subprocess.run(
        ["git", "-C", str(PROJECT), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True,
        capture_output=True,
    ).stdout
    byte_code = [str(path.relative_to(PROJECT)) for path in (PROJECT / "reprise").rglob("__pycache__/*.pyc")]
    for name in [*filter(None, os.fsdecode(listed).split("\0")), *byte_code]:
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    commit_all(folder, "the project")
    return folder


def work_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this process take a folder for its project, with the model.py that lies there."""
    monkeypatch.setattr(project_folder, "FOLDER", folder)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.delitem(sys.modules, "model", raising=False)


@pytest.fixture(autouse=True)
def own_path() -> Iterator[None]:
    """Take back what MLflow puts on Python's path: the code of a model that it loads, a part of this engine in it."""
    before = list(sys.path)
    yield
    sys.path[:] = before


@pytest.fixture(autouse=True)
def own_variables() -> Iterator[None]:
    """Take back what MLflow puts into the environment, such as the experiment that a test sets."""
    before = {name: value for name, value in os.environ.items() if name.startswith("MLFLOW_")}
    yield
    for name in [name for name in os.environ if name.startswith("MLFLOW_")]:
        del os.environ[name]
    os.environ.update(before)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Return a clean checkout of this project, to change at will, with an empty store."""
    folder = copy_project(tmp_path / "project")
    put_store(folder)
    return folder


@pytest.fixture(scope="session")
def empty_store() -> Path:
    """Return the file of a fresh SQLite store, to be copied."""
    return _empty_store()


@functools.cache
def _empty_store() -> Path:
    """Make it once in this process, for its migrations take seconds."""
    folder = Path(tempfile.mkdtemp(prefix="store-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    before = mlflow.get_tracking_uri()
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.search_experiments()
    mlflow.set_tracking_uri(before)
    return folder / "mlflow.db"


def put_store(folder: Path, file: str = "mlflow.db", artifacts: str = "") -> None:
    """Let a folder have the store that the first run or server there would make, migrations and all."""
    shutil.copy(_empty_store(), folder / file)
    with contextlib.closing(sqlite3.connect(folder / file)) as database, database:
        place = f"{artifacts}/0" if artifacts else str(folder / "mlruns/0")
        database.execute("UPDATE experiments SET artifact_location = ?", [place])


@pytest.fixture
def store(empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Work in an empty folder with an empty store, in this process."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    for name in [name for name in os.environ if name.startswith(("MLFLOW_", "REPRISE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    mlflow.set_tracking_uri(uri)
    experiment = mlflow.MlflowClient().create_experiment("test", artifact_location=str(tmp_path / "artifacts"))
    monkeypatch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
    mlflow.tracking.fluent._active_experiment_id = None  # noqa: SLF001
    yield uri
    while mlflow.active_run():
        mlflow.end_run()


Job = Callable[..., mlflow.entities.Run]


@pytest.fixture
def train(store: str) -> Job:
    """Train in this process and return the run."""
    return lambda *arguments: invoke(ENTRY_POINTS["train"], *arguments)


@pytest.fixture
def evaluate(store: str) -> Job:
    """Evaluate in this process and return the run."""
    return lambda *arguments: invoke(ENTRY_POINTS["evaluate"], *arguments)


@pytest.fixture
def tune(store: str) -> Job:
    """Tune in this process and return the search's run; its winner's is the last active one."""

    def search(*arguments: str) -> mlflow.entities.Run:
        invoke(ENTRY_POINTS["tune"], *arguments)
        searches = "tags.`reprise.job` = 'tune'"
        newest = ["attributes.start_time DESC"]
        return mlflow.search_runs(filter_string=searches, order_by=newest, output_format="list")[0]

    return search


def script(name: str) -> list[str | Path]:
    """Return what follows `python` to start an entry point in a project's folder."""
    return ["-m", "reprise", "job", name] if name in JOBS else [f"{name}.py"]


def invoke(command: object, *arguments: str) -> mlflow.entities.Run:
    """Call a click command in this process and return the run that it made."""
    command.main([str(argument) for argument in arguments], standalone_mode=False)  # type: ignore[attr-defined]
    return mlflow.last_active_run()


def reproduced(run: mlflow.entities.Run) -> dict[str, object]:
    """Reproduce a run in this process and environment, and return what reproduction.json holds."""
    made = invoke(ENTRY_POINTS["reproduce"], "--run", run.info.run_id, "--env-manager", "local")
    found: dict[str, object] = mlflow.artifacts.load_dict(f"runs:/{made.info.run_id}/reproduction.json")
    return found


def as_served(model: Any, rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows the types of a model's signature, as MLflow's server does and docs/tables.md says."""
    schema = model.metadata.get_input_schema()
    return rows.astype(dict(zip(schema.input_names(), schema.pandas_types(), strict=True)))


@pytest.fixture(scope="session")
def waiting_python(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a `python` that has imported the libraries by the time it is called."""
    with python_stand_in.waiting(tmp_path_factory.mktemp("python")) as folder:
        yield folder


@pytest.fixture
def quick_python(waiting_python: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what a test starts find that one on its PATH."""
    monkeypatch.setenv("PATH", os.pathsep.join([str(waiting_python), os.environ["PATH"]]))


@pytest.fixture(autouse=True)
def python_of_processes(request: pytest.FixtureRequest) -> None:
    """Let each test that starts processes find that one, but for those marked `real_python`."""
    marks = {name for name in (*SLOW, "real_python") if request.node.get_closest_marker(name)}
    if marks and "real_python" not in marks:
        request.getfixturevalue("quick_python")


def in_this_process(uri: str) -> None:
    """Load a model and let it answer its example, in place of an environment that is built for it."""
    from reprise.models.logged_model import load

    load(uri).answer_example()


@pytest.fixture(scope="session")
def judged_store(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with three models, judged without a champion and registered: 1 is good, 2 is bad, 3 is good."""
    from click.testing import CliRunner

    from reprise.governance.registration import register

    folder = tmp_path_factory.mktemp("judged")
    shutil.copy(empty_store, folder / "mlflow.db")
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("MLFLOW_", "REPRISE_"))]:
            patch.delenv(name)
        patch.chdir(folder)
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        experiment = mlflow.MlflowClient().create_experiment("test", artifact_location=str(folder / "artifacts"))
        patch.setenv("MLFLOW_EXPERIMENT_ID", experiment)
        mlflow.tracking.fluent._active_experiment_id = None  # noqa: SLF001
        for options in ((), POOR, OTHER):
            run = invoke(ENTRY_POINTS["train"], *options)
            CliRunner().invoke(ENTRY_POINTS["evaluate"], ["--model", f"runs:/{run.info.run_id}/model"])
            register(run.info.run_id, "reprise", in_this_process)
    return folder


@pytest.fixture
def judged(judged_store: Path, store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> mlflow.MlflowClient:
    """That store, to change at will; models are loaded in this process rather than in an environment built for them."""
    shutil.copy(judged_store / "mlflow.db", tmp_path / "mlflow.db")
    from reprise.governance import registry_commands

    monkeypatch.setattr(registry_commands, "_Probe", lambda *_, **_trusted: in_this_process)
    return mlflow.MlflowClient()


@pytest.fixture
def checkout(project: Path) -> Path:
    """This project with a remote, so that runs say where their commit is."""
    git(project, "remote", "add", "origin", str(project))
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    mlflow.search_experiments()
    return project
