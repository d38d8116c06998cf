#!/usr/bin/python3
"""The whole relay as a process: its start, its life through kills and signals, its end.

usage: test_relay.py RELAY [-k WORD]; SYNCSHELL_RELAY_BIN names the same relay."""

import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import tap
import websockets
from support.certificate import Certificate
from support.process import INHERITED, Relay
from support.raw import Group, RawPeer
from tap import test

A_LONG_TIME_MS = 600000


class World:
    """A relay in a folder of its own, with the configuration file relay.toml, and peers that are closed at the end."""

    def __init__(self, folder, tls=None, **settings):
        self.folder = folder
        self.file = folder / "relay.toml"
        self.file.write_text("")
        self.tls = tls
        self.relay = Relay(folder / "data", tls, config=self.file, **settings)
        self.peers = []

    async def start(self):
        await asyncio.to_thread(self.relay.start)

    async def kill(self):
        await asyncio.to_thread(self.relay.kill)

    def signal(self, number):
        self.relay.process.child.send_signal(number)

    async def ended(self):
        """Waits for the relay to end by itself; its exit status."""
        return await asyncio.to_thread(self.relay.process.wait)

    async def logged(self, pattern, since=0):
        """The first line of the log, from position `since`, that fits."""
        entry = await asyncio.to_thread(
            self.relay.process.listening.wait, since, where=lambda e: re.search(pattern, e["line"]))
        return entry["line"]

    def mark(self):
        return self.relay.process.listening.mark()

    def limit(self, name):
        """A soft limit of the running relay."""
        limits = Path(f"/proc/{self.relay.process.child.pid}/limits").read_text()
        return int(re.search(rf"^{name} +(\d+)", limits, re.MULTILINE).group(1))

    async def peer(self, key=None):
        ssl = self.tls.client_context() if self.tls else None
        peer = await RawPeer(self.relay.url, key, ssl).connect()
        self.peers.append(peer)
        return peer

    async def end(self):
        for peer in self.peers:
            await peer.close()
        status = await asyncio.to_thread(self.relay.stop)
        assert status in (None, 0), f"the relay ended with {status}"
        assert not self.relay.reports, "\n".join(self.relay.reports)


@contextlib.asynccontextmanager
async def world(**settings):
    with tempfile.TemporaryDirectory() as folder:
        w = World(Path(folder), **settings)
        await w.start()
        try:
            yield w
        finally:
            await w.end()


async def start_fails(program, status=1, **variables):
    """What a relay says that cannot start."""
    variables = {"limits_connections_max": 100, **variables}
    env = {**INHERITED, **{f"SYNCSHELL_RELAY_{k.upper()}": str(v) for k, v in variables.items()}}
    done = await asyncio.to_thread(subprocess.run, [program], capture_output=True, text=True, timeout=60, env=env,
                                   check=False)
    assert done.returncode == status and not done.stdout, done
    return done.stderr


UPGRADE = (b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
           b"Sec-WebSocket-Protocol: syncshell.v1\r\n\r\n")


def close_frame(code, reason):
    """How a close frame begins, as the relay sends it."""
    payload = code.to_bytes(2, "big") + reason
    return bytes([0x88, len(payload)]) + payload


async def mute_client(w):
    """The streams of a client that has got its Hello, and that will never take part in a closing handshake."""
    reader, writer = await asyncio.open_connection("127.0.0.1", w.relay.port)
    writer.write(UPGRADE)
    await reader.readuntil(b'"Hello"')
    return reader, writer


# ---- the start ----

@test
async def says_where_it_is_and_what_to_do_next(program):
    async with world() as w:
        url = f"ws://127.0.0.1:{w.relay.port}"
        assert w.relay.port not in (0, 8787)
        line = await w.logged("event=listening")
        database = f'"{w.relay.database}"' if " " in str(w.relay.database) else w.relay.database
        assert f" url={url} data={database} relay=" in line
        lines = [(await asyncio.to_thread(w.relay.process.output.wait, i))["line"] for i in range(6)]
        assert lines[0].startswith("Syncshell relay ")
        assert [line.split(maxsplit=2)[0] for line in lines[1:]] == ["listens", "data", "creating", "next", "stop"]
        assert lines[1].endswith(f" {url}") and lines[2].endswith(f" {w.relay.database.resolve()}")
        assert "every peer" in lines[3] and lines[4].endswith(f" syncshell create --relay {url}")
        assert stat.S_IMODE(os.stat(w.folder / "data").st_mode) == 0o700
        assert stat.S_IMODE(os.stat(w.relay.database).st_mode) == 0o600


