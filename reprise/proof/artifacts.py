"""What a run came to, read from its artifacts: tables, values, fitted models; each by its meaning, not its bytes."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import skops.io  # noqa: F401  isort: skip  before mlflow: reprise/tracking.py says why

import mlflow
import numpy as np
import pandas as pd
import yaml

from reprise.digest import TAG, digest
from reprise.errors import one_line
from reprise.evaluation import Evaluation
from reprise.proof import learned
from reprise.proof.agreement import pair
from reprise.proof.comparison import Results
from reprise.proof.verdict import Finding, Match
from reprise.recorded import Recorded

PREDICTIONS = "predictions.parquet"

COMPARED_ELSEWHERE = "provenance/"
"""Artifacts that tell circumstances (`reprise.proof.circumstances`), not results."""

OF_ITS_DAY = {"verdict.json", "verdict.txt"}
"""What an evaluation said by the policy, and against the champion, of its day; with the speed of a prediction."""

_VOLATILE = re.compile(
    r"(^|[_-])(time|times|timestamp|date|created|updated|duration|seconds|uuid|id|path|host)s?$", re.IGNORECASE
)
"""Keys of JSON artifacts that say when, where or by which run they were made."""

_ROUNDING = 1e-9
"""What a metric may differ by from one computed anew with another release of scikit-learn."""


def results_of(run: Recorded, models: dict[str, Path], tampered: set[str]) -> Results:
    """Read a run's results.

    Args:
        run: the run, its artifacts downloaded.
        models: name -> folder of each of its models.
        tampered: models that are not to be loaded.
    """
    tables, leaves, files, unread = {}, {}, {}, {}
    for name, path in _files(run.folder):
        if name in OF_ITS_DAY:
            unread[name] = "it tells the speed, the policy and the champion of its day"
            continue
        try:
            if path.suffix in (".parquet", ".csv", ".tsv"):
                tables[name] = _table(path)
            elif path.suffix == ".json":
                leaves[name] = learned.parameters(_lasting(json.loads(path.read_text(encoding="utf-8"))))
            else:
                files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        except Exception as error:  # noqa: BLE001  a foreign file may hold anything, and a reader fail in any way
            unread[name] = f"it cannot be read: {one_line(error, 100)}"
    for name, folder in models.items():
        if name in tampered:
            unread[name] = "its files are not those that were recorded, so it is not loaded"
            continue
        try:
            table, parameters = _open(folder)
        except Exception as error:  # noqa: BLE001  a foreign model may want any package, and fail in any way
            unread[name] = f"it cannot be loaded here: {type(error).__name__}: {one_line(error, 200)}"
        else:
            tables |= {name: table} if table is not None else {}
            leaves |= {name: parameters} if parameters else {}
            unread |= {name: "it has no input example"} if table is None and not parameters else {}
    return Results(dict(run.run.data.metrics), tables, leaves, files, unread)


def models_of(run: Recorded, folder: Path) -> dict[str, Path]:
    """Download a run's models: name -> folder. Models among its artifacts, as MLflow 2 logs them, are there already."""
    found = {path.parent.relative_to(run.folder).as_posix(): path.parent for path in run.folder.rglob("MLmodel")}
    outputs = run.run.outputs.model_outputs if run.run.outputs else []
    for output in outputs:
        name = mlflow.get_logged_model(output.model_id).name
        place = folder / output.model_id
        place.mkdir(parents=True, exist_ok=True)
        mlflow.artifacts.download_artifacts(f"models:/{output.model_id}", dst_path=str(place))
        found[name if name not in found else f"{name} at step {output.step}"] = next(place.rglob("MLmodel")).parent
    return found


def contradictions(run: Recorded, models: dict[str, Path]) -> Iterator[Finding]:
    """Look whether a run's record agrees with itself: metrics with predictions, model files with their digest."""
    recorded = run.tags.get(TAG)
    for name, folder in models.items():
        if recorded and len(models) == 1:
            now = digest(folder)
            match = Match.EQUAL if now == recorded else Match.DIFFERENT
            yield Finding("record", name, match, recorded, now, "SHA-256 of its files, as recorded and in the store")
        yield from _stamp(run, name, folder)
    path = run.folder / PREDICTIONS
    if not run.provenance or not path.is_file():  # another project's file of that name is no record of metrics
        return
    try:
        metrics = _evaluation(pd.read_parquet(path)).metrics
    except (ValueError, TypeError, KeyError, OSError) as error:
        why = one_line(error, 100)
        yield Finding("record", PREDICTIONS, Match.DIFFERENT, note=f"it holds no predictions any more: {why}")
        return
    for metric, value in metrics.items():
        logged = run.run.data.metrics.get(f"test_{metric}")
        if logged is not None:
            agrees = np.isclose(logged, value, rtol=_ROUNDING, atol=0, equal_nan=True)
            note = f"as recorded, and as {PREDICTIONS} gives it"
            yield Finding("record", f"test_{metric}", Match.EQUAL if agrees else Match.DIFFERENT, logged, value, note)


def _stamp(run: Recorded, name: str, folder: Path) -> Iterator[Finding]:
    """Compare what MLmodel says of itself, which the digest leaves out, with the run that logged it."""
    try:
        said = yaml.safe_load((folder / "MLmodel").read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError):
        return
    if run.provenance and isinstance(said, dict) and said.get("run_id"):
        yield pair(f"run of {name}", run.run_id, said["run_id"], "the run, and MLmodel of its model")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    models = {path.parent for path in folder.rglob("MLmodel")}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and not name.startswith(COMPARED_ELSEWHERE) and models.isdisjoint(path.parents):
            yield name, path


def _table(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")


def _lasting(content: Any) -> Any:
    """Leave out of JSON what says when, where or by which run it was made."""
    if isinstance(content, dict):
        return {name: _lasting(value) for name, value in content.items() if not _VOLATILE.search(name)}
    return [_lasting(value) for value in content] if isinstance(content, list) else content


def _open(folder: Path) -> tuple[pd.DataFrame | None, dict[str, Any]]:
    """Load a model: what it answers on its input example, or, of a scikit-learn one, what it has learned."""
    model = mlflow.pyfunc.load_model(str(folder))
    if "sklearn" in model.metadata.flavors:
        return None, learned.parameters(model.get_raw_model())
    example = model.metadata.load_input_example(str(folder))
    if example is None:
        return None, {}
    return pd.DataFrame(np.asarray(model.predict(example))).add_prefix("answer "), {}


def _evaluation(predictions: pd.DataFrame) -> Evaluation:
    """Rebuild the evaluation that predictions.parquet holds."""
    scores = predictions.filter(regex="^score_")
    scores.columns = scores.columns.str.removeprefix("score_")
    labels = {str(label): label for label in (*predictions["truth"], *predictions["prediction"])}
    classes = np.array([labels.get(name, name) for name in dict.fromkeys([*labels, *scores])], dtype=object)
    truth, predicted = predictions["truth"], predictions["prediction"].to_numpy()
    return Evaluation(classes, truth, predicted, scores if len(scores.columns) else None)
