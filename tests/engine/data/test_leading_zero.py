"""Whole numbers that begin with a zero are found in a file of any length, and nothing else is."""

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reprise.data import delimited_file
from reprise.data.delimited_file import DelimitedFile
from reprise.data.leading_zero import _may_hold, occurs

CODES = ["01", "007", " 01", "+01", "-01", '"01"', "  -00"]
OTHERS = ["0", "10", "0.01", "1e-05", "2020-01-05", "a01", "01a", "1.00", "05:30", ".01", "x 01y"]


def written(folder: Path, cell: str, separator: str, end: str = "\n") -> DelimitedFile:
    path = folder / "table.csv"
    path.write_bytes(f"code{separator}other\n3{separator}{cell}{end}".encode())
    return DelimitedFile(path, separator, ["code", "other"])


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["", "\n", "\r\n", " \n"])
def test_a_code_is_found_behind_each_separator_and_before_each_end(separator: str, end: str, tmp_path: Path) -> None:
    assert all(occurs(written(tmp_path, cell, separator, end)) for cell in CODES)
    assert not any(occurs(written(tmp_path, cell, separator, "\n")) for cell in OTHERS)


def test_a_code_is_found_wherever_the_file_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited_file, "_OVERLAP", 8)
    for size in range(1, 24):
        monkeypatch.setattr(delimited_file, "_BLOCK", size)
        assert occurs(written(tmp_path, "-007", ";"))


@given(st.text(alphabet='0019,;.e+- "\r\na', max_size=40), st.sampled_from([b",", b";"]))
def test_the_look_at_bytes_lets_through_all_that_the_expression_finds(text: str, separator: bytes) -> None:
    pattern = re.compile(rb'(?:%s|[\r\n"]) *[-+]?0\d+(?=[ %s"\r\n]|\Z)' % (separator, separator))
    block = b"\n" + text.encode()
    assert _may_hold(block, separator) or not pattern.search(block)
