"""The store and the experiment of a run."""

import os
from pathlib import Path

import mlflow


def experiment_id() -> str:
    """Return the experiment that a run started now would be in."""
    if known := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return known
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    found = mlflow.get_experiment_by_name(name) if name else None
    return found.experiment_id if found else "0"


def local_store(uri: str) -> Path | None:
    """Return the SQLite file that a tracking URI names; None where it names something else."""
    return Path(uri.removeprefix("sqlite:///")) if uri.startswith("sqlite:///") else None
