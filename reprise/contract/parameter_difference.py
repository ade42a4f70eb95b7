"""A parameter on which MLproject and a script differ."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from reprise.base.display_text import as_option, as_text
from reprise.contract import entry_points
from reprise.contract.declared_parameters import Declared, Signature, declared
from reprise.contract.source_file import REQUIRED, UNKNOWN

TO_FILL = "…"
"""Stands in a line for a default that only a person can tell."""


@dataclass(frozen=True)
class ParameterDifference:
    """A parameter on which MLproject and a script differ.

    Attributes:
        entry_point: the first that has it.
        parameter: as the script has it.
        reason: what differs.
        line: the line that MLproject should have; empty where the script takes no such parameter.
        option: what its command should hold more, or no more; empty where that is right.
        by_hand: whether a person has to put in the default, which no reading of the script tells.
    """

    entry_point: str
    parameter: str
    reason: str
    line: str
    option: str
    by_hand: bool = False

    @property
    def problem(self) -> str:
        """What differs, in a line."""
        return f"{self.entry_point} {self.reason}"

    @property
    def edit(self) -> str:
        """What to write into MLproject."""
        if not self.line:
            return f"take {self.parameter} out of its parameters and {self.option} out of its command"
        also = f"   and into its command {self.option}" if self.option else ""
        fill = f", with the default in the place of {TO_FILL}" if self.by_hand else ""
        return f"write into its parameters   {self.line}{also}{fill}"

    @property
    def done(self) -> str:
        """What was written, once it is."""
        return f"{self.entry_point}: {self.line or f'{self.parameter} is taken out'}"

    def __str__(self) -> str:
        """Return what differs, and what to write."""
        return f"MLproject: {self.problem}; {'' if self.by_hand else 'run reprise sync, or '}{self.edit}"


def compare(folder: Path, text: str) -> Iterator[ParameterDifference]:
    """Compare the text of an MLproject with the scripts that it starts."""
    for name, node in entry_points.nodes(text).items():
        script = entry_points.script(folder, node)
        signature = declared(script) if script else None
        if signature:
            yield from _compare(name, node, signature)


def unread(folder: Path, text: str) -> Iterator[str]:
    """Return what could not be compared, a line each."""
    for name, node in entry_points.nodes(text).items():
        script = entry_points.script(folder, node)
        signature = declared(script) if script else None
        yield from (f"{name} is not compared in full: {line}" for line in (signature.unread if signature else ()))


def _compare(name: str, node: yaml.Node | None, signature: Signature) -> Iterator[ParameterDifference]:
    given, command = entry_points.parameters(node), entry_points.command(node)
    own = entry_points.call(command)
    for one in signature.parameters:
        if found := _differs(name, one, given, command if own is None else own):
            yield found
    if signature.unread or own is None:
        return
    for extra in sorted({*given} - {one.name for one in signature.parameters}):
        if passed := re.search(entry_points.option(extra), own):
            reason = f"gives {extra}, which the script does not take: mlflow run fails"
            yield ParameterDifference(name, extra, reason, "", passed[0])


def _differs(entry_point: str, one: Declared, given: dict[str, yaml.Node], command: str) -> ParameterDifference | None:
    if one.name not in given and _has_option(command, one.name):
        return None  # the command gives it in a way of its own
    handed = entry_points.uses(command, one.name) or _has_option(command, one.name)
    option = "" if handed else f"{as_option(one.name)}={{{one.name}}}"
    known = one.default is not UNKNOWN and one.default is not REQUIRED
    default = entry_points.default(given[one.name]) if one.name in given else None
    by_hand = one.name not in given and one.default is UNKNOWN
    if one.name not in given:
        computed = one.default is UNKNOWN
        reason = f"lacks {one.name}, which {'has a default that is computed' if computed else 'the script takes'}"
    elif option:
        reason = f"does not pass {one.name} to its script"
    elif known and default is not None and not _same(default, one.default):
        reason = f"gives {one.name} the default {default}, the script {as_text(one.default)}"
    else:
        return None
    return ParameterDifference(entry_point, one.name, reason, _line(one), option, by_hand)


def _has_option(command: str, name: str) -> bool:
    return re.search(rf"(?<!\S)--{entry_points.spelled(name)}(?![\w-])", command) is not None


def _line(one: Declared) -> str:
    kind = _kind(one)
    if one.default is REQUIRED:
        return f"{one.name}: {{type: {kind}}}"
    shown = TO_FILL if one.default is UNKNOWN else _quoted(as_text(one.default), kind)
    return f"{one.name}: {{type: {kind}, default: {shown}}}" + (f"  # {one.help}" if one.help else "")


def _quoted(text: str, kind: str) -> str:
    """Write a default as YAML takes it, in a flow mapping too."""
    plain = re.fullmatch(r"[A-Za-z_][\w./-]*", text, re.ASCII) and yaml.safe_load(text) == text
    return text if plain or kind in ("float", "int") else json.dumps(text, ensure_ascii=not text.isprintable())


def _kind(one: Declared) -> str:
    """Return the type as MLproject names it. A number that may also be a word is a string there."""
    word = re.search(r"\b(Literal|str|None|bool|tuple|list|dict|set)\b", one.annotation)
    number = isinstance(one.default, int | float) and not isinstance(one.default, bool)
    if word or not (number or one.default is UNKNOWN or one.default is REQUIRED):
        return "string"
    if isinstance(one.default, float) or re.search(r"\bfloat\b", one.annotation):
        return "float"
    return "int" if number or re.search(r"\bint\b", one.annotation) else "string"


def _same(given: str, default: object) -> bool:
    if isinstance(default, int | float) and not isinstance(default, bool):
        try:
            return float(given) == float(default)
        except (ValueError, OverflowError):
            return False
    truths = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
    if isinstance(default, bool):
        return truths.get(given.lower()) == as_text(default)
    return given == as_text(default)
