"""Fixtures: a relay behind a recording tap, plain and with TLS, and peers with state folders of their own."""

import os
import zlib
from pathlib import Path

import pytest

from support import schemas
from support.certificate import Certificate
from support.world import SEEN_TYPES, World


def pytest_addoption(parser):
    parser.addoption("--sample", action="store_true", help="of each test that runs plain and with TLS only one of them, always the same")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--sample"):
        left_out = [item for item in items if is_left_out(item)]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in set(left_out)]


def is_left_out(item):
    transport = item.callspec.params.get("world") if hasattr(item, "callspec") else None
    chosen = ("plain", "tls")[zlib.crc32(item.originalname.encode()) % 2]
    return transport not in (None, chosen)


def pytest_sessionfinish(session):
    """Tests run in several processes: each hands what it has seen to the one that started it, which writes down the schemas that
    no frame of the whole run matched. Those describe nothing."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seen_types"] = sorted(SEEN_TYPES)
    elif record := os.environ.get("SYNCSHELL_UNUSED_SCHEMAS"):
        Path(record).write_text("\n".join(sorted(set(schemas.known()) - SEEN_TYPES)))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    SEEN_TYPES.update(node.workeroutput["seen_types"] if hasattr(node, "workeroutput") else ())


@pytest.fixture(scope="session")
def validators():
    return schemas.known()


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    return Certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture(params=["plain", "tls"])
def world(request, tmp_path, validators, certificate):
    world = World(tmp_path, validators, certificate if request.param == "tls" else None)
    world.start_relay()
    yield world
    world.end()
