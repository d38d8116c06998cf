"""Peers written a second time, against syncshell-sync and each other: a folder with kills in the middle. One is in JavaScript with
libsyncshell on libdatachannel; one is a page in Chromium that has nothing but the description of the protocol."""

import json
import subprocess
from pathlib import Path

import pytest

from support.process import BUILD, SYNCSHELL, Process
from support.turn import TurnServer
from support.wait import LIMIT_S, Log
from test_sync import SYNC, Pair

PEERS = Path(__file__).resolve().parent / "peers"
PROGRAMS = {"c": SYNC, "node": PEERS / "node-peer", "chromium": PEERS / "chromium-peer"}
PAIRINGS = (
    ("c", "node"), ("node", "c"), ("node", "node"),
    ("c", "chromium"), ("chromium", "c"), ("node", "chromium"),
)
OVER_TLS = (("chromium", "c"),)
THROUGH_TURN = (("node", "chromium"),)


def command(kind):
    """What runs a member's commands that are not share and fetch, and gives what they print."""
    program = PROGRAMS[kind] if kind == "chromium" else SYNCSHELL

    def run(*arguments):
        return subprocess.run([program, *arguments], check=True, stdout=subprocess.PIPE, text=True, timeout=LIMIT_S).stdout.strip()

    return run


class Peer(Process):
    def __init__(self, kind, role, folder, state, *options):
        self.events = Log(f"{kind} {role}")
        super().__init__([str(PROGRAMS[kind]), role, str(folder), "--state", str(state), "--bind", "127.0.0.1", *options],
                         f"{kind} {role}", {"SYNCSHELL_BUILD_DIR": str(BUILD)})

    def take_output(self, line):
        self.events.append(json.loads(line))

    def wait(self):
        status = super().wait()
        self.events.end()
        return status


class MixedPair(Pair):
    """Pair, with a program of its own for each role."""

    def __init__(self, folder, kinds, tls, options):
        self.options = options
        self.kinds = dict(zip(("share", "fetch"), kinds))
        super().__init__(folder, n_files=200, file_bytes=100_000, large_bytes=16_000_000, tls=tls)

    def make_members(self):
        """Chromium's have a state directory of their own kind."""
        makers = {role: command(kind) for role, kind in self.kinds.items()}
        invite = makers["share"]("create", "--relay", self.relay.url, "--state", self.folder / "share", *self.trust)
        makers["fetch"]("join", invite, "--state", self.folder / "fetch", *self.trust)

    def start(self, role, *options):
        folder = self.source if role == "share" else self.target
        process = Peer(self.kinds[role], role, folder, self.folder / role, *self.trust, *self.options)
        self.processes.append(process)
        return process


@pytest.fixture(params=PAIRINGS, ids="-".join)
def kinds(request):
    return request.param


@pytest.fixture
def turn(kinds, tmp_path):
    """Options for a TURN server, or none."""
    if kinds not in THROUGH_TURN:
        yield []
        return
    turn = TurnServer(tmp_path, users=[("na,me", "pass%word")])
    yield ["--relay-only", "--ice-server", f"{turn.url()},na%2Cme,pass%25word"]
    turn.stop()


@pytest.fixture
def pair(kinds, tmp_path, certificate, turn):
    pair = MixedPair(tmp_path, kinds, certificate if kinds in OVER_TLS else None, turn)
    yield pair
    pair.end()


def test_folder_arrives_after_kills_of_both(pair):
    """The sharer dies first, the fetcher goes on with what it has; then the fetcher dies."""
    share, fetch = pair.start("share"), pair.start("fetch")
    fetch.events.wait(event="progress", where=lambda e: e["bytes"] > 1_000_000)
    share.kill()
    for process in (share, fetch):
        assert process.events.wait(event="link", state="up")["relayed"] is ("--relay-only" in pair.options)
    killed = fetch.events.mark()
    share = pair.start("share")
    again = fetch.events.wait(since=killed, event="receiving")
    assert again["bytes"] < pair.total_bytes

    def of_a_later_pass(progress):
        """A link that is made on a busy machine may be given up and made once more."""
        return progress["ofBytes"] in [e["bytes"] for e in fetch.events.all(since=killed, event="receiving")]

    fetch.events.wait(since=killed, event="progress", where=lambda e: e["bytes"] > 4_000_000 and of_a_later_pass(e))
    fetch.kill()
    missing = pair.total_bytes - pair.on_disk_bytes()
    assert 0 < missing < again["bytes"]
    fetch = pair.start("fetch")
    assert fetch.events.wait(event="session")["how"] == "resumed"
    assert fetch.events.wait(event="complete")["bytesReceived"] == missing  # not one byte that is on the disk
    assert fetch.wait() == 0
    pair.check_equal()
    assert share.stop() == 0


@pytest.mark.parametrize("kind", ["node", "chromium"])
def test_command_line(kind, tmp_path):
    for arguments in (["share"], ["share", str(tmp_path)], ["copy", str(tmp_path), "--state", "x"]):
        process = Process([str(PROGRAMS[kind]), *arguments], kind, {"SYNCSHELL_BUILD_DIR": str(BUILD)})
        assert process.wait() == 2


GIVEN_UP_THERE = """
import { Attempts } from "%s";
const said = [];
const session = { joiner: true, generation: 6, otherOnline: () => true };
const attempts = new Attempts(session, {
  emit(type, fields) {
    said.push([type, fields.generation, fields.cause]);
    if (type === "offer_needed") {
      attempts.failedThere(6, "ice_failed"); // of one that is over
      attempts.failedThere(7, "ice_failed");
      attempts.stop();
    }
  },
  signal() {},
  report: ({ generation, result }) => said.push(["report", generation, result]),
  servers: async () => [],
});
attempts.start();
process.on("exit", () => console.log(JSON.stringify(said)));
"""


def test_the_page_gives_up_what_the_other_side_gave_up():
    """At once, and without a report of its own."""
    script = GIVEN_UP_THERE % (PEERS / "browser/attempts.js").as_uri()
    done = subprocess.run(["node", "--input-type=module", "-e", script], capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [["offer_needed", 7, None], ["attempt_failed", 7, "ice_failed"]]
