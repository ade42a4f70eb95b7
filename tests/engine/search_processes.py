"""Searches and their workers as processes of their own, for tests."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import mlflow
import psutil
from conftest import environment

TRIALS = 30
SEARCH = ("--data", "digits", "--folds", "3", "--trials", str(TRIALS), "--engine", "dask", "--scheduler", "here")
LOCAL = ("--env-manager", "local")


def wait_until(holds: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not holds() and time.monotonic() < end:
        time.sleep(0.2)
    assert holds()


@contextmanager
def started(log: Path, *command: str | Path, cwd: Path, **variables: str) -> Iterator[psutil.Popen]:
    """Start a process; end it, and what it has started, as the block ends."""
    with log.open("w") as output:
        process = psutil.Popen(
            [sys.executable, *command], cwd=cwd, env=environment(**variables), stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        for one in [*process.children(recursive=True), process] if process.is_running() else []:
            one.kill()
        process.wait()


def runs(job: str) -> list[mlflow.entities.Run]:
    found: list[mlflow.entities.Run] = mlflow.search_runs(
        search_all_experiments=True, filter_string=f"tags.`reprise.job` = '{job}'", output_format="list"
    )
    return found


def work(stack: ExitStack, checkout: Path, name: str) -> psutil.Popen:
    call = ("-m", "reprise", "work", runs("tune")[0].info.run_id, *LOCAL)
    return stack.enter_context(started(checkout.parent / f"{name}.log", *call, cwd=checkout))


def with_old_joblib(folder: Path) -> str:
    """Make a folder by which an environment looks as if it had another joblib."""
    old = folder / "old/joblib-0.1.dist-info"
    old.mkdir(parents=True)
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: joblib\nVersion: 0.1\n")
    return str(old.parent)
