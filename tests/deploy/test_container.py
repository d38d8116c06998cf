"""The image: built from deploy/Dockerfile as it is, run as nobody on a read-only root."""

import asyncio
import http.client
import socket
import subprocess
import time

import container
import pytest
from support import schemas
from support.raw import Group, RawPeer
from support.wait import LIMIT_S
from support.world import World
from test_recovery import acknowledged, begin, finish

pytestmark = pytest.mark.long
MEGABYTE = 1024 * 1024


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    root = tmp_path_factory.mktemp("image") / "root"
    return container.image(root), root


@pytest.fixture
def world(tmp_path, image):
    config, root = image
    world = World(tmp_path, schemas.known(), None)
    world.relay = container.Container(world.relay_folder, root, config)
    yield world
    world.end()


def healthy(relay):
    """Asks what the image tells the daemon to ask, until it is so."""
    check = relay.config["Healthcheck"]["Test"]
    assert check[0] == "CMD"
    deadline = time.monotonic() + LIMIT_S
    while relay.execute(*check[1:], check=False).returncode != 0:
        assert time.monotonic() < deadline
    return True


def test_the_image_says_what_it_is(image):
    config, root = image
    assert config["User"] == "10001:10001" and list(config["Volumes"]) == ["/data"]
    assert config["Labels"]["org.opencontainers.image.title"] == "Syncshell relay"
    assert list(config["ExposedPorts"]) == ["8787/tcp"]
    size = sum(f.lstat().st_size for f in root.rglob("*") if f.is_file() and not f.is_symlink())
    base = 210 * MEGABYTE  # debootstrap's; Debian's own slim image has 75
    assert size < base + 40 * MEGABYTE, f"{size / MEGABYTE:.0f} MB"
    assert not list(root.glob("usr/bin/*gcc*")) and not (root / "src").exists()


def test_a_recovery_goes_through_it_and_survives_its_restart(world):
    relay = world.relay
    world.start_relay()
    assert healthy(relay)
    status = open(f"/proc/{relay.pid}/status").read()
    assert "\nUid:\t10001\t10001\t10001\t10001\n" in status and "\nCapEff:\t0000000000000000\n" in status
    assert relay.execute("touch", "/usr/x", check=False).returncode != 0, "the root can be written to"
    provider, joiner, session = begin(world)
    marks = provider.events.mark(), joiner.events.mark()
    began = time.monotonic()
    assert relay.stop() == 0
    assert time.monotonic() - began < 20, "longer than the grace of compose.yaml"
    joiner.send("link", session=session, generation=1, state="lost")
    world.start_relay()
    for side, mark in zip((provider, joiner), marks):
        assert side.event("syncshell_joined", since=mark)["recovered"] is True
    finish(world, provider, joiner, session, marks[0], marks[1], acknowledged(joiner))


def test_commands_work_inside(world):
    world.start_relay()
    assert healthy(world.relay)
    assert "ready" in world.relay.execute("syncshell-relay", "status").stdout
    assert world.relay.execute("syncshell-relay", "access-key", "add", "Ann").stdout.startswith("syncshell-key.")
    assert world.relay.execute("syncshell-relay", "backup", "/data/backup.db").stdout.startswith("Saved /data/relay.db")


def test_a_backup_leaves_the_container_and_comes_back(world):
    """As the guide has it: `exec -T relay cat`, `exec -T relay sh -c 'cat >...'`, and `run --rm relay restore` while it is stopped."""
    world.start_relay()
    assert healthy(world.relay)
    world.relay.execute("syncshell-relay", "backup", "/data/monday.db")
    backup = subprocess.run(["runc", "--root", world.relay.folder / "state", "exec", world.relay.name, "cat", "/data/monday.db"],
                            capture_output=True, timeout=LIMIT_S, check=True).stdout
    world.relay.execute("rm", "/data/monday.db")
    subprocess.run(["runc", "--root", world.relay.folder / "state", "exec", world.relay.name, "sh", "-c", "cat >/data/monday.db"],
                   input=backup, timeout=LIMIT_S, check=True)
    assert world.relay.stop() == 0
    done = world.relay.run_once("restore", "/data/monday.db")
    assert done.returncode == 0 and "is kept as /data/relay.db.before-" in done.stdout, done
    world.start_relay()
    assert healthy(world.relay)


def test_the_turn_secret_is_used_and_not_passed_on(world):
    world.relay.settings = {"TURN_HOST": "turn.example", "TURN_SECRET": "c0ffee" * 8}
    world.start_relay()
    environment = open(f"/proc/{world.relay.pid}/environ").read()
    assert "TURN_" not in environment and "SYNCSHELL_RELAY_CONFIG=/run/syncshell/relay.toml" in environment

    async def run():
        peer, other, group = await RawPeer(world.relay.url).connect(), await RawPeer(world.relay.url).connect(), Group()
        await peer.create(group)
        await peer.join(group)
        await other.join(group)
        await peer.open_session(group, "session-1", peer.id, other.id)
        answer = await peer.ask("IceServersRequest", "IceServers", syncshellId=group.id, recoverySessionId="session-1", attempt=1)
        await peer.close()
        await other.close()
        return answer["servers"]

    servers = asyncio.run(run())
    doctor = world.relay.execute("syncshell-relay", "--config", "/run/syncshell/relay.toml", "doctor", check=False).stdout
    assert "The relay runs on /data/relay.db and is ready." in doctor and "turn.example" in doctor, doctor
    assert world.relay.execute("test", "-s", "/etc/ssl/certs/ca-certificates.crt").returncode == 0
    by_url = {server["url"]: server for server in servers}
    assert by_url["turn:turn.example:3478?transport=udp"]["credential"], servers
    assert "c0ffee" not in str(servers)


def test_the_status_page_is_reached_from_outside_with_the_token(world):
    """Beyond its loopback, since a container's own is reached by nobody; the token is a file that root and the relay alone read."""
    token = "5ec2e7" * 8
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    world.relay.settings = {"ADMIN_TOKEN": token, "SYNCSHELL_RELAY_ADMIN_PORT": port}
    world.start_relay()
    assert token not in open(f"/proc/{world.relay.pid}/environ").read()
    [[line]] = [[e["line"] for e in world.relay.process.listening.all() if "event=admin_listening" in e["line"]]]
    assert f"0.0.0.0:{port}" in line
    # The test's container shares the host's network; any address but 127.0.0.1 stands for what Docker's proxy dials.
    for given, status in ((token, 200), ("wrong", 401), (None, 401)):
        connection = http.client.HTTPConnection("127.0.0.2", port, timeout=LIMIT_S)
        connection.request("GET", "/metrics", headers={"Authorization": f"Bearer {given}"} if given else {})
        answer = connection.getresponse()
        assert answer.status == status
        assert ("syncshell_connections" in answer.read().decode()) == (status == 200)
        connection.close()


def test_without_settings_it_says_what_is_missing(world):
    """`docker run` and nothing else: listening everywhere is not begun by guesses."""
    world.relay.settings = {"SYNCSHELL_RELAY_LISTEN_ADDRESS": "0.0.0.0"}
    done = world.relay.run_once()
    assert done.returncode == 2 and "public.urls must name the URLs" in done.stderr and "create.policy" in done.stderr
