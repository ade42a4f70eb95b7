"""What a fitted model is made of: the types that it holds, and the distributions that they come from."""

import importlib.metadata
import io
import json
import sys
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any

import skops.io
from packaging.utils import canonicalize_name

from reprise.base.errors import JobFailed
from reprise.environment.pins import Lock, required

ALWAYS = ("sklearn", "numpy", "scipy")
"""Packages that every model's requirements hold."""

OWN = __name__.partition(".")[0]


def trusted_types(model: Any, trusted: Iterable[str], lock: Lock) -> tuple[list[str], list[str]]:
    """Return the types that loading a model has to trust, and the distributions that it needs.

    Args:
        model: a fitted estimator.
        trusted: packages whose types are trusted, beside scikit-learn's, its base's and those that the lock pins.
        lock: the environment lock.

    Returns:
        Names of types, for skops, and canonical names of distributions that the lock pins.

    Raises:
        JobFailed: a type is from a distribution that the lock does not pin, or from none.
    """
    saved = skops.io.dumps(model)
    needed = _distributions(sorted(_types(saved)), lock)
    known = {*ALWAYS, *trusted, *needed}
    types = skops.io.get_untrusted_types(data=saved)
    if foreign := [name for name in types if _package(name) not in known]:
        raise JobFailed(
            f"the model holds {', '.join(foreign)}, of no package that is trusted on loading; "
            "add the package to TRUSTED_PACKAGES in reprise/models/logged_model.py if you trust it"
        )
    return list(types), sorted(set(needed.values()))


def _distributions(types: list[str], lock: Lock) -> dict[str, str]:
    """Find the distribution of each package that types are from, beside those that every model needs."""
    example = {_package(name): name for name in types}
    wanted = [name for name in example if name not in {*ALWAYS, OWN, *sys.stdlib_module_names}]
    installed = importlib.metadata.packages_distributions() if wanted else {}
    found: dict[str, str] = {}
    for package in wanted:
        names = [canonicalize_name(name) for name in installed.get(package, [])]
        if not names:
            raise JobFailed(
                f"the model holds {example[package]}, of no installed package, so no pin brings it; "
                "take it from a package that conda.yaml pins"
            )
        pinned = [name for name in names if name in lock.pins]
        if not pinned:
            raise JobFailed(
                f"the model holds {example[package]}, of {names[0]}, which conda.yaml does not pin: it could not be "
                "loaded elsewhere; add it to the dependencies in pyproject.toml, then reprise lock"
            )
        _check_needed(pinned[0], lock)
        found[package] = pinned[0]
    return found


def _check_needed(name: str, lock: Lock) -> None:
    """Refuse a distribution of whose requirements, and theirs in turn, the lock does not pin one."""
    waiting, seen = [name], {name}
    while waiting:
        here = waiting.pop()
        for needed in set(required(here)) - seen:
            if needed not in lock.pins:
                raise JobFailed(
                    f"the model's {here} needs {needed}, which conda.yaml does not pin: it could not be loaded "
                    "elsewhere; run reprise lock"
                )
            seen.add(needed)
            waiting.append(needed)


def _types(saved: bytes) -> set[str]:
    """Name all types that a model holds, as skops writes them down."""
    with zipfile.ZipFile(io.BytesIO(saved)) as file:
        return set(_named(json.loads(file.read("schema.json"))))


def _named(node: Any) -> Iterator[str]:
    waiting = [node]
    while waiting:
        here = waiting.pop()
        if isinstance(here, dict):
            if "__module__" in here and "__class__" in here:
                yield f"{here['__module__']}.{here['__class__']}"
            waiting += here.values()
        elif isinstance(here, list):
            waiting += here


def _package(name: str) -> str:
    return name.partition(".")[0]
