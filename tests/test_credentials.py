"""Credentials in URLs."""

import pytest

from reprise.credentials import without_credentials


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("https://user:secret@example.org/a.csv", "https://example.org/a.csv"),
        ("https://ghp_token@example.org/a.git#x", "https://example.org/a.git#x"),
        ("postgresql://me:p@ss@host/db", "postgresql://host/db"),
        ("ssh://git:secret@example.org/a.git", "ssh://git@example.org/a.git"),
        ("git@example.org:me/a.git", "git@example.org:me/a.git"),
        ("s3://bucket/key.csv?X-Amz-Signature=abc", "s3://bucket/key.csv"),
        ("cannot read 'https://a:b@c/d' now", "cannot read 'https://c/d' now"),
        ("/home/me/a.csv", "/home/me/a.csv"),
        ("https://example.org/a.csv?page=2", "https://example.org/a.csv?page=2"),
    ],
)
def test_credentials_are_taken_out_and_the_rest_stays(text: str, clean: str) -> None:
    assert without_credentials(text) == clean
