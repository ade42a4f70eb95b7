"""Check values of a person's file against a type of pydantic. Messages name file, line, key and fault.

The type should be a dataclass whose fields have descriptions and bounds. Its own validators raise ValueError with the
words that follow the key in the message.
"""

import re
from typing import Any, TypeVar

import yaml
from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from reprise.base.errors import Reason, WrongCall
from reprise.base.untrusted_text import scalar, shorten

T = TypeVar("T")
Place = tuple[int | str, ...]

_KEY = "[key]"
"""What pydantic adds to the place of a mapping's key that is wrong itself."""

_OF_KEY = "of_key"
"""The type of a fault that a validator finds at a key below."""

_PAIRS = {"dataclass_type", "model_type", "model_attributes_type", "dict_type", "mapping_type"}
_UNKNOWN = {"extra_forbidden", "unexpected_keyword_argument"}
_UNABLE = ", unable to "  # pydantic adds it where a text is no number; the value itself says as much
_SAID = {"int_parsing_size": "should be a shorter number"}  # which pydantic words by itself
_READ_AS = ", read as "
_SUBJECT = re.compile(r"^\w+ (?=should )")


def fault(part: str | int, text: str) -> ValidationError:
    """Build what a validator raises where the fault lies at a key, or an item, of the value that it checks.

    Args:
        part: the key, or the item's number.
        text: the words that follow the key in the message.
    """
    said = PydanticCustomError(_OF_KEY, "{text}", {"text": text})
    return ValidationError.from_exception_data("", [{"type": said, "loc": (part,), "input": None}])


def check(value: Any, kind: TypeAdapter[T], name: str, root: yaml.Node | None = None) -> T:
    """Check plain values against a type.

    Args:
        value: lists, dicts and scalars, as JSON and YAML have them.
        kind: the type; it must have a JSON schema, which names the keys that are known.
        name: of what holds the values, for the message.
        root: the node that they were read from, where there is one; the message then names the line.

    Raises:
        WrongCall: they are of another type; the first fault is named.
    """
    try:
        return kind.validate_python(value)
    except ValidationError as error:
        faults = [_Fault(found, root) for found in error.errors(include_url=False)]
    first = min(faults, key=lambda fault: fault.rank)
    same = [fault for fault in faults if fault.place == first.place]
    raise wrong(where(name, first.node), first.key, _said(same, kind))


def wrong(place: str, key: str, reason: Reason) -> WrongCall:
    """Build the error that names a place, a key of it, and what is wrong there."""
    return WrongCall(f"{place}: {key + ': ' if key else ''}{reason.problem}", remedy=reason.remedy)


def where(name: str, node: yaml.Node | None) -> str:
    """Write the place of a node, for the beginning of a message."""
    return f"{name}, line {node.start_mark.line + 1}" if node else name


class _Fault:
    """What pydantic finds wrong at one place.

    Attributes:
        error: what it says.
        loc: where it says it is.
        place: names and numbers that lead to the value, without those that pydantic adds for parts of a type.
        node: the value's, or the key's where that is wrong; None where there are none.
    """

    def __init__(self, error: ErrorDetails, root: yaml.Node | None) -> None:
        self.error = error
        self.unknown = error["type"] in _UNKNOWN or error["loc"][-1:] == (_KEY,)
        self.loc = loc = tuple(part for part in error["loc"] if part != _KEY)
        of_key = self.unknown or error["type"] == _OF_KEY
        self.node: yaml.Node | None = None
        self.place: Place = loc
        if root is not None:
            self.node, self.place = follow(root, loc, to_key=of_key)
        if error["type"] == "missing":
            self.place = loc

    @property
    def rank(self) -> tuple[bool, int, int]:
        """The fault's place in the file; what is missing comes last, for it may stand there under a wrong name."""
        line, column = (self.node.start_mark.line, self.node.start_mark.column) if self.node else (0, 0)
        return self.error["type"] == "missing", line, column

    @property
    def key(self) -> str:
        """The names that lead to the value; the line tells which item of a list it is."""
        return ".".join(str(part) for part in self.place if isinstance(part, str) or self.node is None)


