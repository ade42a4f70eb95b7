"""The project that this process acts on: the folder where MLproject, conda.yaml and the code that runs stand."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent.parent

ENGINE = _PACKAGE.parent
"""The folder that this package lies in."""


def find() -> Path:
    """Find the project's folder: that of the script that runs, else the nearest one upwards that has an MLproject.

    A folder further up counts only where this user, root or the owner of the current folder has put an MLproject there:
    who else may write into a shared folder, such as the temporary one, has no project run.

    Returns:
        The folder; where there is none, the one that this package lies in.
    """
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    if script and mlproject_in(Path(script).resolve().parent):
        return Path(script).resolve().parent
    return next(_upwards(), ENGINE)


def mlproject_in(folder: Path) -> Path | None:
    """Give a folder's MLproject, however it is spelled, as MLflow finds it; None without one."""
    try:
        names = sorted(name for name in os.listdir(folder) if name.lower() == "mlproject")  # noqa: PTH208  names alone
    except OSError:
        return None
    return next((folder / name for name in names if (folder / name).is_file()), None)


def acts_elsewhere() -> str | None:
    """Say that the project is another one than the checkout that this package lies in; None where it is that one."""
    if ENGINE == FOLDER or mlproject_in(ENGINE) is None:
        return None
    own = FOLDER / _PACKAGE.name
    engine = f", by the engine of {ENGINE} and not its own" if (own / "__init__.py").is_file() else ""
    return f"this acts on the project in {FOLDER}{engine}"


def _upwards() -> Iterator[Path]:
    try:
        here = Path.cwd().resolve()
        trusted = {os.getuid(), 0, here.stat().st_uid}
    except OSError:  # the current folder is gone
        return
    for folder in (here, *here.parents):
        found = mlproject_in(folder)
        if found and (folder == here or found.stat().st_uid in trusted):
            yield folder


FOLDER = find()
LOCK_FILE = FOLDER / "conda.yaml"
