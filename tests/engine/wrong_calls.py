"""Every wrong call that one can think of.

`python tests/engine/wrong_calls.py` runs each as a process of its own and prints a table: call, exit code, the line on
the terminal, the run's status. `tests/engine/cli/test_wrong_calls.py` holds them to what is promised.
"""

import datetime as dt
import gzip
import os
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from conftest import PROJECT, run

ROWS = 60


@dataclass(frozen=True)
class Call:
    """A call of `train.py`: a name for it, its arguments, its variables, and what its line must hold."""

    name: str
    arguments: tuple[str, ...]
    says: str
    exit_code: int = 2
    variables: tuple[tuple[str, str], ...] = ()


def table() -> pd.DataFrame:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(ROWS, 3)), columns=["a", "b", "c"])
    return frame.assign(target=["x", "y"] * (ROWS // 2))


def make_files(folder: Path) -> None:
    """Write a file for each thing that can be wrong with one."""
    good = table()
    odd = {
        "infinite": good.assign(a=[np.inf, *good["a"][1:]]),
        "no_target": good.drop(columns="target"),
        "target_missing": good.assign(target=None),
        "one_class": good.assign(target="x"),
        "lonely_class": good.assign(target=["z", *good["target"][1:]]),
        "continuous": good.assign(target=good["a"]),
        "nothing_left": good.assign(a=1, b=None)[["a", "b", "target"]],
    }
    site = ["east", "west"] * (ROWS // 2)
    odd["sites"] = good.assign(site=site, country="north", gap=[None, *site[1:]], target_too=good["target"], one=1)
    for name, frame in odd.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    good.to_csv(folder / "good.csv", index=False)
    text = good.to_csv(index=False)
    (folder / "empty.csv").write_text("")
    (folder / "header.csv").write_text("a,target\n")
    (folder / "truncated.csv.gz").write_bytes(gzip.compress((text * 300).encode())[:-40])
    (folder / "latin.csv").write_bytes(text.replace("x", "é").encode("latin-1"))
    (folder / "twice.csv").write_text(text.replace("a,b,c", "a,a,c", 1))
    (folder / "ragged.csv").write_text(f"{text}1,2,3,x,5\n")
    (folder / "corrupt.parquet").write_bytes(b"PAR1" + bytes(100) + b"PAR1")
    (folder / "sheet.xlsx").write_bytes(b"PK")
    (folder / "folder.csv").mkdir()
    (folder / "loop.csv").symlink_to("loop.csv")
    os.mkfifo(folder / "pipe.csv")
    more = {
        "percent": good.assign(a=[f"{number}%" for number in range(ROWS)]),
        "sentinel": good.assign(a=[1.7e308, *good["a"][1:]]),
        "gap_label": good.assign(target=["None", "some"] * (ROWS // 2)),
    }
    for name, frame in more.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    (folder / "quoted.csv").write_text(text.replace("a,b,c", 'a,"a",c', 1))
    (folder / "open_quote.csv").write_text(text.replace("a,b,c", '"a,b,c', 1))
    (folder / "utf16.csv").write_bytes(text.encode("utf-16"))
    (folder / "comment.csv").write_text(f"# a table\n{text}")
    (folder / "wide_header.csv").write_text(f'"{"h" * 200_000}",target\n1,x\n')
    columns = {"a": [1.0, 2.0] * 9, "target": ["x", "y"] * 9}
    pq.write_table(pa.table({**columns, "b": [b"\xff", b"x"] * 9}), folder / "bytes.parquet")
    pq.write_table(pa.table({**columns, "b": [dt.time(10, 30), dt.time(11)] * 9}), folder / "times.parquet")
    pq.write_table(pa.table({**columns, "target": pa.array([2**63 + 1, 5] * 9, pa.uint64())}), folder / "wide.parquet")
    pq.write_table(pa.table(columns).slice(0, 0), folder / "no_rows.parquet")
    pq.write_table(pa.table([*columns.values(), columns["a"]], names=["a", "target", "a"]), folder / "again.parquet")
    pq.write_table(pa.table({"a": [[1], [2]], "target": ["x", "y"]}), folder / "nested.parquet")


def calls(folder: Path, site: str) -> Iterator[Call]:
    """Return the calls; files are in the folder, and a web site answers 404, or refuses a login."""
    for value in ("abc", "0", "-1", "nan", "inf", ""):
        wanted = {"0": "greater than 0", "-1": "greater than 0", "nan": "a finite number", "inf": "a finite number"}
        yield Call(f"C={value}", ("--C", value), f"{value!r} should be {wanted.get(value, 'a valid number')}")
    for value, needed in {"0": "greater than 0", "1": "less than 1", "1.5": "less than 1", "nan": "a finite"}.items():
        yield Call(f"test_size={value}", ("--test-size", value), f"{value!r} should be {needed}")
    yield Call("gamma=-1", ("--gamma", "-1"), "should be greater than 0, or 'scale' or 'auto'")
    yield Call("kernel=cubic", ("--kernel", "cubic"), "'cubic' should be 'linear', 'poly', 'rbf' or 'sigmoid'")
    yield Call("solver=fast", ("--solver", "fast"), "'fast' should be 'exact', 'approximate' or 'auto'")
    yield Call("seed=-1", ("--seed", "-1"), "'-1' should be greater than or equal to 0")
    yield Call("unknown parameter", ("--depth", "3"), "No such option")
    yield Call("an argument", ("iris",), "unexpected extra argument")
    for name, says in {
        "missing.csv": "does not exist",
        "empty.csv": "its first line must name the columns",
        "header.csv": "has 0 rows",
        "truncated.csv.gz": "not a whole gzip file",
        "latin.csv": "is not UTF-8",
        "folder.csv": "is a directory",
        "sheet.xlsx": "has a file type that is not supported",
        "corrupt.parquet": "not a whole Parquet file",
        "nested.parquet": "column 'a' is nested",
        "twice.csv": "2 columns named 'a'",
        "ragged.csv": "is not a table",
        "no_target.csv": "target 'target' is not a column",
        "target_missing.csv": "is missing in every row",
        "one_class.csv": "has one class, 'x'",
        "lonely_class.csv": "classes have one row, such as 'z'",
        "times.parquet": "column 'b' holds times or durations, such as 10:30:00; leave it out with exclude",
        "infinite.csv": "column 'a' is infinite in row 0",
        "nothing_left.csv": "no column is left",
        "loop.csv": "does not exist",
        "pipe.csv": "is a pipe",
        "percent.csv": "holds numbers with signs, such as '0%'",
        "sentinel.csv": "too large to be squared, in row 0",
        "gap_label.csv": "has one class, 'some'",
        "quoted.csv": "2 columns named 'a'",
        "open_quote.csv": "is not a table",
        "utf16.csv": "is not UTF-8",
        "comment.csv": "is not a table",
        "wide_header.csv": "has one class, 'x'",
        "bytes.parquet": "column 'b' holds bytes",
        "wide.parquet": "of which not each is exact",
        "no_rows.parquet": "has 0 rows",
        "again.parquet": "2 columns named 'a'",
        f"{'x' * 300}.csv": "cannot be looked up: File name too long",
    }.items():
        yield Call(f"data={name[:30]}", ("--data", str(folder / name)), says)
    good = str(folder / "good.csv")
    yield Call("data: nothing", ("--data", ""), "is empty; name a file")
    yield Call("data: no URI", ("--data", "http://[::1/t.csv"), "is no URI")
    yield Call("data: another host's file", ("--data", "file://host/t.csv"), "names the host 'host'")
    yield Call("data: HTTP 404", ("--data", f"{site}/missing.csv"), "the server answers 404")
    yield Call("data: connection refused", ("--data", "http://127.0.0.1:9/t.csv"), "cannot be fetched")
    yield Call("data: unknown scheme", ("--data", "gopher://host/t.csv"), "the scheme 'gopher' is not known")
    yield Call("data: no such run", ("--data", f"runs:/{'0' * 32}/t.csv"), "cannot be fetched")
    yield Call("target: none such", ("--data", good, "--target", "nothing"), "it has 'a', 'b', 'c', 'target'")
    numbers = ("--data", str(folder / "continuous.csv"), "--task", "classification")
    yield Call(
        "task: no classes", numbers, "task=classification is asked for, but target 'target' holds numbers such as"
    )
    yield Call("task: no numbers", ("--data", good, "--task", "regression"), "holds text, such as 'x'; give task=cla")
    yield Call("features: none such", ("--data", good, "--features", "a,nothing"), "feature 'nothing' is not a column")
    yield Call("features: twice", ("--data", good, "--features", "a,a"), "is named twice")
    yield Call("features: the target", ("--data", good, "--features", "a,target"), "is the target")
    yield Call("features: two lines", ("--data", good, "--features", "a\nb"), "is no list of names")
    yield Call("features: none", ("--data", good, "--features", ""), "names no column")
    yield Call(
        "exclude: none such", ("--data", good, "--exclude", "nothing"), "excluded column 'nothing' is not a column"
    )
    yield Call("exclude: the target", ("--data", good, "--exclude", "target"), "is the target; leave it out of exclude")
    yield Call("exclude: twice", ("--data", good, "--exclude", "a,a"), "excluded column 'a' is named twice")
    yield Call("test split too small", ("--data", good, "--test-size", "0.01"), "fewer than the 2 classes")
    sites = str(folder / "sites.csv")
    for value, says in {
        "stratified": "split 'stratified' is not known",
        "group:town": "'town' is not a column of the table",
        "group:target": "'target' is the target",
        "group:country": "column 'country' is 'north' in every row",
        "group:gap": "column 'gap' is empty in 1 of",
        "group:target_too": "out of training: 30 rows, all of them held out",
        "time:site": "column 'site' holds 'east' in row 0, which is no date in ISO 8601",
        "column:site": "column 'site' says 'east' in row 0",
    }.items():
        yield Call(f"split={value}", ("--data", sites, "--split", value), says)
    few = ("--data", good, "--calibrate", "sigmoid", "--test-size", "0.9")
    for name, options, says in (
        ("weight: none such", ("--data", good, "--weight", "people"), "weight 'people' is not a column"),
        ("weight: negative", ("--data", good, "--weight", "a"), "use finite weights of 0 or more"),
        ("weight: constant", ("--data", sites, "--weight", "one"), "is 1 in every row, so it weighs nothing"),
        ("threshold=best", ("--data", good, "--threshold", "best"), "is neither a number nor a metric known here"),
        ("threshold: three classes", ("--threshold", "0.3"), "is for two classes, and target 'target' has 3"),
        ("calibrate=platt", ("--calibrate", "platt"), "'platt' should be 'none', 'isotonic' or 'sigmoid'"),
        ("calibrate: too few rows", few, "calibrate=sigmoid needs 5 rows of each class to train on"),
    ):
        yield Call(name, options, says)
    down = (("MLFLOW_TRACKING_URI", "http://127.0.0.1:9"), ("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1"))
    yield Call("tracking server down", ("--data", good), "127.0.0.1:9 does not answer", 1, down)
    refused = (("MLFLOW_TRACKING_URI", site),)
    yield Call("tracking server refuses the login", ("--data", good), "refuses the login", 1, refused)
    driver = (("MLFLOW_TRACKING_URI", "mysql+pymysql://me:secret@127.0.0.1/runs"),)
    yield Call("database without its driver", ("--data", good), "needs the package pymysql", 1, driver)
    corrupt = (("MLFLOW_TRACKING_URI", f"sqlite:///{folder / 'good.csv'}"),)
    yield Call("store that is no database", ("--data", good), "not a readable SQLite database", 2, corrupt)
    store = (("MLFLOW_TRACKING_URI", "nonsense://host"),)
    yield Call("tracking URI of no kind", ("--data", good), "nonsense", 1, store)


class Site(BaseHTTPRequestHandler):
    """A web site that lacks every table, and as a tracking server refuses every login."""

    def do_GET(self) -> None:
        self.send_error(404 if self.path.endswith(".csv") else 401)

    do_POST = do_GET  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Report nothing."""


@dataclass(frozen=True)
class Outcome:
    """What became of a call."""

    call: Call
    exit_code: int
    lines: list[str]
    runs: list[mlflow.entities.Run]


def outcome(call: Call, folder: Path) -> Outcome:
    """Run a call in a fresh folder of its own."""
    folder.mkdir()
    done = run("python", str(PROJECT / "train.py"), *call.arguments, cwd=folder, **dict(call.variables))
    runs: list[mlflow.entities.Run] = []
    if (folder / "mlflow.db").exists():
        mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
        runs = mlflow.search_runs(search_all_experiments=True, output_format="list")
    return Outcome(call, done.returncode, said(done.stderr), runs)


def said(stderr: str) -> list[str]:
    """Return the lines of what a process wrote, without MLflow's own chatter."""
    return [line for line in stderr.splitlines() if line and " INFO " not in line]


def outcomes(folder: Path) -> Iterator[Outcome]:
    """Run all calls, one after the other."""
    make_files(folder)
    with ThreadingHTTPServer(("127.0.0.1", 0), Site) as site:
        threading.Thread(target=site.serve_forever, daemon=True).start()
        for number, call in enumerate(calls(folder, f"http://127.0.0.1:{site.server_port}")):
            yield outcome(call, folder / f"call-{number}")
        site.shutdown()


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory() as folder:
        print(f"{'call':36}  exit  {'run':8}  line")
        for found in outcomes(Path(folder)):
            status = found.runs[0].info.status if found.runs else "none"
            print(f"{found.call.name:36}  {found.exit_code:4}  {status:8}  {' / '.join(found.lines)}", flush=True)


if __name__ == "__main__":
    main()
