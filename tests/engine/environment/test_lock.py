"""pyproject.toml, conda.yaml and MLproject agree."""

import re
import shutil
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner
from conftest import ENTRY_POINTS, PROJECT, run
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from reprise.base.display_text import as_text
from reprise.cli.commands import cli
from reprise.environment.lock import TESTED

SPEC = re.compile(r"[a-z0-9][a-z0-9.-]*==[0-9][a-z0-9.!+]*( ; [^#]+)?")


def conda_yaml() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT / "conda.yaml").read_text())
    return content


def pins() -> dict[str, Requirement]:
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, conda_yaml()["dependencies"][-1]["pip"])}


def applies(requirement: Requirement) -> bool:
    return requirement.marker is None or requirement.marker.evaluate({"extra": ""})


def groups() -> dict[str, list[str]]:
    content: dict[str, list[str]] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["dependency-groups"]
    return content


def direct() -> list[str]:
    """The model's own packages, and what the engine needs in the project's environment."""
    package = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    return [*groups()["project"], *package["dependencies"], *package["optional-dependencies"]["project"]]


def mlproject() -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT / "MLproject").read_text())
    return content


def test_conda_virtualenv_and_uv_read_conda_yaml_alike() -> None:
    """Only python=, pip and one pip block are read by all three; and a spec must be an exact pin."""
    content = conda_yaml()
    assert content["channels"] == ["conda-forge"]
    python, pip, block = content["dependencies"]
    assert re.fullmatch(r"python=3\.\d+", python)
    assert pip == "pip"
    assert list(block) == ["pip"]
    for spec in block["pip"]:
        assert SPEC.fullmatch(spec), spec


def test_every_direct_dependency_is_pinned_within_its_range() -> None:
    for requirement in map(Requirement, direct()):
        pin = pins()[canonicalize_name(requirement.name)]
        (exact,) = pin.specifier
        assert requirement.specifier.contains(exact.version), f"{requirement} is pinned as {pin}"


def test_the_pins_are_closed_and_hold_nothing_else() -> None:
    """Every pin is a direct dependency or needed by one, and everything that is needed is pinned."""
    from importlib.metadata import requires

    wanted, seen = [canonicalize_name(Requirement(line).name) for line in direct()], set()
    while wanted:
        name = wanted.pop()
        if name in seen:
            continue
        seen.add(name)
        needed = [line for line in map(Requirement, requires(name) or []) if applies(line)]
        wanted += [canonicalize_name(requirement.name) for requirement in needed]
    on_this_platform = {name for name, pin in pins().items() if applies(pin)}
    assert seen == on_this_platform


def test_the_tests_use_the_same_pins() -> None:
    text = (PROJECT / "tests/requirements.txt").read_text()
    requirements = [Requirement(line) for line in text.splitlines() if not line.startswith("#")]
    tested: dict[str, str] = {canonicalize_name(pin.name): str(pin) for pin in requirements}
    assert {name: tested.get(name) for name in pins()} == {name: str(pin) for name, pin in pins().items()}
    assert {canonicalize_name(Requirement(line).name) for line in groups()["test"]} <= set(tested)


def test_launcher_and_project_speak_to_one_mlflow() -> None:
    launcher = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]["dependencies"]
    (skinny,) = [line for line in launcher if line.startswith("mlflow-skinny")]
    assert str(pins()["mlflow-skinny"]) == skinny
    server = (PROJECT / "deploy/server/start").read_text()
    assert f"'mlflow[auth]{pins()['mlflow-skinny'].specifier}'" in server


def test_the_package_names_the_versions_of_python_that_it_is_tested_with() -> None:
    package = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
    prefix = "Programming Language :: Python :: "
    named = tuple(line.removeprefix(prefix) for line in package["classifiers"] if line.startswith(f"{prefix}3."))
    assert named == TESTED
    assert package["requires-python"] == f">={TESTED[0]}"


def test_every_direct_dependency_has_its_reason() -> None:
    for line in (PROJECT / "pyproject.toml").read_text().splitlines():
        if re.match(r'    "[a-z0-9-]+[<>=]=', line):
            assert re.search(r"#\s+\S+", line), line


