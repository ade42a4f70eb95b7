"""The project: MLproject agrees with the code, and the main job runs on a small table."""

import os
import subprocess
import sys
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pytest

from reprise import disagreements

pytestmark = pytest.mark.contract

PROJECT = Path(__file__).resolve().parent.parent


def test_mlproject_names_every_parameter() -> None:
    """`reprise sync` writes what is missing."""
    assert list(map(str, disagreements(PROJECT))) == []


def test_the_main_job_trains_on_a_table(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    rows = pd.DataFrame({"age": random.integers(18, 80, 80), "city": random.choice(["Rome", "Oslo"], 80)})
    rows.assign(bought=np.where(rows["age"] > 50, "yes", "no")).to_csv(tmp_path / "people.csv", index=False)
    store = f"sqlite:///{tmp_path / 'mlflow.db'}"
    experiment = mlflow.MlflowClient(store).create_experiment("test", artifact_location=str(tmp_path / "artifacts"))
    command = [
        *(sys.executable, "-m", "mlflow", "run", str(PROJECT), "--env-manager", "local", "--experiment-id", experiment),
        *("-P", f"data={tmp_path / 'people.csv'}", "-P", "target=bought"),
    ]
    done = subprocess.run(command, cwd=tmp_path, env=environment(store), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (run,) = mlflow.MlflowClient(store).search_runs([experiment])
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_accuracy"] > 0.5
    assert run.outputs.model_outputs


def environment(store: str) -> dict[str, str]:
    """Return this process's environment, with a store, and without what MLflow and other tests have put there."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    clean = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")}
    return {**clean, "PATH": path, "MLFLOW_TRACKING_URI": store}
