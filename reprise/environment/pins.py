"""Compare the pins of conda.yaml with the installed packages."""

import importlib.metadata
import os
import platform
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from reprise.base import text_digest, untrusted_text
from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall, one_line
from reprise.base.project import LOCK_FILE, is_project, outside
from reprise.base.record import Machine
from reprise.environment import distribution_origin, engine_pin

THREADS = (
    "OPENBLAS_NUM_THREADS", "GOTO_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "BLIS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
"""Variables that say how many threads linear algebra takes, and so in which order it sums."""


@dataclass(frozen=True)
class Lock:
    """The environment lock.

    Attributes:
        sha256: of conda.yaml with the line ends of Unix, which is what `sha256sum conda.yaml` prints there.
        python: the version of Python that it asks for, such as `3.11`.
        pins: canonical name -> requirement, markers included.
        engine_digest: of the files of the engine that it pins; None where it does not say.
    """

    sha256: str
    python: str
    pins: dict[str, Requirement]
    engine_digest: str | None = None


def read_lock(path: Path = LOCK_FILE) -> Lock:
    """Read this project's conda.yaml.

    Raises:
        WrongCall: there is none, or it is no environment lock.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        missing = f"{path}, which pins the environment, is missing"
        raise WrongCall(missing, remedy="restore it" if is_project() else outside()) from error
    return parse_lock(content)


def parse_lock(content: bytes) -> Lock:
    """Parse the text of a conda.yaml: `python=…`, pip, and one pip block of exact pins.

    Raises:
        WrongCall: it is another text.
    """
    try:
        dependencies = untrusted_text.load_yaml(content)["dependencies"]
        python = next(entry for entry in dependencies if str(entry).startswith("python=")).partition("=")[2]
        specs = next(entry["pip"] for entry in dependencies if isinstance(entry, dict))
        pins: dict[str, Requirement] = {
            canonicalize_name(requirement.name): requirement for requirement in map(Requirement, specs)
        }
    except (yaml.YAMLError, ValueError, TypeError, KeyError, StopIteration, RecursionError) as error:
        reason = one_line(f"{type(error).__name__} {error}", 200)
        raise WrongCall(
            f"{LOCK_FILE.name} is no environment lock (python=…, pip, one pip block of pins): {reason}",
            remedy="restore it",
        ) from error
    return Lock(text_digest.sha256(content), python, pins, engine_pin.digest_in(content.decode(errors="replace")))


def installed_versions(site_packages: list[str] | None = None) -> dict[str, str]:
    """List every installed distribution by canonical name, with its version.

    Args:
        site_packages: another environment's folders; None for this process's own.
    """
    found: dict[str, str] = {}
    for distribution in importlib.metadata.distributions(path=site_packages or sys.path):
        metadata = distribution.metadata  # parsed anew each time it is asked for
        if name := metadata["Name"]:
            found.setdefault(canonicalize_name(name), metadata["Version"])
    return dict(sorted(found.items()))


def mismatches(lock: Lock, installed: dict[str, str]) -> list[str]:
    """List, one per line, the differences between this process and the lock. Packages beyond the lock do not count."""
    found = []
    if platform.python_version() != lock.python and not platform.python_version().startswith(f"{lock.python}."):
        found.append(f"python {platform.python_version()}, locked {lock.python}")
    return found + differing_pins(lock, installed)


def differing_pins(lock: Lock, installed: dict[str, str], site_packages: list[str] | None = None) -> list[str]:
    """List, one per line, the packages that differ from their pins.

    Args:
        lock: the environment lock.
        installed: from `installed_versions`.
        site_packages: as there, of the same environment.
    """
    found = []
    for name, pin in _needed(lock).items():
        version = installed.get(name)
        if version is None:
            found.append(f"{name} is not installed, locked {_wanted(pin)}")
        elif name == engine_pin.NAME:
            other = engine_pin.difference(pin, lock.engine_digest, version, site_packages)
            found += [f"{name} {other}"] if other else []
        elif pin.url:
            other = distribution_origin.difference(pin.url, version, distribution_origin.recorded(name, site_packages))
            found += [f"{name} {other}"] if other else []
        elif not pin.specifier.contains(version, prereleases=True):
            found.append(f"{name} {version}, locked {pin.specifier}")
    return found


def uncompared_pins(lock: Lock, installed: dict[str, str]) -> list[str]:
    """List, one per line, installed packages of unknown origin whose pin names a place, or is the engine's."""
    found = [
        f"{name} {installed[name]} does not say where it came from: it is not compared with {_wanted(pin)}"
        for name, pin in _needed(lock).items()
        if name != engine_pin.NAME and pin.url and name in installed and distribution_origin.recorded(name) is None
    ]
    pin = _needed(lock).get(engine_pin.NAME)
    version = installed.get(engine_pin.NAME)
    said = engine_pin.uncompared(pin, lock.engine_digest, version) if pin and version else None
    return [*found, *([said] if said else [])]


def _needed(lock: Lock) -> dict[str, Requirement]:
    return {name: pin for name, pin in lock.pins.items() if pin.marker is None or pin.marker.evaluate()}


def _wanted(pin: Requirement) -> str:
    return without_credentials(pin.url) if pin.url else str(pin.specifier)


def pinned(names: Iterable[str], lock: Lock) -> list[str]:
    """Pin packages, and all they need in turn here, as the lock pins them.

    Args:
        names: of distributions, with their extras where these are wanted: `scikit-learn`, `mlflow-skinny[databricks]`.
        lock: the environment lock.
    """
    waiting = [one for name in names for one in _with_extras(Requirement(name))]
    seen: set[tuple[str, str]] = set()
    while waiting:
        name, extra = waiting.pop()
        if (name, extra) in seen or name not in lock.pins:
            continue
        seen.add((name, extra))
        waiting += required(name, extra)
    return sorted({str(lock.pins[name]) for name, _ in seen})


def required(name: str, extra: str = "") -> list[tuple[str, str]]:
    """List what an installed distribution requires here, each with an extra of it; "" stands for the package itself."""
    needs = map(Requirement, importlib.metadata.requires(name) or [])
    here = [need for need in needs if need.marker is None or need.marker.evaluate({"extra": extra})]
    return [one for need in here for one in _with_extras(need)]


def _with_extras(requirement: Requirement) -> list[tuple[str, str]]:
    name = str(canonicalize_name(requirement.name))
    return [(name, extra) for extra in ("", *sorted(requirement.extras))]


def describe_machine() -> Machine:
    """Describe Python, platform, processor and linear algebra with its threads, on which results may depend."""
    import numpy as np  # noqa: PLC0415  the launcher reads locks without them
    from threadpoolctl import threadpool_info  # noqa: PLC0415

    configuration = np.show_config(mode="dicts")
    return {
        "python": sys.version,
        "python_version": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "threads": {name: os.environ[name] for name in THREADS if os.environ.get(name)},
        "simd": configuration["SIMD Extensions"]["found"],
        "blas": [
            {
                "user_api": pool.get("user_api"),
                "internal_api": pool.get("internal_api"),
                "version": pool.get("version"),
                "num_threads": pool.get("num_threads"),
                "architecture": pool.get("architecture"),
            }
            for pool in threadpool_info()
        ],
    }
