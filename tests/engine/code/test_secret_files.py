"""What no patch may hold. The tokens are made up, and put together here: so no scanner takes this file for a leak."""

import pytest

from reprise.code.secret_files import has_secret_name, secret_in

TOKENS = {
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitHub, fine-grained": "github_pat_" + "a1B2" * 9,
    "AWS": "AKIA" + "IOSFODNN7EXAMPLE",
    "AWS, temporary": "ASIA" + "IOSFODNN7EXAMPLE",
    "Slack": "xoxb-" + "1" * 12 + "-" + "2" * 12 + "-" + "a" * 24,
    "Stripe": "sk_live_" + "a" * 24,
    "GitLab": "glpat-" + "a" * 20,
    "SendGrid": "SG." + "a" * 22 + "." + "b" * 43,
    "Telegram": "1234567890:" + "AA" + "a" * 33,
    "npm": "npm_" + "a" * 36,
    "Hugging Face": "hf_" + "a" * 34,
    "Databricks": "dapi" + "0a" * 16,
    "Google": "AIza" + "a" * 35,
    "Anthropic": "sk-ant-" + "a" * 30,
    "OpenAI": "sk-proj-" + "a" * 30,
    "a private key": "-----BEGIN " + "RSA PRIVATE KEY-----",
    "a key of PuTTY": "PuTTY-User-Key-File-" + "2: ssh-rsa",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("token", TOKENS.values(), ids=TOKENS)
def test_a_token_of_a_well_known_service_is_found_in_any_line_and_encoding(token: str, encoding: str) -> None:
    found = secret_in(f"first\nsettings = {token}\n".encode(encoding))
    assert found is not None
    assert found.startswith("line 2 looks like ")


def test_a_key_behind_megabytes_is_found() -> None:
    assert secret_in(b"0.1,0.2\n" * 500_000 + TOKENS["a private key"].encode()) is not None


@pytest.mark.parametrize(
    "text",
    [
        "alpha,beta\n0.1,0.2\n",
        "password = getpass()",
        "d41d8cd98f00b204e9800998ecf8427e",
        "BEGIN CERTIFICATE",
        "sk-learn",
    ],
)
def test_what_is_no_token_is_none(text: str) -> None:
    assert secret_in(text.encode()) is None


@pytest.mark.parametrize(
    "path",
    [
        *(
            ".env",
            "prod.env",
            ".env.local",
            ".netrc",
            "_netrc",
            ".git-credentials",
            "terraform.tfstate",
            "a/x.tfstate.backup",
        ),
        *(
            "kubeconfig",
            "prod.kubeconfig",
            ".kube/config",
            "application_default_credentials.json",
            "hf_token",
            "token.txt",
        ),
        *("conf/api_key.txt", "APIKEY", "api-keys.yaml", "my-secrets.yaml", "db.password", "id_rsa", "server.pem"),
        *(
            "client_secret_12.json",
            "service-account-prod.json",
            ".aws/credentials",
            "kaggle.json",
            "data/passwords.csv",
        ),
    ],
)
def test_a_name_that_secrets_have(path: str) -> None:
    assert has_secret_name(path)


@pytest.mark.parametrize(
    "path",
    [
        "tokenizer.json",
        "src/tokens.py",
        "token_counts.csv",
        "keys.csv",
        "monkey.csv",
        "secretary.csv",
        "environment.yaml",
    ],
)
def test_a_name_that_is_none(path: str) -> None:
    assert not has_secret_name(path)
