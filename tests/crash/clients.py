"""Kills a real client at each step of its work and at random moments under load, takes away what no sync had made to last, and looks whether
anything that its library had called saved is lost, doubled or reordered. tests/crash/clients --help explains."""

import collections
import contextlib
import mmap
import random
import struct
import sys
import threading
from pathlib import Path

HERE = Path(__file__).resolve().parent
E2E = HERE.parent / "e2e"
sys.path[:0] = [str(HERE.parent / "runner"), str(HERE), str(E2E)]

import campaign  # noqa: E402

HELP = """\
Starts a relay and a client, `syncshell peer` with a state directory, which fetches in one session and shares in another, under load. Kills it
with SIGKILL: by the plan at a step of its work (received, applied, journaled, acknowledged, told: killpoint.c says what each is), or at a
random moment; some kills fall on its start. Takes from its journal what no sync had made to last (all, a part, or nothing: what a power cut
may do) and starts it again on that directory. The other side of both sessions, which stays and is not our code, then holds what the
client recovers, by itself, against what it had called saved.

Several at once, each in a folder of its own; after some kills a folder is given up for a new one. Ends in
"K kills (by step), A saved or told: lost 0, doubled 0, reordered 0" and "N passed, N failed", a folder each. The folder of a failed one is
kept, and named with its seed: the plan follows from that.
"""
KILLPOINT = "tests/crash/libkillpoint.so"
TARGETS = ["relay/app/syncshell-relay", "shared/cli/syncshell", KILLPOINT, campaign.UNSYNCED]
STEPS = ("at random", "received", "applied", "journaled", "acknowledged", "told")  # as killpoint.c numbers them
TIMES_MAX = 12  # the step's how-manieth time, from the plan on
RANDOM_MS_MAX = 80
RECOVERY_LIMIT_S = 20  # what does not come back by then is lost
UNSEEN_SHARE = 0.3  # of lives that are ended before anybody has looked at what was recovered
REPORTS_MAX = 120  # in one life
SESSION_REPORTS_MAX = 400  # then it is closed, and another opened
MANIFEST = [{"path": f"m{i}", "size": 100 + i, "hash": "ab" * 32, "algorithm": "sha256"} for i in range(20)]


def reported_file(path):
    return {"path": path, "size": len(path), "hash": "cd" * 32, "algorithm": "sha256", "done": True}


class Plan:
    """The memory that the client shares: at which step it dies, and the how-manieth time from now on."""

    def __init__(self, file):
        self.file = file
        file.write_bytes(bytes(8))
        with open(file, "r+b") as opened:
            self.memory = mmap.mmap(opened.fileno(), 8)

    def set(self, step, times):
        struct.pack_into("=Ii", self.memory, 0, 0, times)
        struct.pack_into("=I", self.memory, 0, step)

    def clear(self):
        """The step at which it died; that it was to be at random, or that the step did not come so often, is 0."""
        step, left = struct.unpack("=Ii", self.memory)
        self.set(0, 0)
        return step if left <= 0 else 0


