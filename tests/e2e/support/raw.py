"""A member of a syncshell that shares no code with the project: raw WebSocket, signatures and key derivation by packaged
libraries, every frame under the test's control, also the wrong ones. Written from schema/README.md."""

import asyncio
import base64
import hashlib
import json
import secrets

import websockets
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from . import schemas
from .wait import LIMIT_S


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def public_text(key):
    return b64(key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw))


def sign(key, *lines):
    return b64(key.sign("\n".join(lines).encode()))


OWNER_OPERATIONS = {
    "RemoveMember": ("syncshell.v1 remove-member", ["peerId"]),
    "TransferOwnership": ("syncshell.v1 transfer-ownership", ["peerId"]),
    "RotateGroupKey": ("syncshell.v1 rotate-group-key", ["keyEpoch", "groupPublicKey"]),
    "DeleteSyncshell": ("syncshell.v1 delete-syncshell", []),
}


NONCE_BYTES = 12
DIGITS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


def recovery_code():
    """As the wire carries it."""
    return "".join(secrets.choice(DIGITS) for _ in range(17))


class Group:
    """A syncshell's secret and what follows from it."""

    def __init__(self, syncshell_id=None, secret=None, epoch=1):
        self.epoch = epoch
        self.id = syncshell_id or secrets.token_hex(8)
        self.secret = secret or secrets.token_bytes(32)
        self.signing_key = Ed25519PrivateKey.from_private_bytes(self.derive("syncshell.v1 group-signing-key"))
        self.sealing_key = self.derive("syncshell.v1 sealing-key")

    def derive(self, info):
        return HKDF(hashes.SHA256(), 32, salt=self.id.encode(), info=info.encode()).derive(self.secret)

    def seal(self, plain, *place):
        """A body of the place that bound() makes."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + AESGCM(self.sealing_key).encrypt(nonce, json.dumps(plain).encode(), self.bound(*place))

    def unseal(self, body, *place):
        """Fails for a body that was made for another place."""
        nonce, sealed = body[:NONCE_BYTES], body[NONCE_BYTES:]
        return json.loads(AESGCM(self.sealing_key).decrypt(nonce, sealed, self.bound(*place)))

    def bound(self, message_type, source, target, session, generation, version=0):
        return "\n".join(["syncshell.v1 seal", message_type, self.id, source, target, session, str(generation), str(version)]).encode()


def invite(url, group, owner):
    """The text that `syncshell join` takes."""
    details = {"relay": url, "id": group.id, "secret": b64(group.secret), "owner": owner.id}
    return "syncshell1." + b64(json.dumps(details).encode())


class RawPeer:
    def __init__(self, url, key=None, ssl=None):
        self.url = url
        self.ssl = ssl
        self.key = key or Ed25519PrivateKey.generate()
        self.id = "ed25519:" + public_text(self.key)
        self.socket = None
        self.hello = None
        self.backlog = []
        self.count = 0

    async def dial(self, **options):
        self.socket = await websockets.connect(
            self.url, subprotocols=["syncshell.v1"], compression=None, max_size=None, ssl=self.ssl, ping_interval=None,
            open_timeout=LIMIT_S, close_timeout=5, **options,
        )
        self.backlog = []
        self.hello = await self.expect("Hello")
        return self

    def message_id(self):
        self.count += 1
        return f"m{self.count}-{secrets.token_hex(4)}"

    async def send(self, message_type, body=None, **fields):
        fields.setdefault("messageId", self.message_id())
        header = json.dumps({"type": message_type, **fields})
        await self.socket.send(header if body is None else header.encode() + b"\n" + body)
        return fields["messageId"]

    async def receive(self):
        """The next message: header with the body under "body". What the relay says is judged by the schemas, always."""
        async with asyncio.timeout(LIMIT_S):  # wait_for() of Python 3.11 loses a cancellation that comes together with what it waits for
            data = await self.socket.recv()
        binary = isinstance(data, bytes)
        header, body = schemas.split(binary, data if binary else data.encode())
        schemas.known()[header["type"]].validate(header)
        return {**header, "body": body}

    async def expect(self, message_type, **wanted):
        """The next message of that type (None: any) with these values; others wait for their own expect()."""
        def fits(m):
            return message_type in (m["type"], None) and all(m.get(k) == v for k, v in wanted.items())
        for index, message in enumerate(self.backlog):
            if fits(message):
                return self.backlog.pop(index)
        while True:
            message = await self.receive()
            if fits(message):
                return message
            self.backlog.append(message)

    async def ask(self, message_type, answer, body=None, **fields):
        message_id = await self.send(message_type, body, **fields)
        return await self.expect(answer, inReplyTo=message_id)

    async def refused(self, code, message_type, body=None, **fields):
        reply = await self.ask(message_type, "Error", body, **fields)
        assert reply["code"] == code, reply
        return reply

    def authenticate_fields(self, **changed):
        origin = self.url
        text = ("syncshell.v1 authenticate", origin, self.hello["relayId"], self.hello["nonce"], self.id)
        fields = {"protocolVersion": 1, "peerId": self.id, "origin": origin, "signature": sign(self.key, *text)}
        return {**fields, **changed}

    async def authenticate(self):
        return await self.ask("Authenticate", "Welcome", **self.authenticate_fields())

    async def connect(self):
        await self.dial()
        await self.authenticate()
        return self

    async def create(self, group, answer="Stored"):
        public_key = public_text(group.signing_key)
        text = ("syncshell.v1 create", self.hello["relayId"], self.hello["nonce"], group.id, self.id, public_key)
        return await self.ask(
            "CreateSyncshell", answer, syncshellId=group.id, groupPublicKey=public_key,
            proof=sign(group.signing_key, *text),
        )

    def join_fields(self, group, signing_key=None):
        epoch = str(group.epoch)
        text = ("syncshell.v1 join", self.hello["relayId"], self.hello["nonce"], group.id, self.id, epoch)
        return {
            "syncshellId": group.id, "keyEpoch": group.epoch, "proof": sign(signing_key or group.signing_key, *text),
        }

    def owner_fields(self, message_type, group, sequence, *subject):
        """The fields of an owner's operation on this connection; `subject` is what it is about, as signed."""
        domain, names = OWNER_OPERATIONS[message_type]
        lines = [domain, self.hello["relayId"], self.hello["nonce"], group.id, str(sequence), *map(str, subject)]
        return {
            "syncshellId": group.id, "ownerSequence": sequence, "signature": sign(self.key, *lines),
            **dict(zip(names, subject)),
        }

    async def owner(self, message_type, group, sequence, *subject, answer="Stored"):
        return await self.ask(message_type, answer, **self.owner_fields(message_type, group, sequence, *subject))

    async def join(self, group, answer="SyncshellJoined", signing_key=None, **fields):
        return await self.ask("JoinSyncshell", answer, **self.join_fields(group, signing_key), **fields)

    def route(self, group, target, session, number=1, **changed):
        fields = {
            "messageId": self.message_id(), "syncshellId": group.id, "sourcePeerId": self.id, "targetPeerId": target,
            "recoverySessionId": session, "generation": number, "bodyFormat": "sealed",
        }
        return {**fields, **changed}

    async def open_session(self, group, session, joiner, provider, answer="Stored"):
        return await self.ask(
            "SessionOpen", answer, syncshellId=group.id, recoverySessionId=session, joinerPeerId=joiner,
            providerPeerId=provider,
        )

    async def issue_code(self, group, session, code, answer="Stored"):
        text = "\n".join(("syncshell.v1 recovery-code", group.id, code))
        return await self.ask("IssueRecoveryCode", answer, syncshellId=group.id, recoverySessionId=session,
                              codeSha256=hashlib.sha256(text.encode()).hexdigest())

    async def redeem_code(self, group, code, answer="Stored"):
        return await self.ask("RedeemRecoveryCode", answer, syncshellId=group.id, code=code)

    async def snapshot(self, group, session):
        """The session's log as [(version, type, body)], without its opening."""
        log, after, complete = [], 0, False
        while not complete:
            page = await self.ask("SessionSnapshotRequest", "SessionSnapshot", syncshellId=group.id, recoverySessionId=session,
                                  afterVersion=after)
            complete, at = page["complete"], 0
            for entry in page["entries"]:
                after = entry["version"]
                body = (page["body"] or b"")[at:at + entry["sizeBytes"]]
                at += entry["sizeBytes"]
                if entry["type"] != "SessionOpen":
                    log.append((entry["version"], entry["type"], body))
        return log

    async def closed(self):
        """Reads until the relay closes; the close code."""
        try:
            while True:
                self.backlog.append(await self.receive())
        except websockets.ConnectionClosed:
            return self.socket.close_code

    async def alive(self, group):
        """Proves that the relay still serves this connection."""
        await self.join(group)

    async def close(self):
        if self.socket:
            await self.socket.close()
