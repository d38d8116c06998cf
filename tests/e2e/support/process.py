"""Real processes: the relay and command-line peers, started, watched, killed by their own process id."""

import json
import os
import re
import signal
import subprocess
import threading
from pathlib import Path

from .wait import LIMIT_S, Log

BUILD = Path(os.environ.get("SYNCSHELL_BUILD_DIR", Path(__file__).resolve().parents[3] / "build" / "tests"))
RELAY = os.environ.get("SYNCSHELL_RELAY_BIN", str(BUILD / "relay" / "app" / "syncshell-relay"))
SYNCSHELL = os.environ.get("SYNCSHELL_BIN", str(BUILD / "shared" / "cli" / "syncshell"))

# The relay refuses variables of its own prefix that it does not know, such as those that name the programs under test.
INHERITED = {k: v for k, v in os.environ.items() if not k.startswith("SYNCSHELL_")}

RELAY_PORT = 8787  # on a host of its own, nobody else can have it
LISTENING = re.compile(r"event=listening\b.*?\burl=\"?(wss?)://(\[[^\]]+\]|[^\s\":]+):(\d+)")


def reader(stream, take, end):
    def run():
        for line in stream:
            if line.endswith("\n"):  # a kill may cut the last one short
                take(line.rstrip("\n"))
        end()
    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


def runtimes_of(library):
    """The sanitizers' libraries, if this one was built with them: they must be loaded before the program is."""
    listed = subprocess.run(["ldd", library], capture_output=True, text=True, check=True).stdout
    return [line.split()[2] for line in listed.splitlines() if line.strip().startswith(("libasan", "libubsan"))]


class Process:
    """A child with its output in logs. `errors` keeps stderr: a sanitizer's report there fails the test."""

    def __init__(self, arguments, name, env=None):
        self.name = name
        self.output = Log(name)
        self.errors = []
        self.listening = Log(f"{name} stderr")
        self.child = subprocess.Popen(
            arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, bufsize=1,
            env={**INHERITED, **(env or {})},
        )
        self.threads = [
            reader(self.child.stdout, self.take_output, self.end_output),
            reader(self.child.stderr, self.take_error, self.listening.end),
        ]

    def take_output(self, line):
        self.output.append({"line": line})

    def end_output(self):
        self.output.end()

    def take_error(self, line):
        self.errors.append(line)
        self.listening.append({"line": line})

    def kill(self):
        """SIGKILL, and everything that it had written is read."""
        self.child.send_signal(signal.SIGKILL)
        return self.wait()

    def wait(self):
        status = self.child.wait(LIMIT_S)
        for thread in self.threads:
            thread.join(LIMIT_S)
        return status

    def stop(self, signal_number=signal.SIGTERM):
        if self.child.poll() is None:
            self.child.send_signal(signal_number)
        return self.wait()

    def sanitizer_report(self):
        marks = ("ERROR: AddressSanitizer", "runtime error:", "ERROR: LeakSanitizer", "WARNING: ThreadSanitizer")
        if any(mark in line for line in self.errors for mark in marks):
            return "\n".join(self.errors)
        return None


