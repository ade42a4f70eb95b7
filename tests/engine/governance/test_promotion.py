"""Promotion, rollback and history in this process: what is moved, what is refused, what is found afterwards."""

import contextlib
import hashlib
import json
import os
import shutil
import sqlite3
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import mlflow
import pytest
from click.testing import CliRunner
from conftest import ENTRY_POINTS, PROJECT, environment, run
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException
from registered import champion, done, judge_again, refused, reprise

from reprise.base import tag
from reprise.base.errors import JobFailed, WrongCall
from reprise.base.process_lock import is_held, locked
from reprise.governance import history, promotion, registration, registry_commands, registry_lock
from reprise.governance.registry_lock import exclusively
from reprise.governance.verdict import verdict_of
from reprise.models import registry


def test_a_story_of_five_lines(judged: MlflowClient) -> None:
    """Promote a good model, have a bad one refused, force it, roll back: the history tells it."""
    done("promote", "1", "--alias", "challenger")
    done("promote", "1", "--reason", "the first")
    assert "may not become champion" in refused(1, "promote", "2")
    done("promote", "2", "--force", "--reason", "the demo needs it")
    assert champion() == "2"
    done("rollback", "--reason", "the demo is over")
    assert champion() == "1"
    lines = done("history").splitlines()
    assert len(lines) == 5
    for line, parts in zip(
        lines,
        [
            ("promote  challenger  none -> 1",),
            ("promote  champion  none -> 1", "reason: the first"),
            ("promote  champion  1 -> 2", "REFUSED", "metrics.accuracy"),
            ("promote  champion  1 -> 2", "FORCED over: the policy refused it", "reason: the demo needs it"),
            ("rollback  champion  2 -> 1", "reason: the demo is over"),
        ],
        strict=True,
    ):
        for part in parts:
            assert part in line
    moves = history.moves("reprise")
    assert all(move.commit and move.user and move.ended for move in moves)
    forced = mlflow.get_run(moves[3].run_id).data.tags
    assert forced["reprise.verdict"] == "refused", "the entry keeps the verdict of its time"
    assert forced["reprise.policy"] == forced["reprise.verdict.policy"]
    left = registry.find("reprise", "2")
    assert left.tags["reprise.rolled_back"] == f"{moves[-1].run_id} the demo is over"
    assert "it was rolled back" in refused(1, "promote", "2")


def test_registering_records_the_origin(judged: MlflowClient) -> None:
    version = registry.find("reprise", "1")
    run = mlflow.get_run(version.run_id)
    for name in ("reprise.data.fingerprint", "reprise.environment.lock", "mlflow.source.git.commit"):
        assert version.tags[name] == run.data.tags[name]
    assert len(version.tags["reprise.model.digest"]) == 64
    assert "version 1 of 'reprise' is the model of run" in refused(2, "register", str(version.run_id))
    assert "is not in sqlite" in refused(2, "register", "nothing")
    for name in ("a/b", "a'b", "a\nb", "..", ""):
        assert "is no name" in refused(2, "register", str(version.run_id), "--name", name)


def test_a_model_or_a_run_that_is_deleted_is_said(judged: MlflowClient) -> None:
    version = registry.find("reprise", "3")
    judged.delete_run(version.run_id)
    restore = f"is deleted; bring it back with: mlflow runs restore --run-id {version.run_id}"
    assert restore in refused(2, "register", version.run_id, "--name", "another")
    judged.delete_logged_model(version.model_id)
    for call in (("promote", "3", "--force", "--reason", "now"), ("rollback", "--to", "3")):
        assert f"models:/{version.model_id} is deleted from the store" in refused(1, *call)
    assert champion() is None


