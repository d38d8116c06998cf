"""Runs a test and ends whatever it leaves behind, in sessions of its own too: nothing of one mutation may be there when the next is tried."""

import contextlib
import ctypes
import os
import signal
import subprocess
import tempfile
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h


def adopt_orphans():
    """From here on a descendant whose parent is gone becomes a child of this process, and can be found."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def descendants():
    """All of this process, also those that have ended and were not waited for."""
    children = {}
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended since
            parent = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
            children.setdefault(int(parent), []).append(int(folder.name))
    found = [os.getpid()]
    for pid in found:
        found += children.get(pid, [])
    return found[1:]


def end_descendants():
    """After adopt_orphans(): each is a child of this process, or will be when those between are gone."""
    while found := descendants():
        for pid in found:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(-1, 0)


def run_alone(command, folder, environment, limit_s):
    """Its exit status, None if it took longer; and what it wrote. No descendant of this process is left after it."""
    with tempfile.TemporaryFile() as output:  # not a pipe: what it leaves behind may hold that open
        process = subprocess.Popen(command, cwd=folder, env={**os.environ, **environment}, stdin=subprocess.DEVNULL, stdout=output,
                                   stderr=subprocess.STDOUT, start_new_session=True)
        try:
            status = process.wait(limit_s)
        except subprocess.TimeoutExpired:
            status = None
        finally:
            process.kill()  # does nothing once it was waited for
            process.wait()
            end_descendants()
        output.seek(0)
        return status, output.read().decode(errors="replace")
