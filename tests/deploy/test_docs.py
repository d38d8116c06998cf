"""What the documentation tells the reader to type and to write, done."""

import os
import re
import subprocess
import tomllib

import guide
import pytest
from guide import COMMANDS, ELSEWHERE, README, REPOSITORY
from support.certificate import Certificate
from support.command import relay_command
from support.process import INHERITED, RELAY, SYNCSHELL, Relay
from support.wait import LIMIT_S
from test_recovery import begin

# The other READMEs: each line of a block, and each piece of code in a sentence that is a program with arguments.
PROGRAMS = re.compile(r"(sudo )?((deploy|tests)/|(apt|apt-get|caddy|cc|cd|curl|docker|git|install|journalctl|make|man|meson|ninja|npm|openssl|pytest|"
                      r"python3|sh|ssh|syncshell|syncshell-relay|syncshell-sync|systemctl|wget) )")
IN_READMES = {
    "deploy/quickstart": "e2e/test_demo.py runs what it starts; tests/runner/build.py, the release build",
    "deploy/quickstart --build-only": "the same",
    "deploy/quickstart --build-only && meson install -C build/release && ldconfig": "e2e/test_install.py installs; test_machine.py",
    "apt install ./syncshell-relay_*.deb": "test_package.py, by dpkg",
    "tests/run": "whoever runs this",
    "cc -std=c99 plugin.c $(pkg-config --cflags --libs syncshell)": "e2e/test_install.py",
    "cc -std=c99 plugin.c $(pkg-config --cflags syncshell) -l:libsyncshell.a -ljansson -lsqlite3 -lssl -lcrypto -pthread": "e2e/test_install.py",
    "meson install": "test_service.py",
    "deploy/run --long": "tests/deploy/run, named below tests/",
    "syncshell-relay --check-config": "test_docs.py",
    "syncshell-relay --print-example": "test_docs.py, as an example of the manual",
    "syncshell create --relay wss://relay.example --access-key-file FILE": "e2e/test_access_keys.py",
    "syncshell create": "e2e/test_peers.py", "syncshell join": "e2e/test_peers.py", "syncshell peer": "e2e/test_recovery.py",
    "man syncshell-relay.toml": "test_service.py sees that it is installed",
    "docker compose": "Docker's own",
    "ssh -L 8788:127.0.0.1:8788 relay.example": "ssh's own",
    "tests/run --only e2e -k test": "whoever runs this",
    "tests/run --help": "whoever runs this", "tests/bench/run --help": "whoever runs this",
}
# What blocks hold that is no command, by their language, and who reads it. Without one: what is signed, in schema/README.md.
OTHER_LANGUAGES = {"c": "e2e/test_guide.py", "csharp": "e2e/test_guide.py", "mermaid": "nobody", "toml": "test_docs.py", "caddy": "test_docs.py",
                   "nginx": "e2e/test_nginx.py"}
NO_COMMAND = ("syncshell.v1 ", "scrypt(P = passphrase")


def code(text):
    """Lines of commands, and code inside of sentences."""
    fences = re.findall(r"^```(.*)\n", text, re.MULTILINE)[::2]
    assert set(fences) <= {"sh", *OTHER_LANGUAGES}, fences
    yield from (line for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) for line in block.splitlines())
    rest = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    indented = [line.strip() for line in re.findall(r"^(?:    |\t)(.*)$", rest, re.MULTILINE)]
    yield from (line for line in indented if not line.startswith(NO_COMMAND))
    yield from (piece for piece in re.findall(r"`([^`\n]+)`", rest) if PROGRAMS.match(piece) and " " in piece)


def worst_case(*arguments):
    """What --check-config says of the memory, in MiB: all, then each part."""
    printed = relay_command("--check-config", *arguments).stdout
    return [int(n) for n in re.findall(r"(\d+) MiB", printed)]


def test_the_memory_at_worst_is_what_is_printed(tmp_path):
    total, connections, handshakes, held, *_ = worst_case()
    files = Certificate(tmp_path)
    tls = ("--set", f"listen.tls_certificate={files.certificate}", "--set", f"listen.tls_key={files.key}")
    more = worst_case(*tls)[0] - total
    guide_text = " ".join((REPOSITORY / "deploy/README.md").read_text().split())
    assert (f"{total} MiB by default, of which {connections} are 10,000 connections, {handshakes} as many that are still shaking hands, "
            f"{held} whatever") in guide_text
    assert f"TLS itself costs {more} MiB more" in guide_text
    architecture = " ".join((REPOSITORY / "relay/ARCHITECTURE.md").read_text().split())
    assert f"{total} MiB by default, and TLS of our own adds {more}." in architecture
    assert worst_case(*tls, "--set", "limits.connections_max=4000")[0] < 1000