class Relay:
    """A relay with its data folder. The first start takes any port; later starts take the same one. On a `host` of a test
    network it listens there, which takes TLS. `ice` is the text of [[ice.server]] tables; what they name as `secret` is put into
    a file, and the file's name in its place."""

    def __init__(self, folder, tls=None, host=None, ice=None, **settings):
        self.folder = folder
        self.database = folder / "relay.db"
        self.tls = tls
        self.prefix = []
        self.name = "localhost"
        self.file = folder / "relay.toml"
        if ice is not None:
            self.set_ice(ice)
            settings["config"] = self.file
        self.settings = settings
        self.port = 0
        if host:
            self.prefix, self.name, self.port = host.prefix, host.address, RELAY_PORT
            self.settings = {"listen_address": host.address, "public_urls": self.url, "create_policy": "open", **settings}
        self.environment = {}
        self.process = None
        self.reports = []

    def set_ice(self, text):
        """For the next start, or SIGHUP; `ice` must have been given, if only as ""."""
        def to_file(found):
            file = self.folder / f"turn-{found.start()}.secret"
            file.touch(mode=0o600)
            file.write_text(found[1] + "\n")
            return f'secret_file = "{file}"'
        self.file.write_text(re.sub(r'^secret = "(.*)"$', to_file, text, flags=re.MULTILINE))

    def launch(self):
        """Does not wait until it listens."""
        env = {
            "SYNCSHELL_RELAY_LISTEN_ADDRESS": "127.0.0.1",
            "SYNCSHELL_RELAY_LISTEN_PORT": str(self.port),
            "SYNCSHELL_RELAY_STORE_PATH": str(self.database),
            "SYNCSHELL_RELAY_LOG_LEVEL": "debug",
            # A test may not get to run for longer than a stranger has.
            "SYNCSHELL_RELAY_TIMING_HANDSHAKE_TIMEOUT_MS": "60000",
            **{f"SYNCSHELL_RELAY_{key.upper()}": str(value) for key, value in self.settings.items()},
        }
        if self.tls:
            env["SYNCSHELL_RELAY_LISTEN_TLS_CERTIFICATE"] = str(self.tls.certificate)
            env["SYNCSHELL_RELAY_LISTEN_TLS_KEY"] = str(self.tls.key)
        self.process = Process([*self.prefix, RELAY], "relay", {**env, **self.environment})

    def start(self):
        self.launch()
        entry = self.process.listening.wait(where=lambda e: LISTENING.search(e["line"]))
        self.port = int(LISTENING.search(entry["line"]).group(3))
        return self

    @property
    def url(self):
        return f"{'wss' if self.tls else 'ws'}://{self.name}:{self.port}"

    def kill(self):
        self.process.kill()
        self.collect()

    def stop(self):
        if self.process is None:
            return None
        status = self.process.stop()
        self.collect()
        return status

    def collect(self):
        report = self.process.sanitizer_report()
        if report:
            self.reports.append(report)
        self.process = None


class Peer(Process):
    """`syncshell peer`: commands in, events out, one JSON object a line."""

    def __init__(self, state, url=None, ca=None, name=None, everybody=None, prefix=(), env=None):
        self.state = state
        self.everybody = everybody
        arguments = [*prefix, SYNCSHELL, "peer", "--state", str(state)]
        arguments += ["--relay", url] if url else []
        arguments += ["--ca", str(ca)] if ca else []
        self.tags = 0
        self.events = Log(name or state.name)
        super().__init__(arguments, name or state.name, env)
        self.peer_id = self.events.wait(event="started")["peerId"]

    def take_output(self, line):
        entry = json.loads(line)
        if self.everybody is not None:
            self.everybody.append({**entry, "who": self.name})
        self.events.append(entry)

    def end_output(self):
        super().end_output()
        self.events.end()

    def send(self, command, **fields):
        """Sends a command and waits until it is accepted; its ticket."""
        self.tags += 1
        tag = f"t{self.tags}"
        self.post(command, tag=tag, **fields)
        reply = self.events.wait(tag=tag)
        assert reply["event"] == "accepted", reply
        return reply["ticket"]

    def post(self, command, **fields):
        self.child.stdin.write(json.dumps({"command": command, **fields}) + "\n")
        self.child.stdin.flush()

    def event(self, event, since=0, **wanted):
        return self.events.wait(since=since, event=event, **wanted)


def syncshell(*arguments, check=True, prefix=(), text_in="", env=None):
    """Runs one `syncshell` command to its end; it reads `text_in`."""
    done = subprocess.run([*prefix, SYNCSHELL, *map(str, arguments)], capture_output=True, text=True, timeout=LIMIT_S,
                          input=text_in, env={**os.environ, **(env or {})})
    if check:
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done
