"""The names of tags stand once, in `reprise.base.tag`."""

import ast
import re
from collections.abc import Iterator

import pytest
from conftest import PROJECT

from reprise.base import tag

ENGINE = PROJECT / "reprise"
OWNER = ENGINE / "base/tag.py"
NAMES = {value for name, value in vars(tag).items() if name.isupper() and isinstance(value, str)}
LOOKS_LIKE_ONE = re.compile(r"\breprise\.[a-z_]+[a-z_.]*|\bmlflow\.[a-z]+[A-Za-z.]*")


def is_module(name: str) -> bool:
    """Whether Python could import it: a module or package of the engine, or what an f-string goes on with."""
    place = PROJECT / name.strip(".").replace(".", "/")
    return place.is_dir() or place.with_suffix(".py").is_file()


def literals(source: str) -> Iterator[str]:
    """Texts in a module that are no docstrings, those in f-strings as well."""
    tree = ast.parse(source)
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            yield node.value


def spelled(source: str) -> list[str]:
    """Names of tags that a module spells itself: each of `reprise.base.tag`, and what looks like a new one."""
    found = [name for text in literals(source) for name in LOOKS_LIKE_ONE.findall(text)]
    return [name for name in found if name in NAMES or (name.startswith("reprise.") and not is_module(name))]


def test_no_other_module_spells_the_name_of_a_tag() -> None:
    found = {path: spelled(path.read_text()) for path in sorted(ENGINE.rglob("*.py")) if path != OWNER}
    assert {path.relative_to(PROJECT).as_posix(): names for path, names in found.items() if names} == {}


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ('tags["reprise.data.fingerprint"]', ["reprise.data.fingerprint"]),  # the name of a module as well
        ("f\"tags.`reprise.job` = '{job}'\"", ["reprise.job"]),
        ('f"reprise.{name}.sha256"', []),  # the next line has what a name cannot be told from
        ('TAG = "reprise.new_one"', ["reprise.new_one"]),
        ('tags["mlflow.source.git.commit"]', ["mlflow.source.git.commit"]),
        ('MODULE = "reprise.search.worker"', []),
        ('f"reprise.jobs.{name}"', []),
        ('getLogger("mlflow.store.db.utils")', []),
        ('def f():\n    """Read the tag `reprise.job`."""', []),
    ],
)
def test_a_name_that_is_spelled_is_found(source: str, names: list[str]) -> None:
    assert spelled(source) == names


def test_every_name_stands_once() -> None:
    values = [value for name, value in vars(tag).items() if name.isupper() and isinstance(value, str)]
    assert len(values) == len(set(values)) > 50
