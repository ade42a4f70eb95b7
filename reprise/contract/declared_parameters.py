"""Read the parameters of a script from its text, without running it.

The launcher needs this, because the packages that a script imports are not installed there.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reprise.contract.source_file import REQUIRED, UNKNOWN, Definition, SourceFile

NO_FIELDS = {"ClassVar", "InitVar", "KW_ONLY"}
"""Annotations in a dataclass of what is no parameter."""


@dataclass(frozen=True)
class Declared:
    """A parameter as its script or model.py writes it.

    Attributes:
        name: as Python spells it.
        annotation: its type, as text.
        default: its default; `UNKNOWN` where that is computed, `REQUIRED` where there is none.
        help: the string under it, in one line, or none.
    """

    name: str
    annotation: str
    default: Any
    help: str = ""


@dataclass(frozen=True)
class Signature:
    """The parameters of a script, as far as its text shows them.

    Attributes:
        parameters: those that could be read.
        unread: why there may be more, a line a reason.
    """

    parameters: tuple[Declared, ...]
    unread: tuple[str, ...] = ()


def declared(script: Path) -> Signature | None:
    """List the parameters of the function that has a script's name, a dataclass by its fields.

    Returns:
        None where there is no such function.
    """
    source = SourceFile.read(script)
    if source is None:
        return Signature((), (f"{script.name} cannot be read as Python",))
    functions = [one for one in source.tree.body if isinstance(one, ast.FunctionDef) and one.name == script.stem]
    return _signature(source, functions[-1]) if functions else None


def _signature(source: SourceFile, function: ast.FunctionDef) -> Signature:
    found: list[Declared] = []
    unread: list[str] = []
    for argument, default in _arguments(function):
        what = source.resolve(argument.annotation)
        text = ast.unparse(argument.annotation) if argument.annotation else ""
        if what is None:
            unread.append(f"{source.path.name}: the type of {argument.arg}, {text}, cannot be read")
        elif isinstance(what, Definition):
            fields, missing = _fields(what, ())
            unread += [f"{what.source.path.name}: {line}" for line in missing]
            found += fields.values()
        else:
            found.append(Declared(argument.arg, text, source.value(default)))
    if function.args.kwarg or function.args.vararg:
        unread.append(f"{source.path.name}: {function.name} takes further arguments")
    return Signature(tuple(found), tuple(unread))


def _arguments(function: ast.FunctionDef) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    required: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    yield from zip(positional, [*required, *given.defaults], strict=True)
    yield from zip(given.kwonlyargs, given.kw_defaults, strict=True)


def _fields(found: Definition, below: tuple[ast.ClassDef, ...]) -> tuple[dict[str, Declared], list[str]]:
    """List a dataclass's fields, those of its bases first, and say why there may be more."""
    node, source = found.node, found.source
    fields: dict[str, Declared] = {}
    unread: list[str] = []
    for base in reversed(node.bases):
        what = source.resolve(base.value if isinstance(base, ast.Subscript) else base)
        if isinstance(what, Definition) and what.node not in (*below, node):
            inherited, missing = _fields(what, (*below, node))
            fields |= inherited
            unread += missing
        elif what is None:
            unread.append(f"{ast.unparse(base)}, on which {node.name} builds, cannot be read")
    decorators = [source.origin(one.func if isinstance(one, ast.Call) else one) for one in node.decorator_list]
    known = any(one.rpartition(".")[2] == "dataclass" for one in decorators)
    if decorators and not known:
        unread.append(f"{node.name} is made by {decorators[0]}, which cannot be read")
    if known:
        fields = {name: one for name, one in fields.items() if name not in _not_fields(node)}
        fields |= {one.name: one for one in _own(found)}
    if not fields and not unread and not below:
        unread.append(f"{node.name} has no field that can be read")
    return fields, unread


def _own(found: Definition) -> Iterator[Declared]:
    node, dropped = found.node, _not_fields(found.node)
    for here, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
        if isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name) and here.target.id not in dropped:
            text = following.value if isinstance(following, ast.Expr) else None
            help_ = " ".join(str(text.value).split()) if isinstance(text, ast.Constant) else ""
            yield Declared(here.target.id, ast.unparse(here.annotation), _default(found, here.value), help_)


def _not_fields(node: ast.ClassDef) -> set[str]:
    """Name what a class annotates that its constructor does not take."""
    found = set()
    for here in node.body:
        if isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name):
            kind = here.annotation.value if isinstance(here.annotation, ast.Subscript) else here.annotation
            text = kind.value if isinstance(kind, ast.Constant) else ast.unparse(kind)
            init = _options(here.value).get("init")
            if str(text).partition("[")[0].rpartition(".")[2] in NO_FIELDS or _is_false(init):
                found.add(here.target.id)
    return found


def _default(found: Definition, value: ast.expr | None) -> Any:
    """Read a field's default, also out of `field(default=…)`."""
    local = {
        name.id
        for here in found.node.body
        for name in ast.walk(here)
        if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    }
    if not (isinstance(value, ast.Call) and found.source.origin(value.func).rpartition(".")[2] == "field"):
        return found.source.value(value, local)
    options = _options(value)
    if "default_factory" in options:
        return UNKNOWN
    return found.source.value(options.get("default"), local) if "default" in options else REQUIRED


def _options(value: ast.expr | None) -> dict[str, ast.expr]:
    return {one.arg: one.value for one in value.keywords if one.arg} if isinstance(value, ast.Call) else {}


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is False
