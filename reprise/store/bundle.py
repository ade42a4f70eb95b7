"""The results of a job in one folder, complete before they are logged, so that a failing store loses nothing.

    results.json   run, metrics, parameters, tags and data set inputs
    artifacts/     the run's artifacts
    model/         the fitted model in MLflow's format, of a training run

Logging a bundle needs neither the model's packages nor the data, so the launcher can do it later.
"""

import json
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any

import mlflow
import yaml
from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    RunTag,
)

from reprise.base import mlflow_private, scratch, tag, tracking_server, untrusted_text
from reprise.base.credentials import without_credentials
from reprise.base.entry_point import in_one_line
from reprise.base.errors import JobFailed, WrongCall
from reprise.store import seal

MODEL_NAME = "model"
UNLOGGED = "reprise-unlogged"
_TARGET = ("run_id", "experiment_id", "tracking_uri", "time")


@dataclass(frozen=True)
class ResultBundle:
    """What is logged beside files.

    Attributes:
        metrics: name -> value, of the run and of the model.
        parameters: resolved values, name -> value.
        tags: name -> value.
        datasets: context (`train`, `test`) -> an MLflow data set's fields.
        judged_model_id: the model that was read, of an evaluation; None for a training run, which brings its own.
        judged_model_tags: name -> value, of that model.
    """

    metrics: Mapping[str, float]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    judged_model_id: str | None = None
    judged_model_tags: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def staging() -> Iterator[Path]:
    """Return a folder for a bundle; it is gone when the block ends."""
    with scratch.folder("bundle") as folder:
        (folder / "artifacts").mkdir()
        yield folder


def log(folder: Path, run: mlflow.entities.Run, results: ResultBundle) -> str | None:
    """Log a bundle as a run's results.

    Returns:
        The id of the model that was logged or judged, `m-…`; None where one was judged that has none.

    Raises:
        JobFailed: the store failed; the bundle is kept, and the message says where and how to log it later.
    """
    target = {
        "run_id": run.info.run_id,
        "experiment_id": run.info.experiment_id,
        "tracking_uri": mlflow.get_tracking_uri(),
        "time": int(time.time() * 1000),
    }
    content = asdict(results)
    sealed = seal.write(folder, run, content)
    content["tags"] |= {tag.PROVENANCE_SHA256: sealed} if sealed else {}
    (folder / "results.json").write_text(json.dumps({**target, **content}, indent=2), encoding="utf-8")
    try:
        return upload(folder)
    except (mlflow.exceptions.MlflowException, OSError) as error:
        kept = _keep(folder, run.info.run_id)
        if isinstance(error, OSError):  # a full disk needs room for the run's end
            _take_back(folder / "artifacts", run.info.artifact_uri)
        end = (
            f"they are kept: reprise upload {kept}"
            if kept
            else "there is no room to keep them; free some and run again"
        )
        raise JobFailed(f"the results could not be logged ({in_one_line(error)[:300]}); {end}") from error


def upload(folder: Path, *, to_recorded_store: bool = False) -> str | None:
    """Log the bundle in a folder to its run. Results that the run has already are not logged twice.

    Args:
        folder: of the bundle.
        to_recorded_store: whether it goes, with this user's login, to whatever store its results.json names.

    Returns:
        As `log`.

    Raises:
        WrongCall: the folder holds no bundle, or a bundle of another store than the current one.
    """
    bundle = _read(folder)
    return _upload(folder, bundle, mlflow.MlflowClient(_store_of(bundle, to_recorded_store)))


def _upload(folder: Path, bundle: dict[str, Any], client: mlflow.MlflowClient) -> str | None:
    run_id = bundle["run_id"]
    client.log_artifacts(run_id, str(folder / "artifacts"))
    _log_datasets(client, run_id, [_dataset_input(*item) for item in bundle["datasets"].items()])
    model_id: str | None = bundle["judged_model_id"]
    if (folder / "model").exists():
        model_id = _upload_model(client, folder / "model", bundle)
    elif model_id:
        client.log_inputs(run_id, models=[LoggedModelInput(model_id)])
    client.log_batch(
        run_id,
        metrics=_metrics(bundle, model_id),
        params=[Param(tag.RESOLVED.format(name=name), str(value)) for name, value in bundle["parameters"].items()],
        tags=[RunTag(name, value) for name, value in bundle["tags"].items()],
    )
    if model_id and bundle["judged_model_tags"]:  # last: they point to what is logged above
        client.set_logged_model_tags(model_id, bundle["judged_model_tags"])
    return model_id


def upload_later(folder: Path, *, to_recorded_store: bool = False) -> str:
    """Log a kept bundle, end its run as FINISHED and remove the folder.

    Args:
        folder: of the bundle.
        to_recorded_store: as `upload`.

    Returns:
        The run's id.

    Raises:
        WrongCall: as `upload`.
    """
    bundle = _read(folder)
    client, run_id = mlflow.MlflowClient(_store_of(bundle, to_recorded_store)), str(bundle["run_id"])
    _upload(folder, bundle, client)
    for name in (tag.FAILURE, tag.EXIT_CODE):
        with suppress(mlflow.exceptions.MlflowException):  # it was never there
            client.delete_tag(run_id, name)
    client.set_terminated(run_id, "FINISHED")
    shutil.rmtree(folder)
    return run_id


def _keep(folder: Path, run_id: str) -> Path | None:
    """Copy a bundle to a folder that outlives the process, below the working folder or else this user's lasting one."""
    for place in (_here, scratch.lasting_folder):
        with suppress(OSError, JobFailed):
            return _copied(folder, place() / run_id)
    return None


