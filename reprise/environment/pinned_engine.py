"""Compare the engine that a project pins in conda.yaml with the engine of this process."""

from pathlib import Path

from packaging.requirements import Requirement

from reprise.base import engine, project
from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall
from reprise.environment import distribution_origin, engine_pin
from reprise.environment.engine_pin import NAME
from reprise.environment.pins import Lock, read_lock


def pin_in(folder: Path) -> Requirement | None:
    """Read the pin of the engine in a project's conda.yaml; None where it has none that can be read."""
    lock = _lock_in(folder)
    return lock.pins.get(NAME) if lock else None


def place_in(folder: Path) -> str | None:
    """Return the repository or file that a project's engine comes from; None for an index, and for its own folder.

    Raises:
        WrongCall: the pin names no commit for good, or holds credentials.
    """
    pin = None if project.brings_engine(folder) else pin_in(folder)
    if pin is not None:
        engine_pin.check(pin)
    return engine_pin.place_of(pin)


def has_engine(folder: Path, module_file: str) -> bool:
    """Return whether the engine of a project's jobs, their own or a pinned one, has a module.

    Args:
        folder: the project's.
        module_file: the module's file, such as `reprise/search/worker.py`.
    """
    return (folder / module_file).is_file() or (not project.brings_engine(folder) and pin_in(folder) is not None)


def other_engine(folder: Path, env_manager: str) -> str | None:
    """Return a note if a project's jobs run with another engine than this one, else None.

    The digest of the files decides where the project's lock has one. Else the commit does, or the version.
    """
    if folder == project.ENGINE or project.brings_engine(folder):
        return None
    lock = _lock_in(folder)
    pin = lock.pins.get(NAME) if lock else None
    if lock is None or pin is None or _is_this(pin, lock.engine_digest):
        return None
    which = "this one, as --env-manager local asks" if env_manager == "local" else "the project's"
    wanted = _wanted(pin, lock.engine_digest)
    here = engine.this() if lock.engine_digest else engine.this().version
    return f"this launcher's engine is {here}, the project pins {wanted}; the job runs with {which}"


def _lock_in(folder: Path) -> Lock | None:
    try:
        return read_lock(folder / project.LOCK_FILE.name)
    except (WrongCall, OSError):
        return None


def _is_this(pin: Requirement, digest: str | None) -> bool:
    """Return whether the engine of this process is the pinned one, as far as is known."""
    here = engine.this()
    if digest:
        return here.digest == digest
    if not pin.url:
        return pin.specifier.contains(here.version, prereleases=True)
    found = distribution_origin.recorded(NAME)
    if pin.url.startswith(engine_pin.GIT) and found and "vcs_info" in found:
        return distribution_origin.difference(pin.url, here.version, found) is None
    return distribution_origin.version_of(pin.url) in (None, here.version)


def _wanted(pin: Requirement, digest: str | None) -> str:
    """Name the pinned engine for a person."""
    version = distribution_origin.version_of(pin.url) if pin.url else str(pin.specifier).removeprefix("==")
    named = version or without_credentials(pin.url or "")
    return f"{named} sha256:{digest[:12]}" if digest else named
