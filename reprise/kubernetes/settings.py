"""The settings of the backend `kubernetes-commit`."""

from typing import ClassVar

from pydantic import ConfigDict, Field

from reprise.code.project_uri import KUBERNETES_BACKEND
from reprise.running.backend_settings import BackendSettings

START_TIMEOUT = 600.0
"""Seconds that a pod may wait for a node, unless the configuration says otherwise; a new node takes minutes."""

WORKERS = 2
"""Pods that work for a search to which workers come, unless the configuration says otherwise."""

LONGEST_WAIT = 30 * 24 * 3600
"""Seconds at most that a pod may wait for a node; a wait without end is none."""

MOST_WORKERS = 10_000
"""Far more pods than a cluster has, and few enough for the number that a Job takes."""


class KubernetesSettings(BackendSettings):
    """The settings of a Job. Keys have dashes. The first two have the names that MLflow's own backend uses.

    Attributes:
        kube_job_template_path: the job template's file.
        kube_context: of kubeconfig; None for its current one.
        start_timeout: seconds that a pod may wait before it starts.
        launcher: what to install this launcher from where the image lacks it.
        workers: how many pods work for a search to which workers come.
    """

    model_config = ConfigDict(alias_generator=lambda name: name.replace("_", "-"))

    backend: ClassVar[str] = KUBERNETES_BACKEND
    example: ClassVar[str] = "deploy/kubernetes.json, which names a job template"

    kube_job_template_path: str = Field(description="the path of a job template")
    kube_context: str | None = Field(None, description="the name of a context of kubeconfig")
    start_timeout: float = Field(
        START_TIMEOUT, gt=0, le=LONGEST_WAIT, description=f"seconds, above 0 and at most {LONGEST_WAIT:,} (30 days)"
    )
    launcher: str | None = Field(None, description="what pip installs, such as git+https://…")
    workers: int = Field(WORKERS, ge=1, le=MOST_WORKERS, description=f"a whole number from 1 to {MOST_WORKERS:,}")
