"""Move an alias of a registered model.

The history stays complete, and the alias always points to a model that loads. MLflow has no compare-and-set for an
alias. So each move first adds its run to the history, as a flag, and then looks for unfinished runs of others. Of two
moves at once on different machines, at most one sees no other flag. The flag of a killed process shows its unfinished
move.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from socket import gethostname
from time import monotonic, sleep

from mlflow.exceptions import MlflowException

from reprise.base import process, tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.tracking_server import PermissionMissing
from reprise.governance import history, registry_lock
from reprise.governance.history import NOWHERE, Move
from reprise.governance.policy import Policy, read_policy
from reprise.governance.registration import Probe
from reprise.governance.registry_lock import exclusively
from reprise.governance.verdict import NO_CHAMPION, Verdict, verdict_of
from reprise.models import registry, stored_model
from reprise.models.registry import Version

CHAMPION = "champion"
PRESUMED_DEAD = timedelta(minutes=10)
"""How long a move may take that began under another lock, as on another machine; under this one, it has died."""

WATCHED = 120.0
"""Seconds for which a move is watched that began, by another machine's clock, in the future: MLflow's own patience."""

Note = Callable[[str], None]


def promote(
    name: str, wanted: str, alias: str, policy: Path, *, reason: str, force: bool, probe: Probe, note: Note
) -> Move:
    """Set an alias on a version, if the current verdict on it allows that.

    Args:
        name: of the registered model.
        wanted: the version's number, or another alias of it.
        alias: `champion` or `challenger`.
        policy: the policy that must have been met.
        reason: why; needed where it is forced.
        force: overrule the policy. A model whose files are gone or altered is not promoted even so.
        probe: tries a model whose files no registration has tried.
        note: called with messages for a person.

    Raises:
        WrongCall: no such version, or it has the alias already.
        JobFailed: the version may not be promoted, or somebody else was faster.
    """
    rules = read_policy(policy)
    with exclusively(name):
        repair(name, note)
        version = registry.find(name, wanted)
        before = registry.aliased(name, alias)
        if before and before.number == version.number:
            raise WrongCall(f"version {version.number} of {name!r} is {alias} already; nothing was done")
        files = stored_model.fetch(version.uri)
        verdict = verdict_of(version.model_id) if version.model_id else None
        _check_unaltered(version, files.digest, verdict)
        champion = before if alias == CHAMPION else registry.aliased(name, CHAMPION)
        objections = _objections(version, files.digest, verdict, rules, champion)
        against = "; ".join(objections)
        # The model's own tags may be overwritten by a later evaluation; the entry keeps what was known now.
        grounds = {tag.POLICY: rules.sha256, **(verdict.tags() if verdict else {})}
        begin = partial(
            history.begin, name, "promote", alias, _number(before), version.number, reason=reason, grounds=grounds
        )
        if against and not force:
            history.end(begin(), history.REFUSED, against)
            raise JobFailed(f"version {version.number} of {name!r} may not become {alias}: {against}")
        if version.tags.get(tag.MODEL_LOADS) != files.digest:
            _try(version, files.digest, probe)
        entry = begin(forced=against)
        return _carry_out(name, entry, note)


def rollback(name: str, wanted: str | None, *, reason: str, probe: Probe, note: Note) -> Move:
    """Move the champion back to the previous good version or a named one, after checking that it loads and scores.

    Args:
        name: of the registered model.
        wanted: a version's number; None for the last champion that was not itself rolled back.
        reason: why.
        probe: tries the version.
        note: called with messages for a person.

    Raises:
        WrongCall: there is nothing to go back to.
        JobFailed: the version does not load or has been altered, or somebody else was faster.
    """
    with exclusively(name):
        repair(name, note)
        before = registry.aliased(name, CHAMPION)
        version = _previous(name, before) if wanted is None else registry.find(name, wanted)
        if before and before.number == version.number:
            raise WrongCall(f"version {version.number} of {name!r} is champion already; nothing was done")
        files = stored_model.fetch(version.uri)
        _check_unaltered(version, files.digest, verdict_of(version.model_id) if version.model_id else None)
        _try(version, files.digest, probe)
        entry = history.begin(name, "rollback", CHAMPION, _number(before), version.number, reason=reason)
        return _carry_out(name, entry, note)


def repair(name: str, note: Note) -> None:
    """Complete or abandon the unfinished moves of dead processes, under the lock of `exclusively`."""
    for entry in history.unfinished(name):
        if not _is_dead(name, entry, note):
            continue
        what = f"{entry.job} of version {entry.after} to {entry.alias} (run {entry.run_id})"
        if _number(registry.aliased(name, entry.alias)) == entry.after:
            _mark(name, entry)
            history.end(entry, history.MOVED, "finished by the next command")
            note(f"{what} was interrupted after the alias moved; completed now")
        else:
            history.end(entry, history.ABANDONED, "it was left unfinished before the alias had moved")
            note(f"{what} was interrupted before the alias moved; marked as abandoned")


def repaired(name: str) -> list[str]:
    """Repair as the next promote or rollback would, and return a line for each repaired entry."""
    said: list[str] = []
    with exclusively(name):
        repair(name, said.append)
    return said


def _try(version: Version, digest: str, probe: Probe) -> None:
    """Try a version, and write on it that it loads unless that is there."""
    probe(version.uri)
    if version.tags.get(tag.MODEL_LOADS) != digest:
        registry.tag(version, {tag.MODEL_LOADS: digest})


def _carry_out(name: str, entry: Move, note: Note) -> Move:
    """Move the alias as an entry says, unless somebody else has moved it or is about to."""
    try:
        obstacle = _others(name, entry) or _elsewhere(name, entry.alias, entry.before)
        if not obstacle:
            registry.point(name, entry.alias, entry.after)
            obstacle = _elsewhere(name, entry.alias, entry.after)
        if obstacle:
            message = f"the move of {entry.alias} to version {entry.after} was overtaken: {obstacle}"
            history.end(entry, history.OVERTAKEN, message)
            raise JobFailed(message)
        _mark(name, entry)
        history.end(entry, history.MOVED)
    except PermissionMissing as error:
        history.end(entry, history.REFUSED, error.message)
        raise
    except (MlflowException, OSError):
        note(f"run {entry.run_id} of the history is left unfinished; the next promote or rollback repairs it")
        raise
    return replace(entry, ended=True, outcome=history.MOVED)


def _others(name: str, entry: Move) -> str:
    """Return the unfinished move of another process as text, or an empty text."""
    for other in history.unfinished(name):
        if other.run_id != entry.run_id:
            began = f"{other.time:%H:%M:%S} UTC, run {other.run_id}"
            return f"{other.user} on {other.host} moves {other.alias} at this moment ({began}); try again"
    return ""


def _elsewhere(name: str, alias: str, expected: str) -> str:
    """Return where an alias points to; empty where it is the version that is expected."""
    now = _number(registry.aliased(name, alias))
    return "" if now == expected else f"it points to version {now}, no longer to {expected}"


def _mark(name: str, entry: Move) -> None:
    """Write on the versions what happened to them."""
    registry.tag(registry.find(name, entry.after), {tag.ALIAS_RUN_ID.format(alias=entry.alias): entry.run_id})
    if entry.job == "rollback" and entry.before != NOWHERE:
        with suppress(WrongCall):  # it was deleted before a repair came to it
            left = registry.find(name, entry.before)
            registry.tag(left, {tag.ROLLED_BACK: f"{entry.run_id} {entry.reason}".strip()})


def _is_dead(name: str, entry: Move, note: Note) -> bool:
    """Return whether the process of an unfinished move is dead, as the holder of its lock can decide."""
    writer = process.read(entry.process)
    known = process.state(writer) if writer else "unknown"
    under_this_lock = entry.host == gethostname() and entry.lock == registry_lock.identity(name)
    if known == "gone" or under_this_lock:
        return True
    return _stays(name, entry, note) if entry.ahead else datetime.now(UTC) - entry.time > PRESUMED_DEAD


def _stays(name: str, entry: Move, note: Note) -> bool:
    """Watch a move whose time is wrong, and return whether it stays unfinished."""
    began = f"{entry.user} on {entry.host} began to move {entry.alias} at {entry.time:%Y-%m-%d %H:%M} UTC"
    note(f"{began}, which is in the future, so a clock is wrong; watching the entry for {WATCHED:.0f} s")
    until = monotonic() + WATCHED
    while monotonic() < until:
        sleep(min(1, WATCHED))
        if all(other.run_id != entry.run_id for other in history.unfinished(name)):
            return False
    return True


def _number(version: Version | None) -> str:
    return version.number if version else NOWHERE


def _previous(name: str, champion: Version | None) -> Version:
    """Find the champion before this one that was not rolled back and still exists."""
    seen = [number for move in history.moves(name) if move.alias == CHAMPION and move.outcome == history.MOVED
            for number in (move.before, move.after)]  # fmt: skip
    for number in dict.fromkeys(reversed(seen)):
        if number == NOWHERE or (champion and number == champion.number):
            continue
        try:
            version = registry.find(name, number)
        except WrongCall:  # it was deleted
            continue
        if tag.ROLLED_BACK not in version.tags:
            return version
    raise WrongCall(f"{name!r} has no previous champion to go back to", remedy="name a version with --to")


def _check_unaltered(version: Version, digest: str, verdict: Verdict | None) -> None:
    """Refuse files that differ from the registered ones, or from the judged ones if no registered digest is known."""
    registered = version.tags.get(tag.MODEL_DIGEST)
    recorded = registered or (verdict.model if verdict else None)
    if recorded and recorded != digest:
        since, remedy = ("registered", "train and register anew") if registered else ("judged", "evaluate it again")
        message = (
            f"the files of version {version.number} of {version.name!r} were altered since it was {since}: "
            f"digest {digest}, recorded {recorded}"
        )
        raise JobFailed(message, remedy=f"bring them back, or {remedy}")


def _objections(
    version: Version, digest: str, verdict: Verdict | None, policy: Policy, champion: Version | None
) -> list[str]:
    """Return the reasons against promoting a version, empty if there are none."""
    found = []
    again = f"run evaluate on {version.uri}"
    if verdict is None:
        found.append(f"it was not judged; {again}")
    elif verdict.verdict != "passed":
        found.append(f"the policy refused it: {verdict.reasons} (run {verdict.run_id})")
    if verdict and verdict.model != digest:  # they were altered then, and are back
        found.append(f"other files were judged (digest {verdict.model[:12]}, now {digest[:12]}); {again}")
    if verdict and verdict.policy not in policy.sha256s:
        found.append(f"it was judged under another policy ({verdict.policy[:12]}, now {policy.sha256[:12]}); {again}")
    compared = champion.model_id or champion.source if champion else NO_CHAMPION
    if verdict and compared not in {verdict.champion, version.model_id}:
        found.append(f"it was compared with {verdict.champion} as champion, which is {compared} now; {again}")
    if tag.ROLLED_BACK in version.tags:
        found.append(f"it was rolled back (run {version.tags[tag.ROLLED_BACK]})")
    return found
