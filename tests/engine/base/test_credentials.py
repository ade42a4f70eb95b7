"""Credentials in URLs."""

from pathlib import Path

import mlflow
import pytest
from conftest import PROJECT, run

from reprise.backends.commit import request_of
from reprise.base.credentials import refuse_credentials, without_credentials
from reprise.base.errors import WrongCall
from reprise.data.source import locate


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://user:secret@example.org/a.csv", "https://example.org/a.csv"),
        ("HTTPS://user:secret@example.org/a.csv", "HTTPS://example.org/a.csv"),
        ("https://ghp_token@example.org/a.git#x", "https://example.org/a.git#x"),
        ("https://:secret@example.org/a.csv", "https://example.org/a.csv"),
        ("https://user:@example.org/a.csv", "https://example.org/a.csv"),
        ("https://user:s%40cret@example.org:8443/a.csv", "https://example.org:8443/a.csv"),
        ("https://user:p/a?s#s@example.org/a.csv", "https://example.org/a.csv"),
        ("https://user:pass word@example.org/a.csv", "https://example.org/a.csv"),
        ("https://user:it's@example.org/a.csv", "https://example.org/a.csv"),
        ("https://user:secret@[::1]:8080/a.csv", "https://[::1]:8080/a.csv"),
        (r"https:\/\/user:secret@example.org/a.csv", r"https:\/\/example.org/a.csv"),
        ("postgresql://me:p@ss@host/db", "postgresql://host/db"),
        ("postgresql+psycopg2://me:1234@host/db?sslmode=require", "postgresql+psycopg2://host/db?sslmode=require"),
        ("postgresql://host/db?user=me&password=pw", "postgresql://host/db?user=me"),
        ("ssh://git:secret@example.org/a.git", "ssh://git@example.org/a.git"),
        ("s3://key:secret/with/slashes@bucket/a.csv", "s3://bucket/a.csv"),
        ("s3://bucket/key.csv?X-Amz-Signature=abcdef", "s3://bucket/key.csv"),
        ("https://h/a.csv?sv=2022&sig=abcdef&se=2027-01-01", "https://h/a.csv"),
        ("https://h/a.csv?page=2&key=abcdef&format=csv", "https://h/a.csv?page=2&format=csv"),
        ("https://h/a.csv?Code=abcdef", "https://h/a.csv"),
        ("https://h/a.csv?abcdefgh", "https://h/a.csv"),
        ("https://h/a.csv#access_token=abcdef", "https://h/a.csv"),
        ("cannot read 'https://a:b@c/d' now", "cannot read 'https://c/d' now"),
        ("both https://a:b@c/d and https://e:f@g/h?token=abcdef.", "both https://c/d and https://g/h"),
    ],
)
def test_credentials_are_taken_out_and_the_rest_stays(text: str, clean: str) -> None:
    assert without_credentials(text) == clean
    assert without_credentials(clean) == clean


@pytest.mark.parametrize(
    "text",
    [
        "git@example.org:me/a.git",
        "/home/me/a.csv",
        "C:/tables/a.csv",
        "https://example.org/a.csv?page=2",
        "https://example.org:8443/@me/a.csv",
        "https://example.org:443 or mail me@example.org",
        "https://example.org/a.git#models/churn",
        "see 'http://127.0.0.1:5000', says me@example.org",
        "runs:/0123456789abcdef/model",
        "sqlite:////tmp/mlflow.db?timeout=60",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert without_credentials(text) == text


def test_a_parameter_with_credentials_is_refused_by_name_and_not_shown() -> None:
    with pytest.raises(WrongCall, match="parameter data holds credentials") as refused:
        refuse_credentials({"C": "1.0", "data": "https://me:hunter2@example.org/a.csv"})
    assert "hunter2" not in refused.value.format_message()
    refuse_credentials({"data": "https://example.org/a.csv?page=2"})


def test_a_backend_refuses_it_before_it_makes_a_run() -> None:
    with pytest.raises(WrongCall, match="parameter data holds credentials"):
        request_of(str(PROJECT), "main", {"data": "s3://key:hunter2/3@bucket/a.csv"}, None, "0", "uv")


@pytest.mark.usefixtures("quick_python")
def test_a_job_of_mlflow_run_fails_before_it_reads_and_says_what_to_do(store: str, tmp_path: Path) -> None:
    client = mlflow.MlflowClient()
    data = "https://me:hunter2@127.0.0.1:9/a.csv"  # nobody listens there
    logged = client.create_run(mlflow.search_experiments()[0].experiment_id)
    client.log_param(logged.info.run_id, "data", data)
    variables = {"MLFLOW_TRACKING_URI": store, "MLFLOW_RUN_ID": logged.info.run_id}
    ended = run("python", PROJECT / "train.py", f"--data={data}", cwd=tmp_path, **variables)
    assert ended.returncode == 2
    assert "hunter2" not in ended.stdout + ended.stderr
    (line,) = ended.stderr.splitlines()
    assert line.startswith(
        f"Error: parameter data holds credentials, and MLflow has logged them in run {logged.info.run_id}"
    )
    assert "mlflow gc" in line
    assert "hunter2" not in client.get_run(logged.info.run_id).data.tags["reprise.failure"]


def test_a_table_in_s3_is_not_named_with_a_login() -> None:
    with pytest.raises(WrongCall, match="AWS_ACCESS_KEY_ID") as refused:
        locate("s3://key:hunter2/3@bucket/a.csv")
    assert "hunter2" not in refused.value.format_message()
