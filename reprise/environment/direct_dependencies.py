"""The direct dependencies of a project, which its pyproject.toml names and `reprise lock` pins."""

import importlib.metadata
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from reprise.base import engine, project
from reprise.base.errors import WrongCall, one_line
from reprise.base.project_settings import FILE

GROUP = "project"
"""The dependency group that `reprise lock` compiles, and the extra of the engine that each project needs."""

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

    What the engine itself needs counts too, where the file is the engine's own, or the group names the engine.

    Raises:
        ValueError: the text is no such file, or names what is no requirement.
    """
    try:
        parsed = tomllib.loads(content.decode())
        groups = parsed.get("dependency-groups", {})
        if GROUP not in groups:
            return None
        listed = [*map(Requirement, _lines(groups, GROUP, ()))]
        engines = [one for one in listed if canonicalize_name(one.name) == engine.PACKAGE.name and GROUP in one.extras]
        needed = _of_engine() if engines else own_requirements(parsed)
        return {canonicalize_name(one.name): one for one in (*map(Requirement, needed), *listed)}
    except (KeyError, TypeError, AttributeError, RecursionError, importlib.metadata.PackageNotFoundError) as error:
        raise ValueError(f"its [dependency-groups] {GROUP}: {type(error).__name__} {error}") from error


def own_requirements(parsed: Mapping[str, Any]) -> list[str]:
    """List what an engine in the project's own folder needs: its dependencies and its extra `project`.

    Args:
        parsed: a pyproject.toml; where it has no such extra, the engine comes by a pin, or as it did of old.
    """
    package = parsed.get("project", {})
    extra = package.get("optional-dependencies", {}).get(GROUP)
    return [] if extra is None else [*package.get("dependencies", ()), *extra]


def remedy(name: str) -> str:
    """Write what makes an installed distribution a direct dependency: the line for pyproject.toml, and the command."""
    try:
        version = Version(importlib.metadata.version(name))
        wanted = f"{name}>={version.major}.{version.minor},<{version.major + 1}"
    except (importlib.metadata.PackageNotFoundError, InvalidVersion):
        wanted = name
    return f'add "{wanted}", to [dependency-groups] {GROUP} in {FILE}, then run reprise lock'


def _of_engine() -> list[str]:
    """List what the engine of this process needs for a project, by the file beside it or its installer's record."""
    beside = engine.PACKAGE.parent / FILE  # of a checkout, for which the record may be of an earlier commit
    if beside.is_file():
        return own_requirements(tomllib.loads(beside.read_text(encoding="utf-8")))
    listed = map(Requirement, importlib.metadata.requires(engine.PACKAGE.name) or [])
    needed = [one for one in listed if one.marker is None or one.marker.evaluate({"extra": GROUP})]
    return [f"{one.name}{one.specifier}" for one in needed]


def _lines(groups: Mapping[str, Any], name: str, above: tuple[str, ...]) -> Iterator[str]:
    """List the requirements of a group and of the groups that it includes (PEP 735)."""
    if name in above:
        raise ValueError(f"its dependency group {name} includes itself")
    for entry in groups[name]:
        if isinstance(entry, str):
            yield entry
        else:
            yield from _lines(groups, entry["include-group"], (*above, name))
