"""The backend's configuration, as `mlflow run --backend-config` reads it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.errors import WrongCall

START_TIMEOUT = 600.0
"""Seconds that a pod may wait for a node, unless the configuration says otherwise; a new node takes minutes."""

WORKERS = 2
"""Pods that work for a search to which workers come, unless the configuration says otherwise."""

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
    timeout = float(own.get("start-timeout", START_TIMEOUT))
    if timeout <= 0:
        raise WrongCall(f"backend config start-timeout is {timeout:g}; it takes seconds, above 0")
    workers = own.get("workers", WORKERS)
    if workers < 1:
        raise WrongCall(f"backend config workers is {workers}; a search takes 1 or more")
    return Settings(Path(own["kube-job-template-path"]), own.get("kube-context"), timeout, own.get("launcher"), workers)