def test_a_verdict_holds_for_one_policy_one_champion_and_one_content(judged: MlflowClient, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("rows: {min: 1}\n")
    assert "judged under another policy" in refused(1, "promote", "1", "--policy", str(tmp_path / "other.yaml"))
    done("promote", "1")
    assert "it was compared with none as champion" in refused(1, "promote", "3")
    judge_again("3")
    done("promote", "3")
    assert champion() == "3"


def test_what_is_not_judged_is_not_promoted_unless_forced_and_then_it_must_load(judged: MlflowClient) -> None:
    model = registry.find("reprise", "1").model_id
    for key in MlflowClient().get_logged_model(model).tags:
        if key.startswith("reprise.verdict"):
            judged.delete_logged_model_tag(model, key)
    assert "it was not judged; run evaluate on models:/reprise/1" in refused(1, "promote", "1")
    assert "--force needs a reason" in refused(2, "promote", "1", "--force")
    done("promote", "1", "--force", "--reason", "trust me")
    assert champion() == "1"


@pytest.mark.parametrize("force", [[], ["--force", "--reason", "now"]])
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (shutil.rmtree, "has no MLmodel file|cannot be read"),
        (lambda path: (path / "model.skops").write_bytes(b"another"), "were altered since it was registered"),
    ],
)
def test_files_that_are_gone_or_altered_are_never_promoted(
    judged: MlflowClient, tmp_path: Path, damage: object, message: str, force: list[str]
) -> None:
    model = judged.get_logged_model(registry.find("reprise", "3").model_id)
    place = Path(model.artifact_location.removeprefix("file://"))
    shutil.copytree(place, tmp_path / "kept")
    try:
        damage(place)  # type: ignore[operator]
        output = refused(1, "promote", "3", *force)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(tmp_path / "kept", place)
    assert any(part in output for part in message.split("|"))
    assert champion() is None


def test_wrong_calls_change_nothing(judged: MlflowClient) -> None:
    assert "has no version '9'; its versions: 1, 2, 3" in refused(2, "promote", "9")
    assert "'nothing' has no version '1'; it has no version" in refused(2, "promote", "1", "--name", "nothing")
    assert "no previous champion" in refused(2, "rollback")
    done("promote", "1")
    assert "version 1 of 'reprise' is champion already; nothing was done" in refused(2, "promote", "1")
    assert "no previous champion" in refused(2, "rollback")
    assert "version 1 of 'reprise' is champion already" in refused(2, "rollback", "--to", "1")
    assert len(done("history").splitlines()) == 1
    assert "nothing was promoted yet" in done("history", "--name", "nothing")


@pytest.mark.parametrize("number", ["0", "01", "9" * 20, "\N{SUPERSCRIPT TWO}", "\N{FULLWIDTH DIGIT ONE}", "1.0", ""])
def test_what_is_no_number_of_a_version_names_none(judged: MlflowClient, number: str) -> None:
    done("promote", "1")
    for call in (("promote", number), ("rollback", "--to", number), ("compare", number, "1")):
        assert f"has no version {number!r}; its versions: 1, 2, 3" in refused(2, *call)
    assert "is no run, version or alias" in refused(2, "compare", f"models:/reprise/{number}", "1")
    assert champion() == "1"


def test_a_name_that_cannot_be_searched_is_a_wrong_call(judged: MlflowClient) -> None:
    for call in (("promote", "1", "--name"), ("rollback", "--to", "1", "--name"), ("reproduce", "--all", "--model")):
        assert "both kinds of quotes" in refused(2, *call, "a\"'b")


def test_rollback_goes_past_what_was_rolled_back_or_deleted(judged: MlflowClient) -> None:
    for version in "123":
        done("promote", version, "--force", "--reason", "a chain")
    judged.delete_model_version("reprise", "2")
    done("rollback")
    assert champion() == "1"
    done("rollback", "--to", "3", "--reason", "it was right after all")
    assert champion() == "3"
    assert "no previous champion" in refused(2, "rollback"), "1 was rolled back and 2 is gone"


@pytest.fixture
def unloadable(monkeypatch: pytest.MonkeyPatch) -> None:
    """No model loads with its own pins alone."""

    def fail(*_manager: str, **_trusted: bool) -> registration.Probe:
        def load(uri: str) -> None:
            raise JobFailed(f"{uri} does not load")

        return load

    monkeypatch.setattr(registry_commands, "_Probe", fail)


def test_a_version_that_does_not_load_is_not_rolled_back_to(
    judged: MlflowClient, request: pytest.FixtureRequest
) -> None:
    done("promote", "1")
    done("promote", "3", "--force", "--reason", "next")
    request.getfixturevalue("unloadable")
    assert "models:/reprise/1 does not load" in refused(1, "rollback")
    assert champion() == "3"


def test_promote_tries_a_version_that_no_registration_has_tried(
    judged: MlflowClient, request: pytest.FixtureRequest
) -> None:
    request.getfixturevalue("unloadable")
    done("promote", "1")  # `register` has tried it
    for loads in (None, "0" * 64):  # as of an earlier version of this engine, and of other files
        if loads:
            judged.set_model_version_tag("reprise", "3", tag.MODEL_LOADS, loads)
        else:
            judged.delete_model_version_tag("reprise", "3", tag.MODEL_LOADS)
        assert "models:/reprise/3 does not load" in refused(1, "promote", "3", "--force", "--reason", "next")
    assert champion() == "1"
    assert len(done("history").splitlines()) == 1


