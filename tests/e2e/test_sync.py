"""syncshell-sync: a folder over a real WebRTC data channel, with kills in the middle."""

import hashlib
import json
import os
import random
import signal
import time
from pathlib import Path

import pytest

from support.port import free_port
from support.process import BUILD, Process, Relay, syncshell
from support.turn import TurnServer, password
from support.wait import Log

SYNC = Path(os.environ.get("SYNCSHELL_SYNC_BIN", BUILD / "shared" / "sync" / "syncshell-sync"))
PRIVATE = ".syncshell-sync"


class Sync(Process):
    def __init__(self, role, folder, state, *options, prefix=()):
        self.events = Log(role)
        super().__init__([*prefix, str(SYNC), role, str(folder), "--state", str(state), "--bind", "127.0.0.1", *options], role)

    def take_output(self, line):
        self.events.append(json.loads(line))

    def wait(self):
        status = super().wait()
        self.events.end()
        return status


class Pair:
    """A relay, a folder of random files and an empty one, and two members for them."""

    def __init__(self, folder, n_files, file_bytes, large_bytes, tls=None):
        self.folder = folder
        self.trust = ["--ca", str(tls.authority)] if tls else []
        self.source, self.target = folder / "source", folder / "target"
        for made in (folder / "relay", self.source, self.target):
            made.mkdir()
        self.relay = Relay(folder / "relay", tls, ice="").start()
        self.make_members()
        self.processes = []
        self.fill(n_files, file_bytes, large_bytes)

    def make_members(self):
        invite = syncshell("create", "--relay", self.relay.url, "--state", self.folder / "share").stdout.strip()
        syncshell("join", invite, "--state", self.folder / "fetch")

    def fill(self, n_files, file_bytes, large_bytes):
        chance = random.Random(7)
        for index in range(n_files):
            path = self.source / f"mod {index % 9}" / f"texture-{index:03d}.tex"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(chance.randbytes(chance.randrange(0, file_bytes)))
        (self.source / "large.bin").write_bytes(chance.randbytes(large_bytes))
        (self.source / "empty").write_bytes(b"")

    def start(self, role, *options, **how):
        folder = self.source if role == "share" else self.target
        process = Sync(role, folder, self.folder / role, *options, **how)
        self.processes.append(process)
        return process

    def configure_ice(self, text):
        """As the operator does, while the relay runs."""
        self.relay.set_ice(text)
        mark = self.relay.process.listening.mark()
        self.relay.process.child.send_signal(signal.SIGHUP)
        entry = self.relay.process.listening.wait(mark, where=lambda e: "event=reload" in e["line"])
        assert "event=reloaded" in entry["line"], entry

    def on_disk_bytes(self):
        return sum(p.stat().st_size for p in self.target.rglob("*") if p.is_file() and p.suffix not in (".meta", ".new"))

    @property
    def total_bytes(self):
        return sum(p.stat().st_size for p in self.source.rglob("*") if p.is_file())

    def check_equal(self):
        assert hashes(self.target) == hashes(self.source)
        assert not list((self.target / PRIVATE).iterdir())

    def end(self):
        for process in self.processes:
            process.stop()
        assert self.relay.stop() in (None, 0)
        reports = self.relay.reports + [r for r in (p.sanitizer_report() for p in self.processes) if r]
        assert not reports, "\n".join(reports)


def hashes(folder):
    return {
        str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in folder.rglob("*") if p.is_file() and PRIVATE not in p.parts
    }


@pytest.fixture
def pair(tmp_path):
    pair = Pair(tmp_path, n_files=40, file_bytes=100_000, large_bytes=1_000_000)
    yield pair
    pair.end()


@pytest.fixture
def long_pair(tmp_path):
    """With so much to send that a kill comes before the end."""
    pair = Pair(tmp_path, n_files=150, file_bytes=200_000, large_bytes=16_000_000)
    yield pair
    pair.end()


def half_way(fetch, total):
    fetch.events.wait(event="progress", where=lambda e: e["bytes"] > total * 0.4)


