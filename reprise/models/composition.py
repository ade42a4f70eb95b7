"""The types that a fitted model holds, and the distributions that they come from."""

import importlib
import importlib.metadata
import io
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import skops.io
from packaging.utils import canonicalize_name

from reprise.base.errors import JobFailed
from reprise.environment.pins import Lock, required
from reprise.models.own_code import types_in
from reprise.models.project_code import Code, closure, is_own

ALWAYS = ("sklearn", "numpy", "scipy")
"""Packages that every model's requirements hold."""


@dataclass(frozen=True)
class Composition:
    """The parts of a fitted model.

    Attributes:
        types: names of types and functions that loading it has to trust, for skops.
        distributions: canonical names of distributions that the lock pins, and that it needs.
        code: the project's own modules that it needs.
    """

    types: list[str]
    distributions: list[str]
    code: Code


def compose(model: Any, lock: Lock) -> Composition:
    """Find out what a model is made of.

    Args:
        model: a fitted estimator.
        lock: the environment lock.

    Raises:
        JobFailed: a type is from a distribution that the lock does not pin, or from none; or the project's own code
            that it needs is, or cannot be imported elsewhere.
    """
    saved = skops.io.dumps(model)
    held = sorted(types_in(io.BytesIO(saved)))
    own = [(module, name) for module, name in held if module not in sys.builtin_module_names and is_own(module)]
    _check_importable([*own, *(one for one in held if one[0] == "__main__")])
    others = [(module, name) for module, name in held if (module, name) not in own]
    needed = _distributions({_package(module): f"the model holds {module}.{name}" for module, name in others}, lock)
    known = {*ALWAYS, *needed, *(_package(module) for module, _ in own)}
    types = skops.io.get_untrusted_types(data=saved)
    if foreign := [name for name in types if _package(name) not in known]:
        raise JobFailed(
            f"the model holds {', '.join(foreign)}, of no package that is trusted on loading",
            remedy="take it out of the model, or define a class of your own in model.py, which travels with it",
        )
    code = closure({module for module, _ in own})
    needed |= _distributions(
        {package: f"the model's own {file} imports {package}" for package, file in code.needed.items()}, lock
    )
    return Composition(list(types), sorted({*needed.values(), *_pinned(code.wanted, lock)}), code)


def _check_importable(held: Iterable[tuple[str, str]]) -> None:
    """Refuse what no other process can import by its name."""
    for module, name in held:
        if module == "__main__":
            script = Path(getattr(sys.modules[module], "__file__", None) or "the script that runs").name
            raise JobFailed(
                f"the model holds {name}, which {script} itself defines, so it could not be loaded elsewhere",
                remedy="define it in model.py, and import it from there",
            )
        if not hasattr(importlib.import_module(module), name):
            raise JobFailed(
                f"the model holds {name} of {module}, which is no name at the top of that module, as of a lambda or of "
                "what is defined within a function, so it could not be loaded elsewhere",
                remedy="define it at the top",
            )


def _distributions(wanted: Mapping[str, str], lock: Lock) -> dict[str, str]:
    """Find the distribution of each package that is needed, beside those that every model needs.

    Args:
        wanted: package -> what needs it, for a person.
        lock: the environment lock.
    """
    here = {name: why for name, why in wanted.items() if name not in {*ALWAYS, *sys.stdlib_module_names}}
    installed = importlib.metadata.packages_distributions() if here else {}
    found: dict[str, str] = {}
    for package, why in here.items():
        names = [canonicalize_name(name) for name in installed.get(package, [])]
        if not names:
            raise JobFailed(
                f"{why}, of no installed package, so no pin brings it", remedy="take it from one that conda.yaml pins"
            )
        pinned = [name for name in names if name in lock.pins]
        if not pinned:
            raise JobFailed(
                f"{why}, of {names[0]}, which conda.yaml does not pin: it could not be loaded elsewhere",
                remedy="add it to the dependencies in pyproject.toml, then reprise lock",
            )
        _check_needed(pinned[0], lock)
        found[package] = pinned[0]
    return found


def _pinned(wanted: Iterable[str], lock: Lock) -> set[str]:
    """Find the distributions that the lock pins of packages that the model's code may do without."""
    installed = importlib.metadata.packages_distributions() if wanted else {}
    names = {str(canonicalize_name(name)) for package in wanted for name in installed.get(package, [])}
    return names & {*lock.pins}


def _check_needed(name: str, lock: Lock) -> None:
    """Refuse a distribution of whose requirements, and theirs in turn, the lock does not pin one."""
    waiting, seen = [name], {name}
    while waiting:
        here = waiting.pop()
        for needed in set(required(here)) - seen:
            if needed not in lock.pins:
                raise JobFailed(
                    f"the model's {here} needs {needed}, which conda.yaml does not pin: it could not be loaded "
                    "elsewhere",
                    remedy="run reprise lock",
                )
            seen.add(needed)
            waiting.append(needed)


def _package(name: str) -> str:
    return name.partition(".")[0]
