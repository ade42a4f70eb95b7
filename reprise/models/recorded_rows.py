"""The held-out rows of a training run, by the row numbers in its predictions.parquet."""

from dataclasses import dataclass
from pathlib import Path

import mlflow
import pandas as pd
import pyarrow as pa

from reprise.base import artifact, scratch
from reprise.base.errors import JobFailed
from reprise.base.record import Record
from reprise.store import seal


@dataclass(frozen=True)
class RecordedRows:
    """Held-out rows of a training run.

    Attributes:
        truth: their true labels, in the order of the predictions; the index is the row number in the table.
        sealed: whether provenance.json has the digest of the file, which is then the run's own.
    """

    truth: pd.Series
    sealed: bool

    @property
    def numbers(self) -> pd.Index:
        """Their numbers in the table."""
        return self.truth.index

    def other_label(self, y: pd.Series) -> str | None:
        """Name the first row that has another label than recorded; None where all are the same.

        Args:
            y: labels of these rows, in this order.
        """
        for row, old, new in zip(self.numbers, self.truth, y, strict=True):
            if old != new and str(old) != str(new):
                return f"row {row} has {new!s}, recorded {old!s}"
        return None


def recorded_rows(run_id: str, provenance: Record) -> RecordedRows | None:
    """Read which rows a training run held out.

    Args:
        run_id: of the run.
        provenance: what its provenance.json holds.

    Returns:
        None where the run has no such file any more, or it names no rows.

    Raises:
        JobFailed: the file is not the one that the run logged.
    """
    with scratch.folder("rows") as folder:
        try:
            path = Path(mlflow.MlflowClient().download_artifacts(run_id, artifact.PREDICTIONS, str(folder)))
            now = seal.sha256(path)
            predictions = pd.read_parquet(path, columns=["row", "truth"])
        except (mlflow.exceptions.MlflowException, OSError, ValueError, KeyError, pa.ArrowException):
            return None
    recorded = provenance.get("logged", {}).get("files", {}).get(artifact.PREDICTIONS)
    if recorded not in (None, now):
        message = (
            f"{artifact.PREDICTIONS} of run {run_id} is not what the run logged: SHA-256 {now}, recorded {recorded}"
        )
        raise JobFailed(message, remedy="bring it back, or name another table with data=")
    truth = predictions.set_index("row")["truth"]
    numbers = pd.api.types.is_integer_dtype(truth.index.dtype) and truth.index.is_unique
    if not numbers or len(truth) != provenance["data"]["test"]["rows"]:
        return None
    return RecordedRows(truth, recorded is not None)