def test_every_command_is_accounted_for():
    """A line of the guide is run by this file or, without Docker, by test_machine.py, unless it stands in a list, word for word; and what is
    in the list stands in the guide."""
    for line in COMMANDS:
        assert line in ELSEWHERE or line in guide.for_the_service() or guide.inside(line) or relay_goes(line), line
    assert set(ELSEWHERE) <= set(COMMANDS)
    tracked = subprocess.run(["git", "ls-files", "*.md"], cwd=REPOSITORY, capture_output=True, text=True, check=True).stdout
    texts = {name: (REPOSITORY / name).read_text() for name in tracked.split()}
    assert {"README.md", "deploy/README.md", "shared/README.md", ".github/CONTRIBUTING.md"} <= set(texts)
    found = {line for name, text in texts.items() for line in code(text) if name != "deploy/README.md" or line not in COMMANDS}
    assert found == set(IN_READMES), found ^ set(IN_READMES)
    for source in {*ELSEWHERE.values(), *IN_READMES.values(), *OTHER_LANGUAGES.values()}:
        for name in re.findall(r"(?:e2e/)?test_\w+\.py", source):
            assert (REPOSITORY / "tests" / (name if "/" in name else f"deploy/{name}")).is_file(), name


@pytest.mark.parametrize("form", ["```sh\n{}\n```\n", "```\n{}\n```\n", "```bash\n{}\n```\n", "    {}\n", "\t{}\n", "- item\n\n      {}\n",
                                  "Do `{}` now.\n"])
def test_no_command_hides(form):
    """From the test above, in whatever form it is written: it is found, or its block is refused."""
    command = "git push --force"
    try:
        assert command in list(code(form.format(command)))
    except AssertionError:
        assert re.match("```(bash)?\n", form)


def manual(name):
    """The commands of its examples; what stands there after a comment or a prompt is none."""
    [file] = REPOSITORY.glob(f"*/man/{name}")
    examples = file.read_text().split(".SH EXAMPLES\n")[1].split(".SH ")[0]
    assert set(re.findall(r"^\.(\w+)", examples, re.MULTILINE)) <= {"TP", "B"}, "in another form than this reads"
    return [line[3:].replace("\\-", "-") for line in examples.splitlines() if line.startswith(".B ")]


def typed(command, folder, **env):
    """As in a shell in that folder, by the programs of this build; what it printed."""
    done = subprocess.run(["sh", "-ec", command], cwd=folder, capture_output=True, text=True, timeout=LIMIT_S, check=False,
                          env={**INHERITED, "PATH": f"{folder.parent}/bin:{os.environ['PATH']}", **env})
    assert done.returncode == 0, (command, done)
    return done.stdout


@pytest.fixture
def folder(tmp_path):
    """Where somebody sits who has the programs installed."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/syncshell-relay").symlink_to(RELAY)
    (tmp_path / "bin/syncshell").symlink_to(SYNCSHELL)
    (tmp_path / "here").mkdir()
    return tmp_path / "here"


def test_the_manual_s_examples_do_what_they_say(world, folder):
    """In their order, in one folder, with a relay that runs where the backup is made."""
    commands = manual("syncshell-relay.1")
    assert commands[0] == "syncshell-relay" and len(commands) == 5  # the first is what every test starts
    for line in commands[1:]:
        typed(line, folder, SYNCSHELL_RELAY_STORE_PATH=str(world.relay.database))
    assert {file.name for file in folder.iterdir()} == {"relay.toml", "ann.key", "relay-monday.db"}
    assert (folder / "ann.key").read_text().startswith("syncshell-key.")


def test_a_member_s_examples_do_what_they_say(world, folder):
    """In their order: Ann at her device creates and invites, Bob at his joins, and sees both."""
    create, join, members = manual("syncshell.1")
    ann, bob = ({"XDG_STATE_HOME": str(folder / who)} for who in ("ann", "bob"))
    for who in ("ann", "bob"):
        (folder / who).mkdir()
    assert create.count("wss://relay.example.org") == 1 and join.count("syncshell1.eyJy...") == 1
    invite = typed(create.replace("wss://relay.example.org", world.url), folder, **ann).strip()
    assert invite.startswith("syncshell1.eyJy")
    typed(join.replace("syncshell1.eyJy...", invite), folder, **bob)
    assert typed(members, folder, **bob).count("ed25519:") == 2


def test_the_manual_s_settings_are_valid(place):
    """Each of its files alone, and the tables for STUN and TURN with the first of them."""
    text = (REPOSITORY / "relay/man/syncshell-relay.toml.5").read_text()
    blocks = [block.replace("\\-", "-").replace(".PP\n", "\n") for block in re.findall(r"^\.(?:nf|EX)\n(.*?)^\.(?:fi|EE)$", text, re.MULTILINE | re.DOTALL)]
    ice, *files = [block for block in blocks if block.startswith("[")]
    assert len(files) == 2 and ice.startswith("[[ice.server]]")
    file = place.folder / "relay.toml"
    for settings in (*files, files[1] + ice):
        file.write_text(place.here(settings))
        assert relay_command("--config", file, "--check-config").stdout.startswith("The configuration is valid.\n")


def relay_goes(line):
    return line.startswith("syncshell-relay ")


class Place:
    """The folders that the guide names, below a test's own."""

    def __init__(self, folder):
        self.folder = folder
        for path in ("etc/syncshell-relay", "etc/ssl/relay.example", "var/lib/syncshell-relay", "var/backups", "data"):
            (folder / path).mkdir(parents=True)
        Certificate(folder)
        chain, key = (folder / "relay.pem").read_text(), (folder / "relay.key").read_text()
        for name, text in (("syncshell-relay/fullchain.pem", chain), ("syncshell-relay/privkey.pem", key), ("ssl/relay.example/chain.pem", chain),
                           ("ssl/relay.example/key.pem", key), ("syncshell-relay/turn.secret", "a-secret-between-two-servers\n"),
                           ("syncshell-relay/admin.token", "0123456789abcdef0123\n")):
            file = folder / "etc" / name
            file.touch(mode=0o600)
            file.write_text(text)

    def here(self, text):
        return re.sub(r"(?<![\w./-])/(etc/syncshell-relay|etc/ssl|var/lib/syncshell-relay|var/backups|data/)", rf"{self.folder}/\1", text)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


