"""The trees of a booster of LightGBM, XGBoost or CatBoost, from the booster's own dump.

What such an object shows of itself holds random ids (CatBoost), or is one handle that shows nothing (XGBoost). These
libraries are not imported here: an object is recognised by the names of its type.
"""

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from reprise.base import scratch

_OF_THIS_MACHINE = "num_threads"
"""A parameter in LightGBM's text that no tree depends on."""


class CatBoostTrees:
    """Trees of CatBoost that it can only write together with random ids. They are not compared."""


def dumped(value: Any) -> Mapping[str, Any] | None:
    """Return the dump of a booster, name -> part; None for any other object, and for a booster without trees."""
    for one in type(value).__mro__:
        if dump := _DUMPS.get(f"{one.__module__}.{one.__qualname__}"):
            return dump(value)
    return None


def _lightgbm(booster: Any) -> Mapping[str, Any]:
    """Read LightGBM's text: blocks of `key=value`, the first line of a block being its name."""
    found: dict[str, Any] = {}
    for block in booster.model_to_string(num_iteration=-1).split("\n\n"):
        name, *lines = block.strip().splitlines() or [""]
        if not lines and ":" in name:  # the categories of columns
            found[f"['{name.partition(':')[0]}']"] = name.partition(":")[2]
        for line in lines:
            key, _, value = line.strip("[]").partition("=" if "=" in line else ":")
            if key not in (_OF_THIS_MACHINE, "tree_sizes"):
                found[f"['{name}'].{key}"] = _numbers(value.split()) if "=" in line else value.strip()
    return found


def _xgboost(booster: Any) -> Mapping[str, Any]:
    return {".model": _compact(json.loads(bytes(booster.save_raw("json"))))}


def _catboost(model: Any) -> Mapping[str, Any] | None:
    if not model.is_fitted():
        return None
    told = {f".{name}": value for name, value in sorted(model.get_params().items())}
    with scratch.folder("dump") as folder:
        try:
            model.save_model(str(folder / "model.json"), format="json")
            content = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        except Exception:  # noqa: BLE001  CatBoostError, which is not imported here: not every model can be JSON
            return {**told, ".model_": CatBoostTrees()}
    described = content.pop("model_info", {})
    return {**told, ".model_": _compact({**content, "classes": described.get("class_params")})}


def _numbers(words: list[str]) -> Any:
    """Return numbers as an array, and other words as text."""
    try:
        return np.asarray([float(word) for word in words])
    except ValueError:
        return " ".join(words)


def _compact(node: Any) -> Any:
    """Turn each list of plain values within JSON into one value to compare, an array where all are numbers."""
    if isinstance(node, dict):
        return {name: _compact(part) for name, part in node.items()}
    if not isinstance(node, list):
        return node
    if node and all(isinstance(part, (int, float)) for part in node):
        return np.asarray(node, dtype=float)
    return [_compact(part) for part in node] if any(isinstance(part, (dict, list)) for part in node) else str(node)


_DUMPS: Mapping[str, Callable[[Any], Mapping[str, Any] | None]] = {
    "lightgbm.basic.Booster": _lightgbm,
    "xgboost.core.Booster": _xgboost,
    "catboost.core._CatBoostBase": _catboost,
}