def scheduling(pid):
    """Of each thread: its policy, its priority, and its slice in ns, which not every kernel tells."""
    for task in Path(f"/proc/{pid}/task").iterdir():
        fields = (task / "stat").read_text().rsplit(")", 1)[1].split()
        told = re.search(r"^se\.slice\s*:\s*(\d+)$", (task / "sched").read_text(), re.M) if (task / "sched").exists() else None
        yield int(task.name) == pid, os.sched_getscheduler(int(task.name)), int(fields[16]), told and int(told[1])


@test
async def the_store_s_thread_gives_way_to_the_loop(program):
    async with world() as w:
        pid = w.relay.process.child.pid
        for _ in range(500):  # either may still be about to ask for it
            threads = sorted(scheduling(pid), reverse=True)  # a sanitizer may have one of its own
            _, loop_policy, loop_nice, loop_slice = threads[0]
            batches = [(nice, its_slice) for _, policy, nice, its_slice in threads[1:] if policy == os.SCHED_BATCH]
            if batches and (loop_slice is None or loop_slice != batches[0][1]):
                break
            await asyncio.sleep(0.01)
        assert loop_policy == os.SCHED_OTHER and len(batches) == 1, threads
        nice, its_slice = batches[0]
        assert nice == min(loop_nice + 10, 19), (loop_nice, nice)
        release = tuple(map(int, re.match(r"(\d+)\.(\d+)", os.uname().release).groups()))
        if loop_slice is not None and release >= (6, 12):
            assert loop_slice == 100000 < its_slice, (loop_slice, its_slice)


@test
async def all_addresses_are_those_of_both_families(program):
    async with world(listen_address="::", public_urls="ws://localhost:1", create_policy="open") as w:
        for address in ["127.0.0.1"] + (["::1"] if Path("/proc/net/if_inet6").exists() else []):
            _, writer = await asyncio.open_connection(address, w.relay.port)
            writer.write(UPGRADE)
            await w.logged(f"event=connected .*address=\"?{address}\"?$")
            writer.close()


@test
async def speaks_tls(program):
    with tempfile.TemporaryDirectory() as folder:
        async with world(tls=Certificate(Path(folder))) as w:
            assert f"url=wss://127.0.0.1:{w.relay.port} " in await w.logged("event=listening")
            group = Group()
            peer = await w.peer()
            await peer.create(group)
            await peer.join(group)


@test
async def a_taken_address_is_told(program):
    async with world() as w:
        with tempfile.TemporaryDirectory() as folder:
            text = await start_fails(program, listen_port=w.relay.port, store_path=f"{folder}/relay.db")
        assert text == (f"syncshell-relay: cannot listen on 127.0.0.1 port {w.relay.port}: "
                        "Address already in use\n"), text


@test
async def a_taken_database_is_told(program):
    async with world() as w:
        (w.folder / "link.db").symlink_to(w.relay.database)
        (w.folder / "link").symlink_to(w.relay.database.parent)
        for path in (w.relay.database, w.folder / "link.db"):
            text = await start_fails(program, listen_port=0, store_path=path)
            assert text == (f"syncshell-relay: {w.relay.database} is in use by another relay "
                            f"(pid {w.relay.process.child.pid})\n"), text
        text = await start_fails(program, listen_port=0, store_path=w.folder / "link" / "relay.db")
        assert "relay.db is in use by another relay" in text, text


@test
async def a_folder_that_cannot_be_made_is_told(program):
    text = await start_fails(program, store_path="/dev/null/deep/relay.db")
    assert text == "syncshell-relay: store.path: cannot create the folder /dev/null/deep: Not a directory\n", text


@test
async def a_useless_certificate_is_told(program):
    with tempfile.TemporaryDirectory() as folder:
        text = await start_fails(program, listen_port=0, store_path=f"{folder}/relay.db",
                                 listen_tls_certificate="/dev/null", listen_tls_key="/dev/null")
    assert text.startswith("syncshell-relay: there is no usable PEM certificate in /dev/null"), text


@test
async def descriptors_fit_the_connections(program):
    for connections in (100, 700):
        async with world(limits_connections_max=connections) as w:
            assert w.limit("Max open files") == connections + 256


@test
async def too_few_descriptors_are_told(program):
    async with world(limits_connections_max=1000000) as w:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # the runner has lowered it
        assert w.limit("Max open files") == hard < 1000256
        assert f"have={hard} want=1000256 key=limits.connections_max" in await w.logged("event=few_descriptors")


