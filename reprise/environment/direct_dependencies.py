"""The direct dependencies of a project, which its pyproject.toml names and `reprise lock` pins."""

import importlib.metadata
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from reprise.base import project
from reprise.base.errors import WrongCall, one_line

FILE = "pyproject.toml"
GROUP = "project"
"""The dependency group that `reprise lock` compiles."""

Direct = Mapping[str, Requirement]
"""Canonical name of a distribution -> its requirement."""


def read_direct() -> Direct | None:
    """Read the direct dependencies of this project; None where it has no such list.

    Raises:
        WrongCall: its pyproject.toml cannot be read.
    """
    try:
        return parse_direct((project.FOLDER / FILE).read_bytes())
    except OSError:
        return None
    except ValueError as error:
        raise WrongCall(f"{FILE} cannot be read: {one_line(error, 200)}", remedy="repair it") from error


def parse_direct(content: bytes) -> Direct | None:
    """Parse the dependency group `project` of a pyproject.toml; None where it has none.

    Raises:
        ValueError: the text is no such file, or names what is no requirement.
    """
    try:
        groups = tomllib.loads(content.decode()).get("dependency-groups", {})
        if GROUP not in groups:
            return None
        listed = map(Requirement, _lines(groups, GROUP, ()))
        return {canonicalize_name(requirement.name): requirement for requirement in listed}
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"its [dependency-groups] {GROUP}: {type(error).__name__} {error}") from error


def remedy(name: str) -> str:
    """Write what makes an installed distribution a direct dependency: the line for pyproject.toml, and the command."""
    try:
        version = Version(importlib.metadata.version(name))
        wanted = f"{name}>={version.major}.{version.minor},<{version.major + 1}"
    except (importlib.metadata.PackageNotFoundError, InvalidVersion):
        wanted = name
    return f'add "{wanted}", to [dependency-groups] {GROUP} in {FILE}, then run reprise lock'


def _lines(groups: Mapping[str, Any], name: str, above: tuple[str, ...]) -> Iterator[str]:
    """List the requirements of a group and of the groups that it includes (PEP 735)."""
    if name in above:
        raise ValueError(f"its dependency group {name} includes itself")
    for entry in groups[name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from _lines(groups, entry["include-group"], (*above, name))
