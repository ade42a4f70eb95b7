"""Compare a table with the recorded one, by its bytes and by its fingerprint."""

from dataclasses import dataclass

from reprise.base.record import Record
from reprise.data.source_bytes import same_bytes
from reprise.data.table import Table


@dataclass(frozen=True)
class TableIdentity:
    """The result of the comparison.

    Attributes:
        same: whether it is the recorded table.
        why: why it is not; or, where the bytes are the same and the fingerprint is not, that it is read otherwise now.
    """

    same: bool
    why: str = ""


def identify(table: Table, provenance: Record) -> TableIdentity:
    """Compare a table with the one that a run recorded.

    The same bytes are the same table, whatever the reader of today makes of them. Other bytes with the same fingerprint
    are the same as well, such as a file that was packed again.

    Args:
        table: as today's code reads it.
        provenance: what provenance.json holds.
    """
    data = provenance["data"]
    if table.fingerprint == data["fingerprint"]:
        return TableIdentity(same=True)
    both = f"fingerprint {table.fingerprint}, recorded {data['fingerprint']}"
    bytes_are = same_bytes(data["source"], table.source, provenance.get("environment", {}).get("installed", {}))
    if bytes_are:
        why = f"data {table.source.uri!r} has the recorded bytes, which today's code reads otherwise: {both}"
        return TableIdentity(same=True, why=why)
    if bytes_are is None:
        both += " (it recorded no digest of the bytes, so data that changed cannot be told from a reader that did)"
    return TableIdentity(same=False, why=both)
