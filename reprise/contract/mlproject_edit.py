"""Correct one parameter in the text of MLproject, and leave all other text as it is."""

import re
from collections.abc import Iterator
from typing import Any

import yaml

from reprise.base import untrusted_text
from reprise.contract import entry_points
from reprise.contract.parameter_difference import TO_FILL, ParameterDifference

INDENT = 6
"""Spaces before a parameter of an entry point, where there is none yet to follow."""

WIDER = ("int", "float", "string")
"""MLflow's types, each of which takes what those before it take."""


class NotEdited(Exception):  # noqa: N818  it is no error of the text's
    """The text is written in a way that is not edited."""


def amend(text: str, found: ParameterDifference) -> str:
    """Correct one parameter.

    Raises:
        NotEdited: the text is written otherwise than in the forms that are known here.
    """
    if not found.line:
        return _without(_recommanded(text, found, _take_out), found)
    if found.option:
        text = _recommanded(text, found, _put_in)
    return _with(text, found)


def amended(text: str, found: list[ParameterDifference]) -> Any:
    """Return what a text should load as, once it is amended.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    content = _apart(untrusted_text.load_yaml(text))
    names = entry_points.names(text)
    for one in found:
        for name in names[one.entry_point]:
            entry = content["entry_points"][name]
            given = entry["parameters"] = entry.get("parameters") or {}
            if one.line:
                given[one.parameter] = _value(given.get(one.parameter), yaml.safe_load(one.line)[one.parameter])
            else:
                given.pop(one.parameter, None)
            if one.option:
                change = _put_in if one.line else _take_out
                entry["command"] = change(str(entry["command"]), one)
    return content


def _value(old: Any, new: dict[str, Any]) -> Any:
    """Change an entry's default, and its type if that does not take it."""
    if not isinstance(old, dict):
        return new if old is None else old
    if old.get("default") is None or new.get("default", TO_FILL) == TO_FILL:
        return old
    kind = _type(old.get("type"), new["type"])
    return {**old, "default": new["default"], **({"type": kind} if kind else {})}


def _type(old: Any, new: str) -> Any:
    return new if old in WIDER and WIDER.index(new) > WIDER.index(old) else old


def _apart(value: Any) -> Any:
    """Copy what was loaded, without anything that two places share."""
    if isinstance(value, dict):
        return {key: _apart(one) for key, one in value.items()}
    return [_apart(one) for one in value] if isinstance(value, list) else value


def _put_in(command: str, found: ParameterDifference) -> str:
    own = entry_points.call(command)
    if own is None:
        raise NotEdited
    return f"{own} {found.option}{command[len(own) :]}"


def _take_out(command: str, found: ParameterDifference) -> str:
    own = entry_points.call(command)
    pattern = rf"[ \t]*(?:\\\r?\n[ \t]*)?{entry_points.option(found.parameter)}"
    if own is None or (changed := re.sub(pattern, "", own, count=1)) == own:
        raise NotEdited
    changed += command[len(own) :]
    if entry_points.uses(changed, found.parameter):
        raise NotEdited
    return changed


def _recommanded(text: str, found: ParameterDifference, change: Any) -> str:
    """Change a command in place. Use the first possible edit after which the text loads as intended."""
    node = entry_points.entry_point(text, found.entry_point)
    place = entry_points.mapping(node).get("command")
    if place is None:
        raise NotEdited
    command = entry_points.command(node)
    wanted = loosely(change(command, found))
    begin, end = place.start_mark.index, place.end_mark.index
    for changed in _candidates(text[begin:end], command, found):
        new = f"{text[:begin]}{changed}{text[end:]}"
        if loosely(entry_points.command(entry_points.entry_point(new, found.entry_point))) == wanted:
            return new
    raise NotEdited


def _candidates(source: str, command: str, found: ParameterDifference) -> Iterator[str]:
    if found.line:
        last = ((entry_points.call(command) or "").split() or [""])[-1]
        for place in reversed([*re.finditer(re.escape(last), source)]):
            yield f"{source[: place.end()]} {found.option}{source[place.end() :]}"
        return
    option = re.escape(found.option)
    for pattern in (rf"[ \t]*(?:\\\n[ \t]*)?{option}", rf"\s*{option}", rf"{option}[ \t]?"):
        for place in re.finditer(rf"{pattern}(?![\w-])", source):
            yield f"{source[: place.start()]}{source[place.end() :]}"


def loosely(command: Any) -> Any:
    """Take spaces for one space, and those at a line's ends for none."""
    return re.sub(r" *\n *", "\n", re.sub(r"[ \t]+", " ", command)).strip() if isinstance(command, str) else command


