"""The types that loading a model trusts, beside those of the project's own code.

A model's MLmodel lists the types that it holds, and the artifact may be anybody's. So a list is compared with what the
project itself says: which packages its pyproject.toml names, and the few types of Python's own below.
"""

import importlib.metadata
import sys
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from packaging.utils import canonicalize_name

GROUND = ("sklearn", "numpy", "scipy")
"""Packages that every model is built on. Their types are trusted without being named."""

STANDARD = frozenset({
    "collections.Counter", "collections.OrderedDict", "collections.defaultdict", "collections.deque",
    "datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.timezone",
    "decimal.Decimal", "fractions.Fraction", "uuid.UUID",
})  # fmt: skip
"""Types of the standard library that only hold values. All others might run commands."""


def package(name: str) -> str:
    """Return the top-level package of a dotted name."""
    return name.partition(".")[0]


def is_standard(name: str) -> bool:
    """Return whether a type is of Python's standard library."""
    return package(name) in sys.stdlib_module_names


def distributions(packages: Iterable[str], place: Path | None = None) -> dict[str, list[str]]:
    """Return the installed distributions of packages, by their canonical names; those of no distribution have none.

    The files of all that is installed are read, so it is not asked without need.

    Args:
        packages: top-level packages.
        place: another environment's folder of packages; None for those of this process.
    """
    wanted = set(packages)
    installed: Mapping[str, Iterable[str]] = {}
    if wanted:
        installed = _in(place) if place else importlib.metadata.packages_distributions()
    return {name: sorted({str(canonicalize_name(one)) for one in installed.get(name, [])}) for name in wanted}


def _in(place: Path) -> Mapping[str, set[str]]:
    """Map each package in a folder to the distributions that bring it."""
    found = defaultdict[str, set[str]](set)
    for one in importlib.metadata.distributions(path=[str(place)]):
        for file in one.files or ():
            found[file.parts[0].partition(".")[0]].add(one.metadata["Name"])
    return found
