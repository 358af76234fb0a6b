# SPDX-License-Identifier: LGPL-2.1-or-later
"""Counters of the system against the guest's own files in /proc, read before and after."""

import math
import re


def read(g, *files):
    """The files' contents, all read by one command."""
    out = g.run("; ".join(f"echo '=== {f}'; cat {f}" for f in files)).text
    parts = re.split(r"^=== (.*)\n", out, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2]))


def table(text):
    """Rows of /proc/interrupts and /proc/softirqs: {name: [count per CPU]}."""
    lines = text.splitlines()
    nr = len(lines[0].split())
    rows = (line.split() for line in lines[1:])
    return {r[0].rstrip(":"): [int(v) for v in r[1:nr + 1]] for r in rows if len(r) > nr}


class Brackets:
    """Values between two readings of the guest; equal readings leave no room."""

    def __init__(self):
        self.nr = self.equal = 0
        self.wrong = []

    def check(self, name, before, ours, after, slack=0):
        self.nr += 1
        self.equal += before == after
        if not before - slack <= ours <= after:
            self.wrong.append(f"{name}: {before} <= {ours} <= {after}")

    def report(self, tap, what):
        tap.ok(self.nr and not self.wrong, f"{what}: {self.nr} values lie between two readings, "
               f"{self.equal} of them equal ones", "\n".join(self.wrong))


def counts(text, names):
    """Of lines "Name: 12" and "name 12", those with these names; all for None."""
    got = {m[1]: int(m[2]) for m in re.finditer(r"^(\S+?):? +(\d+)$", text, re.M)}
    return got if names is None else {k: got[k] for k in names if k in got}


# ---- /proc/vmstat

# Worked out when somebody asks; always 0.
LEFT_OUT = {"nr_dirty_threshold", "nr_dirty_background_threshold", "nr_unstable"}


def check_vmstat(tap, what, before, ours, after):
    """Each counter of /proc/vmstat: what stood still is equal, an event lies between, the rest is left out and named."""
    before, after = ({k: v for k, v in counts(t, None).items() if not k.startswith("HugePages")} for t in (before, after))
    tap.equal(set(ours) ^ (set(before) - LEFT_OUT), set(), f"{what}: all {len(ours)} counters of vmstat")
    gauges = [k for k in ours if k.startswith("nr_")]
    moved = [k for k in gauges if before.get(k) != after.get(k)]
    wrong = [(k, before[k], ours[k], after[k]) for k in ours if k in before and k not in moved
             and not before[k] <= ours[k] <= after[k]]
    still = sum(before.get(k) == after.get(k) for k in ours)
    tap.equal(wrong, [], f"{what}: {still} counters of vmstat that stood still, {len(ours) - still - len(moved)} that grew")
    tap.ok(len(moved) <= math.ceil(len(ours) / 10), f"{what}: hardly any counter of vmstat went up and down", moved)
    if moved:
        tap.note(f"{what}: up and down meanwhile: {', '.join(moved)}")


# ---- /proc/interrupts

def interrupts(text):
    """{number or label: (count by CPU, the rest of the line)}"""
    lines = text.splitlines()
    cpus = [int(c[3:]) for c in lines[0].split()]
    got = {}
    for line in lines[1:]:
        name, *rest = line.split(None, 1)
        numbers = re.match(r"((?:\s*\d+(?=\s|$))*)", rest[0])[1].split() if rest else []
        if len(numbers) < len(cpus):
            continue  # ERR, MIS: of all CPUs together
        tail = rest[0].split(None, len(cpus))[len(cpus):]
        got[name.rstrip(":")] = (dict(zip(cpus, map(int, numbers))), tail[0].strip() if tail else "")
    return got


def check_interrupts(tap, what, before, rows, after):
    """Every line, each CPU's count between two readings, and the names of chip and handlers."""
    before, after = interrupts(before), interrupts(after)
    ours = {r["label"] if "label" in r else str(r["irq"]): r for r in rows}
    # Of the processor's own the kernel has no counter that is not a line, but shows none that the machine cannot have.
    tap.equal([k for k in before if k not in ours], [], f"{what}: all {len(before)} lines of /proc/interrupts")
    tap.equal([k for k, r in ours.items() if k not in before and (k.isdigit() or r["total"])], [],
              f"{what}: and no others, but counters that are 0")
    b, names = Brackets(), []
    for key, (counted, tail) in before.items():
        r = ours[key]
        for cpu, n in counted.items():
            b.check(f"{key} on CPU {cpu}", n, r["counts"][cpu], after[key][0][cpu])
        if r["total"] != sum(r["counts"]):
            names.append((key, "total"))
        if key.isdigit() and not (r.get("chip", "") in tail and tail.endswith(r.get("actions", ""))):
            names.append((key, r.get("chip"), r.get("actions"), tail))
    b.report(tap, what)
    tap.equal(names, [], f"{what}: chips and handlers by name")
    tap.ok(any(r.get("actions") for r in rows), f"{what}: of which there are some", rows)
