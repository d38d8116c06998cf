#!/usr/bin/python3
"""The library's manual page, its guide and its C# binding against its header.

Usage: check_manual.py HEADER PAGE GUIDE BINDING     speaks TAP
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path


def plain(page):
    """The page's text without roff's escapes and font requests."""
    text = page.replace("\\-", "-").replace("\\e", "\\")
    return re.sub(r"^\.(?:B|BR|I|BI|RI)\s+(.*)$", r"\1", text, flags=re.MULTILINE)


def check_every_function_is_named(header, page):
    names = set(re.findall(r"\bSYNCSHELL_CALL\s+(\w+)\s*\(", header))
    missing = {name for name in names if not re.search(rf"\b{name} \(\)", plain(page))}
    assert len(names) >= 30 and not missing, missing


def check_no_function_is_invented(header, page):
    named = set(re.findall(r"\b(syncshell_\w+) ?\(", plain(page)))
    invented = {name for name in named if not re.search(rf"\b{name}\(", header)}
    assert not invented, invented


def check_every_error_is_named(header, page):
    errors = set(re.findall(r"\bSYNCSHELL_(E_\w+) = -", header))
    section = plain(page).split('.SH "RETURN VALUE"')[1].split(".SH")[0]
    assert errors == set(re.findall(r"\bE_\w+", section)), section


def members_of(header, kind, name):
    """The members of an enum without `SYNCSHELL_`, or of a struct."""
    body = re.search(rf"{kind} {name} \{{(.*?)^\}}", header, re.MULTILINE | re.DOTALL).group(1)
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.DOTALL)
    return re.findall(r"SYNCSHELL_(\w+)", body) if kind == "enum" else re.findall(r"(\w+);", body)


def section(page, title):
    return re.search(rf'^\.SH "?{title}"?$(.*?)^\.SH', page, re.MULTILINE | re.DOTALL).group(1)


def check_every_event_has_its_entry(header, page):
    events = {name.removeprefix("EVENT_").lower() for name in members_of(header, "enum", "syncshell_event_type")}
    entries = re.findall(r"^\.TP\n\.B (\w+)$", section(page, "EVENT TYPES"), re.MULTILINE)
    assert len(events) >= 30 and sorted(entries) == sorted(events), events ^ set(entries)


def check_every_field_has_its_entry(header, page):
    fields = {name.removeprefix("FIELD_") for name in members_of(header, "enum", "syncshell_field")}
    entries = re.findall(r"^\.TP\n\.B (\w+)$", section(page, "FIELDS"), re.MULTILINE)
    assert len(fields) >= 28 and sorted(entries) == sorted(fields), fields ^ set(entries)


def check_every_option_has_its_entry(header, page):
    options = members_of(header, "struct", "syncshell_options")
    entries = re.findall(r"^\.TP\n\.I (\w+)$", section(page, "OPTIONS"), re.MULTILINE)
    assert len(options) >= 12 and entries == options, set(options) ^ set(entries)


def check_every_other_name_is_there(header, page):
    """Constants by their whole name, members of the other structs."""
    listed = ("syncshell_error", "syncshell_event_type", "syncshell_field")
    enums = set(re.findall(r"^enum (\w+) \{", header, re.MULTILINE)) - set(listed)
    names = {f"SYNCSHELL_{name}" for enum in enums for name in members_of(header, "enum", enum)}
    names |= set(re.findall(r"^#define (SYNCSHELL_(?:\w+_SIZE|VERSION_\w+|ZERO_TERMINATED)) ", header, re.MULTILINE))
    assert len(names) >= 20, names
    structs = set(re.findall(r"^typedef struct (\w+) \{", header, re.MULTILINE)) - {"syncshell_options"}
    text = section(page, "STRUCTS AND VALUES")
    missing = {name for name in names if not re.search(rf"\b{name}\b", plain(page))}
    for struct in structs:
        missing |= {name for name in (struct, *members_of(header, "struct", struct)) if not re.search(rf"\b{name}\b", text)}
    assert not missing, missing


def check_the_guide_names_every_function_and_event(header, _page):
    guide = Path(sys.argv[3]).read_text()
    names = set(re.findall(r"\bSYNCSHELL_CALL\s+(\w+)\s*\(", header))
    names |= {name.removeprefix("EVENT_") for name in members_of(header, "enum", "syncshell_event_type")}
    missing = {name for name in names if not re.search(rf"(?<![A-Z_a-z])(?:SYNCSHELL_EVENT_)?{name}\b", guide)}
    assert not missing, missing


def check_the_binding_imports_every_function(header, _page):
    names = set(re.findall(r"\bSYNCSHELL_CALL\s+(\w+)\s*\(", header))
    missing = names - set(re.findall(r"\bextern \w+ (\w+)\(", Path(sys.argv[4]).read_text()))
    # An event's fields are named by an enum there, and waits are the binding's own.
    assert missing == {"syncshell_field_name", "syncshell_client_wake_fd"}, missing


def check_the_example_compiles(header, page):
    example = re.search(r"^\.EX$(.*?)^\.EE$", page, re.MULTILINE | re.DOTALL).group(1).replace("\\e", "\\")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "syncshell").mkdir()
        (Path(folder) / "syncshell" / "syncshell.h").write_text(header)
        (Path(folder) / "example.c").write_text(example)
        subprocess.run(
            ["cc", "-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", "-I.", "example.c"],
            cwd=folder,
            check=True,
        )


CHECKS = [value for name, value in list(globals().items()) if name.startswith("check_")]


def main():
    header, page = (Path(argument).read_text() for argument in sys.argv[1:3])
    failures = 0
    print(f"1..{len(CHECKS)}")
    for number, check in enumerate(CHECKS, 1):
        name = check.__name__.removeprefix("check_")
        try:
            check(header, page)
            print(f"ok {number} - {name}")
        except Exception as error:  # a missing tool or section is a failure like another
            failures += 1
            print(f"not ok {number} - {name}")
            print(f"# {type(error).__name__}: {error}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
