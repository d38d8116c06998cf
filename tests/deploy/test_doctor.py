"""The doctor finds what is well and what is not, on real servers, and says what to do."""

import datetime
import http.server
import re
import signal
import socket
import subprocess
import threading

import pytest
from support.certificate import Certificate
from support.command import on_store, relay_command
from support.disk import SmallDisk
from support.network import Namespace
from support.port import free_port
from support.process import INHERITED, RELAY, Relay
from support.turn import TurnServer
from support.wait import LIMIT_S

SECRET = "a-secret-between-two-servers"
DISK_BYTES = 8 << 20


class Site:
    """A relay with TLS, and what it is told of a TURN server."""

    def __init__(self, folder, tls, turn_urls=(), secret=SECRET, url=None):
        self.folder, self.tls = folder, tls
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        (folder / "turn.secret").touch(mode=0o600)
        (folder / "turn.secret").write_text(f"{secret}\n")
        self.port = free_port()
        self.url = url or f"wss://localhost:{self.port}"
        self.file = folder / "relay.toml"
        ice = f"""
[[ice.server]]
urls = {list(turn_urls)}
secret_file = "{folder}/turn.secret"
"""
        self.file.write_text(f"""
[listen]
port = {self.port}
tls_certificate = "{tls.certificate}"
tls_key = "{tls.key}"
[public]
urls = ["{self.url}"]
[store]
path = "{self.data}/relay.db"
[create]
policy = "access-key"
{ice if turn_urls else ""}""")
        self.relay = Relay(self.data, config=self.file)
        self.relay.port = self.port

    def doctor(self, *more, authority=True, status=0, **options):
        known = ("--ca", self.tls.authority) if authority else ()
        return relay_command("--config", self.file, *more, *known, "doctor", status=status, **options).stdout

    def faults(self, *more, **options):
        """Pairs of what is found and what to do."""
        text = self.doctor(*more, status=1, **options)
        return re.findall(r"^FAULT  (.*)\n {7}(.*)$", text, re.MULTILINE)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory):
    """A certificate that is good for longer than a week."""
    return Certificate(tmp_path_factory.mktemp("lasting"), days=30)


@pytest.fixture
def turn(tmp_path, lasting):
    server = TurnServer(tmp_path, secret=SECRET, tls=lasting)
    yield server
    server.stop()


@pytest.fixture
def run():
    """Starts sites; whatever it started is ended."""
    sites = []

    def start(site):
        site.relay.start()
        sites.append(site)
        return site
    yield start
    for site in sites:
        assert site.relay.stop() in (0, None)
        assert not site.relay.reports


def test_all_is_well(tmp_path, lasting, turn, run):
    urls = [turn.url(), turn.url("tcp"), turn.url("tls"), f"stun:127.0.0.1:{turn.port}", f"stuns:localhost:{turn.tls_port}"]
    site = run(Site(tmp_path, lasting, urls))
    text = site.doctor()
    for line in (f"ok     The relay runs on {site.data}/relay.db and is ready.", *(f"ok     {url} gives an allocation." for url in urls[:3]),
                 *(f"ok     {url} answers." for url in urls[3:]), "All is well."):
        assert line in text.splitlines(), text
    assert re.search(r"^ok     The name localhost leads to .*127\.0\.0\.1", text, re.MULTILINE), text
    assert re.search(rf"^ok     The certificate of {site.url} is good for (29|30) more days\.$", text, re.MULTILINE), text
    assert re.search(rf"^ok     {site.url} leads to this relay; a recovery through it took \d+ ms\.$", text, re.MULTILINE), text
    assert "ok     The database's disk takes what is written, and has " in text
    assert len(turn.lines("REFRESH processed, success")) == 3, "an allocation was not given back"


def test_it_leaves_nothing_behind(tmp_path, lasting, run):
    site = run(Site(tmp_path, lasting))
    before = set(site.data.iterdir())
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    site.doctor(env={"TMPDIR": str(temporary)})
    assert set(site.data.iterdir()) == before and not list(temporary.iterdir())
    assert on_store(site.relay.database, "access-key", "list").stdout.count("\n") == 1, "its access key is still there"
    log = site.relay.process.listening
    for event in ("syncshell_created", "session_opened", "attempt_answered", "link_up", "session_closed", "syncshell_deleted"):
        log.wait(where=lambda e, event=event: f"event={event} " in e["line"])
    assert len([e for e in log.all() if "event=attempt_answered" in e["line"]]) == 2, "nothing was lost and found again"


