"""All uses of MLflow's private functions. Check this module when MLflow is updated.

`test_mlflow_private.py` checks that the installed MLflow has each name that a function here imports, and that it takes
the arguments used here. The functions import MLflow when they are called, because MLflow loads a part of this package
during its own import.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol


class Project(Protocol):
    """A project as MLflow has read it.

    Attributes:
        env_type: `python_env`, `conda_env` or `docker_env`; None of a Spark job.
        env_config_path: the file that describes its environment; None where there is none.
        docker_env: what it says of an image, if it asks for one.
    """

    env_type: str | None
    env_config_path: str | None
    docker_env: Mapping[str, Any] | None


def read_project(folder: Path) -> Project:
    """Read a project's MLproject as `mlflow run` does."""
    from mlflow.projects.utils import load_project

    project: Project = load_project(str(folder))
    return project


def has_entry_point(folder: Path, name: str) -> bool:
    """Return whether an MLproject declares an entry point; MLflow itself takes the name of any script, too."""
    from mlflow.projects.utils import load_project

    return name in load_project(str(folder))._entry_points


def parameters(project: Any, entry_point: str, given: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """Compute an entry point's parameters with their defaults, those that it declares and those that it does not."""
    from mlflow.projects._project_spec import EntryPoint, Project

    found = Project.get_entry_point(project, entry_point)
    declared, extra = EntryPoint.compute_parameters(found, dict(given), storage_dir=None)
    return declared, extra


def command(project: Project, entry_point: str, given: Mapping[str, str], storage: Path) -> str:
    """Write the shell command of an entry point, and bring what parameters of the type `path` name to a folder."""
    from mlflow.projects.utils import get_entry_point_command

    (line,) = get_entry_point_command(project, entry_point, dict(given), str(storage))
    return str(line)


def run_variables(run_id: str, experiment_id: str) -> dict[str, str]:
    """Return the variables by which the process of an entry point finds its run and its store."""
    from mlflow.projects.utils import get_run_env_vars

    variables: dict[str, str] = get_run_env_vars(run_id, experiment_id)
    return variables


def user() -> str:
    """Return the user's name as MLflow writes it on every run."""
    from mlflow.tracking.context.default_context import _get_user

    return str(_get_user())


def python_env() -> Any:
    """Return the environment of a project that describes none."""
    from mlflow.utils.environment import _PythonEnv

    return _PythonEnv()


def python_env_of(file: Path, *, conda: bool) -> Any:
    """Read from a conda.yaml or a python_env.yaml which Python and packages an environment gets."""
    from mlflow.utils.environment import _PythonEnv

    return _PythonEnv.from_conda_yaml(str(file)) if conda else _PythonEnv.from_yaml(str(file))


def environment_name(python_env: Any, folder: Path) -> str:
    """Return the name of an environment's folder, which `mlflow run` makes of what is in it."""
    from mlflow.utils.virtualenv import _get_virtualenv_name

    return str(_get_virtualenv_name(python_env, folder))


def create_environment(folder: Path, python_env: Any, place: Path, manager: str) -> None:
    """Build an environment by uv or virtualenv, with the very packages that `mlflow run` would put into it."""
    from mlflow.utils.virtualenv import _create_virtualenv

    options: Any = {"env_manager": manager}
    _create_virtualenv(folder, python_env, place, capture_output=True, **options)


def build_failure() -> type[Exception]:
    """Return the exception that a failed build of an environment raises, with its output as its text."""
    from mlflow.utils.process import ShellCommandException

    failure: type[Exception] = ShellCommandException
    return failure


def conda_program() -> str:
    """Return which conda MLflow starts."""
    from mlflow.utils.conda import get_conda_bin_executable

    return str(get_conda_bin_executable("conda"))


def conda_name(conda_yaml: str | None, salt: str) -> str:
    """Return the name of a conda environment, which MLflow makes of the file's content and a text."""
    from mlflow.utils.conda import _get_conda_env_name

    return str(_get_conda_env_name(conda_yaml, env_id=salt))


def create_conda_environment(conda_yaml: str | None, salt: str) -> None:
    """Build a conda environment under the name that `conda_name` gives."""
    from mlflow.utils.conda import get_or_create_conda_env

    get_or_create_conda_env(conda_yaml, env_id=salt, capture_output=True)


def conda_activation(name: str) -> list[str]:
    """Write the shell commands that activate a conda environment."""
    from mlflow.utils.conda import get_conda_command

    return list(get_conda_command(name))


def is_database(uri: str) -> bool:
    """Return whether a store's URI names a database, whose schema depends on MLflow's version."""
    from mlflow.store.db.db_types import DATABASE_ENGINES
    from mlflow.utils.uri import get_uri_scheme

    return get_uri_scheme(uri) in DATABASE_ENGINES


def schema(uri: str) -> str | None:
    """Return the revision of a database's schema, to compare it with that of another version of MLflow."""
    from mlflow.store.db.utils import _get_schema_version
    from mlflow.tracking._tracking_service.utils import _get_store

    revision: str | None = _get_schema_version(_get_store(uri).engine)
    return revision


def migrations() -> Any:
    """Return Alembic's configuration with MLflow's migrations, to tell a store that was left amid them."""
    from mlflow.store.db.utils import _get_alembic_config

    return _get_alembic_config("")


def tracking_store(uri: str, artifact_uri: str | None) -> Any:
    """Build MLflow's own store of runs in a database; a plugin for its scheme takes the place of MLflow's builder."""
    from mlflow.tracking._tracking_service.utils import _get_sqlalchemy_store

    return _get_sqlalchemy_store(uri, artifact_uri)


def registry_store(uri: str) -> Any:
    """Build MLflow's own store of registered models in a database, as `tracking_store`."""
    from mlflow.tracking._model_registry.utils import _get_sqlalchemy_store

    return _get_sqlalchemy_store(uri)


def close_tracking_store(store: Any, uri: str) -> None:
    """Close the connections of a store in a database, which MLflow keeps open and gives to the next one of its URI."""
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    SqlAlchemyStore._dispose_engine(store)
    SqlAlchemyStore._engine_map.pop(uri, None)


def register_stores(scheme: str, tracking: Callable[..., Any], registry: Callable[..., Any]) -> None:
    """Register builders of stores for a scheme where this package is not installed, and so no plugin of MLflow's."""
    from mlflow.tracking._model_registry.utils import _get_store_registry
    from mlflow.tracking._tracking_service.utils import _tracking_store_registry

    _tracking_store_registry.register(scheme, tracking)
    _get_store_registry().register(scheme, registry)


def register_experiment(provider: Callable[[], Any]) -> None:
    """Register a provider of the experiment that runs go to, as a plugin of MLflow's would be, unless it is one."""
    from mlflow.tracking.default_experiment.registry import _default_experiment_provider_registry as registry

    if not any(type(one) is provider for one in registry):
        registry.register(provider)


def artifact_repository(uri: str) -> Any:
    """Build the client of an artifact store, to delete what was logged; MLflow's own client deletes no artifact."""
    from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

    return get_artifact_repository(uri)


def local_folder(uri: str) -> Path | None:
    """Return the folder that an artifact location names; None where that is no folder of this machine."""
    from mlflow.utils.file_utils import local_file_uri_to_path
    from mlflow.utils.uri import is_local_uri

    return Path(local_file_uri_to_path(uri)) if is_local_uri(uri) else None


def is_reached_from_afar(uri: str) -> bool:
    """Return whether a store is a server or a Databricks workspace, which a cluster's machines can reach too."""
    from mlflow.utils.uri import is_databricks_uri, is_http_uri

    return bool(is_databricks_uri(uri) or is_http_uri(uri))


def databricks_profile(uri: str) -> str | None:
    """Return the profile of Databricks' configuration file that a store's URI names; None where it names none."""
    from mlflow.utils.uri import get_db_info_from_uri

    profile: str | None = get_db_info_from_uri(uri)[0]
    return profile


def check_databricks_login(uri: str) -> None:
    """Check that there is a login for a Databricks workspace; MLflow's exception says that there is none."""
    from mlflow.utils.databricks_utils import get_databricks_host_creds

    get_databricks_host_creds(uri)


def run_on_databricks(
    run: Any, uri: str, entry_point: str, folder: Path, given: Mapping[str, str], experiment_id: str,
    cluster: Mapping[str, Any], manager: str | None,
) -> Any:  # fmt: skip
    """Send a folder to Databricks as a job that fills a run; MLflow's own backend would send the user's checkout."""
    from mlflow.projects.databricks import run_databricks

    return run_databricks(run, uri, entry_point, str(folder), dict(given), experiment_id, cluster, manager)
