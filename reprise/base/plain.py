"""Text of a store, a table or a repository, made safe to show: no letter of it moves a cursor or hides what it says."""

import unicodedata

_SHOWN_OTHERWISE = ("Cc", "Cf", "Cs", "Zl", "Zp")
"""Unicode's categories of control and format characters (terminal escapes, C1 controls, those that turn the direction
of text or have no width), of lone surrogates, and of separators of lines."""

_JOINERS = "\u200c\u200d"
"""Format characters that Persian, Indic scripts and emoji are written with."""


def plain(text: object) -> str:
    r"""Write a value in one line of letters that are what they look like; others become escapes, such as `\n`."""
    written = str(text)
    if written.isprintable():
        return written
    return "".join(map(_plain_letter, written))


def _plain_letter(letter: str) -> str:
    if letter.isprintable() or letter in _JOINERS or unicodedata.category(letter) not in _SHOWN_OTHERWISE:
        return letter
    return letter.encode("unicode_escape").decode("ascii")
