"""The learned state of a fitted model, as a flat list of numbers, arrays and texts that can be compared.

Any object in the style of scikit-learn is searched: attributes, nested estimators, arrays, trees. Boosters of other
libraries are compared by their own dumps.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse

from reprise.proof.booster_dump import dumped

_VERSION = "_sklearn_version"
"""scikit-learn's own version, in the state of every estimator: the environment is compared elsewhere."""


@dataclass(frozen=True)
class Opaque:
    """A part that shows nothing of what it holds; two of one kind may still differ."""

    kind: str


def parameters(model: Any) -> dict[str, Any]:
    """Flatten a fitted model.

    Args:
        model: a fitted estimator, a pipeline, or any part of one.

    Returns:
        path, such as `steps[1].classifier.dual_coef_` -> an array, a text, or `Opaque`.
    """
    return dict(_walk("", model, ()))


def _walk(path: str, value: Any, above: tuple[int, ...]) -> Iterator[tuple[str, Any]]:
    if value is None or isinstance(value, (str, bytes)):
        yield path, value if isinstance(value, str) else repr(value)
    elif isinstance(value, (bool, int, float, complex, np.generic)):
        yield path, np.asarray(value)
    elif isinstance(value, (type, FunctionType, np.ufunc)):
        yield path, getattr(value, "__qualname__", None) or value.__name__
    elif isinstance(value, (np.dtype, slice, range)):
        yield path, str(value)
    elif isinstance(value, np.ndarray) and not value.dtype.hasobject:
        yield path, value
    elif id(value) not in above:  # else it holds itself
        for name, part in _parts(value):
            yield from _walk(f"{path}{name}", part, (*above, id(value)))
        if _is_opaque(value):
            yield path, Opaque(type(value).__qualname__)


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for name in sorted(value, key=str):
            yield f"[{name!r}]", value[name]
    elif isinstance(value, (set, frozenset)):
        yield "", sorted(map(repr, value))
    elif isinstance(value, (list, tuple)):
        yield from ((f"[{position}]", part) for position, part in enumerate(value))
    elif isinstance(value, (np.ndarray, pd.Index, pd.Series)):
        yield "", np.asarray(value).tolist()
    elif isinstance(value, pd.DataFrame):
        yield from ((f"[{name!r}]", value[name]) for name in value)
    elif scipy.sparse.issparse(value):
        rows = value.tocsr()
        yield from ((f".{name}", getattr(rows, name)) for name in ("shape", "data", "indices", "indptr"))
    elif isinstance(value, np.random.RandomState):
        yield ".state", value.get_state(legacy=False)
    elif isinstance(value, memoryview):
        yield "", np.asarray(value)
    else:
        yield from _state(value)


def _state(value: Any) -> Iterator[tuple[str, Any]]:
    if (dump := dumped(value)) is not None:
        yield from dump.items()
        return
    state = value.__getstate__()
    if isinstance(state, Mapping):
        yield from ((f".{name}", part) for name, part in sorted(state.items()) if name != _VERSION)
    elif state is not None:
        yield ".state", state


def _is_opaque(value: Any) -> bool:
    plain = (Mapping, set, frozenset, list, tuple, np.ndarray, pd.Index, pd.Series, pd.DataFrame, memoryview)
    known = isinstance(value, (*plain, np.random.RandomState)) or scipy.sparse.issparse(value)
    return not known and value.__getstate__() is None
