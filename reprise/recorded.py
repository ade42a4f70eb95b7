"""What a run has recorded in its artifacts."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow

PROVENANCE = "provenance/provenance.json"


def provenance_of(run_id: str) -> dict[str, Any] | None:
    """Read a run's provenance.json; None where it has none, as runs of other projects."""
    with TemporaryDirectory(prefix="reprise-read-") as folder:
        try:
            file = mlflow.MlflowClient().download_artifacts(run_id, PROVENANCE, folder)
        except (mlflow.exceptions.MlflowException, OSError):
            return None
        content: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
        return content
