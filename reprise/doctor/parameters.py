"""Whether MLproject names the parameters that its scripts take, with their defaults."""

from collections.abc import Iterator
from pathlib import Path

from reprise.base import project
from reprise.contract.mlproject import disagreements
from reprise.doctor.finding import Finding


def examine(folder: Path) -> Iterator[Finding]:
    """Compare a project's MLproject with train.py, evaluate.py and model.py, by reading them."""
    if project.mlproject_in(folder) is None:
        return
    found = disagreements(folder)
    for one in found:
        yield Finding("warn", "MLproject", one.problem, "reprise sync", (f"or {one.edit}",))
    if not found:
        yield Finding("ok", "MLproject", "names every parameter of its scripts, with their defaults")
