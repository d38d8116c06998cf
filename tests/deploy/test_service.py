"""The relay under a service manager: what it tells it, and the unit that is installed."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path

import pytest
from support.process import BUILD
from support.wait import LIMIT_S


class Manager:
    """The socket at which a service manager listens."""

    def __init__(self, name):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + name[1:] if name.startswith("@") else name)
        self.socket.settimeout(LIMIT_S)

    def hear(self, *, besides="WATCHDOG=1"):
        """The next message as a dict, other than watchdog pings."""
        while True:
            text = self.socket.recv(4096).decode()
            if text != besides:
                return dict(line.split("=", 1) for line in text.split("\n"))


@pytest.fixture(params=["file", "abstract"])
def manager(request, tmp_path, monkeypatch):
    """Set where the relay of this test finds it."""
    name = str(tmp_path / "notify") if request.param == "file" else f"@syncshell-{os.getpid()}-{request.node.name}"
    from support import process
    monkeypatch.setitem(process.INHERITED, "NOTIFY_SOCKET", name)
    return Manager(name)


@pytest.fixture
def watched(monkeypatch):
    from support import process
    monkeypatch.setitem(process.INHERITED, "WATCHDOG_USEC", "100000")


def test_it_tells_its_life(manager, world):
    ready = manager.hear()
    assert ready == {"READY": "1", "STATUS": f"Listening on ws://127.0.0.1:{world.relay.port}"}
    child = world.relay.process.child
    child.send_signal(signal.SIGHUP)
    reloading = manager.hear()
    assert reloading["RELOADING"] == "1" and int(reloading["MONOTONIC_USEC"]) > 0
    assert manager.hear() == {"READY": "1"}
    child.send_signal(signal.SIGTERM)
    stopping = manager.hear()
    assert stopping["STOPPING"] == "1" and int(stopping["EXTEND_TIMEOUT_USEC"]) >= 6_000_000


def test_its_loop_feeds_the_watchdog(manager, watched, world):
    assert manager.hear()["READY"] == "1"
    assert [manager.hear(besides=None) for _ in range(5)] == [{"WATCHDOG": "1"}] * 5


def test_another_s_watchdog_is_not_fed(manager, watched, monkeypatch, request):
    from support import process
    monkeypatch.setitem(process.INHERITED, "WATCHDOG_PID", "1")
    world = request.getfixturevalue("world")
    assert manager.hear(besides=None)["READY"] == "1"
    world.relay.process.child.send_signal(signal.SIGTERM)
    assert "STOPPING" in manager.hear(besides=None)


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("install")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], check=True,
                   timeout=LIMIT_S)
    return folder


def test_every_file_is_where_it_belongs(installed):
    """Below the prefix; the library's own folder depends on the machine."""
    [program] = installed.rglob("bin/syncshell-relay")
    prefix = program.parents[1]
    found = {str(file.relative_to(prefix)) for file in installed.rglob("*") if not file.is_dir()}
    [library] = {Path(file).parent for file in found if file.endswith("/libsyncshell.a")}
    assert library.parts[0] == "lib"
    assert found == {
        *(f"bin/{name}" for name in ("syncshell", "syncshell-relay", "syncshell-sync")),
        "include/syncshell/syncshell.h",
        "lib/systemd/system/syncshell-relay.service", "lib/sysusers.d/syncshell-relay.conf",
        *(f"{library}/{name}" for name in ("libsyncshell.a", "libsyncshell.so", "libsyncshell.so.0", "libsyncshell.so.0.1.0")),
        f"{library}/pkgconfig/syncshell.pc",
        "share/doc/syncshell-relay/config.example.toml",
        *(f"share/man/man1/{name}.1" for name in ("syncshell", "syncshell-relay", "syncshell-sync")),
        "share/man/man3/libsyncshell.3",
        "share/man/man5/syncshell-relay.toml.5",
    }


def test_the_unit_is_installed_and_right(installed):
    [unit] = installed.rglob("syncshell-relay.service")
    assert unit.parts[-4:-1] == ("lib", "systemd", "system")
    program = re.search(r"^ExecStart=(\S+)", unit.read_text(), re.MULTILINE).group(1)
    assert os.access(f"{installed}{program}", os.X_OK)
    [example] = installed.rglob("config.example.toml")
    assert example.parts[-3:-1] == ("doc", "syncshell-relay")
    if not shutil.which("systemd-analyze"):
        pytest.fail("systemd-analyze is missing")
    here = unit.parent / "here" / unit.name  # where its program is not below the root
    here.parent.mkdir()
    text = re.sub(r"^Documentation=.*\n", "", unit.read_text(), flags=re.MULTILINE)
    here.write_text(text.replace(program, f"{installed}{program}"))
    done = subprocess.run(["systemd-analyze", "verify", "--recursive-errors=no", here], capture_output=True, text=True,
                          check=False, timeout=LIMIT_S)
    assert done.returncode == 0 and not done.stderr, done
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--threshold=20", here], capture_output=True,
                          text=True, check=False, timeout=LIMIT_S)
    assert done.returncode == 0, done.stdout[-2000:]
