"""Separate the values of a single run, such as times, ids and folders, from content that a rerun must repeat. Pure.

A value is volatile by its form on both sides (a time within its own run, a random id, a temporary folder), or because
its name says so as a whole word, as `fit_seconds` does. The run's own id and folder are replaced on both sides first,
which hides nothing.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reprise.proof.outcome import Match
from reprise.proof.run_identity import FOLDER, RunIdentities, RunIdentity
from reprise.proof.timestamps import is_epoch, without_times
from reprise.proof.volatile_names import HOST, PROCESS, volatile_kind

_RANDOM = 5
"""Places in which two random parts of a temporary name differ at least: fewer are left to chance in 1 of 25,000."""

LONGEST = 100_000
"""Characters of a text in which forms are looked for."""

_HEX = r"[0-9a-fA-F]"
_UUID = re.compile(
    rf"(?<!{_HEX})({_HEX}{{8}})(-?)({_HEX}{{4}})\2([146-7])({_HEX}{{3}})\2([89abAB]{_HEX}{{3}})\2({_HEX}{{12}})(?!{_HEX})"
)
"""Random or by time; those of versions 3 and 5 are digests of a name, and last, as digests of 32 digits do."""

_PATH = r"(?:[A-Za-z]:)?(?:[/\\][^\s/\\'\",:;]+)*"
_FORMS = (
    (FOLDER, re.compile(rf"(?:file://)?{_PATH}[/\\]tmp[a-z0-9_]{{8}}(?![\w])")),
    (FOLDER, re.compile(rf"(?:file://)?{_PATH}/clones/[0-9a-f]{{12}}/(?:tree|spare)(?![\w])")),
    ("an environment's folder", re.compile(rf"{_PATH}/(?:bin/python[\d.]*(?!\w)|lib/python[\d.]+(?=/))")),
    ("an address in memory", re.compile(r"(?<= at )0x[0-9a-fA-F]{6,16}\b")),
    ("a process id", re.compile(r"(?<=\bpid)[ =:]+\d+\b", re.IGNORECASE)),
    (
        "a duration",
        re.compile(
            r"(?:(?<=took)|(?<=elapsed)|(?<=duration))[ =:]+"
            r"\d+(?:\.\d+)? ?(?:s|ms|secs?|seconds?|minutes?|min|hours?|h)\b"
        ),
    ),
)
_TEMPORARY = re.compile(r"(?<=/tmp/)[^\s/'\"]+|(?<=/T/)[^\s/'\"]+|(?<=\\Temp\\)[^\s\\'\"]+")
_DURATION = re.compile(
    r"(\d+ days? )?-?\d+(:\d\d){1,2}(\.\d+)?|-?\d+(\.\d+)?(e[-+]?\d+)? ?([a-zµ]{1,7})?", re.IGNORECASE
)
_HOST = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{0,252}")


@dataclass(frozen=True)
class Alikeness:
    """Why two values that differ have the same content.

    Attributes:
        match: equal, where only the runs' own names differ; not compared, where the rest passes.
        why: in words.
    """

    match: Match
    why: str


OWN = Alikeness(Match.EQUAL, "but for each run's own ids and folders")


def alike(name: str, old: Any, new: Any, sides: RunIdentities) -> Alikeness | None:
    """Return why two values that differ are no difference of content.

    Args:
        name: of a column, parameter, metric or key.
        old: a number or a text, of the recorded run.
        new: that of its rerun.
        sides: what names each of both runs.

    Returns:
        None where they differ in what lasts.
    """
    by_name = volatile_kind(name)
    if by_name and all(_is_told(value, by_name) for value in (old, new)):
        return Alikeness(Match.SKIPPED, f"by its name it is {by_name}")
    if isinstance(old, str) and isinstance(new, str):
        return _texts(old, new, sides)
    numbers = _is_number(old) and _is_number(new)
    if numbers and is_epoch(float(old), sides.recorded) and is_epoch(float(new), sides.again):
        return Alikeness(Match.SKIPPED, "it is a time within each run")
    return None


def paired(old: Mapping[str, Any], new: Mapping[str, Any], sides: RunIdentities) -> Iterator[tuple[str, Any, Any]]:
    """Pair the values of two runs by name. Names that differ only in an id or a time belong together.

    Yields:
        The name, as recorded where it is; the recorded value, and that of the rerun; None for one that is not there.
    """
    left = {name: normal(name, sides.again) for name in new if name not in old}
    for name in sorted({*old, *left}):
        if name in old and name in new:
            yield name, old[name], new[name]
        elif name in old:
            form = normal(name, sides.recorded)
            other = next((other for other, its in sorted(left.items()) if its == form), None)
            if other is not None:
                del left[other]
            yield name, old[name], new[other] if other is not None else None
    yield from ((name, None, new[name]) for name in sorted(left))


def normal(text: str, own: RunIdentity) -> str:
    """Return a text without its volatile parts."""
    return _formless(own.replaced(text), own)[0]


def _texts(old: str, new: str, sides: RunIdentities) -> Alikeness | None:
    old, new = sides.recorded.replaced(old), sides.again.replaced(new)
    if old == new:
        return OWN
    (old, kinds), (new, more) = _formless(old, sides.recorded), _formless(new, sides.again)
    old, new, random = _without_random_names(old, new)
    if old != new:
        return None
    found = list(dict.fromkeys([*kinds, *more, *random]))
    return Alikeness(Match.SKIPPED, f"it differs in {', '.join(found)} alone")


def _formless(text: str, own: RunIdentity) -> tuple[str, list[str]]:
    """Replace times within a run, random ids and places on a machine, and return which were found."""
    kinds: list[str] = []
    if len(text) > LONGEST:
        return text, kinds

    def named(kind: str) -> str:
        kinds.append(kind)
        return f"<{kind}>"

    text = _UUID.sub(lambda _: named("an id"), text)
    text = without_times(text, own, named)
    for kind, form in _FORMS:
        text = form.sub(lambda _, kind=kind: named(kind), text)  # type: ignore[misc]
    return text, kinds


def _without_random_names(old: str, new: str) -> tuple[str, str, list[str]]:
    """Replace names below a temporary folder that differ as random ones do, which may begin alike."""
    pairs = list(zip(_TEMPORARY.findall(old), _TEMPORARY.findall(new), strict=False))
    differing = [(one, other) for one, other in pairs if one != other]
    if not differing or len(_TEMPORARY.findall(old)) != len(_TEMPORARY.findall(new)):
        return old, new, []
    for one, other in differing:
        if not _differ_by_chance(one, other):
            return old, new, []
    for one, other in differing:
        old, new = old.replace(one, "<random>"), new.replace(other, "<random>")
    return old, new, [FOLDER]


def _differ_by_chance(one: str, other: str) -> bool:
    different = sum(a != b for a, b in zip(one, other, strict=False))
    return len(one) == len(other) and different >= _RANDOM and bool(re.search(r"\d", one + other))


def _is_told(value: Any, kind: str) -> bool:
    """Return whether a value is of the kind that its name says."""
    if kind == HOST:
        return isinstance(value, str) and bool(_HOST.fullmatch(value))
    if kind == PROCESS:
        return _is_number(value) or (isinstance(value, str) and value.isdigit())
    return _is_number(value) or (isinstance(value, str) and (not value or bool(_DURATION.fullmatch(value.strip()))))


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
