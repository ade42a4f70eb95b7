"""Compare the circumstances of two runs: code, data, environment, machine, parameters."""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import zip_longest
from typing import Any

from mlflow.entities import Dataset

from reprise.base import tag
from reprise.base.engine import Engine
from reprise.base.errors import one_line
from reprise.base.record import CONTEXTS, Data, Environment
from reprise.environment.pins import Lock
from reprise.proof.outcome import Finding, Match
from reprise.proof.run_identity import RunIdentities
from reprise.proof.volatile_values import alike, paired
from reprise.store.recorded import Recorded

LIBRARIES = ("user_api", "internal_api", "version", "architecture", "num_threads")


FIRST = ("scikit-learn", "numpy", "scipy", "pandas")
"""Packages whose change is the likeliest cause of another result."""


def compare(
    recorded: Recorded,
    again: Recorded,
    replaced: Mapping[str, str],
    lock: Lock | None,
    sides: RunIdentities,
    needs: tuple[Mapping[str, str], Mapping[str, str]] = ({}, {}),
) -> tuple[Finding, ...]:
    """Compare two runs' circumstances.

    Args:
        recorded: the run to reproduce.
        again: its rerun.
        replaced: the parameters that the rerun was given by another name for the same thing.
        lock: the environment lock at the commit; None where the project has none that is read here.
        sides: what names each of both runs.
        needs: package -> version that the models of each say they need, which tells something of a run that does not
            say what it had.

    Returns:
        Findings of the areas code, data, environment, machine and parameters.
    """
    return (
        *_code(recorded, again),
        *_data(recorded, again),
        *_engine(recorded.engine, again.engine),
        *_environment(recorded.environment, again.environment, lock, needs),
        *_machine(recorded.environment, again.environment),
        *_parameters(recorded.parameters, again.parameters, replaced, sides),
    )


def _code(recorded: Recorded, again: Recorded) -> Iterator[Finding]:
    yield _pair("code", "commit", recorded.commit, again.commit)
    if recorded.provenance or tag.PATCH in recorded.tags:  # which every backend of this package sets
        yield _pair("code", "patch", _sha256(recorded.patch), _sha256(again.patch))
    else:
        yield _skipped("code", "patch", "the run does not say whether its tree was clean")
    yield _pair("code", "entry point", recorded.entry_point, again.entry_point)


def _data(recorded: Recorded, again: Recorded) -> Iterator[Finding]:
    if recorded.data:
        yield from _table(recorded.data, again.data)
        for context in CONTEXTS:
            if context in recorded.data:
                old, new = (side.data.get(context, {}).get("fingerprint") for side in (recorded, again))
                yield _pair("data", f"{context} rows", old, new)
        return
    then, now = _datasets(recorded), _datasets(again)
    if not then:
        yield _skipped("data", "data", "the run does not say which it read")
        return
    for name in sorted({*then, *now}):
        yield from _inputs(name, then.get(name, []), now.get(name, []))


def _table(recorded: Data, again: Data) -> Iterator[Finding]:
    """Compare the table by the fingerprints that the code of the commit made, and by its bytes where both have them."""
    finding = _pair("data", "fingerprint", recorded["fingerprint"], again.get("fingerprint"))
    old, new = (side.get("source", {}).get("sha256") for side in (recorded, again))
    if old and new and old != new:
        yield _skipped("data", "bytes", "the bytes of the file differ; only its content counts, by the fingerprint")
    elif old and new:
        yield _pair("data", "bytes", old, new)
        note = "of the same bytes" if finding.match == Match.DIFFERENT else ""
        finding = replace(finding, note=note)
    yield finding


def _inputs(name: str, recorded: list[Dataset], again: list[Dataset]) -> Iterator[Finding]:
    """Compare the data set inputs of one name and context, whatever their order."""
    left = list(again)
    gone = []
    for dataset in recorded:
        same = next((other for other in left if other.digest == dataset.digest), None)
        if same is None:
            gone.append(dataset)
        else:
            left.remove(same)
            yield _pair("data", name, dataset.digest, same.digest)
    for old, new in zip_longest(gone, left):
        digests = (side.digest if side else None for side in (old, new))
        note = "; ".join(_told(old, new)) if old and new else ""
        yield replace(_pair("data", name, *digests), note=note)


