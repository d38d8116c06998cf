"""A reload changes what it can, says what it cannot, and drops nobody."""

import asyncio
import datetime
import re
import shutil
import signal
import ssl
from contextlib import asynccontextmanager

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from support.certificate import Certificate
from support.process import Relay
from support.raw import Group, RawPeer

from admin_site import Admin


class Site:
    """A relay with TLS whose certificate files can be exchanged, as certbot does."""

    def __init__(self, folder, first):
        self.folder = folder
        self.certificate, self.key = folder / "relay.pem", folder / "relay.key"
        self.install(first)
        self.file = folder / "relay.toml"
        self.relay = Relay(folder / "data", config=self.file)
        self.configure(self.certificate, self.key)

    def configure(self, certificate, key, more=""):
        tls = f'[listen]\ntls_certificate = "{certificate}"\ntls_key = "{key}"\n' if certificate else ""
        self.file.write_text(tls + more)

    def install(self, tls):
        shutil.copy(tls.certificate, self.certificate)
        shutil.copy(tls.key, self.key)

    async def reload(self, pattern="event=reloaded"):
        """Its log's lines from the signal to the one that fits."""
        log = self.relay.process.listening
        mark = log.mark()
        self.relay.process.child.send_signal(signal.SIGHUP)
        await asyncio.to_thread(log.wait, mark, where=lambda e: re.search(pattern, e["line"]))
        return [e["line"] for e in log.all(mark)]

    async def presented(self):
        """The certificate that a new connection gets, in DER."""
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        _, writer = await asyncio.open_connection("localhost", self.relay.port, ssl=context)
        der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        writer.close()
        return der

    def peer(self, tls):
        return RawPeer(f"wss://localhost:{self.relay.port}", None, tls.client_context())


def der(tls):
    return ssl.PEM_cert_to_DER_cert(tls.certificate.read_text())


@asynccontextmanager
async def site(folder, first, more=""):
    s = Site(folder, first)
    s.configure(s.certificate, s.key, more)
    await asyncio.to_thread(s.relay.start)
    try:
        yield s
    finally:
        assert await asyncio.to_thread(s.relay.stop) == 0
        assert not s.relay.reports, "\n".join(s.relay.reports)


def make(tmp_path, name, key=None, days=60):
    folder = tmp_path / name
    folder.mkdir()
    return Certificate(folder, key=key, days=days)


@pytest.fixture
def folder(tmp_path):
    return make(tmp_path, "first"), tmp_path


def test_a_renewed_certificate_drops_nobody(folder):
    """Also when the new one has another kind of key."""
    first, path = folder
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    renewals = [make(path, "second"), make(path, "third", rsa_key), make(path, "fourth")]

    async def run():
        async with site(path, first) as s:
            group, old = Group(), await s.peer(first).connect()
            await old.create(group)
            for tls in renewals:
                before = await s.presented()
                s.install(tls)
                assert await s.presented() == before
                await s.reload()
                assert await s.presented() == der(tls)
                new = await s.peer(tls).connect()
                await new.join(group)
                await new.close()
                await old.alive(group)
            await old.close()
    asyncio.run(run())


def test_a_wrong_certificate_changes_nothing(folder):
    first, path = folder
    second = make(path, "second")

    async def run():
        async with site(path, first) as s:
            shutil.copy(second.certificate, s.certificate)
            s.configure(s.certificate, s.key, "[timing]\noffer_ttl_ms = 12345\n")
            lines = await s.reload("event=reload_refused")
            assert any("the certificate does not belong to the key" in line for line in lines), lines
            assert await s.presented() == der(first)
            peer = await s.peer(first).connect()
            assert peer.hello["limits"]["offerTtlMs"] == 30000
            await peer.close()
            s.install(second)
            await s.reload()
            peer = await s.peer(second).connect()
            assert peer.hello["limits"]["offerTtlMs"] == 12345
            await peer.close()
    asyncio.run(run())


