#!/usr/bin/python3
"""Seeds and dictionary of the fuzzers, made from the examples and schemas of schema/wire.

    tests/fuzz/seeds.py NAME FOLDER

fills FOLDER with the seeds of fuzz_NAME.
"""

import hashlib
import json
import pathlib
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
WIRE = ROOT / "schema" / "wire"
BODIES = ["ReconnectOffer", "ReconnectAnswer", "IceCandidate", "RecoveryRequest", "RecoveryResponse", "SessionEntry"]
TO_RELAY, BINARY = 1, 2


def frame_seeds():
    """The option byte of fuzz_frame.c, then the frame."""
    for path in sorted((WIRE / "examples" / "frames").iterdir()):
        option = (TO_RELAY if ".to-relay." in path.name else 0) | (BINARY if path.name.endswith(".binary") else 0)
        yield bytes([option]) + path.read_bytes()
    for path in sorted((WIRE / "examples").glob("*/*.json")):
        header = path.read_bytes().replace(b"\n", b"")
        body = path.with_suffix(".body")
        for direction in (0, TO_RELAY):
            yield bytes([direction]) + header
            yield bytes([direction | BINARY]) + header + b"\n" + (body.read_bytes() if body.exists() else b"{}")


def body_seeds():
    """The number of the codec in tests/unit/wire/bodies.c, then the body."""
    for number, name in enumerate(BODIES):
        paths = sorted((WIRE / "body" / "examples" / name).glob("*.json"))
        paths += sorted((WIRE / "body" / "examples" / "strict").glob(f"{name}-*.json"))
        for path in paths:
            yield bytes([number]) + path.read_bytes()


def invite_seeds():
    for path in sorted((WIRE / "invite" / "examples").glob("*.json")):
        yield path.read_bytes()


def forwarded_seeds():
    for text in ("192.0.2.1", "192.0.2.1:5678, 10.0.0.2", "[::1]:80", "::ffff:192.0.2.1", "x,, [fd00::1] , 10.0.0.0/8", ""):
        yield text.encode()


def stun_seeds():
    """Responses to fuzz_stun.c's transaction: a refusal with realm and nonce, and an allocation."""
    def message(kind, *attributes):
        body = b"".join(struct.pack(">HH", name, len(value)) + value + bytes(-len(value) % 4) for name, value in attributes)
        return struct.pack(">HHI", kind, len(body), 0x2112A442) + b"transaction\0" + body
    yield message(0x0113, (9, b"\0\0\4\1Unauthorized"), (0x14, b"relay.example"), (0x15, b"nonce"))
    yield message(0x0103, (0x16, b"\0\1" + bytes(6)), (8, bytes(20)))


SDP = """v=0
o=- 4611732 1 IN IP4 127.0.0.1
s=-
t=0 0
a=group:BUNDLE 0
a=extmap-allow-mixed
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
c=IN IP4 0.0.0.0
a=candidate:1 1 udp 2113937151 192.0.2.7 50000 typ host
a=ice-ufrag:7sFv
a=ice-pwd:asd88fgpdd777uzjYhagZg
a=ice-options:trickle
a=fingerprint:sha-256 4A:AD:B9:B1:3F:82:18:3B:54:02:12:DF:3E:5D:49:6B:19:E5:7C:AB:3A:85:1B:26:CB:6D:4C:A1:10:EE:F4:01
a=setup:actpass
a=mid:0
a=sctp-port:5000
a=max-message-size:262144
a=end-of-candidates
"""


def sdp_seeds():
    yield SDP.encode()
    yield SDP.replace("\n", "\r\n").encode()
    for line in SDP.splitlines():
        yield SDP.replace(line + "\n", "").encode()


def transfer_message(kind, content):
    """As fuzz_transfer.c takes it; the kinds in its order: begin, file, end, piece, interrupt."""
    return bytes([kind]) + len(content).to_bytes(2, "big") + content


def transfer_seeds():
    data = b"data"
    begin = transfer_message(0, b'{"type":"begin","request":"r","files":2,"bytes":8}')
    end = transfer_message(2, b'{"type":"end","index":0}')
    piece = transfer_message(3, bytes(12) + data)
    for path in ("a/b/c", "../x", "/x", "a", ".syncshell-sync/x", "a/../b", "con", "a\\u0000b"):
        details = {"type": "file", "index": 0, "path": path, "size": 4, "hash": hashlib.sha256(data).hexdigest()}
        file = transfer_message(1, json.dumps(details).encode())
        yield begin + file + piece + end
        yield begin + file + piece + transfer_message(4, b"") + begin + file + piece + end + begin + file


def recovery_code_seeds():
    for text in ("0000-0000-0000-00012", "oooo oooo oooo oooL2\n", "00000000000000013", "0000-0000", "uuuu"):
        yield text.encode()


