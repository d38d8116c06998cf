"""The container image, built from deploy/Dockerfile by buildah and run by runc: no daemon, no registry.

The base image is made of Debian's own packages, by debootstrap from the mirror that this machine uses; it and the image's layers
stay in build/container. The container has the host's network, and no cgroup of its own.
"""

import contextlib
import fcntl
import json
import shutil
import subprocess
from pathlib import Path

from support.process import LISTENING, Process
from support.wait import LIMIT_S

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / "build/container"
BUILDAH = ["buildah", "--root", CACHE / "storage", "--runroot", CACHE / "run", "--storage-driver", "vfs"]
IMAGE = "localhost/syncshell-relay"
CAPABILITIES = {kind: [] for kind in ("bounding", "effective", "permitted", "inheritable", "ambient")}


def run(*command, **options):
    done = subprocess.run([str(c) for c in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout.strip()


def mirror():
    """From where this machine gets Debian, as deploy/fetch-libwebsockets asks."""
    targets = run("apt-get", "indextargets", "--no-release-info", "--format", "$(RELEASE) $(COMPONENT) $(REPO_URI)",
                  "Created-By: Packages")
    return next(uri for release, component, uri in map(str.split, targets.splitlines())
                if (release, component) == ("bookworm", "main"))


def base_image():
    """debian:bookworm-slim, as far as a build can tell."""
    name = "localhost/debian:bookworm-slim"
    if name in run(*BUILDAH, "images", "--format", "{{.Name}}:{{.Tag}}").splitlines():
        return
    root = CACHE / "debian"
    shutil.rmtree(root, ignore_errors=True)
    run("debootstrap", "--variant=minbase", "bookworm", root, mirror())
    for folder in ("apt.conf.d", "sources.list.d"):  # the build's apt goes where this machine's does
        for file in Path("/etc/apt", folder).iterdir():
            if file.name.startswith(("99", "debian")):
                shutil.copy(file, root / "etc/apt" / folder)
    container = run(*BUILDAH, "from", "scratch")
    run(*BUILDAH, "copy", container, root, "/")
    run(*BUILDAH, "commit", container, name)
    run(*BUILDAH, "rm", container)
    shutil.rmtree(root)


@contextlib.contextmanager
def alone():
    """Tests run in several processes: one after the other uses the storage, or a folder of builds."""
    CACHE.mkdir(parents=True, exist_ok=True)
    with open(CACHE / "lock", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def image(folder):
    """What the image says of itself; its files go into `folder`."""
    with alone():
        config = build()
        unpack(folder)
    return config


def build():
    """Builds deploy/Dockerfile as it is."""
    base_image()
    registries = CACHE / "registries.conf"
    registries.write_text('[aliases]\n"debian" = "localhost/debian"\n')
    run(*BUILDAH, "--registries-conf", registries, "bud", "--pull-never", "--format", "docker", "--isolation", "chroot",
        "--layers", "-f", REPOSITORY / "deploy/Dockerfile", "-t", IMAGE, REPOSITORY, timeout=800)
    described = json.loads(run(*BUILDAH, "inspect", "--type", "image", IMAGE))
    return described["Docker"]["config"]


def unpack(folder):
    """The image's files."""
    container = run(*BUILDAH, "from", "--pull-never", IMAGE)
    mounted = run(*BUILDAH, "mount", container)
    run("cp", "-a", mounted, folder)
    run(*BUILDAH, "rm", container)


class Container:
    """A container of the image, where support.process.Relay would be. Its volume and its port stay over its restarts."""

    def __init__(self, folder, root, config, **settings):
        self.folder, self.config, self.settings = folder, config, settings
        self.root, self.name, self.port = root, f"syncshell-{folder.parent.name}", 0
        self.volume = folder / "volume"
        user = int(config["User"].split(":")[0])
        self.volume.mkdir(mode=0o700)
        shutil.chown(self.volume, user, user)
        self.process = None
        self.reports = []

    @property
    def database(self):
        return self.volume / "relay.db"

    @property
    def url(self):
        return f"ws://localhost:{self.port}"

    def write_bundle(self, *words):
        user = int(self.config["User"].split(":")[0])
        [volume] = self.config["Volumes"]
        env = {**dict(e.split("=", 1) for e in self.config["Env"]), "SYNCSHELL_RELAY_LISTEN_ADDRESS": "127.0.0.1",
               "SYNCSHELL_RELAY_LISTEN_PORT": self.port, **self.settings}
        tmpfs = {"type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "nodev", "mode=0700", f"uid={user}", f"gid={user}"]}
        bundle = {
            "ociVersion": "1.0.2",
            "process": {"terminal": False, "user": {"uid": user, "gid": user}, "args": [*self.config["Entrypoint"], *words],
                        "env": [f"{k}={v}" for k, v in env.items()], "cwd": self.config["WorkingDir"] or "/",
                        "capabilities": CAPABILITIES, "noNewPrivileges": True},
            "root": {"path": str(self.root), "readonly": True},
            "mounts": [
                {"destination": "/proc", "type": "proc", "source": "proc"},
                {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755"]},
                {**tmpfs, "destination": "/run/syncshell"},
                {"destination": volume, "type": "bind", "source": str(self.volume), "options": ["rbind", "rw"]},
            ],
            "linux": {"namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"}]},
        }
        (self.folder / "config.json").write_text(json.dumps(bundle))

    def start(self):
        self.write_bundle()
        state = self.folder / "state"
        self.process = Process(["runc", "--root", state, "run", "--bundle", self.folder, self.name], "container")
        entry = self.process.listening.wait(where=lambda e: LISTENING.search(e["line"]))
        self.port = int(LISTENING.search(entry["line"]).group(3))
        return self

    def runc(self, *words, check=True):
        return subprocess.run(["runc", "--root", self.folder / "state", *words], capture_output=True, text=True,
                              timeout=LIMIT_S, check=check)

    def execute(self, *words, check=True):
        """As `docker exec`."""
        return self.runc("exec", self.name, *words, check=check)

    def run_once(self, *words):
        """As `docker compose run --rm relay`, in a container of its own, while this one is stopped."""
        self.write_bundle(*words)
        return self.runc("run", "--bundle", str(self.folder), f"{self.name}-once", check=False)

    @property
    def pid(self):
        return json.loads(self.runc("state", self.name).stdout)["pid"]

    def stop(self):
        """As `docker stop`; the exit status."""
        if self.process is None:
            return None
        self.runc("kill", self.name, self.config.get("StopSignal") or "SIGTERM")
        status = self.process.wait()
        self.process = None
        return status

    def kill(self):
        self.runc("kill", self.name, "KILL")
        self.process.wait()
        self.process = None