def test_a_verdict_on_altered_files_does_not_block_the_restored_ones(judged: MlflowClient) -> None:
    version = registry.find("reprise", "1")
    file = next(Path(mlflow.get_logged_model(version.model_id).artifact_location).glob("requirements.txt"))
    whole = file.read_bytes()
    file.write_bytes(whole + b"evil\n")
    evaluate = ENTRY_POINTS["evaluate"]

    CliRunner().invoke(evaluate, ["--model", "models:/reprise/1", "--trust-model", "yes"])
    assert verdict_of(str(version.model_id)).model != version.tags["reprise.model.digest"]
    assert "were altered since it was registered" in refused(1, "promote", "1", "--force", "--reason", "now")
    file.write_bytes(whole)
    assert "other files were judged" in refused(1, "promote", "1")
    judge_again("1")
    done("promote", "1")
    assert champion() == "1"


def test_moves_by_hand_are_found(judged: MlflowClient) -> None:
    done("promote", "1")
    judged.set_registered_model_alias("reprise", "champion", "2")
    assert "somebody moved champion  1 -> 2" in done("history").splitlines()[-1]
    done("rollback", "--to", "3")
    judged.delete_registered_model_alias("reprise", "champion")
    first, outside, rolled, deleted = done("history").splitlines()
    assert "none -> 1" in first
    assert outside.startswith("outside")
    assert "2 -> 3" in rolled
    assert "somebody moved champion  3 -> none" in deleted
    done("rollback")
    assert champion() == "3", "the last that is known"


def test_a_reason_of_two_lines_is_one_of_the_history(judged: MlflowClient) -> None:
    done("promote", "1", "--reason", "better\nand faster")
    assert done("history").endswith("reason: better and faster\n")


def test_a_deleted_history_is_said_and_nothing_is_moved(judged: MlflowClient) -> None:
    done("promote", "1")
    judged.delete_experiment(judged.get_experiment_by_name("registry/reprise").experiment_id)
    for call in (("history",), ("promote", "3", "--force", "--reason", "next"), ("rollback", "--to", "3")):
        assert "bring it back with: mlflow experiments restore --experiment-id" in refused(1, *call)
    assert champion() == "1"


class Killed(BaseException):
    """Stands for SIGKILL: nothing after it is run."""


@pytest.mark.parametrize(
    ("where", "before", "after"),
    [("history.begin", "1", "1"), ("registry.point", "1", "1"), ("registry.tag", "1", "3"), ("history.end", "1", "3")],
)
def test_what_a_killed_promote_left_is_finished_or_given_up(
    judged: MlflowClient, monkeypatch: pytest.MonkeyPatch, where: str, before: str, after: str
) -> None:
    done("promote", before)
    module, function = where.split(".")
    with monkeypatch.context() as patch:

        def die(*_arguments: object, **_named: object) -> None:
            raise Killed

        patch.setattr(getattr(promotion, module), function, die)
        with pytest.raises(Killed):
            reprise("promote", "3", "--force", "--reason", "next")
    assert champion() == after
    begun = where != "history.begin"
    assert ("unfinished" in done("history")) == begun
    result = reprise("promote", "2", "--force", "--reason", "after that")
    assert result.exit_code == 0
    assert (("marked as abandoned" if after == before else "completed now") in result.output) == begun
    assert champion() == "2"
    assert not history.unfinished("reprise")
    assert "outside" not in done("history")


def test_a_registry_that_fails_in_the_middle_leaves_what_the_next_command_repairs(
    judged: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: str) -> None:
        raise MlflowException("the server does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(registry, "point", fail)
        result = reprise("promote", "1")
    assert isinstance(result.exception, MlflowException), "reprise.base.entry_point makes a line of it, and exit code 1"
    assert "is left unfinished; the next promote or rollback repairs it" in result.output
    assert champion() is None
    assert "marked as abandoned" in done("promote", "1")
    assert champion() == "1"


@pytest.mark.integration
def test_promotions_on_one_machine_follow_one_another(judged: MlflowClient) -> None:
    """Two processes at once: the lock lets both through, each from what the other has left."""
    variables = environment(MLFLOW_TRACKING_URI=mlflow.get_tracking_uri())
    command = ["reprise", "promote", "--force", "--reason", "at once", "--env-manager", "local"]
    processes = [subprocess.Popen([*command, version], cwd=PROJECT, env=variables) for version in "13"]
    assert [process.wait(300) for process in processes] == [0, 0]
    first, second = history.moves("reprise")
    assert (first.before, second.before) == ("none", first.after)
    assert champion() == second.after
    assert "outside" not in done("history")


def test_a_model_becomes_a_version_once_however_many_register_it(judged: MlflowClient) -> None:
    run_id = str(registry.find("reprise", "1").run_id)

    def register(_number: int) -> str | None:
        try:
            return registration.register(run_id, "another").number
        except WrongCall:
            return None

    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(register, range(4)))
    assert sorted(made, key=str) == ["1", None, None, None]


