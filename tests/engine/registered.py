"""`reprise` in this process, and what it says of the registered model: for the tests of the registry."""

from click.testing import CliRunner, Result
from conftest import ENTRY_POINTS

from reprise.cli.commands import cli
from reprise.models import registry


def reprise(*arguments: str) -> Result:
    return CliRunner().invoke(cli, arguments)


def done(*arguments: str) -> str:
    result = reprise(*arguments)
    assert result.exit_code == 0, result.output
    return result.output


def refused(exit_code: int, *arguments: str) -> str:
    result = reprise(*arguments)
    assert result.exit_code == exit_code, result.output
    return result.output


def champion() -> str | None:
    version = registry.aliased("reprise", "champion")
    return version.number if version else None


def judge_again(version: str) -> None:
    evaluate = ENTRY_POINTS["evaluate"]

    CliRunner().invoke(evaluate, ["--model", f"models:/reprise/{version}"])
