"""A YAML file that a person wrote, read as nodes with line numbers and as values checked against a type."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter

from reprise.base import validated
from reprise.base.errors import Reason, WrongCall
from reprise.base.untrusted_text import compose, scalar, shorten, why_not_yaml

T = TypeVar("T")


@dataclass(frozen=True)
class Document:
    """A YAML file as nodes, which know their lines.

    Attributes:
        name: by which messages call it.
        content: its bytes.
        root: the topmost node; None where the file is empty.
    """

    name: str
    content: bytes
    root: yaml.Node | None

    def check(self, kind: TypeAdapter[T], *, nulls: bool = True) -> T:
        """Check the content against a type and return it as a value of that type.

        Args:
            kind: the type.
            nulls: whether `null`, or nothing after a colon, is a value.

        Raises:
            WrongCall: it is of another type; the first fault in the file is named.
        """
        try:
            value = _Plain(self.name, nulls).value(self.root, "") if self.root else None
        except RecursionError as error:
            raise WrongCall(f"{self.name}{why_not_yaml(error)}") from error
        return validated.check(value, kind, self.name, self.root)


def read(path: Path, name: str, title: str) -> Document:
    """Read a YAML file.

    Args:
        path: the file.
        name: by which messages about a line call it.
        title: by which they call it where it cannot be read at all.

    Raises:
        WrongCall: it cannot be read, or is no YAML.
    """
    try:
        content = path.read_bytes()
        return Document(name, content, compose(content.decode()))
    except OSError as error:
        raise WrongCall(f"{title} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise WrongCall(f"{title} is not UTF-8 at byte {error.start}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise WrongCall(f"{name}{why_not_yaml(error)}") from error


class _Plain:
    """Turns nodes into plain values. Keys are taken as they are written, so `on:` is no boolean."""

    def __init__(self, name: str, nulls: bool) -> None:  # noqa: FBT001
        self.name = name
        self.nulls = nulls

    def value(self, node: yaml.Node, key: str) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self.mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.value(item, key) for item in node.value]
        try:
            value = scalar(node) if isinstance(node, yaml.ScalarNode) else None
        except ValueError:
            raise self.wrong(node, key, f"{shorten(repr(node.value))} is no value") from None
        if value is None and not self.nulls:
            raise self.wrong(node, key, "has no value", "give one, or take it out")
        return value

    def mapping(self, node: yaml.MappingNode, key: str) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, content in node.value:
            if not isinstance(name, yaml.ScalarNode):
                raise self.wrong(name, key, "a name is wanted, not a list or mapping")
            below = f"{key}.{name.value}" if key else name.value
            if name.value in found:
                raise self.wrong(name, below, "stands here twice", "leave one of them out")
            found[name.value] = self.value(content, below)
        return found

    def wrong(self, node: yaml.Node, key: str, problem: str, remedy: str | None = None) -> WrongCall:
        return validated.wrong(validated.where(self.name, node), key, Reason(problem, remedy))
