"""The commands in README and docs do what they say, and their links lead somewhere."""

import os
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from conftest import ENTRY_POINTS, EXPERIMENT, PROJECT, SCRIPTS, commit_all, copy_project, run

from reprise.backends.commit import EntryPointFailed
from reprise.base.display_text import as_text

PAGES = [PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
PAGES += sorted((PROJECT / "docs").rglob("*.md"))
NEEDS = {
    "mlflow run . -P": "conda",
    "--env-manager virtualenv": "pyenv",
}  # tests/engine/running/test_mlflow_run.py has them

ID = "[0-9a-f]{32}"
OWN = {EXPERIMENT: ""}
"""Runs go to the project's own experiment."""
ON_IRIS = (
    r"accuracy  0\.9737 on 38 held-out rows \(0\.9554 on the 112 it learned from\)",
    rf"model     models:/m-{ID}",
)
"""What training on the bundled table prints, however it is started."""

EXPECTED = {
    "mlflow run . --env-manager uv -P data=$PWD/people.csv -P target=bought -P kernel=linear": (
        r"accuracy  0\.\d{4} on 50 held-out rows \(0\.\d{4} on the 150 it learned from\)",
        rf"model     models:/m-{ID}",
        rf"look      reprise ui {ID}",
        rf"evaluate  mlflow run \. -e evaluate --env-manager uv -P model=models:/m-{ID}",
    ),
    "mlflow run . --env-manager uv -e evaluate": (
        r"class +precision +recall +f1 +rows",
        r"metrics\.accuracy +0\.\d+ +at least 0\.7 +passed",
        r"verdict   passed",
        r"accuracy  0\.\d{4} on 50 held-out rows of people\.csv",
    ),
    "mlflow run . -b commit --env-manager uv -P C=1.0": (
        *ON_IRIS,
        rf"evaluate  mlflow run \S+ -e evaluate -b commit --env-manager uv -P model=models:/m-{ID}",
    ),
    "reprise reproduce latest": (
        *ON_IRIS,
        r"reproduced: .+",
        rf"run {ID}, again {ID}",
        r"code [0-9a-f]{40} of \S+",
        r"results +\d+ equal.*",
    ),
    "mlflow run . -P C=1.0": (*ON_IRIS, rf"evaluate  mlflow run \. -e evaluate -P model=models:/m-{ID}"),
    "mlflow run . --env-manager uv -P C=1.0": (
        *ON_IRIS,
        rf"evaluate  mlflow run \. -e evaluate --env-manager uv -P model=models:/m-{ID}",
    ),
    "mlflow run . --env-manager virtualenv -P C=1.0": (
        *ON_IRIS,
        rf"evaluate  mlflow run \. -e evaluate --env-manager virtualenv -P model=models:/m-{ID}",
    ),
    "mlflow run . --env-manager local -P C=1.0": (
        *ON_IRIS,
        rf"evaluate  mlflow run \. -e evaluate --env-manager local -P model=models:/m-{ID}",
    ),
    "python train.py --C 1.0": (*ON_IRIS, rf"evaluate  python evaluate\.py --model models:/m-{ID}"),
    "mlflow run . -e tune --env-manager uv -P trials=8 -P folds=3": (
        r"accuracy  0\.9\d{3} on 38 held-out rows \(0\.9\d{3} on the 112 it learned from\)",
        rf"model     models:/m-{ID}",
        r"best    cv_accuracy 0\.9\d+ ± 0\.\d+ over 3 folds: C=\S+ gamma=\S+ kernel=\w+",
        r"trials  8, 0 of them failed",
        rf"winner  {ID}",
    ),
    "reprise best --metric test_accuracy": (
        rf"run +{ID} \S+",
        r"job +train",
        r"test_accuracy +0\.9\d+",
        r"param C +\S+",
    ),
}
"""Command -> patterns of whole lines that it prints, in their order."""


def commands() -> list[str]:
    """Every line of every shell block."""
    blocks = [block for page in PAGES for block in re.findall(r"```bash\n(.*?)```", page.read_text(), re.DOTALL)]
    return [line for block in blocks for line in block.splitlines() if line]


FIRST, SECOND, *OTHERS = commands()
TRIED_ELSEWHERE = {
    FIRST: "README shows what it prints: see the test of it",
    SECOND: "it is this suite",
    "reprise ui": "until it is interrupted; tests/engine/cli/test_commands.py has it",
}


def check_lines(printed: str, expected: Iterable[str]) -> None:
    """Ensure that lines which match some patterns were printed, in the patterns' order."""
    lines = iter(line.rstrip() for line in printed.splitlines())
    for pattern in expected:
        assert any(re.fullmatch(pattern, line) for line in lines), f"no line (more) is {pattern!r} in:\n{printed}"


def shown(command: str) -> list[str]:
    """The lines that README shows below a command, as patterns: ids are another run's."""
    found = re.search(rf"```bash\n{re.escape(command)}\n```\n\n```\n(.*?)```", PAGES[0].read_text(), re.DOTALL)
    assert found, f"README shows nothing below {command}"
    return [re.sub(ID, lambda _: ID, re.escape(line)) for line in found[1].splitlines()]


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
    done = run("bash", "-c", FIRST, cwd=checkout, PATH=os.pathsep.join(elsewhere), MLFLOW_ENV_ROOT=environments, **OWN)
    assert done.returncode == 0, done.stderr
    check_lines(done.stdout, shown(FIRST))
    assert (checkout / ".venv/bin/reprise").exists()


def test_the_second_command_is_this_suite() -> None:
    assert "-m pytest -n auto --dist loadfile" in SECOND
    assert "tests/requirements.txt" in SECOND


@pytest.mark.integration
@pytest.mark.parametrize("command", [command for command in OTHERS if command not in TRIED_ELSEWHERE])
def test_every_other_command_works(command: str, checkout: Path, environments: str) -> None:
    needed = next((program for part, program in NEEDS.items() if part in command), None)
    if needed:
        pytest.skip(f"needs {needed}: tests/engine/running/test_mlflow_run.py tries it where it is")
    if not shutil.which("uv"):
        pytest.skip("uv is not installed")
    done = run("bash", "-c", command, cwd=checkout, MLFLOW_ENV_ROOT=environments, REPRISE_CACHE=environments, **OWN)
    assert done.returncode == 0, done.stderr
    check_lines(done.stdout, EXPECTED[command])


def test_each_command_says_what_it_prints() -> None:
    """Neither a command without an expectation, nor an expectation without its command."""
    assert {*EXPECTED, *TRIED_ELSEWHERE} == set(commands())
    assert all(EXPECTED.values())


def test_lines_are_checked_whole_and_in_order() -> None:
    check_lines("first\n\nmodel  m-1\n", ["first", r"model  m-\d"])
    for printed in ("first model  m-1", "model  m-1\nfirst", "first\nmodel  m-1, and more"):
        with pytest.raises(AssertionError):
            check_lines(printed, ["first", r"model  m-\d"])


def anchors(page: Path) -> set[str]:
    """The names under which GitHub links to a page's headings."""
    headings = re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE), re.MULTILINE
    )
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for link in re.findall(r"\]\((?!https?://)([^)]+)\)", page.read_text()):
            path, _, heading = link.partition("#")
            target = page.parent / path if path else page
            assert target.exists(), f"{page.name}: {link}"
            assert not heading or heading in anchors(target), f"{page.name}: {link}"


