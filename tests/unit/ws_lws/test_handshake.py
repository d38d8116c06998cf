#!/usr/bin/python3
"""What comes before a WebSocket: starting, listening, TLS, HTTP and everything else that strangers send; see tap.py for how
to run it."""

import asyncio
import contextlib
import json
import os
import socket
import ssl
import sys
import warnings
from pathlib import Path

from tap import LIMIT_S, main, test
from ws_peers import OP_BINARY, OP_TEXT, Raw, Server, Stopwatch, certificate, client_tls, closed_with, frame, request

# --- the handshake ----------------------------------------------------------------------------------------------------


@test
async def refuses_other_subprotocols(program):
    async with Server(program) as server:
        for protocol in (None, "", "chat", "syncshell.v2", "syncshell.v1x", "Syncshell.v1", "x" * 3000):
            async with Raw(server.port) as raw:
                status, _ = await raw.http(request(protocol=protocol))
                assert status == 400 or (status is None and protocol and len(protocol) > 1000), (protocol, status)
        for protocol in ("chat, syncshell.v1", "syncshell.v1,chat"):
            async with Raw(server.port) as raw:
                await raw.send(request(protocol=protocol))
                head = await raw.reader.readuntil(b"\r\n\r\n")
                assert b"101" in head and b"Protocol: syncshell.v1\r\n" in head, head
        assert (await server.stats())["opened"] == 3


@test
async def answers_plain_http(program):
    async with Server(program) as server:
        for data in (request(upgrade=None), request(upgrade=None, path="/a/b?c"), request(upgrade="h2c"), request(version="8"),
                     request("Content-Length: 3", upgrade=None, method="POST") + b"abc", request(method="POST"),
                     request(upgrade=None, method="HEAD"), request("HTTP2-Settings: AAMAAABkAAQAAP__", upgrade="h2c")):
            async with Raw(server.port) as raw:
                status, answer = await raw.http(data)
                assert status == 426 and b"Connection: close" in answer, (data, answer)
        for data in (request(upgrade="nonsense"), request(method="CONNECT", path="a:1", upgrade=None),
                     request(method="BREW", upgrade=None), request(upgrade=None) * 20):
            async with Raw(server.port) as raw:
                await raw.http(data)  # whatever it says, it closes
        counters = await server.stats()
        assert counters["opened"] == 1


@test
async def survives_garbage(program):
    headers = b"".join(b"X-%d: %s\r\n" % (i, b"v" * 500) for i in range(100))
    garbage = [b"\0" * 5000, os.urandom(20000), b"\n" * 3000, b"GET" * 5000, b"\x16\x03\x01\x02\x00\x01\x00" + os.urandom(600),
               b"GET / HTTP/1.1\r\n" + headers + b"\r\n", b"GET /" + b"a" * 100000 + b" HTTP/1.1\r\n\r\n",
               b"GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n", request("Sec-WebSocket-Key: " + "k" * 4000),
               b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
               b"GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
               b"GET %00%ff/../../.. HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\r\nHost\r\n:\r\n\r\n"]
    async with Server(program) as server:
        for data in garbage:
            async with Raw(server.port) as raw:
                with contextlib.suppress(OSError):
                    await raw.send(data)
                    raw.writer.write_eof()
                await asyncio.wait_for(raw.rest(), LIMIT_S)
        assert (await server.stats())["opened"] == 1


async def dropped_in_time(server, *, tls=None, drip=b""):
    """The server closes in time, while the bytes of `drip` go out one by one."""
    async with Raw(server.port, tls=tls) as raw:
        stopwatch = Stopwatch()
        end = asyncio.ensure_future(raw.rest())
        while not end.done():
            if drip:
                with contextlib.suppress(ConnectionError):
                    await raw.send(drip[:1])
                drip = drip[1:]
            await asyncio.wait([end], timeout=0.3)
        stopwatch.check(9, 15)


@test
async def drops_who_never_completes_the_handshake(program):
    with certificate() as (certificate_file, key_file):
        async with Server(program) as plain, Server(program, f"certificate={certificate_file}", f"key={key_file}") as tls:
            trusting = client_tls(certificate_file)
            await plain.stats()
            await asyncio.wait_for(asyncio.gather(
                dropped_in_time(plain), dropped_in_time(plain, drip=request()),
                dropped_in_time(tls), dropped_in_time(tls, tls=trusting), dropped_in_time(tls, tls=trusting, drip=request()),
                plain.assert_not_spinning(), tls.assert_not_spinning()), LIMIT_S)


@test
async def says_from_where_and_stops_listening(program):
    async with Server(program, "address=all") as server, server.connect() as ws:
        await ws.send("!address")
        assert await ws.recv() == "127.0.0.1"
        if socket.has_ipv6 and Path("/proc/net/if_inet6").exists() and Path("/proc/net/if_inet6").read_text():
            async with server.connect(host="[::1]") as other:
                await other.send("!address")
                assert await other.recv() == "::1"
        await ws.send("!stop-listening")
        assert await ws.recv() == "stopped"
        try:
            await asyncio.open_connection("127.0.0.1", server.port)
        except ConnectionRefusedError:
            pass
        else:
            raise AssertionError("still listening")
        await ws.send("still here")
        assert await ws.recv() == "still here"


