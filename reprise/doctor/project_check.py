"""Check the engine's version and files, and the parameters that MLproject names."""

from collections.abc import Iterator
from pathlib import Path

from reprise.base import engine, project
from reprise.base.display_text import few
from reprise.base.errors import WrongCall
from reprise.contract.mlproject import disagreements, unread
from reprise.doctor.diagnosis import Diagnosis

LISTED = 10


def examine_engine() -> Iterator[Diagnosis]:
    """Examine the engine that runs."""
    found = engine.this()
    where = f"{found} in {engine.PACKAGE}"
    if not found.edited:
        yield Diagnosis("ok", "engine", where)
        return
    yield Diagnosis(
        "warn",
        "engine",
        f"{where} differs from its release, which runs record",
        "git checkout -- reprise, or reinstall it; if the change is intended: python -m reprise.base.engine --write",
        tuple(few(found.edited, LISTED)),
    )


def examine_parameters(folder: Path) -> Iterator[Diagnosis]:
    """Compare a project's MLproject with train.py, evaluate.py and model.py, by reading them."""
    if project.mlproject_in(folder) is None:
        return
    try:
        found, missing = disagreements(folder), unread(folder)
    except WrongCall as error:
        yield Diagnosis("warn", "MLproject", error.problem, error.remedy)
        return
    for one in found:
        if one.by_hand:
            yield Diagnosis("warn", "MLproject", one.problem, one.edit)
        else:
            yield Diagnosis("warn", "MLproject", one.problem, "reprise sync", (f"or {one.edit}",))
    for line in missing:
        yield Diagnosis("note", "MLproject", line)
    if not found and not missing:
        yield Diagnosis("ok", "MLproject", "names every parameter of its scripts, with their defaults")
