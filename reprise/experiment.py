"""The experiment that a run is in."""

import os

import mlflow


def experiment_id() -> str:
    """Give the experiment that a run started now would be in."""
    if known := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return known
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    found = mlflow.get_experiment_by_name(name) if name else None
    return found.experiment_id if found else "0"
