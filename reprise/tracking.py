"""MLflow's tracking store, as the entry points use it: one run, its parameters, inputs and results."""

# skops.io searches every module that is already loaded: imported after mlflow it takes up to two seconds more.
# It is also the first import that the launcher's environment lacks.
try:
    import skops.io  # noqa: F401  isort: skip
except ModuleNotFoundError:
    import sys

    sys.exit("Error: this environment cannot train: it lacks skops. Use mlflow run with --env-manager uv, or conda.")

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities import Dataset as MlflowDataset
from mlflow.entities import DatasetInput, InputTag, LoggedModelInput, Metric, Param, RunTag

from reprise.credentials import without_credentials
from reprise.data import Dataset
from reprise.fingerprint import fingerprint
from reprise.schema import column_schema
from reprise.source import Source
from reprise.table import Table

DIGEST_LENGTH = 36
"""Characters that MLflow keeps of a data set's digest; the whole fingerprint stands in its profile."""


@contextmanager
def start_run(job: str, parameters: Mapping[str, Any], tags: Mapping[str, str]) -> Iterator[mlflow.entities.Run]:
    """Start a run, or carry on the one that `mlflow run` has started, and end it as the block ends.

    Args:
        job: what the run does, `train` or `evaluate`; stands in the tag `reprise.job`.
        parameters: the entry point's parameters. `mlflow run` logs them itself, as typed, so only what is not
            there yet is logged.
        tags: what is known before the job begins, so that a run that fails has it too.
    """
    run = mlflow.start_run()
    try:
        client, run_id = mlflow.MlflowClient(), run.info.run_id
        missing = {name: value for name, value in parameters.items() if name not in run.data.params}
        safe = {
            name: clean
            for name, value in run.data.tags.items()
            if name not in tags and (clean := without_credentials(value)) != value
        }
        client.log_batch(
            run_id,
            params=[Param(name, without_credentials(str(value))) for name, value in missing.items()],
            tags=[RunTag(name, value) for name, value in {**safe, **tags, "reprise.job": job}.items()],
        )
        yield run
    except KeyboardInterrupt:
        mlflow.end_run("KILLED")
        raise
    except BaseException:
        mlflow.end_run("FAILED")
        raise
    mlflow.end_run("FINISHED")


def log_results(
    run: mlflow.entities.Run, model_id: str | None, metrics: Mapping[str, float], resolved: Mapping[str, Any]
) -> None:
    """Log what came out, once and whole.

    Args:
        run: the run that measured it.
        model_id: the model that was measured; MLflow shows the metrics with it too.
        metrics: name -> value.
        resolved: what parameters such as `auto` came to, logged as `resolved.<name>`.
    """
    now = int(time.time() * 1000)
    mlflow.MlflowClient().log_batch(
        run.info.run_id,
        metrics=[Metric(name, value, now, 0, model_id=model_id) for name, value in metrics.items()],
        params=[Param(f"resolved.{name}", str(value)) for name, value in resolved.items()],
    )


def log_datasets(run: mlflow.entities.Run, table: Table, rows: Mapping[str, Dataset]) -> dict[str, Any]:
    """Log rows as data set inputs of the run, each with its full fingerprint.

    Args:
        run: the run that reads these rows.
        table: where they are from.
        rows: context (`train`, `test`) -> rows.

    Returns:
        What provenance.json says of the data: source, fingerprints, numbers of rows, target.
    """
    record: dict[str, Any] = {
        "source": asdict(table.source),
        "fingerprint": table.fingerprint,
        "rows": len(table.frame),
        "columns": list(table.frame.columns),
        "target": next(iter(rows.values())).target,
    }
    kind, place = _dataset_source(table.source)
    inputs = []
    for context, dataset in rows.items():
        content = dataset.table
        record[context] = {"fingerprint": fingerprint(content), "rows": len(content)}
        entity = MlflowDataset(
            name=table.source.name,
            digest=record[context]["fingerprint"][:DIGEST_LENGTH],
            source_type=kind,
            source=json.dumps(place),
            schema=json.dumps({"mlflow_colspec": column_schema(content).to_dict()}),
            profile=json.dumps({**record[context], "table_fingerprint": table.fingerprint}),
        )
        inputs.append(DatasetInput(entity, [InputTag("mlflow.data.context", context)]))
    client = mlflow.MlflowClient()
    client.log_inputs(run.info.run_id, inputs)
    client.set_tag(run.info.run_id, "reprise.data.fingerprint", table.fingerprint)
    return record


def log_model_input(run: mlflow.entities.Run, model_id: str | None) -> None:
    """Link a run to the model that it reads."""
    if model_id:
        mlflow.MlflowClient().log_inputs(run.info.run_id, models=[LoggedModelInput(model_id)])


def experiment_id() -> str:
    """Give the experiment that a run started now would be in."""
    if known := os.environ.get("MLFLOW_EXPERIMENT_ID"):
        return known
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME")
    found = mlflow.get_experiment_by_name(name) if name else None
    return found.experiment_id if found else "0"


@contextmanager
def artifacts(run: mlflow.entities.Run) -> Iterator[Path]:
    """Give an empty folder; what is in it when the block ends becomes the run's artifacts, all together."""
    folder = Path(tempfile.mkdtemp(prefix="reprise-artifacts-"))
    try:
        yield folder
        mlflow.MlflowClient().log_artifacts(run.info.run_id, str(folder))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def read_json(run_id: str, path: str) -> dict[str, Any] | None:
    """Read a run's JSON artifact; None where the run has none of that name."""
    with tempfile.TemporaryDirectory(prefix="reprise-read-") as folder:
        try:
            file = mlflow.MlflowClient().download_artifacts(run_id, path, folder)
        except (mlflow.exceptions.MlflowException, OSError):
            return None
        content: dict[str, Any] = json.loads(Path(file).read_text(encoding="utf-8"))
        return content


def _dataset_source(source: Source) -> tuple[str, dict[str, Any]]:
    """Name a source in MLflow's own terms, so that `mlflow.data.get_source` finds it."""
    scheme = source.uri.partition(":")[0]
    if source.kind == "bundled":
        return "code", {"tags": {"mlflow.source.name": f"sklearn.datasets.load_{source.name}"}}
    if source.kind == "file":
        return "local", {"uri": source.uri}
    if scheme in ("http", "https"):
        return "http", {"url": source.uri}
    return scheme, {"uri": source.uri}
