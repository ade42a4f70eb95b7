"""Every attack that one can think of, each tried by a test.

`python tests/engine/attacks.py` tries them all and prints a table: what is attacked, the attack, what happens,
held or not. A part of a name chooses: `python tests/engine/attacks.py model`.
It exits with the number of attacks that were not held.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Attack:
    """An attack.

    Attributes:
        target: what is attacked.
        does: what the attacker does.
        happens: what happens instead of what the attacker wants.
        tests: which try it: `file::function`, without `test_` before and `.py` behind the file.
    """

    target: str
    does: str
    happens: str
    tests: tuple[str, ...]


def attacks() -> Iterator[Attack]:
    """Return them all."""
    yield from _trust()
    yield from _secrets()
    yield from _server()
    yield from _faults()


def _attack(target: str, does: str, happens: str, *tests: str) -> Attack:
    return Attack(target, does, happens, tests)


def _trust() -> Iterator[Attack]:
    model = "verified_model::test"
    yield _attack(
        "model", "alter a model's files", "loaded by none of its names", f"{model}_an_altered_model_is_loaded"
    )
    yield _attack(
        "model", "let an altered model run code in evaluate and probe", "one line, no code is run",
        f"{model}_entry_points_load_no_altered_model",
    )  # fmt: skip
    yield _attack(
        "model", "alter the champion that is compared with", "not loaded, no comparison",
        f"{model}_an_altered_champion",
    )  # fmt: skip
    yield _attack(
        "model", "hide an altered model behind a second MLmodel", "diverged: its files are named, no code is run",
        "tamperings::test_the_verdict_tells_it[code in a model, and a second one]", f"{model}_a_second_model_among",
    )  # fmt: skip
    yield _attack("model", "log a pickle, or no digest", "wants --trust-model=yes", f"{model}_a_model_without_a_digest")
    yield _attack("model", "name code in MLmodel", "refused by name", f"{model}_what_may_run_code_is_named")
    yield _attack(
        "model", "name code in a flavor that MLflow does not load", "refused by name",
        f"{model}_code_of_any_flavor_is_named",
    )  # fmt: skip
    yield _attack(
        "model", "name data, or a file, with a second MLmodel", "refused by name", f"{model}_what_may_run_code_is_named"
    )
    yield _attack(
        "model", "trust a type of a module in the current folder", "refused by name, nothing is imported",
        f"{model}_a_type_of_no_installed_package", f"{model}_a_type_that_the_file_itself",
        "own_code::test_a_type_of_the_project_without",
    )  # fmt: skip
    yield _attack(
        "model", "put code into a model's folder, digest and all", "refused by name, unless it is the project's own",
        "own_code::test_any_other_file_is_named", "own_code::test_a_link_and_a_file_that_git_ignores",
        "own_code::test_a_commit_that_is_none",
    )  # fmt: skip
    yield _attack(
        "model", "let one model's code stand for another's", "each uses its own, and leaves nothing in the process",
        "own_code::test_each_uses_its_own", "own_code::test_nothing_is_left", "own_code::test_what_runs_in_parallel",
    )  # fmt: skip
    yield _attack("record", "alter any part of a record", "named", "tamperings::test_what_was_tampered_with_is_named")
    yield _attack(
        "code", "record a commit that a trusted remote merely serves", "refused",
        "reproductions::test_all_does_not_run", "reproductions::test_a_trusted_repository",
        "reproductions::test_of_the_own_checkout",
    )  # fmt: skip
    yield _attack(
        "code", "record a patch for a trusted commit", "not tried without --apply-patches",
        "reproductions::test_all_runs_no_uncommitted", "reproductions::test_who_names_a_run",
    )  # fmt: skip
    yield _attack(
        "path", "record ../../.. as the project's folder", "refused", "other_projects::test_a_recorded_subdirectory",
        "repository::test_a_folder_outside", "paths::test_a_path_that_leads_out",
    )  # fmt: skip
    yield _attack(
        "path", "record a file of the project that is outside of it", "cannot be reproduced, and nothing is read",
        "paths::test_a_recorded_file_of_the_project",
    )  # fmt: skip
    yield _attack(
        "path", "give a model the id /tmp/x", "refused, nothing is written", "paths::test_what_is_no_id_is_refused",
        "paths::test_a_model_s_id_writes_nothing_elsewhere",
    )  # fmt: skip
    yield _attack(
        "path", "commit the subdirectory as a link that leads out", "refused",
        "patch::test_a_subdirectory_that_is_a_link", "paths::test_a_link_may_stay_inside",
    )  # fmt: skip
    yield _attack(
        "repository", "configure a command that git runs when it reads", "not run",
        "untrusted_repository::test_nothing_of_its_configuration_runs",
        "untrusted_repository::test_the_attack_would_succeed_with_plain_git",
    )  # fmt: skip
    yield _attack(
        "engine", "replace a file of a project's engine, or all may", "the installed engine acts",
        "engine_choice::test_what_another_user", "engine_choice::test_what_every_user",
        "engine_choice::test_a_link_to_a_folder",
    )  # fmt: skip
    yield _attack(
        "engine", "put a click.py beside it", "not run", "engine_choice::test_no_other_module_of_the_project_s_folder"
    )
    yield _attack("repository", "put hooks in clones", "not run", "untrusted_repository::test_hooks_and_templates")


def _secrets() -> Iterator[Attack]:
    yield _attack(
        "search", "join a search on Dask without its key", "refused, no code is run, no other port is open",
        "search_key::test", "workers::test",
    )  # fmt: skip
    yield _attack(
        "login", "put a login in a data URL, in any spelling", "taken out or refused", "credentials::test",
        "repository::test_a_password_reaches_the_server_and_no_file",
    )  # fmt: skip
    yield _attack("login", "put a login in git's remote", "not recorded", "checkout::test_the_remote_is_named_without")
    yield _attack(
        "login", "name another server in results.json", "no login is sent there",
        "bundle::test_a_login_goes", "bundle::test_no_store_is_made",
    )  # fmt: skip
    yield _attack(
        "secret", "leave keys, tokens and secret files in the tree", "named, in no patch", "secret_files::test",
        "checkout::test_secrets_are_named", "checkout::test_a_staged_secret", "checkout::test_a_line_with_a_token",
    )  # fmt: skip


def _server() -> Iterator[Attack]:
    yield _attack("server", "write as a reader", "403 on every path", "access_control::test_a_reader_looks")
    yield _attack("server", "choose where artifacts lie", "403", "access_control::test_only_an_admin_says_where")
    yield _attack("server", "register files of another place", "403", "access_control::test_a_version_is_made_of")
    yield _attack(
        "server", "read hashes of passwords", "not printed, not readable", "access_control::test_a_role_is_changed",
        "access_control::test_the_hashes_of_passwords",
    )  # fmt: skip
    yield _attack(
        "kubernetes", "type $(VAR) into a parameter", "reaches the job as it was typed",
        "manifest::test_no_variable_is_put", "kubernetes_commit::test_a_parameter_reaches",
    )  # fmt: skip
    yield _attack(
        "kubernetes", "hold a Job for want of quota", "waited for, and said",
        "admission::test_a_suspended_job", "admission::test_the_time_to_start",
    )  # fmt: skip
    yield _attack("deploy", "be root, read all secrets", "confined", "deploy::test")


def _faults() -> Iterator[Attack]:
    yield _attack(
        "store", "kill the process that makes it", "the next makes it whole", "sqlite_store::test_a_killed_creation",
        "sqlite_store::test_a_store_that_was_left_unfinished",
    )  # fmt: skip
    yield _attack("store", "start six first runs at once", "all finish", "sqlite_store::test_first_runs_in_a_fresh")
    yield _attack("process", "SIGKILL", "doctor --fix and the same command again succeed", "kill_anything::test")
    yield _attack(
        "process", "SIGKILL while a promotion moves the alias", "the champion answers, the history is whole",
        "promotion::test_sigkill_at_random_moments", "promotion::test_what_a_killed_promote_left",
        "promotion::test_doctor_repairs_a_move",
    )  # fmt: skip
    yield _attack("process", "SIGKILL leaves folders", "swept", "scratch::test_what_a_killed_process_left")
    yield _attack(
        "temporary", "hold or plant the lock of promotions", "no other user can", "promotion::test_no_other_user",
        "promotion::test_what_stands_in_the_temporary", "promotion::test_a_lock_that_is_not", "process_lock::test",
    )  # fmt: skip
    yield _attack("temporary", "plant a folder there", "refused by name", "scratch::test_a_planted_folder")
    yield _attack(
        "clock", "set it a day ahead", "blocks and slanders nobody", "promotion::test_entries_of_a_clock",
        "promotion::test_a_move_from_the_future",
    )  # fmt: skip
    yield _attack("terminal", "record control characters", "shown as plain letters", "terminal::test")
    yield _attack("input", "a header of megabytes", "read, or one line", "table::test_a_header_may_be_longer")
    yield _attack(
        "input", "a full disk", "named, nothing is lost", "failures::test_a_full", "entry_point::test_a_full_disk"
    )
    yield _attack("input", "a colon or a line break in the project's path", "commit and patch are recorded",
                  "checkout::test_a_folder_of_any_name", "other_projects::test_a_folder_of_any_name")  # fmt: skip
    yield _attack(
        "input", "--help as a value", "a value", "entry_point::test_a_value_that_looks", "entry_point::test_no_command"
    )
    yield _attack(
        "input",
        "deep YAML and JSON, huge numbers",
        "one line",
        "untrusted_text::test",
        "policy::test_what_is_wrong",
        "search_space::test_what",
    )
    yield _attack("input", "too little memory", "told as that", "table::test_memory")
    yield _attack("input", "a patch that inflates to gigabytes", "refused", "patch::test_a_patch_that_would_grow")
    yield _attack("input", "a server that is away at first", "tried again", "entry_point::test_a_server_that_is_away")
    yield _attack("input", "a wrong call of any kind", "one line, no run", "wrong_calls::test")


@dataclass
class Tried:
    """What pytest says: function -> outcomes of its cases, and why some were skipped."""

    ids: list[str] = field(default_factory=list)
    outcomes: dict[str, str] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, config: pytest.Config, items: list[pytest.Item]) -> None:
        """Keep the tests of the attacks."""
        kept = [item for item in items if any(_is_of(item.nodeid, name) for name in self.ids)]
        config.hook.pytest_deselected(items=[item for item in items if item not in kept])
        items[:] = kept

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a case ended, in whatever phase."""
        if report.skipped and isinstance(report.longrepr, tuple):
            self.reasons[report.nodeid] = str(report.longrepr[2])
        if report.when == "call" or not report.passed:
            worse = self.outcomes.get(report.nodeid) == "failed"
            self.outcomes[report.nodeid] = "failed" if worse else report.outcome

    def state(self, attack: Attack) -> str:
        """Return whether an attack was held."""
        found: dict[str, str] = {}
        for name in attack.tests:
            of_name = {node: outcome for node, outcome in self.outcomes.items() if _is_of(node, name)}
            if not of_name:
                return f"NOT HELD: no test {name}"
            found |= of_name
        failed = [node for node, outcome in found.items() if outcome == "failed"]
        if failed:
            return f"NOT HELD: {failed[0]}"
        skipped = [node for node, outcome in found.items() if outcome == "skipped"]
        return f"not tried: {self.reasons.get(skipped[0])}" if len(skipped) == len(found) else "held"


def _is_of(node: str, name: str) -> bool:
    """Return whether a test is one that an attack names by its beginning."""
    file, _, function = name.partition("::")
    path, _, rest = node.partition("::")
    return Path(path).name == f"test_{file}.py" and re.sub(r"^Test\w+::", "", rest).startswith(function)


def main(chosen: str) -> int:
    """Try them, and print the table."""
    wanted = [attack for attack in attacks() if chosen in f"{attack.target} {attack.does}"]
    tried = Tried([name for attack in wanted for name in attack.tests])
    names = sorted({name.partition("::")[0] for name in tried.ids})
    files = [str(path) for name in names for path in HERE.rglob(f"test_{name}.py")]
    pytest.main(["-q", "--no-header", "-p", "no:cacheprovider", *files], plugins=[tried])
    print(f"\n{'target':10}  {'attack':52}  {'what happens':46}  result")
    states = {attack: tried.state(attack) for attack in wanted}
    for attack, state in states.items():
        print(f"{attack.target:10}  {attack.does:52}  {attack.happens:46}  {state}")
    bad = sum(state.startswith("NOT HELD") for state in states.values())
    print(f"\n{len(states)} attacks, {bad} not held")
    return bad


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
