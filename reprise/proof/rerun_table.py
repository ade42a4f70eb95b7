"""The table of a recorded run, found by its bytes or its fingerprint. In doubt the run's own code decides."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from reprise.base import scratch, tag
from reprise.base.errors import Irreproducible, WrongCall
from reprise.base.record import Source as SourceRecord
from reprise.data.source import Source, in_checkout, local_file, locate
from reprise.data.source_bytes import of_file, same_bytes
from reprise.data.table import Table, read_again
from reprise.proof.snapshot import Snapshot
from reprise.proof.table_change import explain, labels_of
from reprise.store.recorded import Recorded


@dataclass(frozen=True)
class FoundTable:
    """The place of the table.

    Attributes:
        parameters: how the rerun is to name it, where that has changed.
        doubt: what would be wrong with it, were today's reader right: the run recorded no digest of the table's bytes,
            so only the rerun tells; None where there is no doubt.
    """

    parameters: dict[str, str] = field(default_factory=dict)
    doubt: str | None = None


def find(code: Snapshot, recorded: Recorded) -> FoundTable:
    """Find the recorded table.

    The same bytes are the same table, and are not read here. Of other bytes, today's reader says whether the content is
    the same. Runs that recorded no bytes are not refused for what today's reader says.

    Args:
        code: of the run's commit, with its patch.
        recorded: the run.

    Raises:
        Irreproducible: it is gone, or has changed.
    """
    source = recorded.data.get("source")
    if source is None or source["kind"] == "bundled":
        return FoundTable()
    missing: list[str] = []
    doubts: list[FoundTable] = []
    for place, path in _places(code, source):
        try:
            now = _digested(path)
        except WrongCall as error:
            missing.append(f"the data is gone: {error.format_message()}")
            continue
        parameters = {} if recorded.parameters.get("data") in ("held-out", place) else {"data": place}
        same = same_bytes(source, now, {})
        change = None if same else _change(place, path, recorded)
        if change is None:
            return FoundTable(parameters)
        missing.append(f"the data has changed: {change}")
        doubts += [FoundTable(parameters, missing[-1])] if same is None else []
    if doubts:
        return doubts[0]
    raise Irreproducible(*missing)


def settled(found: str | None, recorded: Recorded, rerun: Recorded) -> str | None:
    """Return what the rerun tells of a table in doubt; None where there is none.

    Args:
        found: the doubt.
        recorded: the run.
        rerun: its rerun, whose own code has read the table.

    Raises:
        Irreproducible: the table has changed.
    """
    if found is None:
        return None
    if rerun.data.get("fingerprint") not in _fingerprints(recorded):
        raise Irreproducible(found)
    return (
        "the data is as recorded, by the fingerprint that the code of the commit makes; today's code reads it otherwise"
    )


def _digested(path: str) -> Source:
    source = locate(path)
    with local_file(source, path) as file:
        return of_file(source, file)


def _change(place: str, path: str, recorded: Recorded) -> str | None:
    """Return what has changed in a table, as today's code reads it; None where that finds the recorded content."""
    table: Table | None = None
    said = ""
    try:
        table = read_again(path, recorded.data)
    except WrongCall as error:
        said = error.format_message()
    if table is None:
        return f"{place} cannot be read: {said}"
    # Where the two differ the record was changed, not the data: `reprise.proof.consistency` names that.
    if table.fingerprint in _fingerprints(recorded):
        return None
    why = "its columns cannot be compared"
    with suppress(KeyError, TypeError, ValueError):
        why = explain(table.frame, recorded.data, labels_of(recorded.folder))
    return f"{place} has the fingerprint {table.fingerprint}, recorded {recorded.data['fingerprint']}: {why}"


def _fingerprints(recorded: Recorded) -> tuple[str | None, ...]:
    return recorded.data["fingerprint"], recorded.tags.get(tag.DATA_FINGERPRINT)


def _places(code: Snapshot, source: SourceRecord) -> Iterator[tuple[str, str]]:
    """List where the table may be: what to call it in the rerun, and where it can be read now."""
    try:
        here = in_checkout(source)
    except WrongCall as error:  # the record names a file outside of the project
        raise Irreproducible(error.format_message()) from error
    inside = source["in_project"]
    content = code.file(inside) if inside else None
    if inside and content is not None:
        with scratch.folder("data") as folder:
            path = folder / Path(inside).name
            path.write_bytes(content)
            yield inside, str(path)
    yield source["uri"], source["uri"]
    if here:
        yield str(here), str(here)
