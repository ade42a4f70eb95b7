"""SIGKILL at random moments, each command once; `python tests/engine/kill_anything.py 200` for more."""

import sys

import pytest
from conftest import PROJECT, run


@pytest.mark.integration
@pytest.mark.slow
@pytest.mark.real_python
def test_sigkill_at_random_moments_leaves_nothing_that_troubles_the_next() -> None:
    killed = run(
        sys.executable, PROJECT / "tests/engine/kill_anything.py", "9", "15", cwd=PROJECT, PYTHONPATH=str(PROJECT)
    )
    assert killed.returncode == 0, killed.stdout + killed.stderr
    assert killed.stdout.count("all well") == 9
