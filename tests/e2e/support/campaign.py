"""A campaign: rounds of random kills under load, and the book-keeping that tells afterwards whether anything acknowledged
was lost, doubled, or came back from the dead.

A round is one relay with several syncshells. Joiners report files, open and close sessions, lose links; both sides answer
each other's signals as WebRTC stacks would. A seeded random source kills relay, joiners and providers with SIGKILL, or stops them
for a moment, and starts them again. The observer knows only what `syncshell peer` printed before it died, and holds it
against what is there at the end. What the seed fixes is the plan; the moments at which kills fall are the machine's."""

import collections
import json
import queue
import random
import signal
import sqlite3
import threading
import time

from .process import Peer, Relay
from .wait import LIMIT_S

DISTURBANCES = ("kill_relay", "kill_joiner", "kill_provider", "kill_all", "stop_relay", "stop_member")
WEIGHTS = (4, 4, 4, 1, 1, 1)


def file_of(session, index):
    """One file of a session's manifest. Some are empty, some have names that are not ASCII."""
    name = f"{session}/моды-{index}.tex" if index % 7 == 0 else f"{session}/mod-{index}.tex"
    return {"path": name, "size": 0 if index % 11 == 0 else 1000 + index, "hash": f"{index:064x}", "algorithm": "sha256"}


class Book:
    """What is known of one session: everything here was printed by a `syncshell peer`, or posted to one."""

    def __init__(self, session, syncshell, joiner, provider, n_files):
        self.session = session
        self.syncshell = syncshell
        self.joiner = joiner
        self.provider = provider
        self.manifest = [file_of(session, i) for i in range(n_files)]
        self.reports = collections.defaultdict(list)  # path: states in the order in which they were posted
        self.saved = {}  # path: index into reports of the last state known to be saved
        self.stored = {}  # the same, of the last state known to be at the relay
        self.known = set()  # names of the members that were told that it is open
        self.close_posted = False
        self.closed = set()  # names of the members that were told
        self.files_done = 0
        self.generation = 1  # the last that somebody answered

    def states_since(self, path, index):
        """That state or any that was posted after it."""
        return [state_of(f) for f in self.reports[path][index:]]


class Life(Peer):
    """One process of a member, from its start to its kill."""

    def __init__(self, member):
        self.member = member
        self.lock = threading.Lock()
        self.posted = {}  # tag: command and fields
        self.tickets = {}  # ticket: command and fields
        self.once = collections.Counter()
        self.unstored = collections.defaultdict(list)  # session: tickets of saved reports
        self.offers = {}  # session: highest generation that was offered to it
        world = member.world
        super().__init__(world.folder / member.name, world.relay.url, name=f"{member.name}#{member.lives}")

    def take_output(self, line):
        super().take_output(line)
        self.member.world.inbox.put((self, json.loads(line)))

    def command(self, command, remember=None, **fields):
        """Posts without waiting; whether a member that dies meanwhile hears of it is its own affair."""
        with self.lock:
            tag = f"c{len(self.posted)}"
            self.posted[tag] = (command, remember)
            try:
                self.post(command, tag=tag, **fields)
            except (BrokenPipeError, ValueError):
                pass


class Member:
    """One identity through all its lives: a state folder, and the processes that used it."""

    def __init__(self, world, name):
        self.world = world
        self.name = name
        self.lives = 0
        self.syncshells = set()
        self.start()
        self.peer_id = self.life.peer_id

    def start(self):
        self.lives += 1
        self.life = Life(self)
        self.world.lives.append(self.life)


