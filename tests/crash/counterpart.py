"""The other side of a client that is killed: owner of the syncshell, provider of the session in which the client fetches, joiner of the one
in which it shares. Written from schema/README.md, so what the client says is judged by somebody else's code."""

import asyncio
import contextlib
import json
import threading

import websockets
from observer import Connection
from support.raw import Group
from support.wait import LIMIT_S, Log


class Counterpart:
    """Stays connected while the client dies and comes back. Its connection lives on a thread of its own; what the relay says is in `said`,
    what the client says in `heard`, opened, both as logs to wait on."""

    def __init__(self, url, client_id):
        self.client_id = client_id
        self.group = Group()
        self.said = Log("relay to counterpart")
        self.heard = Log("client to counterpart")
        self.faults = []
        self.doubled = []
        self.last_seq = 0
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self.peer = self.run(self.begin(url))
        self.reading = asyncio.run_coroutine_threadsafe(self.read(), self.loop)

    def run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(LIMIT_S)

    async def begin(self, url):
        peer = Connection(url)
        await peer.connect()
        await peer.create(self.group)
        await peer.join(self.group)
        return peer

    async def read(self):
        with contextlib.suppress(websockets.ConnectionClosed):
            while True:
                await self.take(await self.peer.receive())
        self.said.end()
        self.heard.end()

    async def take(self, message):
        if message["type"] == "InboxDelivery":
            self.take_delivery(message)
            await self.peer.send("AckInbox", syncshellId=self.group.id, inboxSeq=message["inboxSeq"])
        elif message["type"] == "Error":
            self.faults.append(f"the counterpart was refused: {message}")
        self.said.append(message)

    def take_delivery(self, message):
        seq = message["inboxSeq"]
        header, _, body = message["body"].partition(b"\n")
        header = json.loads(header)
        if seq != self.last_seq + 1:
            self.faults.append(f"{seq} came after {self.last_seq}")
        self.last_seq = seq
        if self.heard.all(messageId=header["messageId"]):
            self.doubled.append(f"{header['type']} {header['messageId']} is in the inbox twice")
        plain = self.group.unseal(body, header["type"], header["sourcePeerId"], self.peer.id, header["recoverySessionId"],
                                  header["generation"])
        self.heard.append({**header, **plain})

    # ---- what it asks for ----

    def ask(self, message_type, body=None, **fields):
        """Its answer; an Error is a fault and an exception."""
        since = self.said.mark()
        message_id = self.run(self.peer.send(message_type, body, **fields))
        return self.said.wait(since, inReplyTo=message_id)

    def open_session(self, session):
        answer = self.ask("SessionOpen", syncshellId=self.group.id, recoverySessionId=session, joinerPeerId=self.peer.id,
                          providerPeerId=self.client_id)
        assert answer["type"] == "Stored", answer

    def send_request(self, session, request_id):
        """One RecoveryRequest for the client's inbox. Does not wait until it is stored."""
        plain = {"requestId": request_id, "part": 1, "parts": 1, "completedFiles": []}
        body = self.group.seal(plain, "RecoveryRequest", self.peer.id, self.client_id, session, 1)
        return self.run(self.peer.send("RecoveryRequest", body, **self.peer.route(self.group, self.client_id, session)))

    def log_of(self, session):
        """The session's log as the relay has it, opened: [(version, type, paths)]."""
        log, after, complete = [], 0, False
        while not complete:
            page = self.ask("SessionSnapshotRequest", syncshellId=self.group.id, recoverySessionId=session, afterVersion=after)
            complete, at = page["complete"], 0
            for entry in page["entries"]:
                after = entry["version"]
                body = (page["body"] or b"")[at:at + entry["sizeBytes"]]
                at += entry["sizeBytes"]
                if entry["type"] == "SessionOpen":
                    continue
                plain = self.group.unseal(body, entry["type"], self.client_id, self.peer.id, session, 0, after)
                log.append((after, entry["type"], [file["path"] for file in plain["files"]]))
        return log

    def leave(self):
        """Why it could not go on listening, if it could not."""
        self.run(self.peer.close())
        ended = self.reading.exception(LIMIT_S)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(LIMIT_S)
        self.loop.close()
        return [f"the counterpart: {ended!r}"] if ended else []