# ---- life ----

@test
async def an_open_session_outlives_kill_9(program):
    async with world() as w:
        group, session = Group(), "session-1"
        owner, guest = await w.peer(), await w.peer()
        await owner.create(group)
        await owner.join(group)
        await guest.join(group)
        await guest.open_session(group, session, guest.id, owner.id)
        stored = await guest.ask("SessionProgress", "Stored", b"sealed entry", syncshellId=group.id,
                                 recoverySessionId=session, baseVersion=1, bodyFormat="sealed")
        hello = owner.hello
        await w.kill()
        await w.start()
        guest, owner = await w.peer(guest.key), await w.peer(owner.key)
        assert guest.hello["relayId"] == hello["relayId"] and guest.hello["nonce"] != hello["nonce"]
        joined = await guest.join(group)
        assert joined["recovered"] and len(joined["members"]) == 2
        [found] = joined["sessions"]
        assert found["recoverySessionId"] == session and found["state"] == "open"
        assert found["version"] == stored["version"] == 2
        assert (found["joinerPeerId"], found["providerPeerId"]) == (guest.id, owner.id)


@test
async def connections_have_their_maximum(program):
    async with world(limits_connections_max=1) as w:
        await w.peer()
        refused = RawPeer(w.relay.url)
        try:
            await refused.dial()
            await refused.close()
        except (websockets.InvalidStatusCode, websockets.ConnectionClosed):
            return
        raise AssertionError("a second connection was taken")


@test
async def nobody_may_create(program):
    async with world(create_policy="nobody") as w:
        peer = await w.peer()
        group = Group()
        assert (await peer.create(group, "Error"))["code"] == "create_refused"
        line = await w.logged("event=refused")
        assert "code=create_refused" in line and f"peer={peer.id[:16]} " in line
        assert peer.id not in "\n".join(w.relay.process.errors)


@test
async def only_published_urls_may_be_signed(program):
    async with world(public_urls="wss://relay.example", create_policy="open") as w:
        peer = await RawPeer(w.relay.url).dial()
        assert (await peer.ask("Authenticate", "Error", **peer.authenticate_fields()))["code"] == "bad_origin"
        assert await peer.closed() == 4401


@test
async def silence_is_closed(program):
    async with world(timing_handshake_timeout_ms=100) as w:
        peer = await RawPeer(w.relay.url).dial()
        assert await peer.closed() == 4003


@test
async def a_peer_that_answers_no_ping_is_closed(program):
    async with world(timing_heartbeat_ms=100, timing_close_timeout_ms=100) as w:
        reader, writer = await mute_client(w)
        await reader.readuntil(b"\x89\x04ping")
        await reader.readuntil(close_frame(4004, b"idle"))
        writer.close()


async def least_bytes(program):
    """Every limit of bytes, as low as it may be set."""
    example = await asyncio.to_thread(subprocess.check_output, [program, "--print-example"], text=True, env=INHERITED)
    limits = re.findall(r"^# (\d+) to \d+\. SYNCSHELL_RELAY_(\w+_BYTES_MAX)\.$", example, re.MULTILINE)
    assert len(limits) == 8, limits
    return {name.lower(): least for least, name in limits}


@test
async def the_least_limits_let_the_largest_messages_through(program):
    """What schema/README.md allows is no refusal that another try might not meet."""
    async with world(**await least_bytes(program)) as w:
        group, session = Group(), "session-1"
        provider, joiner = await w.peer(), await w.peer()
        await provider.create(group)
        await provider.join(group)
        await joiner.join(group)
        await joiner.open_session(group, session, joiner.id, provider.id)
        for source, target, kind in ((joiner, provider, "ReconnectOffer"), (provider, joiner, "ReconnectAnswer")):
            await source.send(kind, bytes(65536), **source.route(group, target.id, session))
            await target.expect(kind)
        reply = await joiner.ask("RecoveryRequest", None, bytes(1048576), **joiner.route(group, provider.id, session))
        assert reply["type"] == "Stored", reply
        await provider.expect("InboxDelivery")
        entry = {"syncshellId": group.id, "recoverySessionId": session, "bodyFormat": "sealed"}
        for version, kind in ((1, "SessionProgress"), (2, "SessionCheckpoint")):
            reply = await joiner.ask(kind, None, bytes(1048576), baseVersion=version, **entry)
            assert reply["type"] == "Stored", reply


