"""`[tool.reprise]` in pyproject.toml: the name of a project, which experiment, registered model and Jobs take.

A project without that table is of an older version. Its runs go to the experiment that MLflow chooses, and its
registered model is `reprise`.
"""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from reprise.base import project
from reprise.base.errors import WrongCall, one_line
from reprise.base.task import TASKS, Task

FILE = "pyproject.toml"
TABLE = "[tool.reprise]"

UNNAMED = "reprise"
"""The registered model of a project that has no name."""

ALIASES = ("champion", "challenger")
"""The aliases that versions of the registered model have."""

LONGEST = 100

_FORMS = {
    "name": (
        re.compile(rf"(?=.{{1,{LONGEST}}}$)\w[\w .-]*(?<![\s.])"),
        f"1 to {LONGEST} letters, digits, spaces, dashes, dots or underscores, a letter or digit first",
    ),
    "model": (re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)*"), "a module's name, such as model or churn.model"),
    "task": (re.compile("|".join(("auto", *TASKS))), f"auto, {' or '.join(TASKS)}"),
    "metric": (re.compile(r"\w+"), "auto or a scorer's name, such as accuracy"),
}
"""What each key may hold. MLflow takes such a name for an experiment and a registered model."""


@dataclass(frozen=True)
class ProjectSettings:
    """What `[tool.reprise]` says.

    Attributes:
        name: of the project, "" where it has none.
        model: the module with hyper-parameters and fit, which train.py imports; its file is in the project's folder.
        task: what `task=auto` stands for; `auto` lets the target's values decide.
        metric: what `metric=auto` of `tune` stands for, a scorer's name; `auto` is the usual one of the task.
    """

    name: str = ""
    model: str = "model"
    task: Literal["auto"] | Task = "auto"
    metric: str = "auto"

    @property
    def registered_model(self) -> str:
        """The registered model of this project."""
        return self.name or UNNAMED

    @property
    def test_metric(self) -> str | None:
        """The metric of training runs that the scorer is; None where the project names none."""
        return None if self.metric == "auto" else f"test_{self.metric.removeprefix('neg_')}"

    def model_uri(self, model: str) -> str:
        """Return the URI of a model that an alias alone names, `champion` or `challenger`; any other text as it is."""
        return f"models:/{self.registered_model}@{model}" if model in ALIASES else model


def current() -> ProjectSettings:
    """Read the settings of the project that this process works on.

    Raises:
        WrongCall: as `read`.
    """
    return read(project.FOLDER)


def read(folder: Path) -> ProjectSettings:
    """Read the settings of a project; the defaults where it has no pyproject.toml, or no such table in it.

    Args:
        folder: the project's.

    Raises:
        WrongCall: the file is no TOML, or the table has another key, or a name that MLflow cannot take.
    """
    path = folder / FILE
    try:
        return _parsed(path.read_bytes(), str(path))
    except (FileNotFoundError, NotADirectoryError):
        return ProjectSettings()
    except OSError as error:
        raise WrongCall(f"{path} cannot be read: {one_line(error)}") from error


@cache
def _parsed(content: bytes, path: str) -> ProjectSettings:
    """Check the content of a file, once for each content that a process meets."""
    try:
        tools = tomllib.loads(content.decode()).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise WrongCall(f"{path} is no TOML: {one_line(error)}") from error
    table = tools.get("reprise", {}) if isinstance(tools, dict) else {}
    place = f"{path}: {TABLE}"
    if not isinstance(table, dict):
        raise WrongCall(f"{place} is {table!r}", remedy='write a table that holds name = "…"')
    for key, value in table.items():
        if key not in _FORMS:
            raise WrongCall(f"{place} has no key {key!r}", remedy=f"take it out; the keys are {', '.join(_FORMS)}")
        form, remedy = _FORMS[key]
        if not (isinstance(value, str) and form.fullmatch(value)):
            raise WrongCall(f"{place} {key} is {value!r}", remedy=f"write {remedy}")
    return ProjectSettings(**table)
