"""A folder: whether it takes a file, and how much room is left there."""

import shutil
from pathlib import Path
from tempfile import TemporaryFile

GIB = 2**30


def writing_problem(folder: Path) -> str | None:
    """Say why a folder, or the nearest above it that exists, takes no file; None where it does.

    It is tried with a nameless file, which is gone whatever happens.
    """
    there = folder
    try:
        there = existing(folder)
        with TemporaryFile(dir=there) as probe:
            probe.write(bytes(4096))
    except OSError as error:
        return f"{there} takes no file: {error.strerror}"
    return None


def free_gib(folder: Path) -> float:
    """Give the room that is left where a folder is, or will be."""
    return shutil.disk_usage(existing(folder)).free / GIB


def existing(folder: Path) -> Path:
    """Give the folder, or the nearest above it that exists."""
    return next(place for place in (folder, *folder.parents) if place.exists())
