"""A run that did not end well says why, in one line, whatever ended it."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import mlflow
import pandas as pd
import pytest
import yaml
from conftest import ENTRY_POINTS, PROJECT, Job, commit_all, run
from mlflow.exceptions import MlflowException

from reprise.base import entry_point, tracking_server
from reprise.base.errors import JobFailed, WrongCall, error_summary, one_line
from reprise.models.logged_model import load
from reprise.store import tracking

BREAKS = {
    "train": "train.fit",
    "evaluate": "reprise.jobs.judging.judge",
    "tune": "reprise.jobs.tune.tuning.search",
    "probe": "reprise.models.logged_model.Subject.answer_example",
    "predict": "reprise.models.logged_model.Subject.predict",
    "reproduce": "reprise.jobs.reproduce.reproduction.reproduce",
}
"""What raises in each entry point."""

ENDS: dict[str, tuple[BaseException, str, str, str]] = {
    "a fault": (RuntimeError("no\n  such luck"), "RuntimeError: no such luck", "1", "FAILED"),
    "a fault without words": (KeyError(), "KeyError", "1", "FAILED"),
    "memory": (MemoryError("9 GiB"), "there is not enough memory (9 GiB); take", "1", "FAILED"),
    "memory without words": (MemoryError(), "there is not enough memory; take fewer rows", "1", "FAILED"),
    "depth": (RecursionError("maximum recursion depth exceeded"), "RecursionError: maximum recursion", "1", "FAILED"),
    "an interruption": (KeyboardInterrupt(), "interrupted", "130", "KILLED"),
    "a refusal": (JobFailed("this and that"), "this and that", "1", "FAILED"),
    "a wrong call": (WrongCall("not so"), "not so", "2", "FAILED"),
    "a disk": (OSError(errno.EIO, "Input/output error", "/x"), "[Errno 5] Input/output error: '/x'", "1", "FAILED"),
    "a secret": (ValueError("at https://me:secret@host/x"), "ValueError: at https://host/x", "1", "FAILED"),
}  # fmt: skip


def newest() -> mlflow.entities.Run:
    return mlflow.search_runs(order_by=["attributes.start_time DESC"], output_format="list")[0]


def broken(error: BaseException) -> Callable[..., None]:
    def end(*_: object, **__: object) -> None:
        raise error

    return end


@pytest.mark.parametrize("ended", ENDS)
def test_a_training_run_says_why_it_ended(ended: str, store: str, monkeypatch: pytest.MonkeyPatch) -> None:
    error, reason, exit_code, status = ENDS[ended]
    monkeypatch.setattr(BREAKS["train"], broken(error))
    with pytest.raises((type(error), click.Abort)):
        ENTRY_POINTS["train"].main([], standalone_mode=False)
    found = newest()
    assert found.data.tags["reprise.failure"].startswith(reason)
    assert (found.data.tags["reprise.exit_code"], found.info.status) == (exit_code, status)
    artifacts = [item.path for item in mlflow.MlflowClient().list_artifacts(found.info.run_id, "provenance")]
    fault = reason.split(":")[0].endswith("Error")
    assert artifacts == (["provenance/traceback.txt"] if fault else [])
    if fault:
        lines = mlflow.artifacts.load_text(f"{found.info.artifact_uri}/provenance/traceback.txt")
        assert "Traceback (most recent call last)" in lines
        assert "in train\n" in lines
        assert "secret" not in lines


@pytest.mark.parametrize("name", [name for name in ENTRY_POINTS if name != "train"])
def test_every_entry_point_says_why_it_ended(name: str, train: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    made = train()
    monkeypatch.setattr(BREAKS[name], broken(RuntimeError("no such luck")))
    model = ["--model", f"runs:/{made.info.run_id}/model"]
    arguments = {"probe": model, "predict": [*model, "--data", "iris"]}.get(name, [])
    with pytest.raises(RuntimeError):
        ENTRY_POINTS[name].main(arguments, standalone_mode=False)
    found = newest()
    assert found.data.tags["reprise.job"] == name
    assert (found.data.tags["reprise.failure"], found.info.status) == ("RuntimeError: no such luck", "FAILED")


@pytest.mark.integration
def test_a_model_that_cannot_be_imported_is_a_reason(project: Path) -> None:
    """Before any line of the job has run, and beside the traceback on the terminal."""
    model = project / "model.py"
    model.write_text(model.read_text() + "\nimport no_such_package\n")
    commit_all(project)
    done = run("mlflow", "run", ".", "--env-manager", "local", cwd=project)
    assert done.returncode == 1
    assert done.stderr.count("ModuleNotFoundError: No module named 'no_such_package'") == 1
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    (found,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    reason = found.data.tags["reprise.failure"]
    assert (reason, found.info.status) == ("ModuleNotFoundError: No module named 'no_such_package'", "FAILED")
    text = mlflow.artifacts.load_text(f"{found.info.artifact_uri}/provenance/traceback.txt")
    assert "import no_such_package" in text


def test_a_full_disk_is_named_through_the_words_that_hide_it() -> None:
    """MLflow says that the model's format does not support it, and advises cloudpickle."""
    full = OSError(errno.ENOSPC, "No space left on device", "/tmp/x")
    hiding = MlflowException("could not be serialized in the skops format … you can set 'cloudpickle'")
    hiding.__cause__ = full
    reason = entry_point.failure_of(hiding).reason
    assert reason == "No space left on device at /tmp/x; free some, or name another place"


