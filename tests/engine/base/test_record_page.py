"""The schema of provenance.json, and the page that is written from it."""

import json
from collections.abc import Iterator
from typing import Any

import mlflow
import pytest
from conftest import Job

from reprise.base import artifact, record, record_page, tag

WHOLE: dict[str, Any] = {
    "format": 1,
    "git": {"subdirectory": "", "patch": {"left_out": {}}},
    "environment": {
        **dict.fromkeys(("python_version", "implementation", "platform", "machine"), "text"),
        "installed": {},
        "mismatches": [],
        "simd": [],
        "blas": [],
    },
    "data": {"source": {"uri": "iris"}, "fingerprint": "a" * 64, "rows": 3},
}
"""A record with what every version wrote, and no more."""


def changed(key: str, value: object) -> str:
    """The record as text, with another value at a key; None takes the key out."""
    content = json.loads(json.dumps(WHOLE))
    *above, name = key.split(".")
    place = content
    for each in above:
        place = place[each]
    place[name] = value
    if value is None:
        del place[name]
    return json.dumps(content)


def keys(value: object, above: str = "") -> Iterator[str]:
    """Keys of a record as the page names them."""
    if isinstance(value, dict):
        for name, inside in value.items():
            yield f"{above}{name}"
            yield from keys(inside, f"{above}{name}.")
    if isinstance(value, list) and value:
        yield from keys(value[0], f"{above.removesuffix('.')}[].")


def test_the_page_is_what_the_code_says() -> None:
    """Write it anew with `python -m reprise.base.record_page --write`."""
    assert record_page.PAGE.read_text(encoding="utf-8") == record_page.page()


@pytest.mark.parametrize("module", [tag, artifact])
def test_the_page_names_every_constant(module: object) -> None:
    page = record_page.page()
    values = [value for name, value in vars(module).items() if name.isupper() and isinstance(value, str)]
    assert [value for value in values if f"| `{value}` |" not in page] == []


def test_every_key_that_a_job_records_stands_on_the_page(train: Job, evaluate: Job, tune: Job) -> None:
    page = record_page.page()
    free = ("installed", "left_out", "threads", "parameters", "files", "metrics", "resolved", "tags")
    for made in (train(), evaluate(), tune("--trials", "2", "--folds", "2", "--n-jobs", "1")):
        found = mlflow.artifacts.load_dict(f"runs:/{made.info.run_id}/{artifact.PROVENANCE}")
        named = [key for key in keys(found) if not any(f"{name}." in key for name in free)]
        assert len(named) > 50
        assert [key for key in named if f"| `{key}` |" not in page] == []


def test_a_constant_without_what_it_stands_on_is_refused() -> None:
    with pytest.raises(ValueError, match=r"^NEW is described by 'some tag'; write On "):
        record_page._split(record_page._ON, "some tag", "NEW")  # noqa: SLF001


def test_a_record_with_what_every_version_wrote_is_read_as_it_is() -> None:
    assert record.parsed(json.dumps(WHOLE)) == WHOLE
    later: object = record.parsed(changed("of a later day", [1]))
    assert later == {**WHOLE, "of a later day": [1]}


@pytest.mark.parametrize("key", record.WHOLE)
def test_a_record_that_lacks_a_key_of_every_version_is_none(key: str) -> None:
    assert record.parsed(changed(key, None)) is None
    assert record.parsed(changed(key, 1.5)) is None


@pytest.mark.parametrize("text", ["", "[]", "7", "{}", '"text"', '{"format": 1}', '{"format": 1, "git": []}', "{"])
def test_a_text_that_is_no_record_is_none(text: str) -> None:
    assert record.parsed(text) is None


def test_of_a_newer_format_nothing_more_is_asked() -> None:
    assert record.parsed('{"format": 2, "git": 5}') == {"format": 2, "git": 5}


def test_a_record_is_read_as_it_was_written() -> None:
    assert record.parsed(record.text(WHOLE)) == WHOLE  # type: ignore[arg-type]
