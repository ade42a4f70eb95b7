"""The project's model.py: its hyper-parameters, and the function that fits."""

import importlib
import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from reprise.base import engine, project, project_settings
from reprise.base.errors import WrongCall, error_summary
from reprise.base.task import CLASSIFICATION, TASKS, Task, other
from reprise.contract.parameter import fields
from reprise.contract.value_type import ValueType

FUNCTION, CLASS, RESOLVED = "fit", "Hyperparameters", "resolved_hyperparameters"
"""What it defines; the last one may be absent."""

WEIGHTS = "sample_weight"
"""The argument of `fit` for sample weights, as scikit-learn calls it."""

TASK = "TASK"
"""What it may define: the one task that its `fit` does."""

METRICS = "METRICS"
"""What it may define: metrics of the project's own."""


@dataclass(frozen=True)
class ProjectModel:
    """What a project's model.py defines.

    Attributes:
        fit: takes X, shape (rows, features), y, shape (rows,), hyper-parameters and a seed; returns a fitted estimator.
        hyperparameters: the dataclass whose fields a run can vary.
        metrics: what METRICS holds, unchecked.
    """

    fit: Callable[[Any, Any, Any, int], Any]
    hyperparameters: type
    metrics: Any = ()

    def types(self) -> dict[str, ValueType]:
        """Return what checks a value of each hyper-parameter."""
        return {one.name: one.type for one in fields(self.hyperparameters)}


def fitted(fit: Callable[..., Any], X: Any, y: Any, hyperparameters: Any, seed: int, **further: Any) -> Any:
    """Call the function `fit` of model.py.

    Args:
        fit: takes what follows, and returns a fitted estimator.
        X: features, shape (rows, features).
        y: target, shape (rows,).
        hyperparameters: an instance of the project's class.
        seed: makes the fit deterministic.
        further: passed by name where the function takes it.
    """
    return fit(X, y, hyperparameters, seed, **accepted(fit, further))


def weighted(weight: Any) -> dict[str, Any]:
    """Return what to pass to `fitted` for sample weights, nothing where all rows count the same."""
    return {} if weight is None else {WEIGHTS: weight.to_numpy()}


def check_weight(fit: Callable[..., Any], weight: Any) -> None:
    """Check that the function `fit` takes sample weights where rows have some.

    Raises:
        WrongCall: it does not.
    """
    if weight is not None and not takes(fit, WEIGHTS):
        message = f"weight {weight.name!r} is of no use: {fit.__name__} of {fit.__module__}.py takes no {WEIGHTS}"
        raise WrongCall(message, remedy=f"add the argument {WEIGHTS}=None to it, or leave weight out")


def takes(fit: Callable[..., Any], name: str) -> bool:
    """Return whether a function has a parameter of that name."""
    return name in inspect.signature(fit).parameters


