"""Runs the test functions of one file, several at once, and prints TAP.

usage of such a file: test_x.py ECHO_SERVER [-k WORD]. A test is a coroutine function that gets the path of echo_server.
"""

import argparse
import asyncio
import resource
import time
import traceback

TESTS_AT_ONCE = 6
TEST_TIMEOUT_S = 120  # these are for hangs only
LIMIT_S = 60  # of one wait

tests = []


def test(function):
    tests.append(function)
    return function


async def run(function, program, gate):
    async with gate:
        began = time.monotonic()
        try:
            await asyncio.wait_for(function(program), TEST_TIMEOUT_S)
            problem = None
        except Exception:
            problem = traceback.format_exc()
        return problem, time.monotonic() - began


async def run_all(program, word):
    chosen = [function for function in tests if word in function.__name__]
    gate = asyncio.Semaphore(TESTS_AT_ONCE)
    print(f"1..{len(chosen)}", flush=True)
    running = [asyncio.ensure_future(run(function, program, gate)) for function in chosen]
    failed = 0
    for number, (function, future) in enumerate(zip(chosen, running), 1):
        problem, seconds = await future
        failed += problem is not None
        print(f"{'not ok' if problem else 'ok'} {number} - {function.__name__}", flush=True)
        print(f"# {seconds:.2f} s", flush=True)
        for line in (problem or "").splitlines():
            print(f"# {line}", flush=True)
    return 1 if failed else 0


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("-k", default="")
    arguments = parser.parse_args()
    # A test holds some hundred connections.
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, resource.getrlimit(resource.RLIMIT_NOFILE)[1]),) * 2)
    return asyncio.run(run_all(arguments.program, arguments.k))
