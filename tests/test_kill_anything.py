"""SIGKILL at random moments, each command once; `python tests/kill_anything.py 200` for more."""

import kill_anything
import pytest


@pytest.mark.integration
def test_sigkill_at_random_moments_leaves_nothing_that_troubles_the_next() -> None:
    assert kill_anything.main(kills=9, seed=15) == 0
