"""Another model in place of the shipped one: the user's tests and the contract's hold for it too."""

import re
import shutil
import sys
from pathlib import Path

import pytest
from conftest import PROJECT, commit_all, run

FOREST = PROJECT / "tests/engine/forest_model.py"


@pytest.fixture
def forest(project: Path) -> Path:
    """The project with a random forest: model.py replaced, MLproject brought in line, nothing else touched."""
    shutil.copy(FOREST, project / "model.py")
    done = run("python", "-m", "reprise", "sync", cwd=project)
    assert done.returncode == 0, done.stderr
    commit_all(project, "a forest")
    return project


@pytest.mark.integration
def test_a_random_forest_takes_the_model_s_place(forest: Path) -> None:
    tests = ["tests/test_model.py", "tests/test_project.py", "tests/engine/contract/test_contract.py"]
    done = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests, cwd=forest)
    assert done.returncode == 0, done.stdout
    assert re.search(r"^1[3-9] passed in", done.stdout, re.MULTILINE)
