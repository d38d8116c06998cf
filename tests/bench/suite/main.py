"""The benchmark; tests/bench/run --help says how to use it."""

import argparse
import json
import resource
import sys
import tempfile
from pathlib import Path

import prepare
import report
import servers
from measure import Pool, RowFailed, measure
from paths import CORES, REPOSITORY
from rows import ROWS

sys.path.insert(0, str(REPOSITORY / "tests/e2e"))
from support.certificate import Certificate


def parse():
    parser = argparse.ArgumentParser(prog="tests/bench/run", add_help=False)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--peer", action="append", default=[])
    parser.add_argument("--rounds", type=int, default=0)
    parser.add_argument("--list", action="store_true")
    arguments = parser.parse_args()
    for peer in arguments.peer:
        name, _, command = peer.partition("=")
        if not name.isidentifier() or not command or name in {kind.name for kind in servers.ALL}:
            parser.error(f"--peer {peer}: NAME=COMMAND, with a name of its own")
    arguments.rounds = arguments.rounds or (1 if arguments.quick else 3)
    return arguments


def chosen(only):
    rows = [row for row in ROWS if not only or any(name in row.name for name in only)]
    if not rows:
        raise SystemExit(f"no row has one of these in its name: {', '.join(only)}")
    return rows


def main():
    arguments = parse()
    rows = chosen(arguments.only)
    if arguments.list:
        for row in rows:
            print(f"{row.name:20} {row.title}: {row.bar_text()}")
        return 0
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    if len(CORES) < 2:
        print("only one core: server and load share it, and the figures are worth little", flush=True)
    prepare.build()
    prepare.install_node_peers()
    extra = [servers.given(*peer.split("=", 1)) for peer in arguments.peer]
    results, failed = [], []
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        pool = Pool((*servers.ALL, *extra), Certificate(Path(folder)), arguments.quick)
        report.print_head()
        try:
            for row in rows:
                speaks = [kind.name for kind in extra] if "floor" in row.peers else []
                try:
                    results.append(measure(row, pool, speaks, arguments.rounds, arguments.quick))
                    report.print_row(results[-1])
                except RowFailed as failure:
                    failed.append(row.name)
                    print(f"{row.name}: {failure}", flush=True)
        finally:
            pool.close()
    if arguments.json:
        arguments.json.write_text("".join(json.dumps(result.as_json()) + "\n" for result in results))
    report.write(results, pool.kinds, arguments.quick)
    if failed:
        print(f"without figures: {', '.join(failed)}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
