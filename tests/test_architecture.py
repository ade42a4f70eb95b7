"""The rules of the house: who may import whom."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import PROJECT

MODULES = sorted((PROJECT / "reprise").rglob("*.py"))
LAUNCHER = (
    *("bundle", "checkout", "cli", "credentials", "entry_point", "environment", "experiment", "git", "job", "lock"),
    *("recorded", "story", "ui"),
    *("chronicle", "comparison", "digest", "history", "judgement", "mutex", "permission", "policy", "promotion"),
    *("registration", "registry", "registry_commands", "retirement", "stored_model", "verdict"),
)
"""Modules that work in the launcher, which has none of the packages that fit and score."""


def imports(path: Path, *, top_only: bool = False) -> set[str]:
    """Names of all that a file imports."""
    tree = ast.parse(path.read_text())
    nodes = tree.body if top_only else list(ast.walk(tree))
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def test_the_model_is_scikit_learn_alone() -> None:
    roots = {name.partition(".")[0] for name in imports(PROJECT / "reprise/model.py")}
    assert roots <= {"sklearn", "numpy", "dataclasses", "typing"}


def test_entry_points_do_not_import_one_another() -> None:
    entry_points = {"train", "evaluate", "probe"}
    for module in (*MODULES, *(PROJECT / f"{name}.py" for name in entry_points)):
        assert not imports(module) & entry_points, module


def test_only_one_module_calls_git() -> None:
    calling = [path.name for path in MODULES if '= ["git",' in path.read_text()]
    assert calling == ["git.py"]


def test_only_one_module_talks_to_the_model_registry() -> None:
    talking = re.compile(r"\.\w*(registered_model|model_version)\w*\(")
    assert [path.name for path in MODULES if talking.search(path.read_text())] == ["registry.py"]


def test_no_module_imports_in_a_circle() -> None:
    graph = {
        path.stem: {name.split(".")[1] for name in imports(path) if name.startswith("reprise.")} for path in MODULES
    }

    def visit(name: str, trail: tuple[str, ...]) -> None:
        assert name not in trail, f"a circle: {' -> '.join([*trail, name])}"
        for below in graph.get(name, ()):
            visit(below, (*trail, name))

    for name in graph:
        visit(name, ())


def test_no_file_is_two_nouns() -> None:
    assert {
        path.name: len(path.read_text().splitlines()) for path in MODULES if len(path.read_text().splitlines()) > 300
    } == {}


@pytest.mark.parametrize("entry_point", ["train", "evaluate", "probe"])
def test_skops_is_imported_before_mlflow(entry_point: str) -> None:
    """A late import of skops.io searches all of mlflow's modules, which takes up to two seconds."""
    check = (
        f"import sys, {entry_point}; names = list(sys.modules); print(names.index('skops.io') < names.index('mlflow'))"
    )
    done = subprocess.run([sys.executable, "-c", check], cwd=PROJECT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "True"


def test_the_launcher_needs_no_package_of_the_project_environment() -> None:
    """The command line works where there is no scikit-learn, pandas, skops or matplotlib."""
    absent = ("sklearn", "pandas", "skops", "matplotlib", "pyarrow", "joblib", "numpy", "scipy")
    check = f"""
import importlib, sys
sys.modules.update(dict.fromkeys({absent!r}))
for name in {LAUNCHER!r}:
    importlib.import_module("reprise." + name)
"""
    subprocess.run([sys.executable, "-c", check], cwd=PROJECT, check=True)
