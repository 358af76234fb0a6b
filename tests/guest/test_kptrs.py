#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bpf/kptrs.bpf.c has put into maps that only the kernel has the types of: objects, lists, a tree, timers."""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
import image  # noqa: E402
import modules  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
PINS = "/sys/fs/bpf/kptrs"
# A timer whose map no program or process has open cannot be started: the maps are pinned.
LOAD = (f"mkdir /sys/fs/cgroup/kept; echo $$ >/sys/fs/cgroup/kept/cgroup.procs;"
        f"bpftool prog loadall /bpf/kptrs.bpf.o {PINS} pinmaps {PINS}/maps && bpfrun {PINS}/fill_slots &&"
        f"bpfrun {PINS}/fill_chains")
HOUR = 3600 * 10**9


def plain(v):
    """The value as Python has it; a pointer is what it leads to, or what is said of it, or its address."""
    if v["kind"] == "struct":
        return {m["name"]: plain(m["value"]) for m in v["members"]}
    if v["kind"] == "array":
        return [plain(e) for e in v["elements"]]
    if v["kind"] == "ptr":
        return plain(v["deref"]) if "deref" in v else v.get("cast_annotation", v["value"])
    if v["kind"] == "cpu_list":
        return v["cpus"]
    return v.get("value", v)


def entries(doc, name):
    m = next(m for m in doc["maps"] if m["name"] == name)
    return [plain(e["value"]) for e in m["array_entries"]] if "array_entries" in m else plain(m["value"])


def boottime(g):
    """Nanoseconds since the boot; a guest that never slept has the same on CLOCK_MONOTONIC."""
    return int(float(g.run("cat /proc/uptime").text.split()[0]) * 10**9)


def check(g, what, doc, ids, between):
    slots = entries(doc, "slots")
    tap.ok(not any(slots[0].values()) or
           {k: v for k, v in slots[0].items() if v} == {"timer": {"timer": 0}, "wq": {"work": 0}},
           f"{what}: nothing where nothing is", slots[0])
    comm = g.run("cat /proc/1/comm").text.strip()
    got = [(s["own"], s["task"], s["cgroup"], s["mask"], s["counts"]) for s in slots[1:]]
    want = [({"id": 0x1122334455667700 + i, "pair": [i, 0xffffffff - i]}, f"task 1 {comm}", "cgroup /kept", f"0,{i}" if
             i > 1 else "0-1", [{"n": 100 * i + cpu} for cpu in range(4)]) for i in (1, 2, 3)]
    tap.equal(got, want, f"{what}: objects, a task, a cgroup, CPUs, and one object for each CPU")
    timers = [s["timer"]["timer"] for s in slots[1:]]
    tap.equal([(t["queued"], t["clockid"]) for t in timers], [(False, 1), (True, 7), (True, 1)],
              f"{what}: timers that were started, or not, and by which clock")
    for i in (2, 3):
        low, high = (t + i * HOUR for t in between)
        # /proc/uptime has hundredths of a second.
        tap.ok(low - 10**7 <= timers[i - 1]["expires"] <= high + 10**7, f"{what}: when timer {i} expires",
               (low, timers[i - 1], high))
    works = [s["wq"]["work"] for s in slots[1:]]
    tap.ok(all(re.fullmatch(r"bpf_prog_\w+_tick\+0x0/0x[0-9a-f]+", t["callback_fn"]) for t in timers) and
           all(re.fullmatch(r"bpf_prog_\w+_later\+0x0/0x[0-9a-f]+", w["callback_fn"]) for w in works),
           f"{what}: their callbacks", timers + works)
    tap.equal([(x["prog"], x["map"]) for x in timers + works],
              [(f"program {ids['fill_slots']} fill_slots", f"map {ids['slots']} slots")] * 6,
              f"{what}: the program and map that they belong to")
    tap.equal([w["pending"] for w in works], [False] * 3, f"{what}: works that were not started")

    shelves = [[(b["n"], b["twice"]) for b in s["books"]["objects"]] for s in entries(doc, "shelves")]
    tap.equal(shelves, [[], [(7, 14)], [(100 + i, 200 + 2 * i) for i in range(20)]], f"{what}: lists, in order")
    tree = entries(doc, ".data.kptrs")["tree"]["objects"]
    tap.equal([t["key"] for t in tree], list(range(40)), f"{what}: a tree, in order")
    wrong = [s for s in doc["fdgdb"]["sections"] if s["name"] == "maps" and (s["status"], s.get("cut")) != ("complete", None)]
    tap.equal((validate(doc), wrong), ([], []), f"{what}: complete, and valid against the schema")


def run(series):
    if "-DHAVE_KPTRS" not in image.features(debian.kernel(series)):
        tap.skip(f"{series}: objects of programs", "this kernel declares no functions to make them")
        return
    with guest.Guest(series, scenario="rich", vcpus=4, memory=768) as g:
        before = boottime(g)
        g.run(LOAD, timeout=120)
        between = (before, boottime(g))
        ids = {x["name"]: x["id"] for x in g.json("bpftool -j prog show") + g.json("bpftool -j map show") if "name" in x}
        attach = report("attach", g.target)
        check(g, f"{g.release} attach", attach, ids, between)
        # All that belongs to it is read for one map, too; nothing is asked of a guest that runs again.
        alone = report("attach", g.target, "--map", "slots", "--map", "shelves", "--map", ".data.kptrs")
        tap.equal([entries(alone, n) for n in ("slots", "shelves", ".data.kptrs")],
                  [entries(attach, n) for n in ("slots", "shelves", ".data.kptrs")], f"{g.release}: --map has the same")
        tap.equal([s["hdr"] for s in entries(alone, "slots")[1:]], [{"mine": i} for i in (1, 2, 3)],
                  f"{g.release}: objects of a type that no module has")
        modules.insert(g, "pktgen")
        g.stop()
        core = g.dump(f"{g.dir}/core")
        g.cont()
        doc = report("core", core)
        check(g, f"{g.release} core", doc, ids, between)
        tap.ok(all(isinstance(s["hdr"], int) and s["hdr"] for s in entries(doc, "slots")[1:]),
               f"{g.release}: once a module has that type, such a pointer may lead to the module's", entries(doc, "slots"))
        text = fdgdb("core", "--map", "slots", core).out
        tap.ok("task=" in text and "(cgroup /kept)" in text and re.search(r"callback_fn=0x\w+ \(bpf_prog_\w+_tick", text),
               f"{g.release}: as text", text)


guest.close_on_signals()
for each in sys.argv[1:] or pick(tap, "objects of programs on", ["7.3"], ["6.12", "6.18", "7.0", "7.2"]):
    tap.guarded(each, run, each)
tap.done()
