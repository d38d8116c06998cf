"""Two members of a relay that is in trouble, and what it acknowledged to them."""

from .raw import Group, RawPeer

WRITES_MAX = 400
SESSION = "s1"


class Pair:
    """Two members with an open session, and what was acknowledged of its log."""

    def __init__(self, relay):
        self.owner, self.member = RawPeer(relay.url), RawPeer(relay.url)
        self.group = Group()
        self.log = []

    async def begin(self):
        await self.owner.connect()
        await self.member.connect()
        await self.owner.create(self.group)
        await self.join()
        await self.owner.open_session(self.group, SESSION, self.member.id, self.owner.id)
        self.version = 1
        return self

    async def join(self):
        await self.owner.join(self.group)
        await self.member.join(self.group)

    async def write(self, size_bytes=4000):
        """One entry; None, or the refusal."""
        body = f"entry {self.version + 1} ".encode() + b"x" * size_bytes
        message_id = await self.member.send("SessionProgress", body, syncshellId=self.group.id, recoverySessionId=SESSION,
                                            baseVersion=self.version, bodyFormat="sealed")
        while True:
            reply = await self.member.receive()
            if reply.get("inReplyTo") == message_id:
                break
        if reply["type"] == "Error":
            return reply
        self.version += 1
        self.log.append(body)
        return None

    async def write_until_refused(self):
        for _ in range(WRITES_MAX):
            refusal = await self.write()
            if refusal:
                return refusal
        raise AssertionError(f"{WRITES_MAX} writes were taken")

    async def check_routing(self, number):
        await self.member.send("ReconnectOffer", b"sealed", **self.member.route(self.group, self.owner.id, SESSION, number))
        offer = await self.owner.expect("ReconnectOffer")
        assert offer["generation"] == number

    async def check_log(self):
        assert [body for _, _, body in await self.member.snapshot(self.group, SESSION)] == self.log

    async def come_back(self):
        """As the same two, after a restart of the relay."""
        await self.end()
        self.owner, self.member = RawPeer(self.owner.url, self.owner.key), RawPeer(self.member.url, self.member.key)
        await self.owner.connect()
        await self.member.connect()
        await self.join()

    async def end(self):
        for peer in (self.owner, self.member):
            await peer.close()
