"""Numbers that were written as text."""

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.data.number_notation import Kind, decimal_commas, has_decimal_commas, kind_of, read


def column(*texts: str | None) -> pd.Series:
    return pd.Series(texts, name="c", dtype="str")


SIGNED = [
    *("1 234", "1\u00a0234", "1\u202f234,5", "1\u2009234", "1'234", "1\u2019234", "1_000", "1.234.567", "12,50,000"),
    *(
        "12 %",
        "12%",
        "5\u2030",
        "CHF 12",
        "12 CHF",
        "EUR 1.234,50",
        "12 \u20ac",
        "$3",
        "US$ 4",
        "R$5",
        "\u20b9500",
        "kr 5",
        "5 kr",
    ),
    *("(1,234)", "($5.50)", "-(5)", "\u22125", "12-", "5 E3", "-$5", "\uff11\uff12", "\u0663\u0664"),
    *("\u0661\u066b\u0665", "1\u00b75", "1.5D+03", "1.5\u00d710^3", "2\u00d710\u2075", "CHF 5.-"),
]
WORDED = [
    *("12 kg", "12kg", "30 min", "5 km/h", "7 m\u00b2", "7 m^3", "<5", "\u2265 3", "~ 3", "ca. 5", "5th", "Zone 1"),
    *("12 Main Street", "#5", "No. 5", "'5", '="5"', "5;", "[5]", "5 \u2605", "65+", "1.4*", "1.4 [1]", "0x1F"),
    *("1-5", "2020-01-02", "12:30", "1.2.3", "1/2", "10.0.0.1", "0.5 \u00b1 0.1", "(0, 1]"),
]
OTHER = ["A1", "Q1", "A-1", "T_3", "abc", "5 of 10 stars", "yes"]


@pytest.mark.parametrize("text", SIGNED)
def test_a_number_with_signs_is_told(text: str) -> None:
    assert kind_of(text) is Kind.SIGNED


@pytest.mark.parametrize("text", WORDED)
def test_a_number_in_words_is_told(text: str) -> None:
    assert kind_of(text) is Kind.WORDED


@pytest.mark.parametrize("text", OTHER)
def test_what_is_no_number_is_told(text: str) -> None:
    assert kind_of(text) is Kind.OTHER


@pytest.mark.parametrize("text", ["", "   ", "?", "NaN", "#N/A", "-", "\u2014", "K.A.", "\u200b"])
def test_what_stands_for_a_gap_is_told(text: str) -> None:
    assert kind_of(text) is Kind.PLACEHOLDER


def test_nobody_sees_what_made_it_text() -> None:
    found = read(column("1\u00a0", "\ufeff2.5", "3\u200b", "\u200e4"), decimal_comma=False, typed=False)
    assert found.numbers is not None
    assert found.numbers.tolist() == [1, 2.5, 3, 4]
    assert found.notes


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers())
def test_every_number_that_a_program_writes_is_plain(number: float) -> None:
    assert kind_of(str(number)) is Kind.PLAIN


@pytest.mark.parametrize("text", SIGNED)
def test_a_column_of_numbers_with_signs_is_refused_by_name_whatever_the_rest(text: str) -> None:
    found = read(column("1", "2", None, text, "?"), decimal_comma=False, typed=False)
    assert found.refusal
    assert found.refusal.startswith(f"column 'c' holds numbers with signs, such as {text!r} in row 3 (1 of 5 values)")


def test_numbers_with_placeholders_are_numbers_with_gaps_and_a_note() -> None:
    found = read(column("1", "?", "2.5", "#DIV/0!", None, "?"), decimal_comma=False, typed=False)
    assert found.numbers is not None
    assert found.numbers.tolist()[::2] == [1, 2.5, pytest.approx(float("nan"), nan_ok=True)]
    assert found.numbers.isna().tolist() == [False, True, False, True, True, True]
    assert found.notes == ("column 'c': '?' (2), '#DIV/0!' (1) among its numbers is taken for a gap",)


def test_numbers_beside_a_few_words_stay_text_with_a_note() -> None:
    found = read(column("1", "2", "3", "high"), decimal_comma=False, typed=False)
    assert found.numbers is None
    assert "text although 75 % of its values are numbers" in found.notes[0]
    assert "'high' (1)" in found.notes[0]


def test_a_sign_among_numbers_in_words_refuses_nothing() -> None:
    found = read(column("1 mg", "2 mg", "5 %"), decimal_comma=False, typed=False)
    assert found.refusal is None
    assert "text although 100 % of its values are numbers or hold some" in found.notes[0]


def test_words_beside_a_few_numbers_are_text_without_a_word() -> None:
    found = read(column("1", "a", "b", "?"), decimal_comma=False, typed=False)
    assert (found.numbers, found.notes, found.refusal) == (None, (), None)


def test_text_by_type_stays_text_with_a_note() -> None:
    found = read(column("1", "2"), decimal_comma=False, typed=True)
    assert found.numbers is None
    assert "text by its type" in found.notes[0]


def test_a_comma_before_decimals_is_read_where_nothing_speaks_against_it() -> None:
    found = read(column("1,5", "2", "-0,25", "?"), decimal_comma=True, typed=False)
    assert found.numbers is not None
    assert found.numbers.tolist()[:3] == [1.5, 2, -0.25]
    assert read(column("1,5", "2.5"), decimal_comma=True, typed=False).refusal
    assert read(column("1,5", "2"), decimal_comma=False, typed=False).refusal


def test_decimal_commas_are_decided_by_the_column() -> None:
    frame = pd.DataFrame({"a": column("1,5", "2"), "b": column("x,y", "z"), "c": column("1,234", "5"), "d": [1, 2]})
    assert decimal_commas(frame) == ["a", "c"]
    assert has_decimal_commas(frame)
    assert not has_decimal_commas(frame[["b", "c", "d"]])


@pytest.mark.parametrize(("text", "sure"), [("12,5", True), ("0,125", True), ("1,5e-05", True), ("1,344E+01", False)])
def test_a_comma_is_sure_where_it_cannot_stand_before_thousands(text: str, *, sure: bool) -> None:
    assert kind_of(text) is Kind.COMMA
    assert has_decimal_commas(pd.DataFrame({"a": column(text, "2", "?")})) is sure