@pytest.fixture
def configuration(place):
    """The guide's relay.toml with what it says can be added, on a free port of the loopback."""
    base, own_tls, *rest = [place.here(text) for text in guide.texts("toml")]
    assert "tls_certificate" in own_tls and len(rest) == 2
    file = place.folder / "etc/syncshell-relay/relay.toml"
    for text in (base, own_tls + base, base + "".join(rest)):
        tomllib.loads(text)
        file.write_text(text)
        assert relay_command("--config", file, "--check-config").stdout.startswith("The configuration is valid.\n")
    return file


def test_the_commands_do_what_the_guide_says(place, configuration, world, folder):
    """In their order, on a relay with a session; what needs it stopped finds it stopped. `doctor`: test_doctor.py, test_machine.py."""
    assert world.relay.stop() == 0
    relay = Relay(place.folder / "var/lib/syncshell-relay", config=configuration, admin_port=0)
    relay.settings["store_path"] = relay.database
    world.relay = relay
    relay.settings["public_urls"] = ""
    relay.settings["create_policy"] = "open"
    world.start_relay()
    _, _, session = begin(world)
    export = place.here(next(line for line in COMMANDS if line.startswith("export ")))
    settings = dict([export.removeprefix("export ").split("=")])
    in_container = {"SYNCSHELL_RELAY_STORE_PATH": str(relay.database)}  # there the environment has the settings
    done = []
    for line in COMMANDS:
        if line in ("systemctl stop syncshell-relay", f"{guide.COMPOSE}stop relay"):
            assert world.relay.stop() == 0
            for kept in relay.database.parent.glob("relay.db.before-*"):
                kept.unlink()  # two restores within a second want the same name
        elif line in ("systemctl start syncshell-relay", f"{guide.COMPOSE}start relay"):
            world.start_relay()
        command = guide.inside(line) or (line if relay_goes(line) else None)
        if command and not command.endswith(" doctor"):
            typed(place.here(command).replace("5f3a9c1e", session[:8]), folder, **(in_container if guide.inside(line) else settings))
            done.append(line)
    assert len(done) >= 12
    assert (folder / "monday.db").read_bytes() == (place.folder / "data/monday.db").read_bytes()
    assert len(list(relay.database.parent.glob("relay.db.before-*"))) == 1


def test_the_proxy_of_the_guide_is_one(tmp_path):
    """Caddy's lines, in its own judgement; nginx's: e2e/test_nginx.py."""
    [text] = guide.texts("caddy")
    (tmp_path / "Caddyfile").write_text(text)
    done = subprocess.run(["caddy", "validate", "--adapter", "caddyfile", "--config", tmp_path / "Caddyfile"], capture_output=True, text=True,
                          timeout=LIMIT_S, check=False, env={**os.environ, "HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path)})
    assert done.returncode == 0, done


def test_the_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if target.startswith("#"):
            heading = target[1:].replace("-", " ")
            assert re.search(rf"^#+ {heading}$", README, re.MULTILINE | re.IGNORECASE), target
    for path in set(re.findall(r"`((?:deploy|tests)/[a-z./-]+)`", README)) - {"deploy/.env"}:
        assert (REPOSITORY / path).exists(), path