CLIENTS, STEP_TEXT, STEP_BINARY = 4, 0, 1
EXAMPLES_PEERS = {"k": 0, "q": 1}  # who is who in the conversation


def conversation_step(client, step, content):
    return bytes([client + CLIENTS * step]) + len(content).to_bytes(2, "big") + content


def conversation_frames():
    """The valid examples of what a client may send, by type, with the peers of the conversation."""
    for path in sorted((WIRE / "examples").glob("*/valid*.json")):
        header = path.read_bytes().replace(b"\n", b"")
        for letter, number in EXAMPLES_PEERS.items():
            header = header.replace(f"ed25519:{letter * 42}A".encode(), f"ed25519:{'0' * 40}A{'AB'[number]}A".encode())
        body = path.with_suffix(".body")
        yield path.parent.name, header, body.read_bytes() if body.exists() else b"{}"


def conversation_seeds():
    said = {}
    for kind, header, body in conversation_frames():
        for client in range(CLIENTS):
            text = conversation_step(client, STEP_TEXT, header)
            binary = conversation_step(client, STEP_BINARY, header + b"\n" + body)
            said.setdefault(client, []).append(binary)
            yield text + binary + text
    others = [bytes([client + CLIENTS * step]) for step in range(2, 8) for client in range(CLIENTS)]
    for client, frames in said.items():
        for at in range(0, len(frames), 8):
            yield b"".join(frames[at:at + 8])
            yield b"".join(frame + other for frame, other in zip(frames[at:at + 8], others[at % 8:]))


def journal_seeds():
    """Records that fit together, by kind in the order of the engine: client, syncshell, session, file, manifest, request, ended."""
    other = "ed25519:PBPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPPA"
    session = {"v": 1, "syncshell": "y", "other": other, "joiner": True, "phase": 2, "outcome": 0, "version": 3, "generation": 2,
               "storedSeq": 1, "checkpoint": False}
    secret, file = "S" * 42 + "A", {"path": "a", "size": 10, "hash": "ab12", "algorithm": "sha256"}
    operation = {"type": "RemoveMember", "peer": other, "sequence": 1}
    records = [
        (0, "", {"v": 1, "relayUrl": "ws://localhost:1"}),
        (1, "y", {"v": 1, "secret": secret, "owner": other, "state": 3, "keyEpoch": 2, "storeEpoch": "e", "inboxCursor": 7,
                  "oldKeys": [{"secret": secret, "epoch": 1}], "operations": [operation]}),
        (1, "j", session),
        (0, "p", {**session, "joiner": False}),
        (1, "j/a", {"v": 1, "seq": 1, "restored": False, "file": file}),
        (1, "p", {"v": 1, "files": [file]}),
        (1, "p/1", {"v": 1, "requestId": "r1", "part": 1, "parts": 1, "files": [file]}),
        (1, "1", {"v": 1, "syncshell": "y", "session": "s", "other": other, "joiner": True, "generation": 1, "outcome": 1}),
        (0, "2", {"v": 1, "syncshell": "y", "code": "member_removed"}),
    ]
    taken = b""
    for kind, key, value in records:
        text = json.dumps(value).encode()
        taken += bytes([kind, len(key)]) + key.encode() + len(text).to_bytes(2, "big") + text
        yield taken


CONFIGURATIONS = (
    """[listen]\naddress = "0.0.0.0"\ntls_certificate = "/proc/self/fd/900"\ntls_key = "/proc/self/fd/900"
[public]\nurls = ["wss://relay.example", "wss://[::1]:8787"]\n[create]\npolicy = "access-key"\n""",
    """[proxy]\ntrusted = ["127.0.0.1", "10.0.0.0/8", "fd00::/8"]\n[public]\nurls = ["wss://relay.example"]\n[create]\npolicy = "open"
[admin]\naddress = "127.0.0.1"\ntoken_file = "/proc/self/fd/900"\n""",
    """[[ice.server]]\nurls = ["turn:turn.example:3478?transport=udp", "stun:[::1]"]\nsecret_file = "/proc/self/fd/900"\nttl_seconds = 60
[[ice.server]]\nurls = ["turns:turn.example"]\nusername = "u"\ncredential = 'p'\n""",
    """log.level = "debug"\n"timing".drain_ms = 0x10\nlimits = { members_max = 1_0, peer_bytes_max = 1048576 }\n""",
    """[lisen]\nport = 8787\n[listen]\nport = "8787"\nprot = -1\n[log]\nlevel = \"\"\"\nloud\"\"\"\nformat = 1.5\n[store]\n""",
)


