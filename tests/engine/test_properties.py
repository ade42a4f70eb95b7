"""What holds for any value of fingerprints, credentials, project URIs and CSV files."""

import csv
import io
import string
import tempfile
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from reprise.base.credentials import without_credentials
from reprise.base.errors import WrongCall
from reprise.code.project_uri import ProjectUri, parse
from reprise.data import csv_file
from reprise.data.fingerprint import fingerprint
from reprise.data.table import READING

examples = settings(max_examples=40, deadline=None)

NAMES = st.text(string.ascii_letters, min_size=1, max_size=6)
INTEGERS = st.integers(-(2**63), 2**63 - 1)
FLOATS = st.floats(allow_nan=False, allow_infinity=False)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
WORDS = TEXTS.map("w{}".format)
"""Texts that no reader takes for a number, a gap, a date or a truth value."""


def columns(*kinds: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, list[Any]]]:
    """Make up tables of one to four columns and as many rows each; a column holds one kind of values."""

    def of(rows: int) -> st.SearchStrategy[dict[str, list[Any]]]:
        column = st.one_of([st.lists(kind, min_size=rows, max_size=rows) for kind in kinds])
        return st.dictionaries(NAMES, column, min_size=1, max_size=4)

    return st.integers(1, 6).flatmap(of)


TABLES = columns(INTEGERS, FLOATS, st.booleans(), TEXTS)


class TestFingerprint:
    @examples
    @given(TABLES, st.integers(1, 6))
    def test_row_groups_and_chunks_do_not_count(self, table: dict[str, list[Any]], size: int) -> None:
        frame = pd.DataFrame(table)
        written = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(frame), written, row_group_size=size)
        read = pq.read_table(written)
        chunked = frame.astype({name: pd.ArrowDtype(read.schema.field(name).type) for name in frame})
        parted = pd.concat([chunked.iloc[start : start + size] for start in range(0, len(frame), size)])
        assert fingerprint(read.to_pandas()) == fingerprint(parted) == fingerprint(frame)

    @examples
    @given(TABLES, st.data())
    def test_every_cell_counts(self, table: dict[str, list[Any]], data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(table)))
        row = data.draw(st.integers(0, len(table[name]) - 1))
        values = {bool: st.booleans(), int: INTEGERS, float: FLOATS, str: TEXTS}[type(table[name][row])]
        other = data.draw(values)
        assume(repr(other) != repr(table[name][row]))
        changed = [*table[name][:row], other, *table[name][row + 1 :]]
        assert fingerprint(pd.DataFrame({**table, name: changed})) != fingerprint(pd.DataFrame(table))

    @examples
    @given(TABLES, st.data())
    def test_every_name_and_every_type_counts(self, table: dict[str, list[Any]], data: st.DataObject) -> None:
        frame = pd.DataFrame(table)
        name = data.draw(st.sampled_from(sorted(table)))
        other = data.draw(NAMES)
        assume(other not in table)
        assert fingerprint(frame.rename(columns={name: other})) != fingerprint(frame)
        if not isinstance(table[name][0], str):
            assert fingerprint(frame.assign(**{name: frame[name].map(str)})) != fingerprint(frame)


SECRETS = st.text(string.ascii_letters + string.digits, min_size=6, max_size=12).map("S3cr3t{}".format)
HOSTS = st.from_regex(r"[a-z]{1,8}(\.[a-z]{2,4}){0,2}(:[1-9][0-9]{1,3})?", fullmatch=True)
PLACES = st.from_regex(r"(/[a-z0-9._-]{1,6}){0,3}", fullmatch=True)
BEFORE = st.sampled_from(["", "cannot read '", "data ", "(", "both https://example.org/a and "])
SCHEMES = st.sampled_from(["https", "http", "s3", "postgresql+psycopg2", "ssh", "git+https", "HTTPS"])


