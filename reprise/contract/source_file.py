"""Resolve names in a Python file, and in the files beside it, without running them."""

import ast
import builtins
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from reprise.base import engine

UNKNOWN = object()
"""A default that is no literal, and no constant that is one."""

REQUIRED = object()
"""No default at all."""

PLAIN: Literal["plain"] = "plain"
"""A type whose value is one word on a command line."""

PLAIN_PACKAGES = {*sys.stdlib_module_names, "pydantic", "typing_extensions", "annotated_types"}
"""Packages whose types are no dataclasses of parameters."""

OPTIONS_FILE = "contract/parameters.py"
"""The file of the engine that defines its own dataclasses of parameters."""

DEEPEST = 20
"""Names that stand for names, at most."""


@dataclass(frozen=True)
class Definition:
    """A class, and the file that it is in."""

    source: "SourceFile"
    node: ast.ClassDef


Type = Definition | Literal["plain"] | None
"""A class of the project, a plain type, or None if it is unknown."""


@dataclass(frozen=True)
class SourceFile:
    """A file of the project's.

    Attributes:
        path: where it is.
        root: the folder from which its imports are looked up.
        tree: its text, parsed.
    """

    path: Path
    root: Path
    tree: ast.Module

    @staticmethod
    def read(path: Path, root: Path | None = None) -> "SourceFile | None":
        """Read a file. Return None if it is not valid Python; running it will report the error."""
        try:
            return SourceFile(path, root or path.parent, ast.parse(path.read_bytes()))
        except (OSError, SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def resolve(self, node: ast.expr | None, depth: int = 0) -> Type:
        """Return the type of an annotation or a base class."""
        if node is None or (isinstance(node, ast.Constant) and not isinstance(node.value, str)):
            return PLAIN
        if depth > DEEPEST:
            return None
        if isinstance(node, ast.Constant):
            return self._quoted(str(node.value), depth)
        if isinstance(node, ast.BinOp):
            sides = {self.resolve(side, depth + 1) == PLAIN for side in (node.left, node.right)}
            return PLAIN if sides == {True} else None
        if isinstance(node, ast.Subscript):
            return self._subscript(node, depth)
        return self._named(self.origin(node), depth) if isinstance(node, ast.Name | ast.Attribute) else None

    def origin(self, node: ast.expr) -> str:
        """Write a name as it is called where it comes from: `dataclasses.field` for an imported `field`."""
        text = ast.unparse(node)
        first, dot, rest = text.partition(".")
        return f"{self._imports().get(first, first)}{dot}{rest}"

    def value(self, node: ast.expr | None, local: Collection[str] = ()) -> Any:
        """Read a default: a literal, or a name that is bound once, at the file's top, to one.

        Args:
            node: the default.
            local: names that stand for something else where the default stands.
        """
        return REQUIRED if node is None else self._value(node, local, 0)

    def _value(self, node: ast.expr, local: Collection[str], depth: int) -> Any:
        if isinstance(node, ast.Name) and node.id not in local and depth <= DEEPEST:
            bound = self._bound_once(node.id)
            return self._value(bound, (), depth + 1) if bound is not None else UNKNOWN
        try:
            return ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
            return UNKNOWN

    def _bound_once(self, name: str) -> ast.expr | None:
        nodes = list(ast.walk(self.tree))
        used = [one for one in nodes if isinstance(one, ast.Name) and one.id == name]
        stored = [one for one in used if isinstance(one.ctx, ast.Store)]
        named = [one for one in nodes if getattr(one, "name", None) == name or getattr(one, "asname", None) == name]
        if len(stored) != 1 or named:
            return None
        return next((value for target, value in _assignments(self.tree.body) if target is stored[0]), None)

    def _quoted(self, text: str, depth: int) -> Type:
        try:
            return self.resolve(ast.parse(text, mode="eval").body, depth + 1)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None

    def _subscript(self, node: ast.Subscript, depth: int) -> Type:
        inner = node.slice.elts[0] if isinstance(node.slice, ast.Tuple) and node.slice.elts else node.slice
        kind = self.origin(node.value).rpartition(".")[2]
        if kind == "Annotated":
            return self.resolve(inner, depth + 1)
        if kind == "Optional":
            return PLAIN if self.resolve(inner, depth + 1) == PLAIN else None
        return PLAIN if self.resolve(node.value, depth + 1) == PLAIN else None

    def _named(self, origin: str, depth: int) -> Type:
        package, _, name = origin.rpartition(".")
        if not package:
            return self._here(name, depth)
        root = origin.partition(".")[0]
        if root == engine.PACKAGE.name:
            return self._option_group(name) or PLAIN
        if not package.startswith("."):
            beside = self._module(self.root, package)
            if beside is None and root in PLAIN_PACKAGES:
                return PLAIN
        else:
            level = len(package) - len(package.lstrip("."))
            folder = self.path.parents[min(level, len(self.path.parents)) - 1]
            beside = self._module(folder, package.lstrip("."))
        source = SourceFile.read(beside, self.root) if beside else None
        return source._here(name, depth + 1) if source else None  # noqa: SLF001  another of this class

    def _option_group(self, name: str) -> Type:
        """Return a dataclass of the engine that this project carries, else of this one; None for any other name."""
        carried = self.root / engine.PACKAGE.name / OPTIONS_FILE
        source = SourceFile.read(carried if carried.is_file() else engine.PACKAGE / OPTIONS_FILE, self.root)
        return source._here(name, 0) if source else None  # noqa: SLF001  another of this class

    def _here(self, name: str, depth: int) -> Type:
        """Return the type of a name in this file."""
        if depth > DEEPEST:
            return None
        classes = [one for one in _statements(self.tree.body) if isinstance(one, ast.ClassDef) and one.name == name]
        values = [value for target, value in _assignments(self.tree.body) if target.id == name]
        if len(classes) + len(values) > 1:
            return None
        if classes:
            return Definition(self, classes[0])
        if values:
            return self.resolve(values[0], depth + 1)
        imported = self._imports().get(name)
        if imported:
            return self._named(imported, depth + 1)
        return PLAIN if isinstance(getattr(builtins, name, None), type) else None

    def _imports(self) -> dict[str, str]:
        found: dict[str, str] = {}
        for node in _statements(self.tree.body):
            if isinstance(node, ast.ImportFrom):
                start = "." * node.level + (f"{node.module}." if node.module else "")
                found |= {alias.asname or alias.name: f"{start}{alias.name}" for alias in node.names}
            elif isinstance(node, ast.Import):
                found |= {alias.asname: alias.name for alias in node.names if alias.asname}
                found |= {alias.name.partition(".")[0]: alias.name.partition(".")[0] for alias in node.names}
        return found

    @staticmethod
    def _module(folder: Path, name: str) -> Path | None:
        place = folder.joinpath(*name.split(".")) if name else folder
        files = [place.with_name(f"{place.name}.py"), place / "__init__.py"]
        return next((file for file in files if file.is_file()), None)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """List a file's statements, those in an `if` or a `try` too."""
    for one in body:
        yield one
        if isinstance(one, ast.If | ast.Try):
            handlers = [part for handler in getattr(one, "handlers", []) for part in handler.body]
            yield from _statements([*one.body, *one.orelse, *handlers, *getattr(one, "finalbody", [])])


def _assignments(body: list[ast.stmt]) -> Iterator[tuple[ast.Name, ast.expr]]:
    for one in body:
        targets = one.targets if isinstance(one, ast.Assign) else [one.target] if isinstance(one, ast.AnnAssign) else []
        value = one.value if isinstance(one, ast.Assign | ast.AnnAssign) else None
        for target in targets:
            if isinstance(target, ast.Name) and value is not None:
                yield target, value
