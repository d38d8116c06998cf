"""All members of a relay at once: it dies, and everybody comes back."""

import asyncio
import json

from cases import case
from support.process import BUILD, Process

CROWD = BUILD / "tests" / "faults" / "crowd"
STORM_LIMIT_S = 180
BAR = 40
SLOTS_SHOWN_MAX = 40


class Crowd(Process):
    """tests/faults/crowd.c"""

    def __init__(self, relay, n_members):
        super().__init__([CROWD, str(relay.port), str(n_members)], "crowd")

    def order(self, command):
        self.child.stdin.write(command + "\n")
        self.child.stdin.flush()

    def answer(self, since):
        return json.loads(self.output.wait(since, limit_s=STORM_LIMIT_S)["line"])

    def ask(self, command):
        since = self.output.mark()
        self.order(command)
        return self.answer(since)

    def leave(self):
        self.child.stdin.close()
        return self.wait()


def bars(curve, slot_ms):
    """A line for each slot, or for each few of them."""
    step = -(-len(curve) // SLOTS_SHOWN_MAX)
    sums = [sum(curve[at:at + step]) for at in range(0, len(curve), step)]
    return [f"      {at * step * slot_ms / 1000:6.2f} s {n:6d} {'#' * round(BAR * n / max(sums))}" for at, n in enumerate(sums)]


def story(result):
    lines = [f"{result['sessions']} sessions of {2 * result['sessions']} members: lost {result['lost']}, "
             f"not whole {result['sessions'] - result['whole']}; the last was whole after {result['wholeSessions']['lastS']:.1f} s",
             f"  once answered, a member was joined after p50 {result['greetingMs']['p50']:.0f}, p99 {result['greetingMs']['p99']:.0f}, "
             f"at most {result['greetingMs']['max']:.0f} ms; {result['refusedForTheMoment']} requests were refused for the moment"]
    for name, title in (("dials", "dialled"), ("accepted", "answered"), ("joined", "joined again"), ("wholeSessions", "sessions whole")):
        lines += [f"    {title}: {result[name]['total']}, the last after {result[name]['lastS']:.1f} s",
                  *bars(result[name]["curve"], result["slotMs"])]
    return "\n".join(lines)


async def storm(stage, end):
    """`end(relay)`: how it goes away."""
    relay = stage.relay(limits_connections_max=stage.members + 100, log_level="info")
    crowd = await asyncio.to_thread(Crowd, relay, stage.members)
    try:
        gathered = await asyncio.to_thread(crowd.ask, "gather")
        assert gathered["whole"] == gathered["sessions"] and not gathered["lost"], story(gathered)
        await asyncio.to_thread(crowd.ask, "storm")
        since = crowd.output.mark()
        await asyncio.to_thread(end, relay)
        await asyncio.to_thread(relay.start)
        result = await asyncio.to_thread(crowd.answer, since)
        assert result["whole"] == result["sessions"] and not result["lost"], story(result) + "\n".join(crowd.errors[:5])
        return story(result)
    finally:
        status = await asyncio.to_thread(crowd.leave)
        assert status == 0 and not crowd.sanitizer_report(), crowd.errors[-20:]


@case
async def storm_after_a_kill(stage):
    """SIGKILL: nobody was told, all come back at once."""
    return await storm(stage, lambda relay: relay.kill())


@case
async def storm_after_a_goodbye(stage):
    """SIGTERM: each is told when to come back."""
    return await storm(stage, lambda relay: relay.stop())
