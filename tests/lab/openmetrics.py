# SPDX-License-Identifier: GPL-2.0-only
"""openmetrics: a strict reader of OpenMetrics 1.0 text, for what kmc-vmm may send: counters, gauges, info."""
import re

NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{((?:[a-zA-Z_][a-zA-Z0-9_]*=\"(?:[^\"\\\n]|\\[\\\"n])*\",?)+)\} (\S+)\Z")
LABEL = re.compile(r"([a-zA-Z_][a-zA-Z0-9_]*)=\"((?:[^\"\\\n]|\\[\\\"n])*)\"(,|\Z)")
SUFFIX = {"counter": "_total", "gauge": "", "info": "_info"}


class Bad(Exception):
    pass


def _labels(text):
    labels, at = {}, 0
    while at < len(text):
        found = LABEL.match(text, at)
        if not found or found[1] in labels or (found[3] == "," and found.end() == len(text)):
            raise Bad(f"labels: {text}")
        labels[found[1]] = found[2]
        at = found.end()
    return labels


def _describe(family, line):
    """One of the lines that begin with '#'; a new family where the name is another one."""
    word = line.split(" ", 3)
    if len(word) != 4 or word[0] != "#" or word[1] not in ("TYPE", "UNIT", "HELP") or not NAME.match(word[2]):
        raise Bad(line)
    if word[1] == "TYPE":
        if word[3] not in SUFFIX:
            raise Bad(f"type: {line}")
        return {"name": word[2], "type": word[3], "samples": 0, "had": set()}
    if family is None or word[2] != family["name"] or family["samples"] or word[1] in family["had"]:
        raise Bad(f"out of place: {line}")
    if word[1] == "UNIT" and not word[2].endswith("_" + word[3]):
        raise Bad(f"unit: {line}")
    family["had"].add(word[1])
    return family


def parse(text):
    """{(name, labels as a sorted tuple): number}; Bad where it is not OpenMetrics."""
    if not text.endswith("# EOF\n"):
        raise Bad("no # EOF at the end")
    family, seen, samples = None, set(), {}
    for line in text[: -len("# EOF\n")].split("\n")[:-1]:
        if line.startswith("#"):
            before = family
            family = _describe(family, line)
            if family is not before:
                if family["name"] in seen or (before and not before["samples"]):
                    raise Bad(f"a family twice, or without a sample: {line}")
                seen.add(family["name"])
            continue
        found = SAMPLE.match(line)
        if not found or family is None or found[1] != family["name"] + SUFFIX[family["type"]]:
            raise Bad(f"sample: {line}")
        value = float(found[3])
        key = (found[1], tuple(sorted(_labels(found[2]).items())))
        if key in samples or (family["type"] == "counter" and value < 0) or (family["type"] == "info" and value != 1):
            raise Bad(f"value: {line}")
        samples[key] = value
        family["samples"] += 1
    return samples
