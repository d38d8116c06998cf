"""The wire's JSON Schemas, applied by Debian's python3-jsonschema: an opinion on our frames that shares no code with us."""

import functools
import json
from pathlib import Path

import jsonschema

FOLDER = Path(__file__).resolve().parents[3] / "schema" / "wire"
NEVER_BODY = {"binary": False}


def refuse_duplicates(pairs):
    result = dict(pairs)
    if len(result) != len(pairs):
        raise ValueError("duplicate key in header")
    return result


def load_all():
    """{type: validator} for every message type that has a schema."""
    documents = {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.schema.json"))}
    store = {document.get("$id", name): document for name, document in documents.items()}
    store.update(documents)
    validators = {}
    for name, document in documents.items():
        message_type = document.get("properties", {}).get("type", {}).get("const")
        if message_type is None:
            continue  # definitions that the others refer to
        assert name == f"{message_type}.schema.json", f"{name} describes {message_type}"
        jsonschema.Draft202012Validator.check_schema(document)
        resolver = jsonschema.RefResolver(base_uri=document.get("$id", name), referrer=document, store=store)
        validators[message_type] = jsonschema.Draft202012Validator(document, resolver=resolver)
    return validators


@functools.cache
def known():
    return load_all()


def split(binary, payload):
    """(header dict, body bytes or None) of one frame; raises on anything that the framing forbids."""
    head, separator, body = payload.partition(b"\n")
    if binary != bool(separator):
        raise ValueError("a text frame is a header alone; a binary frame has a line feed and a body")
    header = json.loads(head.decode("utf-8"), object_pairs_hook=refuse_duplicates)
    if not isinstance(header, dict):
        raise ValueError("the header is no object")
    return header, body if separator else None
