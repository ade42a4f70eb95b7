"""Reading tables of every usual kind of file."""

import errno
import gzip
import sys
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import PROJECT, run

from reprise.base.errors import WrongCall
from reprise.data.table import read_table

FRAME = pd.DataFrame({"a": [1, 2, 3], "b c": [1.5, None, 2.5], "ü": ["x", None, "z"]})


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A web server on a folder."""
    handler = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{web.server_port}"
        web.shutdown()


def test_every_format_holds_the_same_table(tmp_path: Path) -> None:
    FRAME.to_csv(tmp_path / "t.csv", index=False)
    FRAME.to_csv(tmp_path / "t.csv.gz", index=False)
    FRAME.to_csv(tmp_path / "semicolon.csv", index=False, sep=";")
    FRAME.to_csv(tmp_path / "bom.csv", index=False, encoding="utf-8-sig")
    FRAME.to_parquet(tmp_path / "t.parquet")
    tables = [read_table(str(path)) for path in sorted(tmp_path.iterdir())]
    assert len(tables) == 5
    for table in tables:
        pd.testing.assert_frame_equal(table.frame, FRAME)
    assert len({table.fingerprint for table in tables}) == 1


def test_a_bundled_table_is_read_by_name() -> None:
    table = read_table("breast_cancer")
    assert table.frame.shape == (569, 31)
    assert table.source.kind == "bundled"


def test_a_parquet_index_with_a_name_is_a_column(tmp_path: Path) -> None:
    FRAME.set_index("a").to_parquet(tmp_path / "t.parquet")
    assert list(read_table(str(tmp_path / "t.parquet")).frame) == ["a", "b c", "ü"]


def test_a_file_uri_and_a_web_address(tmp_path: Path, server: str) -> None:
    FRAME.to_csv(tmp_path / "t t.csv", index=False)
    by_path = read_table(str(tmp_path / "t t.csv"))
    by_uri = read_table((tmp_path / "t t.csv").as_uri())
    by_web = read_table(f"{server}/t%20t.csv")
    assert by_path.fingerprint == by_uri.fingerprint == by_web.fingerprint
    assert by_uri.source == by_path.source
    assert by_web.source.kind == "uri"


def test_a_web_page_that_is_missing_or_a_server_that_is_gone(server: str) -> None:
    with pytest.raises(WrongCall, match="the server answers 404"):
        read_table(f"{server}/nothing.csv")
    with pytest.raises(WrongCall, match="cannot be fetched"):
        read_table("http://127.0.0.1:9/t.csv")


def wrong_files(folder: Path) -> dict[str, tuple[str, str]]:
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("a,b\n")
    (folder / "latin.csv").write_bytes("a,b\n1,é\n".encode("latin-1"))
    (folder / "twice.csv").write_text("a,a\n1,2\n")
    (folder / "long.csv").write_text("a,b\n1,2,3\n4,5,6\n")
    (folder / "ragged.csv").write_text("a,b\n1,2\n4,5,6\n")
    (folder / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 10_000)[:-20])
    (folder / "torn.parquet").write_bytes(b"PAR1 and no more")
    (folder / "data.xlsx").write_bytes(b"PK")
    (folder / "folder.csv").mkdir()
    pq.write_table(pa.table({"a": [[1, 2], [3]]}), folder / "nested.parquet")
    return {
        "empty.csv": ("empty", "its first line must name the columns"),
        "header.csv": ("header only", "has 0 rows and 2 columns"),
        "latin.csv": ("not UTF-8", "is not UTF-8"),
        "twice.csv": ("a name twice", "2 columns named 'a'"),
        "long.csv": ("rows longer than the header", "is not a table"),
        "ragged.csv": ("one row too long", "is not a table"),
        "cut.csv.gz": ("truncated", "not a whole gzip file"),
        "torn.parquet": ("corrupt", "not a whole Parquet file"),
        "data.xlsx": ("unknown suffix", "has a file type that is not supported"),
        "folder.csv": ("a directory", "is a directory"),
        "nested.parquet": ("nested", "column 'a' is nested"),
        "missing.csv": ("missing", "does not exist"),
    }


def test_files_that_are_no_tables_are_refused_in_one_line(tmp_path: Path) -> None:
    for name, (what, message) in wrong_files(tmp_path).items():
        with pytest.raises(WrongCall, match=message) as refused:
            read_table(str(tmp_path / name))
        assert "\n" not in refused.value.format_message(), what
        assert name in refused.value.format_message(), what


def written(path: Path, text: str | bytes) -> str:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return str(path)


def test_a_bad_byte_is_named_by_its_place_in_the_file(tmp_path: Path) -> None:
    rows = b"1,2\n" * 100_000
    with pytest.raises(WrongCall, match=r"is not UTF-8 at byte 400006 \(line 100002\): 0xe9; save it as UTF-8"):
        read_table(written(tmp_path / "t.csv", b"a,b\n" + rows + b"1,\xe9\n"))


@pytest.mark.parametrize("name", ["t.csv", "t.csv.gz"])
def test_gzip_is_told_by_its_bytes_for_a_server_may_have_packed_or_unpacked_it(tmp_path: Path, name: str) -> None:
    plain = read_table(written(tmp_path / name, "a,b\n1,2\n"))
    packed = read_table(written(tmp_path / name, gzip.compress(b"a,b\n1,2\n")))
    assert plain.fingerprint == packed.fingerprint


def test_a_header_may_be_longer_than_the_csv_module_allows(tmp_path: Path) -> None:
    names = [f"a_column_with_a_long_name_{number:06}" for number in range(6000)]
    table = read_table(written(tmp_path / "t.csv", ",".join(names) + "\n" + ",".join(["1"] * 6000) + "\n"))
    assert list(table.frame) == names


def test_codes_that_begin_with_a_zero_are_text(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "zip,n,x\n01234,10,0.5\n1234,20,0.25\n")
    frame = read_table(path).frame
    assert frame["zip"].tolist() == ["01234", "1234"]
    assert (frame["n"].tolist(), frame["x"].tolist()) == ([10, 20], [0.5, 0.25])
    assert read_table(path, reading=1).frame["zip"].tolist() == [1234, 1234]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_whole_numbers_with_gaps_are_exact(tmp_path: Path, suffix: str) -> None:
    def table(number: int) -> str:
        path = tmp_path / f"{number}{suffix}"
        column = pa.array([number, None, 3], pa.int64())
        if suffix == ".parquet":
            pq.write_table(pa.table({"a": column, "b": [1, 2, 3]}), path)
        else:
            path.write_text(f"a,b\n{number},1\n,2\n3,3\n")
        return str(path)

    first, second = table(2**53), table(2**53 + 1)
    assert read_table(first).fingerprint != read_table(second).fingerprint
    assert read_table(second).frame["a"][0] == 2**53 + 1
    assert read_table(first, reading=1).fingerprint == read_table(second, reading=1).fingerprint
    small = table(5)
    assert read_table(small).fingerprint == read_table(small, reading=1).fingerprint


@pytest.mark.parametrize("gap", ["5", ""])
def test_whole_numbers_beyond_64_bits_are_exact(tmp_path: Path, gap: str) -> None:
    text = "a,b\n{},1\n{},2\n"
    first, second = (read_table(written(tmp_path / f"{n}.csv", text.format(10**24 + n, gap))) for n in (0, 1))
    assert first.fingerprint != second.fingerprint
    assert str(second.frame["a"][0]) == "1000000000000000000000001"


def test_whole_numbers_of_a_parquet_index_are_exact(tmp_path: Path) -> None:
    numbers = pd.Index(pd.array([2**53 + 1, None], "Int64"), name="k")
    pd.DataFrame({"a": [1, 2]}, numbers).to_parquet(tmp_path / "t.parquet")
    assert read_table(str(tmp_path / "t.parquet")).frame["k"][0] == 2**53 + 1


@pytest.mark.parametrize("again", ["x,y,target", ' x ,"y",target', "\ufeffx,y,target"])
def test_a_header_inside_the_file_is_a_fault_with_its_line(tmp_path: Path, again: str) -> None:
    table = read_table(written(tmp_path / "t.csv", f"x,y,target\n1,2,a\n3,4,b\n{again}\n5,6,a\n"))
    assert table.faults
    assert "appears again in lines 4;" in table.faults[0]


def test_a_header_of_numbers_is_found_by_its_text(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "1,2,target\n5,6,a\n1,2,target\n"))
    assert "lines 3;" in table.faults[0]


def test_rows_with_too_few_cells_are_counted(tmp_path: Path) -> None:
    table = read_table(written(tmp_path / "t.csv", "target,x,y\na,1,2\nb,3\na,5,6\n"))
    assert table.notes == (
        "1 rows have fewer cells than the header, the first in line 3; their missing cells are read as gaps",
    )


def test_prose_with_commas_and_line_breaks_has_swallowed_nothing(tmp_path: Path) -> None:
    rows = "".join(f'"Hello, world {n}\nbye, you",{"ab"[n % 2]}\n' for n in range(8))
    table = read_table(written(tmp_path / "t.csv", "note,target\n" + rows))
    assert not table.faults
    assert "8 texts hold 8 line breaks" in table.notes[0]


@pytest.mark.parametrize("closed", [False, True])
def test_a_stray_quote_is_a_fault_however_it_is_closed(tmp_path: Path, *, closed: bool) -> None:
    lines = [f"{'pq'[n % 2]},{n % 3}.5,{'ab'[n % 2]}" for n in range(12)]
    lines[3] = '"' + lines[3]
    lines[7] = lines[7].replace(",", '",', 1) if closed else '"' + lines[7]
    table = read_table(written(tmp_path / "t.csv", "note,x,target\n" + "\n".join(lines) + "\n"))
    assert "quotes swallow 4 of 12 lines" in table.faults[0]


def test_labels_with_a_space_before_a_zero_are_codes_too(tmp_path: Path) -> None:
    assert read_table(written(tmp_path / "t.csv", "x,t\n1, 01\n2, 1\n3, 001\n")).frame["t"].tolist() == [
        "01",
        "1",
        "001",
    ]


def test_a_server_that_packs_what_it_sends(tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n1,2\n")

    class Packing(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(packed)))
            self.end_headers()
            self.wfile.write(packed)

    with ThreadingHTTPServer(("127.0.0.1", 0), Packing) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        table = read_table(f"http://127.0.0.1:{web.server_port}/t.csv.gz")
        web.shutdown()
    assert table.frame.to_dict("list") == {"a": [1], "b": [2]}


def test_texts_with_line_breaks_are_noted_and_swallowed_rows_are_a_fault(tmp_path: Path) -> None:
    honest = read_table(written(tmp_path / "a.csv", 'a,b\n"one\ntwo",1\nthree,2\n'))
    assert honest.notes == ("1 texts hold 1 line breaks, the first in column 'a', row 0: 'one\\ntwo'",)
    assert not honest.faults
    swallowed = read_table(written(tmp_path / "b.csv", 'a,b\n"one,1\ntwo,2\nthree",3\nfour,4\n'))
    assert "quotes swallow 2 of 4 lines" in swallowed.faults[0]


def test_the_first_reading_stays_as_it_was(tmp_path: Path) -> None:
    path = written(tmp_path / "t.csv", "a;b\n1,5;2.5\n2,5;3.5\n")
    first, now = read_table(path, reading=1), read_table(path)
    assert [str(kind) for kind in first.frame.dtypes] == ["float64", "str"]
    assert [str(kind) for kind in now.frame.dtypes] == ["float64", "float64"]


STARVED = """
import resource, sys
from reprise.data.table import read_table

