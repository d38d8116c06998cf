"""What deploy/README.md tells the reader to type and to write, done."""

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
from support.certificate import Certificate
from support.command import relay_command
from support.process import RELAY, Relay
from support.wait import LIMIT_S
from test_recovery import begin

REPOSITORY = Path(__file__).resolve().parents[2]
README = (REPOSITORY / "deploy/README.md").read_text()
BLOCKS = re.findall(r"^```(sh|toml)\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
COMMANDS = [line for kind, text in BLOCKS if kind == "sh" for line in text.splitlines()]

# What others do: the beginning of a command, and the test that does it.
ELSEWHERE = {
    "deploy/setup --domain": "test_compose.py",
    "docker compose -f deploy/compose.yaml up -d": "test_compose.py, test_container.py (a daemon is not to be had everywhere)",
    "docker compose -f deploy/compose.yaml logs": "Docker's own",
    "deploy/install-packages": "tests/run begins with it",
    "meson setup build/release": "tests/runner/build.py, the release build",
    "ninja -C build/release": "tests/runner/build.py, the release build",
    "meson install -C build/release": "test_service.py",
    "systemctl": "test_service.py checks the unit; what systemctl does is systemd's",
}
EXEC = "docker compose -f deploy/compose.yaml exec relay "


def test_every_command_is_accounted_for():
    assert len(COMMANDS) > 15
    for line in COMMANDS:
        assert line.startswith(("syncshell-relay", EXEC + "syncshell-relay", *ELSEWHERE)), line
    for beginning in ELSEWHERE:
        assert any(line.startswith(beginning) for line in COMMANDS), f"{beginning} is told nowhere"


class Place:
    """The folders that the guide names, below a test's own."""

    def __init__(self, folder):
        self.folder = folder
        for path in ("etc/syncshell-relay", "var/lib/syncshell-relay", "var/backups", "data"):
            (folder / path).mkdir(parents=True)
        Certificate(folder)
        for name, text in (("fullchain.pem", (folder / "relay.pem").read_text()), ("privkey.pem", (folder / "relay.key").read_text()),
                           ("turn.secret", "a-secret-between-two-servers\n"), ("admin.token", "0123456789abcdef0123\n")):
            file = folder / "etc/syncshell-relay" / name
            file.touch(mode=0o600)
            file.write_text(text)

    def here(self, text):
        text = re.sub(r"(?<![\w./-])/(etc/syncshell-relay|var/lib/syncshell-relay|var/backups)", rf"{self.folder}/\1", text)
        return re.sub(r"(?<![\w./-])/data/", f"{self.folder}/data/", text)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def configuration(place):
    """The guide's relay.toml with what it says can be added, on a free port of the loopback."""
    base, *additions = [place.here(text) for kind, text in BLOCKS if kind == "toml"]
    own_tls, rest = additions[0], additions[1:]
    assert "tls_certificate" in own_tls
    file = place.folder / "etc/syncshell-relay/relay.toml"
    for text in (base, own_tls + base, base + "".join(rest)):
        tomllib.loads(text)
        file.write_text(text)
        assert relay_command("--config", file, "--check-config").stdout == "The configuration is valid.\n"
    return file


def test_the_commands_do_what_the_guide_says(place, configuration, world):
    """In their order, on a relay with a session; what needs it stopped finds it stopped."""
    assert world.relay.stop() == 0
    relay = Relay(place.folder / "var/lib/syncshell-relay", config=configuration, admin_port=0)
    relay.settings["store_path"] = relay.database
    world.relay = relay
    relay.settings["public_urls"] = ""
    relay.settings["create_policy"] = "open"
    world.start_relay()
    _, _, session = begin(world)
    done = []
    for line in COMMANDS:
        if line == "systemctl stop syncshell-relay":
            assert world.relay.stop() == 0
        elif line == "systemctl start syncshell-relay":
            world.start_relay()
        if "syncshell-relay" not in line.removeprefix(EXEC)[:15] or line.endswith(" doctor"):  # test_doctor.py
            continue
        words = shlex.split(place.here(line.removeprefix(EXEC)).replace("5f3a9c1e", session[:8]))
        inside = line.startswith(EXEC)  # in the container the environment has the settings
        env = {"SYNCSHELL_RELAY_STORE_PATH": str(relay.database)} if inside else {}
        result = subprocess.run([RELAY, *words[1:]], capture_output=True, text=True, timeout=LIMIT_S, check=False, env=env)
        assert result.returncode == 0, (line, result)
        done.append(words[-1])
    assert len(done) >= 10 and any(word.endswith("relay-monday.db") for word in done)
    assert (place.folder / "data/monday.db").exists() and list(relay.database.parent.glob("relay.db.before-*"))


def test_the_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            heading = target[1:].replace("-", " ")
            assert re.search(rf"^#+ {heading}$", README, re.MULTILINE | re.IGNORECASE), target
    for path in set(re.findall(r"`((?:deploy|tests)/[a-z./-]+)`", README)) - {"deploy/.env"}:
        assert (REPOSITORY / path).exists(), path
