"""syncshell-sync: a transfer that goes on at another device, over real data channels, by the code that the first one shows."""

import shutil
import signal

import pytest

from support.process import syncshell
from test_sync import Pair, Sync, half_way, hashes


class Trio(Pair):
    """With a second device of the user who fetches."""

    def make_members(self):
        invite = syncshell("create", "--relay", self.relay.url, "--state", self.folder / "share").stdout.strip()
        for name in ("fetch", "device"):
            syncshell("join", invite, "--state", self.folder / name)
        self.sharer = syncshell("id", "--state", self.folder / "share").stdout.strip()
        self.copy = self.folder / "copy"
        self.copy.mkdir()

    def fetch(self, *options):
        return self.start("fetch", "--from", self.sharer, *options)

    def take_over(self, code):
        device = Sync("fetch", self.copy, self.folder / "device", "--redeem", code)
        self.processes.append(device)
        return device

    def end(self):
        for process in self.processes:
            if process.child.poll() is None:
                process.child.send_signal(signal.SIGCONT)
        super().end()

    def check_copied(self):
        assert hashes(self.copy) == hashes(self.source)
        assert not list((self.copy / ".syncshell-sync").iterdir())


@pytest.fixture
def trio(tmp_path):
    trio = Trio(tmp_path, n_files=60, file_bytes=200_000, large_bytes=24_000_000)
    yield trio
    trio.end()


def rests_half_way(trio, share, fetch):
    """So that the first device cannot be done before the second asks."""
    half_way(fetch, trio.total_bytes)
    share.child.send_signal(signal.SIGSTOP)


def goes_on(share, device):
    device.events.wait(event="session")
    share.child.send_signal(signal.SIGCONT)


def code_of(fetch):
    mark = fetch.events.mark()
    fetch.child.send_signal(signal.SIGUSR1)
    event = fetch.events.wait(since=mark, event="recovery_code")
    assert event["validMs"] > 0
    return event["recoveryCode"]


def test_the_transfer_goes_on_at_another_device(trio):
    share, fetch = trio.start("share"), trio.fetch()
    rests_half_way(trio, share, fetch)
    session = fetch.events.wait(event="session")["sessionId"]
    shutil.copy(trio.source / "large.bin", trio.copy)  # what the device has is not sent again
    device = trio.take_over(code_of(fetch))
    goes_on(share, device)
    assert device.wait() == 0
    assert fetch.wait() == 1
    assert any("session_moved" in line for line in fetch.errors)
    assert device.events.wait(event="session")["sessionId"] == session
    assert share.events.wait(event="session_moved")["sessionId"] == session
    assert device.events.wait(event="complete")["bytesReceived"] <= trio.total_bytes - 24_000_000
    assert share.events.wait(event="session_closed", sessionId=session)["outcome"] == "completed"
    trio.check_copied()


def test_killed_in_the_middle_the_device_goes_on_by_the_same_command(trio):
    share, fetch = trio.start("share"), trio.fetch()
    rests_half_way(trio, share, fetch)
    code = code_of(fetch)
    device = trio.take_over(code)
    goes_on(share, device)
    half_way(device, trio.total_bytes)
    session = device.events.wait(event="session")["sessionId"]
    device.kill()
    again = trio.take_over(code)
    assert again.wait() == 0
    assert again.events.wait(event="session")["sessionId"] == session
    assert again.events.wait(event="complete")["bytesReceived"] < trio.total_bytes * 0.8
    assert fetch.wait() == 1
    trio.check_copied()


@pytest.mark.parametrize("settled", [False, True])
def test_killed_before_it_knew_what_it_had_redeemed(trio, settled):
    """Redeemed by another command stands for: the answer of the relay was lost with the process. `settled`: the session's log has been
    read since."""
    share, fetch = trio.start("share"), trio.fetch()
    rests_half_way(trio, share, fetch)
    code = code_of(fetch)
    session = syncshell("redeem", code, "--state", trio.folder / "device").stdout.strip()
    while settled and session not in syncshell("sessions", "--state", trio.folder / "device").stdout:
        pass
    device = trio.take_over(code)
    goes_on(share, device)
    assert device.wait() == 0
    assert fetch.wait() == 1
    trio.check_copied()


def test_five_failed_attempts_show_the_code(trio):
    """The first device may use TURN only, and there is none: its user goes on at the second."""
    trio.start("share")
    fetch = trio.fetch("--relay-only")
    manual = fetch.events.wait(event="manual_recovery", limit_s=120)
    assert {e["cause"] for e in fetch.events.all(event="link")} == {"no_relay"}
    device = trio.take_over(manual["recoveryCode"].lower().replace("-", ""))
    assert device.wait() == 0
    assert fetch.wait() == 1
    trio.check_copied()


def test_a_code_of_the_device_itself_ends_it(trio):
    share, fetch = trio.start("share"), trio.fetch()
    rests_half_way(trio, share, fetch)
    code = code_of(fetch)
    fetch.kill()
    again = Sync("fetch", trio.copy, trio.folder / "fetch", "--redeem", code)
    trio.processes.append(again)
    assert again.wait() == 1
    assert any("own" in line for line in again.errors), again.errors


def test_a_wrong_code_ends_it(trio):
    for code, said in (("7YXW-4KQ0-1N8D-PZ3MB", "wrong_recovery_code"), ("7YXW-4KQ0-1N8D-PZ3MC", "E_CODE")):
        device = trio.take_over(code)
        assert device.wait() == 1
        assert any(said in line for line in device.errors), device.errors


def test_servers_over_tls_are_named_as_passed_over(trio):
    trio.configure_ice('[[ice.server]]\nurls = ["turns:127.0.0.1:5349"]\nusername = "guild"\ncredential = "pass"\n')
    trio.start("share")
    fetch = trio.fetch()
    assert fetch.wait() == 0
    passed = fetch.events.all(event="ice_server_passed_over")
    assert [e["iceServer"] for e in passed] == ["turns:127.0.0.1:5349"]
