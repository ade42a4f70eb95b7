"""Columns of text that hold numbers, and the ways in which numbers are written."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum, auto

import pandas as pd

from reprise.base.display_text import listed

EXACT = 2**53
"""Up to this, floats of 64 bits hold each whole number exactly."""

SHOWN = 3
"""Examples that a note names at most."""

_STANDING_FOR_GAPS = (
    "? ?? ??? - -- --- \u2013 \u2014 . .. ... \u2026 * ** *** x _ / ! #div/0! #n/a #nv #value! #wert! #ref! #bezug! "
    "#name? #num! #null! #error! err error na na. nan <na> n.a n.a. n/a nd n.d. n/d k.a. s.o. nil none null missing "
    "unknown tbd blank empty (missing) (none) (null) (blank) (empty)"
)
PLACEHOLDERS = frozenset(
    {*_STANDING_FOR_GAPS.split(), "", "k. a.", "keine angabe", "no data", "not available", "not applicable"}
)
"""Texts for a missing number, in lower case. Among other texts, each is a text like any other."""


class Kind(Enum):
    """The kind of a text, taken alone."""

    PLAIN = auto()  # a number as programs write it
    CODE = auto()  # digits that begin with a zero: a number of a house or a place, not a quantity
    COMMA = auto()  # a number with one comma, before its decimals or its thousands
    SIGNED = auto()  # a number with separators, a currency, a percent sign, brackets
    WORDED = auto()  # a number with a unit or another word, or several numbers and no word
    PLACEHOLDER = auto()  # what stands for a missing number
    OTHER = auto()


_EXPONENT = r"(?:[eE][-+]?\d+)?"
_COMMA = rf"[-+]?\d*,\d+{_EXPONENT}"
_GROUPS = r"(?:\d+|\d{1,3}(?:[ '\u2019_]\d{3})+|\d{1,3}(?:,\d{2,3})+|\d{1,3}(?:\.\d{3})+)"
_POWER = r"(?: ?[eE] ?[-+]?\d+|[dD][-+]\d+| ?[x\u00d7*\u00b7] ?10\^?[-+]?\d+)"
_NUMBER = rf"[-+]? ?(?:{_GROUPS}(?:[.,]\d*)?|[.,]\d+){_POWER}?-?"
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)
_SURE_COMMA = rf"(?![-+]?[1-9]\d{{0,2}},\d{{3}}{_EXPONENT}$){_COMMA}"
"""A comma that cannot stand before thousands: in `12,5` and `0,125`, not in `1,234`."""

_CURRENCIES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW MAD MXN MYR NGN "
    "NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
).replace(" ", "|")
_SYMBOL = r"(?:[%\u2030]|[A-Z]{0,3}[\u0024\u00a2-\u00a5\u20a0-\u20cf]|(?:Rs|Fr|kr)\b\.?|z\u0142|R\b)"
_CURRENCY = rf"(?:{_SYMBOL}|(?:{_CURRENCIES})\b\.?)"
_SIGNED = re.compile(rf"[-+]? ?(?:{_CURRENCY} ?)?{_NUMBER} ?{_CURRENCY}?", re.IGNORECASE)
_AROUND = 24
"""Characters of words, at most, that may stand on either side of a number for it to be one in words."""

_IN_WORDS = re.compile(
    rf"(?:\D{{0,{_AROUND}}}(?<![^\W\d_])(?<![^\W\d_][-_/]))?{_NUMBER}"  # `No. 5`, not the codes `A5` and `A-5`
    rf"(?:\D|(?<=[a-zA-Z^])[23](?!\d)){{0,{_AROUND}}}"  # `kg/m^3`, or m3 as normalised
    r"|0[xX][0-9a-fA-F]+"
)
_LETTER = re.compile(r"[^\W\d_]")
_DIGIT = re.compile(r"\d")
_SINGLE = (
    (re.compile(r"[-+]?0\d+", re.ASCII), Kind.CODE),
    (re.compile(rf"[-+]?(?:\d+\.?\d*|\.\d+){_EXPONENT}", re.ASCII), Kind.PLAIN),
    (re.compile(_COMMA, re.ASCII), Kind.COMMA),
)
_LIKE_ASCII = str.maketrans(
    {
        **dict.fromkeys("\u2212\u2013\u2012\ufe63\uff0d\u2010\u2011", "-"),
        "\u066b": ".",
        "\u066c": ",",
        "\u00b7": ".",
    }
)
"""The minus, point and comma of word processors and other scripts."""

_UNSEEN = str.maketrans(dict.fromkeys("\u200b\u200c\u200d\u200e\u200f\u2060\ufeff\u00ad\u202a\u202c\u061c"))

_BARE = (Kind.PLAIN, Kind.CODE, Kind.COMMA, Kind.SIGNED)
AMBIGUOUS = "numbers whose points may separate thousands or decimals"


@dataclass(frozen=True)
class Reading:
    """The result of reading a column of text as numbers.

    Attributes:
        numbers: float64 or int64, gaps as NaN, shape (rows,); None where it stays text.
        notes: what was converted, or why it stays text though most of it are numbers; a line each.
        problem: why it can be neither; None where it can.
        remedy: what to do about that.
    """

    numbers: pd.Series | None = None
    notes: tuple[str, ...] = ()
    problem: str | None = None
    remedy: str = ""

    @property
    def refusal(self) -> str | None:
        """The line that refuses such a feature; None where it need not be."""
        if not self.problem:
            return None
        return f"{self.problem}; {self.remedy}, or leave the column out with exclude"


@dataclass(frozen=True)
class _Column:
    """A column of text, its values sorted by kind.

    Attributes:
        content: texts and gaps, shape (rows,).
        counts: text -> rows that hold it, the most frequent first.
        texts: kind -> texts.
    """

    content: pd.Series
    counts: pd.Series
    texts: dict[Kind, list[str]]

    @property
    def named(self) -> str:
        return f"column {str(self.content.name)!r}"

    def rows(self, *kinds: Kind) -> int:
        return sum(int(self.counts[self.texts[kind]].sum()) for kind in kinds)

    def counted(self, *kinds: Kind) -> str:
        texts = sorted((text for kind in kinds for text in self.texts[kind]), key=lambda text: -self.counts[text])
        return listed((f"{text!r} ({self.counts[text]})" for text in texts), SHOWN)


def read(column: pd.Series, *, decimal_comma: bool, typed: bool) -> Reading:
    """Read a column of text as numbers where most of its values are, and where that is unambiguous.

    Args:
        column: texts and gaps, shape (rows,).
        decimal_comma: whether commas stand before decimals in its table.
        typed: whether its file says that it is text; then plain numbers stay text, with a note.
    """
    counts = column.value_counts()
    texts: dict[Kind, list[str]] = {kind: [] for kind in Kind}
    for text in counts.index:
        texts[kind_of(str(text))].append(text)
    found = _Column(column, counts, texts)
    others = found.rows(Kind.OTHER)
    bare, worded = found.rows(*_BARE), found.rows(Kind.WORDED)
    if bare + worded <= others:
        return Reading()
    refused = _refused(found, decimal_comma=decimal_comma) if bare > worded + others else None
    if refused:
        return refused
    if note := _why_text(found, typed=typed):
        return Reading(notes=(note,))
    return _converted(found)


def has_decimal_commas(frame: pd.DataFrame) -> bool:
    """Return whether commas stand before decimals in a file in which they do not separate columns.

    It is so where a column of text holds numbers most of all, and a comma in it can be nothing else.
    """
    for texts in _texts(frame):
        values = texts.dropna().str.strip()
        numbers = values.str.fullmatch(rf"[-+]?\d+|{_COMMA}")
        if 2 * numbers.sum() > len(values) and values[numbers].str.fullmatch(_SURE_COMMA).any():
            return True
    return False


def decimal_commas(frame: pd.DataFrame) -> list[str]:
    """Name the columns of text that hold numbers with decimal commas and nothing else."""
    names = []
    for texts in _texts(frame):
        values = texts.dropna().str.strip()
        if values.str.contains(",", regex=False).any() and values.str.fullmatch(rf"[-+]?\d+|{_COMMA}").all():
            names.append(str(texts.name))
    return names


def _texts(frame: pd.DataFrame) -> Iterator[pd.Series]:
    return (frame[name] for name in frame if isinstance(frame[name].dtype, pd.StringDtype))


def may_be_thousands(texts: pd.Series) -> bool:
    """Return whether the points of all these numbers may stand before thousands: `84.743` may, `0.743` may not."""
    return bool(texts.str.strip().str.fullmatch(_THOUSANDS).all())


def kind_of(text: str) -> Kind:
    """Return what a text is, taken alone."""
    text = _bare(text)
    plain = next((kind for pattern, kind in _SINGLE if pattern.fullmatch(text)), None)
    if plain:
        return plain
    if text.lower() in PLACEHOLDERS:
        return Kind.PLACEHOLDER
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text.translate(_LIKE_ASCII))
    text = " ".join(text.split())
    if not _DIGIT.search(text):
        return Kind.OTHER
    bracketed = re.fullmatch(r"-?\((.*)\)", text)  # as accountants write a minus
    if _SIGNED.fullmatch(bracketed[1].strip() if bracketed else text):
        return Kind.SIGNED
    return Kind.WORDED if _IN_WORDS.fullmatch(text) or not _LETTER.search(text) else Kind.OTHER


def _bare(text: str) -> str:
    """Remove spaces and invisible characters at both ends."""
    return text.strip() if text.isascii() else text.translate(_UNSEEN).strip()


def _refused(found: _Column, *, decimal_comma: bool) -> Reading | None:
    """Return why numbers can be read in several ways, or in none that is known here."""
    signed = found.texts[Kind.SIGNED] + ([] if decimal_comma else found.texts[Kind.COMMA])
    pointed = [text for text in found.texts[Kind.PLAIN] if "." in text]
    if signed:
        odd, what, remedy = signed, "numbers with signs", "write digits alone"
    elif found.texts[Kind.COMMA] and pointed:
        odd, what, remedy = pointed, "numbers with points beside numbers with commas", "write decimals in one way"
    elif decimal_comma and pointed and may_be_thousands(pd.Series(pointed)):
        odd, what, remedy = pointed, AMBIGUOUS, "write thousands without a point"
    else:
        return None
    row = found.content.index[found.content.isin(odd)][0]
    rows = f"row {row} ({int(found.counts[odd].sum())} of {len(found.content)} values)"
    return Reading(problem=f"{found.named} holds {what}, such as {found.content[row]!r} in {rows}", remedy=remedy)


def _why_text(found: _Column, *, typed: bool) -> str | None:
    """Return why a column stays text though most of it are numbers; None where it need not."""
    if found.texts[Kind.OTHER] or found.texts[Kind.WORDED]:
        odd = found.counted(Kind.WORDED, Kind.OTHER)
        share = 100 * found.rows(*_BARE, Kind.WORDED) / found.counts.sum()
        what = f"although {share:.3g} % of its values are numbers or hold some; not plain are {odd}"
    elif found.texts[Kind.CODE]:
        what = f"for some of its numbers begin with a zero as codes do, {found.counted(Kind.CODE)}"
    elif typed and not found.texts[Kind.PLACEHOLDER]:
        what = f"by its type, although all its values are numbers, {found.counted(Kind.PLAIN)}"
    else:
        return None
    return f"{found.named} is text {what}; each is a category of its own"


def _converted(found: _Column) -> Reading:
    notes = []
    gaps, commas = found.texts[Kind.PLACEHOLDER], found.texts[Kind.COMMA]
    if gaps:
        notes.append(f"{found.named}: {found.counted(Kind.PLACEHOLDER)} among its numbers is taken for a gap")
    if commas:
        notes.append(f"{found.named} is read with decimal commas, such as {commas[0]!r}")
    values = {text: _bare(text).replace(",", ".") for text in found.counts.index.difference(gaps)}
    numbers = pd.to_numeric(found.content.map(values))
    whole = pd.api.types.is_integer_dtype(numbers) and not numbers.hasnans
    notes = notes or [
        f"{found.named} is read as numbers, {found.counted(Kind.PLAIN)}, as what made it text is left out"
    ]
    return Reading(numbers.astype("int64" if whole else "float64"), tuple(notes))