@test
async def a_message_over_the_limit_is_answered(program):
    async with world() as w:
        peer = await w.peer()
        await peer.send("SessionProgress", bytes(1100000))
        assert (await peer.expect("Error"))["code"] == "body_too_large"
        assert await peer.closed() == 1009


# ---- reloading ----

async def reloaded(w, text, pattern="event=reloaded|event.:.reloaded"):
    """Reloads with that text; the log's lines from then to the one that fits."""
    w.file.write_text(text)
    mark = w.mark()
    w.signal(signal.SIGHUP)
    last = await w.logged(pattern, mark)
    lines = [entry["line"] for entry in w.relay.process.listening.all(mark)]
    return lines[:lines.index(last) + 1]


@test
async def sighup_applies_what_can_change(program):
    async with world(log_level="info") as w:
        await reloaded(w, "[timing]\noffer_ttl_ms = 12345\n[create]\npolicy = \"nobody\"\n")
        peer = await w.peer()
        assert peer.hello["limits"]["offerTtlMs"] == 12345
        assert (await peer.create(Group(), "Error"))["code"] == "create_refused"


@test
async def sighup_tells_each_time_what_needs_a_restart(program):
    async with world(log_level="info") as w:
        for _ in range(2):
            lines = await reloaded(w, "[timing]\nheartbeat_ms = 4321\n")
            assert len(lines) == 2 and "event=restart_needed key=timing.heartbeat_ms" in lines[0], lines
            # What the listener does not do is not announced either.
            assert (await w.peer()).hello["heartbeatMs"] == 15000
        assert len(await reloaded(w, "")) == 1


@test
async def sighup_with_faults_changes_nothing(program):
    async with world(log_level="info") as w:
        text = "[timing]\noffer_ttl_ms = 12345\n[listen]\nprot = 1\n[log]\nlevel = 1\n"
        lines = await reloaded(w, text, "event=reload_refused.*level: must")
        assert len(lines) == 2, lines
        assert f"level=error event=reload_refused fault=\"{w.file}:4: unknown key " in lines[0]
        assert f'level=error event=reload_refused fault="{w.file}:6: log.level: must be a string"' in lines[1]
        assert (await w.peer()).hello["limits"]["offerTtlMs"] == 30000


@test
async def sighup_may_change_the_log(program):
    async with world(log_level="info") as w:
        [line] = await reloaded(w, '[log]\nformat = "json"\n')
        assert json.loads(line)["url"] == f"ws://127.0.0.1:{w.relay.port}"
        [line] = await reloaded(w, '[log]\nformat = "xml"\n', "reload_refused")
        assert json.loads(line)["fault"] == f'{w.file}:2: log.format: "xml" is not one of "logfmt", "json"'


# ---- the end ----

@test
async def sigterm_tells_waits_and_closes(program):
    async with world(timing_drain_ms=300) as w:
        peers = [await w.peer() for _ in range(3)]
        w.signal(signal.SIGTERM)
        later = [(await peer.expect("GoAway"))["reconnectAfterMs"] for peer in peers]
        assert sorted(later) == [0, 100, 200]
        assert [await peer.closed() for peer in peers] == [4000, 4000, 4000]
        assert await w.ended() == 0
        assert "level=info event=ended" in w.relay.process.errors[-1]


@test
async def clients_that_leave_end_the_drain(program):
    async with world(timing_drain_ms=A_LONG_TIME_MS) as w:
        peer = await w.peer()
        w.signal(signal.SIGINT)
        await peer.expect("GoAway")
        await peer.close()
        assert await w.ended() == 0


@test
async def without_clients_the_end_is_at_once(program):
    async with world(timing_drain_ms=A_LONG_TIME_MS) as w:
        w.signal(signal.SIGTERM)
        assert await w.ended() == 0


@test
async def a_second_sigterm_hurries(program):
    async with world(timing_drain_ms=A_LONG_TIME_MS) as w:
        peer = await w.peer()
        w.signal(signal.SIGTERM)
        await peer.expect("GoAway")
        w.signal(signal.SIGTERM)
        assert await w.ended() == 0


@test
async def any_number_of_sigterms_end_it_in_order(program):
    for _ in range(5):
        async with world() as w:
            ended = asyncio.ensure_future(w.ended())
            while not ended.done():
                w.signal(signal.SIGTERM)
                await asyncio.sleep(0)
            assert await ended == 0


@test
async def a_client_that_does_not_close_is_not_waited_for(program):
    async with world(timing_drain_ms=0, timing_close_timeout_ms=100) as w:
        _, writer = await mute_client(w)
        w.signal(signal.SIGTERM)
        assert await w.ended() == 0
        writer.close()


