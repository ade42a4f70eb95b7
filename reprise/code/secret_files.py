"""Find files with secrets, by name and content, so that a patch leaves them out."""

import re
from collections.abc import Iterator
from functools import cache
from typing import Any

_NAME = re.compile(
    r"(^|/)(\.env[^/]*|[^/]*\.env|[._]netrc|\.pgpass|pgpass\.conf|\.my\.cnf|\.htpasswd|\.npmrc|\.yarnrc\.yml|\.pypirc"
    r"|\.databrickscfg|\.git-credentials|\.boto|\.s3cfg|\.dockercfg|\.terraformrc|\.vault-token|\.kaggle"
    r"|kubeconfig[^/]*|[^/]*\.kubeconfig|kaggle\.json|rclone\.conf|wp-config\.php|master\.key"
    r"|application_default_credentials\.json|client_secret[^/]*\.json|service[-_]?account[^/]*\.json"
    r"|[^/]*\.tfstate([._][^/]*)?|[^/]*\.tfvars(\.json)?|[^/]*vault[^/]*\.ya?ml"
    r"|([^/]*[-_.])?(credentials?|secrets?|tokens?|passwords?|passwd|api[-_]?keys?)"
    r"(\.(json|ya?ml|toml|ini|cfg|conf|csv|txt|env|properties))?"
    r"|id_(rsa|dsa|ecdsa|ed25519)[^/]*|[^/]*\.(pem|key|p12|pfx|jks|keystore|kdbx|ppk|gpg|asc|keytab|ovpn))$"
    r"|(^|/)\.(aws|ssh|gnupg|kube|docker|azure|gcloud|kaggle|huggingface|databricks)/",
    re.IGNORECASE,
)
_CODE = re.compile(r"\.(py|pyi|ipynb|r|jl|js|ts|java|scala|go|rs|c|cc|cpp|h|sh|sql|md|rst|html|css)$", re.IGNORECASE)
"""Source code may be called after what it deals with, such as tokens.py. Its content is looked at all the same."""

_TOKENS = {
    "a private key": re.compile(r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    "a temporary key of AWS": re.compile(r"\bASIA[0-9A-Z]{16}\b"),
    "a token of GitHub": re.compile(r"\bgithub_pat_\w{22,}"),
    "a token of Hugging Face": re.compile(r"\bhf_[A-Za-z]{34}\b"),
    "a token of Databricks": re.compile(r"\bdapi[0-9a-f]{32}\b"),
    "a key of Google": re.compile(r"\bAIza[\w-]{35}(?![\w-])"),
    "a key of Anthropic": re.compile(r"\bsk-ant-[\w-]{20,}"),
    "a token of npm": re.compile(r"\bnpm_[A-Za-z0-9]{36}\b"),
    "a key of OpenAI": re.compile(r"\bsk-(proj|svcacct|admin)-[\w-]{20,}"),
}
"""What detect-secrets 1.5 does not know, or takes seconds to look for."""

_DETECTORS = (
    *("artifactory", "aws", "azure_storage_key", "discord", "github_token", "gitlab_token", "mailchimp"),
    *("openai", "private_key", "pypi_token", "sendgrid", "slack", "square_oauth", "stripe", "telegram_token", "twilio"),
)
"""Modules of detect-secrets that know a service by its tokens. Those that guess by entropy or a word are left out."""


def has_secret_name(path: str) -> bool:
    """Return whether a file's name is typical of secrets.

    Args:
        path: from the top of the repository, with slashes.
    """
    return bool(_NAME.search(path)) and not _CODE.search(path)


def secret_in(content: bytes) -> str | None:
    """Find text that looks like a private key or a token of a well-known service.

    Args:
        content: of a whole file, in any encoding that contains ASCII, or in UTF-16 or UTF-32.

    Returns:
        What it is and in which line, or None.
    """
    text = content.replace(b"\0", b"").decode("latin-1")
    found = next(_found(text), None)
    if found is None:
        return None
    kind, at = found
    line = text.count("\n", 0, at) + 1
    return f"line {line} looks like {kind}"


def _found(text: str) -> Iterator[tuple[str, int]]:
    for kind, pattern in _TOKENS.items():
        if match := pattern.search(text):
            yield kind, match.start()
    for detector in _detectors():
        for value in detector.analyze_string(text):
            yield f"one of the kind {detector.secret_type}", text.find(value)


@cache
def _detectors() -> tuple[Any, ...]:
    from importlib import import_module  # noqa: PLC0415

    from detect_secrets.plugins.base import RegexBasedDetector  # noqa: PLC0415  most trees are clean

    modules = [import_module(f"detect_secrets.plugins.{name}") for name in _DETECTORS]
    kinds = [
        kind
        for module in modules
        for kind in vars(module).values()
        if isinstance(kind, type) and issubclass(kind, RegexBasedDetector) and kind.__module__ == module.__name__
    ]
    return tuple(kind() for kind in kinds)