def follow(root: yaml.Node, loc: Place, *, to_key: bool) -> tuple[yaml.Node, Place]:
    """Find the node at a place, and the parts of the place that have nodes; the others are parts of a type.

    Args:
        root: the topmost node.
        loc: names and numbers that lead to the place.
        to_key: whether the node of the key is wanted, and not that of its value.
    """
    node = key = root
    place: list[int | str] = []
    for part in loc:
        below = _below(node, part)
        if below:
            key, node = below
            place.append(part)
    return key if to_key else node, tuple(place)


def _below(node: yaml.Node, part: int | str) -> tuple[yaml.Node, yaml.Node] | None:
    """Find key and value below a node; an item of a list is its own key."""
    if isinstance(node, yaml.MappingNode):
        return next((pair for pair in reversed(node.value) if pair[0].value == part), None)  # JSON takes the last one
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None


def _said(faults: list[_Fault], kind: TypeAdapter[Any]) -> Reason:
    """Return what is wrong at one place."""
    first = faults[0]
    error, found = first.error, first.error["type"]
    if first.unknown:
        return Reason("unknown", f"known here: {', '.join(_known(kind.json_schema(), first.loc))}")
    if found == "value_error":
        return Reason(str(error["ctx"]["error"]))
    said = {"missing": "is missing", _OF_KEY: error["msg"]}.get(found)
    return Reason(said) if said else _of_value(found, _shown(first), [fault.error for fault in faults])


def _of_value(found: str, value: str, errors: list[ErrorDetails]) -> Reason:
    """Return what is wrong with a value, which is shown as it is given here."""
    if found in _PAIRS:
        return Reason(f"`name: value` pairs are wanted, not {value}")
    if found == "string_type":
        return Reason(f"{value} is not text", "quote it")
    if found == "bool_type":
        return Reason(f"{value} is neither true nor false")
    return Reason(f"{value} {wanted(errors)}", "quote it if it is text" if _READ_AS in value else None)


def wanted(errors: list[ErrorDetails]) -> str:
    """Return one line on what a value should be, from all that pydantic finds wrong with it."""
    texts = dict.fromkeys(
        _SAID.get(error["type"]) or _SUBJECT.sub("", error["msg"].partition(_UNABLE)[0]) for error in errors
    )
    first, *others = texts
    return ", or ".join([first, *(text.removeprefix("should be ") for text in others)])


def _shown(fault: _Fault) -> str:
    """Show a value, and how it is written where YAML reads it as something that one may not expect."""
    value = fault.error["input"]
    if not isinstance(fault.node, yaml.ScalarNode):
        return shorten(repr(value))
    value = scalar(fault.node)
    shown = shorten(repr(value))
    expected = type(value) in (int, float, str) or shown.casefold() == fault.node.value.casefold()
    return shown if expected else f"{fault.node.value!r}{_READ_AS}{shown},"


def _known(schema: dict[str, Any], loc: Place) -> list[str]:
    """List the keys that a JSON schema knows where an unknown one stands."""
    part = _composed(schema, schema)
    for name in loc[:-1]:
        others = part.get("items" if isinstance(name, int) else "additionalProperties")
        below = part.get("properties", {}).get(name) or others or part  # else it is a part of the type
        part = _composed(below, schema)
    return [*part.get("properties", part.get("propertyNames", {}).get("enum", []))]


def _composed(part: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """Follow a reference, or a choice to that part of it that has keys or items."""
    if "$ref" in part:
        part = schema["$defs"][part["$ref"].rpartition("/")[2]]
    choices = [_composed(choice, schema) for choice in part.get("anyOf", [])]
    return next((choice for choice in choices if choice.get("type") in ("object", "array")), part)
