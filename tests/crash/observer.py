"""The two peers of one syncshell that load a relay until it is killed, and read afterwards what it still knows."""

import asyncio
import contextlib
import json

import websockets
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from ledger import Ledger, Session
from support import schemas
from support.raw import Group, RawPeer
from support.wait import LIMIT_S

IN_FLIGHT_MAX = 16
UNREAD_MAX = 128  # half of what one sender may have in an inbox
SESSIONS_MAX = 4
LOG_MAX = 200  # entries of a session before it is made shorter


class Connection(RawPeer):
    """Reads without the schemas' opinion: here the load counts."""

    async def receive(self):
        async with asyncio.timeout(LIMIT_S):
            data = await self.socket.recv()
        binary = isinstance(data, bytes)
        header, body = schemas.split(binary, data if binary else data.encode())
        return {**header, "body": body}


class Observer:
    def __init__(self, chance):
        self.chance = chance
        self.group = Group()
        self.keys = [Ed25519PrivateKey.generate() for _ in range(2)]
        self.ledger = Ledger()
        self.store_epoch = None
        self.created = False
        self.numbers = 0
        self.ack_sent = 0
        self.faults = []

    def number(self):
        self.numbers += 1
        return self.numbers

    # ---- after a start ----

    async def connect(self, url):
        self.provider, self.joiner = (Connection(url, key) for key in self.keys)
        self.in_flight = {}
        self.last_seq = 0
        for peer in (self.provider, self.joiner):
            await peer.connect()

    async def check(self):
        """Joins both, and holds what the relay knows against the ledger."""
        if not self.created:
            await self.provider.create(self.group)
            self.created = True
        await self.check_inbox()
        joined = await self.joiner.join(self.group)
        shown = {s["recoverySessionId"]: (s["version"], s["state"]) for s in joined["sessions"]}
        known = self.ledger.sessions
        self.faults += [f"an unknown session: {id}" for id, (_, state) in shown.items() if state == "open" and id not in known]
        logs = {id: await self.joiner.snapshot(self.group, id) for id in shown if shown[id][1] == "open" and id in known}
        self.ledger.check_sessions(shown, logs)

    async def check_inbox(self):
        cursor = self.chance.choice((self.ack_sent, max(self.ledger.taken, default=0)))  # less was never taken over
        self.ack_sent = max(self.ack_sent, cursor)
        extra = {"inboxCursor": cursor, "storeEpoch": self.store_epoch} if self.store_epoch else {}
        joined = await self.provider.join(self.group, **extra)
        if self.store_epoch and (joined["storeEpoch"], joined["recovered"]) != (self.store_epoch, True):
            self.faults.append(f"the store is another: {joined['storeEpoch']}, recovered {joined['recovered']}")
        self.store_epoch = joined["storeEpoch"]
        self.ledger.cursor = max(self.ledger.cursor, cursor)
        for message in self.provider.backlog:
            if message["type"] == "InboxDelivery":
                self.take_delivery(message)
        while self.ack_sent < joined["inboxHead"] and self.last_seq < joined["inboxHead"]:
            self.take_delivery(await self.provider.expect("InboxDelivery"))
        self.ledger.check_inbox(joined["inboxHead"])
        self.ledger.forget_settled()

    # ---- the load ----

    async def load(self):
        """Until the connections break."""
        self.room = asyncio.Semaphore(IN_FLIGHT_MAX)
        readers = [asyncio.create_task(self.read(peer)) for peer in (self.provider, self.joiner)]
        with contextlib.suppress(websockets.ConnectionClosed):
            await self.send_again(readers)
            while not any(reader.done() for reader in readers):
                await asyncio.wait_for(self.room.acquire(), LIMIT_S)
                wish = self.chance.choices((self.progress, self.request, self.checkpoint, self.open, self.close),
                                           (20, 10, 1, 2, 1))[0]
                if not await wish():
                    self.room.release()
                    await asyncio.sleep(0)  # for the readers: an answer may make it possible
        await asyncio.gather(*readers)

    async def read(self, peer):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await self.take(peer, await peer.receive())
        self.room.release()  # whoever waits for room learns of the end when it sends

    async def take(self, peer, message):
        if message["type"] == "InboxDelivery":
            self.take_delivery(message)
            if self.chance.random() < 0.2 and not self.room.locked():
                await self.room.acquire()  # there is: waiting here, where answers are read, would be for ever
                await self.ack_inbox(message["inboxSeq"])
        elif message["type"] in ("Stored", "Error") and message.get("inReplyTo") in self.in_flight:
            stored = self.in_flight.pop(message["inReplyTo"])
            self.room.release()
            if message["type"] == "Error":
                self.faults.append(f"refused: {message['code']}: {message['message']}")
            else:
                self.ledger.acknowledged += 1
                stored(message)

    def take_delivery(self, message):
        seq, inner = message["inboxSeq"], message["body"].partition(b"\n")[0]
        self.ledger.delivered(seq, json.loads(inner)["messageId"], self.last_seq)
        self.last_seq = max(self.last_seq, seq)

    async def send(self, peer, stored, message_type, body=None, **fields):
        """`stored` takes the acknowledgement. True: known as sent from here on, whether it arrives or not."""
        fields.setdefault("messageId", f"m{self.number()}")
        self.in_flight[fields["messageId"]] = stored
        await peer.send(message_type, body, syncshellId=self.group.id, **fields)
        return True

    async def ack_inbox(self, seq):
        """Who calls it has acquired the room for it."""
        def stored(_):
            self.ledger.cursor = max(self.ledger.cursor, seq)

        self.ack_sent = max(self.ack_sent, seq)
        return await self.send(self.provider, stored, "AckInbox", inboxSeq=seq)

    def unread(self):
        """How many requests are in the inbox for all that is known here."""
        return max(filter(None, self.ledger.requests.values()), default=0) - self.ack_sent

    def open_sessions(self):
        """Those that may be written to: the relay knows a session once it is stored."""
        return [s for s in self.ledger.sessions.values() if s.acknowledged and not s.close_sent]

    async def write(self, kind):
        open_sessions = self.open_sessions()
        if not open_sessions:
            return False
        session = self.chance.choice(open_sessions)
        base = session.version
        if base - max((v for v, k, _ in session.log_at(base) if k == "SessionCheckpoint"), default=0) > LOG_MAX:
            kind = "SessionCheckpoint"
        body = f"{session.id} {base + 1} {'x' * self.chance.randint(0, 300)}".encode()
        session.operations.append((kind, body))

        def stored(message):
            if message["version"] != base + 1:
                self.ledger.doubled.append(f"{session.id}: {base + 1} was stored as {message['version']}")
            session.acknowledged = max(session.acknowledged, base + 1)

        return await self.send(self.joiner, stored, kind, body, recoverySessionId=session.id, baseVersion=base, bodyFormat="sealed")

    async def progress(self):
        return await self.write("SessionProgress")

    async def checkpoint(self):
        return await self.write("SessionCheckpoint")

    async def open(self):
        if len([s for s in self.ledger.sessions.values() if not s.close_sent]) >= SESSIONS_MAX:
            return False
        session = Session(f"s{self.number()}")
        self.ledger.sessions[session.id] = session

        def stored(_):
            session.acknowledged = max(session.acknowledged, 1)

        return await self.send(self.joiner, stored, "SessionOpen", recoverySessionId=session.id, joinerPeerId=self.joiner.id,
                        providerPeerId=self.provider.id)

    async def close(self):
        open_sessions = self.open_sessions()
        if len(open_sessions) < 2:
            return False
        session = self.chance.choice(open_sessions)
        session.close_sent = True

        def stored(_):
            session.close_acknowledged = True

        return await self.send(self.joiner, stored, "SessionClose", recoverySessionId=session.id, outcome="completed")

    async def request(self, message_id=None):
        open_sessions = self.open_sessions()
        if not open_sessions:
            return False
        if not message_id and self.unread() > UNREAD_MAX:  # there was no room for acknowledgements where they are read
            return self.last_seq > self.ack_sent and await self.ack_inbox(self.last_seq)
        message_id = message_id or f"r{self.number()}"
        self.ledger.requests.setdefault(message_id, None)
        body = f"{message_id} {'x' * self.chance.randint(0, 300)}".encode()

        def stored(message):
            self.ledger.request_acknowledged(message_id, message["inboxSeq"])

        return await self.send(self.joiner, stored, "RecoveryRequest", body, messageId=message_id, sourcePeerId=self.joiner.id,
                        targetPeerId=self.provider.id, recoverySessionId=self.chance.choice(open_sessions).id, generation=1,
                        bodyFormat="sealed")

    async def send_again(self, readers):
        """What was not acknowledged goes out once more, under its old id and before anything new: it may be there already."""
        if not self.open_sessions():
            await self.room.acquire()
            await self.open()
        while not self.open_sessions() and not any(reader.done() for reader in readers):
            await asyncio.sleep(0)
        for message_id in self.ledger.unacknowledged_requests():
            await asyncio.wait_for(self.room.acquire(), LIMIT_S)
            await self.request(message_id)

    async def leave(self):
        for peer in (self.provider, self.joiner):
            with contextlib.suppress(websockets.WebSocketException, OSError):
                await peer.close()
