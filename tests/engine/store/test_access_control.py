"""A server with access control on PostgreSQL: three people, and what each may do."""

import importlib.util
import shutil
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import mlflow
import pytest
import requests
from click.testing import CliRunner, Result
from conftest import ENTRY_POINTS, POOR, PROJECT
from mlflow import MlflowClient
from mlflow.entities import ViewType
from mlflow.exceptions import MlflowException
from registered import champion, done, refused
from servers import PASSWORD, Server, guarded, postgres, postgres_programs, running

from reprise.governance import registry_commands

train = ENTRY_POINTS["train"]

evaluate = ENTRY_POINTS["evaluate"]

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed"),
    pytest.mark.skipif(postgres_programs() is None, reason="PostgreSQL is not installed"),
]

Login = Callable[[str], None]
ALL = ViewType.ALL


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    (folder / "basic_auth.db").touch(0o644)  # of a server that was started before its files were its own
    with postgres() as database, running(guarded(folder, database.uri)) as started:
        yield started


@pytest.fixture
def address(server: Server) -> str:
    return server.address


@pytest.fixture
def login(address: str, store: str, monkeypatch: pytest.MonkeyPatch) -> Login:
    """Become a user of the server, in this process."""
    from reprise.models.logged_model import load

    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    monkeypatch.setattr(registry_commands, "_Probe", lambda *_, **_trusted: lambda uri: load(uri).answer_example())
    mlflow.set_tracking_uri(address)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    return lambda user: monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)


def load_grant() -> ModuleType:
    place = importlib.util.spec_from_file_location("grant", PROJECT / "deploy/server/grant.py")
    assert place
    assert place.loader
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    return module


def grant(user: str, role: str, *options: str, password: str = PASSWORD) -> str:
    module = load_grant()
    result = CliRunner().invoke(module.grant, [user, role, *options], env={"REPRISE_NEW_PASSWORD": password})
    assert "Traceback" not in result.output
    return result.output


def call(command: object, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)  # type: ignore[arg-type]


def newest_run() -> str:
    (run,) = mlflow.search_runs(
        experiment_names=["reprise"], filter_string="tags.`reprise.job` = 'train'", output_format="list", max_results=1
    )
    return str(run.info.run_id)


def test_three_people_and_a_story(login: Login) -> None:
    login("admin")
    for user, role in (("rita", "reader"), ("theo", "trainer"), ("pia", "promoter")):
        assert f"{user}: {role}" in grant(user, role)

    login("rita")
    result = call(train)
    assert result.exit_code == 1
    number = mlflow.get_experiment_by_name("reprise").experiment_id
    assert f"rita lacks the permission EDIT on experiment {number}" in result.output
    assert mlflow.search_runs([number], output_format="list") == []

    login("theo")
    runs = []
    for options in ((), POOR):
        assert call(train, *options).exit_code == 0
        runs.append(newest_run())
        assert call(evaluate, "--model", f"runs:/{runs[-1]}/model").exit_code == bool(options)
    assert "theo lacks the permission EDIT on registered model 'reprise'" in refused(1, "register", runs[0])

    login("pia")
    for run in runs:
        done("register", run)

    for user in ("rita", "theo"):
        login(user)
        message = f"{user} lacks the permission EDIT on experiment 'registry/reprise'"
        assert message in refused(1, "promote", "1")
        with pytest.raises(MlflowException, match="403"):
            MlflowClient().set_registered_model_alias("reprise", "champion", "1")
        assert "archived" not in refused(1, "retire", "--days", "0", "--last", "0", "--no-dry-run")
        assert champion() is None
        assert "nothing was promoted yet" in done("history")

    login("pia")
    done("promote", "1", "--reason", "the first")
    refused(1, "promote", "2")
    done("promote", "2", "--force", "--reason", "the demo needs it")
    done("rollback", "--reason", "the demo is over")
    assert champion() == "1"
    login("rita")
    assert "rita lacks the permission" in refused(1, "rollback", "--to", "2")
    lines = done("history").splitlines()
    assert len(lines) == 4
    assert all("  pia  " in line for line in lines)
    assert call(evaluate, "--model", "models:/reprise@champion").exit_code == 1
    assert champion() == "1"


def test_a_wrong_password_is_one_line(login: Login, address: str, tmp_path: Path) -> None:
    from conftest import run

    done = run(
        "reprise", "history", cwd=tmp_path,
        MLFLOW_TRACKING_URI=address, MLFLOW_TRACKING_USERNAME="rita", MLFLOW_TRACKING_PASSWORD=PASSWORD[1:],
    )  # fmt: skip
    assert done.returncode == 1
    assert "refuses the login" in done.stderr
    assert "Traceback" not in done.stderr


def send(address: str, user: str, method: str, path: str, **content: object) -> requests.Response:
    return requests.request(method, f"{address}{path}", auth=(user, PASSWORD), json=content, timeout=60)


@pytest.fixture
def people(login: Login) -> None:
    login("admin")
    for user, role in (("rita", "reader"), ("theo", "trainer"), ("pia", "promoter")):
        grant(user, role)