def accepted(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Keep those of some arguments that a function has a parameter for."""
    return {name: value for name, value in given.items() if takes(function, name)}


def served_tasks() -> tuple[Task, ...]:
    """Return the tasks that model.py does: the one that it declares as TASK, else both.

    Raises:
        WrongCall: it declares no task that there is.
    """
    declared = _declared(TASK, None)
    if declared is None:
        return TASKS
    if declared not in TASKS:
        raise WrongCall(f"model.py: TASK is {declared!r}", remedy=f"write {' or '.join(map(repr, TASKS))}")
    return (declared,)


def declared_metrics() -> Any:
    """Return what METRICS of model.py holds, unchecked; nothing where the project has no model.py."""
    return _declared(METRICS, ())


def _declared(name: str, default: Any) -> Any:
    """Return what model.py defines by a name; the default where it defines no such thing, or where there is none."""
    module = project_settings.current().model
    return getattr(importable(module), name, default) if _file_of(module).is_file() else default


def _file_of(module: str) -> Path:
    return project.FOLDER.joinpath(*module.split(".")).with_suffix(".py")


def check_serves(function: Callable[..., Any], task: Task, error: ValueError) -> None:
    """Refuse a regression by a function that does not say that it does any, and has failed on it.

    Args:
        function: which fits.
        task: which it was called for.
        error: by which it has failed.

    Raises:
        WrongCall: the function may be for classes only.
    """
    module = sys.modules.get(function.__module__)
    if task == CLASSIFICATION or takes(function, "task") or getattr(module, TASK, None):
        return
    message = f"{function.__name__} of {function.__module__}.py fails on a target of numbers: {error_summary(error)}"
    remedy = "if it only classifies, write TASK = 'classification' into the file; if not, let fit take `task`"
    raise WrongCall(message, remedy=remedy) from error


def check_task(function: Callable[..., Any], fitted: Any, task: Task) -> None:
    """Refuse a fitted estimator that is known to be of the other task.

    Args:
        function: which has fitted it.
        fitted: the estimator.
        task: which it was fitted for.

    Raises:
        WrongCall: it is a regressor where a classifier is needed, or the other way.
    """
    from sklearn.base import is_classifier, is_regressor  # noqa: PLC0415  the launcher reads this module too

    is_other, named = (is_regressor, "regressor") if task == CLASSIFICATION else (is_classifier, "classifier")
    try:
        wrong = is_other(fitted)
    except (AttributeError, TypeError):  # it has no tags of scikit-learn, and so does not say
        return
    if wrong:
        does = other(task)
        message = f"{function.__name__} of {function.__module__}.py returned a {named}, but the task is {task}"
        raise WrongCall(
            message, remedy=f"give task={does}, write TASK = {does!r} into model.py, or let fit take `task`"
        )


def load() -> ProjectModel:
    """Import the project's model.py.

    Raises:
        WrongCall: there is none, or it does not define what it should.
    """
    module = importable(project_settings.current().model)
    for name in (FUNCTION, CLASS):
        if not callable(getattr(module, name, None)):
            raise WrongCall(f"{module.__file__} defines no {name}; docs/model.md says what model.py holds")
    fields(getattr(module, CLASS))
    return ProjectModel(getattr(module, FUNCTION), getattr(module, CLASS), getattr(module, METRICS, ()))


def importable(name: str) -> ModuleType:
    """Import a module of the project by its name from the project's folder.

    Raises:
        WrongCall: the project has none, or another one of that name comes before it.
    """
    path = _file_of(name)
    if not path.is_file():
        raise WrongCall(
            f"the project in {project.FOLDER} has no {path.relative_to(project.FOLDER)}", remedy="bring it back"
        )
    if str(project.FOLDER) not in sys.path:
        sys.path.insert(0, str(project.FOLDER))
    module = importlib.import_module(name)
    if Path(str(module.__file__)).resolve() != path.resolve():
        raise WrongCall(f"{module.__file__} hides the project's {path.name} on Python's path", remedy="rename it")
    return module


def own_modules() -> list[ModuleType]:
    """List the modules of the project that this process has imported, those of the engine apart."""
    found = []
    for module in list(sys.modules.values()):
        path = Path(getattr(module, "__file__", None) or "/").resolve()
        others = {engine.PACKAGE.name, "tests"}.intersection(path.parts[len(project.FOLDER.parts) :])
        if module.__name__ != "__main__" and project.holds(path) and not others:
            found.append(module)
    return found


def check_own(thing: Callable[..., Any]) -> None:
    """Refuse a function or class of another project. An editable install may put its folder on Python's path.

    Raises:
        WrongCall: it is defined at the top of another project.
    """
    file = Path(getattr(sys.modules.get(thing.__module__), "__file__", None) or project.FOLDER / "none").resolve()
    lacks = file.parent != project.FOLDER.resolve() and not (project.FOLDER / file.name).is_file()
    if lacks and project.mlproject_in(file.parent):
        message = f"{thing.__name__} is that of {file}, which is another project's: this one, {project.FOLDER}"
        raise WrongCall(f"{message}, has no {file.name}", remedy="bring it back")


def resolved(fit: Callable[..., Any], fitted: Any) -> dict[str, Any]:
    """Return the resolved values of `auto` in a fitted model, if the module of `fit` provides them."""
    tell = getattr(sys.modules.get(fit.__module__), RESOLVED, None)
    return dict(tell(fitted)) if tell else {}
