"""The parameters to give to a rerun. Parameters that a job logs by itself are left out."""

import re
from pathlib import PurePath
from typing import Any

import yaml

from reprise.base import tag, untrusted_text
from reprise.base.errors import Irreproducible
from reprise.base.terminal import note
from reprise.proof.snapshot import Snapshot
from reprise.store.recorded import Recorded

SCRIPTS = (".py", ".sh", ".R")
"""The suffixes by which MLflow takes an entry point for a script, which declares no parameters."""

_OPTION = re.compile(r"--([A-Za-z][\w-]*)")
_WORD = re.compile(r"\w+")


def given(code: Snapshot, recorded: Recorded) -> dict[str, str]:
    """Find the parameters to run an entry point with again.

    MLproject declares those of its entry points. Others, and all of a script, are named by the run where a backend of
    this project made it, or by its provenance. Of a script that `mlflow run` itself has started they are told from the
    script's text, which is said.

    Raises:
        Irreproducible: the commit has no such entry point.
    """
    point = str(recorded.entry_point)
    declared = _declared(code, recorded)
    if point in declared:
        return _pick(recorded, {*declared[point], *(_extra(recorded) or ())})
    script = code.file(point) if PurePath(point).suffix in SCRIPTS else None
    if script is None:
        raise Irreproducible(_missing(code, recorded, list(declared)))
    extra = _extra(recorded)
    return _pick(recorded, _named_by(_text(code, script), recorded) if extra is None else extra)


def _declared(code: Snapshot, recorded: Recorded) -> dict[str, set[str]]:
    """Read entry point -> names of its parameters; nothing where there is no MLproject, which scripts do without."""
    name = code.mlproject()
    content = code.file(name) if name else None
    if content is None:
        return {}
    try:
        points: dict[str, Any] = untrusted_text.load_yaml(content).get("entry_points") or {}
        return {point: set((entry or {}).get("parameters") or {}) for point, entry in points.items()}
    except (yaml.YAMLError, TypeError, AttributeError) as error:
        raise Irreproducible(f"{name} at commit {recorded.commit} names no entry points") from error


def _missing(code: Snapshot, recorded: Recorded, points: list[str]) -> str:
    point, place = recorded.entry_point, recorded.subdirectory or "its top folder"
    name = code.mlproject()
    if PurePath(str(point)).suffix in SCRIPTS:
        return f"commit {recorded.commit} has no script {point!r} in {place}"
    if name is None:
        return f"commit {recorded.commit} has no MLproject in {place}"
    if not points:
        return f"{name} at commit {recorded.commit} names no entry points"
    return f"{name} at commit {recorded.commit} has no entry point {point!r}; it has {', '.join(points)}"


def _extra(recorded: Recorded) -> set[str] | None:
    """Return the parameters that were given beyond the declared ones; None where the run does not say."""
    try:
        return {str(name) for name in untrusted_text.parse_json(recorded.tags[tag.EXTRA_PARAMETERS])}
    except (KeyError, ValueError, TypeError):
        pass
    command = recorded.provenance.get("command")
    if not isinstance(command, list):
        return None
    options = [str(word)[2:].partition("=")[0] for word in command if str(word).startswith("--")]
    return {spelled for option in options for spelled in (option, option.replace("-", "_"))}


def _text(code: Snapshot, script: bytes) -> str:
    """Return a script's text, and that of the scripts beside it which it names: one may hand its options to another."""
    text = script.decode(errors="replace")
    others = [name for name in code.names() if PurePath(name).suffix in SCRIPTS and PurePath(name).stem in text]
    return "\n".join([text, *((code.file(name) or b"").decode(errors="replace") for name in others)])


def _named_by(script: str, recorded: Recorded) -> set[str]:
    """Return the parameters that a script's options name, else those that its words name, else all."""
    logged = set(recorded.parameters)
    options = set(_OPTION.findall(script))
    words = options or set(_WORD.findall(script))
    taken = {name for name in logged if name in words or name.replace("-", "_") in words}
    if not taken and not options:
        taken = logged
    if logged:
        left = ", ".join(sorted(logged - taken)) or "none"
        said = ", ".join(sorted(taken)) or "none"
        given = f"given to the rerun: {said}; logged by the script itself: {left}"
        note(f"{recorded.entry_point} declares no parameters; {given}")
    return taken


def _pick(recorded: Recorded, names: set[str]) -> dict[str, str]:
    return {name: value for name, value in recorded.parameters.items() if name in names}