# --- TLS --------------------------------------------------------------------------------------------------------------


@test
async def speaks_tls(program):
    message = os.urandom(1 << 20)
    with certificate() as (certificate_file, key_file):
        async with Server(program, f"certificate={certificate_file}", f"key={key_file}") as server:
            context = client_tls(certificate_file)
            context.set_alpn_protocols(["h2", "http/1.1"])
            async with server.connect(ssl=context, server_hostname="localhost") as ws:
                session = ws.transport.get_extra_info("ssl_object")
                assert session.version() in ("TLSv1.2", "TLSv1.3")
                assert session.selected_alpn_protocol() == "http/1.1"
                for sent in ("secret", message, "", b"x" * 16384, "y" * 40000):
                    await ws.send(sent)
                    assert await ws.recv() == sent
                await ws.send("!burst 20000")
                for i in range(20000):
                    assert await ws.recv() == str(i)
                await ws.send("!flood 100 100000")
                for _ in range(100):
                    assert len(await ws.recv()) == 100000
                await ws.send("!stats")
                assert json.loads(await ws.recv())["tls"] is True
                await server.assert_not_spinning()
                await ws.send("!close 4001 over TLS")
                assert await closed_with(ws) == (4001, "over TLS")


@test
async def a_tls_reader_that_does_not_read_costs_nothing(program):
    with certificate() as (certificate_file, key_file):
        async with Server(program, f"certificate={certificate_file}", f"key={key_file}", "heartbeat_ms=100000") as server:
            async with Raw(server.port, receive_buffer=4096, tls=client_tls(certificate_file)) as raw:
                await raw.upgrade()
                await raw.send(frame(OP_TEXT, b"!flood 500 10000"))
                raw.writer.transport.pause_reading()
                await server.assert_not_spinning()
                raw.writer.transport.resume_reading()
                for _ in range(500):
                    opcode, final, payload = await asyncio.wait_for(raw.receive(), LIMIT_S)
                    assert (opcode, final, len(payload)) == (OP_BINARY, True, 10000)


@test
async def refuses_old_tls_and_no_tls(program):
    with certificate() as (certificate_file, key_file):
        async with Server(program, f"certificate={certificate_file}", f"key={key_file}") as server:
            old = client_tls(certificate_file)
            old.set_ciphers("ALL:@SECLEVEL=0")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of the old versions, which are meant
                old.minimum_version = ssl.TLSVersion.TLSv1
                old.maximum_version = ssl.TLSVersion.TLSv1_1
            try:
                await server.connect(ssl=old, server_hostname="localhost")
            except ssl.SSLError as error:
                assert "PROTOCOL_VERSION" in error.reason, error
            else:
                raise AssertionError("TLS 1.1 was accepted")
            async with Raw(server.port) as raw:
                _, answer = await raw.http(request())
                assert not answer.startswith(b"HTTP"), answer


async def fails_to_start(program, *arguments):
    process = await asyncio.create_subprocess_exec(program, *arguments, stdout=asyncio.subprocess.PIPE,
                                                   stderr=asyncio.subprocess.PIPE)
    out, err = await process.communicate()
    assert process.returncode == 2, (process.returncode, out, err)
    return out.decode().strip()


@test
async def explains_why_it_cannot_start(program):
    with certificate() as (certificate_file, key_file), certificate() as (_, other_key_file):
        cases = [
            ((f"certificate={certificate_file}",), "TLS needs both"),
            ((f"certificate={certificate_file}x", f"key={key_file}"), "certificate.pemx: No such file or directory"),
            ((f"certificate={certificate_file}", f"key={key_file}x"), "key.pemx: No such file or directory"),
            ((f"certificate={key_file}", f"key={key_file}"), "no usable PEM certificate in"),
            ((f"certificate={certificate_file}", f"key={certificate_file}"), "no usable PEM key"),
            ((f"certificate={certificate_file}", f"key={other_key_file}"), "the certificate does not belong to the key"),
            (("address=192.0.2.1",), "cannot listen on 192.0.2.1 port 0: Cannot assign requested address"),
            (("address=no.such.host.invalid",), "cannot resolve no.such.host.invalid"),
        ]
        for arguments, sentence in cases:
            answer = await fails_to_start(program, *arguments)
            assert answer.startswith("error -") and sentence in answer, (arguments, answer)
        async with Server(program) as server:
            answer = await fails_to_start(program, f"port={server.port}")
            assert f"port {server.port}: Address already in use" in answer, answer


if __name__ == "__main__":
    sys.exit(main())
