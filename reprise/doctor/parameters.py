"""Whether MLproject names the parameters that its scripts take, with their defaults."""

from collections.abc import Iterator
from pathlib import Path

from reprise.base import project
from reprise.base.errors import WrongCall
from reprise.contract.mlproject import disagreements, unread
from reprise.doctor.finding import Finding


def examine(folder: Path) -> Iterator[Finding]:
    """Compare a project's MLproject with train.py, evaluate.py and model.py, by reading them."""
    if project.mlproject_in(folder) is None:
        return
    try:
        found, missing = disagreements(folder), unread(folder)
    except WrongCall as error:
        yield Finding("warn", "MLproject", error.problem, error.remedy)
        return
    for one in found:
        if one.by_hand:
            yield Finding("warn", "MLproject", one.problem, one.edit)
        else:
            yield Finding("warn", "MLproject", one.problem, "reprise sync", (f"or {one.edit}",))
    for line in missing:
        yield Finding("note", "MLproject", line)
    if not found and not missing:
        yield Finding("ok", "MLproject", "names every parameter of its scripts, with their defaults")
