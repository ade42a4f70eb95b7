"""The engine that acts: its version, and where its files are not those of its release."""

from collections.abc import Iterator

from reprise.base import engine
from reprise.base.listing import few
from reprise.doctor.finding import Finding

LISTED = 10


def examine() -> Iterator[Finding]:
    """Examine the engine that runs."""
    found = engine.this()
    where = f"{found} in {engine.PACKAGE}"
    if not found.edited:
        yield Finding("ok", "engine", where)
        return
    yield Finding(
        "warn",
        "engine",
        f"{where}: runs record that it is not the released one",
        "git checkout -- reprise, or install it anew; if the change is meant: python -m reprise.base.engine --write",
        tuple(few(found.edited, LISTED)),
    )
