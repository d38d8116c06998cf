"""Every scenario once, several at a time: each waits more than it works. scenarios/run has the other pairs of peers."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from scenarios import SCENARIOS, run

JOBS = 4
NAMES = sorted((s.name for s in SCENARIOS.values() if not s.long), key=lambda name: not SCENARIOS[name].slow)


@pytest.fixture(scope="module")
def results(request):
    """Futures by the names of the tests that were selected; all of them begin when the first test does."""
    chosen = {item.callspec.params["name"] for item in request.session.items if item.module is request.module}
    with ThreadPoolExecutor(JOBS) as pool:
        yield {name: pool.submit(run, name, "c", "c") for name in NAMES if name in chosen}


@pytest.mark.parametrize("name", NAMES)
def test_scenario(results, name):
    problem = results[name].result()
    assert problem is None, problem
