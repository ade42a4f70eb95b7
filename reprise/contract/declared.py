"""The parameters of a script, read from its text: also where what it imports is not installed, as in the launcher."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNKNOWN = object()
"""The default of a parameter that is no literal."""


@dataclass(frozen=True)
class Declared:
    """A parameter as its script or model.py writes it.

    Attributes:
        name: as Python spells it.
        annotation: its type, as text.
        default: its default; `UNKNOWN` where that is computed, None also where there is none.
        help: the string under it, in one line, or none.
    """

    name: str
    annotation: str
    default: Any
    help: str = ""


def declared(script: Path) -> list[Declared] | None:
    """List the parameters of the function that has a script's name, a dataclass of a module beside it by its fields.

    Returns:
        None where there is no such function, or a dataclass that it takes is not where it is imported from.
    """
    tree = _parse(script)
    function = next((one for one in _body(tree) if isinstance(one, ast.FunctionDef) and one.name == script.stem), None)
    if function is None:
        return None
    imported = {
        alias.asname or alias.name: (script.with_name(f"{node.module}.py"), alias.name)
        for node in _body(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    found: list[Declared] = []
    for argument, default in _arguments(function):
        annotation = ast.unparse(argument.annotation) if argument.annotation else ""
        place, name = imported.get(annotation, (script, annotation))
        fields = list(_fields(place, name))
        if not fields and place != script and place.is_file():
            return None
        found += fields or [Declared(argument.arg, annotation, _literal(default))]
    return found


def _arguments(function: ast.FunctionDef) -> Iterator[tuple[ast.arg, ast.expr | None]]:
    given = function.args
    positional = [*given.posonlyargs, *given.args]
    required: list[ast.expr | None] = [None] * (len(positional) - len(given.defaults))
    yield from zip(positional, [*required, *given.defaults], strict=True)
    yield from zip(given.kwonlyargs, given.kw_defaults, strict=True)


def _fields(path: Path, name: str) -> Iterator[Declared]:
    """List the fields of a class of a module; none where it has no such class."""
    for node in _body(_parse(path)):
        if isinstance(node, ast.ClassDef) and node.name == name:
            for here, following in zip(node.body, [*node.body[1:], ast.Pass()], strict=True):
                if isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name):
                    text = following.value if isinstance(following, ast.Expr) else None
                    help_ = " ".join(str(text.value).split()) if isinstance(text, ast.Constant) else ""
                    yield Declared(here.target.id, ast.unparse(here.annotation), _literal(here.value), help_)


def _literal(node: ast.expr | None) -> Any:
    if node is None:
        return None
    try:
        return ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return UNKNOWN


def _parse(path: Path) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError):  # whoever runs it says what is wrong
        return None


def _body(tree: ast.Module | None) -> list[ast.stmt]:
    return tree.body if tree else []
