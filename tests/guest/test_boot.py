#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The guests themselves: they boot, are filled, are hung, answer, and end. Nothing here needs fdgdb."""

import os
import sys
import tempfile

import debian
import oracle
import tap as taplib
from guest import Guest, close_on_signals

t = taplib.Tap()
close_on_signals()


def lacks_scx(series):
    # Debian's 6.1 and 6.12 are built without sched_ext.
    return series in ("6.1", "6.12")


def rich(series):
    with Guest(series, scenario="rich", vcpus=2) as g:
        what = f"{series} rich"
        before = oracle.Reading(g)
        filled = {m["name"]: before.dumps[i] for i, m in before.maps.items() if m.get("name")}
        t.ok(len(before.maps) > 40, f"{what}: maps", len(before.maps))
        for name, n in {"hash": 39, "lru": 19, "hash_nopre": 100, "hash_key": 30, "many": 7,
                        "pcpu_hash": 6, "pcpu_array": 6, "hash_big": 3, "lpm": 4}.items():
            t.equal(len(filled[name]), n, f"{what}: entries of {name}")
        t.ok(g.ticks(), f"{what}: the clock goes on")
        after = oracle.Reading(g)
        # The programs on live links count how often they ran; nothing else may move.
        still = {i for i, m in before.maps.items() if m.get("name") != "links.bss"}
        t.equal(sorted(still - set(oracle.steady(before, after))), [], f"{what}: no map changes")


def hung(series):
    with Guest(series, scenario="hung", vcpus=2) as g:
        what = f"{series} hung"
        pid = int(g.run("cat /run/starved.pid").text)
        times = f"cut -d ' ' -f 2,3,14,15 /proc/{pid}/stat"
        first = g.run(times).text
        t.ok(first.startswith("(starved) R"), f"{what}: the task is runnable", first)
        t.ok(g.ticks(3), f"{what}: the clock goes on")
        t.equal(g.run(times).text, first, f"{what}: the task does not run")
        t.equal(g.run("cat /sys/kernel/sched_ext/root/ops").text.strip(), "stall",
                f"{what}: the scheduler is there")
        names = {m.get("name") for m in oracle.Reading(g).maps.values()}
        t.ok({"victims", "counters", "task_ctxs", "stall.bss"} <= names, f"{what}: its maps", names)


def control(series):
    with Guest(series, scenario="idle", vcpus=2, gdb="tcp", append="pti=on") as g:
        what = f"{series} idle"
        r = g.run("echo out; echo err >&2; exit 3", check=False)
        t.equal((r.status, r.out, r.err), (3, b"out\n", b"err\n"), f"{what}: status, out and err")
        t.equal(len(g.run("head -c 300000 /dev/zero").out), 300000, f"{what}: long answers")
        g.stop()
        t.ok(not g.running() and not g.ticks(1, timeout=3), f"{what}: stopped, the clock stands")
        with tempfile.TemporaryDirectory() as d:
            for paging in (False, True):
                with open(g.dump(os.path.join(d, f"core{paging}"), paging), "rb") as f:
                    t.equal(f.read(4), b"\x7fELF", f"{what}: dump, paging {paging}")
        g.cont()
        t.ok(g.running() and g.ticks(), f"{what}: the clock goes on")
        g.run("echo h >/proc/sysrq-trigger")
        t.ok("sysrq: HELP" in g.run("dmesg").text, f"{what}: sysrq")
        where, pid = g.dir, g.pid
    t.ok(not os.path.exists(where) and not os.path.exists(f"/proc/{pid}"), f"{what}: nothing is left")


def main():
    # Every kernel of the short run is booted by another test, too.
    short, rest = ["6.18"], ["6.1", "6.12", "6.16", "6.17", "6.19", "7.0", "7.1", "7.2", "7.3"]
    jobs = [(control, "6.18")]
    for series in sys.argv[1:] or taplib.pick(t, "boot", short, rest):
        jobs.append((rich, series))
        if not lacks_scx(series):
            jobs.append((hung, series))
    for job, series in jobs:
        what = f"{series} {job.__name__}"
        try:
            debian.kernel(series)
        except debian.Gone as e:
            t.skip(what, str(e))
            continue
        t.guarded(what, job, series)
    t.done()


main()
