"""MLproject and the scripts that it starts: do they name the same parameters, with the same defaults?"""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

from reprise.base import project, yaml_nodes
from reprise.base.errors import WrongCall
from reprise.base.spelling import as_text
from reprise.contract.command import spelling
from reprise.contract.declared import UNKNOWN, Declared, declared

INDENT = 6
"""Spaces before a parameter of an entry point, where there is none yet to follow."""


@dataclass(frozen=True)
class Disagreement:
    """A parameter on which MLproject and a script differ.

    Attributes:
        entry_point: the first that has it.
        parameter: as the script has it.
        reason: what differs.
        line: the line that MLproject should have; empty where the script takes no such parameter.
        option: what its command should hold more, or no more; empty where that is right.
    """

    entry_point: str
    parameter: str
    reason: str
    line: str
    option: str

    @property
    def problem(self) -> str:
        """What differs, in a line."""
        return f"{self.entry_point} {self.reason}"

    @property
    def edit(self) -> str:
        """What to write into MLproject."""
        if not self.line:
            return f"take it out of its parameters and {self.option} out of its command"
        also = f"   and into its command {self.option}" if self.option else ""
        return f"write into its parameters   {self.line}{also}"

    @property
    def done(self) -> str:
        """What was written, once it is."""
        return f"{self.entry_point}: {self.line or f'{self.parameter} is taken out'}"

    def __str__(self) -> str:
        """Say what differs, and what to write."""
        return f"MLproject: {self.problem}; reprise sync mends it, or {self.edit}"


def notes(script: str) -> list[str]:
    """Say, a line each, where MLproject and the script that runs differ; nothing for a script that it does not start.

    Args:
        script: its path, as in sys.argv[0].
    """
    path = Path(script)
    if path.suffix != ".py" or project.mlproject_in(project.FOLDER) is None:
        return []
    return [str(one) for one in disagreements(project.FOLDER) if _starts(project.FOLDER, one.entry_point) == path.name]


def disagreements(folder: Path) -> list[Disagreement]:
    """Compare a project's MLproject with the scripts at its top that its entry points start.

    Returns:
        Parameters that MLproject lacks or has too many, and defaults that differ; an entry point that is another's YAML
        alias is looked at once.
    """
    text = _read(folder)
    return list(_compare(folder, text)) if text else []


def synchronised(folder: Path) -> tuple[str, list[Disagreement]]:
    """Write MLproject as it should be, all that it holds beside kept as it is.

    Returns:
        The text, and what was mended.
    """
    text, mended = _read(folder), list[Disagreement]()
    while found := [one for one in _compare(folder, text) if (one.entry_point, one.parameter) not in _keys(mended)]:
        text = _mend(text, found[0])
        mended.append(found[0])
    return text, mended


def write(folder: Path, text: str) -> None:
    """Write a project's MLproject as a whole: nobody reads half of it."""
    path = project.mlproject_in(folder)
    if path is None:
        raise WrongCall(f"{folder} has no MLproject; work in a project's folder")
    spare = path.with_name(f".{path.name}.new")
    spare.write_text(text, encoding="utf-8")
    spare.replace(path)


def _keys(found: list[Disagreement]) -> set[tuple[str, str]]:
    return {(one.entry_point, one.parameter) for one in found}


def _read(folder: Path) -> str:
    path = project.mlproject_in(folder)
    return path.read_text(encoding="utf-8") if path else ""


def _compare(folder: Path, text: str) -> Iterator[Disagreement]:
    for name, node in _entry_points(text).items():
        script = _script(folder, node)
        parameters = declared(script) if script else None
        given, command = _parameters(node), _command(node)
        for one in parameters or []:
            if found := _differs(name, one, given, command):
                yield found
        for extra in sorted({*given} - {one.name for one in parameters}) if parameters else []:
            if re.search(_option(extra), command):
                reason = f"gives {extra}, which the script does not take"
                yield Disagreement(name, extra, reason, "", f"{spelling(extra)}={{{extra}}}")


def _differs(entry_point: str, one: Declared, given: dict[str, yaml.Node], command: str) -> Disagreement | None:
    option = "" if _passes(command, one.name) else f"{spelling(one.name)}={{{one.name}}}"
    known = one.default is not UNKNOWN
    if one.name not in given:
        reason = f"lacks {one.name}, which {'has a default that is computed' if not known else 'the script takes'}"
    elif option:
        reason = f"does not hand {one.name} on"
    elif known and one.default is not None and not _same(_default(given[one.name]), one.default):
        reason = f"gives {one.name} the default {_default(given[one.name])}, the script {as_text(one.default)}"
    else:
        return None
    return Disagreement(entry_point, one.name, reason, _line(one), option)


def _line(one: Declared) -> str:
    kind = _kind(one)
    if one.default is UNKNOWN or (one.default is None and "None" not in one.annotation):
        return f"{one.name}: {{type: {kind}}}"
    text = as_text(one.default)
    shown = text if kind in ("float", "int") else yaml.safe_dump(text, default_flow_style=True, width=4096)
    shown = shown.removesuffix("\n").removesuffix("\n...").strip()
    return f"{one.name}: {{type: {kind}, default: {_quoted(shown)}}}" + (f"  # {one.help}" if one.help else "")