class Round:
    def __init__(self, folder, seed, seconds, n_files=400):
        self.folder = folder
        self.random = random.Random(seed)
        self.seconds = seconds
        self.n_files = n_files
        self.relay = Relay(folder / "relay")
        self.relay.folder.mkdir()
        self.lives = []
        self.faults = []
        self.books = {}
        self.members = []
        self.pairs = []
        self.invites = {}  # by syncshell
        self.kills = collections.Counter()
        self.inbox = queue.Queue()
        self.requests = {}  # requestId: recovery_request as the provider got it
        self.responder = threading.Thread(target=self.respond, daemon=True)

    def fault(self, text):
        self.faults.append(text)

    # ---- listening: the responder's thread ----

    def respond(self):
        while True:
            entry = self.inbox.get()
            if entry is None:
                return
            try:
                self.take(*entry)
            except Exception as fault:  # the observer's own: it must not end unseen
                self.fault(f"observer: {fault!r} at {entry[1]}")

    def take(self, life, event):
        name = event["event"]
        if name == "rejected":
            self.fault(f"{life.name}: {event}")
        if name == "accepted":
            life.tickets[event["ticket"]] = life.posted.get(event["tag"])
            return
        member = life.member
        syncshell = event.get("syncshellId")
        if syncshell and member.syncshells and syncshell not in member.syncshells:
            self.fault(f"{life.name} heard of a foreign syncshell: {event}")
        handler = getattr(self, f"on_{name}", None)
        book = self.books.get(event.get("sessionId"))
        if event.get("sessionId") and book is None:
            self.fault(f"{life.name} heard of an unknown session: {event}")
        elif book and member not in (book.joiner, book.provider):
            self.fault(f"{life.name} heard of a session of others: {event}")
        elif handler:
            handler(life, book, event)

    def once(self, life, *key):
        life.once[key] += 1
        if life.once[key] > 1:
            self.fault(f"{life.name} was told twice: {key}")

    def on_session_opened(self, life, book, event):
        self.once(life, "opened", book.session)
        book.known.add(life.member.name)
        if life.member.name in book.closed:
            self.fault(f"{life.name}: {book.session} opened after it was closed")
        if life.member is book.provider:
            life.command("manifest", session=book.session, files=book.manifest)

    def on_session_resumed(self, life, book, event):
        book.known.add(life.member.name)
        if life.member.name in book.closed:
            self.fault(f"{life.name}: {book.session} resumed after it was closed")
        if life.member is book.provider and not life.once["manifest", book.session]:
            life.once["manifest", book.session] += 1
            life.command("manifest", session=book.session, files=book.manifest)

    def on_session_closed(self, life, book, event):
        self.once(life, "closed", book.session)
        book.closed.add(life.member.name)
        if not book.close_posted:
            self.fault(f"{life.name}: nobody closed {event}")

    def on_progress_saved(self, life, book, event):
        self.once(life, "saved", event["ticket"])
        life.unstored[book.session].append(event["ticket"])
        for path, index in life.tickets[event["ticket"]][1]:
            book.saved[path] = max(book.saved.get(path, 0), index)

    def on_progress_stored(self, life, book, event):
        if event["filesDone"] < book.files_done:
            self.fault(f"{life.name}: filesDone fell from {book.files_done}: {event}")
        book.files_done = event["filesDone"]
        for ticket in [t for t in life.unstored[book.session] if t <= event["ticketUpTo"]]:
            life.unstored[book.session].remove(ticket)
            for path, index in life.tickets[ticket][1]:
                book.stored[path] = max(book.stored.get(path, 0), index)

    def on_offer_needed(self, life, book, event):
        number = event["generation"]
        life.command("offer", session=book.session, generation=number, sdp=f"offer {book.session} {number}")

    def on_offer(self, life, book, event):
        number = event["generation"]
        if event["sdp"] != f"offer {book.session} {number}":
            self.fault(f"{life.name} got another offer: {event}")
        if number <= life.offers.get(book.session, 0):
            self.fault(f"{life.name} got an old offer: {event}")
        life.offers[book.session] = book.generation = number
        life.command("answer", session=book.session, generation=number, sdp=f"answer {book.session} {number}")
        life.command("candidate", session=book.session, generation=number, candidate=f"candidate {number}")
        life.command("link", session=book.session, generation=number, state="up")

    def on_answer(self, life, book, event):
        number = event["generation"]
        if event["sdp"] != f"answer {book.session} {number}":
            self.fault(f"{life.name} got another answer: {event}")
        life.command("candidate", session=book.session, generation=number, candidate=f"candidate {number}")
        life.command("link", session=book.session, generation=number, state="up")

    def on_recovery_request(self, life, book, event):
        self.once(life, "request", event["requestId"])
        self.requests[event["requestId"]] = event
        self.check_request(life, book, event)

    def on_request_failed(self, life, book, event):
        late = book and (book.close_posted or book.closed)
        command = life.tickets.get(event.get("ticket"))
        asked_again = command and command[0] == "recover" and event["code"] == "superseded"
        if not event.get("retryable") and not late and not asked_again:
            self.fault(f"{life.name}: {command} failed: {event}")

    def on_stopped(self, life, book, event):
        self.fault(f"{life.name}: {event}")

    # ---- judging ----

    def check_request(self, life, book, event):
        held = {f["path"]: f for f in event["held"]}
        needed = {f["path"]: f for f in event["needed"]}
        where = f"{life.name}: request {event['requestId']} of {book.session}"
        if len(held) != len(event["held"]) or len(needed) != len(event["needed"]):
            self.fault(f"{where} names a file twice")
        for file in book.manifest:
            path = file["path"]
            is_done = held.get(path, {}).get("done", False)
            if is_done == (path in needed):
                self.fault(f"{where}: {path} is {'both' if is_done else 'neither'} done and needed")
            if path in held and state_of(held[path]) not in [state_of(f) for f in book.reports[path]]:
                self.fault(f"{where}: {held[path]} was never reported")
        if set(held) - {f["path"] for f in book.manifest} or set(needed) - {f["path"] for f in book.manifest}:
            self.fault(f"{where} names a file that is not in the manifest")

    def check_kept(self, book, event, acknowledged):
        held = {f["path"]: state_of(f) for f in event["held"]}
        for path, index in acknowledged.items():
            allowed = book.states_since(path, index)
            if path not in held:
                self.fault(f"{book.session}: {path} was acknowledged and is lost")
            elif held[path] not in allowed:
                self.fault(f"{book.session}: {path} fell back to {held[path]}, acknowledged was {allowed[0]}")

    # ---- the load ----

    def grow(self, n_syncshells, joiners_each):
        self.relay.start()
        self.responder.start()
        for i in range(n_syncshells):
            provider = self.member(f"provider{i}")
            provider.life.send("create")
            created = provider.life.event("syncshell_created")
            provider.syncshells.add(created["syncshellId"])
            self.invites[created["syncshellId"]] = created["invite"]
            for j in range(joiners_each):
                joiner = self.member(f"joiner{i}-{j}")
                joiner.syncshells.add(created["syncshellId"])
                joiner.life.send("join", invite=created["invite"])
                joiner.life.event("syncshell_ready")
                self.pairs.append((joiner, provider, created["syncshellId"]))

    def member(self, name):
        member = Member(self, name)
        self.members.append(member)
        return member

    def open(self):
        joiner, provider, syncshell = self.random.choice(self.pairs)
        session = f"s{len(self.books)}"
        book = Book(session, syncshell, joiner, provider, self.random.randint(0, self.n_files))
        self.books[session] = book
        opener, other, role = self.random.choice([(joiner, provider, "joiner"), (provider, joiner, "provider")])
        opener.life.command("open", syncshell=syncshell, peer=other.peer_id, role=role, session=session, label=session)

    def live(self):
        return [b for b in self.books.values() if b.known and not b.close_posted]

    def report(self):
        books = [b for b in self.live() if b.manifest and b.joiner.name in b.known]
        if not books:
            return
        book = self.random.choice(books)
        files, files_at = [], []
        for file in self.random.sample(book.manifest, min(len(book.manifest), self.random.randint(1, 20))):
            states = book.reports[file["path"]]
            if states and states[-1].get("done"):
                continue
            if file["size"] and self.random.random() < 0.3:
                have = states[-1]["ranges"][0][1] if states else 0
                end = self.random.randint(have, file["size"] - 1)
                if end == have:
                    continue
                state = {**file, "ranges": [[0, end]]}
            else:
                state = {**file, "done": True}
            states.append(state)
            files.append(state)
            files_at.append((file["path"], len(states) - 1))
        if files:
            book.joiner.life.command("report", files_at, session=book.session, files=files)

    def act(self):
        books = self.live()
        choice = self.random.random()
        if choice < 0.02 and len(books) < 12 or not books:
            self.open()
        elif choice < 0.025:
            book = self.random.choice(books)
            book.close_posted = True
            self.random.choice([book.joiner, book.provider]).life.command("close", session=book.session, outcome="completed")
        elif choice < 0.06:
            book = self.random.choice(books)
            member = self.random.choice([book.joiner, book.provider])
            state = self.random.choice(["lost", "failed"])
            if member.name in book.known:
                member.life.command("link", session=book.session, generation=book.generation, state=state)
        elif choice < 0.08:
            book = self.random.choice(books)
            if book.joiner.name in book.known:
                book.joiner.life.command("recover", session=book.session)
        else:
            self.report()

    # ---- the kills ----

    def disturb(self):
        what = self.random.choices(DISTURBANCES, WEIGHTS)[0]
        self.kills[what] += 1
        pause_s = self.random.choice([0, 0, 0.05, 0.3, 1.0])
        if what == "stop_relay":
            self.hold(self.relay.process)
            return
        if what == "stop_member":
            self.hold(self.random.choice(self.members).life)
            return
        victims = [m for m in self.members if what == "kill_all" or m.name.startswith(what.removeprefix("kill_"))]
        if what != "kill_all" and victims:
            victims = [self.random.choice(victims)]
        if what in ("kill_relay", "kill_all"):
            self.relay.kill()
        for member in victims:
            member.life.kill()
        time.sleep(pause_s)
        if self.relay.process is None:
            self.relay.start()
        for member in victims:
            member.start()

    def hold(self, process):
        process.child.send_signal(signal.SIGSTOP)
        time.sleep(self.random.choice([0.1, 0.5, 2]))
        process.child.send_signal(signal.SIGCONT)

    def run(self):
        try:
            self.grow(self.random.randint(1, 2), self.random.randint(1, 3))
            end = time.monotonic() + self.seconds
            next_kill = time.monotonic() + self.random.uniform(0.1, 1)
            while time.monotonic() < end and not self.faults:
                for _ in range(self.random.randint(1, 30)):
                    self.act()
                time.sleep(self.random.choice([0, 0.01, 0.1]))
                if time.monotonic() > next_kill:
                    self.disturb()
                    next_kill = time.monotonic() + self.random.choice([0, 0.2, 0.5, 1, 2])
            if not self.faults:
                self.settle()
        except AssertionError as fault:
            self.fault(str(fault))
        finally:
            self.end()
        return self.faults

    # ---- the end of a round ----

    def settle(self):
        """Everybody is there. Open sessions are asked for what they have, also when all are started once more, and when a
        joiner has lost its journal but not its key; closed ones stay closed."""
        # Who was killed between `close`, or `open`, and its answer: whatever came of that is right.
        for book in self.books.values():
            for name in book.known if book.closed else ():
                self.until(lambda: name in book.closed, f"{name} hears that {book.session} is closed")
        if self.random.random() < 0.5:
            for member in self.members:
                member.life.kill()
                member.start()
        self.check_all(lambda book: book.saved)
        if not self.faults:
            loser, _, syncshell = self.random.choice(self.pairs)
            loser.life.kill()
            for file in (self.folder / loser.name).glob("journal*"):
                file.unlink()
            loser.start()
            loser.life.send("join", invite=self.invites[syncshell])
            for book in self.books.values():
                if book.joiner is loser:
                    book.known.discard(loser.name)
            self.check_all(lambda book: book.stored if book.joiner is loser else book.saved)

    def check_all(self, acknowledged):
        for book in self.live():
            name = book.joiner.name
            self.until(lambda: name in book.known, f"{name} hears of {book.session}")
            request = self.recover(book)["requestId"]
            self.until(lambda: request in self.requests, f"{request} of {book.session} reaches {book.provider.name}")
            self.drain()
            self.check_kept(book, self.requests[request], acknowledged(book))

    def recover(self, book):
        life = book.joiner.life
        mark = life.events.mark()
        ticket = life.send("recover", session=book.session)
        done = life.events.wait(
            since=mark, where=lambda e: e.get("ticket") == ticket and e["event"] in ("recovery_requested", "request_failed")
        )
        assert done["event"] == "recovery_requested", f"{life.name}: {book.session} was acknowledged and is lost: {done}"
        return done

    def until(self, condition, what):
        end = time.monotonic() + LIMIT_S
        while not condition():
            assert time.monotonic() < end, f"not in {LIMIT_S} s: {what}"
            assert not self.faults, "ends early"
            time.sleep(0.02)

    def drain(self):
        """All that was heard so far is in the books."""
        self.until(self.inbox.empty, "the observer reads up")

    def end(self):
        for life in self.lives:
            life.stop()
        status = self.relay.stop()
        if self.responder.is_alive():
            self.inbox.put(None)
            self.responder.join(LIMIT_S)
        if status not in (None, 0):
            self.fault(f"the relay ended with {status}")
        for report in self.relay.reports + [r for r in (life.sanitizer_report() for life in self.lives) if r]:
            self.fault(report)
        database = sqlite3.connect(self.relay.database)
        for check in ("integrity_check", "foreign_key_check"):
            found = database.execute(f"PRAGMA {check}").fetchall()
            if found not in ([("ok",)], []):
                self.fault(f"{check}: {found}")
        database.close()


def state_of(file):
    return bool(file.get("done")), tuple(map(tuple, file.get("ranges") or ()))