def test_it_is_told_when_a_certificate_ends(tmp_path):
    """In the log from the last week on, and to monitors at any time: nobody else looks at it but the members whom it shuts out."""
    soon, over, lasting = (make(tmp_path, str(days), days=days) for days in (3.5, -1, 60))
    settings = Admin.settings(tmp_path)

    def end(tls):
        return x509.load_pem_x509_certificate(tls.certificate.read_bytes()).not_valid_after.replace(tzinfo=datetime.timezone.utc).timestamp()

    async def run():
        async with site(tmp_path, soon, f'[admin]\naddress = "127.0.0.1"\nport = 0\ntoken_file = "{settings["admin_token_file"]}"\n') as s:
            def told():
                [value] = re.findall(r"^syncshell_certificate_expiry_timestamp_seconds (\d+)$", Admin(s.relay).ask("/metrics").text, re.MULTILINE)
                return int(value)

            log = s.relay.process.listening
            line = await asyncio.to_thread(log.wait, where=lambda e: "event=certificate_" in e["line"])
            assert f"level=warning event=certificate_expires days=3 file={s.certificate}" in line["line"], line
            assert told() == end(soon)
            s.install(over)
            lines = await s.reload("event=certificate_")
            assert f"level=error event=certificate_expired file={s.certificate}" in lines[-1], lines
            assert told() == end(over)
            s.install(lasting)
            mark = log.mark()
            await s.reload()
            assert told() == end(lasting)
            assert not [e for e in log.all(mark) if "certificate" in e["line"]]
    asyncio.run(run())


def test_files_may_move(folder):
    first, path = folder
    second = make(path, "second")

    async def run():
        async with site(path, first) as s:
            s.configure(second.certificate, second.key)
            await s.reload()
            assert await s.presented() == der(second)
    asyncio.run(run())


def test_tls_stays_until_a_restart(folder):
    first, path = folder

    async def run():
        async with site(path, first) as s:
            s.configure(None, None)
            assert "event=restart_needed key=listen.tls_certificate" in (await s.reload())[0]
            assert await s.presented() == der(first)
    asyncio.run(run())


def test_a_proxy_is_trusted_from_the_reload_on(tmp_path):
    """What it says of its clients counts for connections that come after; those that are there stay."""
    client = "198.51.100.7"
    file = tmp_path / "relay.toml"
    file.write_text("")
    relay = Relay(tmp_path / "data", config=file)
    relay.folder.mkdir(exist_ok=True)

    async def come():
        """A peer by way of the loopback, and the address that it counts against."""
        peer = RawPeer(relay.url)
        dial = peer.dial
        peer.dial = lambda **options: dial(extra_headers=[("X-Forwarded-For", client)], **options)
        mark = relay.process.listening.mark()
        await peer.connect()
        await peer.ask("LeaveSyncshell", "Error", syncshellId="absent")  # a refusal's line names who is charged
        entry = await asyncio.to_thread(relay.process.listening.wait, mark, where=lambda e: "event=refused" in e["line"])
        return peer, re.search(r"\baddress=(\S+)", entry["line"])[1]

    async def reload(text):
        file.write_text(text)
        mark = relay.process.listening.mark()
        relay.process.child.send_signal(signal.SIGHUP)
        await asyncio.to_thread(relay.process.listening.wait, mark, where=lambda e: "event=reloaded" in e["line"])

    async def run():
        group = Group()
        first, address = await come()
        assert address == "127.0.0.1"
        await first.create(group)
        await first.join(group)
        await reload("[proxy]\ntrusted = ['127.0.0.0/8']\n")
        second, address = await come()
        assert address == client
        await reload("")
        third, address = await come()
        assert address == "127.0.0.1"
        for peer in (second, third):
            await peer.join(group)
        for peer in (first, second, third):
            await peer.alive(group)
            await peer.close()

    relay.start()
    try:
        asyncio.run(run())
    finally:
        assert relay.stop() == 0 and not relay.reports