def _pair(node: yaml.Node | None, name: str) -> tuple[yaml.Node, yaml.Node]:
    """Find a key that a mapping has of its own, and its value, which stands behind it and not elsewhere."""
    pairs = node.value if isinstance(node, yaml.MappingNode) else []
    for key, value in pairs:
        if key.value == name and value.start_mark.index >= key.end_mark.index:
            return key, value
    raise NotEdited


def _own_line(text: str, key: yaml.Node) -> int:
    """Find where the line begins on which a key stands first."""
    begin = text.rfind("\n", 0, key.start_mark.index) + 1
    if text[begin : key.start_mark.index].strip(" "):
        raise NotEdited
    return begin


def _next_line(text: str, key: yaml.Node, value: yaml.Node) -> int:
    """Find where the line behind a value begins; behind the text, if it is the last."""
    found = text.find("\n", _end(text, key, value))
    return len(text) if found < 0 else found + 1


def _end(text: str, key: yaml.Node, value: yaml.Node) -> int:
    """Find the end of a value. For a block, YAML marks the beginning of the next one."""
    if value.start_mark.index < key.end_mark.index:  # an alias: the value stands elsewhere
        return int(key.end_mark.index)
    if isinstance(value, yaml.MappingNode) and not value.flow_style and value.value:
        return max(_end(text, *pair) for pair in value.value)
    if isinstance(value, yaml.SequenceNode) and not value.flow_style and value.value:
        return max(_end(text, key, one) for one in value.value)
    end = int(value.end_mark.index)
    return len(text[:end].rstrip()) if isinstance(value, yaml.ScalarNode) and value.style in ("|", ">") else end


def _insert(text: str, place: int, *lines: str) -> str:
    before = text[:place] if not place or text[:place].endswith("\n") else f"{text[:place]}\n"
    return before + "".join(f"{line}\n" for line in lines) + text[place:]


def _without(text: str, found: ParameterDifference) -> str:
    """Remove the lines of a parameter. Leave an empty mapping for the last one, as MLflow needs it."""
    node = entry_points.entry_point(text, found.entry_point)
    above, given = _pair(node, "parameters")
    key, value = _pair(given, found.parameter)
    if not isinstance(given, yaml.MappingNode) or given.flow_style:
        raise NotEdited
    text = text[: _own_line(text, key)] + text[_next_line(text, key, value) :]
    if len(given.value) > 1:
        return text
    colon = text.find(":", above.end_mark.index) + 1
    return f"{text[:colon]} {{}}{text[colon:]}"


def _with(text: str, found: ParameterDifference) -> str:
    """Ensure that a parameter is there, with its default."""
    node = entry_points.entry_point(text, found.entry_point)
    if found.parameter in entry_points.parameters(node):
        return _with_default(text, entry_points.parameters(node)[found.parameter], found)
    if "parameters" not in entry_points.mapping(node):
        if not isinstance(node, yaml.MappingNode) or node.flow_style or not node.value:
            raise NotEdited
        first = node.value[0][0]
        column = first.start_mark.column
        lines = (f"{' ' * column}parameters:", f"{' ' * max(INDENT, column + 2)}{found.line}")
        return _insert(text, _own_line(text, first), *lines)
    above, given = _pair(node, "parameters")
    if not given.value or (isinstance(given, yaml.ScalarNode) and given.tag == entry_points.NULL):
        begin, end = given.start_mark.index, given.end_mark.index
        indent = max(INDENT, above.start_mark.column + 2)
        text = f"{text[:begin].rstrip(' ') if end > begin else text[:begin]}{text[end:]}"
        after = text.find("\n", above.end_mark.index)
        return _insert(text, len(text) if after < 0 else after + 1, f"{' ' * indent}{found.line}")
    if not isinstance(given, yaml.MappingNode) or given.flow_style:
        raise NotEdited
    key, value = given.value[-1]
    return _insert(text, _next_line(text, key, value), f"{' ' * key.start_mark.column}{found.line}")


def _with_default(text: str, entry: yaml.Node, found: ParameterDifference) -> str:
    """Change a parameter's default where it differs, and its type where that does not take it."""
    new = yaml.safe_load(found.line)[found.parameter]
    if new.get("default", TO_FILL) == TO_FILL or entry_points.default(entry) is None:
        return text
    changes = [(_pair(entry, "default")[1], _flow_scalar(found.line.partition("default: ")[2]))]
    old = entry_points.mapping(entry).get("type")
    if isinstance(old, yaml.ScalarNode) and _type(old.value, new["type"]) != old.value:
        changes.append((_pair(entry, "type")[1], new["type"]))
    for place, value in sorted(changes, key=lambda change: -change[0].start_mark.index):
        text = f"{text[: place.start_mark.index]}{value}{text[place.end_mark.index :]}"
    return text


def _flow_scalar(text: str) -> str:
    """Cut one value off the front of a flow mapping's rest."""
    found = re.match(r'"(?:\\.|[^"\\])*"|[^}]*', text)
    return found[0] if found else text
