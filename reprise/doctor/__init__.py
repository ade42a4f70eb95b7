"""`reprise doctor`: checks of this machine and project, with a remedy for each problem.

    project_check.py       the engine that runs, and whether MLproject names the parameters of its scripts
    repository_check.py    git, and whether others can get this commit
    environment_check.py   managers, Python, mlflow, and the environments that they have built
    store_check.py         the tracking store, the artifact store, and runs whose process is gone
    updates_check.py       whether the template has a newer version, only if that is asked for

Each check returns diagnoses. It takes a few seconds at most, downloads nothing and changes nothing.
"""

from collections.abc import Iterator

from reprise.base import project
from reprise.doctor import environment_check, project_check, repository_check, updates_check
from reprise.doctor.diagnosis import Diagnosis, guarded


def examine(*, fix: bool = False, updates: bool = False) -> Iterator[Diagnosis]:
    """Examine this machine, this project and this store, in this order.

    Args:
        fix: end runs as FAILED whose process is gone, remove temporary folders of killed processes, and rename a
            store that was left unfinished.
        updates: ask the template's repository whether a newer version is there.
    """
    yield from guarded("engine", project_check.examine_engine)
    if project.is_project():
        yield from guarded("repository", lambda: repository_check.examine(project.FOLDER))
        yield from guarded("MLproject", lambda: project_check.examine_parameters(project.FOLDER))
        yield from guarded("environments", lambda: environment_check.examine(project.LOCK_FILE))
        if updates:
            yield from guarded(updates_check.SUBJECT, lambda: updates_check.examine(project.FOLDER))
    else:
        lack = "no project in this folder; commands that fit, score or move a model need one"
        yield Diagnosis("warn", "project", lack, project.outside())
        yield from guarded("environments", environment_check.managers)
    yield from guarded("store", lambda: _store(fix=fix))


def _store(*, fix: bool) -> Iterator[Diagnosis]:
    from reprise.doctor import store_check  # noqa: PLC0415  mlflow takes its time; the rest is on the screen by then

    yield from store_check.examine(fix=fix)
