"""The backend's configuration, as `mlflow run --backend-config` reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.base.errors import WrongCall
from reprise.base.yaml_nodes import shorten

START_TIMEOUT = 600.0
"""Seconds that a pod may wait for a node, unless the configuration says otherwise; a new node takes minutes."""

WORKERS = 2
"""Pods that work for a search to which workers come, unless the configuration says otherwise."""

LONGEST_WAIT = 30 * 24 * 3600
"""Seconds at most that a pod may wait for a node; a wait without end is none."""

MOST_WORKERS = 10_000
"""Far more pods than a cluster has, and few enough for the number that a Job takes."""

_OF_MLFLOW = {"build_image", "docker_auth"}


@dataclass(frozen=True)
class Settings:
    """Where and how a Job runs. The first two are named as MLflow's own backend `kubernetes` names them.

    Attributes:
        template: the job template's file (`kube-job-template-path`).
        context: of kubeconfig; None for its current one (`kube-context`).
        start_timeout: seconds that a pod may wait before it starts (`start-timeout`).
        launcher: what to install this launcher from where the image lacks it (`launcher`).
        workers: how many pods work for a search to which workers come (`workers`).
    """

    template: Path
    context: str | None = None
    start_timeout: float = START_TIMEOUT
    launcher: str | None = None
    workers: int = WORKERS


def read(config: Mapping[str, Any]) -> Settings:
    """Read the configuration; what MLflow adds to it is in capitals, or about docker.

    Raises:
        WrongCall: a key is not known, missing or of the wrong type.
    """
    own = {name: value for name, value in config.items() if not name.isupper() and name not in _OF_MLFLOW}
    known = {
        "kube-job-template-path": str, "kube-context": str, "start-timeout": (int, float), "launcher": str,
        "workers": int,
    }  # fmt: skip
    for name, value in own.items():
        if name not in known:
            raise WrongCall(f"backend config {name!r} is not known; kubernetes-commit takes {', '.join(known)}")
        if not isinstance(value, known[name]) or isinstance(value, bool):  # type: ignore[arg-type]
            raise WrongCall(f"backend config {name} is {value!r}, which is not of the right type")
    if "kube-job-template-path" not in own:
        raise WrongCall("no job template is named; give --backend-config deploy/kubernetes.json, which names one")
    timeout, workers = own.get("start-timeout", START_TIMEOUT), own.get("workers", WORKERS)
    if not 0 < timeout <= LONGEST_WAIT:
        limits = f"it takes seconds, above 0 and at most {LONGEST_WAIT:,} (30 days)"
        raise WrongCall(f"backend config start-timeout is {_shown(timeout)}; {limits}")
    if not 1 <= workers <= MOST_WORKERS:
        raise WrongCall(f"backend config workers is {_shown(workers)}; a search takes 1 to {MOST_WORKERS:,}")
    template = Path(own["kube-job-template-path"])
    return Settings(template, own.get("kube-context"), float(timeout), own.get("launcher"), workers)


def _shown(number: float) -> str:
    return shorten(str(number))
