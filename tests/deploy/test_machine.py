"""The guide's other way, on a machine that nobody has touched: built, installed, run by a real systemd, asked, reloaded, restored."""

import os
import re
import time

import container
import guide
import pytest
from machine import Machine
from support.certificate import Certificate
from support.wait import LIMIT_S

pytestmark = pytest.mark.long
BUILD = guide.REPOSITORY / "build/guide"
MINUTES = 20
NAME = "relay.example"
HERE = ("meson setup ", "ninja ", "meson install ")  # its compiler is this machine's


def build(line, root):
    """A line of the guide that is about building."""
    line = line.replace("build/release", str(BUILD))
    with container.alone():
        container.run("sh", "-ec", line, cwd=guide.REPOSITORY, env={**os.environ, "DESTDIR": str(root)}, timeout=MINUTES * 60)


class Shell:
    """Where the guide's reader types: what is exported stays so, and so does where he is."""

    def __init__(self, machine):
        self.machine, self.before = machine, []

    def type(self, line):
        done = self.machine.shell("; ".join([*self.before, line]))
        if line.startswith(("export ", "cd ")):
            self.before.append(line)
        return done.stdout


def until(holds):
    deadline = time.monotonic() + LIMIT_S
    while not holds():
        assert time.monotonic() < deadline


class Site:
    def __init__(self, machine, folder):
        self.machine, self.folder = machine, folder
        self.said = {}

    def write(self, path, text):
        file = self.machine.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def renew_certificate(self):
        tls = Certificate(self.folder, name=NAME, days=60)
        self.write("usr/local/share/ca-certificates/test.crt", tls.authority.read_text())
        self.machine.run("update-ca-certificates")
        for name, file in (("fullchain", tls.certificate), ("privkey", tls.key)):
            self.write(f"etc/letsencrypt/live/{NAME}/{name}.pem", file.read_text())
            (self.machine.root / f"etc/letsencrypt/live/{NAME}/{name}.pem").chmod(0o600)

    def follow(self):
        """All of the guide, in its order, but that the relay takes TLS itself, and has its certificate before it starts."""
        shell = Shell(self.machine)
        base, own_tls, _, admin = guide.texts("toml")
        base = base.replace('[proxy]\ntrusted = ["127.0.0.1", "::1"]\n', "")
        assert "proxy" not in base
        lines = guide.for_the_service()
        certificate = [line for line in lines if "letsencrypt" in line or "privkey.pem" in line]
        assert len(certificate) == 2
        for line in lines:
            if line.startswith(HERE):
                build(line, self.machine.root)
                continue
            if "--check-config" in line:
                self.write("etc/syncshell-relay/relay.toml", own_tls + base)
                for early in certificate:
                    shell.type(early)
            if line == "systemctl restart syncshell-relay":
                self.write("etc/syncshell-relay/relay.toml", own_tls + base + admin)
            if "explain" not in line:  # test_docs.py: on a relay with a session
                self.said.setdefault(line, []).append(shell.type(line))
        self.shell = shell

    def main_pid(self):
        return int(self.machine.run("systemctl", "show", "--property=MainPID", "--value", "syncshell-relay").stdout)

    def status(self):
        """/proc/PID/status of the relay."""
        return (self.machine.root / f"proc/{self.main_pid()}/status").read_text()


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    machine = Machine()
    try:
        site = Site(machine, tmp_path_factory.mktemp("site"))
        site.write("etc/hosts", f"127.0.0.1 localhost {NAME}\n")
        site.renew_certificate()
        site.follow()
        yield site
    finally:
        machine.close()


def test_who_follows_the_guide_has_a_relay(site):
    """Each line ended well; the doctor's recovery went by the name, by TLS that the system's authorities vouch for, on port 443."""
    [doctor] = site.said["syncshell-relay doctor"]
    assert "All is well." in doctor and f"ok     wss://{NAME} leads to this relay; a recovery through it took " in doctor, doctor
    assert site.said["syncshell-relay health"] == ["ready\n"]
    assert site.said["syncshell-relay backup /var/backups/relay-monday.db"][0].startswith("Saved ")
    assert "What was there before is kept as" in site.said["syncshell-relay restore /var/backups/relay-monday.db"][0]
    assert "event=listening" in site.said["journalctl -u syncshell-relay --since today"][0]
    assert site.machine.run("systemctl", "is-active", "syncshell-relay").stdout == "active\n"
    assert site.machine.run("systemctl", "is-enabled", "syncshell-relay").stdout == "enabled\n"
    assert site.machine.run("systemctl", "show", "--property=StatusText", "--value", "syncshell-relay").stdout.startswith("Listening on wss://")


