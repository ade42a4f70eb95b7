"""The key of a search: who has none gets in nowhere, and it is found nowhere but in its file."""

import asyncio
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import mlflow
import psutil
import pytest
from click.testing import CliRunner
from conftest import run, script
from distributed import Client, Security
from distributed.core import rpc
from distributed.protocol.pickle import dumps
from search_processes import LOCAL, SEARCH, runs, started, wait_until, work

from reprise.base import scratch, tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.cli.commands import cli
from reprise.running import search_key
from reprise.running.search_workers import KEY
from reprise.search import dask_cluster, dask_tls, worker
from reprise.search.dask_cluster import Cluster

RUN_ID = "0" * 32


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.delenv(KEY, raising=False)
    return folder


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    with dask_cluster.connect("here") as gathering:
        yield gathering


@pytest.fixture
def own_certificates(tmp_path: Path) -> dict[str, str]:
    """Dask's own settings of TLS, as its documentation has them, but for the one that asks for encryption."""
    made, comm = Security.temporary(), "DASK_DISTRIBUTED__COMM__TLS__"
    for name, text in {"key": made.tls_worker_key, "cert": made.tls_worker_cert}.items():
        (tmp_path / f"{name}.pem").write_text(str(text))
    files = {f"{role}__{name}": f"{name}.pem" for role in ("CLIENT", "SCHEDULER", "WORKER") for name in ("KEY", "CERT")}
    settings = {"CA_FILE": "cert.pem"} | {name: file.lower() for name, file in files.items()}
    return {f"{comm}{name}": str(tmp_path / file) for name, file in settings.items()}


def listening(process: psutil.Process) -> list[int]:
    return [one.laddr.port for one in process.net_connections() if one.status == psutil.CONN_LISTEN]


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def break_in(address: str, security: Security | None, marker: Path) -> None:
    """Run code in a scheduler as any process would that knows its address."""
    with Client(address, security=security, timeout="2s") as client:
        client.run_on_scheduler(lambda: marker.write_text("broken in"))


def speak_without_certificate(port: int) -> None:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port)) as connection, context.wrap_socket(connection) as speaking:
        speaking.sendall(b"anything")
        speaking.recv(1)  # by TLS 1.3 a client hears only now that it is refused


def test_who_has_no_key_runs_no_code_in_the_search(cluster: Cluster, tmp_path: Path) -> None:
    """Neither without TLS, nor by TLS without a certificate, nor with a certificate of one's own of the same name."""
    plain = cluster.address.replace("tls://", "tcp://")
    (tmp_path / "own.pem").write_bytes(search_key.make())
    own = dask_tls.by(search_key.SearchKey(tmp_path / "own.pem", made=False))
    for address, security in ((plain, None), (cluster.address, own), (cluster.address, Security.temporary())):
        with pytest.raises((OSError, RuntimeError)):
            break_in(address, security, tmp_path / "marker")
    with pytest.raises(OSError, match=r"certificate required|reset|EOF"):
        speak_without_certificate(port_of(cluster.address))
    assert not (tmp_path / "marker").exists()
    assert cluster.key
    break_in(cluster.address, dask_tls.by(cluster.key), tmp_path / "marker")
    assert (tmp_path / "marker").exists()


def test_who_has_no_key_runs_no_code_in_a_worker(cluster: Cluster, tmp_path: Path) -> None:
    (tmp_path / "own.pem").write_bytes(search_key.make())
    own = dask_tls.by(search_key.SearchKey(tmp_path / "own.pem", made=False))
    ours = cluster.client.security

    async def call(address: str, security: Security, marker: Path) -> None:
        arguments = security.get_connection_args("client")
        code = {"function": dumps(marker.touch), "args": dumps(()), "kwargs": dumps({})}
        async with rpc(address, timeout=2, connection_args=arguments) as attacker:
            await attacker.run(**code)

    async def attack() -> None:
        async with dask_tls.OnePortWorker(cluster.address, security=ours, nthreads=1) as attacked:
            address, plain = attacked.address, attacked.address.replace("tls://", "tcp://")
            for reached, security in ((plain, Security()), (address, own)):
                with pytest.raises(OSError, match=r"before comm was established|Timed out|closed"):
                    await call(reached, security, tmp_path / "broken in")
            await call(address, ours, tmp_path / "let in")

    asyncio.run(attack())
    assert [(tmp_path / name).exists() for name in ("broken in", "let in")] == [False, True]


