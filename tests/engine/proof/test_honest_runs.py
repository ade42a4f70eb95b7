"""Honest runs as a user makes them, with `mlflow run`, each reproduced by a process of its own, exit code 0."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import mlflow
import pytest
from conftest import commit_all, copy_project, run

pytestmark = pytest.mark.integration

TUNE = ("-P", "search=grid", "-P", "trials=3", "-P", "folds=2", "-P", "n_jobs=1")
TWO_CORES = len(os.sched_getaffinity(0)) >= 2

FOREIGN = """
import datetime, os, socket, sys, tempfile, time, uuid
import mlflow, pandas as pd
from sklearn.linear_model import LogisticRegression

with mlflow.start_run() as run, tempfile.TemporaryDirectory() as folder:
    run_id, now = run.info.run_id, datetime.datetime.now()
    path = os.path.join(folder, "answers.csv")
    mlflow.log_params({
        "started": now.isoformat(), "epoch": int(time.time() * 1000), "run": run_id, "output": path,
        "here": os.path.abspath("job.py"), "python": sys.executable, "hostname": socket.gethostname(),
        "pid": os.getpid(), "token": uuid.uuid4().hex, "alpha": 0.5,
    })
    for step in range(3):
        mlflow.log_metric("loss", 1 / (step + 1), step=step)
    mlflow.log_metrics({"score": 0.25, "mae_minutes": 3.5, "took_seconds": time.perf_counter(), "at": time.time()})
    rows = {"run": [run_id] * 2, "made_at": [now.isoformat()] * 2, "elapsed": [time.perf_counter()] * 2, "x": [1, 2]}
    rows |= {"file": [path, mlflow.get_artifact_uri("a.csv")], "id": [str(uuid.uuid4()), str(uuid.uuid4())]}
    mlflow.log_table(rows, "answers.json")
    pd.DataFrame(rows).to_csv(path, index=False)
    mlflow.log_artifact(path)
    mlflow.log_text("x", f"by-{run_id}.txt")
    mlflow.log_text(f"{now} INFO run {run_id} of pid {os.getpid()} in {folder} took 1.{os.getpid()} s", "log.txt")
    mlflow.log_dict({run_id: {"score": 0.25}, "timings": {"fit": time.perf_counter()}, "when": str(now)}, "report.json")
    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    mlflow.sklearn.log_model(model, name="model", skops_trusted_types=[])
    with mlflow.start_run(nested=True):
        mlflow.log_param("parent", run_id)
"""

STEPS = """
import os, mlflow
with mlflow.start_run() as run:
    experiment = run.info.experiment_id
    done = mlflow.search_runs([experiment], "tags.step = 'load'", output_format="list")
    if not done:
        with mlflow.start_run(nested=True):
            mlflow.set_tag("step", "load")
            mlflow.log_metric("rows", VALUE)
        done = mlflow.search_runs([experiment], "tags.step = 'load'", output_format="list")
    mlflow.log_metric("rows", done[0].data.metrics["rows"])
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This project, committed, in a folder that runs keep their store in."""
    folder = copy_project(tmp_path_factory.mktemp("honest") / "project")
    (folder / "space.yaml").write_text("C: [0.1, 1, 10]\n")
    commit_all(folder, "a space")
    return folder


@pytest.fixture
def own(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch, quick_python: None) -> dict[str, str]:
    """Variables of a store and a cache of its own."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(uri)
    mlflow.MlflowClient().create_experiment("honest", artifact_location=str(tmp_path / "artifacts"))
    return {"MLFLOW_TRACKING_URI": uri, "MLFLOW_EXPERIMENT_NAME": "honest", "REPRISE_CACHE": str(tmp_path / "cache")}


Reproduced = Callable[..., dict[str, Any]]


@pytest.fixture
def reproduced(checkout: Path, own: dict[str, str]) -> Reproduced:
    """Reproduce in a process of its own, and return what reproduction.json holds."""

    def reproduce(run_id: str, *before: str, exit_code: int = 0, **variables: str) -> dict[str, Any]:
        command = (*before, "python", "-m", "reprise", "job", "reproduce", "--run", run_id, "--env-manager", "local")
        done = run(*command, cwd=checkout, **own, **variables)
        assert done.returncode == exit_code, done.stdout + done.stderr
        (found,) = newest("reproduce", 1)
        record: dict[str, Any] = mlflow.artifacts.load_dict(f"runs:/{found.info.run_id}/reproduction.json")
        return record | {"said": done.stdout + done.stderr}

    return reproduce


def made(folder: Path, own: dict[str, str], *arguments: str, **variables: str) -> None:
    done = run("mlflow", "run", ".", "--env-manager", "local", *arguments, cwd=folder, **own, **variables)
    assert done.returncode == 0, done.stderr


def newest(job: str, number: int) -> list[mlflow.entities.Run]:
    found: list[mlflow.entities.Run] = mlflow.search_runs(
        experiment_names=["honest"],
        filter_string=f"tags.`reprise.job` = '{job}'",
        order_by=["attributes.start_time DESC"],
        max_results=number,
        output_format="list",
    )
    return found


def test_a_search_and_one_of_its_trials_and_its_winner(
    checkout: Path, own: dict[str, str], reproduced: Reproduced
) -> None:
    made(checkout, own, "-e", "tune", "-P", "space=space.yaml", *TUNE)
    ((search,), (trial,), (winner,)) = (newest(job, 1) for job in ("tune", "trial", "train"))
    verdict = reproduced(search.info.run_id)
    assert verdict["verdict"] == "reproduced"
    found = {finding["name"]: finding["match"] for finding in verdict["findings"]}
    assert found["trials.csv: fit_seconds"] == "not compared"
    assert found["trials.csv"] == "equal"
    assert "trials.csv: mean" not in found, "what is equal stands in the table's own line"
    assert reproduced(trial.info.run_id)["verdict"] == "reproduced"
    assert reproduced(winner.info.run_id)["verdict"] == "reproduced"


