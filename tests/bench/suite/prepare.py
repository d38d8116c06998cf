"""What is measured gets built, and what it is compared with installed."""

import shutil
import subprocess

from paths import BUILD, GIVEN_BUILD, PEERS, REPOSITORY, SOURCES

# Warnings are the business of tests/run; here another compiler may have its own.
OPTIONS = ["--buildtype=release", "-Dwerror=false"]
PINNED = ("package.json", "package-lock.json", ".npmrc")


def build():
    if GIVEN_BUILD:
        return
    if not (BUILD / "build.ninja").exists():
        quietly(["meson", "setup", BUILD, REPOSITORY, *OPTIONS])
    quietly(["meson", "compile", "-C", BUILD, "syncshell-relay", "bench-floor", "bench-load", "syncshell:executable",
             "syncshell:shared_library"])


def install_node_peers():
    """As package-lock.json pins them; nothing is compiled, and no package's script is run."""
    PEERS.mkdir(parents=True, exist_ok=True)
    for script in (SOURCES / "peers").glob("*.js"):
        shutil.copy(script, PEERS)
    done = PEERS / "installed"
    wanted = "".join((SOURCES / "peers" / name).read_text() for name in PINNED)
    if done.exists() and done.read_text() == wanted:
        return
    for name in PINNED:
        shutil.copy(SOURCES / "peers" / name, PEERS)
    quietly(["npm", "--prefix", PEERS, "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    done.write_text(wanted)


def quietly(command):
    done = subprocess.run(command, cwd=REPOSITORY, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}")