def plant_part(pair, path, wrong):
    """The first half of a file, as a kill leaves it, with its first byte flipped if it is to be wrong."""
    content = (pair.source / path).read_bytes()
    half = bytearray(content[: len(content) // 2])
    half[0] ^= wrong
    name = hashlib.sha256(path.encode()).hexdigest()[:32]
    (pair.target / PRIVATE).mkdir(exist_ok=True)
    (pair.target / PRIVATE / f"{name}.part").write_bytes(half)
    meta = {"path": path, "size": len(content), "hash": hashlib.sha256(content).hexdigest()}
    (pair.target / PRIVATE / f"{name}.meta").write_text(json.dumps(meta))


def test_folder_arrives(pair):
    share, fetch = pair.start("share"), pair.start("fetch")
    complete = fetch.events.wait(event="complete")
    assert complete["bytesReceived"] == pair.total_bytes
    assert complete["files"] == 42
    assert not fetch.events.all(event="link", state="up")[0]["relayed"]
    assert fetch.wait() == 0
    pair.check_equal()
    assert share.stop() == 0


def test_nothing_is_sent_again(pair):
    pair.start("share")
    assert pair.start("fetch").wait() == 0
    (pair.target / "empty").write_bytes(b"not empty any more")
    fetch = pair.start("fetch")
    complete = fetch.events.wait(event="complete")
    assert (complete["files"], complete["bytesReceived"]) == (1, 0)
    assert fetch.wait() == 0
    pair.check_equal()


def test_changed_files_come(pair):
    share = pair.start("share")
    assert pair.start("fetch").wait() == 0
    changed = pair.source / "mod 0" / "texture-000.tex"
    changed.write_bytes(b"new" * 1000)
    (pair.source / "added").write_bytes(b"added")
    fetch = pair.start("fetch")
    assert fetch.events.wait(event="complete")["bytesReceived"] == 3005
    assert fetch.wait() == 0
    pair.check_equal()
    assert share.stop() == 0


def test_fetch_killed(long_pair):
    long_pair.start("share")
    fetch = long_pair.start("fetch")
    # First inside of the large file, which comes early, then among the small ones.
    fetch.events.wait(event="progress", where=lambda e: e["bytes"] > 1_000_000)
    fetch.kill()
    assert list((long_pair.target / PRIVATE).glob("*.part"))
    missing = [long_pair.total_bytes - long_pair.on_disk_bytes()]
    fetch = long_pair.start("fetch")
    assert fetch.events.wait(event="receiving")["bytes"] == missing[0]
    fetch.events.wait(event="progress", where=lambda e: e["bytes"] > missing[0] - 11_000_000)
    fetch.kill()
    missing.append(long_pair.total_bytes - long_pair.on_disk_bytes())
    assert 0 < missing[1] < missing[0] < long_pair.total_bytes
    fetch = long_pair.start("fetch")
    assert fetch.events.wait(event="session")["how"] == "resumed"
    complete = fetch.events.wait(event="complete")
    assert complete["bytesReceived"] == missing[1]  # not one byte that is on the disk
    assert fetch.wait() == 0
    long_pair.check_equal()


def test_what_outlives_its_terminal(long_pair):
    """Started by nohup, it goes on when the terminal's SIGHUP comes."""
    share, fetch = (long_pair.start(role, prefix=["nohup"]) for role in ("share", "fetch"))
    half_way(fetch, long_pair.total_bytes)
    for process in (share, fetch):
        process.child.send_signal(signal.SIGHUP)
    assert fetch.wait() == 0
    long_pair.check_equal()
    assert share.child.poll() is None
    assert share.stop() == 0


def test_share_killed(long_pair):
    share, fetch = long_pair.start("share"), long_pair.start("fetch")
    half_way(fetch, long_pair.total_bytes)
    share.kill()
    share = long_pair.start("share")
    complete = fetch.events.wait(event="complete")
    assert complete["bytesReceived"] == long_pair.total_bytes
    passes = fetch.events.all(event="receiving")
    # A link that is made on a busy machine may be given up and made once more.
    assert len(passes) >= 2 and passes[1]["bytes"] < long_pair.total_bytes * 0.6
    assert fetch.wait() == 0
    long_pair.check_equal()


def test_both_and_relay_killed(long_pair):
    share, fetch = long_pair.start("share"), long_pair.start("fetch")
    half_way(fetch, long_pair.total_bytes)
    fetch.kill()
    share.kill()
    long_pair.relay.kill()
    missing = long_pair.total_bytes - long_pair.on_disk_bytes()
    long_pair.relay.start()
    long_pair.start("share")
    fetch = long_pair.start("fetch")
    assert fetch.events.wait(event="complete")["bytesReceived"] == missing
    assert fetch.wait() == 0
    long_pair.check_equal()


def test_relay_away_does_not_stop_a_transfer(long_pair):
    share, fetch = long_pair.start("share"), long_pair.start("fetch")
    fetch.events.wait(event="receiving")
    long_pair.relay.kill()
    share.events.wait(event="sent")
    complete = fetch.events.wait(event="complete")
    assert complete["bytesReceived"] == long_pair.total_bytes
    assert len(fetch.events.all(event="link", state="up")) == 1
    assert fetch.wait() == 0
    long_pair.check_equal()


def test_damaged_part_comes_again(pair):
    plant_part(pair, "large.bin", wrong=True)
    plant_part(pair, "mod 1/texture-001.tex", wrong=False)
    pair.start("share")
    fetch = pair.start("fetch")
    complete = fetch.events.wait(event="complete")
    failed = fetch.events.all(event="file_failed")
    assert [(e["path"], e["cause"]) for e in failed] == [("large.bin", "hash_mismatch")]
    sizes = [(pair.source / name).stat().st_size for name in ("large.bin", "mod 1/texture-001.tex")]
    # The good half is not sent, the bad file is: its second half, and then the whole.
    assert complete["bytesReceived"] == pair.total_bytes - sizes[1] // 2 - sizes[0] // 2 + sizes[0]
    assert fetch.wait() == 0
    pair.check_equal()


def test_what_is_asked_for_twice_is_no_failure(long_pair):
    """A damaged file is asked for again while the relay is away, and then the link is lost, too: it is asked once more."""
    plant_part(long_pair, "large.bin", wrong=True)
    share, fetch = long_pair.start("share"), long_pair.start("fetch")
    fetch.events.wait(event="receiving")
    long_pair.relay.kill()
    fetch.events.wait(event="file", path=max(hashes(long_pair.source)))  # the last; at once after it comes that all was sent
    assert share.stop() == 0
    fetch.events.wait(event="link", state="lost")
    long_pair.relay.start()
    long_pair.start("share")
    fetch.events.wait(event="complete")
    assert fetch.wait() == 0
    assert not [line for line in fetch.errors if "A request failed" in line], fetch.errors
    long_pair.check_equal()


@pytest.fixture
def turn(tmp_path):
    turn = TurnServer(tmp_path, users=[("na,me", "pass%word")])
    yield turn
    turn.stop()


@pytest.mark.parametrize("transport", ["udp", "tcp"])
def test_through_turn_only(pair, turn, transport):
    options = ["--relay-only", "--ice-server", f"{turn.url(transport)},na%2Cme,pass%25word"]
    pair.start("share", *options)
    fetch = pair.start("fetch", *options)
    assert fetch.events.wait(event="complete")["bytesReceived"] == pair.total_bytes
    assert fetch.wait() == 0
    pair.check_equal()
    assert fetch.events.all(event="link", state="up")[0]["relayed"]


def test_turn_refuses(pair, turn):
    options = ["--relay-only", "--ice-server", f"{turn.url()},na%2Cme,wrong"]
    pair.start("share")
    fetch = pair.start("fetch", *options)
    failed = fetch.events.wait(event="link", state="failed")
    assert failed["cause"] == "turn_refused" and "credentials" in failed["explanation"]


# ---- servers that the relay names ----

SECRET = "what the server knows"


@pytest.fixture
def minting_turn(tmp_path):
    turn = TurnServer(tmp_path, secret=SECRET)
    yield turn
    turn.stop()


def provider(url, **named):
    return f'[[ice.server]]\nurls = ["{url}"]\n' + "".join(f'{key} = "{value}"\n' for key, value in named.items())


def relayed(pair, configuration):
    """A fetch that has no way but through the relay's TURN servers."""
    pair.configure_ice(configuration)
    log = pair.relay.process.listening
    mark = log.mark()
    pair.start("share", "--relay-only")
    log.wait(mark, where=lambda e: "event=joined" in e["line"])  # an attempt while it is away would be the first
    return pair.start("fetch", "--relay-only")


def expect_whole(pair, fetch, turn):
    assert fetch.events.wait(event="complete")["bytesReceived"] == pair.total_bytes
    assert fetch.wait() == 0
    pair.check_equal()
    up = fetch.events.all(event="link", state="up")[0]
    assert up["relayed"] and up["iceServer"] == turn.url()


def test_through_the_relays_turn_server(pair, minting_turn):
    fetch = relayed(pair, provider(minting_turn.url(), secret=SECRET))
    expect_whole(pair, fetch, minting_turn)
    assert not fetch.events.all(event="link", state="failed")


def test_a_wrong_secret_is_named_and_mended(pair, minting_turn):
    fetch = relayed(pair, provider(minting_turn.url(), secret="what it does not know"))
    assert fetch.events.wait(event="link", state="failed")["cause"] == "turn_refused"
    pair.configure_ice(provider(minting_turn.url(), secret=SECRET))
    expect_whole(pair, fetch, minting_turn)


def test_an_expired_credential_is_named_and_mended(pair, minting_turn):
    username = f"{int(time.time()) - 10}:ed25519:somebody"
    expired = provider(minting_turn.url(), username=username, credential=password(SECRET, username))
    fetch = relayed(pair, expired)
    assert fetch.events.wait(event="link", state="failed")["cause"] == "turn_refused"
    pair.configure_ice(provider(minting_turn.url(), secret=SECRET))
    expect_whole(pair, fetch, minting_turn)


def test_dead_servers_in_front(pair, minting_turn):
    """Two providers are tried at once; the next attempt goes by another one."""
    dead = "".join(provider(f"turn:127.0.0.1:{free_port()}", secret=f"of the dead {n}") for n in range(2))
    fetch = relayed(pair, dead + provider(minting_turn.url(), secret=SECRET))
    failed = fetch.events.wait(event="link", state="failed")
    assert failed["cause"] == "turn_unreachable"
    expect_whole(pair, fetch, minting_turn)
    assert len(fetch.events.all(event="link", state="failed")) == 1


def test_one_dead_server_costs_no_attempt(pair, minting_turn):
    dead = provider(f"turn:127.0.0.1:{free_port()}", secret="of the dead")
    fetch = relayed(pair, dead + provider(minting_turn.url(), secret=SECRET))
    expect_whole(pair, fetch, minting_turn)
    assert not fetch.events.all(event="link", state="failed")


def test_links_are_not_followed(pair):
    outside = pair.folder / "outside"
    outside.mkdir()
    (pair.target / "mod 3").symlink_to(outside)
    pair.start("share")
    fetch = pair.start("fetch")
    assert fetch.wait() == 1
    assert any("mod 3" in line and "cannot be written" in line for line in fetch.errors)
    assert not list(outside.iterdir())


def test_command_line(tmp_path):
    for arguments in (["share"], ["share", str(tmp_path)], ["copy", str(tmp_path), "--state", "x"]):
        process = Process([str(SYNC), *arguments], "sync")
        assert process.wait() == 2
        assert "--help" in process.errors[0]


def test_whoever_waits_is_told_when_the_other_side_gives_up(pair):
    """The sharer may use TURN servers only, and knows at once that there is none: the fetcher's own time would be 15 s."""
    pair.start("share", "--relay-only")
    fetch = pair.start("fetch")
    assert fetch.events.wait(event="link", state="failed")["cause"] == "link_failed"  # not attempt_timeout
