"""Show the registry's history: user, time, versions, commit and reason of each move of an alias."""

from collections.abc import Iterator
from textwrap import shorten

from reprise.base import project_settings
from reprise.base.errors import one_line
from reprise.governance import history
from reprise.governance.history import MOVED, NOWHERE, Move
from reprise.models import registry

LONGEST = 100
"""Characters of what the policy said that a line shows."""


def history_lines(name: str) -> list[str]:
    """Return a line for each promotion and rollback, oldest first, and one where an alias was moved by other means."""
    moves = history.moves(name)
    aliases = sorted({*project_settings.ALIASES, *(move.alias for move in moves)})
    now = {alias: version.number for alias in aliases if (version := registry.aliased(name, alias))}
    return list(_lines(moves, now)) or [f"nothing was promoted yet of {name!r}"]


def _lines(moves: list[Move], now: dict[str, str]) -> Iterator[str]:
    known: dict[str, str] = {}
    for move in moves:
        if move.before != known.get(move.alias, NOWHERE):
            yield _outside(move.alias, known.get(move.alias, NOWHERE), move.before)
        known[move.alias] = move.after if move.outcome == MOVED else move.before
        yield _line(move)
    for alias in sorted({*known, *now}):
        if now.get(alias, NOWHERE) != known.get(alias, NOWHERE):
            yield _outside(alias, known.get(alias, NOWHERE), now.get(alias, NOWHERE))


def _line(move: Move) -> str:
    time = "at an unknown time".ljust(19) if move.ahead else f"{move.time:%Y-%m-%d %H:%M:%S}"
    said = [time, move.user, move.job, move.alias, f"{move.before} -> {move.after}"]
    if not move.ended:
        said.append("unfinished: the next promote or rollback repairs it")
    elif move.outcome != MOVED:
        said.append((move.outcome or "failed").upper())
    if move.forced:
        said.append(f"FORCED over: {_short(move.forced)}")
    said.append(f"at {move.commit[:12] or 'no commit'}")
    said += [f"reason: {one_line(move.reason)}"] if move.reason else []
    said += [_short(move.detail)] if move.detail else []
    return "  ".join(said)


def _short(text: str) -> str:
    """Cut what is long; the run has it all."""
    return shorten(text, LONGEST, placeholder=" …")


def _outside(alias: str, before: str, after: str) -> str:
    unknown = "outside of reprise; user, time and reason are unknown"
    return f"{'outside':19}  somebody moved {alias}  {before} -> {after}  {unknown}"
