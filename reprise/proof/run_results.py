"""The results of a run, read from its artifacts by their meaning: tables, values, fitted models."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import skops.io  # noqa: F401  isort: skip  before mlflow: reprise/store/tracking.py says why

import mlflow
import numpy as np
import pandas as pd

from reprise.base import artifact, untrusted_text
from reprise.base.errors import one_line
from reprise.models.module_space import ModuleSpace
from reprise.proof import fitted_state
from reprise.proof.outcome import Finding, Match
from reprise.proof.result_comparison import RunResults
from reprise.store import saved_model, seal
from reprise.store.recorded import Recorded

COMPARED_ELSEWHERE = f"{artifact.FOLDER}/"
"""Artifacts that tell circumstances (`reprise.proof.circumstances`), not results."""

OF_ITS_DAY = {artifact.VERDICT, artifact.VERDICT_TABLE}
"""Files of an evaluation about the policy and the champion of its time, and the speed of a prediction."""

TEXTS = {
    ".txt",
    ".log",
    ".md",
    ".rst",
    ".yaml",
    ".yml",
    ".toml",
    ".ini",
    ".cfg",
    ".html",
    ".xml",
    ".tex",
    ".out",
    ".err",
}
"""Files of plain text, which are compared line by line."""


@dataclass
class _Found:
    """The results of a run while they are read, in the form of `RunResults`."""

    tables: dict[str, pd.DataFrame] = field(default_factory=dict)
    leaves: dict[str, dict[str, Any]] = field(default_factory=dict)
    files: dict[str, str] = field(default_factory=dict)
    texts: dict[str, str] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def results_of(run: Recorded, models: Mapping[str, Path], refused: Mapping[str, str]) -> RunResults:
    """Read a run's results.

    Args:
        run: the run, its artifacts downloaded.
        models: name -> folder of each of its models.
        refused: name -> why, of those that are not to be loaded.
    """
    found = _Found()
    for name, path in _files(run):
        if name in OF_ITS_DAY:
            found.unread[name] = "it holds the speed, the policy and the champion of its time"
            continue
        try:
            _read(name, path, found)
        except Exception as error:  # noqa: BLE001  a foreign file may hold anything, and a reader fail in any way
            found.unread[name] = f"it cannot be read: {one_line(error, 100)}"
    for name, folder in models.items():
        if name in refused:
            found.unread[name] = refused[name]
            continue
        try:
            _open(name, folder, found)
        except Exception as error:  # noqa: BLE001  a foreign model may want any package, and fail in any way
            found.unread[name] = f"it cannot be loaded here: {type(error).__name__}: {one_line(error, 200)}"
    return RunResults(
        metrics=dict(run.run.data.metrics),
        tables=found.tables,
        leaves=found.leaves,
        files=found.files,
        unread=found.unread,
        histories=histories_of(run.run),
        texts=found.texts,
        models=frozenset(models),
    )


def histories_of(run: mlflow.entities.Run) -> dict[str, tuple[tuple[int, float], ...]]:
    """Read the step and value of each logged metric, without the time of logging, which is volatile."""
    client = mlflow.MlflowClient()
    logged = {name: client.get_metric_history(run.info.run_id, name) for name in run.data.metrics}
    return {
        name: tuple(
            (entry.step, entry.value) for entry in sorted(values, key=lambda entry: (entry.step, entry.timestamp))
        )
        for name, values in logged.items()
    }


def contradictions(run: Recorded) -> Iterator[Finding]:
    """Find artifacts that were added to a run later, and predictions that are no longer readable.

    Whether the metrics belong to the predictions is checked by the rerun (`reprise.proof.prediction_agreement`). Only
    the run's own code can compute a metric from them.
    """
    for name in sorted(seal.added(run)):
        yield Finding("record", name, Match.SKIPPED, note="it was added after the run had logged its results")
    path = run.folder / artifact.PREDICTIONS
    if not run.provenance or not path.is_file():  # another project's file of that name may hold anything
        return
    try:
        pd.read_parquet(path)
    except (ValueError, TypeError, KeyError, OSError) as error:
        why = one_line(error, 100)
        yield Finding("record", artifact.PREDICTIONS, Match.DIFFERENT, note=f"it is no longer a readable table: {why}")


def _files(run: Recorded) -> Iterator[tuple[str, Path]]:
    """List a run's own artifacts, models apart."""
    added = seal.added(run)
    own = {name: path for name, path in seal.files(run.folder) if name not in added}
    models = {path.parent for path in own.values() if path.name == saved_model.MLMODEL}
    for name, path in own.items():
        if not name.startswith(COMPARED_ELSEWHERE) and models.isdisjoint(path.parents):
            yield name, path


def _table(path: Path) -> pd.DataFrame:
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    return pd.read_csv(path, sep="\t" if path.suffix == ".tsv" else ",")


def _is_table(content: Any) -> bool:
    """Return whether JSON is a table as `mlflow.log_table` writes it: the cells then have their column's name."""
    if not isinstance(content, dict) or not {"columns", "data"} <= {*content} <= {"columns", "data", "index"}:
        return False
    columns, rows = content["columns"], content["data"]
    lists = isinstance(columns, list) and isinstance(rows, list)
    return lists and all(isinstance(row, list) and len(row) == len(columns) for row in rows)


def _read(name: str, path: Path, found: _Found) -> None:
    """Read a file by its ending."""
    if path.suffix in (".parquet", ".csv", ".tsv"):
        found.tables[name] = _table(path)
    elif path.suffix == ".json":
        content = untrusted_text.parse_json(path.read_text(encoding="utf-8"))
        if _is_table(content):
            found.tables[name] = pd.DataFrame(content["data"], columns=content["columns"])
        else:
            found.leaves[name] = fitted_state.parameters(content)
    else:
        found.files[name] = hashlib.sha256(path.read_bytes()).hexdigest()
        if path.suffix.lower() in TEXTS:
            found.texts[name] = path.read_text(encoding="utf-8", errors="replace")


def _open(name: str, folder: Path, found: _Found) -> None:
    """Load a model: what it answers on its input example, or, of a scikit-learn one, what it has learned.

    Code that it carries runs among its own modules: the recorded model's and the rerun's have the same names.
    """
    with ModuleSpace(folder).entered():
        model = mlflow.pyfunc.load_model(str(folder))
        if "sklearn" in model.metadata.flavors:
            found.leaves[name] = fitted_state.parameters(model.get_raw_model())
            return
        example = model.metadata.load_input_example(str(folder))
        if example is None:
            found.unread[name] = "it has no input example"
        else:
            found.tables[name] = pd.DataFrame(np.asarray(model.predict(example))).add_prefix("answer ")