@pytest.mark.skipif(not TWO_CORES, reason="two numbers of threads take two cores")
@pytest.mark.parametrize(("had", "has"), [("1", "2"), ("2", "1")])
def test_an_approximate_solver_runs_again_with_the_threads_that_it_had(
    checkout: Path, own: dict[str, str], reproduced: Reproduced, had: str, has: str
) -> None:
    """Bit for bit, since the number of threads is recorded and given."""
    options = [part for name in ("data=digits", "solver=approximate", "kernel=poly") for part in ("-P", name)]
    made(checkout, own, "-e", "train", *options, OPENBLAS_NUM_THREADS=had)
    (first,) = newest("train", 1)
    verdict = reproduced(first.info.run_id, OPENBLAS_NUM_THREADS=has)
    assert verdict["reason"] == "bit for bit, in all that was compared"
    assert f"with OPENBLAS_NUM_THREADS={had}, as the run had it" in verdict["said"]


@pytest.mark.skipif(not TWO_CORES or not shutil.which("taskset"), reason="two cores, and one taken away")
def test_on_fewer_cores_labels_and_metrics_decide_and_no_bits_are_claimed(
    checkout: Path, own: dict[str, str], reproduced: Reproduced
) -> None:
    options = [part for name in ("data=digits", "solver=approximate", "kernel=poly") for part in ("-P", name)]
    made(checkout, own, "-e", "train", *options)
    (first,) = newest("train", 1)
    verdict = reproduced(first.info.run_id, "taskset", "-c", "0")
    assert verdict["verdict"] == "reproduced"
    assert "had 2 threads, and this machine has 1 cores: the last bits may differ" in verdict["said"]
    found = {finding["name"]: finding for finding in verdict["findings"]}
    (learned,) = (finding for name, finding in found.items() if name.endswith(".coef_"))
    assert learned["match"] == "not compared"
    assert "the bits are not claimed" in learned["note"]
    assert found["test_accuracy"]["match"] == "equal"


def foreign(folder: Path, script: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "MLproject").write_text("entry_points: {main: {command: python job.py}}")
    (folder / "job.py").write_text(script)
    commit_all(folder)
    return folder


def run_of(folder: Path, own: dict[str, str]) -> str:
    made(folder, own)
    top = "tags.`mlflow.source.type` = 'PROJECT' and attributes.status = 'FINISHED'"
    found = mlflow.search_runs(experiment_names=["honest"], filter_string=top, output_format="list")
    return str(next(run.info.run_id for run in found if "mlflow.parentRunId" not in run.data.tags))


def test_a_foreign_project_that_logs_ids_times_and_places(
    tmp_path: Path, own: dict[str, str], reproduced: Reproduced
) -> None:
    run_id = run_of(foreign(tmp_path / "foreign", FOREIGN), own)
    verdict = reproduced(run_id)
    found = {finding["name"]: finding["match"] for finding in verdict["findings"]}
    equal = ("score", "mae_minutes", "loss", "alpha", "run", "model", f"by-{run_id}.txt", "report.json")
    assert {name: found[name] for name in equal} == dict.fromkeys(equal, "equal")
    skipped = (
        "took_seconds",
        "at",
        "started",
        "epoch",
        "token",
        "pid",
        "answers.json: made_at",
        "answers.csv: elapsed",
    )
    assert {name: found[name] for name in skipped} == dict.fromkeys(skipped, "not compared")
    mlflow.MlflowClient().log_metric(run_id, "mae_minutes", 3.0)
    verdict = reproduced(run_id, exit_code=1)
    (suspect, result) = (finding for finding in verdict["findings"] if finding["match"] == "different")
    assert (suspect["area"], result["name"]) == ("record", "mae_minutes")
    assert "may have been changed in the store" in suspect["note"]


def test_steps_of_earlier_runs_are_done_again(tmp_path: Path, own: dict[str, str], reproduced: Reproduced) -> None:
    """Else what is left to chance in a step would be taken over from the run itself, and go unseen."""
    run_id = run_of(foreign(tmp_path / "steps", STEPS.replace("VALUE", "os.getpid()")), own)
    verdict = reproduced(run_id, exit_code=1)
    assert "results: rows " in verdict["reason"]
    assert (
        "what was not compared, or differs, may be the cause: code (patch), data (data), environment"
        in verdict["reason"]
    )


def test_a_model_that_is_gone_is_named_before_the_rerun(
    checkout: Path, own: dict[str, str], reproduced: Reproduced
) -> None:
    made(checkout, own, "-e", "train")
    (first,) = newest("train", 1)
    model = mlflow.get_logged_model(first.outputs.model_outputs[0].model_id)
    (Path(model.artifact_location) / "MLmodel").unlink()
    verdict = reproduced(first.info.run_id, exit_code=1)
    assert "Traceback" not in verdict["said"]
    assert "record: model (its files are gone from the store: " in verdict["reason"]
    assert verdict["said"].index("files are gone") < verdict["said"].index("running 'python train.py")
    shutil.rmtree(model.artifact_location)
    assert "record: model (its files are gone" in reproduced(first.info.run_id, exit_code=1)["reason"]
