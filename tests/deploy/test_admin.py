"""The operator's HTTP and the control socket: who may ask, what is answered, and what is cut off."""

import asyncio
import contextlib
import os
import resource
import socket
import sqlite3
import stat
import time

import pytest
from support.bare import Usage
from support.command import on_store
from support.raw import RawPeer
from support.wait import LIMIT_S


def no_relay(database):
    return f"syncshell-relay: no relay runs on {database} (--config or SYNCSHELL_RELAY_CONFIG names a relay's settings)\n"


def test_health_needs_no_token(admin):
    for token in (None, "wrong"):
        assert (admin.ask("/healthz", token).status, admin.ask("/healthz", token).text) == (200, "ok\n")
        assert admin.ask("/readyz", token).text == "ready\n"


def test_the_control_socket_is_for_the_relay_s_user(world):
    path = world.relay.database.with_name("relay.db.admin")
    assert stat.S_ISSOCK(path.stat().st_mode) and stat.S_IMODE(path.stat().st_mode) == 0o600
    assert on_store(world.relay.database, "health").stdout == "ready\n"
    assert world.relay.stop() == 0
    assert not path.exists()


def test_a_killed_relay_s_socket_is_replaced(world):
    world.relay.kill()
    done = on_store(world.relay.database, "health", status=1)
    assert done.stderr == no_relay(world.relay.database)
    world.start_relay()
    assert on_store(world.relay.database, "health").stdout == "ready\n"


def test_a_path_longer_than_a_socket_address_may_be(tmp_path):
    from support.process import Relay
    folder = tmp_path / ("long" * 30) / ("longer" * 30)
    folder.mkdir(parents=True)
    relay = Relay(folder)
    relay.start()
    assert on_store(relay.database, "health").stdout == "ready\n"
    assert relay.stop() == 0 and not relay.reports


def test_no_relay_no_health(tmp_path):
    done = on_store(tmp_path / "relay.db", "health", status=1)
    assert done.stderr == no_relay(f"{tmp_path}/relay.db")


