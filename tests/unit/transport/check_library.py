#!/usr/bin/python3
"""The library as programs get it: what it exports, and what its pkg-config file says.

Usage: check_library.py HEADER LIBRARY PKGCONFIG_FILE     speaks TAP
"""

import re
import subprocess
import sys
from pathlib import Path

VERSION_NODE = "SYNCSHELL_0.1"


def declared(header):
    """The functions that the header declares: SYNCSHELL_API ... SYNCSHELL_CALL name(."""
    return set(re.findall(r"^SYNCSHELL_API\b[^;(]*?\bSYNCSHELL_CALL\s+(\w+)\s*\(", header, re.MULTILINE))


def exported(library):
    """Name -> version of every symbol that the shared object defines for others."""
    lines = subprocess.run(
        ["nm", "-D", "--defined-only", library], check=True, capture_output=True, text=True
    ).stdout.splitlines()
    symbols = (line.split()[-1] for line in lines)
    return dict(symbol.replace("@@", "@").partition("@")[::2] for symbol in symbols)


def check_every_function_is_declared_once(header, _library, _pkgconfig):
    names = declared(header)
    calls = re.findall(r"\bSYNCSHELL_CALL\s+(\w+)\s*\(", header)
    assert len(names) >= 30, names
    assert sorted(calls) == sorted(names), set(calls) ^ names


def check_exactly_the_headers_functions_are_exported(header, library, _pkgconfig):
    names = {name for name in exported(library) if name != VERSION_NODE}
    assert names == declared(header), names ^ declared(header)


def check_each_has_the_version(_header, library, _pkgconfig):
    wrong = {n: v for n, v in exported(library).items() if n != VERSION_NODE and v != VERSION_NODE}
    assert not wrong, wrong


def check_the_name_that_programs_ask_for(_header, library, _pkgconfig):
    dynamic = subprocess.run(["readelf", "-d", library], check=True, capture_output=True, text=True).stdout
    assert "[libsyncshell.so.0]" in dynamic, dynamic
    assert "libcmocka" not in dynamic, dynamic


def check_pkgconfig(header, _library, pkgconfig):
    fields = dict(re.findall(r"^(\w[\w.]*):\s*(.*)$", pkgconfig, re.MULTILINE))
    version = ".".join(re.findall(r"#define SYNCSHELL_VERSION_(?:MAJOR|MINOR|PATCH) (\d+)", header))
    assert fields["Name"] == "syncshell", fields
    assert fields["Version"] == version, (fields, version)
    assert "-lsyncshell" in fields["Libs"], fields
    # A program that links the shared object needs no header or library of another project.
    assert "Requires" not in fields, fields


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


def main():
    header, library, pkgconfig = sys.argv[1:]
    failures = 0
    print(f"1..{len(CHECKS)}")
    for number, check in enumerate(CHECKS, 1):
        try:
            check(Path(header).read_text(), library, Path(pkgconfig).read_text())
            print(f"ok {number} - {check.__name__.removeprefix('check_')}")
        except Exception as error:  # a missing tool or field is a failure like another
            failures += 1
            print(f"not ok {number} - {check.__name__.removeprefix('check_')}")
            print(f"# {type(error).__name__}: {error}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
