#!/usr/bin/python3
"""Writes a C file that holds the migrations, so that the program needs no file beside it.

embed_migrations.py OUTPUT FOLDER FILE...

Every .sql file of FOLDER must be named, and the numbers must run from 1 without a gap: a migration that was forgotten
here would only be missed on somebody's machine.
"""

import hashlib
import pathlib
import re
import sys


def read_migrations(folder, paths):
    listed = {path.name for path in paths}
    present = {path.name for path in folder.glob("*.sql")}
    if listed != present:
        sys.exit(f"migrations listed and present differ: {sorted(listed ^ present)}")
    for expected, path in enumerate(sorted(paths, key=lambda p: p.name), start=1):
        match = re.fullmatch(r"([0-9]{4})_[a-z0-9_]+\.sql", path.name)
        if not match or int(match.group(1)) != expected:
            sys.exit(f"{path.name}: expected {expected:04}_<name>.sql")
        yield expected, path.stem, path.read_bytes()


def c_array(name, content):
    numbers = [str(byte) for byte in content + b"\0"]
    lines = [", ".join(numbers[i : i + 20]) for i in range(0, len(numbers), 20)]
    return f"static const char {name}[] = {{\n    " + ",\n    ".join(lines) + ",\n};\n"


def main():
    output, folder, *files = sys.argv[1:]
    arrays, rows = [], []
    for version, name, content in read_migrations(pathlib.Path(folder), [pathlib.Path(f) for f in files]):
        if any(byte > 126 for byte in content):
            sys.exit(f"{name}: migrations are plain ASCII")
        digest = hashlib.sha256(content).hexdigest()
        arrays.append(c_array(f"sql_{version}", content))
        rows.append(f'    {{{version}, "{name}", "{digest}", sql_{version}}},\n')
    pathlib.Path(output).write_text(
        '#include "adapters/store_sqlite/migrate.h"\n\n'
        + "\n".join(arrays)
        + "\nconst struct migration migrations[] = {\n"
        + "".join(rows)
        + f"}};\n\nconst size_t n_migrations = {len(rows)};\n",
        encoding="ascii",
    )


main()
