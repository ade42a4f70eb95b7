"""Credentials in URLs: taken out before anything is recorded or printed."""

import re

_USERINFO = re.compile(r"(?P<scheme>[a-zA-Z][a-zA-Z0-9+.-]*)://(?P<userinfo>[^/?#\s'\"]*)@")
_SIGNED = re.compile(
    r"(?P<base>[a-z][a-z0-9+.-]*://[^\s?'\"]+)\?[^\s'\"]*(?:sig|signature|token|credential)[^\s'\"]*", re.IGNORECASE
)


def without_credentials(text: str) -> str:
    """Take user names, passwords, tokens and signed queries out of every URL in a text.

    The user name of an ssh URL stays: it says which account, not how to enter it.
    """
    return _SIGNED.sub(r"\g<base>", _USERINFO.sub(_safe, text))


def _safe(match: re.Match[str]) -> str:
    scheme, userinfo = match["scheme"], match["userinfo"]
    if scheme.lower() in ("ssh", "git+ssh"):
        return f"{scheme}://{userinfo.partition(':')[0]}@"
    return f"{scheme}://"
