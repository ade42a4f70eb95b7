"""What GitHub runs: the workflows name what there is, and the tools have one version each."""

import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import PROJECT, environment

import reprise
from reprise.cli.commands import cli
from reprise.environment.lock import TESTED

WORKFLOWS = sorted((PROJECT / ".github/workflows").glob("*.yml"))


def content_of(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def steps(path: Path) -> Iterator[dict[str, Any]]:
    for job in content_of(path)["jobs"].values():
        yield from job["steps"]


def commands(path: Path) -> str:
    return "\n".join(step["run"] for step in steps(path) if "run" in step)


def test_the_tests_run_with_each_python_that_the_package_names() -> None:
    unit = content_of(PROJECT / ".github/workflows/ci.yml")["jobs"]["unit"]
    matrix = unit["strategy"]["matrix"]
    assert tuple(matrix["python"]) == TESTED
    assert {extra["os"].partition("-")[0] for extra in matrix["include"]} == {"macos"}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_names_what_there_is(path: Path) -> None:
    said = commands(path)
    for file in re.findall(r"(?<![\w./$-])(?:\.ci|tests|reprise)/[\w./-]+", said):
        assert (PROJECT / file).is_file(), file
    for command in re.findall(r"(?<![\w./])reprise ([a-z]+)", said):
        assert command in cli.commands, command
    markers = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["pytest"]["ini_options"]["markers"]
    for marker in re.findall(r'-m "not (\w+)"', said):
        assert marker in {line.partition(":")[0] for line in markers}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_may_only_read_and_takes_actions_by_their_major_version(path: Path) -> None:
    assert content_of(path)["permissions"] == {"contents": "read"}
    for step in steps(path):
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step.get("uses", "a/b@v1"))
    writing = [job for job in content_of(path)["jobs"].values() if "write" in job.get("permissions", {}).values()]
    assert len(writing) == (path.name == "release.yml")


@pytest.mark.parametrize(("tag", "code"), [(f"v{reprise.__version__}", 0), ("v99.0.0", 1), (reprise.__version__, 1)])
def test_a_release_needs_a_tag_that_is_its_version(tag: str, code: int) -> None:
    (check,) = [
        one for one in steps(PROJECT / ".github/workflows/release.yml") if one.get("name", "").startswith("The")
    ]
    shell = ["bash", "-e", "-c", check["run"]]
    variables = environment() | {"GITHUB_REF_NAME": tag}
    done = subprocess.run(shell, cwd=PROJECT, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    assert ("is not v" in done.stderr) == (code == 1)


def test_pre_commit_takes_the_versions_that_the_gate_takes() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"]
    taken = {hook["repo"].rpartition("/")[2].removesuffix("-pre-commit"): hook["rev"] for hook in hooks}
    pinned = dict(
        line.split("==")
        for line in (PROJECT / "tests/requirements.txt").read_text().splitlines()
        if line.count("==") == 1
    )
    assert taken == {name: f"v{pinned[name]}" for name in ("ruff", "codespell")}
