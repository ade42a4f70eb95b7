"""`reprise upload` of a folder that somebody else may have written: where a login goes, and what is no bundle."""

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner
from conftest import run

from reprise.base.errors import WrongCall
from reprise.cli.commands import cli
from reprise.store.bundle import ResultBundle, upload_later

LOGIN = {"MLFLOW_TRACKING_USERNAME": "ada", "MLFLOW_TRACKING_PASSWORD": "a password"}


class Spy(ThreadingHTTPServer):
    """A server that keeps the logins that it is sent, and answers none."""

    def __init__(self) -> None:
        self.logins: list[str] = []
        super().__init__(("127.0.0.1", 0), Listener)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Listener(BaseHTTPRequestHandler):
    """Its requests."""

    server: Spy

    def answer(self) -> None:
        self.server.logins.append(self.headers.get("Authorization", ""))
        self.send_response(404)
        self.end_headers()

    do_GET = do_POST = answer  # noqa: N815

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def spy() -> Iterator[Spy]:
    with Spy() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def bundle(folder: Path, tracking_uri: str, run_id: str = "0" * 32) -> Path:
    """Write a folder such as a job keeps when its store has failed."""
    (folder / "artifacts").mkdir(parents=True)
    (folder / "artifacts/note.txt").write_text("x")
    target = {"run_id": run_id, "experiment_id": "0", "tracking_uri": tracking_uri, "time": 1}
    (folder / "results.json").write_text(json.dumps({**target, **vars(ResultBundle({"accuracy": 1.0}))}))
    return folder


@pytest.mark.integration
def test_a_login_goes_to_the_store_in_force_only(spy: Spy, tmp_path: Path) -> None:
    """Unless a person says so: the folder may have been planted."""
    named = spy.address.replace("//", "//me:secret@")
    folder = bundle(tmp_path / "kept", named)
    variables = {**LOGIN, "MLFLOW_TRACKING_URI": "http://127.0.0.1:1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
    done = run("reprise", "upload", folder, cwd=tmp_path, **variables)
    assert (done.returncode, spy.logins) == (2, [])
    (line,) = done.stderr.strip().splitlines()
    assert f"the results are of a run in {spy.address}, and the current store is http://127.0.0.1:1; set" in line
    assert "--to-recorded-store" in line
    assert "secret" not in line
    bundle(tmp_path / "mine", spy.address)
    done = run("reprise", "upload", tmp_path / "mine", "--to-recorded-store", cwd=tmp_path, **variables)
    assert done.returncode == 1
    expected = base64.b64encode(b"ada:a password").decode()
    assert set(spy.logins) == {f"Basic {expected}"}


def test_no_store_is_made_where_a_folder_says(store: str, tmp_path: Path) -> None:
    planted = f"sqlite:///{tmp_path / 'planted.db'}"
    shown = CliRunner().invoke(cli, ["upload", str(bundle(tmp_path / "kept", planted))])
    assert (shown.exit_code, f"the results are of a run in {planted}" in shown.output) == (2, True)
    assert not (tmp_path / "planted.db").exists()


@pytest.mark.parametrize("place", ["artifacts/key", "model", "artifacts/folder"])
def test_a_link_is_not_followed(store: str, place: str, tmp_path: Path) -> None:
    """To a file that only this user may read, and that the store would show to others."""
    (tmp_path / "private").mkdir()
    (tmp_path / "private/key").write_text("a key")
    run_id = mlflow.MlflowClient().create_run("0").info.run_id
    folder = bundle(tmp_path / "kept", mlflow.get_tracking_uri(), run_id)
    (folder / place).symlink_to(tmp_path / ("private/key" if place.endswith("key") else "private"))
    with pytest.raises(WrongCall, match=f"{folder / place} is a link, .*; nothing was sent"):
        upload_later(folder)
    assert not mlflow.MlflowClient().list_artifacts(run_id)


def test_the_store_in_force_takes_it_however_it_is_written(store: str, tmp_path: Path) -> None:
    file = Path(mlflow.get_tracking_uri().removeprefix("sqlite:///"))
    run_id = mlflow.MlflowClient().create_run("0").info.run_id
    uri = f"sqlite:///{file.parent}/./{file.name}"
    assert upload_later(bundle(tmp_path / "kept", uri, run_id)) == run_id
    assert mlflow.get_run(run_id).data.metrics == {"accuracy": 1.0}
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize(
    "content", ["", "[" * 100_000, "[]", "null", "{}", '{"run_id": 1}', f'{{"time": {"9" * 5_000}}}', "\xff"]
)
def test_what_holds_no_results_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "results.json").write_text(content, encoding="latin-1")
    with pytest.raises(WrongCall, match=r"results.*; name a folder under reprise-unlogged"):
        upload_later(tmp_path)
