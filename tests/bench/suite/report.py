"""The table on the terminal, and the report: report.md with an SVG for each row."""

import plot
from paths import REPORT


def number(value):
    if value >= 1000:
        return f"{value:,.0f}"
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def verdict(ok):
    return {True: "ok", False: "MISSED", None: "-"}[ok]


def print_head():
    print(f"{'row':20} {'ours':>9}  {'each peer: its figure, ours as a multiple of it, spread':60} bar", flush=True)


def print_row(result):
    row = result.row
    print(f"{row.name:20} {number(result.median('ours')):>9}  {row.unit}, spread {result.spread('ours'):.0%}")
    for name in result.peers():
        print(f"{'':20} {'':>9}  {name:10} {number(result.median(name)):>9}  {result.ratio(name):7.3f} x  "
              f"spread {result.spread(name):.0%}")
    print(f"{'':20} {verdict(result.ok()):>9}  {row.bar_text()}", flush=True)


def section(result):
    row = result.row
    lines = [f"## {row.name}: {verdict(result.ok())}", "", f"{row.title}; {row.unit}. Bar: {row.bar_text()}.", "",
             "| server | median | ours / it | spread |", "|---|---|---|---|",
             f"| ours | {number(result.median('ours'))} | | {result.spread('ours'):.0%} |"]
    for name in result.peers():
        lines.append(f"| {name} | {number(result.median(name))} | {result.ratio(name):.3f} | {result.spread(name):.0%} |")
    return [*lines, "", f"![{row.name}]({row.name}.svg)", ""]


def drawn(result):
    row = result.row
    ranges = [(name, result.median(name), min(result.figures[name]), max(result.figures[name])) for name in result.figures]
    if not row.along:
        return plot.bars(row.title, row.unit, ranges)
    ours, *smaller = ranges
    return plot.line(row.title, row.unit, row.along,
                     [*((int(name), *figures) for name, *figures in smaller), (row.most, *ours[1:])])


def write(results, kinds, quick):
    REPORT.mkdir(parents=True, exist_ok=True)
    lines = ["# Benchmark", ""]
    if quick:
        lines += ["Made by --quick: these figures mean nothing.", ""]
    lines += ["| server | what it does |", "|---|---|"]
    lines += [f"| {kind.name} | {kind.describe} |" for kind in kinds.values()]
    lines.append("")
    for result in results:
        lines += section(result)
        (REPORT / f"{result.row.name}.svg").write_text(drawn(result))
    (REPORT / "report.md").write_text("\n".join(lines))
    print(f"report: {REPORT.relative_to(REPORT.parents[1])}/report.md", flush=True)