def test_a_lock_is_the_same_whatever_tmpdir_is(
    store: str, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    places = set()
    for name in ("one", "other"):
        monkeypatch.setattr("tempfile.tempdir", str(tmp_path_factory.mktemp(name)))
        with exclusively("reprise"):
            places.add(registry_lock.place("reprise"))
            assert is_held(registry_lock.place("reprise"))
    (place,) = places
    assert place.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user for a while")
@pytest.mark.parametrize("cache", ["private", "open to all"])
def test_no_other_user_can_hold_the_lock(
    store: str, cache: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Also where the cache is shared, and its folder for locks was planted there."""
    tmp_path.chmod(0o755)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setenv("REPRISE_CACHE", str(tmp_path / "cache"))
    if cache == "open to all":
        (tmp_path / "cache/registry/locks").mkdir(parents=True)
        (tmp_path / "cache/registry/locks").chmod(0o777)
    with exclusively("reprise"):
        place = registry_lock.place("reprise")
    os.seteuid(65534)
    try:
        with pytest.raises(PermissionError):
            place.open()
    finally:
        os.seteuid(0)


def test_what_stands_in_the_temporary_folder_is_no_lock(
    store: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As another user would plant it, who knows how locks were named."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    key = hashlib.sha256(f"{mlflow.get_tracking_uri()} reprise".encode()).hexdigest()[:16]
    with locked(tmp_path / f"reprise-{key}.lock"), exclusively("reprise"):
        pass


def test_a_lock_that_is_not_given_back_is_one_line(judged: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry_lock, "PATIENCE", 0.2)
    with exclusively("reprise"):
        message = refused(1, "promote", "1")
    assert (
        f"process {os.getpid()} has held the lock {registry_lock.place('reprise')} for 0.2 s; end it, or try again"
        in message
    )
    assert champion() is None
    assert not history.moves("reprise")


def test_a_move_under_another_lock_of_this_machine_is_not_given_up(
    judged: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as another user's, whom this lock does not keep out."""
    with monkeypatch.context() as patch:
        patch.setattr(registry_lock, "identity", lambda _name: "another's")
        history.begin("reprise", "promote", "champion", "none", "3")
    output = refused(1, "promote", "1")
    assert "moves champion at this moment" in output
    assert "given up" not in output


@pytest.mark.integration
def test_sigkill_at_random_moments_leaves_a_champion_that_answers() -> None:
    """A few here; `python tests/engine/kill_promote.py 20` for more."""
    killed = run("python", PROJECT / "tests/engine/kill_promote.py", "4", cwd=PROJECT, PYTHONPATH=str(PROJECT))
    assert killed.returncode == 0, killed.stderr
    assert killed.stdout.count("answers") == 4
    assert "left nothing unfinished" in killed.stdout


def test_two_machines_at_once_one_gives_way(judged: MlflowClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow has no compare-and-set: whoever sees another's flag, or another version than expected, stops."""
    done("promote", "1")
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "elsewhere")
        history.begin("reprise", "promote", "champion", "1", "3")
    output = refused(1, "promote", "2", "--force", "--reason", "now")
    assert "was overtaken" in output
    assert "on elsewhere moves champion at this moment" in output
    assert champion() == "1"
    assert "OVERTAKEN" in done("history")
    later = datetime.now(UTC) + timedelta(minutes=11)
    monkeypatch.setattr(promotion, "datetime", type("Later", (), {"now": staticmethod(lambda _zone: later)}))
    assert "marked as abandoned" in done("promote", "2", "--force", "--reason", "now")


@pytest.mark.parametrize("moment", ["before", "after"])
def test_an_alias_that_moves_in_the_middle_is_seen(
    judged: MlflowClient, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    done("promote", "1")
    if moment == "before":
        begin = history.begin

        def other(*arguments: Any, **named: Any) -> history.Move:
            judged.set_registered_model_alias("reprise", "champion", "2")
            return begin(*arguments, **named)

        monkeypatch.setattr(history, "begin", other)
    else:
        point = registry.point

        def overtaken(*arguments: str) -> None:
            point(*arguments)
            judged.set_registered_model_alias("reprise", "champion", "2")

        monkeypatch.setattr(registry, "point", overtaken)
    assert "was overtaken: it points to version 2" in refused(1, "promote", "3", "--force", "--reason", "now")
    assert champion() == "2"


def test_the_shipped_policy_is_the_default() -> None:
    (option,) = [option for option in registry_commands.promote.params if option.name == "policy"]
    assert (PROJECT / str(option.default)).is_file()


def set_clock(run_id: str, ahead: timedelta) -> None:
    """Let an entry's time be what a machine would have written whose clock is wrong."""
    with contextlib.closing(sqlite3.connect(mlflow.get_tracking_uri().removeprefix("sqlite:///"))) as base, base:
        change = int(ahead.total_seconds() * 1000)
        base.execute("UPDATE runs SET start_time = start_time + ? WHERE run_uuid = ?", (change, run_id))


def test_entries_of_a_clock_that_is_ahead_stay_in_their_order(judged: MlflowClient) -> None:
    done("promote", "1")
    done("promote", "3", "--force", "--reason", "ahead")
    set_clock(history.moves("reprise")[-1].run_id, timedelta(days=1))
    done("promote", "2", "--force", "--reason", "after that")
    told = done("history")
    assert "outside" not in told
    assert [move.after for move in history.moves("reprise")] == ["1", "3", "2"]
    assert told.splitlines()[1].startswith("at an unknown time")
    done("rollback")
    assert champion() == "3", "the champion before this one"


def test_entries_of_before_they_named_what_they_follow_are_ordered_by_time(judged: MlflowClient) -> None:
    for version in ("1", "3", "2"):
        done("promote", version, "--force", "--reason", "next")
    for move in history.moves("reprise"):
        judged.set_tag(move.run_id, "reprise.move.follows", "")
    assert [move.after for move in history.moves("reprise")] == ["1", "3", "2"]


def test_entries_that_follow_each_other_in_a_circle_are_all_told(judged: MlflowClient) -> None:
    for version in ("1", "3"):
        done("promote", version, "--force", "--reason", "next")
    first, second = history.moves("reprise")
    judged.set_tag(first.run_id, "reprise.move.follows", second.run_id)
    assert {move.run_id for move in history.moves("reprise")} == {first.run_id, second.run_id}


@pytest.mark.parametrize("ends", [False, True])
def test_a_move_from_the_future_is_watched_and_does_not_block_for_a_day(
    judged: MlflowClient, monkeypatch: pytest.MonkeyPatch, *, ends: bool
) -> None:
    done("promote", "1")
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "elsewhere")
        entry = history.begin("reprise", "promote", "champion", "1", "3")
    set_clock(entry.run_id, timedelta(days=1))
    monkeypatch.setattr(promotion, "WATCHED", 2.0)
    if ends:
        monkeypatch.setattr(promotion, "sleep", lambda _: history.end(entry, history.REFUSED, "it ends by itself"))
    output = done("promote", "2", "--force", "--reason", "now")
    assert "a clock is wrong; watching the entry for 2 s" in output
    assert ("marked as abandoned" in output) != ends
    assert champion() == "2"


def test_doctor_asks_about_no_move_whose_process_is_not_known(
    judged: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next promote repairs it, in time; ended as a failed run it could not."""
    from reprise.doctor import store_check

    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "elsewhere")
        entry = history.begin("reprise", "promote", "champion", "none", "3")
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("click.confirm", lambda _text: True)
    store_check.runs(fix=True)
    assert mlflow.get_run(entry.run_id).info.status == "RUNNING"


def test_doctor_repairs_a_move_and_does_not_end_it_as_a_failed_run(
    judged: MlflowClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ended as FAILED it would have no outcome, and the history would say that somebody else moved the alias."""
    from reprise.doctor import store_check

    done("promote", "1")
    with monkeypatch.context() as patch:
        patch.setattr(history, "end", lambda *_: (_ for _ in ()).throw(Killed()))
        with pytest.raises(Killed):
            reprise("promote", "3", "--force", "--reason", "next")
    run_id = history.moves("reprise")[-1].run_id
    named = json.loads(mlflow.get_run(run_id).data.tags["reprise.process"])
    judged.set_tag(run_id, "reprise.process", json.dumps(named | {"start": "1"}))
    assert "completed now" in "".join(store_check.runs(fix=True).details)
    assert champion() == "3"
    assert "outside" not in done("history")
    assert mlflow.get_run(run_id).info.status == "FINISHED"
