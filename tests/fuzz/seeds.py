#!/usr/bin/python3
"""Seeds and dictionary of the fuzzers, made from the examples and schemas of schema/wire.

    tests/fuzz/seeds.py frame|body|invite|forwarded FOLDER

fills FOLDER with the fuzzer's seeds.
"""

import json
import pathlib
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


SEEDS = {"frame": frame_seeds, "body": body_seeds, "invite": invite_seeds, "forwarded": forwarded_seeds}


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
