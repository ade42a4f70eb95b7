"""Numbers that were written as text: which columns of text hold them, and which of those can be read."""

import re
import unicodedata
from dataclasses import dataclass
from enum import Enum, auto

import pandas as pd

SHOWN = 3
"""Examples that a note names at most."""

PLACEHOLDERS = frozenset(
    {
        *(
            "?",
            "??",
            "???",
            "-",
            "--",
            "---",
            "\u2013",
            "\u2014",
            ".",
            "..",
            "...",
            "\u2026",
            "*",
            "**",
            "***",
            "x",
            "_",
        ),
        *("_", "/", "#div/0!", "#n/a", "#value!", "#ref!", "#name?", "#num!", "#null!", "#error!", "err", "error"),
        *("n.a.", "n.a", "na.", "n/a", "n/d", "n.d.", "nd", "k.a.", "k. a.", "s.o.", "nil", "none", "null", "missing"),
        *("unknown", "not available", "not applicable", "no data", "tbd", "blank", "empty"),
        *("(blank)", "(empty)", "(null)", "(none)", "(missing)"),
    }
)
"""What stands for a missing number, in lower case. Among other texts each of them is a text."""

_GROUPS = r"(?:\d+|\d{1,3}(?:[ '\u2019_]\d{3})+|\d{1,3}(?:,\d{2,3})+|\d{1,3}(?:\.\d{3})+)"
_PLAIN = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?", re.ASCII)
_CODE = re.compile(r"[-+]?0\d+", re.ASCII)
_COMMA = re.compile(r"[-+]?\d*,\d+", re.ASCII)
_THOUSANDS = re.compile(r"[-+]?[1-9]\d{0,2}(?:\.\d{3})+", re.ASCII)
_NUMBER = re.compile(rf"[-+]? ?(?:{_GROUPS}(?:[.,]\d*)?|[.,]\d+)(?: ?[eE] ?[-+]?\d+)?-?")
_CURRENCIES = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KES KRW MAD MXN MYR NGN "
    "NOK NZD PEN PHP PKR PLN QAR RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD VND ZAR"
).replace(" ", "|")
_SYMBOL = r"(?:[%\u2030]|[A-Z]{0,3}[\u0024\u00a2-\u00a5\u20a0-\u20cf]|(?:Rs|Fr|kr)\b\.?|z\u0142|R\b)"
_BEFORE = re.compile(rf"^([-+]?) ?(?:{_SYMBOL}|(?:{_CURRENCIES})\b\.?) ?", re.IGNORECASE)
_AFTER = re.compile(rf" ?(?<![^\W\d])(?:{_SYMBOL}|(?:{_CURRENCIES})\b\.?)$", re.IGNORECASE)
_APPROXIMATE = r"(?:[~<>\u2264\u2265=\u2248\u00b1]+|(?:ca|approx|about)\.?|[^\W\d]+\.?(?= ))?"
_IN_WORDS = re.compile(rf"{_APPROXIMATE} ?(?:{_NUMBER.pattern}) ?(?:[^\W\d]|[°\u00b5'\"²³/. ])*")
_MINUS = str.maketrans(dict.fromkeys("\u2212\u2013\u2012\ufe63\uff0d\u2010\u2011", "-"))
"""What word processors write for a minus."""


class Kind(Enum):
    """What a text is, taken alone."""

    PLAIN = auto()  # a number as programs write it
    CODE = auto()  # digits that begin with a zero: a number of a house or a place, not a quantity
    COMMA = auto()  # a number with one comma, before its decimals or its thousands
    SIGNED = auto()  # a number with separators, a currency, a percent sign, brackets
    WORDED = auto()  # a number with a unit or another word
    PLACEHOLDER = auto()  # what stands for a missing number
    OTHER = auto()


_NUMBERS = (Kind.PLAIN, Kind.CODE, Kind.COMMA, Kind.SIGNED, Kind.WORDED)
AMBIGUOUS = "numbers of which nobody can say whether a point stands before thousands or decimals"

_SINGLE = ((_CODE, Kind.CODE), (_PLAIN, Kind.PLAIN), (_COMMA, Kind.COMMA))


