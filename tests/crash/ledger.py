"""What one observer knows of a relay's store: what it asked for, in its order, and what was acknowledged. Held against what a relay
shows after its kill, that tells what was lost, doubled, or reordered.

A session's operations carry the version that each leads to, so its log at a version is known to the byte: it is what the first
operations made of it. An inbox is known by the order of the requests in it."""

import collections


class Session:
    def __init__(self, session_id):
        self.id = session_id
        self.operations = [("SessionOpen", b"")]  # in order: the one at i leads to version i + 1
        self.acknowledged = 0  # how many
        self.close_sent = self.close_acknowledged = False

    @property
    def version(self):
        """Of the last that was asked for."""
        return len(self.operations)

    def log_at(self, version):
        """[(version, type, body)] as a snapshot shows it."""
        log = []
        for number, (kind, body) in enumerate(self.operations[:version], 1):
            if kind == "SessionCheckpoint":
                log.clear()
            if kind != "SessionOpen":
                log.append((number, kind, body))
        return log

    def rolled_back(self, version):
        """The relay is at this version: what came later never happened."""
        del self.operations[version:]
        self.acknowledged = version


class Ledger:
    def __init__(self):
        self.sessions = {}
        self.requests = collections.OrderedDict()  # messageId: inboxSeq once it was acknowledged, else None; in order of sending
        self.taken = {}  # inboxSeq: messageId, as delivered
        self.cursor = 0  # acknowledged by the receiver, and that acknowledged by the relay
        self.acknowledged = 0
        self.lost = []
        self.doubled = []
        self.reordered = []

    def faults(self):
        return [f"{what}: {text}" for what, texts in
                (("lost", self.lost), ("doubled", self.doubled), ("reordered", self.reordered)) for text in texts]

    # ---- sessions ----

    def check_sessions(self, shown, logs):
        """`shown`: {id: (version, state)} of SyncshellJoined; `logs`: {id: snapshot} of those that are open. The ledger then goes on from
        there."""
        for session in list(self.sessions.values()):
            version, state = shown.get(session.id, (0, None))
            if state == "open" and session.close_acknowledged:
                self.lost.append(f"the close of {session.id}")
            if state != "open" and not session.close_sent:
                if session.acknowledged:
                    self.lost.append(f"{session.id}: it is {state or 'unknown'}")
                session.close_sent = True
            if state != "open":
                del self.sessions[session.id]
                continue
            session.close_sent = session.close_acknowledged = False
            self.check_log(session, version, logs[session.id])

    def check_log(self, session, version, log):
        if version < session.acknowledged:
            self.lost.append(f"{session.id}: at version {version}, {session.acknowledged} was acknowledged")
        if version > session.version:
            self.doubled.append(f"{session.id}: at version {version}, {session.version} was the last asked for")
        expected = session.log_at(version)
        if log != expected:
            kind = self.reordered if sorted(log) == sorted(expected) else self.doubled if len(log) > len(expected) else self.lost
            kind.append(f"{session.id} at {version}: {log} instead of {expected}")
        session.rolled_back(min(version, session.version))

    # ---- the inbox ----

    def request_acknowledged(self, message_id, seq):
        known = self.requests.get(message_id)
        if known is not None and known != seq:
            self.doubled.append(f"{message_id} is {known} and {seq} in the inbox")
        self.requests[message_id] = seq

    def delivered(self, seq, message_id, last_seq):
        """`last_seq`: what this connection was given before."""
        if seq <= last_seq:
            self.reordered.append(f"{seq} after {last_seq} in one connection")
        if seq <= self.cursor:
            self.doubled.append(f"{seq} again, after its end was acknowledged")
        if self.taken.setdefault(seq, message_id) != message_id:
            self.lost.append(f"{seq} was {self.taken[seq]} when it was delivered, and is {message_id}")
        if message_id not in self.requests:
            self.doubled.append(f"{message_id} was delivered and never sent")

    def check_inbox(self, head):
        """All that is above the cursor was delivered."""
        for message_id, seq in self.requests.items():
            if seq is not None and self.taken.get(seq) != message_id:
                self.lost.append(f"{message_id}, acknowledged as {seq}, is not in the inbox")
        if self.taken and max(self.taken) > head:
            self.lost.append(f"{max(self.taken)} was delivered, the inbox ends at {head}")
        seqs = collections.Counter(self.taken.values())
        self.doubled += [f"{message_id} lies in the inbox {n} times" for message_id, n in seqs.items() if n > 1]
        sent = list(self.requests)
        places = [sent.index(message_id) for _, message_id in sorted(self.taken.items()) if message_id in self.requests]
        if places != sorted(places):
            self.reordered.append(f"the inbox's order is not that of sending: {places}")

    def unacknowledged_requests(self):
        return [message_id for message_id, seq in self.requests.items() if seq is None]

    def forget_settled(self):
        """Keeps the books short: what is acknowledged at both ends cannot come back unseen."""
        for seq in [s for s in self.taken if s <= self.cursor - 1000]:
            message_id = self.taken.pop(seq)
            self.requests.pop(message_id, None)
