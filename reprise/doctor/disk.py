"""A folder: whether it takes a file, and how much room is left there.

MLflow is not imported here, since `reprise doctor` also says that MLflow is missing.
"""

import shutil
from pathlib import Path
from tempfile import TemporaryFile

GIB = 2**30


def writing_problem(folder: Path) -> str | None:
    """Return why a folder, or the nearest above it that exists, is not writable, or None if it is.

    It is tried with a nameless file, which is gone whatever happens.
    """
    there = folder
    try:
        there = nearest_existing(folder)
        with TemporaryFile(dir=there) as probe:
            probe.write(bytes(4096))
    except OSError as error:
        return f"{there} is not writable: {error.strerror}"
    return None


def free_gib(folder: Path) -> float:
    """Return the room that is left where a folder is, or will be."""
    return shutil.disk_usage(nearest_existing(folder)).free / GIB


def nearest_existing(folder: Path) -> Path:
    """Return the folder, or the nearest above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())