def test_only_one_port_is_open_in_a_scheduler_and_one_in_a_worker(cluster: Cluster) -> None:
    before = listening(psutil.Process())
    assert port_of(cluster.address) in before
    with Client(cluster.address, security=cluster.client.security) as client:
        assert client.scheduler_info()["services"] == {}

    async def ports() -> list[int]:
        async with dask_tls.OnePortWorker(cluster.address, security=cluster.client.security, nthreads=1) as ours:
            return sorted(set(listening(psutil.Process())) - set(before) - {ours.port})

    assert asyncio.run(ports()) == []
    check = """
import psutil
from reprise.search import dask_cluster
with dask_cluster.connect("here") as cluster:
    ports = [one.laddr.port for one in psutil.Process().net_connections() if one.status == "LISTEN"]
    assert [f"tls://127.0.0.1:{port}" for port in ports] == [cluster.address], (ports, cluster.address)
"""
    subprocess.run([sys.executable, "-c", check], check=True)


def test_only_the_user_reads_the_key_and_it_goes_with_the_search(temporary: Path) -> None:
    with dask_cluster.connect("here") as cluster:
        assert cluster.key
        offered = cluster.key.offer(RUN_ID)
        found = search_key.find(RUN_ID)
        assert found
        assert found.file == offered
        assert search_key.find("1" * 32) is None
        assert {file.stat().st_mode & 0o777 for file in offered.parent.iterdir()} == {0o600}
        assert offered.parent.parent.stat().st_mode & 0o777 == 0o700
    assert not offered.exists()
    assert search_key.find(RUN_ID) is None
    assert [file for file in temporary.rglob("*") if file.is_file() and b"PRIVATE" in file.read_bytes()] == []


def test_two_searches_have_two_keys() -> None:
    assert search_key.make() != search_key.make()


def test_certificates_in_dasks_own_configuration_win_and_everything_is_encrypted(
    own_certificates: dict[str, str], tmp_path: Path
) -> None:
    check = """
from reprise.search import dask_cluster, dask_tls
with dask_cluster.connect("here") as cluster:
    assert cluster.address.startswith("tls://"), cluster.address
    assert cluster.key is None
    assert cluster.client.security.require_encryption
    assert dask_tls.of_worker("0")[0].tls_worker_cert.endswith("cert.pem")
"""
    (tmp_path / "given.pem").write_bytes(search_key.make())
    variables = {**os.environ, **own_certificates, KEY: str(tmp_path / "given.pem")}
    subprocess.run([sys.executable, "-c", check], env=variables, check=True)


def test_a_key_that_is_given_is_used_and_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = tmp_path / "given.pem"
    given.write_bytes(search_key.make())
    monkeypatch.setenv(KEY, str(given))
    with dask_cluster.connect("here") as cluster:
        assert cluster.key
        assert cluster.key.offer(RUN_ID) == given
    assert given.exists()