@dataclass(frozen=True)
class Reading:
    """What a column of text comes to.

    Attributes:
        numbers: float64 or int64, gaps as NaN, shape (rows,); None where it stays text.
        notes: what was converted, or why it stays text though most of it are numbers; a line each.
        refusal: why it can be neither; None where it can.
    """

    numbers: pd.Series | None = None
    notes: tuple[str, ...] = ()
    refusal: str | None = None


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
        shown = ", ".join(f"{text!r} ({self.counts[text]})" for text in texts[:SHOWN])
        return f"{shown} and {len(texts) - SHOWN} more" if len(texts) > SHOWN else shown


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
    if found.rows(*_NUMBERS) <= others:
        return Reading()
    if refusal := _refusal(found, decimal_comma=decimal_comma):
        return Reading(refusal=refusal)
    if note := _why_text(found, typed=typed):
        return Reading(notes=(note,))
    return _converted(found)


def decimal_commas(frame: pd.DataFrame) -> list[str]:
    """Name the columns of text that hold numbers with decimal commas and nothing else.

    Args:
        frame: of a file in which commas do not separate columns.

    Returns:
        Their names; none where in all of them the comma may stand before thousands as well.
    """
    names = []
    sure = False
    for name in frame.columns[[isinstance(kind, pd.StringDtype) for kind in frame.dtypes]]:
        values = frame[name].dropna().str.strip()
        commas = values.str.contains(",", regex=False)
        if commas.any() and values.str.fullmatch(r"[-+]?(?:\d+|\d*,\d+)").all():
            names.append(str(name))
            sure = sure or not values[commas].str.fullmatch(r"[-+]?[1-9]\d{0,2},\d{3}").all()
    return names if sure else []


def may_be_thousands(texts: pd.Series) -> bool:
    """Tell whether the points of all these numbers may stand before thousands: `84.743` may, `0.743` may not."""
    return bool(texts.str.strip().str.fullmatch(_THOUSANDS).all())


def kind_of(text: str) -> Kind:
    """Say what a text is, taken alone."""
    text = text.strip()
    plain = next((kind for pattern, kind in _SINGLE if pattern.fullmatch(text)), None)
    if plain:
        return plain
    if text.lower() in PLACEHOLDERS:
        return Kind.PLACEHOLDER
    text = " ".join(unicodedata.normalize("NFKC", text).translate(_MINUS).split())
    if _NUMBER.fullmatch(_without_signs(text)):
        return Kind.SIGNED
    return Kind.WORDED if _IN_WORDS.fullmatch(text) else Kind.OTHER


def _without_signs(text: str) -> str:
    """Take brackets, a currency or a percent sign off a number, at either end."""
    if text.startswith("(") and text.endswith(")"):
        text = text[1:-1].strip()
    return _AFTER.sub("", _BEFORE.sub(r"\1", text))


def _refusal(found: _Column, *, decimal_comma: bool) -> str | None:
    """Say why numbers can be read in several ways, or in none that is known here."""
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
    return (
        f"{found.named} holds {what}, such as {found.content[row]!r} in row {row} ({int(found.counts[odd].sum())} of "
        f"{len(found.content)} values); {remedy}, or leave the column out by naming others in features"
    )


def _why_text(found: _Column, *, typed: bool) -> str | None:
    """Say why a column stays text though most of it are numbers; None where it need not."""
    if found.texts[Kind.OTHER] or found.texts[Kind.WORDED]:
        odd = found.counted(Kind.WORDED, Kind.OTHER)
        share = 100 * found.rows(*_NUMBERS) / found.counts.sum()
        what = f"although {share:.3g} % of its values are numbers, bare or in words: others are {odd}"
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
    plain = found.content.mask(found.content.isin(gaps)) if gaps else found.content
    numbers = pd.to_numeric(plain.str.strip().str.replace(",", ".", regex=False))
    whole = pd.api.types.is_integer_dtype(numbers) and not numbers.hasnans
    notes = notes or [
        f"{found.named} is read as numbers, {found.counted(Kind.PLAIN)}, as what made it text is left out"
    ]
    return Reading(numbers.astype("int64" if whole else "float64"), tuple(notes))
