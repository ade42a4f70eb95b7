"""The content of a model's file: its format, and the names of the types and functions in it.

The format is skops, which holds no code. A model that skops cannot save is pickled, but only if the user allows that.
"""

import importlib
import io
import pickle
from dataclasses import dataclass, field
from typing import Any, Final

import skops.io  # isort: skip  skops before mlflow: reprise/store/tracking.py says why

import numpy as np

from reprise.base.errors import JobFailed, check_memory, error_summary
from reprise.models.own_code import types_in
from reprise.models.trusted_types import GROUND, package

SKOPS: Final = "skops"
PICKLE: Final = "pickle"
"""The formats of a model's file."""


@dataclass(frozen=True)
class ModelContent:
    """The parts of a model's file.

    Attributes:
        format: `SKOPS` or `PICKLE`.
        held: module and name of all types and functions in it.
        untrusted: dotted names of those that skops does not trust by itself; none of a pickle, which is trusted as a
            whole or not at all.
        why: the reason of a pickle; "" of skops.
        saved: what skops has written; nothing of a pickle.
    """

    format: str
    held: frozenset[tuple[str, str]]
    untrusted: tuple[str, ...] = ()
    why: str = ""
    saved: bytes = field(default=b"", repr=False)


def content_of(model: Any, example: Any, *, may_pickle: bool = False) -> ModelContent:
    """Find out in which format a model can be saved, and what its file holds.

    Args:
        model: a fitted estimator.
        example: a few raw rows, on which a model that may be pickled must answer alike after skops has loaded it.
        may_pickle: whether the user allows a pickle where skops fails.

    Raises:
        JobFailed: skops cannot save the model, and a pickle is not allowed or fails too.
    """
    try:
        content = _in_skops(model)
        if may_pickle:
            check_alike(model, content, example)
    except JobFailed as error:
        if not may_pickle:
            raise
        return ModelContent(PICKLE, frozenset(_pickled(model, error.problem)), why=error.problem)
    return content


def check_alike(model: Any, content: ModelContent, example: Any) -> None:
    """Check that a model that skops has saved answers as before: skops may save an object and lose its state.

    What holds only parts of scikit-learn and of what that is built on needs no check: skops is made for these.

    Args:
        model: the fitted estimator.
        content: of its file.
        example: a few raw rows.

    Raises:
        JobFailed: it cannot be loaded, or answers otherwise.
    """
    if not content.saved or all(package(name) in GROUND for name in content.untrusted):
        return
    before = _answers(model, example)
    try:
        after = _answers(skops.io.loads(content.saved, trusted=list(content.untrusted)), example)
    except Exception as error:  # whatever the state of an estimator raises
        check_memory(error)
        raise _unsaved(model, f"what it has saved fails when it is loaded: {_said(error)}") from error
    if before != after:
        raise _unsaved(model, "what it has saved gives other answers when it is loaded")


def _in_skops(model: Any) -> ModelContent:
    try:
        saved = skops.io.dumps(model)
        held, untrusted = types_in(io.BytesIO(saved)), skops.io.get_untrusted_types(data=saved)
    except Exception as error:  # whatever the state of an estimator raises
        check_memory(error)
        raise _unsaved(model, _said(error)) from error
    return ModelContent(SKOPS, frozenset(held), tuple(untrusted), saved=saved)


def _answers(model: Any, rows: Any) -> str:
    return repr(np.asarray(model.predict(rows)).tolist())  # of which NaN equals NaN


def _unsaved(model: Any, why: str) -> JobFailed:
    name = type(getattr(model, "_final_estimator", model)).__name__  # of a pipeline, what it ends with
    return JobFailed(
        f"skops cannot save {name}: {why}",
        remedy="take that part out of the model, or allow a pickle, pickle=yes; docs/model.md describes it",
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {error_summary(error, 300)}"


def _pickled(model: Any, why: str) -> set[tuple[str, str]]:
    """List what a pickle of a model names, by loading it in this process, which has made it."""
    import cloudpickle  # noqa: PLC0415  only for what skops cannot save

    try:
        names = _Names(io.BytesIO(cloudpickle.dumps(model)))
        names.load()
    except Exception as error:
        check_memory(error)
        raise JobFailed(f"{why}; neither can a pickle: {_said(error)}") from error
    return names.found


class _Names(pickle.Unpickler):
    """Loads a pickle, and keeps the names that it asks for."""

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.found: set[tuple[str, str]] = set()

    def find_class(self, module: str, name: str) -> Any:
        """Return what a name stands for."""
        self.found.add((module, name))
        return self._imported if name == "subimport" else super().find_class(module, name)

    def _imported(self, module: str) -> Any:
        """Import a module that a function uses which cloudpickle has saved by its code."""
        self.found.add((module, ""))
        return importlib.import_module(module)