def _here() -> Path:
    return Path.cwd() / UNLOGGED


def _copied(folder: Path, to: Path) -> Path:
    """Copy a folder as a whole, or leave nothing of it."""
    try:
        return Path(shutil.copytree(folder, to))
    except OSError:
        shutil.rmtree(to, ignore_errors=True)
        raise


def _take_back(folder: Path, uri: str) -> None:
    """Delete from a store the artifacts that a folder holds, which may be there in part, as far as the store allows."""
    with tracking_server.few_retries(), suppress(mlflow.exceptions.MlflowException, OSError):
        for item in folder.iterdir():
            mlflow_private.artifact_repository(uri).delete_artifacts(item.name)


def _store_of(bundle: dict[str, Any], to_recorded_store: bool) -> str:  # noqa: FBT001  passed on
    """Choose the store for a bundle. It is the current one, because the login is sent to it."""
    recorded, in_force = str(bundle["tracking_uri"]), mlflow.get_tracking_uri()
    if to_recorded_store:
        return recorded
    if _plain_uri(recorded) == _plain_uri(in_force):
        return in_force
    raise WrongCall(
        f"the results are of a run in {_plain_uri(recorded)}, and the current store is {_plain_uri(in_force)}",
        remedy=(
            "set MLFLOW_TRACKING_URI to that store, or add --to-recorded-store to send them there, with your login"
        ),
    )


def _plain_uri(uri: str) -> str:
    """Write a store's URI without credentials, and the path of a SQLite file in full."""
    scheme, found, path = uri.partition(":///")
    if found and scheme.startswith("sqlite"):
        return f"{scheme}:///{Path(path).resolve()}"
    return without_credentials(uri).rstrip("/")


def _read(folder: Path) -> dict[str, Any]:
    try:
        content = untrusted_text.parse_json((folder / "results.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise WrongCall(f"{folder} holds no results to log", remedy=f"name a folder under {UNLOGGED}") from error
    wanted = {*_TARGET, *(field.name for field in fields(ResultBundle))}
    if not isinstance(content, dict) or not wanted <= {*content}:
        raise WrongCall(
            f"results.json in {folder} lacks what a run's results have", remedy=f"name a folder under {UNLOGGED}"
        )
    if link := next((path for path in folder.rglob("*") if path.is_symlink()), None):  # to any file of this user
        raise WrongCall(
            f"{link} is a link, which no job creates; nothing was sent", remedy="remove it if you trust the other files"
        )
    return content


def _log_datasets(client: mlflow.MlflowClient, run_id: str, datasets: list[DatasetInput]) -> None:
    """Log data sets. Retry, since MLflow refuses one of two runs that log the same data set at the same moment."""
    for _ in datasets:
        try:
            client.log_inputs(run_id, datasets)
        except mlflow.exceptions.MlflowException as error:
            if "dataset" not in str(error) or not re.search("duplicate|unique", str(error), re.IGNORECASE):
                raise
        else:
            return
    client.log_inputs(run_id, datasets)


def _upload_model(client: mlflow.MlflowClient, folder: Path, bundle: dict[str, Any]) -> str:
    """Log the model, and link the run to it last, so that a run never points to half a model."""
    run = client.get_run(bundle["run_id"])
    if run.outputs and run.outputs.model_outputs:
        return str(run.outputs.model_outputs[0].model_id)
    params = {name: bundle["tags"][name] for name in (tag.PROVENANCE_SHA256,) if name in bundle["tags"]}
    model = client.create_logged_model(
        bundle["experiment_id"], MODEL_NAME, source_run_id=bundle["run_id"], params={**run.data.params, **params},
        tags={name: bundle["tags"][name] for name in (tag.MODEL_DIGEST, tag.MODEL_FORMAT) if name in bundle["tags"]},
    )  # fmt: skip
    try:
        _stamp(folder / "MLmodel", bundle["run_id"], model)
        client.log_model_artifacts(model.model_id, str(folder))
        client.finalize_logged_model(model.model_id, LoggedModelStatus.READY)
    except BaseException:
        _take_back(folder, model.artifact_location)
        with tracking_server.few_retries(), suppress(mlflow.exceptions.MlflowException):
            client.finalize_logged_model(model.model_id, LoggedModelStatus.FAILED)
        raise
    client.log_outputs(bundle["run_id"], [LoggedModelOutput(model.model_id, step=0)])
    return str(model.model_id)


def _stamp(path: Path, run_id: str, model: mlflow.entities.LoggedModel) -> None:
    """Write the ids of the model and its run into a saved model, as `log_model` does."""
    content = untrusted_text.load_yaml(path.read_text(encoding="utf-8"))
    content |= {"artifact_path": model.artifact_location, "run_id": run_id}
    content |= {"model_id": model.model_id, "model_uuid": model.model_id}
    path.write_text(yaml.safe_dump(content, sort_keys=True, allow_unicode=True), encoding="utf-8")


def _metrics(bundle: dict[str, Any], model_id: str | None) -> list[Metric]:
    now = bundle["time"]
    return [Metric(name, value, now, 0, model_id=model_id) for name, value in bundle["metrics"].items()]


def _dataset_input(context: str, fields: Mapping[str, Any]) -> DatasetInput:
    return DatasetInput(Dataset(**fields), [InputTag(tag.DATA_CONTEXT, context)])
