"""A job that is interrupted, or whose store or disk fails, loses nothing and leaves nothing half-done."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import PROJECT, environment, put_store, run
from servers import free_port, stop, tracking_server

from reprise.base.errors import WrongCall
from reprise.store import tracking

pytestmark = pytest.mark.integration


def slow_table(folder: Path) -> Path:
    """Noise that takes the exact solver some seconds."""
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(9_000, 20))).add_prefix("x")
    frame.assign(target=random.integers(0, 5, len(frame))).to_parquet(folder / "noise.parquet")
    return folder / "noise.parquet"


def wait_for_run(process: subprocess.Popen[str], uri: str) -> mlflow.entities.Run:
    mlflow.set_tracking_uri(uri)
    while process.poll() is None:
        found = mlflow.search_runs(search_all_experiments=True, output_format="list")
        if found and "reprise.job" in found[0].data.tags:
            return found[0]
    raise AssertionError(process.communicate())


@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")
def test_a_server_that_dies_loses_nothing(tmp_path: Path) -> None:
    """The results are kept in a folder that the message names, and are logged later by the command that it gives."""
    (tmp_path / "work").mkdir()
    port = free_port()
    uri = f"http://127.0.0.1:{port}"
    command = ["python", str(PROJECT / "train.py"), "--data", str(slow_table(tmp_path)), "--solver", "exact"]
    with tracking_server(tmp_path, port) as server:
        variables = environment(MLFLOW_TRACKING_URI=uri, MLFLOW_HTTP_REQUEST_MAX_RETRIES="1")
        with subprocess.Popen(command, cwd=tmp_path / "work", env=variables, stderr=subprocess.PIPE, text=True) as job:
            made = wait_for_run(job, uri)
            stop(server)
            _, stderr = job.communicate(timeout=300)
    assert job.returncode == 1
    assert "Traceback" not in stderr
    kept = tmp_path / "work/reprise-unlogged" / made.info.run_id
    assert f"they are kept: reprise upload {kept}" in stderr
    with tracking_server(tmp_path, port):
        assert not mlflow.search_logged_models(output_format="list")
        done = run("reprise", "upload", kept, cwd=tmp_path, MLFLOW_TRACKING_URI=uri)
        assert done.returncode == 0, done.stderr
        found = mlflow.get_run(made.info.run_id)
        assert found.info.status == "FINISHED"
        assert "test_accuracy" in found.data.metrics
        model = mlflow.sklearn.load_model(f"runs:/{made.info.run_id}/model")
        assert model.predict(pd.read_parquet(tmp_path / "noise.parquet").head()).shape == (5,)
    assert not kept.exists()


@pytest.mark.skipif(not shutil.which("uv"), reason="uv is not installed")
def test_a_server_that_comes_after_a_job_has_begun_is_waited_for(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    port = free_port()
    variables = environment(MLFLOW_TRACKING_URI=f"http://127.0.0.1:{port}", MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR="1")
    command = ["python", str(PROJECT / "train.py")]
    with subprocess.Popen(command, cwd=tmp_path / "work", env=variables, stderr=subprocess.PIPE, text=True) as job:
        assert job.stderr
        said = next(line for line in job.stderr if "does not answer" in line)
        assert said.startswith("note: ")
        with tracking_server(tmp_path, port):
            _, stderr = job.communicate(timeout=300)
            assert job.returncode == 0, stderr
            mlflow.set_tracking_uri(f"http://127.0.0.1:{port}")
            (found,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
            assert found.info.status == "FINISHED"


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_job_ends_killed_and_leaves_no_model(sent: signal.Signals, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    put_store(tmp_path)
    command = ["python", str(PROJECT / "train.py"), "--data", str(slow_table(tmp_path)), "--solver", "exact"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True) as job:
        made = wait_for_run(job, uri)
        job.send_signal(sent)
        _, stderr = job.communicate(timeout=120)
    assert job.returncode == 130
    assert stderr.strip().endswith("interrupted")
    assert mlflow.get_run(made.info.run_id).info.status == "KILLED"
    assert not mlflow.search_logged_models(output_format="list")


def test_an_interrupted_mlflow_run_says_so_in_a_tag(tmp_path: Path) -> None:
    """MLflow itself always writes FAILED."""
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    put_store(tmp_path)
    command = ["mlflow", "run", str(PROJECT), "--env-manager", "local", "-P", f"data={slow_table(tmp_path)}"]
    command += ["-P", "solver=exact"]
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    ) as job:
        made = wait_for_run(job, uri)
        os.killpg(job.pid, signal.SIGINT)  # as Ctrl-C does
        job.communicate(timeout=120)
    found = mlflow.get_run(made.info.run_id)
    assert found.info.status == "FAILED"
    assert (found.data.tags["reprise.exit_code"], found.data.tags["reprise.failure"]) == ("130", "interrupted")
    assert not mlflow.search_logged_models(output_format="list")


INTERRUPTED = """
import os, signal, time, weakref
import click
from reprise.base.entry_point import main

class Loaded:
    pass

