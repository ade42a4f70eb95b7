"""Compare what two runs had to work with: code, data, environment, machine, parameters."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from typing import Any

from reprise.environment import Lock
from reprise.proof.verdict import Finding, Match
from reprise.recorded import Recorded

LIBRARIES = ("user_api", "internal_api", "version", "architecture", "num_threads")


def compare(recorded: Recorded, again: Recorded, replaced: Mapping[str, str], lock: Lock | None) -> tuple[Finding, ...]:
    """Compare two runs' circumstances.

    Args:
        recorded: the run to reproduce.
        again: its rerun.
        replaced: the parameters that the rerun was given by another name for the same thing.
        lock: the environment lock at the commit; None where the project has none that is read here.

    Returns:
        Findings of the areas code, data, environment, machine and parameters.
    """
    return (
        *_code(recorded, again),
        *_data(recorded, again),
        *_environment(recorded.environment, again.environment, lock),
        *_machine(recorded.environment, again.environment),
        *_parameters(recorded.parameters, again.parameters, replaced),
    )


def _code(recorded: Recorded, again: Recorded) -> Iterator[Finding]:
    yield _pair("code", "commit", recorded.commit, again.commit)
    if recorded.provenance:
        yield _pair("code", "patch", _sha256(recorded.patch), _sha256(again.patch))
    else:
        yield _skipped("code", "patch", "the run does not say whether its tree was clean")
    yield _pair("code", "entry point", recorded.entry_point, again.entry_point)


def _data(recorded: Recorded, again: Recorded) -> Iterator[Finding]:
    if recorded.data:
        yield _pair("data", "fingerprint", recorded.data["fingerprint"], again.data.get("fingerprint"))
        for context in ("train", "test"):
            if context in recorded.data:
                old, new = (side.data.get(context, {}).get("fingerprint") for side in (recorded, again))
                yield _pair("data", f"{context} rows", old, new)
        return
    old, new = _datasets(recorded), _datasets(again)
    if not old:
        yield _skipped("data", "data", "the run does not say which it read")
    for name in sorted(old):
        yield _pair("data", name, old[name], new.get(name))


def _datasets(run: Recorded) -> dict[str, str]:
    inputs = run.run.inputs.dataset_inputs if run.run.inputs else []
    return {item.dataset.name: item.dataset.digest for item in inputs}


def _environment(recorded: Mapping[str, Any], again: Mapping[str, Any], lock: Lock | None) -> Iterator[Finding]:
    if not recorded or not again:
        yield _skipped("environment", "packages", "the run does not say which it had")
        return
    yield _pair("environment", "python", recorded["python_version"], again["python_version"])
    yield _pair("environment", "implementation", recorded["implementation"], again["implementation"])
    old, new = recorded["installed"], again["installed"]
    for name in sorted(lock.pins) if lock else sorted({*old, *new}):
        if name in old or name in new:
            yield _pair("environment", name, old.get(name), new.get(name))


def _machine(recorded: Mapping[str, Any], again: Mapping[str, Any]) -> Iterator[Finding]:
    old, new = _deciding(recorded), _deciding(again)
    for name in dict.fromkeys([*old, *new]):
        yield _pair("machine", name, old.get(name), new.get(name))


def _deciding(environment: Mapping[str, Any]) -> dict[str, str]:
    """Name what decides the last bit: instruction sets in use, C library, linear algebra and its threads."""
    if not environment:
        return {}
    libc = re.search(r"(glibc|musl)[\d.]+", environment["platform"])
    libraries = sorted(" ".join(str(pool.get(key)) for key in LIBRARIES) for pool in environment["blas"])
    return {
        "processor": f"{environment['machine']} {' '.join(environment['simd'])}",
        "C library": libc[0] if libc else environment["platform"],
        **{f"library {number}": text for number, text in enumerate(libraries, 1)},
    }


def _parameters(
    recorded: Mapping[str, str], again: Mapping[str, str], replaced: Mapping[str, str]
) -> Iterator[Finding]:
    for name in sorted({*recorded, *again}):
        old, new = recorded.get(name), again.get(name)
        if name in replaced and new == replaced[name] != old and old is not None:
            note = f"{old!r} is given as {new!r} now, the same by its fingerprint or id"
            yield Finding("parameters", name, Match.EQUAL, old, new, note)
        else:
            yield _pair("parameters", name, old, new)


def _pair(area: str, name: str, old: Any, new: Any) -> Finding:
    return Finding(area, name, Match.EQUAL if old == new else Match.DIFFERENT, old, new)


def _skipped(area: str, name: str, why: str) -> Finding:
    return Finding(area, name, Match.SKIPPED, note=why)


def _sha256(content: bytes) -> str | None:
    return hashlib.sha256(content).hexdigest() if content else None
