"""The data fingerprint: all content counts, and nothing else."""

import hashlib
import struct

import numpy as np
import pandas as pd
import pytest

from reprise.data.fingerprint import fingerprint

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": [1.5, np.nan, 2.5], "c": ["x", None, "zé"], "d": [True, False, True]})


def test_it_is_what_the_documentation_defines() -> None:
    """docs/fingerprint.md, written out by hand for one table."""
    text = lambda value: struct.pack("<q", len(value.encode())) + value.encode()  # noqa: E731
    expected = hashlib.sha256(b"reprise-table-1" + struct.pack("<q", 3))
    expected.update(text("a") + text("integer") + bytes([1, 1, 1]) + struct.pack("<3q", 1, 2, 3))
    expected.update(text("b") + text("float") + bytes([1, 0, 1]) + struct.pack("<3d", 1.5, 0, 2.5))
    expected.update(text("c") + text("text") + bytes([1, 0, 1]) + struct.pack("<3q", 1, 0, 3) + b"xz\xc3\xa9")
    expected.update(text("d") + text("boolean") + bytes([1, 1, 1]) + struct.pack("<3q", 1, 0, 1))
    assert fingerprint(FRAME) == expected.hexdigest()


@pytest.mark.parametrize(
    "change",
    [
        lambda frame: frame.assign(a=[1, 2, 4]),
        lambda frame: frame.assign(a=[1.0, 2.0, 3.0]),
        lambda frame: frame.assign(c=["x", "", "zé"]),
        lambda frame: frame.assign(c=["xz", None, "é"]),
        lambda frame: frame.rename(columns={"a": "A"}),
        lambda frame: frame[["b", "a", "c", "d"]],
        lambda frame: frame.iloc[[1, 0, 2]],
        lambda frame: frame.iloc[:2],
    ],
)
def test_any_change_changes_it(change: object) -> None:
    assert fingerprint(change(FRAME)) != fingerprint(FRAME)  # type: ignore[operator]


@pytest.mark.parametrize(
    "same",
    [
        lambda frame: frame.set_index(np.array([5, 6, 7])),
        lambda frame: frame.assign(a=frame["a"].astype("int8")),
        lambda frame: frame.assign(c=frame["c"].astype("category")),
        lambda frame: frame.assign(c=frame["c"].astype(object)),
        lambda frame: pd.concat([frame, frame]).iloc[3:],
    ],
)
def test_how_it_is_stored_does_not_count(same: object) -> None:
    assert fingerprint(same(FRAME)) == fingerprint(FRAME)  # type: ignore[operator]


def test_rows_beyond_mlflows_sample_count() -> None:
    frame = pd.DataFrame({"a": np.arange(50_000)})
    other = frame.copy()
    other.loc[33_333, "a"] = -1
    assert fingerprint(frame) != fingerprint(other)


def test_dates_and_decimals_have_one() -> None:
    frame = pd.DataFrame({"a": pd.date_range("2020", periods=2), "b": pd.array([1, None], dtype="Int64")})
    assert len(fingerprint(frame)) == 64
