"""The Debian package: made by deploy/package-debian, judged by lintian, installed, used, upgraded and removed on a machine with systemd."""

import subprocess

import container
import guide
import pytest
from machine import Machine

pytestmark = pytest.mark.long
MINUTES = 20
# It has no maintainer but whoever makes it; and its scripts are written by hand, for systemd alone.
NOT_MEANT = "bogus-mail-host,bogus-mail-host-in-debian-changelog,root-in-contact"


@pytest.fixture(scope="module")
def package(tmp_path_factory):
    with container.alone():
        return container.run(guide.REPOSITORY / "deploy/package-debian", tmp_path_factory.mktemp("package"), timeout=MINUTES * 60).splitlines()[-1]


def test_lintian_finds_no_error(package):
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error", "--suppress-tags", NOT_MEANT, package], capture_output=True, text=True,
                          timeout=MINUTES * 60, check=False)
    assert done.returncode == 0, done


def test_it_is_all_that_a_server_needs(package, tmp_path):
    machine = Machine()
    try:
        (machine.root / "tmp/new.deb").write_bytes(open(package, "rb").read())
        machine.run("dpkg", "--install", "/tmp/new.deb")
        machine.run("id", "syncshell-relay")
        machine.run("syncshell", "--version")
        (machine.root / "etc/syncshell-relay/relay.toml").write_text('[store]\npath = "/var/lib/syncshell-relay/relay.db"\n')
        machine.run("systemctl", "enable", "--now", "syncshell-relay")
        relay = ["syncshell-relay", "--config", "/etc/syncshell-relay/relay.toml"]
        assert "All is well." in machine.run(*relay, "doctor").stdout

        pid = ["systemctl", "show", "--property=MainPID", "--value", "syncshell-relay"]
        before = machine.run(*pid).stdout
        machine.run("dpkg", "--install", "/tmp/new.deb")
        assert machine.run(*relay, "health").stdout == "ready\n" and machine.run(*pid).stdout not in (before, "0\n")

        machine.run("dpkg", "--remove", "syncshell-relay")
        assert machine.run("systemctl", "is-active", "syncshell-relay", status=None).stdout == "inactive\n"
        machine.run("test", "-s", "/var/lib/syncshell-relay/relay.db")
        machine.run("test", "-e", "/etc/syncshell-relay/relay.toml")
    finally:
        machine.close()
