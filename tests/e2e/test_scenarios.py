"""Every scenario once. scenarios/run has the other pairs of peers."""

import pytest

from scenarios import SCENARIOS, run

NAMES = sorted((s.name for s in SCENARIOS.values() if not s.long), key=lambda name: not SCENARIOS[name].slow)


@pytest.mark.parametrize("name", NAMES)
def test_scenario(name):
    problem = run(name, "c", "c")
    assert problem is None, problem
