"""The entry points of an MLproject as YAML nodes, and their shell commands."""

import re
import shlex
from pathlib import Path

import yaml

from reprise.base import untrusted_text

MERGE = "tag:yaml.org,2002:merge"
NULL = "tag:yaml.org,2002:null"

_TOKEN = re.compile(
    r"""(?P<quoted>'[^']*'|"(?:\\.|[^"\\])*")|(?P<escaped>\\(?:\r?\n|.))|(?P<end>(?<!\S)\d?[<>]|[;|&<>\n]|(?<!\S)\#"""
    r"""|(?<!\S)--(?!\S))|(?P<unknown>[`()'"\\]|\$\(|\$\{)|(?P<other>.)""",
    re.DOTALL,
)


def names(text: str) -> dict[str, list[str]]:
    """Return the entry points, each with all of its names, since YAML aliases may add some."""
    found: dict[str, list[str]] = {}
    known = _named(text)
    for name, node in known.items():
        first = next((other for other in found if known[other] is node), name)
        found.setdefault(first, []).append(name)
    return found


def nodes(text: str) -> dict[str, yaml.Node]:
    """Return the entry points that are written out, each once."""
    found: dict[str, yaml.Node] = {}
    for name, node in _named(text).items():
        if all(node is not other for other in found.values()):
            found[name] = node
    return found


def entry_point(text: str, name: str) -> yaml.Node | None:
    """Find an entry point. Return None if there is none or the text is not YAML, which MLflow reports."""
    return _named(text).get(name)


def mapping(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return a mapping's values by their keys, those that it merges too; empty for what is no mapping."""
    return _merged(node, ())


def _merged(node: yaml.Node | None, above: tuple[yaml.Node, ...]) -> dict[str, yaml.Node]:
    if not isinstance(node, yaml.MappingNode) or any(node is one for one in above):
        return {}
    own = {str(key.value): value for key, value in node.value if isinstance(key, yaml.ScalarNode) and key.tag != MERGE}
    found: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if key.tag == MERGE:
            for one in reversed(value.value if isinstance(value, yaml.SequenceNode) else [value]):
                found |= _merged(one, (*above, node))
    return found | own


def parameters(node: yaml.Node | None) -> dict[str, yaml.Node]:
    """Return an entry point's parameters."""
    return mapping(mapping(node).get("parameters"))


def default(node: yaml.Node) -> str | None:
    """Return a parameter's default as it is written; None where it has none, or one that is no single value."""
    found = mapping(node).get("default")
    return str(found.value) if isinstance(found, yaml.ScalarNode) and found.tag != NULL else None


def command(node: yaml.Node | None) -> str:
    """Return an entry point's command; empty without one."""
    found = mapping(node).get("command")
    return str(found.value) if isinstance(found, yaml.ScalarNode) else ""


def script(folder: Path, node: yaml.Node | None) -> Path | None:
    """Find the script at the project's top that an entry point starts, `python train.py …`."""
    try:
        words = shlex.split(command(node))
    except ValueError:
        return None
    names = [word for word in words[1:2] if words[0].startswith("python") and word.endswith(".py")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def call(text: str) -> str | None:
    """Cut a command behind the last option of the first program that it starts. Return None if that is not clear."""
    end = 0
    for token in _TOKEN.finditer(text):
        if token.lastgroup == "unknown":
            return None
        if token.lastgroup == "end":
            break
        if not re.fullmatch(r"\s|\\\r?\n", token[0]):
            end = token.end()
    return text[:end]


def spelled(name: str) -> str:
    """Return a pattern for a parameter's name in an option, where dashes and underscores are equal."""
    return re.escape(name).replace("_", "[_-]").replace(r"\-", "[_-]")


def option(name: str) -> str:
    """Match the option by which a command hands a parameter on, as the parameter is named."""
    return rf"""(?<!\S)--{spelled(name)}[= ](?P<quote>["']?)\{{{re.escape(name)}\}}(?P=quote)(?!\S)"""


def uses(text: str, name: str) -> bool:
    """Return whether a command names a parameter's value."""
    return re.search(rf"(?<!\{{)\{{{re.escape(name)}[}}!:]", text) is not None


def _named(text: str) -> dict[str, yaml.Node]:
    return mapping(mapping(_root(text)).get("entry_points"))


def _root(text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, *untrusted_text.NONE):
        return None
