"""A separate space of modules for a model's own code, so that two models may use the same module names.

MLflow puts a model's folder of code on `sys.path`, and leaves that entry and the imported modules in place. The next
model with a module of that name, or the project itself, would silently run the code of the first.
"""

import sys
import sysconfig
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import joblib
import sklearn

from reprise.base import project
from reprise.models.own_code import code_named
from reprise.store import saved_model

ENGINE = __name__.partition(".")[0]


class ModuleSpace:
    """The modules of a model's code, and its settings of scikit-learn. Both hold only while the model loads or runs.

    Models without code of their own have none: nothing is done for them.
    """

    def __init__(self, folder: Path) -> None:
        """Make the space of a model.

        Args:
            folder: the model's, which must stay as long as the model is called: code may import as it is called.
        """
        self._code = _places(folder)
        self._roots = {name for place in self._code for name in _roots(place)}
        self._modules: dict[str, ModuleType] = {}
        self._path: list[str] | None = None
        self._settings: dict[str, Any] | None = None
        self._depth = 0

    def __bool__(self) -> bool:
        """Return whether the model has code."""
        return bool(self._code)

    @contextmanager
    def entered(self) -> Iterator[None]:
        """Use the model's own modules until the block ends. The block may be nested.

        scikit-learn's parallel work runs in threads meanwhile. joblib's processes outlive a call and import each module
        once, for all models.
        """
        if not self._code or self._depth:
            self._depth += bool(self._code)
            try:
                yield
            finally:
                self._depth -= bool(self._code)
            return
        outside, path, byte_code = self._of_roots(), sys.path, sys.dont_write_bytecode
        settings = sklearn.get_config()
        try:
            self._depth = 1
            self._swap(self._modules)
            sys.path = self._path or [*map(str, self._code), *_elsewhere(path)]
            sys.dont_write_bytecode = True  # the folder's files are compared later
            sklearn.set_config(**(self._settings or _defaults()))
            with joblib.parallel_config(backend="threading"):
                yield
        finally:
            self._depth = 0
            self._modules, self._path, self._settings = self._of_roots(), sys.path, sklearn.get_config()
            self._swap(outside)
            sys.path, sys.dont_write_bytecode = path, byte_code
            sklearn.set_config(**settings)

    def wrap(self, model: Any) -> Any:
        """Return an object that uses a model within the space; the model itself where it has no code."""
        return Within(model, self) if self else model

    def _of_roots(self) -> dict[str, ModuleType]:
        return {name: module for name, module in [*sys.modules.items()] if name.partition(".")[0] in self._roots}

    def _swap(self, modules: dict[str, ModuleType]) -> None:
        for name in self._of_roots():
            del sys.modules[name]
        sys.modules.update(modules)


class Within:
    """A model whose attributes are read, and whose methods are called, within its module space."""

    def __init__(self, model: Any, space: ModuleSpace) -> None:
        self._model, self._space = model, space

    def __getattr__(self, name: str) -> Any:
        with self._space.entered():
            value = getattr(self._model, name)
        if not callable(value):
            return value

        def call(*arguments: Any, **named: Any) -> Any:
            with self._space.entered():
                return value(*arguments, **named)

        return call


def _places(folder: Path) -> list[Path]:
    """List the folders of code that a model names; those that lead out of its own folder are MLflow's to refuse."""
    places = [(folder / name).resolve() for name in code_named(saved_model.read_mlmodel(folder) or {}) if name]
    return [place for place in places if place.is_dir()]


def _roots(place: Path) -> Iterator[str]:
    """Name the modules and packages in a folder of code, without installed and loaded ones, which MLflow uses."""
    for path in place.iterdir():
        name = path.name if path.is_dir() else path.stem if path.suffix == ".py" else ""
        loaded = getattr(sys.modules.get(name), "__file__", None)
        if name.isidentifier() and (name == ENGINE or not _is_installed(loaded)):
            yield name


def _is_installed(file: str | None) -> bool:
    places = {sysconfig.get_path(name) for name in ("purelib", "platlib", "stdlib", "platstdlib")}
    return file is not None and any(Path(file).is_relative_to(place) for place in places)


def _defaults() -> dict[str, Any]:
    """Return scikit-learn's settings as they are before any code sets them, as a new thread has them."""
    with ThreadPoolExecutor(1) as thread:
        return dict(thread.submit(sklearn.get_config).result())


def _elsewhere(path: list[str]) -> list[str]:
    """Leave out of a search path the folders of projects: what a model does not carry it lacks elsewhere too."""
    own = {project.FOLDER.resolve(), Path.cwd().resolve()}
    own |= {project.ENGINE.resolve()} if project.mlproject_in(project.ENGINE) else set()
    return [place for place in path if place and not any(_is_or_source(Path(place).resolve(), one) for one in own)]


def _is_or_source(place: Path, folder: Path) -> bool:
    return place in (folder, folder / "src")
