"""The project's own modules that a model needs. They are found by their imports and copied into the model."""

import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from reprise.base import project
from reprise.base.errors import JobFailed
from reprise.models.imports import Imports, read_imports

ENGINE = __name__.partition(".")[0]

_BEGAN = time.time()


@dataclass(frozen=True)
class Code:
    """The modules that travel with a model.

    Attributes:
        files: path in the model's folder of code -> file.
        needed: package of others that they cannot be imported without -> the file that imports it.
        wanted: package that they import later, or can do without -> the file that imports it.
    """

    files: dict[str, Path] = field(default_factory=dict)
    needed: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)

    def copy(self, folder: Path) -> list[str] | None:
        """Copy the files into a folder, and return what MLflow takes as `code_paths`; None where there are none."""
        for name, path in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        return sorted(map(str, folder.iterdir())) if self.files else None

    def notes(self) -> list[str]:
        """List, a line each, in what a model that is loaded elsewhere may differ from this one."""
        lines = []
        for name, path in self.files.items():
            if path.stat().st_mtime > _BEGAN:
                lines.append(f"{name} was changed while this ran; the model carries it as it is now")
            if not name.startswith(f"{ENGINE}/") and b"__file__" in path.read_bytes():
                lines.append(f"{name} uses __file__: of what lies beside it only modules travel with the model")
        return lines


def is_own(module: str) -> bool:
    """Return whether a module, by its dotted name, is the project's own or the engine's."""
    return _root(module.partition(".")[0]) is not None


def closure(modules: Iterable[str]) -> Code:
    """Find the files of modules, and of all of the project's own and the engine's modules that they import.

    Args:
        modules: dotted names of modules that are the project's own or the engine's.

    Raises:
        JobFailed: one is not in a file of Python, or has the name of a module of Python's own.
    """
    waiting, code, read = sorted(modules), Code(), dict[str, Imports]()
    for name in waiting:
        if _file(name) is None:
            raise JobFailed(
                f"the model needs {name}, which has no Python file to travel with it",
                remedy="define it in a .py file of the project",
            )
    while waiting:
        name = waiting.pop()
        path = _file(name)
        if name in read or path is None:
            continue
        read[name] = read_imports(path, name) if path.is_file() else Imports()
        waiting += [name.rpartition(".")[0]] if "." in name else []
        if path.is_file():
            code.files[_check(_relative(name, path))] = path
            waiting += _followed(read[name], _relative(name, path), code)
    return Code(dict(sorted(code.files.items())), code.needed, code.wanted)


def _followed(imports: Imports, name: str, code: Code) -> Iterator[str]:
    """List the modules to follow, and note the packages of others."""
    for found, packages in ((imports.eager, code.needed), (imports.lazy, code.wanted)):
        for one in sorted(found):
            if is_own(one):
                yield one
            elif one.partition(".")[0] not in sys.stdlib_module_names:
                packages.setdefault(one.partition(".")[0], name)
    for one, (base, asked) in sorted(imports.asked.items()):
        if is_own(base):
            yield one
            path = _file(base)
            if path is not None and path.name == "__init__.py":
                homes = read_imports(path, base).homes
                if home := homes.get(asked):
                    yield home
                elif asked == "*":
                    yield from homes.values()


def _check(name: str) -> str:
    root = name.partition("/")[0].removesuffix(".py")
    if root in sys.stdlib_module_names:
        raise JobFailed(f"the model needs {name}, which has the name of a module of Python's own", remedy="rename it")
    return name


def _relative(name: str, path: Path) -> str:
    """Return where a module lies in the folder of code."""
    return f"{name.replace('.', '/')}/__init__.py" if path.name == "__init__.py" else f"{name.replace('.', '/')}.py"


def _file(name: str) -> Path | None:
    """Find a module's file, or its folder where it is a package without `__init__.py`; None where there is none."""
    first, *rest = name.split(".")
    root = _root(first)
    if root is None:
        return None
    place = root.joinpath(first, *rest)
    for path in (place / "__init__.py", place.with_name(f"{place.name}.py")):
        if path.is_file():
            return path
    return place if place.is_dir() else None


def _root(name: str) -> Path | None:
    """Find the folder that one of the project's own modules, or the engine, lies in; None for any other module."""
    if name == ENGINE:
        return project.ENGINE
    try:
        spec = find_spec(name) if name else None
    except (ValueError, ImportError):
        return None
    if spec is None:
        return None
    if spec.has_location and spec.origin:
        origin = Path(spec.origin)
        places = [origin.parent if origin.name == "__init__.py" else origin]
    else:
        places = [Path(place) for place in spec.submodule_search_locations or ()]
    return next((place.parent for place in places if project.holds(place)), None)
