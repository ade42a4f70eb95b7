"""What is used of MLflow beyond its documented interface is still there, and takes what it gets.

After an update of MLflow these tests name all that has moved, and what each is for.
"""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_type_hints

import mlflow.projects.env_type
import mlflow.utils.env_manager
import pytest
from conftest import PROJECT

from reprise.base import mlflow_private
from reprise.environment import built_environment, conda

ADAPTER = PROJECT / "reprise/base/mlflow_private.py"

DOCUMENTED = {
    *("mlflow", "mlflow.artifacts", "mlflow.entities", "mlflow.entities.model_registry"),
    *("mlflow.environment_variables", "mlflow.exceptions", "mlflow.models", "mlflow.projects"),
    *("mlflow.projects.backend.abstract_backend", "mlflow.pyfunc", "mlflow.sklearn", "mlflow.types"),
}
"""MLflow's modules that any module of the engine may import from."""


@dataclass(frozen=True)
class Use:
    """A name of MLflow's in a function of the adapter.

    Attributes:
        name: the whole of it, dots included.
        purpose: the function's first line.
        arguments: how many go by their place, where it is called; None where it is not.
        keywords: names of the others.
    """

    name: str
    purpose: str
    arguments: int | None = None
    keywords: tuple[str, ...] = ()


def uses(source: str) -> Iterator[Use]:
    """Find all that functions import from MLflow, its attributes that they use, and their calls."""
    for function in ast.walk(ast.parse(source)):
        if not isinstance(function, ast.FunctionDef):
            continue
        nodes = list(ast.walk(function))
        purpose = (ast.get_docstring(function) or "").partition("\n")[0]
        imported = {
            alias.name: f"{node.module}.{alias.name}"
            for node in nodes
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        yield from (Use(name, purpose) for name in imported.values())
        for node in nodes:
            if isinstance(node, ast.Attribute) and (name := _dotted(node, imported)):
                yield Use(name, purpose)
            elif isinstance(node, ast.Call) and (name := _dotted(node.func, imported)):
                yield Use(name, purpose, len(node.args), tuple(word.arg for word in node.keywords if word.arg))


def _dotted(node: ast.expr, imported: dict[str, str]) -> str | None:
    if isinstance(node, ast.Name):
        return imported.get(node.id)
    if isinstance(node, ast.Attribute) and (before := _dotted(node.value, imported)):
        return f"{before}.{node.attr}"
    return None


def found(name: str) -> Any:
    """Find what a name stands for; AttributeError or ModuleNotFoundError where it stands for nothing."""
    parts = name.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            value = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for part in parts[length:]:
            value = getattr(value, part)
        return value
    raise ModuleNotFoundError(name)


def changes(use: Use) -> str | None:
    """Return what has become of a use; None where all is as it was."""
    purpose = f"it is used to: {use.purpose}"
    try:
        value = found(use.name)
    except (AttributeError, ModuleNotFoundError):
        return f"{use.name} is gone; {purpose}"
    if use.arguments is not None:
        try:
            _signature(value).bind(*[None] * use.arguments, **dict.fromkeys(use.keywords))
        except TypeError as error:
            return f"{use.name} is not called so any more ({error}); {purpose}"
    return None


def _signature(value: Any) -> inspect.Signature:
    try:
        return inspect.signature(value)
    except ValueError:  # a method of Python's own, such as dict.pop
        return inspect.signature(lambda *_, **__: None)


USES = sorted(set(uses(ADAPTER.read_text())), key=str)


@pytest.mark.parametrize("use", USES, ids=lambda use: use.name if use.arguments is None else f"{use.name}()")
def test_mlflow_has_it_still(use: Use) -> None:
    assert changes(use) is None


def test_the_uses_are_found() -> None:
    names = {use.name for use in USES}
    assert {
        "mlflow.projects.utils.get_entry_point_command",
        "mlflow.projects._project_spec.EntryPoint.compute_parameters",
        "mlflow.store.tracking.sqlalchemy_store.SqlAlchemyStore._engine_map.pop",
    } <= names
    assert all(use.purpose.endswith(".") for use in USES)


def test_what_is_gone_is_named_with_its_purpose(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("mlflow.projects.utils.get_entry_point_command")
    (gone,) = {line for use in USES if (line := changes(use))}
    assert gone.startswith("mlflow.projects.utils.get_entry_point_command is gone; it is used to: Write the shell")


def test_a_call_that_mlflow_takes_no_more_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlflow.utils.conda._get_conda_env_name", lambda path: path)
    (changed,) = {line for use in USES if (line := changes(use))}
    assert "_get_conda_env_name is not called so any more (got an unexpected keyword argument 'env_id')" in changed


def test_a_module_that_is_gone_is_named() -> None:
    assert changes(Use("mlflow.projects.nowhere.load", "Load.")) == (
        "mlflow.projects.nowhere.load is gone; it is used to: Load."
    )


@pytest.mark.parametrize("name", [*get_type_hints(mlflow_private.Project), "_entry_points"])
def test_a_project_has_all_that_is_read_of_it(name: str) -> None:
    project = mlflow_private.read_project(PROJECT)
    assert hasattr(project, name), f"mlflow.projects._project_spec.Project.{name} is gone"


def test_the_words_for_environments_are_mlflow_s() -> None:
    managers, kinds = mlflow.utils.env_manager, mlflow.projects.env_type
    ours = (built_environment.UV, built_environment.VIRTUALENV, built_environment.CONDA, built_environment.LOCAL)
    assert ours == (managers.UV, managers.VIRTUALENV, managers.CONDA, managers.LOCAL)
    assert (built_environment.PYTHON_ENV, built_environment.CONDA_ENV) == (kinds.PYTHON, kinds.CONDA)
    assert found(f"mlflow.utils.conda.{conda.CONDA_EXE}") == conda.CONDA_EXE


def foreign(source: str) -> set[str]:
    """Find what a module uses of MLflow beyond its documented interface."""
    used = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == "mlflow":
            used |= {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            used |= {f"{alias.name}." for alias in node.names if alias.name.startswith("mlflow.")}
        elif isinstance(node, ast.Attribute) and (name := _dotted(node, {"mlflow": "mlflow"})):
            used.add(name)
    return {name for name in used if name.rpartition(".")[0] not in DOCUMENTED or _PRIVATE.search(name)}


_PRIVATE = re.compile(r"\._(?!_version__$)")


def test_no_other_module_uses_more_than_mlflow_documents() -> None:
    modules = {*(PROJECT / "reprise").rglob("*.py")} - {ADAPTER}
    assert {path.name: used for path in modules if (used := foreign(path.read_text()))} == {}


def test_private_names_of_objects_are_read_in_the_adapter_alone() -> None:
    """Ruff finds them all (SLF001); elsewhere they are a module's own."""
    excused = {path.name for path in (PROJECT / "reprise").rglob("*.py") if "noqa: SLF001" in path.read_text()}
    assert excused == {"training.py", "source_file.py"}


def test_a_private_name_elsewhere_is_found() -> None:
    source = """
from mlflow.utils.uri import is_local_uri
from mlflow.projects import _run
import mlflow.store.db
mlflow.tracking.fluent._active_experiment_id = None
mlflow.entities.Run, mlflow.MlflowClient
"""
    assert foreign(source) >= {
        *("mlflow.utils.uri.is_local_uri", "mlflow.projects._run", "mlflow.store.db."),
        "mlflow.tracking.fluent._active_experiment_id",
    }
    assert foreign("mlflow.entities.Run, mlflow.MlflowClient, mlflow.exceptions.MlflowException") == set()
