"""Another model in place of the shipped one: every test marked `contract` holds for it too."""

import re
import shutil
from pathlib import Path

import pytest
from conftest import PROJECT, commit_all, run

FOREST = PROJECT / "tests/engine/forest_model.py"
SELECTED = ("-m", "contract and not integration", "-k", "not test_verdict and not test_model_columns")
"""The quick ones: `pytest -m contract` in a copy with another model runs the others too, which takes minutes."""
SPACE = "n_estimators: [5, 20]\ncriterion: [gini, entropy]\n"


@pytest.fixture
def forest(project: Path) -> Path:
    """The project with a random forest: what a person does who has another model, and nothing else."""
    shutil.copy(FOREST, project / "model.py")
    (project / "search_space.yaml").write_text(SPACE)
    done = run("python", "-m", "reprise", "sync", cwd=project)
    assert done.returncode == 0, done.stderr
    commit_all(project, "a forest")
    return project


@pytest.mark.integration
def test_the_contract_holds_for_a_random_forest(forest: Path) -> None:
    """Every test file is collected, so none names the shipped model as it is imported."""
    done = run("python", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *SELECTED, cwd=forest)
    assert done.returncode == 0, done.stdout
    passed = re.search(r"^(\d+) passed, \d+ deselected", done.stdout, re.MULTILINE)
    assert passed, "none is skipped"
    assert int(passed[1]) > 60
