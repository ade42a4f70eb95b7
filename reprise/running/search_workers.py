"""The names by which a search and its workers find one another, on the run of the search."""

from mlflow.entities import Run

HERE = "here"
"""The parameter `scheduler` of a search that runs Dask's scheduler in its own process, for workers that come."""

HOST = "REPRISE_HOST"
"""Variable: the address of this machine, or pod, at which the others of a search reach it."""

KEY = "REPRISE_KEY"
"""Variable: the file with the key by which the processes of a search know one another, where it is not to be found."""

MODULE = "reprise.search.worker"
"""The module that a worker runs, in the project at the search's commit and in its environment."""

MODULE_FILE = "reprise/search/worker.py"


def takes_workers(run: Run) -> bool:
    """Return whether workers may join a run."""
    return bool(run.data.params.get("scheduler") == HERE)
