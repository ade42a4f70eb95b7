"""Run an entry point of this project in the project's environment: how the lean launcher gets work done."""

from collections.abc import Mapping

import mlflow
from mlflow.projects.backend.local import LocalBackend

from reprise import project
from reprise.experiment import experiment_id


def run_entry_point(entry_point: str, parameters: Mapping[str, str], env_manager: str = "uv") -> int:
    """Run an entry point of the project in this folder, and wait for it.

    Args:
        entry_point: a name in MLproject.
        parameters: of the entry point, as one would write them after `-P`.
        env_manager: `uv`, `virtualenv`, `conda`, or `local` for the environment of this very process.

    Returns:
        The exit code that the entry point's own command ended with.
    """
    config = {"ENV_MANAGER": env_manager, "SYNCHRONOUS": True, "DOCKER_ARGS": None, "STORAGE_DIR": None}
    config |= {"build_image": False, "docker_auth": None}
    submitted = LocalBackend().run(
        str(project.FOLDER), entry_point, dict(parameters), None, config, mlflow.get_tracking_uri(), experiment_id()
    )
    submitted.wait()
    return int(submitted.command_proc.returncode)
