"""A relay that has no descriptor left: whoever is connected notices nothing, the others wait, and nobody spins."""

import asyncio
import os
import resource
import sys
from pathlib import Path

from support.bare import Usage
from support.pair import Pair
from support.process import Relay
from support.raw import RawPeer

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "faults"))
from probe import Probe  # noqa: E402

N_WAITING = 20
WITHOUT_S = 2
CPU_S_MAX = 1.0
TOLD = "cannot accept connections"


def test_without_descriptors_it_serves_whom_it_has(tmp_path):
    relay = Relay(tmp_path).start()
    pid = relay.process.child.pid
    usage = Usage(pid)

    async def play():
        pair = await Pair(relay).begin()
        async with Probe(relay) as probe:
            await probe.served()
            soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
            used = {int(fd) for fd in os.listdir(f"/proc/{pid}/fd")}
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (min(set(range(soft)) - used), hard))
            mark, lines, before = probe.mark(), relay.process.listening.mark(), usage.cpu_s()
            waiting = [asyncio.create_task(RawPeer(relay.url).connect()) for _ in range(N_WAITING)]
            await asyncio.to_thread(relay.process.listening.wait, lines, where=lambda e: TOLD in e["line"])
            done, _ = await asyncio.wait(waiting, timeout=WITHOUT_S)
            assert not done, "a connection was taken without a descriptor"
            assert usage.cpu_s() - before < CPU_S_MAX, "it spins"
            told = [e["line"] for e in relay.process.listening.all(lines) if TOLD in e["line"]]
            assert len(told) < 50, told
            assert await pair.write() is None
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
            for peer in await asyncio.gather(*waiting):
                await peer.close()
            await probe.served()
            print(probe.check(mark))
        await pair.end()

    asyncio.run(play())
    assert relay.stop() == 0
    assert not relay.reports, "\n".join(relay.reports)
