"""Every scenario once. scenarios/run has the other pairs of peers."""

import pytest

from scenarios import SCENARIOS, run

PLAYS = [(s.name, *pair) for s in sorted(SCENARIOS.values(), key=lambda s: not s.slow) if not s.long for pair in s.pairs]


@pytest.mark.parametrize("name, sharing, fetching", PLAYS)
def test_scenario(name, sharing, fetching):
    problem = run(name, sharing, fetching)
    assert problem is None, problem
