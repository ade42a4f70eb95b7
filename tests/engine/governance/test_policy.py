"""policy.yaml is read strictly: what is wrong is named with its line and key."""

import hashlib
from pathlib import Path

import pytest
from conftest import PROJECT

from reprise.base.errors import WrongCall
from reprise.governance.policy import Limits, OriginRule, read_policy
from reprise.task.known_metrics import KNOWN


def written(folder: Path, text: str) -> Path:
    (folder / "policy.yaml").write_text(text)
    return folder / "policy.yaml"


def test_the_shipped_policy_is_valid_and_bound_to_its_bytes() -> None:
    path = PROJECT / "policy.yaml"
    policy = read_policy(path, KNOWN)
    assert policy.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert policy.data == "held-out"
    assert policy.metrics["accuracy"].min
    assert policy.significance
    assert policy.provenance.fingerprint


def test_a_rule_that_is_left_out_is_not_there(tmp_path: Path) -> None:
    policy = read_policy(written(tmp_path, "rows: {min: 5, max: 50}\n"))
    assert policy.rows == Limits(5, 50)
    assert (policy.metrics, policy.slices, policy.provenance) == ({}, {}, OriginRule())


def test_rows_of_a_slice_are_a_whole_number(tmp_path: Path) -> None:
    slices = read_policy(written(tmp_path, "slices: {city: {rows: 20.0}, on: {}}\n")).slices
    assert {column: rule.rows for column, rule in slices.items()} == {"city": 20, "on": 1}


def test_the_launcher_takes_any_metric_and_the_environment_those_that_there_are(tmp_path: Path) -> None:
    path = written(tmp_path, "metrics:\n  cost: {max: 9}\nchange:\n  cost: {max: 1}\n")
    assert read_policy(path).metrics["cost"] == Limits(max=9)
    with pytest.raises(WrongCall, match=r"line 2: metrics.cost: unknown; known here: accuracy, .*, r2"):
        read_policy(path, KNOWN)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        (
            "rows: {min: 3}\nmetrics:\n  acuracy: {min: 0.5}\n",
            r"line 3: metrics.acuracy: unknown; known here: accuracy",
        ),
        ("metrics:\n  accuracy: {min: 1.5}\n", r"line 2: metrics.accuracy: min 1.5 cannot be met"),
        ("metrics:\n  accuracy: {min: 0.9, max: 0.8}\n", r"line 2: metrics.accuracy: cannot be met: min 0.9 is above"),
        ("metrics:\n  accuracy: {max: -1}\n", "max -1 cannot be met"),
        ("metrics:\n  accuracy: {}\n", "a limit is wanted"),
        ("metrics:\n  accuracy: 0.9\n", "line 2: metrics.accuracy: `name: value` pairs are wanted"),
        ("metrics:\n  accuracy: {least: 0.9}\n", r"metrics.accuracy.least: unknown; known here: min, max"),
        ("metrics:\n  accuracy: {min: high}\n", "line 2: metrics.accuracy.min: 'high' should be a valid number"),
        ("metrics:\n  accuracy: {min: .nan}\n", "nan should be a finite number"),
        ("metrics:\n  accuracy: {min: true}\n", "True should be a valid number"),
        ("rows: {min: 1}\nrows: {min: 2}\n", "line 2: rows: stands here twice"),
        ("data: everything\n", "neither held-out nor a fingerprint"),
        ("change:\n  accuracy: {min: 2}\n", "line 2: change.accuracy: min 2 cannot be met"),
        ("metrics:\n  r2: {min: 1.5}\n", "metrics.r2: min 1.5 cannot be met: the greatest value is 1"),
        ("metrics:\n  mean_absolute_error: {max: -1}\n", "max -1 cannot be met: the least value is 0"),
        ("change:\n  f2: {min: 0}\n", "line 2: change.f2: unknown"),
        ("worst_segment_error: {max: 0.5}\n", "max 0.5 cannot be met: the least value is 1"),
        ("significance: {level: 5, require: better}\n", "significance.level: 5 should be less than 1"),
        ("significance: {level: 0.05}\n", "significance.require: is missing"),
        ("significance: {level: 0.05, require: best}\n", "'best' should be 'not worse' or 'better'"),
        ("provenance: {tree: tidy}\n", "provenance.tree: 'tidy' should be 'clean' or 'recorded'"),
        ("provenance: {lock: 1}\n", "1 is neither true nor false"),
        ("provenance: {branch: 7}\n", "7 is not text; quote it"),
        ("slices: {city: {rows: 0}}\n", "slices.city.rows: 0 should be greater than or equal to 1"),
        ("slices: {city: {rows: 2.5}}\n", "slices.city.rows: 2.5 should be a valid integer"),
        ("provenance: {branch: no}\n", "'no', read as False, is not text; quote it"),
        ("provenance: {branch: ''}\n", "provenance.branch: '' should have at least 1 character"),
        ("rows: {min: [1]}\n", r"line 1: rows.min: \[1\] should be a valid number"),
        ("rows: {min: 1}\nmodel_size:\n", "line 2: model_size: has no value; give one, or take it out"),
        ("sha256: a\n", "line 1: sha256: unknown; known here: data, rows, metrics"),
        ("model_size: {max: -1}\nrows: {least: 3}\n", "line 1: model_size: max -1 cannot be met"),
        ("- rows\n", "line 1: `name: value` pairs are wanted"),
        ("rows: {min: 3\n", "policy.yaml, line 2: not YAML"),
        ("rows: " + "[" * 5_000, "policy.yaml: nested too deeply to be read"),
        ("rows: {min: \x1b}\n", "policy.yaml: not YAML: unacceptable character #x001b"),
        (f"rows: {{min: 1{'0' * 400}}}\n", "line 1: rows.min: 1000+… should be a valid number"),
        (f"rows: {{min: 1{'0' * 5_000}}}\n", "line 1: rows.min: '1000+… is no value"),
        ("rows: {min: 1.0e+400}\n", "line 1: rows.min: inf should be a finite number"),
        ("rows: {min: 2020-13-45}\n", "line 1: rows.min: '2020-13-45' is no value"),
        ("rows: {min: !!python/object:os.system x}\n", "line 1: rows.min: 'x' is no value"),
        (f"slices: {{city: {{rows: 1{'0' * 400}}}}}\n", "slices.city.rows: 1000+… should be less than or equal to"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(WrongCall, match=message):
        read_policy(written(tmp_path, text), KNOWN)


def test_a_policy_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(WrongCall, match="cannot be read: No such file"):
        read_policy(tmp_path / "nothing.yaml")
