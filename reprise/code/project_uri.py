"""The project URI of `mlflow run`: a repository, a version of it, and a folder in it."""

import os
from dataclasses import dataclass
from pathlib import Path

from reprise.base import paths

COMMIT_BACKEND = "commit"
DATABRICKS_BACKEND = "databricks-commit"
KUBERNETES_BACKEND = "kubernetes-commit"
BACKENDS = (COMMIT_BACKEND, DATABRICKS_BACKEND, KUBERNETES_BACKEND)
"""MLflow's names for the project backends that run a project's URI at a commit, and tags of their runs. All write the
URI as the source of their runs, which `COMMIT_BACKEND` runs again."""

FORMS = "#<commit, tag or branch>, #<commit, tag or branch>:<subdirectory> or #:<subdirectory>"


@dataclass(frozen=True)
class ProjectUri:
    """A project's place.

    Attributes:
        repository: a URL, or the path of a folder on this machine.
        version: a full or short SHA, a tag or a branch; None for HEAD.
        subdirectory: the project's folder in the repository, "" at the top.

    Raises:
        WrongCall: the subdirectory is not inside of the repository, whoever named it.
    """

    repository: str
    version: str | None = None
    subdirectory: str = ""

    def __post_init__(self) -> None:
        """Check the subdirectory, which may come from a store."""
        object.__setattr__(self, "subdirectory", paths.relative(self.subdirectory, "subdirectory"))

    def __str__(self) -> str:
        """Return it as `mlflow run` takes it."""
        folder = f":{self.subdirectory}" if self.subdirectory else ""
        return f"{self.repository}#{self.version or ''}{folder}" if self.version or folder else self.repository


def parse(uri: str) -> ProjectUri:
    """Parse a project URI, `<repository>#<version>:<subdirectory>`. The parts after `#` are optional.

    Raises:
        WrongCall: the subdirectory is not inside of the repository.
    """
    repository, _, fragment = (uri, "", "") if is_here(uri) else uri.partition("#")
    version, _, subdirectory = fragment.partition(":")
    return ProjectUri(repository, version or None, subdirectory)


def is_here(path: str) -> bool:
    """Return whether there is such a file or folder; a text that can be no path, as it is too long, names none."""
    return os.path.exists(path)  # noqa: PTH110  Path.exists raises OSError for a long one


def local_folder(repository: str) -> Path | None:
    """Return the folder that a repository's path or file URL names; None where it is on another machine, or a URL.

    A file URL keeps git's own transport, as it may well be a share's; only paths are read directly.
    """
    if "://" in repository or (":" in repository.partition("/")[0] and not is_here(repository)):
        return None
    return Path(repository).expanduser().absolute()
