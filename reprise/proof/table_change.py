"""The changes of a table since a run read it, as far as the run's record shows them."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa

from reprise.base import artifact
from reprise.base.display_text import listed
from reprise.base.record import Data, Parts
from reprise.data.fingerprint import parts

LISTED = 5
"""Columns that are named at most."""


def labels_of(folder: Path) -> pd.Series | None:
    """Read the true labels in a run's predictions as row number -> label, or None."""
    try:
        predictions = pd.read_parquet(folder / artifact.PREDICTIONS, columns=["row", "truth"])
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None
    return predictions.set_index("row")["truth"]


def explain(frame: pd.DataFrame, recorded: Data, labels: pd.Series | None) -> str:
    """Return what differs between a table and the one that a run recorded.

    Args:
        frame: the table as it is now.
        recorded: what provenance.json says of its data; of older runs columns and the number of rows alone.
        labels: row number -> label, of rows whose label is known from the run's predictions.

    Returns:
        One line; of rows, names, order, kinds and values of columns what differs, and the first label that does.
    """
    now = parts(frame)
    found = [*_rows(frame, recorded), *_names(frame, recorded, now)]
    if not found and "parts" in recorded:
        found = list(_values(now, recorded["parts"]))
    found += _labels(frame, recorded, labels)
    return "; ".join(found) or "rows, names and order of columns are the same, so values or their kinds differ"


def _rows(frame: pd.DataFrame, recorded: Data) -> Iterator[str]:
    if "rows" in recorded and len(frame) != recorded["rows"]:
        yield f"it has {len(frame)} rows, recorded {recorded['rows']}"


def _names(frame: pd.DataFrame, recorded: Data, now: Parts) -> Iterator[str]:
    """Compare names and order of columns; one with the same values under another name has been renamed."""
    old, new = [str(name) for name in recorded.get("columns", [])], [str(name) for name in frame.columns]
    if not old or old == new:
        return
    gone, more = [name for name in old if name not in new], [name for name in new if name not in old]
    if not gone and not more:
        at = next(at for at, pair in enumerate(zip(old, new, strict=True)) if pair[0] != pair[1])
        yield f"its columns are in another order: column {at + 1} is {new[at]!r}, recorded {old[at]!r}"
        return
    hashes = {column["name"]: column["sha256"] for column in recorded.get("parts", {}).get("columns", [])}
    same = {column["sha256"]: column["name"] for column in now["columns"] if column["name"] in more}
    renamed = {name: same[hashes[name]] for name in gone if hashes.get(name) in same}
    yield from (f"column {name!r} is named {other!r} now" for name, other in renamed.items())
    for names, what in ((gone, "gone"), (more, "new")):
        left = [name for name in names if name not in {*renamed, *renamed.values()}]
        if left:
            yield f"{what}: {_few(left)}"


def _values(now: Parts, then: Parts) -> Iterator[str]:
    pairs = list(zip(then["columns"], now["columns"], strict=True))
    kinds = [(old, new) for old, new in pairs if old["kind"] != new["kind"]]
    for old, new in kinds[:LISTED]:
        yield f"column {old['name']!r} is {new['kind']}, recorded {old['kind']}"
    changed = [old["name"] for old, new in pairs if old["kind"] == new["kind"] and old["sha256"] != new["sha256"]]
    if not kinds and then["rows"] is not None and then["rows"] == now["rows"]:
        yield "its rows are the same, in another order"
    elif changed:
        yield f"values differ in {_few(changed)}, and in no other of {len(pairs)} columns"


def _labels(frame: pd.DataFrame, recorded: Data, labels: pd.Series | None) -> Iterator[str]:
    """Name the first row whose label is another, of those that the run kept; a table of other rows tells nothing."""
    target = recorded.get("target")
    if labels is None or target not in frame or len(frame) != recorded.get("rows"):
        return
    now = frame[target].reindex(labels.index)
    differing = (now.astype(str) != labels.astype(str)).to_numpy().nonzero()[0]
    if differing.size:
        row = labels.index[differing[0]]
        yield f"row {row} has {target} {now.iloc[differing[0]]!s}, recorded {labels.iloc[differing[0]]!s}"


def _few(names: list[str]) -> str:
    return listed(map(repr, names), LISTED)
