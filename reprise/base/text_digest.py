"""Digests of text files that do not depend on line ends.

Git for Windows ends lines by carriage return and line feed in a checkout, and by line feed alone in the commit.
"""

import hashlib


def unix_line_ends(content: bytes) -> bytes:
    """Return a text with the line ends of Unix, as a commit holds it."""
    return content.replace(b"\r\n", b"\n")


def sha256(content: bytes) -> str:
    """Return the SHA-256 of a text with Unix line ends. For a file with these, `sha256sum` prints the same."""
    return hashlib.sha256(unix_line_ends(content)).hexdigest()


def sha256s(content: bytes) -> tuple[str, ...]:
    """Return all digests by which a text may be recorded, with Unix line ends, unchanged, and with Windows line ends.

    Runs and verdicts of earlier versions hold the digest of the bytes in their own checkout.
    """
    forms = (unix_line_ends(content), content, unix_line_ends(content).replace(b"\n", b"\r\n"))
    return tuple(dict.fromkeys(hashlib.sha256(form).hexdigest() for form in forms))
