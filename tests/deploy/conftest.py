"""Fixtures: a relay and peers as in tests/e2e, whose helpers these tests share."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))

from support import schemas  # noqa: E402
from support.certificate import Certificate  # noqa: E402
from support.world import World  # noqa: E402

from admin_site import Admin  # noqa: E402


def pytest_addoption(parser):
    parser.addoption("--long", action="store_true", help="also what takes minutes: the container image")


def pytest_collection_modifyitems(config, items):
    """A test that is not asked for is no test of this run: a skipped one would count as failed."""
    if not config.getoption("--long"):
        items[:] = [item for item in items if "long" not in item.keywords]


def pytest_configure(config):
    config.addinivalue_line("markers", "long: takes minutes")


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path, schemas.known(), None)
    world.start_relay()
    yield world
    world.end()


@pytest.fixture
def admin(world):
    """The operator's HTTP of the world's relay."""
    world.restart_relay(**Admin.settings(world.folder))
    return Admin(world.relay)
