#!/usr/bin/python3
"""Writes a C file that holds the files of the status page: embed_page.py OUTPUT FILE..."""

import pathlib
import sys

TYPES = {".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}


def main():
    output, *files = sys.argv[1:]
    arrays, rows = [], []
    for number, path in enumerate(map(pathlib.Path, files)):
        content = path.read_bytes()
        numbers = [str(byte) for byte in content]
        lines = [", ".join(numbers[i:i + 20]) for i in range(0, len(numbers), 20)]
        arrays.append(f"static const unsigned char file_{number}[] = {{\n    " + ",\n    ".join(lines) + ",\n};\n")
        url = "/" if path.suffix == ".html" else f"/{path.name}"
        rows.append(f'    {{"{url}", "{TYPES[path.suffix]}", file_{number}, sizeof file_{number}}},\n')
    pathlib.Path(output).write_text(
        '#include "app/page.h"\n\n' + "\n".join(arrays) + "\nconst struct page_file page_files[] = {\n" + "".join(rows)
        + f"}};\n\nconst size_t page_file_count = {len(rows)};\n", encoding="ascii")


main()