class TestCredentials:
    @examples
    @given(BEFORE, SCHEMES, st.from_regex(r"[a-z]{0,8}", fullmatch=True), SECRETS, TEXTS, HOSTS, PLACES)
    def test_no_password_of_a_url_is_left(
        self, before: str, scheme: str, user: str, secret: str, more: str, host: str, place: str
    ) -> None:
        assume("\n" not in more)
        password = secret + more.replace("@", "%40") + secret
        clean = without_credentials(f"{before}{scheme}://{user}:{password}@{host}{place}")
        assert secret not in clean
        assert clean.startswith(before)
        assert clean.endswith(f"{host}{place}")
        assert without_credentials(clean) == clean

    @examples
    @given(HOSTS, PLACES, st.sampled_from(["token", "sig", "access_key", "X-Amz-Signature", "q"]), SECRETS)
    def test_no_token_of_a_query_or_a_fragment_is_left(self, host: str, place: str, name: str, secret: str) -> None:
        for url in (f"{name}={secret}", f"page=2&{name}={secret}", f"{name}={secret}&page=2", secret):
            clean = without_credentials(f"https://{host}{place}?{url}")
            assert secret not in clean
            assert without_credentials(clean) == clean
        assert secret not in without_credentials(f"https://{secret}@{host}{place}#{name}={secret}")

    @examples
    @given(TEXTS)
    def test_a_text_without_a_url_is_as_it_was(self, text: str) -> None:
        assume("//" not in text)
        assert without_credentials(text) == text

    @examples
    @given(st.lists(st.sampled_from([*"abc:/@?#=& '\\\n", "https://", "//", "token="]), max_size=24).map("".join))
    def test_what_is_clean_stays_clean(self, text: str) -> None:
        clean = without_credentials(text)
        assert without_credentials(clean) == clean


class TestProjectUri:
    @examples
    @given(HOSTS, PLACES, st.from_regex(r"[a-z0-9][a-z0-9./-]{0,8}", fullmatch=True) | st.none(), PLACES)
    def test_it_is_read_as_it_was_put_together(
        self, host: str, place: str, version: str | None, subdirectory: str
    ) -> None:
        try:
            whole = ProjectUri(f"https://{host}{place}.git", version, subdirectory[1:])
        except WrongCall:  # a folder outside of the repository
            assert ".." in subdirectory.split("/")
            return
        assert parse(f"{whole.repository}#{version or ''}:{whole.subdirectory}") == whole

    @examples
    @example("a" * 300)
    @example("https://host/" + "a" * 5000 + "#main")
    @given(TEXTS | st.lists(st.sampled_from([*"a#:/.~\0", "..", "https://", "\udc80"]), max_size=12).map("".join))
    def test_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            read = parse(text)
        except WrongCall:
            return
        assert text.startswith(read.repository)


def read_back(text: str) -> csv_file.Content:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "table.csv")
        path.write_text(text, encoding="utf-8", newline="")
        return csv_file.read(path, "table.csv", reading=READING)


class TestCsv:
    @examples
    @given(
        columns(INTEGERS, FLOATS, st.booleans(), WORDS),
        st.sampled_from(",;\t|"),
        st.sampled_from(["\n", "\r\n"]),
        st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]),
    )
    def test_what_was_written_is_read_or_refused(
        self, table: dict[str, list[Any]], separator: str, end: str, quoting: Any
    ) -> None:
        assume(len(table) > 1 or separator == ",")
        assume(quoting != csv.QUOTE_MINIMAL or r"\r" not in str(table.values()))  # which pandas leaves unquoted
        written = io.StringIO()
        pd.DataFrame(table).to_csv(written, index=False, sep=separator, lineterminator=end, quoting=quoting)
        try:
            content = read_back(written.getvalue())
        except WrongCall:
            return
        if content.faults or content.doubts:
            return
        assert list(content.frame) == list(table)
        for name, values in table.items():
            assert content.frame[name].tolist() == values, content.notes

    @examples
    @given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=5), st.sampled_from(",;\t|"))
    def test_texts_that_are_asked_for_are_as_they_were_written(self, rows: list[list[str]], separator: str) -> None:
        written = io.StringIO()
        csv.writer(written, delimiter=separator, quoting=csv.QUOTE_ALL).writerows([["first", "second"], *rows])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "table.csv")
            path.write_text(written.getvalue(), encoding="utf-8", newline="")
            try:
                content = csv_file.read(path, "table.csv", reading=READING, texts=["first", "second"])
            except WrongCall:
                return
        if content.faults:
            return
        for row, again in zip(rows, content.frame.to_numpy().tolist(), strict=True):
            for value, found in zip(row, again, strict=True):
                assert found == value or (value in GAPS and pd.isna(found)), (value, found, content.notes)


GAPS = {"", " ", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A"}
GAPS |= {"NA", "NULL", "NaN", "None", "n/a", "nan", "null"}