def test_it_can_do_little(site):
    """Its user is that of sysusers.d; it has one capability and a filter of calls; its data are its own."""
    user = int(site.machine.run("id", "-u", "syncshell-relay").stdout)
    status = site.status()
    assert f"\nUid:\t{user}\t{user}\t{user}\t{user}\n" in status and user != 0
    for line in ("CapEff:\t0000000000000400", "CapBnd:\t0000000000000400", "NoNewPrivs:\t1", "Seccomp:\t2"):
        assert f"\n{line}\n" in status, status
    owners = {(file.stat().st_uid, oct(file.stat().st_mode & 0o777)) for file in (site.machine.root / "var/lib/private/syncshell-relay").iterdir()}
    assert owners == {(user, "0o600")}
    inside = ["nsenter", "--target", str(site.main_pid()), "--mount", "sh", "-c"]
    for path in ("/etc/x", "/usr/x", "/var/x"):
        assert site.machine.run(*inside, f"echo x >{path}", status=None).returncode != 0, path
    site.machine.run(*inside, "echo x >/var/lib/syncshell-relay/x && rm /var/lib/syncshell-relay/x && test -z \"$(ls -A /home)\"")


def test_a_reload_is_systemd_s_too(site):
    before = site.main_pid()
    site.renew_certificate()
    for line in guide.for_the_service():
        if "privkey.pem" in line:
            site.shell.type(line)
    assert "has a certificate that clients refuse" in site.shell.type("syncshell-relay doctor || true"), "the old one is not in use"
    site.machine.run("systemctl", "reload", "syncshell-relay")
    assert "All is well." in site.shell.type("syncshell-relay doctor")
    assert site.main_pid() == before


def test_the_journal_knows_the_levels(site):
    """Settings that are wrong: systemctl reload fails with a sentence in the journal, and SIGHUP is answered there as an error."""
    file = "etc/syncshell-relay/relay.toml"
    text = (site.machine.root / file).read_text()
    site.write(file, f"{text}[limits]\nmembers_max = 1\n")
    done = site.machine.run("systemctl", "reload", "syncshell-relay", status=None)
    site.machine.run("systemctl", "kill", "--signal=HUP", "--kill-whom=main", "syncshell-relay")
    until(lambda: "reload_refused" in site.machine.run("journalctl", "-u", "syncshell-relay", "--priority=err").stdout)
    site.write(file, text)
    assert done.returncode == 1
    everything, important = (site.machine.run("journalctl", "-u", "syncshell-relay", "--output=cat", *more).stdout
                             for more in ([], ["--priority=warning"]))
    assert "level=info" in everything and "\nlimits.members_max: " in re.sub(r"^/\S+ ", "", everything, flags=re.MULTILINE), everything
    assert "level=error event=reload_refused" in important and "level=info" not in important
    assert not re.search(r"^<\d>", everything, re.MULTILINE)
    site.machine.run("systemctl", "reload", "syncshell-relay")


def test_a_relay_that_hangs_is_started_again(site):
    """Its loop stands still, the watchdog hears nothing, and systemd acts."""
    site.write("etc/systemd/system/syncshell-relay.service.d/soon.conf", "[Service]\nWatchdogSec=1\nRestartSec=0\n")
    site.machine.run("systemctl", "daemon-reload")
    site.machine.run("systemctl", "restart", "syncshell-relay")
    before = site.main_pid()
    site.machine.shell(f"kill -STOP {before}")
    until(lambda: site.main_pid() not in (0, before))
    until(lambda: site.machine.run("systemctl", "is-active", "syncshell-relay", status=None).stdout == "active\n")
    assert site.machine.run("systemctl", "show", "--property=NRestarts", "--value", "syncshell-relay").stdout == "1\n"
    assert "All is well." in site.shell.type("syncshell-relay doctor")


def test_it_ends_in_order(site):
    """With the machine: SIGTERM, a drain, and nothing is killed."""
    site.machine.run("systemctl", "stop", "syncshell-relay")
    log = site.machine.run("journalctl", "-u", "syncshell-relay", "--output=cat", "--lines=20").stdout
    assert "event=draining" in log and "event=ended" in log
    assert site.machine.run("systemctl", "show", "--property=Result", "--value", "syncshell-relay").stdout == "success\n"
