"""The files of a model in the store, and their digest."""

from dataclasses import dataclass
from pathlib import Path

import mlflow

from reprise.base import scratch
from reprise.base.errors import JobFailed, error_summary
from reprise.store.saved_model import folder_digest


@dataclass(frozen=True)
class ModelFiles:
    """A model's files.

    Attributes:
        digest: `reprise.store.saved_model` of them.
        size: of all of them, in MiB.
    """

    digest: str
    size: float


def describe(folder: Path) -> ModelFiles:
    """Describe the model in a folder."""
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
    return ModelFiles(folder_digest(folder), size / 2**20)


def fetch(uri: str) -> ModelFiles:
    """Fetch a model from the store, and describe it.

    Raises:
        JobFailed: its files are gone.
    """
    with scratch.folder("model") as folder:
        try:
            found = Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(folder)))
        except (mlflow.exceptions.MlflowException, OSError) as error:
            raise JobFailed(f"the files of {uri} cannot be read from the store: {error_summary(error)}") from error
        if not (found / "MLmodel").is_file():
            raise JobFailed(
                f"the store has no MLmodel file for {uri}", remedy="restore its files, or name another model"
            )
        return describe(found)