def test_the_list_of_pages_is_complete() -> None:
    folder = PROJECT / "docs"
    text = (folder / "README.md").read_text()
    for page in folder.rglob("*.md"):
        assert page == folder / "README.md" or f"({page.relative_to(folder)})" in text, page


def test_files_that_pages_name_are_there() -> None:
    for page in PAGES:
        for name in re.findall(r"`((?:reprise|tests|deploy|benchmarks|docs)/[\w./-]*)`", page.read_text()):
            assert (PROJECT / name).exists(), f"{page.name}: {name}"


def test_functions_that_pages_name_are_in_their_files() -> None:
    """Such as `prepare` in `reprise/proof/preparation.py`."""
    named = re.compile(r"`(\w+)`(?: and `(\w+)`)? in `((?:reprise|tests)/[\w/]+\.py)`")
    found = [(page, *one) for page in PAGES for one in named.findall(" ".join(page.read_text().split()))]
    assert found
    for page, first, second, name in found:
        text = (PROJECT / name).read_text()
        for function in filter(None, (first, second)):
            assert re.search(rf"^(?:def |class )?{function}\b", text, re.MULTILINE), (
                f"{page.name}: {function} in {name}"
            )


def test_the_backend_of_the_page_runs_a_commit(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As docs/engine/backend.md has it, called as MLflow calls one."""
    folder = tmp_path / "foreign"
    folder.mkdir()
    (folder / "MLproject").write_text('entry_points:\n  main: {command: "echo $OMP_NUM_THREADS > $OUT; exit $CODE"}\n')
    commit = commit_all(folder)
    example = re.findall(r"```python\n(.*?)```", (PROJECT / "docs/engine/backend.md").read_text(), re.DOTALL)[0]
    names: dict[str, Any] = {}
    exec(example, names)  # noqa: S102  it is what the test is about
    backend = names["OneThreadBackend"]()
    config = {"ENV_MANAGER": "local"}
    place: Any = (
        str(folder),
        "main",
        {},
        commit,
        config,
        mlflow.get_tracking_uri(),
        os.environ["MLFLOW_EXPERIMENT_ID"],
    )
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OUT", str(tmp_path / "out.txt"))
    monkeypatch.setenv("CODE", "0")

    made = mlflow.get_run(backend.run(*place).run_id)
    assert (tmp_path / "out.txt").read_text() == "1\n"
    assert made.info.status == "FINISHED"
    assert made.data.tags["mlflow.source.git.commit"] == commit
    assert made.data.tags["mlflow.project.backend"] == "one-thread-commit"

    monkeypatch.setenv("CODE", "7")
    with pytest.raises(EntryPointFailed) as failed:
        backend.run(*place)
    assert failed.value.exit_code == 7


def test_readme_names_every_parameter_with_its_default() -> None:
    train = ENTRY_POINTS["train"]

    text = (PROJECT / "README.md").read_text()
    for option in train.params:
        assert f"| `{option.name}` | `{as_text(option.default)}` |" in text


def test_each_file_of_the_project_has_its_place_in_readme() -> None:
    text = (PROJECT / "README.md").read_text()
    scripts = [f"{name}.py" for name in ("model", *SCRIPTS)]
    folders = ("reprise/", "deploy/", "docs/", "tests/", "benchmarks/")
    for name in ("MLproject", "conda.yaml", *scripts, "policy.yaml", *folders):
        assert f"\n{name} " in text or f" {name} " in text
