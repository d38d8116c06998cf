"""Reads Prometheus's text format, strictly."""

import re

SAMPLE = re.compile(r'([a-z][a-z0-9_]*)(?:\{(.*)\})? ([0-9.]+)')
LABEL = re.compile(r'([a-z][a-z0-9_]*)="((?:[^"\\]|\\.)*)"(?:,|$)')


def parse(text):
    """{(name, (labels...)): value} after having checked the form."""
    samples, kinds, described, family = {}, {}, set(), None
    for line in text.splitlines():
        if line.startswith("# HELP "):
            family = line.split(" ", 3)[2]
            assert family not in described and line.endswith("."), line
            described.add(family)
        elif line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name == family and kind in ("counter", "gauge", "histogram"), line
            assert name.endswith("_total") == (kind == "counter"), f"{name} is a {kind}"
            kinds[name] = kind
        else:
            name, labels, value = SAMPLE.fullmatch(line).groups()
            assert name == family or kinds[family] == "histogram" and re.sub("_(bucket|sum|count)$", "", name) == family
            found = tuple(LABEL.findall(labels or ""))
            assert "".join(f'{k}="{v}",' for k, v in found).rstrip(",") == (labels or ""), line
            assert (name, found) not in samples, line
            samples[name, found] = float(value)
    for name in (n for n, kind in kinds.items() if kind == "histogram"):
        buckets = [(dict(labels)["le"], value) for (n, labels), value in samples.items() if n == f"{name}_bucket"]
        values = [value for _, value in buckets]
        assert buckets[-1][0] == "+Inf" and values == sorted(values) and values[-1] == samples[f"{name}_count", ()]
        assert name.endswith("_seconds") and f"{name}_sum" in {n for n, _ in samples}
    return samples


def value(samples, name, **labels):
    return samples[name, tuple(labels.items())]
