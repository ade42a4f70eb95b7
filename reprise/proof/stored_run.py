"""The facts that the store holds of a run, place by place, for `reprise.proof.consistency`."""

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import mlflow

from reprise.base import artifact, tag, untrusted_text
from reprise.base.errors import ABSENT
from reprise.store.paging import runs_under
from reprise.store.recorded import Recorded
from reprise.store.seal import files, sha256


@dataclass(frozen=True)
class StoredDataset:
    """A data set input.

    Attributes:
        name: of the table.
        digest: as MLflow keeps it, the beginning of the rows' fingerprint.
        fingerprint: the whole, from its profile; None where it has none.
    """

    name: str
    digest: str
    fingerprint: str | None


@dataclass(frozen=True)
class StoredModel:
    """A logged model's entry in the store.

    Attributes:
        run_id: the run that logged it.
        parameters: name -> value.
        tags: name -> value.
        metrics: name -> value, of those that the run which is read has logged with it.
    """

    run_id: str | None
    parameters: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class StoredChild:
    """A run under a search: a trial, or the winner's.

    Attributes:
        parent: the run that it says it is under.
        tags: name -> value.
        parameters: name -> value.
        metrics: name -> value.
    """

    parent: str | None
    tags: Mapping[str, str]
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class StoredRun:
    """The facts that the store holds of a run.

    Attributes:
        run_id: its id.
        by_mlflow_run: whether `mlflow run` started it, which logs parameters with a shell's quotes.
        tags: name -> value.
        parameters: name -> value, as logged.
        metrics: name -> value, the newest of each.
        histories: name -> all values of a metric, in the order in which they were logged.
        datasets: context (`train`, `test`) -> data set inputs.
        files: path -> SHA-256 of each artifact.
        lock: provenance/conda.yaml, or None.
        models: id -> each model that the run has logged; None for one that is gone.
        judged: the model that an evaluation has judged, where it is in the store.
        verdict: what verdict.json holds; None where there is none.
        table: rows of trials.csv, all as text; None where there is none.
        children: run id -> each run that the table names, and the winner's; None for one that is gone.
    """

    run_id: str
    by_mlflow_run: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    histories: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    datasets: Mapping[str, tuple[StoredDataset, ...]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    lock: bytes | None = None
    models: Mapping[str, StoredModel | None] = field(default_factory=dict)
    judged: StoredModel | None = None
    verdict: Mapping[str, Any] | None = None
    table: tuple[Mapping[str, str], ...] | None = None
    children: Mapping[str, StoredChild | None] = field(default_factory=dict)


def read(recorded: Recorded) -> StoredRun:
    """Read what the store says of a run, beside provenance.json.

    Args:
        recorded: the run, its artifacts downloaded.
    """
    run = recorded.run
    client, outputs = mlflow.MlflowClient(), run.outputs.model_outputs if run.outputs else []
    table = _table(recorded.folder / artifact.TRIALS) if recorded.provenance else None
    judged = recorded.tags.get(tag.EVALUATES_MODEL_ID)
    return StoredRun(
        run_id=recorded.run_id,
        by_mlflow_run=recorded.by_mlflow_run,
        tags=recorded.tags,
        parameters=dict(run.data.params),
        metrics=dict(run.data.metrics),
        histories={
            name: tuple(entry.value for entry in client.get_metric_history(recorded.run_id, name))
            for name in (run.data.metrics if recorded.provenance else ())
        },
        datasets=_datasets(run),
        files={name: sha256(path) for name, path in files(recorded.folder)},
        lock=recorded.lock,
        models={str(output.model_id): _model(str(output.model_id), recorded) for output in outputs},
        judged=_model(judged, recorded) if judged else None,
        verdict=_verdict(recorded.folder / artifact.VERDICT),
        table=table,
        children=dict(_children(recorded, table)) if table else {},
    )


def _datasets(run: mlflow.entities.Run) -> dict[str, tuple[StoredDataset, ...]]:
    found: dict[str, tuple[StoredDataset, ...]] = {}
    for item in run.inputs.dataset_inputs if run.inputs else []:
        context = next((one.value for one in item.tags if one.key == tag.DATA_CONTEXT), "")
        dataset = StoredDataset(item.dataset.name, item.dataset.digest, _fingerprint(item.dataset.profile))
        found[context] = (*found.get(context, ()), dataset)
    return found


def _fingerprint(profile: str | None) -> str | None:
    try:
        content = untrusted_text.parse_json(profile or "null")
    except ValueError:
        return None
    return str(content["fingerprint"]) if isinstance(content, dict) and "fingerprint" in content else None


def _model(model_id: str, recorded: Recorded) -> StoredModel | None:
    try:
        model = mlflow.MlflowClient().get_logged_model(model_id)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None
    metrics = {metric.key: metric.value for metric in model.metrics or [] if metric.run_id == recorded.run_id}
    return StoredModel(model.source_run_id or None, dict(model.params or {}), dict(model.tags or {}), metrics)


def _verdict(path: Path) -> dict[str, Any] | None:
    try:
        content = untrusted_text.parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def _table(path: Path) -> tuple[dict[str, str], ...] | None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return tuple({str(name): str(value or "") for name, value in row.items()} for row in csv.DictReader(file))
    except (OSError, ValueError, csv.Error):
        return None


def _children(recorded: Recorded, table: tuple[Mapping[str, str], ...]) -> Iterator[tuple[str, StoredChild | None]]:
    """Read the runs of a search: those under it at once, others, of a search that it resumed, one by one."""
    found = {run.info.run_id: _child(run) for run in runs_under(recorded.run)}
    for run_id in {*(row.get("run_id", "") for row in table), recorded.tags.get(tag.TUNE_WINNER, "")} - {""}:
        yield run_id, found[run_id] if run_id in found else _one(run_id)


def _one(run_id: str) -> StoredChild | None:
    try:
        run = mlflow.get_run(run_id)
    except mlflow.exceptions.MlflowException as error:
        if error.error_code not in ABSENT:
            raise
        return None
    return _child(run)


def _child(run: mlflow.entities.Run) -> StoredChild:
    tags = dict(run.data.tags)
    return StoredChild(tags.get(tag.PARENT), tags, dict(run.data.params), dict(run.data.metrics))
