"""What the documentation tells the reader to type and to write, done."""

import re
import shlex
import subprocess
import textwrap
import tomllib
from pathlib import Path

import pytest
from support.certificate import Certificate
from support.command import relay_command
from support.process import INHERITED, RELAY, Relay
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
# The same for the other READMEs, where a block of code is indented or fenced.
PROGRAMS = ("cc ", "cd ", "deploy/", "docker ", "git ", "meson ", "ninja ", "sudo ", "syncshell ", "syncshell-relay ", "tests/")
IN_READMES = {
    "deploy/quickstart --build-only && meson install": "e2e/test_install.py installs; tests/runner/build.py, the release build",
    "deploy/quickstart": "e2e/test_demo.py runs what it starts; tests/runner/build.py, the release build",
    "tests/run": "whoever runs this",
    "cc -std=c99 plugin.c $(pkg-config": "e2e/test_install.py",
}
EXEC = "docker compose -f deploy/compose.yaml exec relay "


def test_every_command_is_accounted_for():
    assert len(COMMANDS) > 15
    for line in COMMANDS:
        assert line.startswith(("syncshell-relay", EXEC + "syncshell-relay", *ELSEWHERE)), line
    for beginning in ELSEWHERE:
        assert any(line.startswith(beginning) for line in COMMANDS), f"{beginning} is told nowhere"


def code_lines(file):
    """What stands in fences, and what is indented by four."""
    fenced = False
    for line in file.read_text().splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or line.startswith("    "):
            yield line.strip()


def test_every_command_of_the_other_readmes_is_accounted_for():
    tracked = subprocess.run(["git", "ls-files", "*README.md", "*CONTRIBUTING.md"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    files = [REPOSITORY / name for name in tracked.split() if name != "deploy/README.md"]
    lines = {line for file in files for line in code_lines(file) if line.startswith(PROGRAMS)}
    assert len(lines) >= 4
    for line in lines:
        assert line.startswith(tuple(IN_READMES)), line
    for beginning in IN_READMES:
        assert any(line.startswith(beginning) for line in lines), f"{beginning} is told nowhere"
    for source in {*ELSEWHERE.values(), *IN_READMES.values()}:
        for name in re.findall(r"(?:e2e/)?test_\w+\.py", source):
            assert (REPOSITORY / "tests" / (name if "/" in name else f"deploy/{name}")).is_file(), name


def test_the_settings_of_the_first_page_are_valid(place):
    """Behind a proxy, and with a TURN server."""
    blocks = re.findall(r"(?:^    .*\n)+", (REPOSITORY / "README.md").read_text(), re.MULTILINE)
    tables = [textwrap.dedent(block) for block in blocks if block.lstrip().startswith("[")]
    assert len(tables) == 2
    file = place.folder / "relay.toml"
    file.write_text(place.here("".join(tables)))
    assert relay_command("--config", file, "--check-config").stdout.startswith("The configuration is valid.\n")


def test_the_manual_s_examples_do_what_they_say(world, tmp_path):
    """In their order, in one folder, with a relay that runs where the backup is made."""
    examples = (REPOSITORY / "relay/man/syncshell-relay.1").read_text().split(".SH EXAMPLES\n")[1].split(".SH ")[0]
    commands = [line[3:].replace("\\-", "-") for line in examples.splitlines() if line.startswith(".B ")]
    assert commands[0] == "syncshell-relay" and len(commands) == 5  # the first is what every test starts
    folder = tmp_path / "examples"
    folder.mkdir()
    for line in commands[1:]:
        command = line.replace("syncshell-relay", shlex.quote(RELAY), 1)
        done = subprocess.run(["sh", "-ec", command], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False,
                              env={**INHERITED, "SYNCSHELL_RELAY_STORE_PATH": str(world.relay.database)})
        assert done.returncode == 0, (line, done)
    assert {file.name for file in folder.iterdir()} == {"relay.toml", "ann.key", "relay-monday.db"}
    assert (folder / "ann.key").read_text().startswith("syncshell-key.")


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
        assert relay_command("--config", file, "--check-config").stdout.startswith("The configuration is valid.\n")
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