@click.command()
def job():
    loaded = Loaded()
    weakref.finalize(loaded, os.kill, os.getpid(), signal.SIGINT)
    try:
        {interrupted}
        time.sleep(60)
    finally:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(2)
        print("tidied up")

main(job)
"""


@pytest.mark.parametrize(
    "interrupted",
    ["del loaded", "os.kill(os.getpid(), signal.SIGINT)"],
    ids=["in a callback, where Python drops what is raised", "anywhere else"],
)
def test_an_interruption_gets_through_and_lets_the_job_tidy_up(interrupted: str, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(INTERRUPTED.format(interrupted=interrupted))
    done = run(sys.executable, tmp_path / "job.py", cwd=tmp_path, timeout=50)
    assert (done.returncode, done.stdout) == (130, "tidied up\n"), done.stderr


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of four megabytes."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if (
        not shutil.which("mount")
        or run("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk, cwd=tmp_path).returncode
    ):
        pytest.skip("this user may not mount a small file system")
    yield disk
    run("umount", "--lazy", disk, cwd=tmp_path)  # this process may still hold the store open


@pytest.mark.parametrize("room", [100_000, 300_000], ids=["artifacts do not fit", "the model does not fit"])
def test_a_full_file_system_is_one_line_and_loses_nothing(
    room: int, small_disk: Path, tmp_path: Path, empty_store: Path
) -> None:
    shutil.copy(empty_store, small_disk / "mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{small_disk / 'mlflow.db'}")
    experiment = mlflow.create_experiment("full", artifact_location=str(small_disk / "artifacts"))
    filler = small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - room))
    elsewhere = {"MLFLOW_EXPERIMENT_ID": experiment, "TMPDIR": str(tmp_path)}
    done = run("python", PROJECT / "train.py", cwd=small_disk, **elsewhere)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    (found,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    kept = tmp_path / f"reprise-unlogged-{os.getuid()}" / found.info.run_id
    assert "No space left on device" in line
    assert line.endswith(f"they are kept: reprise upload {kept}")
    assert found.info.status == "FAILED"
    assert ready_models(experiment) == 0
    assert not [path for path in (small_disk / "artifacts").rglob("*") if path.is_file()], "nothing is there in part"
    filler.unlink()
    sweep = "from reprise.base import scratch; print(scratch.sweep())"
    assert run(sys.executable, "-c", sweep, cwd=PROJECT, **elsewhere).stdout == "0\n"
    assert kept.exists()
    assert run("reprise", "upload", kept, cwd=small_disk).returncode == 0
    assert mlflow.get_run(found.info.run_id).info.status == "FINISHED"
    assert ready_models(experiment) == 1


def test_a_full_temporary_folder_is_named(small_disk: Path, tmp_path: Path) -> None:
    """MLflow hides it, and advises another format of the model."""
    filler = small_disk / "filler"
    filler.write_bytes(bytes(shutil.disk_usage(small_disk).free - 170_000))
    put_store(tmp_path)
    done = run("python", PROJECT / "train.py", cwd=tmp_path, TMPDIR=str(small_disk))
    assert done.returncode == 1
    assert "No space left on device" in done.stderr.splitlines()[-1]
    assert "cloudpickle" not in done.stderr
    assert "Traceback" not in done.stderr
    mlflow.set_tracking_uri(f"sqlite:///{tmp_path / 'mlflow.db'}")
    (found,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert "No space left on device" in found.data.tags["reprise.failure"]


def ready_models(experiment: str) -> int:
    models = mlflow.search_logged_models([experiment], output_format="list")
    return sum(str(model.status) == "READY" for model in models)


def test_a_store_that_may_not_be_written_is_a_wrong_call(small_disk: Path, tmp_path: Path) -> None:
    """MLflow itself would try for two minutes."""
    assert run("mount", "-o", "remount,ro", small_disk, cwd=tmp_path).returncode == 0
    mlflow.set_tracking_uri(f"sqlite:///{small_disk / 'mlflow.db'}")
    with pytest.raises(WrongCall, match="cannot be written here"), tracking.start_run("train", {}, {}):
        pass


@pytest.mark.skipif(not os.access("/dev/full", os.W_OK), reason="there is no /dev/full")
def test_a_full_disk_is_one_line(project: Path) -> None:
    """Joblib's file stands for any: it is linked to a device that is always full."""
    code = (
        "import sys, reprise.jobs.run_artifacts as results, joblib; dump = joblib.dump; "
        "results.joblib.dump = lambda value, path: dump(value, '/dev/full'); "
        "sys.argv[0] = 'train.py'; import reprise, train; reprise.main(train.train)"
    )
    done = run(sys.executable, "-c", code, cwd=project, PYTHONPATH=str(project))
    assert done.returncode == 1
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    mlflow.set_tracking_uri(f"sqlite:///{project / 'mlflow.db'}")
    (found,) = mlflow.search_runs(search_all_experiments=True, output_format="list")
    assert found.info.status == "FAILED"
    assert not mlflow.search_logged_models(output_format="list")