def _told(old: Dataset, new: Dataset) -> Iterator[str]:
    """Return in which parts two data sets differ, as far as MLflow has them."""
    for what in ("schema", "profile"):
        if getattr(old, what) != getattr(new, what):
            yield f"{what} {one_line(getattr(old, what), 200)}, again {one_line(getattr(new, what), 200)}"


def _datasets(run: Recorded) -> dict[str, list[Dataset]]:
    found: dict[str, list[Dataset]] = {}
    for item in run.run.inputs.dataset_inputs if run.run.inputs else []:
        context = next((one.value for one in item.tags if one.key == tag.DATA_CONTEXT), "")
        name = f"{item.dataset.name} ({context})" if context else item.dataset.name
        found.setdefault(name, []).append(item.dataset)
    return found


def _engine(recorded: Engine | None, again: Engine | None) -> Iterator[Finding]:
    """Compare the engines' versions and digests; a run that does not record its engine has nothing to say."""
    if recorded is None:
        return
    old, new = (f"{side.version} sha256:{side.digest}" if side else None for side in (recorded, again))
    sides = {"then": recorded, "now": again}
    edits = [f"edited {when}: {side.few()}" for when, side in sides.items() if side and side.edited]
    yield replace(_pair("environment", "engine", old, new), note="; ".join(edits))
    if recorded.edited:
        yield _skipped("environment", "engine as released", f"the run's own was edited: {recorded.few()}")


def _environment(
    recorded: Environment,
    again: Environment,
    lock: Lock | None,
    needs: tuple[Mapping[str, str], Mapping[str, str]],
) -> Iterator[Finding]:
    if not recorded or not again:
        yield _skipped("environment", "packages", "the run does not say which it had")
        for name in _likeliest_first({*needs[0], *needs[1]} if all(needs) else set()):
            note = "as the models say that they need it"
            yield replace(_pair("environment", name, needs[0].get(name), needs[1].get(name)), note=note)
        return
    yield _pair("environment", "python", recorded["python_version"], again["python_version"])
    yield _pair("environment", "implementation", recorded["implementation"], again["implementation"])
    old, new = recorded["installed"], again["installed"]
    for name in _likeliest_first({*lock.pins} if lock else {*old, *new}):
        if name in old or name in new:
            yield _pair("environment", name, old.get(name), new.get(name))


def _likeliest_first(names: set[str]) -> list[str]:
    first = [name for name in ("python", *FIRST) if name in names]
    return [*first, *sorted(names.difference(first))]


def _machine(recorded: Environment, again: Environment) -> Iterator[Finding]:
    old, new = _deciding(recorded), _deciding(again)
    for name in dict.fromkeys([*old, *new]):
        yield _pair("machine", name, old.get(name), new.get(name))


def _deciding(environment: Environment) -> dict[str, str]:
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
    recorded: Mapping[str, str], again: Mapping[str, str], replaced: Mapping[str, str], sides: RunIdentities
) -> Iterator[Finding]:
    for name, old, new in paired(recorded, again, sides):
        if name in replaced and new == replaced[name] != old and old is not None:
            note = f"{old!r} is given as {new!r} now, the same by its fingerprint or id"
            yield Finding("parameters", name, Match.EQUAL, old, new, note)
        elif None not in (old, new) and old != new and (why := alike(name, old, new, sides)):
            yield Finding("parameters", name, why.match, old, new, why.why)
        else:
            yield _pair("parameters", name, old, new)


def _pair(area: str, name: str, old: Any, new: Any) -> Finding:
    return Finding(area, name, Match.EQUAL if old == new else Match.DIFFERENT, old, new)


def _skipped(area: str, name: str, why: str) -> Finding:
    return Finding(area, name, Match.SKIPPED, note=why)


def _sha256(content: bytes) -> str | None:
    return hashlib.sha256(content).hexdigest() if content else None
