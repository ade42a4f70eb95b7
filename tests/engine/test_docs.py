"""The commands in README and docs do what they say."""

import os
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import ENTRY_POINTS, PROJECT, SCRIPTS, commit_all, copy_project, run

PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").glob("*.md"))]
SERVES = "reprise ui"  # until it is interrupted; tests/engine/test_cli.py has it
NEEDS = {"mlflow run . -P": "conda", "--env-manager virtualenv": "pyenv"}  # tests/engine/test_mlflow_run.py has them


def commands() -> list[str]:
    """Every line of every shell block."""
    blocks = [block for page in PAGES for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL)]
    return [line for block in blocks for line in block.splitlines() if line]


FIRST, SECOND, *OTHERS = commands()


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a table in it, in which every command is run in its turn."""
    folder = copy_project(tmp_path_factory.mktemp("checkout"))
    random = np.random.default_rng(0)
    table = pd.DataFrame({"age": random.integers(18, 80, 200), "city": random.choice(["Rome", "Paris", None], 200)})
    table.assign(bought=np.where(table["age"] > 50, "yes", "no")).to_csv(folder / "people.csv", index=False)
    commit_all(folder, "a table")
    return folder


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tmp_path_factory.mktemp("environments"))


@pytest.mark.integration
def test_the_first_command_sets_up_and_trains(checkout: Path, environments: str) -> None:
    """It may use nothing of the environment that the tests run in."""
    elsewhere = [path for path in os.environ["PATH"].split(os.pathsep) if Path(path) != Path(sys.executable).parent]
    done = run("bash", "-c", FIRST, cwd=checkout, PATH=os.pathsep.join(elsewhere), MLFLOW_ENV_ROOT=environments)
    assert done.returncode == 0, done.stderr
    assert "0.9737 on 38 held-out rows" in done.stdout
    assert "reprise ui " in done.stdout
    assert (checkout / ".venv/bin/reprise").exists()


def test_the_second_command_is_this_suite() -> None:
    assert "-m pytest -n auto --dist loadfile" in SECOND
    assert "tests/requirements.txt" in SECOND


@pytest.mark.integration
@pytest.mark.parametrize("command", [command for command in OTHERS if not command.startswith(SERVES)])
def test_every_other_command_works(command: str, checkout: Path, environments: str) -> None:
    needed = next((program for part, program in NEEDS.items() if part in command), None)
    if needed:
        pytest.skip(f"needs {needed}: tests/engine/test_mlflow_run.py tries it where it is")
    if not shutil.which("uv"):
        pytest.skip("uv is not installed")
    done = run("bash", "-c", command, cwd=checkout, MLFLOW_ENV_ROOT=environments, REPRISE_CACHE=environments)
    assert done.returncode == 0, done.stderr
    assert "accuracy" in done.stdout


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?://)([^)#]+)\)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name}: {link}"


def test_readme_names_every_parameter_with_its_default() -> None:
    train = ENTRY_POINTS["train"]

    text = (PROJECT / "README.md").read_text()
    for option in train.params:
        assert f"| `{option.name}` | `{option.default}` |" in text


def test_every_module_has_its_place_in_readme() -> None:
    text = (PROJECT / "README.md").read_text()
    scripts = [f"{name}.py" for name in ("model", *SCRIPTS)]
    for name in ("MLproject", "conda.yaml", *scripts, "policy.yaml", "deploy/", "docs/", "tests/", "benchmarks/"):
        assert f"\n{name} " in text or f" {name} " in text