def config_seeds():
    """As fuzz_config.c takes it: the file, and after record separators settings by --set and by the environment."""
    example = (ROOT / "config.example.toml").read_text(encoding="utf-8")
    values = "\n".join(line for line in example.splitlines() if line and not line.startswith("#"))
    texts = ("-listen.port=1", "-public.urls=ws://localhost,ws://[::1]", "-limits.members_max", "SYNCSHELL_RELAY_LISTEN_PORT=7",
             "SYNCSHELL_RELAY_PUBLIC_URLS=wss://a, wss://b", "SYNCSHELL_RELAY_LISTEN_PROT=7", "SYNCSHELL_RELAY_LOG_LEVEL=loud")
    yield values.encode()
    for section in values.split("\n["):
        yield ("[" + section.removeprefix("[") + "\n").encode()
    for configuration in CONFIGURATIONS:
        yield configuration.encode()
    for text in texts:
        yield b"\x1e" + text.encode()
    yield "\x1e".join([CONFIGURATIONS[0], *texts]).encode()


SEALED_ELSEWHERE = bytes.fromhex("6465666768696a6b6c6d6e6f2e7b3480a69bb48b216bc9c3cb30d38b01266adfd08fe56ec27a")


def sealed_seeds():
    """As fuzz_sealed.c takes it: options, the associated data with its size, the body. The first is that of test_crypto.c."""
    for associated, body in ((b"associated", SEALED_ELSEWHERE), (b"", SEALED_ELSEWHERE), (b"associated", b""), (b"", bytes(28)),
                             (b"", b"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8"), (b"", b"A" * 43), (b"", b"A" * 42)):
        for option in (0, 0x55, 0xff):
            yield bytes([option, len(associated)]) + associated + body
    for path in sorted((WIRE / "body" / "examples").rglob("*.json")):
        yield bytes([7, 0]) + path.read_bytes()


TOLD_SIGNALS = {"ReconnectOffer": 0, "ReconnectAnswer": 1, "IceCandidate": 2}
TOLD_DELIVERIES = {"RecoveryRequest": 0, "RecoveryResponse": 1}
SIGNAL, DELIVERY, UNSEALED, UNSEALED_DELIVERY, FRAME, ANSWER, RESTART, TIME = range(8)


def told_step(kind, number, content=b""):
    return bytes([kind, number]) + len(content).to_bytes(2, "big") + content


def told_seeds():
    """As fuzz_told.c takes it: the role, then steps."""
    said = []
    for name in (*TOLD_SIGNALS, *TOLD_DELIVERIES, "SessionEntry"):
        for path in sorted((WIRE / "body" / "examples" / name).glob("*.json")):
            body = path.read_bytes()
            if name in TOLD_SIGNALS:
                said.append(told_step(SIGNAL, 4 + TOLD_SIGNALS[name], body) + told_step(UNSEALED, 4 + TOLD_SIGNALS[name], body))
            elif name in TOLD_DELIVERIES:
                said.append(told_step(DELIVERY, TOLD_DELIVERIES[name], body)
                            + told_step(UNSEALED_DELIVERY, 2 + TOLD_DELIVERIES[name], body))
            else:
                said.extend(told_step(RESTART, 0) + told_step(ANSWER, 4) + told_step(ANSWER, how, body) for how in (0, 1, 2, 5, 9, 17))
    for role in (b"\0", b"\1"):
        for steps in said:
            yield role + steps + told_step(ANSWER, 0) + told_step(TIME, 40) + told_step(RESTART, 0)
        for path in sorted((WIRE / "examples").glob("*/valid*.json")):
            yield role + told_step(FRAME, 0, path.read_bytes().replace(b"\n", b""))


SEEDS = {
    "frame": frame_seeds, "body": body_seeds, "invite": invite_seeds, "forwarded": forwarded_seeds, "sdp": sdp_seeds,
    "transfer": transfer_seeds, "conversation": conversation_seeds, "journal": journal_seeds, "recovery_code": recovery_code_seeds,
    "stun": stun_seeds, "config": config_seeds, "sealed": sealed_seeds, "told": told_seeds,
}


def write_dictionary(path):
    """Keys and values of the schemas: words that a mutation hardly makes by chance."""
    words = set()

    def collect(value):
        if isinstance(value, dict):
            words.update(value.get("properties", {}))
            words.update(word for word in value.get("enum", []) if isinstance(word, str))
            if isinstance(value.get("const"), str):
                words.add(value["const"])
            for inner in value.values():
                collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    for schema in sorted(WIRE.rglob("*.schema.json")):
        collect(json.loads(schema.read_text(encoding="utf-8")))
    path.write_text("".join(f'"\\"{word}\\""\n' for word in sorted(words)), encoding="utf-8")


def write_seeds(name, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(SEEDS[name]()):
        (folder / f"{number:05}").write_bytes(seed)


if __name__ == "__main__":
    if len(sys.argv) != 3 or sys.argv[1] not in SEEDS:
        sys.exit(__doc__)
    write_seeds(sys.argv[1], pathlib.Path(sys.argv[2]))