def test_a_store_that_fails_is_not_ready(world, admin):
    """Somebody else holds the database's lock for longer than the relay waits."""
    lock = sqlite3.connect(world.relay.database, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    peer = world.peer("peer")
    peer.post("create", tag="c")
    world.relay.process.listening.wait(where=lambda e: "event=store_failed" in e["line"])
    answer = admin.ask("/readyz")
    assert answer.status == 503 and answer.text.startswith("the store fails: database is locked"), answer
    assert admin.ask("/healthz").status == 200
    assert on_store(world.relay.database, "health", status=1).stderr == answer.text
    lock.execute("ROLLBACK")
    lock.close()
    peer.event("syncshell_created")
    assert admin.ask("/readyz").text == "ready\n"


def test_a_draining_relay_is_not_ready(world, admin):
    world.restart_relay(timing_drain_ms=600000)

    async def run():
        peer = await RawPeer(world.relay.url).connect()
        world.relay.process.child.terminate()
        await peer.expect("GoAway")
        answer = await asyncio.to_thread(admin.ask, "/readyz")
        await peer.close()
        return answer

    answer = asyncio.run(run())
    assert (answer.status, answer.text) == (503, "draining: the relay is about to end\n")
    assert world.relay.process.wait() == 0


def test_everything_else_needs_the_token(admin):
    assert admin.ask("/reload").status == 403
    for path in ("/reload", "/healthz"):
        assert admin.ask(path, method="POST").status == 501
    assert admin.ask("/absent").status == 404
    assert admin.ask("/healthz", method="HEAD").text == ""
    assert admin.ask("/healthz", method="PUT").status == 501


def test_reload_says_what_needs_a_restart(world):
    file = world.folder / "relay.toml"
    file.write_text("")
    world.restart_relay(config=file)
    assert on_store(world.relay.database, "reload").stdout == "Reloaded.\n"
    file.write_text("[timing]\nheartbeat_ms = 4321\noffer_ttl_ms = 12345\n[proxy]\ntrusted = ['10.0.0.1']\n")
    assert on_store(world.relay.database, "reload").stdout == "Reloaded.\ntiming.heartbeat_ms: needs a restart\n"
    file.write_text("[timing]\nheartbeat = 1\n")
    done = on_store(world.relay.database, "reload", status=1)
    assert done.stderr.startswith(f'Nothing has changed:\n{file}:2: unknown key "timing.heartbeat"'), done


def rest_of(connection):
    """What still comes until it is closed; a reset is an end, too, for whoever sent more than was read."""
    received = b""
    try:
        while piece := connection.recv(4096):
            received += piece
    except ConnectionResetError:
        pass
    return received


def is_over(connection):
    """Whether it was closed, within its time-out."""
    try:
        return not connection.recv(1)
    except TimeoutError:
        return False
    except ConnectionResetError:
        return True


def test_whoever_dawdles_or_floods_is_cut_off(world, admin):
    """Half a request gets no memory beyond its own, and is cut off in time; nobody is locked out by it."""
    for rubbish in (b"GET / HTTP/1.1\r\n" + b"x" * 9000, b"\r\n\r\n", b"\x16\x03\x01" * 20 + b"\r\n\r\n",
                    b"POST /healthz HTTP/1.1\r\nContent-Length: 1000000000\r\n\r\n" + b"x" * 9000):
        with socket.create_connection(("127.0.0.1", admin.port), timeout=LIMIT_S) as connection:
            connection.sendall(rubbish)
            received = rest_of(connection)
            assert not received or received.startswith((b"HTTP/1.1 4", b"HTTP/1.1 501")), received
    idle = [socket.create_connection(("127.0.0.1", admin.port), timeout=LIMIT_S) for _ in range(33)]
    for connection in idle:
        connection.sendall(b"GET /healthz HTTP/1.1\r\n")
    with socket.create_connection(("127.0.0.1", admin.port), timeout=1) as dripping:
        limit = time.monotonic() + 3 * LIMIT_S
        dripping.sendall(b"GET /healthz HTTP/1.1\r\nX: ")
        while not is_over(dripping):
            with contextlib.suppress(ConnectionError):  # closed since that look: the next one sees it
                dripping.sendall(b"x")
            assert time.monotonic() < limit, "a byte now and then keeps it for ever"
    assert [rest_of(connection) for connection in reversed(idle)] == [b""] * 33
    for connection in idle:
        connection.close()
    assert admin.ask("/healthz").status == 200


def test_slow_callers_hold_up_nobody(world, admin):
    """Hundreds that never finish what they ask for: the oldest of them go, and a monitor is answered at once."""
    descriptors = f"/proc/{world.relay.process.child.pid}/fd"
    before = len(os.listdir(descriptors))
    slow = []
    for _ in range(700):
        slow.append(socket.create_connection(("127.0.0.1", admin.port), timeout=LIMIT_S))
        slow[-1].sendall(b"GET /healthz HTTP/1.1\r\n")
    assert admin.ask("/readyz").status == 200
    slow[-1].setblocking(False)
    with pytest.raises(BlockingIOError):  # its time is not over: the monitor did not wait for the end of the others
        slow[-1].recv(1)
    assert len(os.listdir(descriptors)) - before < 300
    assert rest_of(slow[0]) == b""
    for connection in slow:
        connection.close()


def test_out_of_descriptors_it_waits(world, admin):
    """A caller waits in the kernel; the relay neither spins nor writes a line for each try."""
    port, pid = admin.port, world.relay.process.child.pid
    usage = Usage(pid)
    used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(set(range(soft)) - used), hard))
    with socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S) as waiting:
        waiting.sendall(b"GET /healthz HTTP/1.1\r\n\r\n")
        mark, before = world.relay.process.listening.mark(), usage.cpu_s()
        waiting.settimeout(2)
        with pytest.raises(TimeoutError):
            waiting.recv(1)
        assert usage.cpu_s() - before < 1 and len(world.relay.process.listening.all(mark)) < 50
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
        waiting.settimeout(LIMIT_S)
        assert rest_of(waiting).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("content, fault", [
    ("", "it is empty"), ("short\n", "it is too short"), ("x" * 511, "it is too long"), ("x" * 16 + "\n\n", "it must be one line of text"),
])
def test_a_useless_token_file_stops_the_start(tmp_path, content, fault):
    token = tmp_path / "token"
    token.write_text(content)
    token.chmod(0o600)
    done = on_store(tmp_path / "relay.db", "--set", "admin.address=127.0.0.1", "--set", f"admin.token_file={token}",
                    "--set", "listen.port=0", status=2)
    assert done.stderr.endswith(f"admin.token_file: {token}: {fault}\n"), done