def _quoted(shown: str) -> str:
    return f'"{shown}"' if re.search(r"[,{}\[\]#:]", shown) and shown[0] not in "'\"" else shown


def _kind(one: Declared) -> str:
    """Name the type as MLproject does: a number that may also be a word is a string there."""
    if isinstance(one.default, bool) or not isinstance(one.default, int | float):
        return "string"
    words = re.search(r"\b(Literal|str|None)\b", one.annotation)
    if words:
        return "string"
    return "float" if isinstance(one.default, float) or re.search(r"\bfloat\b", one.annotation) else "int"


def _same(given: str | None, default: object) -> bool:
    if given is None:
        return False
    if isinstance(default, int | float) and not isinstance(default, bool):
        try:
            return float(given) == float(default)
        except ValueError:
            return False
    truths = {"yes": "yes", "true": "yes", "no": "no", "false": "no"}
    if isinstance(default, bool):
        return truths.get(given.lower()) == as_text(default)
    return given == as_text(default)


def _mend(text: str, found: Disagreement) -> str:
    """Put one parameter right."""
    node = _entry_points(text)[found.entry_point]
    if not found.line:
        return _without(text, node, found.parameter)
    if found.option:
        text = _with_option(text, node, found.option)
    given = _mapping(_mapping(node).get("parameters"))
    if found.parameter in given:
        place = given[found.parameter]
        entry = found.line.partition(": ")[2].partition("  # ")[0]
        return text[: place.start_mark.index] + entry + text[place.end_mark.index :]
    return _with_line(text, node, given, found.line)


def _without(text: str, node: yaml.Node, name: str) -> str:
    """Take a parameter out: its line or lines, and its option."""
    command = _mapping(node)["command"]
    begin, end = command.start_mark.index, command.end_mark.index
    changed = re.sub(rf"[ ]?{_option(name)}(?=\s|[\"']|$)", "", text[begin:end])
    text = f"{text[:begin]}{changed}{text[end:]}"
    key, value = next(pair for pair in _mapping_node(node, "parameters").value if pair[0].value == name)
    shift = len(changed) - (end - begin) if key.start_mark.index > begin else 0  # behind the command, which is shorter
    first = text.rfind("\n", 0, key.start_mark.index + shift) + 1
    last = text.find("\n", value.end_mark.index + shift)
    return text[:first] + text[last + 1 :]


def _option(name: str) -> str:
    """Match the option by which a command hands a parameter on."""
    return rf"--[\w-]+[= ]\{{{name}\}}"


def _with_line(text: str, node: yaml.Node, given: dict[str, yaml.Node], line: str) -> str:
    if given:
        after = text.find("\n", max(place.end_mark.index for place in given.values()))
        first = next(key for key, _ in _mapping_node(node, "parameters").value)
        indent = first.start_mark.column
        after = len(text) if after < 0 else after
        return f"{text[:after]}\n{' ' * indent}{line}{text[after:]}"
    begin = text.rfind("\n", 0, node.start_mark.index) + 1
    column = node.start_mark.column
    return f"{text[:begin]}{' ' * column}parameters:\n{' ' * max(INDENT, column + 2)}{line}\n{text[begin:]}"


def _with_option(text: str, node: yaml.Node, option: str) -> str:
    place = _mapping(node)["command"]
    end = place.start_mark.index + len(text[place.start_mark.index : place.end_mark.index].rstrip())
    if isinstance(place, yaml.ScalarNode) and place.style in ('"', "'"):
        end -= 1
    return f"{text[:end]} {option}{text[end:]}"


def _entry_points(text: str) -> dict[str, yaml.Node]:
    """Return the entry points' nodes, each once: an alias is the node that it stands for."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, *yaml_nodes.NONE):  # MLflow says what is wrong
        return {}
    found: dict[str, yaml.Node] = {}
    for name, node in _mapping(_mapping(root).get("entry_points")).items():
        if all(node is not other for other in found.values()):
            found[name] = node
    return found


def _mapping(node: yaml.Node | None) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode):
        return {}
    return {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode)}


def _mapping_node(node: yaml.Node, key: str) -> yaml.MappingNode:
    found = _mapping(node)[key]
    assert isinstance(found, yaml.MappingNode)  # noqa: S101  for the type checker: it has entries
    return found


def _parameters(node: yaml.Node) -> dict[str, yaml.Node]:
    return _mapping(_mapping(node).get("parameters"))


def _default(node: yaml.Node) -> str | None:
    found = _mapping(node).get("default")
    return str(found.value) if isinstance(found, yaml.ScalarNode) else None


def _command(node: yaml.Node) -> str:
    found = _mapping(node).get("command")
    return str(found.value) if isinstance(found, yaml.ScalarNode) else ""


def _passes(command: str, name: str) -> bool:
    return f"{{{name}}}" in command


def _script(folder: Path, node: yaml.Node) -> Path | None:
    """Find the script at the project's top that an entry point starts, `python train.py …`."""
    try:
        words = shlex.split(_command(node))
    except ValueError:
        return None
    names = [word for word in words[1:2] if words[0].startswith("python") and word.endswith(".py")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _starts(folder: Path, entry_point: str) -> str | None:
    node = _entry_points(_read(folder)).get(entry_point)
    script = _script(folder, node) if node else None
    return script.name if script else None
