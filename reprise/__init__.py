"""Reprise, the engine of an MLflow Project. These names are for a project's own scripts: docs/public_names.md.

They are imported on first use, because the command line does not need the code that fits a model.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from reprise.contract.command import main
    from reprise.contract.mlproject import disagreements
    from reprise.contract.parameters import (
        Champion,
        Data,
        DecisionOptions,
        Features,
        HoldoutOptions,
        Pickle,
        Seed,
        Share,
        TableOptions,
        Target,
        TrustModel,
    )
    from reprise.jobs.judging import evaluation_run, find_champion, load, read_policy, rows_to_judge
    from reprise.jobs.training import read, split, training_run
    from reprise.task.metric import Metric

__all__ = [
    "Champion", "Data", "DecisionOptions", "Features", "HoldoutOptions", "Metric", "Pickle", "Seed", "Share",
    "TableOptions", "Target", "TrustModel", "disagreements", "evaluation_run", "find_champion", "load", "main", "read",
    "read_policy", "rows_to_judge", "split", "training_run",
]  # fmt: skip

__version__ = "0.1.0"
"""The engine's version, which the package's build reads from here, and so does a folder that no build has seen."""

_HOMES = {
    "reprise.contract.command": ("main",),
    "reprise.contract.mlproject": ("disagreements",),
    "reprise.contract.parameters": (
        "Champion",
        "Data",
        "DecisionOptions",
        "Features",
        "HoldoutOptions",
        "Pickle",
        "Seed",
        "Share",
        "TableOptions",
        "Target",
        "TrustModel",
    ),
    "reprise.jobs.judging": ("evaluation_run", "find_champion", "load", "read_policy", "rows_to_judge"),
    "reprise.jobs.training": ("read", "split", "training_run"),
    "reprise.task.metric": ("Metric",),
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(home), name)
    raise AttributeError(f"reprise has no public name {name!r}")
