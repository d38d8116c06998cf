"""The schemas of schema/wire, loaded for offline use and read as strictly as the protocol means them."""

import json
import pathlib
import re

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[3]
WIRE = ROOT / "schema" / "wire"


def ecma_pattern(validator, pattern, instance, schema):
    """`$` is the end of the text, as in ECMA-262; Python's would let a line feed follow."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


def is_integer(checker, instance):
    """1.0 is no integer on this wire."""
    return isinstance(instance, int) and not isinstance(instance, bool)


Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator,
    validators={"pattern": ecma_pattern},
    type_checker=jsonschema.Draft202012Validator.TYPE_CHECKER.redefine("integer", is_integer),
)


def load_all():
    """Path relative to schema/wire -> schema."""
    return {
        str(path.relative_to(WIRE)): json.loads(path.read_text(encoding="utf-8"))
        for path in sorted(WIRE.rglob("*.schema.json"))
    }


SCHEMAS = load_all()
STORE = {schema["$id"]: schema for schema in SCHEMAS.values()}


def validator(path):
    schema = SCHEMAS[path]
    resolver = jsonschema.RefResolver(schema["$id"], schema, store=STORE)
    return Validator(schema, resolver=resolver)


def table(header, macro):
    """The text of an X macro's table, its lines joined."""
    text = (ROOT / "shared" / "wire" / header).read_text(encoding="utf-8")
    start = text.index(f"#define {macro}(X)")
    return re.sub(r"\\\n\s*", " ", text[start : text.index("\nenum", start)])


def names(header, macro):
    """The string constants that open the table's rows."""
    return re.findall(r'X\(\s*[A-Z_]+,\s*"(\w+)"', table(header, macro))


def code_rows():
    """(name, retryable, close code, text) of every code."""
    row = r'X\(\s*[A-Z_]+,\s*"(\w+)",\s*(true|false),\s*(\d+),\s*"([^"]*)"\)'
    return re.findall(row, table("code.h", "WIRE_CODE_TABLE"))


def cause_rows():
    """(name, sentence, advice) of every cause."""
    row = r'X\(\s*[A-Z_]+,\s*"(\w+)",\s*"([^"]*)",\s*"([^"]*)"\)'
    return re.findall(row, table("cause.h", "CAUSE_TABLE"))


MESSAGE_TYPES = names("message.h", "MESSAGE_TABLE")
CODES = names("code.h", "WIRE_CODE_TABLE")
