"""The types that a fitted model holds, and the distributions that they come from."""

import importlib
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from reprise.base.errors import JobFailed
from reprise.base.project_settings import FILE
from reprise.environment.direct_dependencies import Direct, remedy
from reprise.environment.pins import Lock, required
from reprise.models.model_content import SKOPS, ModelContent
from reprise.models.project_code import Code, closure, is_own
from reprise.models.trusted_types import GROUND, STANDARD, distributions, is_standard, package


@dataclass(frozen=True)
class Composition:
    """The parts of a fitted model.

    Attributes:
        types: names of types and functions that loading it has to trust, for skops.
        distributions: distributions that the lock pins, and that it needs, by canonical names, with their extras.
        code: the project's own modules that it needs.
    """

    types: list[str]
    distributions: list[str]
    code: Code


def compose(content: ModelContent, lock: Lock, direct: Direct | None) -> Composition:
    """Find out what a model is made of.

    Args:
        content: of the model's file.
        lock: the environment lock.
        direct: the project's direct dependencies, whose types loading trusts; None where it has no list of them, and
            those of each distribution that the lock pins are trusted.

    Raises:
        JobFailed: a type is of a distribution that the lock does not pin or the project does not name, or of none; or
            the project's own code that it needs is, or cannot be imported elsewhere.
    """
    held = sorted(content.held)
    own = [(module, name) for module, name in held if module not in sys.builtin_module_names and is_own(module)]
    if content.format == SKOPS:  # a pickle holds what cannot be imported by its code
        _check_importable([*own, *(one for one in held if one[0] == "__main__")])
    others = [(module, name) for module, name in held if (module, name) not in own]
    needed = _distributions({package(module): f"the model holds {module}.{name}" for module, name in others}, lock)
    own_packages = {package(module) for module, _ in own}
    _check_trusted((name for name in content.untrusted if package(name) not in own_packages), needed, direct)
    code = closure({module for module, _ in own})
    needed |= _distributions(
        {name: f"the model's own {file} imports {name}" for name, file in code.needed.items()}, lock
    )
    found = {one for names in needed.values() for one in names} | _pinned(code.wanted, lock)
    return Composition(list(content.untrusted), sorted(_as_named(one, direct) for one in found), code)


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


def _check_trusted(types: Iterable[str], needed: Mapping[str, list[str]], direct: Direct | None) -> None:
    """Refuse types that loading would not trust.

    Args:
        types: their dotted names, without those of the project's own.
        needed: package -> the distributions that it comes from.
        direct: as for `compose`.
    """
    for name in types:
        if name in STANDARD or package(name) in GROUND:
            continue
        if is_standard(name):
            raise JobFailed(
                f"the model holds {name} of Python's standard library, which is not trusted on loading",
                remedy="take it out of the model, define a class of your own in model.py, which travels with it, or "
                "allow a pickle, pickle=yes",
            )
        found = needed[package(name)]
        if direct is not None and not {*found} & {*direct}:
            raise JobFailed(
                f"the model holds {name}, of {found[0]}, which {FILE} does not name: on loading, only types of direct "
                "dependencies are trusted",
                remedy=remedy(found[0]),
            )


def _distributions(wanted: Mapping[str, str], lock: Lock) -> dict[str, list[str]]:
    """Find the locked distributions of each package that is needed, beside those that every model is built on.

    Args:
        wanted: package -> what needs it, for a person.
        lock: the environment lock.
    """
    here = {name: why for name, why in wanted.items() if name not in {*GROUND, *sys.stdlib_module_names}}
    found = {}
    for name, installed in distributions(here).items():
        if not installed:
            raise JobFailed(
                f"{here[name]}, of no installed package, so no pin brings it",
                remedy="take it from one that conda.yaml pins",
            )
        found[name] = [one for one in installed if one in lock.pins]
        if not found[name]:
            raise JobFailed(
                f"{here[name]}, of {installed[0]}, which conda.yaml does not pin: it could not be loaded elsewhere",
                remedy=remedy(installed[0]),
            )
        for one in found[name]:
            _check_needed(one, lock)
    return found


def _pinned(wanted: Iterable[str], lock: Lock) -> set[str]:
    """Find the distributions that the lock pins of packages that the model's code may do without."""
    return {one for names in distributions(wanted).values() for one in names} & {*lock.pins}


def _check_needed(name: str, lock: Lock) -> None:
    """Refuse a distribution of whose requirements, and theirs in turn, the lock does not pin one."""
    waiting, seen = [(name, "")], {(name, "")}
    while waiting:
        here = waiting.pop()
        for needed in set(required(*here)) - seen:
            if needed[0] not in lock.pins:
                raise JobFailed(
                    f"the model's {here[0]} needs {needed[0]}, which conda.yaml does not pin: it could not be loaded "
                    "elsewhere",
                    remedy="run reprise lock",
                )
            seen.add(needed)
            waiting.append(needed)


def _as_named(name: str, direct: Direct | None) -> str:
    """Return a distribution with the extras that the project asks for."""
    extras = direct[name].extras if direct and name in direct else ()
    return f"{name}[{','.join(sorted(extras))}]" if extras else name
