"""A machine that nobody has touched: Debian with systemd as its first process, in namespaces of its own on this kernel.

Its root is made by debootstrap once and kept in build/container; what a machine writes lies above it, in memory, and goes with it.
It has no network but its loopback.
"""

import os
import re
import select
import shutil
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import container
from support.wait import LIMIT_S

LIBRARIES = re.findall(r"\blib[a-z]\S+", (container.REPOSITORY / "deploy/Dockerfile").read_text().split("--no-install-recommends")[1].split("&&")[0])
PACKAGES = ["systemd", "systemd-sysv", "ca-certificates", "openssl", *LIBRARIES]

# From this machine's root to that of the new one. $1: its root; $2: where that is to be seen; $3: its console.
BOOT = r"""
set -eu
mount --make-rprivate /
mount -t tmpfs tmpfs "$2"
mkdir "$2/above" "$2/work" "$2/root"
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/above,workdir=$2/work" "$2/root"
cd "$2/root"
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
mount -t sysfs -o ro sysfs sys
mount -t cgroup2 cgroup2 sys/fs/cgroup
mount -t tmpfs -o mode=755 tmpfs run
mount -t tmpfs -o mode=755 tmpfs dev
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=666 devpts dev/pts
mount -t tmpfs tmpfs dev/shm
for name in null zero full random urandom tty; do
    touch "dev/$name"
    mount --bind "/dev/$name" "dev/$name"
done
touch dev/console
mount --bind "$3" dev/console
ln -s pts/ptmx dev/ptmx
ln -s /proc/self/fd dev/fd
ln -s fd/0 dev/stdin
ln -s fd/1 dev/stdout
ln -s fd/2 dev/stderr
ip link set lo up
pivot_root . mnt
umount -l mnt
exec setpriv --bounding-set=-sys_module,-sys_rawio,-sys_time,-sys_boot \
    env --ignore-environment container=other /lib/systemd/systemd --log-target=console
"""


def debian():
    """The root of every machine."""
    root = container.CACHE / "machine"
    made = container.CACHE / "machine-packages"
    with container.alone():
        if not made.exists() or made.read_text().split() != PACKAGES:
            made.unlink(missing_ok=True)
            shutil.rmtree(root, ignore_errors=True)
            container.run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", root, container.mirror())
            made.write_text("\n".join(PACKAGES))
    return root


def control_groups():
    """The hierarchy that systemd wants a part of."""
    mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    return next(Path(words[1]) for words in mounts if words[2] == "cgroup2")


class Machine:
    def __init__(self):
        root = debian()
        self.group = Path(tempfile.mkdtemp(prefix="syncshell-machine-", dir=control_groups()))
        self.place = Path(tempfile.mkdtemp(prefix="syncshell-machine-"))
        self.console = b""
        self.terminal, terminal = os.openpty()
        self.reader = threading.Thread(target=self.read_console, daemon=True)
        self.reader.start()
        self.child = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--cgroup", "--uts", "--ipc", "--net", "sh", "-c", BOOT, "machine", root,
             self.place, os.ttyname(terminal)],
            stdin=subprocess.DEVNULL, stdout=terminal, stderr=terminal,
            preexec_fn=lambda: (self.group / "cgroup.procs").write_text(str(os.getpid())))
        os.close(terminal)
        self.wait_until(lambda: self.run("systemctl", "is-system-running", "--wait", status=None).stdout.strip() in ("running", "degraded"))

    def read_console(self):
        try:
            while data := os.read(self.terminal, 65536):
                self.console += data
        except OSError:
            pass  # closed at its other end

    def wait_until(self, holds):
        deadline = time.monotonic() + LIMIT_S
        while not holds():
            assert time.monotonic() < deadline and self.child.poll() is None, self.console.decode(errors="replace")[-3000:]
            select.select([], [], [], 0.05)

    @property
    def pid(self):
        """Of its first process."""
        children = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children").read_text().split()
        return int(children[0]) if children else 0

    @property
    def root(self):
        return Path(f"/proc/{self.pid}/root")

    def run(self, *words, status=0, **options):
        """As root at its console; `status` None: any."""
        command = ["nsenter", "--target", self.pid, "--mount", "--pid", "--uts", "--ipc", "--net", "--cgroup", "--root", "--wdns=/root", *words]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=LIMIT_S, check=False,
                              stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}, **options)
        assert status is None or done.returncode == status, (words, done)
        return done

    def shell(self, line, **options):
        return self.run("sh", "-ec", line, **options)

    def wait_until_empty(self):
        deadline = time.monotonic() + LIMIT_S
        while "populated 1" in (self.group / "cgroup.events").read_text():
            assert time.monotonic() < deadline
            select.select([], [], [], 0.05)

    def close(self):
        (self.group / "cgroup.kill").write_text("1")
        self.child.wait()
        self.wait_until_empty()
        os.close(self.terminal)
        self.reader.join(LIMIT_S)
        for group in sorted(self.group.rglob("*/"), reverse=True):
            group.rmdir()
        self.group.rmdir()
        self.place.rmdir()
