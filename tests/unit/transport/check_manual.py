#!/usr/bin/python3
"""The library's manual page against its header.

Usage: check_manual.py HEADER PAGE     speaks TAP
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
    header, page = (Path(argument).read_text() for argument in sys.argv[1:])
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