def test_a_reader_looks_and_changes_nothing(people: None, address: str) -> None:
    """By whatever path, also where MLflow itself asks for no permission."""
    before = {one.name for one in mlflow.search_experiments(view_type=ALL)}
    body = {"name": "mine", "artifact_location": "/tmp/mine", "experiment_ids": ["0"], "experiment_id": "0"}
    for path in ("/api/2.0", "/ajax-api/2.0", "/api/3.0", "/ajax-api/3.0"):
        for what in (
            "experiments/create", "registered-models/create", "runs/create", "logged-models", "traces",
            "gateway/secrets/create", "gateway/endpoints/create", "webhooks", "demo/generate", "datasets/create",
            "scorers/register", "review-queues/get-or-create-user", "label-schemas/create", "issues", "prompts/create",
        ):  # fmt: skip
            answer = send(address, "rita", "POST", f"{path}/mlflow/{what}", **body)
            assert answer.status_code in {403, 404}, (path, what, answer.status_code, answer.text)
    for path in ("/api/2.0/mlflow//experiments/create", "//api/2.0/mlflow/experiments/create", "/v1/traces"):
        assert send(address, "rita", "POST", path, **body).status_code in {403, 404, 405}, path
    for path in ("/api/2.0/mlflow-artifacts/artifacts/0/x", "/ajax-api/2.0/mlflow-artifacts/artifacts/0/x"):
        assert send(address, "rita", "PUT", path).status_code == 403
    assert {one.name for one in mlflow.search_experiments(view_type=ALL)} == before
    for method, path in (
        ("POST", "/api/2.0/mlflow/runs/search"), ("POST", "/ajax-api/2.0/mlflow/experiments/search"),
        ("POST", "/api/2.0/mlflow/logged-models/search"), ("GET", "/api/2.0/mlflow/experiments/get?experiment_id=0"),
        ("GET", "/api/2.0/mlflow/registered-models/search"), ("GET", "/"), ("GET", "/version"),
        ("POST", "/ajax-api/2.0/mlflow/experiments/search-datasets"),
    ):  # fmt: skip
        answer = send(address, "rita", method, path, experiment_ids=["0"], max_results=5)
        assert answer.status_code == 200, (path, answer.text)


def test_only_an_admin_says_where_artifacts_are(people: None, address: str, tmp_path: Path) -> None:
    for number, field in enumerate(("artifact_location", "artifactLocation")):
        for path in ("/api/2.0", "/ajax-api/2.0"):
            body = {"name": f"place-{number}", field: str(tmp_path / "planted")}
            for user in ("theo", "pia"):
                answer = send(address, user, "POST", f"{path}/mlflow/experiments/create", **body)
                assert (answer.status_code, "only an admin says where" in answer.text) == (403, True), answer.text
    assert not (tmp_path / "planted").exists()
    made = send(address, "theo", "POST", "/api/2.0/mlflow/experiments/create", name="theo's own")
    assert made.status_code == 200
    location = mlflow.get_experiment(made.json()["experiment_id"]).artifact_location
    assert location.startswith("mlflow-artifacts:")
    elsewhere = {"name": "admins", "artifact_location": str(tmp_path / "admins")}
    assert send(address, "admin", "POST", "/api/2.0/mlflow/experiments/create", **elsewhere).status_code == 200


def test_a_version_is_made_of_a_logged_model_and_of_nothing_else(people: None, login: Login, address: str) -> None:
    """The server would fetch any other source by its own keys."""
    create = "/api/2.0/mlflow/model-versions/create"
    logged = f"models:/m-{'0' * 32}"
    for source in ("s3://secret/model", "http://127.0.0.1:1/model", "file:///etc", f"s3://x/{logged}"):
        answer = send(address, "pia", "POST", create, name="reprise", source=source)
        assert (answer.status_code, "Invalid model version source" in answer.text) == (400, True), source
    answer = send(address, "theo", "POST", "/api/2.0/mlflow/registered-models/create", name="theirs")
    assert (answer.status_code, "theo may edit no registered_model" in answer.text) == (403, True)
    assert send(address, "theo", "POST", create, name="reprise", source=logged).status_code == 403


def test_a_role_is_changed_and_no_hash_is_printed(people: None, login: Login, address: str) -> None:
    create = "/api/2.0/mlflow/experiments/create"
    output = grant("paul", "promoter") + grant("paul", "trainer", password="another password")  # noqa: S106
    assert "paul is there already, and keeps the password" in output
    assert "paul: no longer EDIT on registered_model reprise" in output
    assert send(address, "paul", "POST", "/api/2.0/mlflow/registered-models/create", name="x").status_code == 403
    assert send(address, "paul", "POST", create, name="paul's own").status_code == 200
    output += grant("paul", "reader")
    assert f"paul: no longer EDIT on experiment {mlflow.get_experiment_by_name('reprise').experiment_id}" in output
    assert "paul: still MANAGE on experiment" in output
    assert grant("petra", "reader", password="short").startswith("Error: 2.0/mlflow/users/create: 400")  # noqa: S106
    login("paul")
    assert "log in as the server's admin" in grant("petra", "trainer")
    assert not {"scrypt", "pbkdf2", "$2b$"} & set(output.replace(":", " ").split())
    login("admin")
    raced = send(address, "admin", "POST", "/api/2.0/mlflow/users/create", username="paul", password=PASSWORD)
    from_grant = str(load_grant().Refused("users/create", raced))
    assert ("scrypt" in raced.text or "pbkdf2" in raced.text, "already exists" in from_grant) == (True, True)
    assert "scrypt" not in from_grant
    assert "pbkdf2" not in from_grant


def test_the_hashes_of_passwords_are_the_servers_own(people: None, server: Server) -> None:
    database = server.log.parent / "basic_auth.db"
    with sqlite3.connect(database) as connection:
        assert connection.execute("select count(*) from users").fetchone()[0] >= 4
    assert stat.S_IMODE(database.stat().st_mode) == 0o600
