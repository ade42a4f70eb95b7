"""The types that loading a model trusts, beside those of the project's own code.

A model's MLmodel lists the types that it holds, and the artifact may be anybody's. So a list is compared with what the
project itself says: which packages its pyproject.toml names, and the few types of Python's own below.
"""

import importlib.metadata
import sys
from collections.abc import Iterable, Mapping

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


def distributions(packages: Iterable[str]) -> dict[str, list[str]]:
    """Return the installed distributions of packages, by their canonical names; those of no distribution have none.

    `packages_distributions` reads the files of all that is installed, so it is not asked without need.
    """
    wanted = set(packages)
    installed: Mapping[str, list[str]] = importlib.metadata.packages_distributions() if wanted else {}
    return {name: sorted({str(canonicalize_name(one)) for one in installed.get(name, [])}) for name in wanted}