class Lives:
    """One client's, from its first start on."""

    def __init__(self, folder, relay, chance, keep_unsynced):
        from client_ledger import ClientLedger, Fetching
        from support.process import SYNCSHELL
        self.make_fetching = Fetching
        self.state = folder / "client"
        self.url = relay.url
        self.chance = chance
        self.ledger = ClientLedger()
        self.counts = collections.Counter()
        self.faults = []
        self.numbers = 0
        self.plan = Plan(folder / "plan")
        libraries = [KILLPOINT] if keep_unsynced else [KILLPOINT, campaign.UNSYNCED]
        self.environment = {"LD_PRELOAD": campaign.preloaded(SYNCSHELL, *libraries), "KILLPOINT_FILE": str(self.plan.file)}
        self.client = None
        self.counterpart = None

    def number(self):
        self.numbers += 1
        return self.numbers

    # ---- a process ----

    def start(self):
        from support.process import Peer
        self.client = Peer(self.state, self.url, name="client", env=self.environment)

    def post(self, command, **fields):
        """False: it is dead."""
        try:
            self.client.post(command, **fields)
        except OSError:
            return False
        return not self.client.events.ended

    def first_start(self):
        """Both sessions are open, and the shared one's manifest is saved: nobody is killed before that."""
        from counterpart import Counterpart
        from support.raw import invite
        self.start()
        self.counterpart = other = Counterpart(self.url, self.client.peer_id)
        self.client.send("join", invite=invite(self.url, other.group, other.peer))
        self.client.event("syncshell_ready")
        other.open_session("shared")
        self.client.event("session_opened", sessionId="shared")
        self.client.send("manifest", session="shared", files=MANIFEST)
        self.client.event("manifest_saved", sessionId="shared")
        self.open_fetching()
        self.fetching.begin_life()

    def open_fetching(self):
        self.fetching = self.make_fetching(f"fetched-{self.number()}")
        self.client.send("open", peer=self.counterpart.peer.id, role="joiner", session=self.fetching.id)
        self.client.event("session_opened", sessionId=self.fetching.id)

    # ---- under load, to the end ----

    def kill_soon(self):
        """By a step of its work, or by the clock."""
        step = self.chance.randrange(len(STEPS))
        if step:
            self.plan.set(step, self.chance.randint(1, TIMES_MAX))
        else:
            threading.Timer(self.chance.random() * RANDOM_MS_MAX / 1000, self.client.child.kill).start()

    def load(self):
        closing = len(self.fetching.reported) > SESSION_REPORTS_MAX or self.chance.random() < 0.05
        for _ in range(self.chance.randint(0, REPORTS_MAX)):
            if self.client.events.ended or self.fetching.close_asked:
                break
            path = f"f{self.number()}"
            self.fetching.report(path)
            if not self.post("report", session=self.fetching.id, files=[reported_file(path)], tag=path):
                break
            if self.chance.random() < 0.1:
                self.send_request()
        if closing:
            self.fetching.close_asked = True
            self.post("close", session=self.fetching.id, outcome="completed")

    def send_request(self):
        request_id = f"r{self.number()}"
        self.ledger.requests.append(request_id)
        self.last_sent = self.counterpart.send_request("shared", request_id)

    def die(self):
        """What the plan did not end, the clock does: a step may never come again once the client has nothing to do."""
        with contextlib.suppress(AssertionError):  # that the events have ended
            self.client.events.wait(limit_s=RANDOM_MS_MAX / 1000, where=lambda _: False)
        self.client.kill()
        self.count_kill()
        if self.client.sanitizer_report():
            self.faults.append(self.client.sanitizer_report())
        events = self.client.events.all()
        self.ledger.take_life(self.fetching, events)
        self.note_closed(events)

    def count_kill(self):
        self.counts[STEPS[self.plan.clear()]] += 1
        self.counts["kills"] += 1
        campaign.cut_power(self.state / "journal.sqlite3", self.chance, self.counts)

    def note_closed(self, events):
        self.fetching.closed = self.fetching.closed or any(
            e["event"] == "session_closed" and e["sessionId"] == self.fetching.id for e in events)

    # ---- after a start ----

    def returns(self, what, log, where=None, **wanted):
        """What the client must do by itself."""
        try:
            return log.wait(limit_s=RECOVERY_LIMIT_S, where=where, **wanted)
        except AssertionError:
            self.ledger.lost.append(what)
            raise

    def check(self):
        """Nothing is asked of the client but to be there: what is open it recovers by itself."""
        self.returns("the shared session", self.client.events, event="session_resumed", sessionId="shared")
        self.check_shared()
        if self.fetching.close_asked and self.closed():
            self.returns(f"the end of {self.fetching.id} at the relay", self.counterpart.said, type="SessionChanged",
                         where=lambda m: (m["session"]["recoverySessionId"], m["session"]["state"]) == (self.fetching.id, "closed"))
            self.open_fetching()
            self.fetching.begin_life()
            return
        self.fetching.close_asked = False
        self.check_fetching()

    def closed(self):
        """Whether it is over; or open still: then the wish has died with the process, of which nothing had been told."""
        if not self.fetching.closed:
            self.returns(f"{self.fetching.id}, or its end", self.client.events, sessionId=self.fetching.id,
                         where=lambda e: e["event"] in ("session_resumed", "session_closed"))
            self.note_closed(self.client.events.all())
        elif self.client.events.all(event="session_resumed", sessionId=self.fetching.id):
            self.ledger.lost.append(f"the end of {self.fetching.id} was told, and it is open")
        return self.fetching.closed

    def check_fetching(self):
        fetching, other = self.fetching, self.counterpart
        asked = self.returns(fetching.id, self.client.events, event="recovery_requested", sessionId=fetching.id)
        wanted = {"type": "RecoveryRequest", "requestId": asked["requestId"]}
        held = []
        for part in range(1, self.returns("a request", other.heard, **wanted)["parts"] + 1):
            held += self.returns("a request's part", other.heard, part=part, **wanted)["completedFiles"]
        self.ledger.check_held(fetching, held)
        fetching.begin_life()
        marker = f"f{self.number()}"  # once that is at the relay, so is all before it
        fetching.report(marker)
        ticket = self.client.send("report", session=fetching.id, files=[reported_file(marker)])
        self.returns(f"{fetching.id}'s progress", self.client.events, event="progress_stored", sessionId=fetching.id,
                     where=lambda e: e["ticketUpTo"] >= ticket)
        fetching.stored.add(marker)
        self.ledger.check_log(fetching, other.log_of(fetching.id), [*held, marker])

    def check_shared(self):
        """The last request counts: it is told, now or before, and answered."""
        if not self.ledger.requests:
            return
        last = self.ledger.requests[-1]
        self.counterpart.said.wait(inReplyTo=self.last_sent, type="Stored")
        if last not in self.ledger.told:
            self.returns(f"the request {last}", self.client.events, event="recovery_request", requestId=last)
        self.returns(f"the answer to {last}", self.counterpart.heard, type="RecoveryResponse", requestId=last)

    # ---- all of them ----

    def run(self, n_kills):
        self.first_start()
        for _ in range(n_kills):
            self.kill_soon()
            self.load()
            self.die()
            while self.counts["kills"] < n_kills and self.chance.random() < UNSEEN_SHARE:
                self.die_unseen()
            self.start()
            self.check()
            if self.counts["kills"] >= n_kills:
                break
        self.client.kill()

    def die_unseen(self):
        self.plan.set(self.chance.randrange(1, len(STEPS)), self.chance.randint(1, TIMES_MAX))
        self.counts["at the start"] += 1
        try:
            self.start()
        except AssertionError:  # it died before it had said its name, or anything else
            self.count_kill()
        else:
            self.fetching.begin_life()
            self.die()

    def end(self):
        if self.client and self.client.child.poll() is None:
            self.client.kill()
        if self.counterpart:
            self.faults += self.counterpart.leave()
            self.faults += self.counterpart.faults
            self.ledger.doubled += self.counterpart.doubled
        ledger = self.ledger
        self.counts.update(saved=ledger.acknowledged + len(ledger.told), lost=len(ledger.lost), doubled=len(ledger.doubled),
                           reordered=len(ledger.reordered))


def run_folder(job):
    seed, n_kills, keep_unsynced = job
    from support.process import Relay
    chance, faults, counts = random.Random(seed), [], {}
    with campaign.folder_of(faults) as folder:
        relay = Relay(folder, **campaign.NO_LIMITS).start()
        lives = Lives(folder, relay, chance, keep_unsynced)
        try:
            lives.run(n_kills)
        finally:
            try:
                lives.end()
            finally:
                counts = lives.counts
                relay.stop()
                faults += lives.faults + lives.ledger.faults() + relay.reports
    return seed, str(folder), counts, faults


def show(counts):
    steps = ", ".join(f"{step} {counts[step]}" for step in STEPS)
    return (f"{counts['kills']} kills ({steps}; {counts['at the start']} of them at the start), {counts['saved']} saved or told: "
            f"{campaign.verdict(counts)}; {campaign.power(counts)}")


def main():
    given = campaign.options("tests/crash/clients", HELP).parse_args()
    campaign.build(TARGETS)
    return campaign.run(run_folder, given, show)


if __name__ == "__main__":
    sys.exit(main())
