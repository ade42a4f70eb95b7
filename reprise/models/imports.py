"""The imports of a Python file, read from its text without running it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from reprise.base.errors import JobFailed


@dataclass
class Imports:
    """The imports of a module.

    Attributes:
        eager: dotted names that importing it imports too.
        lazy: those that it imports later, as within a function, or can do without, as in a `try`.
        asked: those of both that may be a module or only a name in one, with that module and that name.
        homes: of a package whose names are imported as they are asked for, name -> module that type checkers are told.
    """

    eager: set[str] = field(default_factory=set)
    lazy: set[str] = field(default_factory=set)
    asked: dict[str, tuple[str, str]] = field(default_factory=dict)
    homes: dict[str, str] = field(default_factory=dict)


def read_imports(path: Path, name: str) -> Imports:
    """Read what a module imports.

    Args:
        path: its file.
        name: its dotted name, which relative imports start from.

    Raises:
        JobFailed: it is not Python.
    """
    try:
        tree = ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError, RecursionError) as error:
        raise JobFailed(f"{path} is no Python that can be read, and the model needs it: {error}") from error
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found = Imports()
    for node, is_lazy in _nodes(tree):
        _take(node, package, found, is_lazy=is_lazy)
    bound = {name.partition(".")[0] for name in found.eager | found.lazy}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in bound:
            found.asked.setdefault(f"{node.value.id}.{node.attr}", (node.value.id, node.attr))
    return found


def _nodes(tree: ast.Module) -> Iterator[tuple[ast.AST, bool]]:
    """List all nodes that an import of the module may reach, and whether it only may."""
    waiting: list[tuple[ast.AST, bool]] = [(node, False) for node in tree.body]
    while waiting:
        node, is_lazy = waiting.pop()
        test = ast.unparse(node.test) if isinstance(node, ast.If) else ""
        if isinstance(node, ast.If) and "__name__" in test:  # `if __name__ == "__main__"` is of a script
            waiting += [(child, is_lazy) for child in node.orelse]
            continue
        if isinstance(node, ast.If) and test.rpartition(".")[2] == "TYPE_CHECKING":
            yield ast.Module([child for child in node.body if isinstance(child, ast.ImportFrom)], []), True
            waiting += [(child, is_lazy) for child in node.orelse]
            continue
        yield node, is_lazy
        inside = is_lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.Try))
        waiting += [(child, inside) for child in ast.iter_child_nodes(node)]


def _take(node: ast.AST, package: str, found: Imports, *, is_lazy: bool) -> None:
    names = found.lazy if is_lazy else found.eager
    if isinstance(node, ast.Module):  # what only type checkers import
        for line in node.body:
            if isinstance(line, ast.ImportFrom):
                found.homes |= {alias.asname or alias.name: _base(line, package) for alias in line.names}
    elif isinstance(node, ast.Import):
        names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
        base = _base(node, package)
        names.add(base)
        found.asked |= {f"{base}.{alias.name}": (base, alias.name) for alias in node.names}
    elif isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
        called, value = ast.unparse(node.func).rpartition(".")[2], node.args[0].value
        if called in ("import_module", "__import__") and isinstance(value, str) and not value.startswith("."):
            names.add(value)


def _base(node: ast.ImportFrom, package: str) -> str:
    """Return the dotted name of what names are imported from."""
    if not node.level:
        return node.module or ""
    parts = package.split(".")
    above = parts[: len(parts) - node.level + 1]
    return ".".join([*above, *([node.module] if node.module else [])])
