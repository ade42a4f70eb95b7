"""`reprise doctor`: what works here, and for what does not, what to do.

    engine.py         the engine that acts, and whether it was edited
    repository.py     git, and whether others can get this commit
    parameters.py     whether MLproject names what its scripts take
    environments.py   managers, Python, mlflow, and the environments that they have built
    store.py          the tracking store, where artifacts go, and runs whose process is gone

Each of them gives findings. None takes more than a few seconds, downloads anything, or changes what it looks at.
"""

from collections.abc import Iterator

from reprise.base import project
from reprise.doctor import environment_check, project_check, repository_check
from reprise.doctor.diagnosis import Diagnosis, guarded


def examine(*, fix: bool = False) -> Iterator[Diagnosis]:
    """Examine this machine, this project and this store, in this order.

    Args:
        fix: end runs as FAILED whose process is gone, and set a store aside that was left unfinished.
    """
    yield from guarded("engine", project_check.examine_engine)
    if project.is_project():
        yield from guarded("repository", lambda: repository_check.examine(project.FOLDER))
        yield from guarded("MLproject", lambda: project_check.examine_parameters(project.FOLDER))
        yield from guarded("environments", lambda: environment_check.examine(project.LOCK_FILE))
    else:
        yield Diagnosis("warn", "project", "none here: what fits, scores or moves a model needs one", project.outside())
        yield from guarded("environments", environment_check.managers)
    yield from guarded("store", lambda: _store(fix=fix))


def _store(*, fix: bool) -> Iterator[Diagnosis]:
    from reprise.doctor import store_check  # noqa: PLC0415  mlflow takes its time; the rest is on the screen by then

    yield from store_check.examine(fix=fix)
