"""What `meson install` puts down is all that a program needs: compiled, linked and run against that alone."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from support.process import BUILD
from support.wait import LIMIT_S
from test_csharp import LIBRARY, environment, runtimes_of

REPOSITORY = Path(__file__).resolve().parents[2]
HEADER = REPOSITORY / "shared/include/syncshell/syncshell.h"
MAP = REPOSITORY / "shared/transport/libsyncshell.map"
STRICT = ["-pedantic-errors", "-Wall", "-Wextra", "-Werror"]
DIALECTS = {"c99": "gcc", "c++11": "g++", "c++17": "g++"}
# Refused before anything is opened: that the call comes back at all shows that it was linked. C99 and C++ at once.
PROGRAM = """
#include <stdio.h>
#include <syncshell/syncshell.h>

int main(void)
{
    syncshell_options options;
    syncshell_client *client = NULL;

    syncshell_options_init(&options, (uint32_t)sizeof options);
    printf("%s %s\\n", syncshell_version(), syncshell_error_name(syncshell_client_new(&options, &client)));
    return 0;
}
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The prefix below a DESTDIR of its own."""
    folder = tmp_path_factory.mktemp("install")
    subprocess.run(["meson", "install", "-C", BUILD, "--no-rebuild", "--quiet", "--destdir", folder], check=True, timeout=LIMIT_S)
    return folder / "usr/local"


def pkg_config(installed, *arguments):
    file = next(installed.glob("lib/**/syncshell.pc"))
    return subprocess.run(["pkg-config", f"--define-variable=prefix={installed}", *arguments, file.stem], check=True, capture_output=True, text=True,
                          timeout=LIMIT_S, env={**os.environ, "PKG_CONFIG_PATH": str(file.parent)}).stdout.split()


def library(installed):
    return next(installed.glob("lib/**/libsyncshell.so"))


def archive(installed):
    return next(installed.glob("lib/**/libsyncshell.a"))


def build(folder, installed, dialect, *flags):
    source = folder / ("plugin.c" if dialect == "c99" else "plugin.cpp")
    source.write_text(PROGRAM, encoding="utf-8")
    command = [DIALECTS[dialect], f"-std={dialect}", *STRICT, source, "-o", folder / "plugin", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S)
    assert done.returncode == 0, done.stderr
    env = {**environment(), "LD_LIBRARY_PATH": str(library(installed).parent)}
    return subprocess.run([folder / "plugin"], capture_output=True, text=True, timeout=LIMIT_S, env=env, check=True).stdout


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_program_links_the_shared_object(installed, tmp_path, dialect):
    # The sanitizers' build, which is installed here, names functions that LD_PRELOAD brings.
    flags = [*pkg_config(installed, "--cflags", "--libs"), "-Wl,--allow-shlib-undefined"]
    version = re.search(r'version: \'([\d.]+)\'', (REPOSITORY / "meson.build").read_text(encoding="utf-8")).group(1)
    assert build(tmp_path, installed, dialect, *flags) == f"{version} E_ARGUMENT\n"


def test_a_program_without_pkg_config_needs_its_names_only(installed, tmp_path):
    """It asks the loader for libsyncshell.so.0, and finds it by that name."""
    build(tmp_path, installed, "c99", *pkg_config(installed, "--cflags", "--libs"), "-Wl,--allow-shlib-undefined")
    needed = subprocess.run(["readelf", "-d", tmp_path / "plugin"], check=True, capture_output=True, text=True).stdout
    assert "[libsyncshell.so.0]" in needed
    assert (library(installed).parent / "libsyncshell.so.0").exists()


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_program_links_the_archive(installed, tmp_path, dialect):
    """And needs no shared object of ours."""
    private = [f for f in pkg_config(installed, "--cflags", "--libs", "--static") if f != "-lsyncshell"]
    build(tmp_path, installed, dialect, archive(installed), *private, *runtimes_of(LIBRARY))
    needed = subprocess.run(["readelf", "-d", tmp_path / "plugin"], check=True, capture_output=True, text=True).stdout
    assert "libsyncshell" not in needed


def test_the_archive_shows_the_public_functions_only(installed):
    exported = set(re.findall(r"^ +(syncshell_\w+);$", MAP.read_text(encoding="utf-8"), re.MULTILINE))
    listed = subprocess.run(["nm", "-g", "--defined-only", archive(installed)], check=True, capture_output=True, text=True).stdout
    # The sanitizers' build marks what it watches with names of its own.
    assert {name for name in re.findall(r" [A-Z] (\w+)$", listed, re.MULTILINE) if not name.startswith("__")} == exported


def test_the_header_and_the_pages_are_there(installed):
    assert (installed / "include/syncshell/syncshell.h").read_bytes() == HEADER.read_bytes()
    assert [f.name for f in (installed / "include/syncshell").iterdir()] == ["syncshell.h"]
    assert (installed / "share/man/man3/libsyncshell.3").exists()
    for program in ("syncshell", "syncshell-relay"):
        assert shutil.which(program, path=installed / "bin")
        assert (installed / f"share/man/man1/{program}.1").exists()