@test
async def a_handshake_that_comes_after_the_closing_is_refused(program):
    async with world(timing_drain_ms=0, timing_close_timeout_ms=A_LONG_TIME_MS) as w:
        late, late_writer = await asyncio.open_connection("127.0.0.1", w.relay.port)
        mute, mute_writer = await mute_client(w)
        w.signal(signal.SIGTERM)
        await mute.readuntil(close_frame(4000, b"shutting_down"))
        late_writer.write(UPGRADE)
        await late.readuntil(b"\r\n\r\n")
        assert (await late.read())[:4] == close_frame(1013, b"")[:1] + b"\x02" + (1013).to_bytes(2, "big")
        late_writer.close()
        mute_writer.close()
        assert await w.ended() == 0


@test
async def nobody_new_is_taken_while_it_drains(program):
    async with world(timing_drain_ms=A_LONG_TIME_MS) as w:
        peer = await w.peer()
        w.signal(signal.SIGTERM)
        await peer.expect("GoAway")
        try:
            await asyncio.open_connection("127.0.0.1", w.relay.port)
        except ConnectionRefusedError:
            return
        raise AssertionError("a connection was taken")


class Busy:
    """Another program's write to the relay's database: until it is over, the relay's own wait."""

    def __init__(self, database):
        self.connection = sqlite3.connect(database, isolation_level=None, check_same_thread=False)
        self.connection.execute("BEGIN IMMEDIATE")

    def over(self):
        self.connection.execute("ROLLBACK")
        self.connection.close()


async def ended_with_work_waiting():
    """(version, generation) that a session has after a relay was ended while its store waited; None if it waited in vain."""
    async with world(timing_drain_ms=A_LONG_TIME_MS) as w:
        group, session = Group(), "session-1"
        peer, other = await w.peer(), await w.peer()
        await peer.create(group)
        await peer.join(group)
        await other.join(group)
        await peer.open_session(group, session, peer.id, other.id)
        busy = Busy(w.relay.database)
        await peer.send("SessionProgress", b"sealed", syncshellId=group.id, recoverySessionId=session, baseVersion=1,
                        bodyFormat="sealed")
        # The second is stored only after the first, so the core begins that when the store has stopped already.
        for generation in (1, 2):
            await peer.send("ReconnectOffer", b"sealed", **peer.route(group, other.id, session, generation))
            await other.expect("ReconnectOffer", generation=generation)
        w.signal(signal.SIGTERM)
        await peer.expect("GoAway")
        w.signal(signal.SIGTERM)
        await w.logged("event=disconnected")
        busy.over()
        assert await w.ended() == 0
        if any("event=store_failed reason" in line for line in w.relay.process.errors):
            return None
        await w.start()
        peer = await w.peer(peer.key)
        [found] = (await peer.join(group))["sessions"]
        return found["version"], found["generation"]


@test
async def what_still_waits_for_the_disk_is_committed(program):
    # The store waits two seconds for another program: on a busy machine this may be shorter than our own steps take.
    for _ in range(5):
        if found := await ended_with_work_waiting():
            break
    assert found == (2, 1)


@test
async def what_was_asked_before_the_end_is_committed(program):
    async with world(timing_drain_ms=A_LONG_TIME_MS) as w:
        group, session = Group(), "session-1"
        peer, other = await w.peer(), await w.peer()
        await peer.create(group)
        await peer.join(group)
        await other.join(group)
        await peer.open_session(group, session, peer.id, other.id)
        entries = 200
        for version in range(1, entries + 1):
            await peer.send("SessionProgress", b"sealed", syncshellId=group.id, recoverySessionId=session,
                            baseVersion=version, bodyFormat="sealed")
        await peer.expect("Stored", version=2)
        w.signal(signal.SIGTERM)
        await peer.expect("GoAway")
        w.signal(signal.SIGTERM)
        acknowledged = [m["version"] for m in peer.backlog if m["type"] == "Stored"] + [2]
        try:
            while True:
                message = await peer.receive()
                if message["type"] == "Stored":
                    acknowledged.append(message["version"])
        except websockets.ConnectionClosed:
            pass
        assert await w.ended() == 0
        await w.start()
        peer = await w.peer(peer.key)
        [found] = (await peer.join(group))["sessions"]
        assert max(acknowledged) <= found["version"] <= entries + 1


if __name__ == "__main__":
    sys.exit(tap.main())
