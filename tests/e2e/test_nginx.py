"""Real nginx before the relay, with the lines of deploy/README.md and TLS of its own: each client is itself to the relay, and nobody by
saying so."""

import asyncio
import re
from pathlib import Path

import pytest
import websockets
from support.certificate import Certificate
from support.port import free_port
from support.process import Process, Relay
from support.raw import Group, RawPeer

REPOSITORY = Path(__file__).resolve().parents[2]
ONE, TWO, FORGER = "127.71.0.1", "127.71.0.2", "127.71.0.3"
ROOM = 3


def location():
    """The block that deploy/README.md shows."""
    return re.search(r"^location / \{\n.*?^\}\n", (REPOSITORY / "deploy/README.md").read_text(), re.MULTILINE | re.DOTALL)[0]


@pytest.fixture
def behind_nginx(tmp_path):
    """A relay and the URL of the nginx before it."""
    port = free_port()
    url = f"wss://localhost:{port}"
    relay = Relay(tmp_path, proxy_trusted="127.0.0.1 ::1", public_urls=url, create_policy="open",
                  limits_address_connections_max=ROOM).start()
    certificate = Certificate(tmp_path)
    file = tmp_path / "nginx.conf"
    temporary = "\n".join(f"    {kind}_temp_path {tmp_path}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    file.write_text(f"""
daemon off;
master_process off;
pid {tmp_path}/nginx.pid;
error_log stderr notice;
events {{ }}
http {{
    access_log off;
{temporary}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {certificate.certificate};
        ssl_certificate_key {certificate.key};
{location().replace(":8787;", f":{relay.port};")}
    }}
}}
""")
    nginx = Process(["/usr/sbin/nginx", "-p", str(tmp_path), "-e", "stderr", "-c", str(file)], "nginx")
    try:
        nginx.listening.wait(where=lambda e: "start" in e["line"] or "using the" in e["line"])
        yield relay, url, certificate
    finally:
        nginx.stop()
        assert relay.stop() == 0 and not relay.reports


def client(url, certificate, address, **options):
    """A peer whose connections come from that address."""
    peer = RawPeer(url, ssl=certificate and certificate.client_context())
    dial = peer.dial
    peer.dial = lambda: dial(host="127.0.0.1", local_addr=(address, 0), **options)
    return peer


async def fill(make, relay):
    """Connects what make() gives until there is no more room; who paid."""
    mark = relay.process.listening.mark()
    guests = [await make().dial() for _ in range(ROOM)]
    with pytest.raises((websockets.WebSocketException, OSError, EOFError)):
        await make().dial()
    entry = await asyncio.to_thread(
        relay.process.listening.wait, mark, where=lambda e: "code=too_many_from_address" in e["line"])
    return guests, re.search(r"\baddress=(\S+)", entry["line"])[1]


async def end(guests):
    for guest in guests:
        await guest.close()


def test_clients_behind_nginx_have_accounts_of_their_own(behind_nginx):
    relay, url, certificate = behind_nginx

    async def play():
        first, paid = await fill(lambda: client(url, certificate, ONE), relay)
        assert paid == ONE
        second, paid = await fill(lambda: client(url, certificate, TWO), relay)
        assert paid == TWO
        await end([*first, *second])
        # Not only connections: what it is there for.
        group, one, two = Group(), client(url, certificate, ONE), client(url, certificate, TWO)
        await one.connect()
        await one.create(group)
        await one.join(group)
        await two.connect()
        await two.join(group)
        await two.open_session(group, "transfer", two.id, one.id)
        await two.send("ReconnectOffer", b"x" * 2500, **two.route(group, one.id, "transfer"))
        assert (await one.expect("ReconnectOffer"))["body"] == b"x" * 2500
        await end([one, two])
    asyncio.run(play())


def test_a_header_that_goes_through_nginx_changes_nothing(behind_nginx):
    relay, url, certificate = behind_nginx
    claims = iter(f"198.51.100.{n}" for n in range(1, 100))

    async def play():
        guests, paid = await fill(
            lambda: client(url, certificate, ONE, extra_headers={"X-Forwarded-For": next(claims)}), relay)
        assert paid == ONE
        await end(guests)
    asyncio.run(play())


def test_who_is_no_proxy_is_not_believed(behind_nginx):
    relay, _, _ = behind_nginx
    claims = iter(f"198.51.100.{n}" for n in range(1, 100))

    async def play():
        guests, paid = await fill(
            lambda: client(relay.url, None, FORGER, extra_headers={"X-Forwarded-For": next(claims)}), relay)
        assert paid == FORGER
        await end(guests)
    asyncio.run(play())


def test_the_manual_shows_the_same_lines():
    manual = (REPOSITORY / "relay/man/syncshell-relay.toml.5").read_text().replace("\\-", "-")
    shown = re.search(r"^location / \{\n.*?^\}\n", manual, re.MULTILINE | re.DOTALL)[0]
    assert [line.strip() for line in shown.splitlines()] == [line.strip() for line in location().splitlines()]
