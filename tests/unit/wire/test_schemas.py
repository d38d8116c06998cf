#!/usr/bin/python3
"""Schemas and examples of schema/wire: complete, well formed, and of one mind with each other and with the C tables."""

import json
import re
import unittest

from wire_schemas import CODES, MESSAGE_TYPES, ROOT, SCHEMAS, STORE, WIRE, Validator, cause_rows, code_rows, validator

BODIES = ["ReconnectOffer", "ReconnectAnswer", "IceCandidate", "RecoveryRequest", "RecoveryResponse", "SessionEntry"]
README = (ROOT / "schema" / "README.md").read_text(encoding="utf-8")


def examples(folder, prefix):
    return sorted((WIRE / folder).glob(f"{prefix}-*.json"))


def load(path):
    return json.loads(path.read_text(encoding="utf-8"))


class Schemas(unittest.TestCase):
    def test_every_schema_is_a_schema(self):
        for path, schema in SCHEMAS.items():
            with self.subTest(path):
                Validator.check_schema(schema)
                self.assertTrue(schema["$id"].endswith("/" + path))
        self.assertEqual(len(STORE), len(SCHEMAS))

    def test_every_message_type_has_its_schema_and_no_other_exists(self):
        expected = {f"{name}.schema.json" for name in MESSAGE_TYPES}
        found = {path for path in SCHEMAS if "/" not in path}
        self.assertEqual(found - {"common.schema.json", "code.schema.json"}, expected)
        self.assertGreater(len(expected), 20)

    def test_codes_are_those_of_the_table(self):
        self.assertEqual(SCHEMAS["code.schema.json"]["enum"], CODES)
        self.assertEqual(len(CODES), len(set(CODES)))
        shape = SCHEMAS["common.schema.json"]["$defs"]["codeShape"]
        for code in CODES:
            self.assertTrue(Validator(shape).is_valid(code), code)

    def test_the_documentation_lists_the_codes(self):
        table = [[cell.strip(" `") for cell in line.split("|")[1:5]] for line in README.splitlines() if line[:3] == "| `"]
        rows = [[name, "yes" if retryable == "true" else "no", close.lstrip("0"), text]
                for name, retryable, close, text in code_rows()]  # fmt: skip
        self.assertEqual([row for row in table if row[0] in CODES], rows)
        self.assertEqual([row[0] for row in rows], CODES)

    def test_causes_are_those_of_the_table(self):
        listed = [(row["cause"], row["sentence"], row["advice"]) for row in load(ROOT / "schema" / "causes.json")]
        self.assertEqual(listed, cause_rows())
        self.assertGreater(len(listed), 20)
        shape = SCHEMAS["common.schema.json"]["$defs"]["cause"]
        for name, _, _ in listed:
            self.assertTrue(Validator(shape).is_valid(name), name)

    def test_the_code_has_no_other_cause(self):
        """An event's or message's cause comes from the table, from the wire, or from the application through the table."""
        allowed = {"cause_name(cause)", "s->cause.text", "cause->text", "cause", "cause.text", "ended->cause"}
        given, calls = [], []
        for path in sorted((ROOT / "shared" / "client").glob("*.c")):
            text = path.read_text(encoding="utf-8")
            given += re.findall(r"SYNCSHELL_FIELD_CAUSE,\s*(.+?)\);", text)
            calls += re.findall(r"session_closed\(s, s->ticket,[^;]*?,\s*([^,;]+?)\);", text)
        self.assertGreaterEqual(len(given), 3)
        self.assertLessEqual(set(given), allowed)
        self.assertGreaterEqual(len(calls), 3)
        for call in calls:
            self.assertRegex(call, r"cause\.text$|cause_name\(|^closing \? s->cause\.text : cause_name\(")

    def test_unknown_fields_are_allowed(self):
        for name in MESSAGE_TYPES:
            self.assertNotIn("additionalProperties", SCHEMAS[f"{name}.schema.json"], name)


class Examples(unittest.TestCase):
    def check_folder(self, folder, schema, least_invalid):
        checker = validator(schema)
        valid, invalid = examples(folder, "valid"), examples(folder, "invalid")
        self.assertGreaterEqual(len(valid), 1, folder)
        self.assertGreaterEqual(len(invalid), least_invalid, folder)
        for path in valid:
            with self.subTest(str(path)):
                checker.validate(load(path))
        for path in invalid:
            with self.subTest(str(path)):
                self.assertFalse(checker.is_valid(load(path)))

    def test_messages(self):
        for name in MESSAGE_TYPES:
            self.check_folder(f"examples/{name}", f"{name}.schema.json", 3)

    def test_messages_are_refused_for_the_field_in_the_name(self):
        for name in MESSAGE_TYPES:
            checker = validator(f"{name}.schema.json")
            for path in examples(f"examples/{name}", "invalid"):
                field = path.name.split("-")[1].split(".")[-1]
                errors = list(checker.iter_errors(load(path)))
                places = [str(part) for error in errors for part in error.absolute_path]
                told = any(f"'{field}'" in error.message for error in errors)
                with self.subTest(str(path)):
                    self.assertTrue(field in places or told, errors)

    def test_bodies(self):
        for name in BODIES:
            self.check_folder(f"body/examples/{name}", f"body/{name}.schema.json", 4)

    def test_invites(self):
        self.check_folder("invite/examples", "invite/invite.schema.json", 4)

    def test_no_folder_is_forgotten(self):
        folders = {path.name for path in (WIRE / "examples").iterdir()}
        self.assertEqual(folders, set(MESSAGE_TYPES) | {"frames"})
        folders = {path.name for path in (WIRE / "body" / "examples").iterdir()}
        self.assertEqual(folders, set(BODIES) | {"strict"})


if __name__ == "__main__":
    unittest.main()