class Gate:
    """A port before the relay's that passes everything on, until the relay says a word: that waits until open() is called."""

    def __init__(self, word):
        self.word = word
        self.reached, self.released = threading.Event(), threading.Event()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.relay_port = None
        self.sockets = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            relay = socket.create_connection(("127.0.0.1", self.relay_port))
            self.sockets += [client, relay]
            for source, sink, word in ((client, relay, None), (relay, client, self.word)):
                threading.Thread(target=self.pump, args=(source, sink, word), daemon=True).start()

    def pump(self, source, sink, word):
        try:
            while data := source.recv(65536):
                if word and word in data and not self.reached.is_set():
                    self.reached.set()
                    self.released.wait(LIMIT_S)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # one side is gone

    def close(self):
        self.released.set()
        for each in (self.listener, *self.sockets):
            each.close()


@pytest.mark.parametrize("word", ["Welcome", "SyncshellJoined", "SessionChanged", "ReconnectAnswer", "InboxDelivery"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_it_tidies_up_when_interrupted(tmp_path, word, number):
    """At each step: what it has made at the relay is gone, its key and folder too, and it ends by that signal."""
    gate = Gate(b'"type":"%s"' % word.encode())
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    (tmp_path / "data").mkdir()
    relay = Relay(tmp_path / "data", public_urls=f"ws://localhost:{gate.port}", create_policy="access-key")
    relay.start()
    log = relay.process.listening
    gate.relay_port = relay.port
    doctor = subprocess.Popen([RELAY, "--set", f"store.path={relay.database}", "--set", f"public.urls=ws://localhost:{gate.port}",
                               "--set", "create.policy=access-key", "doctor"], stdout=subprocess.PIPE, text=True,
                              env={**INHERITED, "TMPDIR": str(temporary)})
    try:
        assert gate.reached.wait(LIMIT_S)
        assert list(temporary.iterdir())
        doctor.send_signal(number)
        gate.released.set()
        said = doctor.communicate(timeout=LIMIT_S)[0]
        assert doctor.returncode == -number and "FAULT" not in said and "note   Interrupted" in said, said
        assert on_store(relay.database, "access-key", "list").stdout.count("\n") == 1, "its access key is still there"
        assert not list(temporary.iterdir())
    finally:
        doctor.kill()
        doctor.communicate()
        gate.close()
        assert relay.stop() == 0 and not relay.reports
    made, ended = (sum(f"event=syncshell_{what} " in e["line"] for e in log.all()) for what in ("created", "deleted"))
    assert made == ended and (made == 1 or word == "Welcome")


def test_what_its_starter_ignores_interrupts_nothing(tmp_path):
    """The examination of a doctor that nohup started goes on when the terminal's SIGHUP comes."""
    gate = Gate(b'"type":"SyncshellJoined"')
    (tmp_path / "data").mkdir()
    relay = Relay(tmp_path / "data", public_urls=f"ws://localhost:{gate.port}").start()
    gate.relay_port = relay.port
    doctor = subprocess.Popen(["nohup", RELAY, "--set", f"store.path={relay.database}", "--set", f"public.urls=ws://localhost:{gate.port}",
                               "doctor"], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, env=INHERITED)
    try:
        assert gate.reached.wait(LIMIT_S)
        doctor.send_signal(signal.SIGHUP)
        gate.released.set()
        said = doctor.communicate(timeout=LIMIT_S)[0]
        assert doctor.returncode == 0 and "Interrupted" not in said, said
        assert "a recovery through it took" in said, said
    finally:
        doctor.kill()
        doctor.communicate()
        gate.close()
        assert relay.stop() == 0 and not relay.reports


def test_what_is_left_of_a_killed_one_is_in_nobody_s_way(tmp_path):
    """SIGKILL lets nobody tidy up. No member of it is there, its key is good for minutes, and what it stored expires as any other's does;
    the next examination works beside it."""
    (tmp_path / "data").mkdir()
    relay = Relay(tmp_path / "data", create_policy="access-key", timing_session_ttl_hours=1, timing_syncshell_ttl_days=1)
    for word in (b'"type":"ReconnectAnswer"', b"never said"):
        gate = Gate(word)
        relay.settings["public_urls"] = f"ws://localhost:{gate.port}"
        relay.start()
        gate.relay_port = relay.port
        try:
            arguments = ["--set", f"public.urls=ws://localhost:{gate.port}", "--set", "create.policy=access-key", "doctor"]
            if word == b"never said":
                assert "All is well." in on_store(relay.database, *arguments).stdout
                break
            doctor = subprocess.Popen([RELAY, "--set", f"store.path={relay.database}", *arguments], stdout=subprocess.DEVNULL,
                                      env={**INHERITED, "TMPDIR": str(tmp_path)})
            assert gate.reached.wait(LIMIT_S)
            doctor.kill()
            doctor.wait()
        finally:
            gate.close()
            assert relay.stop() == 0 and not relay.reports
        [_, key] = on_store(relay.database, "access-key", "list").stdout.splitlines()
        made, expires = (datetime.datetime.fromisoformat(word.replace("Z", "+00:00")) for word in (key.split("\t")[1], key.split("\t")[3]))
        assert key.endswith("\tdoctor") and expires - made <= datetime.timedelta(minutes=10)


def test_a_relay_for_this_machine_alone(tmp_path):
    relay = Relay(tmp_path, listen_port=free_port())
    relay.start()
    more = ("--set", f"listen.port={relay.port}")
    text = on_store(relay.database, *more, "doctor").stdout
    assert f"ok     ws://127.0.0.1:{relay.port} leads to this relay" in text and "All is well." in text
    assert "note   Nobody may create" in on_store(relay.database, *more, "--set", "create.policy=nobody", "doctor").stdout
    assert relay.stop() == 0 and not relay.reports


@pytest.mark.parametrize("kind, sentence, advice", [
    ({"days": -1}, "certificate has expired", "Renew it"),
    ({"name": "other.example"}, "hostname mismatch", "Get a certificate for the name"),
    ({"days": 2}, "more days only", "Renew it"),
], ids=["expired", "another name's", "soon expired"])
def test_a_certificate_is_found(tmp_path, run, kind, sentence, advice):
    site = run(Site(tmp_path, Certificate(tmp_path, **kind)))
    [(found, told)] = site.faults()
    assert sentence in found and told.startswith(advice), (found, told)


def test_an_unknown_authority_is_found(tmp_path, lasting, run):
    site = run(Site(tmp_path, lasting))
    [(found, told)] = site.faults(authority=False)
    assert "has a certificate that clients refuse: " in found and "fullchain.pem" in told


def test_no_relay_is_found(tmp_path, lasting):
    site = Site(tmp_path, lasting)
    relay, url = site.faults()
    assert relay == (f"No relay answers on {site.data}/relay.db.", "Start it with the same settings that doctor has.")
    assert url[0] == f"{site.url} cannot be reached from here: Connection refused." and "open the port" in url[1]


def test_a_name_that_leads_nowhere_is_found(tmp_path, lasting, run):
    site = run(Site(tmp_path, lasting, url="wss://relay.invalid"))
    [(found, told)] = site.faults()
    assert found.startswith("The name relay.invalid leads nowhere: ") and "A record" in told


def test_a_proxy_that_does_not_pass_it_on_is_found(tmp_path, lasting, run):
    class Page(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_error(404)

        def log_message(self, *_):
            pass
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Page)
    server.socket = lasting.server_context().wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        site = run(Site(tmp_path, lasting, url=f"wss://localhost:{server.server_port}"))
        [(found, told)] = site.faults()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    assert found == f"{site.url} does not lead to a relay." and "pass WebSocket on" in told


def test_another_relay_behind_the_name_is_found(tmp_path, lasting, run):
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    other = run(Site(folders[0], lasting))
    site = run(Site(folders[1], lasting, url=other.url))
    [(found, told)] = site.faults()
    assert "failed at creating a syncshell" in found and told.startswith("The name leads to another relay"), (found, told)
    more = ("--set", "create.policy=open")
    other.relay.stop()
    other.relay.settings["create_policy"] = "open"
    run(other)
    [(found, told)] = site.faults(*more)
    assert "failed at looking for what was stored" in found and told.startswith("The name leads to another relay"), (found, told)


def test_a_wrong_turn_secret_is_found(tmp_path, lasting, turn, run):
    urls = [turn.url(), turn.url("tcp"), turn.url("tls")]
    site = run(Site(tmp_path, lasting, urls, secret="another-secret-altogether"))
    told = "Compare the secret and the clock of the relay and of the TURN server."
    assert site.faults() == [(f"{url} refuses the credentials (401).", told) for url in urls]


@pytest.fixture
def public():
    """A host whose only address is a public one."""
    host = Namespace()
    host.address = "203.0.113.7"
    host.run(f"ip addr add {host.address}/32 dev lo")
    yield host
    host.close()


@pytest.mark.parametrize("external", ["10.1.2.3", "", None], ids=["a private address", "none", "its own"])
def test_a_turn_server_that_does_not_know_its_address_is_found(tmp_path, lasting, run, public, external):
    """As in a cloud, whose machines have others than what they are reached at."""
    turn = TurnServer(tmp_path, secret=SECRET, host=public, more=[] if external is None else [f"--external-ip={external}"])
    try:
        site = Site(tmp_path, lasting, [turn.url()])
        site.relay.prefix = public.prefix
        run(site)
        if external is None:
            assert f"ok     {turn.url()} gives an allocation.\n" in site.doctor(prefix=public.prefix)
        else:
            [(found, told)] = site.faults(prefix=public.prefix)
            assert found == f"{turn.url()} gives an allocation at {external or '0.0.0.0'}, where members do not reach it."
            assert "external-ip" in told and "TURN_EXTERNAL_IP" in told
    finally:
        turn.stop()


def test_a_turn_server_s_certificate_is_found(tmp_path, lasting, run):
    turn = TurnServer(tmp_path, secret=SECRET, tls=Certificate(tmp_path, days=30))
    try:
        [(found, told)] = run(Site(tmp_path, lasting, [turn.url("tls")])).faults()
    finally:
        turn.stop()
    assert "has a certificate that clients refuse: " in found and "Give the TURN server a certificate" in told


def test_no_turn_server_is_found(tmp_path, lasting, run):
    port = free_port()
    urls = [f"turn:127.0.0.1:{port}?transport=udp", f"turn:127.0.0.1:{port}?transport=tcp", f"turns:localhost:{port}",
            f"turn:turn.invalid:{port}"]
    faults = run(Site(tmp_path, lasting, urls)).faults()
    assert [found.split()[0] for found, _ in faults] == urls
    assert {told for _, told in faults[:3]} == {"Check that it runs, and that its ports are open."}
    assert "leads nowhere" in faults[3][0] and "ice.server.urls" in faults[3][1]


def test_what_it_does_not_speak_it_says(tmp_path, lasting, run):
    url = "turns:localhost:5349?transport=udp"
    text = run(Site(tmp_path, lasting, [url])).doctor()
    assert f"note   {url} was not tried: doctor does not speak DTLS.\n" in text


@pytest.fixture
def disk(tmp_path):
    disk = SmallDisk(tmp_path / "data", DISK_BYTES)
    yield disk
    disk.close()


def test_a_full_disk_is_found(tmp_path, lasting, run, disk):
    site = Site(tmp_path, lasting)
    site.relay.prefix = disk.prefix
    run(site)
    disk.fill()
    faults = site.faults(prefix=disk.prefix)
    disk.make_room()
    assert faults[-1][0] == f"Beside {site.data}/relay.db nothing can be written: No space left on device."
    assert faults[-1][1].startswith("Make room")
    assert any("No access key can be made for a recovery: " in found for found, _ in faults), faults


def test_a_folder_that_cannot_be_written_to_is_found(tmp_path, lasting, disk):
    site = Site(tmp_path, lasting)
    disk.make_read_only()
    faults = site.faults(prefix=disk.prefix)
    assert faults[-1][0].endswith("nothing can be written: Read-only file system.") and "writable" in faults[-1][1]


def test_a_small_disk_is_found(tmp_path, lasting, run, disk):
    site = Site(tmp_path, lasting)
    site.relay.prefix = disk.prefix
    run(site)
    [(found, told)] = site.faults(prefix=disk.prefix)
    assert re.fullmatch(r"The database's disk has \d MB left\.", found) and told.startswith("Make room")
