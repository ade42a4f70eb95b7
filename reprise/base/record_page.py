"""Generate docs/engine/record.md, the list of every tag, file and key of a record, from docstrings.

`python -m reprise.base.record_page --write` renews it.
"""

import ast
import inspect
import re
import sys
import typing
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from types import ModuleType, NoneType, UnionType
from typing import Any

from reprise.base import artifact, record, tag
from reprise.base.terminal import say

PAGE = Path(__file__).resolve().parent.parent.parent / "docs/engine/record.md"

_ON = re.compile(r"On (.+?), by (.+?): (.+)")
_BY = re.compile(r"By (.+?): (.+)")
_KINDS = {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}

_HEAD = f"""# What a run records

A record outlives the code that wrote it: no name on this page ever changes its meaning. The page is written from
`reprise/base/tag.py`, `reprise/base/artifact.py` and `reprise/base/record.py` by
`python -m reprise.base.record_page --write`. [Provenance](../provenance.md) says what the record is for.

## Tags

Names with braces stand for many.

{{tags}}

## MLflow's own tags

{{mlflow}}

## Parameters

MLflow logs the parameters of an entry point itself. What a value such as `auto` came to stands under a name of its own.

{{parameters}}

## Artifacts

{{artifacts}}

## provenance.json

Its format is {record.FORMAT}, and a newer one is refused. A key marked *always* is in every record, so a file without
it is no record. Any other key may be missing in a record of an earlier version. Keys that are not listed are left
alone. `[]` stands for each item of a list.

{{keys}}
"""


def page() -> str:
    """Write the page."""
    rows = [(f"`{value}`", *_split(_ON, text, name)) for name, value, text in _constants(tag)]
    sides = {"tags": "`reprise.", "mlflow": "`mlflow.", "parameters": "`resolved."}
    tables = {
        name: _table(("name", "on", "written by", "value"), [row for row in rows if row[0].startswith(start)])
        for name, start in sides.items()
    }
    files = [(f"`{value}`", *_split(_BY, text, name)) for name, value, text in _constants(artifact)]
    tables["artifacts"] = _table(("path", "written by", "content"), files)
    tables["keys"] = _table(("key", "kind", "", "meaning"), list(_keys(record.Record, "")))
    return _HEAD.format(**tables)


def _constants(module: ModuleType) -> Iterator[tuple[str, str, str]]:
    """List the texts that a module names: name, value and what stands below it."""
    for name, text in _described(ast.parse(inspect.getsource(module)).body):
        value = getattr(module, name)
        if isinstance(value, str):
            yield name, value, text


def _described(body: list[ast.stmt]) -> Iterator[tuple[str, str]]:
    """List the names of a module or class that a text follows."""
    for named, text in pairwise(body):
        target = named.targets[0] if isinstance(named, ast.Assign) else getattr(named, "target", None)
        if isinstance(target, ast.Name) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
            yield target.id, " ".join(str(text.value.value).split())


def _split(pattern: re.Pattern[str], text: str, name: str) -> tuple[str, ...]:
    """Take a text apart.

    Raises:
        ValueError: it does not say what it has to.
    """
    found = pattern.fullmatch(text)
    if found is None:
        raise ValueError(f"{name} is described by {text!r}; write {pattern.pattern}")
    *others, said = found.groups()
    return (*others, said[:1].upper() + said[1:])


def _keys(schema: Any, above: str) -> Iterator[tuple[str, str, str, str]]:
    """List the keys of an object, and below each those of what it holds."""
    texts = _texts()
    for name, kind in typing.get_type_hints(schema).items():
        key = f"{above}{name}"
        yield f"`{key}`", _kind(kind), "always" if _is_always_there(key) else "", texts[name, schema.__name__]
        inside = typing.get_args(kind)[0] if typing.get_origin(kind) is list else kind
        if typing.is_typeddict(inside):
            yield from _keys(inside, f"{key}." if inside is kind else f"{key}[].")


def _texts() -> dict[tuple[str, str], str]:
    """Read what stands below each key: (key, schema) -> text. A schema has those of the one that it is made from."""
    found: dict[tuple[str, str], str] = {}
    for node in ast.parse(inspect.getsource(record)).body:
        if isinstance(node, ast.ClassDef):
            bases = {base.id for base in node.bases if isinstance(base, ast.Name)}
            found |= {(key, node.name): text for (key, schema), text in found.items() if schema in bases}
            found |= {(key, node.name): text for key, text in _described(node.body)}
    return found


def _kind(hint: Any) -> str:
    """Name a kind of value in JSON's words."""
    origin, parts = typing.get_origin(hint), typing.get_args(hint)
    if origin is UnionType:
        return " or ".join(map(_kind, parts))
    if origin is list:
        return f"list of {_several(parts[0])}"
    if origin is dict:
        return f"object of {_several(parts[1])}"
    return "object" if typing.is_typeddict(hint) else _KINDS[hint]


def _several(hint: Any) -> str:
    return " or ".join(f"{kind}s" for kind in _kind(hint).split(" or "))


def _is_always_there(key: str) -> bool:
    return any(whole == key or whole.startswith(f"{key}.") for whole in record.WHOLE)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    cells = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in cells)


def _main(arguments: list[str]) -> int:
    """Print the page, or write it."""
    if arguments == ["--write"]:
        if not PAGE.parent.is_dir():  # an installed package has no pages
            say(f"Error: there is no folder {PAGE.parent}; write the page in a checkout of the engine", err=True)
            return 1
        PAGE.write_text(page(), encoding="utf-8", newline="\n")
        say(f"wrote {PAGE}")
        return 0
    if arguments:
        say("Usage: python -m reprise.base.record_page [--write]", err=True)
        return 2
    say(*page().splitlines())
    return 0


if __name__ == "__main__":
    sys.exit(_main(sys.argv[1:]))
