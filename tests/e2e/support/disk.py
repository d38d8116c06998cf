"""A small disk of a test's own, which only the processes behind its `prefix` see: a tmpfs in a mount namespace. Needs root."""

import os
import subprocess

from .wait import LIMIT_S


class SmallDisk:
    """At `path`, for as long as this object is open. Nothing is left behind, however the test ends."""

    def __init__(self, path, size_bytes):
        if os.geteuid() != 0:
            raise PermissionError("a disk of one's own needs root: run this as root")
        self.path = path
        path.mkdir(exist_ok=True)
        # cat ends when its input does: when this process is gone.
        self.holder = subprocess.Popen(["unshare", "--mount", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdin.write(b"\n")
        self.holder.stdin.flush()
        if self.holder.stdout.readline() != b"\n":
            raise OSError("no mount namespace can be made")
        self.prefix = ["nsenter", f"--mount=/proc/{self.holder.pid}/ns/mnt", f"--wd={path.parent}", "--"]
        self.run("mount", "-t", "tmpfs", "-o", f"size={size_bytes},mode=0700", "tmpfs", path)

    def run(self, *arguments, check=True):
        done = subprocess.run([*self.prefix, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT_S)
        if check and done.returncode != 0:
            raise OSError(f"{arguments}: {done.stderr}")
        return done

    def fill(self):
        """Until not a byte more goes in."""
        done = self.run("dd", "if=/dev/zero", f"of={self.path}/ballast", "bs=4096", check=False)
        assert "No space left" in done.stderr, done.stderr

    def make_room(self):
        self.run("rm", f"{self.path}/ballast")

    def make_read_only(self, read_only=True):
        self.run("mount", "-o", "remount,ro" if read_only else "remount,rw", self.path)

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(LIMIT_S)
        self.holder.stdout.close()