path, room = sys.argv[1], int(sys.argv[2])
read_table("iris")
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + room, used + room))
try:
    read_table(path)
except MemoryError as error:
    print("MemoryError", error)
"""


@pytest.mark.integration
@pytest.mark.skipif(sys.platform != "linux", reason="memory is limited by Linux's own means")
def test_memory_that_is_short_is_no_fault_of_the_table(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(200_000, 10))).add_prefix("x")
    frame.to_csv(path, index=False)
    for room in (4, 12, 24):  # MiB: each ends in another place, Python's or the parser's
        done = run(sys.executable, "-c", STARVED, path, str(room * 2**20), cwd=PROJECT, PYTHONPATH=str(PROJECT))
        assert done.returncode == 0, f"{room} MiB: {done.stderr}"
        assert done.stdout.startswith("MemoryError"), done.stdout


@pytest.mark.parametrize(
    "error", [pa.ArrowMemoryError("malloc of size 64 failed"), OSError(errno.ENOMEM, "Cannot allocate memory")]
)
def test_memory_that_arrow_lacks_is_no_fault_of_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """Its errors are raised here: a process that is really short of memory may wait for Arrow's threads for ever."""
    FRAME.to_parquet(tmp_path / "table.parquet")
    monkeypatch.setattr(pd, "read_parquet", lambda _: (_ for _ in ()).throw(error))
    with pytest.raises(MemoryError, match=str(error)[:10] if isinstance(error, pa.ArrowException) else "memory"):
        read_table(str(tmp_path / "table.parquet"))
