"""Compile the dependencies of pyproject.toml into the environment lock, conda.yaml.

The lock has only `python=…`, pip and one block of exact pins, because conda, virtualenv and uv read nothing else alike.
Where it pins the engine, a comment holds the digest of the engine's files.
"""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from reprise.base import scratch, untrusted_text
from reprise.base.credentials import without_credentials
from reprise.base.errors import JobFailed, WrongCall, one_line
from reprise.base.project import FOLDER, LOCK_FILE, required
from reprise.base.project_settings import FILE
from reprise.base.terminal import note
from reprise.environment import engine_pin
from reprise.environment.direct_dependencies import GROUP, own_requirements
from reprise.environment.pins import read_lock

TEST_REQUIREMENTS = FOLDER / "tests/requirements.txt"

PLATFORMS: tuple[dict[str, str], ...] = (
    {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"},
    {"sys_platform": "darwin", "platform_system": "Darwin", "os_name": "posix"},
    {"sys_platform": "win32", "platform_system": "Windows", "os_name": "nt"},
)
"""The platforms that the environment is locked for, as environment markers name them."""

TESTED = ("3.11", "3.12", "3.13")
"""The versions of Python that this engine is tested with, the oldest first: with an older one it does not run."""

_HEADER = """\
# The environment of the project, every package pinned. Written by `reprise lock` from [dependency-groups] project
# in pyproject.toml: change that list, not this file.
{digest}name: {name}
channels: [conda-forge]
dependencies:
  - python={python}
  - pip
  - pip:
"""
_TEST_HEADER = """\
# What the tests need, the project's environment as conda.yaml pins it included. Written by `reprise lock` from
# [dependency-groups] in pyproject.toml: change those lists, not this file.
"""


def write_lock(python: str | None = None, *, upgrade: bool = False) -> list[Path]:
    """Write conda.yaml and, for a project that has a dependency group for tests, tests/requirements.txt.

    Args:
        python: the version of Python to lock, such as `3.12` or `3.12.1`; None keeps the one that is locked.
        upgrade: take the newest of everything within its range; else pins that still fit stay.

    Returns:
        The files that were written.

    Raises:
        WrongCall: there is no project, it has no environment lock yet, `python` is no version that can be locked, or
            the engine's pin is none.
        JobFailed: uv is missing, cannot reach the package index, or finds no versions that fit together.
    """
    required("reprise lock")
    if python is not None:
        _check_python(python)
    old = read_lock()
    listed = _listed()
    _check_engine(listed)
    python = python or old.python
    project_pins = _compile([GROUP], python, [] if upgrade else _preferred(old.pins.values()))
    text = _header(python, project_pins) + "".join(f"      - {pin}\n" for pin in project_pins)
    if "test" not in listed.get("dependency-groups", {}):
        LOCK_FILE.write_text(text, encoding="utf-8", newline="\n")
        return [LOCK_FILE]
    old_tests = TEST_REQUIREMENTS.read_text(encoding="utf-8").splitlines() if TEST_REQUIREMENTS.exists() else []
    preferred = [] if upgrade else _preferred(Requirement(line) for line in old_tests if not line.startswith("#"))
    test_pins = _compile([GROUP, "test"], python, preferred, constraints=project_pins)
    TEST_REQUIREMENTS.parent.mkdir(exist_ok=True)
    LOCK_FILE.write_text(text, encoding="utf-8", newline="\n")
    TEST_REQUIREMENTS.write_text(
        _TEST_HEADER + "".join(f"{pin}\n" for pin in test_pins), encoding="utf-8", newline="\n"
    )
    return [LOCK_FILE, TEST_REQUIREMENTS]


def _check_python(version: str) -> None:
    """Check that a version of Python can be locked, and note where this engine was not tested with it.

    Raises:
        WrongCall: it is no version of Python 3, or older than the engine's oldest.
    """
    if not re.fullmatch(r"3\.(0|[1-9][0-9]?)(\.(0|[1-9][0-9]?))?", version):
        raise WrongCall(f"--python {version!r} is no version of Python 3; give one such as {TESTED[-1]}")
    minor = _minor(version)
    if Version(minor) < Version(TESTED[0]):
        raise WrongCall(f"--python {version} is too old for this engine; give {TESTED[0]} or newer")
    if minor not in TESTED:
        note(f"this engine was tested with Python {', '.join(TESTED)}, not with {minor}")


def _minor(version: str) -> str:
    """Return a version's first two parts, which is what the marker `python_version` names."""
    return ".".join(version.split(".")[:2])


def _listed() -> dict[str, Any]:
    try:
        return tomllib.loads((FOLDER / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise WrongCall(f"{FOLDER / FILE}, which lists the dependencies, is missing", remedy="restore it") from error
    except ValueError as error:
        raise WrongCall(f"{FILE} cannot be read: {one_line(error, 200)}", remedy="repair it") from error


def _check_engine(listed: Mapping[str, Any]) -> None:
    """Check the pins of the engine in all groups.

    Raises:
        WrongCall: one names a branch, a tag or an abbreviated commit, or holds credentials.
    """
    for group in listed.get("dependency-groups", {}).values():
        for line in (entry for entry in group if isinstance(entry, str)):
            try:
                requirement = Requirement(line)
            except ValueError as error:
                message = f"{FILE}: {without_credentials(line)!r} is no requirement"
                raise WrongCall(f"{message} ({one_line(error, 200)})", remedy="correct it") from error
            if canonicalize_name(requirement.name) == engine_pin.NAME:
                engine_pin.check(requirement)


def _preferred(pins: Iterable[Requirement]) -> list[str]:
    """Write the pins that may stay. One that names a place is not among them, for its name may have moved on."""
    return [str(pin) for pin in pins if not pin.url]


def _header(python: str, pins: Sequence[str]) -> str:
    """Write what stands above the pins, with the file's own name for the environment."""
    name = untrusted_text.load_yaml(LOCK_FILE.read_bytes()).get("name") or FOLDER.name
    engines = [pin for pin in pins if canonicalize_name(Requirement(pin).name) == engine_pin.NAME]
    digest = engine_pin.digest_line(_engine_digest(engines[0])) if engines else ""
    return _HEADER.format(python=python, digest=digest, name=yaml.safe_dump(name).partition("\n")[0])


def _engine_digest(pin: str) -> str:
    """Fetch the engine that is pinned, and compute the digest of its files."""
    with scratch.folder("engine") as folder:
        command = ["uv", "pip", "install", "--quiet", "--no-deps", "--python", sys.executable]
        _by_uv([*command, "--target", str(folder), pin], "cannot fetch the engine")
        found = engine_pin.digest_of([str(folder)])
    if found is None:
        raise JobFailed(f"{without_credentials(pin)} holds no engine", remedy="correct the pin")
    return found


def _compile(
    groups: Sequence[str], python: str, preferred: Sequence[str], constraints: Sequence[str] = ()
) -> list[str]:
    """Pin dependency groups and their dependencies by uv, for every platform at once."""
    with scratch.folder("lock") as folder:
        pins, limits = folder / "pins.txt", folder / "constraints.txt"
        pins.write_text("\n".join(preferred), encoding="utf-8")  # uv keeps what it finds in its output
        limits.write_text("\n".join(constraints), encoding="utf-8")
        command = ["uv", "pip", "compile", "--quiet", "--universal", "--python-version", python, "--no-header"]
        command += ["--no-annotate", "--no-emit-index-url", "--constraints", str(limits), "--output-file", str(pins)]
        for group in groups:
            command += ["--group", f"{FILE}:{group}"]
        if own_requirements(_listed()):  # the engine is in the project's own folder
            command += [FILE, "--extra", GROUP]
        _by_uv(command, "cannot pin the environment")
        return _for_python(pins.read_text(encoding="utf-8").splitlines(), python)


def _by_uv(command: Sequence[str], failure: str) -> None:
    try:
        subprocess.run(command, cwd=FOLDER, check=True, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise JobFailed("uv is not on the PATH", remedy="install it, or activate the launcher's environment") from error
    except subprocess.CalledProcessError as error:
        raise JobFailed(f"uv {failure}: {without_credentials(error.stderr.strip())}") from error


def _for_python(pins: Sequence[str], python: str) -> list[str]:
    """Keep the pins for one version of Python. A marker stays if only some platforms need the pin."""
    kept = []
    for requirement in map(Requirement, pins):
        marker = requirement.marker
        needed = [marker is None or marker.evaluate({**platform, **_version(python)}) for platform in PLATFORMS]
        if all(needed):
            requirement.marker = None
        if any(needed):
            kept.append(re.sub(r"\s*;", " ;", str(requirement)))  # pip and conda both want the blank
    return kept


def _version(python: str) -> dict[str, str]:
    return {
        "python_version": _minor(python),
        "python_full_version": python if python.count(".") > 1 else f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
    }
