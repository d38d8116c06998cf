"""The JavaScript peers: their libraries, in the build folder exactly as package-lock.json pins them, and their syntax."""

import shutil
import subprocess

from build import BUILD, REPOSITORY, run_logged

SOURCES = REPOSITORY / "tests/e2e/peers"
CHECKED = (SOURCES, REPOSITORY / "tests/bench/peers", REPOSITORY / "tests/deploy", REPOSITORY / "relay/app/page")
PINNED = ("package.json", "package-lock.json", ".npmrc")
FOLDER = BUILD / "peers"


def install(report):
    """Does nothing when the folder has what the lock file says. Nothing is compiled, and no package's script is run."""
    done = FOLDER / "installed"
    wanted = "".join((SOURCES / name).read_text() for name in PINNED)
    if done.exists() and done.read_text() == wanted:
        return
    report.progress("installing the JavaScript peers' libraries")
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in PINNED:
        shutil.copy(SOURCES / name, FOLDER)
    run_logged(["npm", "--prefix", FOLDER, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], BUILD / "peers-npm.log")
    done.write_text(wanted)


def check(_report):
    faults = []
    for file in sorted(f for folder in CHECKED for f in folder.rglob("*.js")):
        result = subprocess.run(["node", "--check", file], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, check=False)
        if result.returncode != 0:
            faults.append(result.stdout)
    return "\n".join(faults)
