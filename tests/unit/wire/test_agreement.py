#!/usr/bin/python3
"""The decoder and the schemas refuse the same headers: every field of every valid example replaced by many values, and
taken out. The program `verdict` speaks for the decoder."""

import copy
import json
import subprocess
import sys
import unittest

from wire_schemas import MESSAGE_TYPES, WIRE, validator

VERDICT = sys.argv.pop(1)
KEY = "A" * 43
VALUES = [
    None, True, False, "", "x", "a b", "x" * 64, "x" * 65, "x" * 200, "x" * 201, "ü", "m\n", "\t", "[", "none",
    -1, 0, 1, 2**31, 2**32 - 1, 2**32, 2**53 - 1, 2**53, 2**63 - 1, -(2**63), 0.5, -1.5, 1e300,
    [], [1], {}, {"a": 1}, [{}], [[]], [None],
    KEY, KEY[:-1] + "B", KEY[:-1] + "Q", KEY + "A", "ed25519:" + KEY, "ed25519:" + KEY[:-1] + "C", "ED25519:" + KEY,
    "A" * 86, "A" * 85 + "Q", "A" * 85 + "C", "A" * 85 + "=",
    "ws://h", "wss://h:1", "ws://", "WS://h", "ws://h/", "ws://[::1]:1", "http://h", "ws://h\n",
    "online", "away", "left", "open", "closed", "completed", "failed", "cancelled", "sealed", "json", "Sealed",
    "SessionOpen", "SessionProgress", "SessionClose", "Hello", "bad_frame", "not_invented_yet", "Bad", "9a", "a" * 65,
]  # fmt: skip


def places(value, path=()):
    """Every path inside a JSON value, the value's own left out."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        yield path + (key,)
        yield from places(inner, path + (key,))


def holder(value, path):
    for key in path[:-1]:
        value = value[key]
    return value


def mutants(example):
    for path in places(example):
        without = copy.deepcopy(example)
        del holder(without, path)[path[-1]]
        yield without
        for value in VALUES:
            changed = copy.deepcopy(example)
            holder(changed, path)[path[-1]] = value
            yield changed


def depth(value):
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


def beyond_schema(header):
    """What the schemas leave to prose: nesting, two peers that must differ, how a snapshot's entries go with its body."""
    if depth(header) > 4:
        return True
    pairs = [("sourcePeerId", "targetPeerId"), ("joinerPeerId", "providerPeerId")]
    inner = [header.get("session")] + (header.get("sessions") if isinstance(header.get("sessions"), list) else [])
    for part in [header] + [part for part in inner if isinstance(part, dict)]:
        if any(a in part and part[a] == part.get(b) for a, b in pairs):
            return True
    return header.get("type") == "SessionSnapshot" and header.get("entries") != []


def valid_examples(name):
    for path in sorted((WIRE / "examples" / name).glob("valid-*.json")):
        yield json.loads(path.read_text(encoding="utf-8"))


def decoded(name, headers, separators):
    lines = "".join(json.dumps(header, separators=separators) + "\n" for header in headers)
    return subprocess.run([VERDICT, name], input=lines, capture_output=True, text=True, check=True).stdout.split()


class Agreement(unittest.TestCase):
    def test_every_type(self):
        total = 0
        for name in MESSAGE_TYPES:
            headers = [mutant for example in valid_examples(name) for mutant in mutants(example)]
            headers = [header for header in headers if not beyond_schema(header)]
            verdicts = decoded(name, headers, (", ", ": "))
            # Without spaces the decoder may take its short cut for plain headers.
            self.assertEqual(decoded(name, headers, (",", ":")), verdicts)
            self.assertEqual(len(verdicts), len(headers))
            checker = validator(f"{name}.schema.json")
            for header, verdict in zip(headers, verdicts):
                expected = "accept" if checker.is_valid(header) else "refuse"
                if verdict != expected:
                    self.fail(f"schema: {expected}, decoder: {verdict}: {json.dumps(header)}")
            self.assertIn("accept", verdicts, name)
            self.assertIn("refuse", verdicts, name)
            total += len(headers)
        self.assertGreater(total, 10000)


if __name__ == "__main__":
    unittest.main()
