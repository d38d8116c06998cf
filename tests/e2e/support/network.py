"""Networks of a test's own: hosts in network namespaces around a router that can be told to cut, lose, block and slow down.

Each namespace lives as long as the process that holds it, and that process ends with this one, however it ends: nothing is
named in the machine, nothing is left behind, and nothing outside is touched. Needs root (or `unshare --user --map-root-user`)
and the packages iproute2 and iptables."""

import os
import subprocess

from .process import BUILD
from .wait import LIMIT_S

DELAY = BUILD / "tests" / "e2e" / "delay" / "delay"
DOMAIN = "10.77"
CHAINS = ("BLOCKED", "FLOWS", "LOSS")


class Namespace:
    def __init__(self):
        if os.geteuid() != 0:
            raise PermissionError("network namespaces need root: run this as root, or in `unshare --user --map-root-user`")
        # cat ends when its input does: when this process is gone.
        self.holder = subprocess.Popen(["unshare", "--net", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.holder.stdin.write(b"\n")
        self.holder.stdin.flush()
        if self.holder.stdout.readline() != b"\n":
            raise OSError("no network namespace can be made")
        self.pid = self.holder.pid
        self.prefix = ["nsenter", f"--net=/proc/{self.pid}/ns/net", "--"]
        self.run("echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6", "ip link set lo up")

    def run(self, *commands):
        """Shell commands inside of it; the first that fails is an error."""
        done = subprocess.run([*self.prefix, "sh", "-ec", "\n".join(commands)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, timeout=LIMIT_S)
        if done.returncode != 0:
            raise OSError(f"{commands}: {done.stderr}")
        return done.stdout

    def close(self):
        self.holder.stdin.close()
        self.holder.wait(LIMIT_S)
        self.holder.stdout.close()


class Host(Namespace):
    """One machine, on a cable of its own to the router. With a delay (one way), the cable is tests/e2e/delay."""

    def __init__(self, network, name, index, delay_ms):
        super().__init__()
        self.network = network
        self.name = name
        self.port = f"port{index}"
        self.subnet = f"{DOMAIN}.{index}"
        self.address = f"{self.subnet}.2"
        self.delay = None
        if delay_ms:
            self.lay_slow_cable(delay_ms)
        else:
            network.router.run(f"ip link add {self.port} type veth peer name eth0 netns {self.pid}")
        network.router.run(
            f"ip addr add {self.subnet}.1/24 dev {self.port}",
            f"ip link set {self.port} up",
        )
        self.run(f"ip addr add {self.address}/24 dev eth0", "ip link set eth0 up", f"ip route add default via {self.subnet}.1")

    def lay_slow_cable(self, delay_ms):
        ends = [f"/proc/{self.network.router.pid}/ns/net", self.port, f"/proc/{self.pid}/ns/net", "eth0"]
        self.delay = subprocess.Popen([DELAY, str(delay_ms), *ends], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if self.delay.stdout.readline() != b"ready\n":
            raise OSError("no cable with a delay can be laid")

    def limit(self, bytes_per_second):
        """In both directions."""
        burst = min(32768, max(2048, bytes_per_second // 8))
        rule = f"root tbf rate {bytes_per_second * 8}bit burst {burst} limit {burst + max(16384, bytes_per_second // 20)}"
        self.network.router.run(f"tc qdisc replace dev {self.port} {rule}")
        self.run(f"tc qdisc replace dev eth0 {rule}")

    def unplug(self):
        self.network.router.run(f"ip link set {self.port} down")

    def plug(self):
        self.network.router.run(f"ip link set {self.port} up")

    def move(self):
        """Another address, as after a change of the network: the old one is gone with all that used it."""
        old, self.address = self.address, f"{self.subnet}.{int(self.address.rsplit('.', 1)[1]) + 1}"
        self.run(f"ip addr add {self.address}/24 dev eth0", f"ip addr del {old}/24 dev eth0",
                 f"ip route replace default via {self.subnet}.1")

    def close(self):
        if self.delay:
            self.delay.stdin.close()
            self.delay.wait(LIMIT_S)
            self.delay.stdout.close()
        super().close()


class Network:
    def __init__(self):
        self.hosts = {}
        self.flows = 0  # the number of the flows that may pass
        self.router = Namespace()
        self.router.run(
            "echo 1 >/proc/sys/net/ipv4/ip_forward",
            *(f"iptables -w -N {chain}; iptables -w -A FORWARD -j {chain}" for chain in CHAINS),
        )
        self.forget_flows()  # from now on they are told apart

    def host(self, name, delay_ms=0):
        self.hosts[name] = Host(self, name, len(self.hosts) + 1, delay_ms)
        return self.hosts[name]

    def block(self, one, other):
        """Nothing passes between these two; each still reaches everybody else."""
        self.router.run(*(f"iptables -w -A BLOCKED -i {a.port} -o {b.port} -j DROP" for a, b in ((one, other), (other, one))))

    def unblock(self, one, other):
        self.router.run(*(f"iptables -w -D BLOCKED -i {a.port} -o {b.port} -j DROP" for a, b in ((one, other), (other, one))))

    def forget_flows(self):
        """Drops what belongs to a UDP flow of before, without a word to either side; flows that begin later pass. So it is when
        a NAT forgets its mappings, or a path dies and another one is there."""
        self.flows += 1
        self.router.run(
            "iptables-restore -w -n <<END",
            "*filter",
            ":FLOWS -",  # empties it
            f"-A FLOWS -p udp -m conntrack --ctstate NEW -j CONNMARK --set-mark {self.flows}",
            f"-A FLOWS -p udp -m connmark ! --mark {self.flows} -j DROP",
            "COMMIT",
            "END",
        )

    def lose(self, share):
        """That share of all packets, at random."""
        self.router.run("iptables -w -F LOSS",
                        f"iptables -w -A LOSS -m statistic --mode random --probability {share} -j DROP")

    def close(self):
        for namespace in (*self.hosts.values(), self.router):
            namespace.close()