@pytest.mark.parametrize("content", [None, b"", b"no key at all", b"-----BEGIN CERTIFICATE-----\n"])
def test_what_is_no_key_is_named_in_a_line(
    content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if content is not None:
        (tmp_path / "given.pem").write_bytes(content)
    monkeypatch.setenv(KEY, str(tmp_path / "given.pem"))
    with (
        pytest.raises(WrongCall, match=r"the key in \S+given\.pem cannot be used.*copy the whole file"),
        dask_cluster.connect("here"),
    ):
        pass


@pytest.mark.parametrize(
    ("address", "reason"),
    [("tcp://127.0.0.1:9", "is not encrypted"), ("nowhere", "is not encrypted"), ("tls://host", "is no address")],
)
def test_a_worker_goes_to_no_address_without_encryption(address: str, reason: str) -> None:
    """Whoever may write to the run may have put it there."""
    with pytest.raises(JobFailed, match=f"{address}, which {reason}"):
        asyncio.run(worker._serve(RUN_ID, address))  # noqa: SLF001


def test_a_worker_waits_where_nobody_answers() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        assert asyncio.run(worker._serve(RUN_ID, f"tls://127.0.0.1:{closed.getsockname()[1]}")) is False  # noqa: SLF001


def test_a_key_that_others_may_read_is_refused(store: str, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(search_key.make())
    (tmp_path / "key.pem").chmod(0o644)
    refused = CliRunner().invoke(cli, ["work", RUN_ID, "--key", str(tmp_path / "key.pem")])
    assert (refused.exit_code, "others may read the key" in refused.output) == (2, True)
    refused = CliRunner().invoke(cli, ["work", RUN_ID, "--key", str(tmp_path / "none.pem")])
    assert (refused.exit_code, "does not exist" in refused.output) == (2, True)


@pytest.mark.integration
def test_dasks_own_workers_join_with_the_key_and_so_do_their_nannies(cluster: Cluster, tmp_path: Path) -> None:
    assert cluster.key
    file = str(cluster.key.offer(RUN_ID))
    options = ("--tls-ca-file", file, "--tls-cert", file, "--tls-key", file, "--nworkers", "2", "--nthreads", "1")
    call = ("-m", "distributed.cli.dask_worker", cluster.address, *options)
    with started(tmp_path / "workers.log", *call, cwd=tmp_path, OMP_NUM_THREADS="1"):
        found = cluster.run(lambda number: (number, -number), [(number,) for number in range(9)], [])
        assert sorted(found) == [(number, -number) for number in range(9)]


@pytest.mark.integration
def test_the_key_is_in_its_file_alone_and_brings_a_worker_in_from_elsewhere(
    checkout: Path,
    temporary: Path,
    tmp_path: Path,
) -> None:
    """Elsewhere is a process with another temporary folder, as another machine or user has one."""
    log = tmp_path / "search.log"
    elsewhere = {"TMPDIR": str(tmp_path / "elsewhere")}
    Path(elsewhere["TMPDIR"]).mkdir()
    with ExitStack() as stack:
        first = stack.enter_context(started(log, *script("tune"), *SEARCH, cwd=checkout))
        wait_until(lambda: runs("tune") and tag.TUNE_SCHEDULER in runs("tune")[0].data.tags)
        (search,) = runs("tune")
        run_id, address = search.info.run_id, search.data.tags[tag.TUNE_SCHEDULER]
        assert listening(first) == [port_of(address)]
        found = search_key.find(run_id)
        assert found
        wait_until(lambda: str(found.file) in log.read_text())
        _refuse_those_without(run_id, checkout, tmp_path, elsewhere)
        copy = tmp_path / "copy.pem"
        copy.write_bytes(found.file.read_bytes())
        copy.chmod(0o600)
        call = ("-m", "reprise", "work", run_id, *LOCAL, "--key", str(copy))
        far = stack.enter_context(started(tmp_path / "far.log", *call, cwd=checkout, **elsewhere))
        near = work(stack, checkout, "near")
        wait_until(lambda: len(runs("trial")) > 3)
        for ours in (far, near):
            (child,) = [one for one in ours.children(recursive=True) if listening(one)]
            assert len(listening(child)) == 1
        _look_for_it(found.file.read_text(), checkout, [first, far, near], tmp_path, log.read_text())
        first.kill()
        first.wait(30)
    assert found.file.exists()
    assert search_key.find(run_id) is None
    assert scratch.sweep() > 0
    assert not found.file.exists()
    assert list(temporary.rglob("*.pem")) == []


def _refuse_those_without(run_id: str, checkout: Path, folder: Path, elsewhere: dict[str, str]) -> None:
    (folder / "other.pem").write_bytes(search_key.make())
    (folder / "other.pem").chmod(0o600)
    for options, reason in (
        ((), "Error: this worker has no key to the search at tls://127.0.0.1:"),
        (("--key", str(folder / "other.pem")), f"Error: the key in {folder / 'other.pem'} does not admit this worker"),
    ):
        refused = run("reprise", "work", run_id, *LOCAL, *options, cwd=checkout, **elsewhere)
        last = refused.stderr.splitlines()[-1]
        assert (refused.returncode, last.startswith(reason)) == (2, True), refused.stderr
        assert f"reprise work {run_id} --key FILE" in last
        assert "Traceback" not in refused.stderr


def _look_for_it(pem: str, checkout: Path, processes: list[psutil.Process], folder: Path, log: str) -> None:
    """Look for lines of the key where others may read: in runs, output, arguments and variables."""
    secret = [line for line in pem.partition("-----END PRIVATE")[0].splitlines()[1:] if line]
    assert secret
    shown = [log, *(file.read_text() for file in folder.glob("*.log"))]
    shown += [
        repr(made.to_dictionary()) for made in mlflow.search_runs(search_all_experiments=True, output_format="list")
    ]
    for process in (one for parent in processes for one in [parent, *parent.children(recursive=True)]):
        shown += [*process.cmdline(), *process.environ().values()]
    shown.append((checkout / "mlflow.db").read_bytes().decode("latin-1"))
    assert [line for line in secret if any(line in text for text in shown)] == []
