"""A server with access control on PostgreSQL: three people, and what each may do."""

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import mlflow
import pytest
from click.testing import CliRunner, Result
from conftest import PROJECT
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from registered import champion, done, refused
from server import PASSWORD, guarded, postgres, postgres_programs

from evaluate import evaluate
from reprise.governance import registry_commands
from train import train

PROGRAMS = postgres_programs()

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(shutil.which("uv") is None, reason="uv is not installed"),
    pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL is not installed"),
]

Login = Callable[[str], None]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    assert PROGRAMS
    with postgres(PROGRAMS) as store, guarded(tmp_path_factory.mktemp("server"), store) as address:
        yield address


@pytest.fixture
def login(address: str, store: str, monkeypatch: pytest.MonkeyPatch) -> Login:
    """Become a user of the server, in this process."""
    from reprise.logged_model import load

    monkeypatch.delenv("MLFLOW_EXPERIMENT_ID")
    monkeypatch.setattr(registry_commands, "_Probe", lambda _manager: lambda uri: load(uri).answer_example())
    mlflow.set_tracking_uri(address)
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", PASSWORD)
    return lambda user: monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", user)


def grant(user: str, role: str) -> None:
    place = importlib.util.spec_from_file_location("grant", PROJECT / "deploy/server/grant.py")
    assert place
    assert place.loader
    module = importlib.util.module_from_spec(place)
    place.loader.exec_module(module)
    result = CliRunner().invoke(module.grant, [user, role], env={"REPRISE_NEW_PASSWORD": PASSWORD})
    assert result.exit_code == 0, result.output


def call(command: object, *arguments: str) -> Result:
    return CliRunner().invoke(command, arguments)  # type: ignore[arg-type]


def newest_run() -> str:
    (run,) = mlflow.search_runs(["0"], "tags.`reprise.job` = 'train'", output_format="list", max_results=1)
    return str(run.info.run_id)


def test_three_people_and_a_story(login: Login) -> None:
    login("admin")
    for user, role in (("rita", "reader"), ("theo", "trainer"), ("pia", "promoter")):
        grant(user, role)

    login("rita")
    result = call(train)
    assert result.exit_code == 1
    assert "rita lacks the permission EDIT on experiment 0" in result.output
    assert mlflow.search_runs(["0"], output_format="list") == []

    login("theo")
    runs = []
    for options in ([], ["--C", "0.001", "--kernel", "sigmoid"]):
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
