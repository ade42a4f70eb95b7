"""Remove credentials from URLs before anything is recorded or printed."""

import re
from collections.abc import Mapping

from reprise.base.errors import WrongCall

_URL = re.compile(
    r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*):(?P<slashes>(?:\\?/){2})"
    r"(?P<userinfo>(?:[^@\s/?#:]*:(?!\d{1,5}(?:[/?#\s'\"]|$))[^@\n]*?@)?(?:[^/?#\s@]*@)*)"
    r"(?P<place>[^\s?#'\"<>]*)(?P<query>\?[^\s#'\"<>]*)?(?P<fragment>#[^\s'\"<>]*)?"
)
"""A URL in a text. A password may hold what a URL should encode: a slash, a space, another @."""

_HARMLESS = {
    *("charset", "connect_timeout", "delimiter", "dl", "download", "encoding", "endpoint_override", "export", "format"),
    *("gid", "id", "lang", "limit", "offset", "order", "page", "ref", "region", "rows", "sheet", "single", "sort"),
    *("sslmode", "timeout", "usp", "version", "versionid"),
}
"""Names of query values that say which file and how, and never let anybody in."""

_SHORT = 3
"""Characters that are too few for a secret, unless its name says that it is one."""

_SECRET = re.compile("pass|pwd|secret|token|key|sig|auth|cred|code", re.IGNORECASE)


def without_credentials(text: str) -> str:
    """Take user names, passwords, tokens and query values out of every URL in a text.

    A query value stays where its name is known to be harmless, or where it is too short for a secret. The user name
    of an ssh URL stays as well, for it says which account, not how to enter it.
    """
    return _URL.sub(_clean, text) if ":" in text else text


def refuse_credentials(parameters: Mapping[str, str]) -> None:
    """Refuse parameters that hold credentials, before a run is made that would keep them for good.

    MLflow logs the parameters of `mlflow run` as they are, and a logged parameter can be neither changed nor deleted.

    Raises:
        WrongCall: a parameter holds credentials.
    """
    for name, value in parameters.items():
        if without_credentials(value) != value:
            message = (
                f"parameter {name} holds credentials, {without_credentials(value)!r} without them, and MLflow would "
                "show them for good"
            )
            raise WrongCall(message, remedy="give them by variables of the environment, or download the file")


def _clean(match: re.Match[str]) -> str:
    return (
        f"{match['scheme']}:{match['slashes']}{_account(match)}{match['place']}"
        f"{_harmless(match['query'])}{_harmless(match['fragment'])}"
    )


def _account(match: re.Match[str]) -> str:
    if match["userinfo"] and match["scheme"].lower() in ("ssh", "git+ssh"):
        return f"{match['userinfo'].rstrip('@').partition(':')[0]}@"
    return ""


def _harmless(part: str | None) -> str:
    """Keep of a query, or of a fragment that is written like one, what is harmless; a plain fragment is no secret."""
    if not part or (part.startswith("#") and "=" not in part):
        return part or ""
    pairs = re.split("[&;]", part[1:])
    kept = [pair for pair in pairs if not pair or _is_harmless(pair)]
    return part if kept == pairs else part[0] + "&".join(kept) if kept else ""


def _is_harmless(pair: str) -> bool:
    name, equals, value = pair.partition("=")
    short = len(value) <= _SHORT and not _SECRET.search(name)
    return bool(equals) and (name.lower() in _HARMLESS or short)