@pytest.mark.parametrize(("entry_point", "command"), [*ENTRY_POINTS.items(), ("main", ENTRY_POINTS["train"])])
def test_mlproject_and_click_agree(entry_point: str, command: click.Command) -> None:
    parameters = mlproject()["entry_points"][entry_point]["parameters"]
    options = {option.name: option for option in command.params}
    assert set(parameters) == set(options)
    for name, parameter in parameters.items():
        if isinstance(parameter, str):  # a type alone
            assert options[name].required, name
        else:
            assert str(parameter["default"]) == as_text(options[name].default), name
    call = mlproject()["entry_points"][entry_point]["command"]
    for name, option in options.items():
        assert f"{option.opts[0]}={{{name}}}" in call


@pytest.mark.parametrize("entry_point", ["register", "promote", "rollback"])
def test_mlproject_and_the_command_line_agree(entry_point: str) -> None:
    """But for overruling the policy, which is for a person at a terminal, and for where a model is loaded."""
    entry = mlproject()["entry_points"][entry_point]
    options = {option.name: option.default for option in cli.commands[entry_point].params}
    for name, parameter in entry["parameters"].items():
        if isinstance(parameter, dict):
            assert parameter["default"] == options[name], name
            assert f"--{name}={{{name}}}" in entry["command"]
    assert set(options) - set(entry["parameters"]) <= {"force", "env_manager", "run_id", "trust_model"}


def test_main_is_train() -> None:
    entry_points = mlproject()["entry_points"]
    assert entry_points["main"] == entry_points["train"]


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
def test_lock_keeps_pins_that_fit_and_writes_those_that_are_new(project: Path) -> None:
    before = (project / "conda.yaml").read_text()
    done = run("python", "-c", "from reprise.cli.commands import main; main()", "lock", cwd=project)
    assert done.returncode == 0, done.stderr
    assert (project / "conda.yaml").read_text() == before
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("project = [", 'project = [\n    "tabulate>=0.9",', 1))
    done = run("python", "-c", "from reprise.cli.commands import main; main()", "lock", cwd=project)
    assert done.returncode == 0, done.stderr
    added = set((project / "conda.yaml").read_text().splitlines()) - set(before.splitlines())
    assert [line.strip().partition("==")[0] for line in added] == ["- tabulate"]


@pytest.mark.parametrize(
    "version", ["3.10", "3.9.1", "3", "2.7", "3.12.x", "3.012", ">=3.12", "py312", "3.1२", "", " 3.12"]
)
def test_lock_refuses_what_is_no_version_of_python(version: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("subprocess.run", lambda *_, **__: pytest.fail("nothing is compiled"))
    refused = CliRunner().invoke(cli, ["lock", "--python", version])
    assert refused.exit_code == 2
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert re.fullmatch(r"Error: --python .* (give 3\.11 or newer|give one such as 3\.13)", line)


@pytest.mark.integration
@pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed")
@pytest.mark.parametrize("version", TESTED[1:])
def test_lock_pins_for_another_tested_python(project: Path, version: str) -> None:
    """Both files do, and the index has a wheel of every pin for it."""
    done = run("python", "-m", "reprise", "lock", "--python", version, cwd=project)
    assert done.returncode == 0, done.stderr
    locked = yaml.safe_load((project / "conda.yaml").read_text())["dependencies"]
    assert locked[:2] == [f"python={version}", "pip"]
    assert "was tested with" not in done.stderr
    tested = (project / "tests/requirements.txt").read_text().splitlines()
    assert {*locked[2]["pip"]} < {*tested}
    with_wheels = ["uv", "pip", "install", "--dry-run", "--no-deps", "--target", str(project / "target")]
    with_wheels += ["--python-version", version, "--only-binary", ":all:", "-r", "tests/requirements.txt"]
    done = run(*with_wheels, cwd=project)
    assert done.returncode == 0, done.stderr


def test_lock_says_that_a_python_is_untested(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")  # without uv nothing is written
    said = CliRunner().invoke(cli, ["lock", "--python", "3.14"]).stderr
    assert f"this engine was tested with Python {', '.join(TESTED)}, not with 3.14" in said
    assert "Error: uv is not on the PATH" in said