SCHEMA = (
    "Failed to enforce schema of data '   a\n0  1' with schema '['a': double]'. Error: Model is missing inputs ['b']."
)
REMOTE = "It failed\nTraceback (most recent call last):\n  File x\nValueError: 3 is odd\n\nmore: see the log"


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (SCHEMA, "Model is missing inputs ['b']."),
        (REMOTE, "ValueError: 3 is odd"),
        ("one line", "one line"),
        ("first\n\nsecond", "first second"),
        ("", "MlflowException"),
    ],
)
def test_the_words_that_tell_are_chosen(said: str, reason: str) -> None:
    assert error_summary(MlflowException(said)) == reason


def test_what_is_too_long_loses_its_middle() -> None:
    shown = one_line(f"it failed {'x' * 900} for want of a nail", 100)
    assert (len(shown), shown[:9], shown[-18:]) == (100, "it failed", "for want of a nail")


def test_rows_that_do_not_fit_a_model_name_what_is_wrong(train: Job) -> None:
    """MLflow's message begins with all the rows."""
    subject = load(f"runs:/{train().info.run_id}/model")
    with pytest.raises(WrongCall, match=r"cannot judge these rows: Model is missing inputs \['sepal width"):
        subject.predict(pd.DataFrame({"sepal length (cm)": [5.0] * 30}))


@pytest.mark.parametrize("filled", ["a run to fill", ""])
def test_a_server_that_is_away_at_first_is_tried_again(
    filled: str,
    store: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The first attempt gives up soon and takes the run's id with it; it is said, and the second is patient."""
    tracking_server.set_default_retries()
    run_id = mlflow.MlflowClient().create_run("0").info.run_id
    if filled:
        monkeypatch.setenv("MLFLOW_RUN_ID", run_id)
    start, tries = mlflow.start_run, []

    def away_at_first(**options: Any) -> mlflow.ActiveRun:
        tries.append(os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"])
        if len(tries) == 1:
            os.environ.pop("MLFLOW_RUN_ID", None)
            raise MlflowException("API request failed: Max retries exceeded with url: /api")
        return start(**options)

    monkeypatch.setattr(mlflow, "start_run", away_at_first)
    with tracking.start_run("train", {}, {}) as run:
        pass
    assert (run.info.run_id == run_id) == bool(filled)
    assert tries == ["1", str(tracking_server.DEFAULT_RETRIES)]
    assert "does not answer" in (said := capsys.readouterr().err)
    assert "retrying for some minutes" in said


@pytest.mark.parametrize("name", ["promote", "register"])
def test_a_value_that_looks_like_an_option_is_a_value(name: str, tmp_path: Path) -> None:
    """`-P version=--help` ended FINISHED and had done nothing."""
    command = yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"][name]["command"]
    values = {"version": "--help", "run": "--help", "name": "reprise", "alias": "champion", "policy": "policy.yaml"}
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    done = run("bash", "-c", command.format(reason="''", **values), cwd=PROJECT, MLFLOW_TRACKING_URI=store)
    assert done.returncode == 2, done.stdout
    assert "--help" in done.stderr
    assert "Usage" not in done.stdout


def test_no_command_takes_a_value_without_a_name_before_it() -> None:
    """So no value can be taken for an option."""
    for name, point in yaml.safe_load((PROJECT / "MLproject").read_text())["entry_points"].items():
        for before in re.findall(r"(\S*)\{\w+\}", point["command"].partition(" -- ")[0]):
            assert re.fullmatch(r"--[\w-]+=", before), (name, before)


def test_an_exit_code_is_no_failure(store: str) -> None:
    """`evaluate` ends so where the policy refuses, and has said why."""
    with pytest.raises(click.exceptions.Exit), tracking.start_run("evaluate", {}, {"reprise.failure": "the policy"}):
        raise click.exceptions.Exit(1)
    assert newest().data.tags["reprise.failure"] == "the policy"
