"""The data that a run reads, as MLflow's data set inputs and as provenance.json records it."""

import json
from collections.abc import Mapping
from typing import Any

import pandas as pd

from reprise.base import tag
from reprise.base.record import Context, Data
from reprise.base.record import Source as SourceRecord
from reprise.base.terminal import note
from reprise.data.dataset import Dataset
from reprise.data.fingerprint import fingerprint, parts
from reprise.data.schema import column_schema
from reprise.data.source import Source
from reprise.data.table import Table

DIGEST_LENGTH = 36
"""Characters that MLflow keeps of a data set's digest; the whole fingerprint stands in its profile."""

NAME_LENGTH, SCHEMA_LENGTH = 500, 1_048_575
"""Characters that MLflow takes of a data set's name and of its schema; more than these are refused."""


def describe(table: Table, rows: Mapping[Context, Dataset]) -> tuple[Data, dict[str, dict[str, Any]]]:
    """Fingerprint the rows that a run reads.

    Args:
        table: where they are from.
        rows: context (`train`, `test`) -> rows.

    Returns:
        What provenance.json says of them: source, fingerprints, numbers of rows, target; and for each context the
        fields of an `mlflow.entities.Dataset`.
    """
    record: Data = {
        "source": _source(table.source),
        "fingerprint": table.fingerprint,
        "reading": table.reading,
        "missing": table.missing,
        "rows": len(table.frame),
        "columns": list(table.frame.columns),
        "parts": parts(table.frame),
        "target": next(iter(rows.values())).target,
    }
    kind, place = _mlflow_source(table.source)
    datasets: dict[str, dict[str, Any]] = {}
    for context, dataset in rows.items():
        content = dataset.table
        record[context] = {"fingerprint": fingerprint(content), "rows": len(content)}
        datasets[context] = {
            "name": table.source.name[:NAME_LENGTH],
            "digest": record[context]["fingerprint"][:DIGEST_LENGTH],
            "source_type": kind,
            "source": json.dumps(place),
            "schema": _schema(context, content),
            "profile": json.dumps({**record[context], "table_fingerprint": table.fingerprint}),
        }
    return record, datasets


def _source(source: Source) -> SourceRecord:
    return {
        "kind": source.kind,
        "name": source.name,
        "uri": source.uri,
        "in_project": source.in_project,
        "sha256": source.sha256,
        "size": source.size,
        "package": source.package,
    }


def _schema(context: str, content: pd.DataFrame) -> str | None:
    """Write the schema of rows; none, and a note, where it is longer than MLflow takes."""
    text = json.dumps({"mlflow_colspec": column_schema(content).to_dict()})
    if len(text) <= SCHEMA_LENGTH:
        return text
    note(
        f"the schema of the {context} rows has {len(text)} characters, of which MLflow takes {SCHEMA_LENGTH}: their "
        "data set input is without it; provenance.json names the columns"
    )
    return None


def _mlflow_source(source: Source) -> tuple[str, dict[str, Any]]:
    """Name a source in MLflow's own terms, so that `mlflow.data.get_source` finds it."""
    scheme = source.uri.partition(":")[0]
    if source.kind == "bundled":
        return "code", {"tags": {tag.SOURCE_NAME: f"sklearn.datasets.load_{source.name}"}}
    if source.kind == "file":
        return "local", {"uri": source.uri}
    if scheme in ("http", "https"):
        return "http", {"url": source.uri}
    return scheme, {"uri": source.uri}
