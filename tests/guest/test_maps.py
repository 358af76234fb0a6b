#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every map of the test object equals bpftool's dump of it, entry by entry, by attach and from a dump."""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare  # noqa: E402
import compare_traces  # noqa: E402
import debian  # noqa: E402
import guest  # noqa: E402
import oracle  # noqa: E402
from fdgdb import report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
# At least so much of the test object is compared, or the test has lost its object.
MIN_MAPS, MIN_ENTRIES, MIN_COUNTED = 30, 500, 5


def traces(g, doc):
    """Names and offsets of frames, in native code of BPF programs too; the frames of a program by its build ID."""
    problems, seen = compare_traces.traces(doc, compare_traces.symbols(g, doc))
    tap.ok(not problems, f"{g.release}: frames by /proc/kallsyms: {seen}", "\n".join(problems))
    tap.ok(seen.get("bpf") and seen.get("kernel", 0) > 3, "frames of a BPF program and of the kernel", seen)
    problems, n = compare_traces.build_ids(doc, g.run("bpfrun --build-id").text.strip())
    tap.ok(n and not problems, f"{n} frames by build ID", "\n".join(problems))


def check(doc, before, after, what, has_arena):
    tap.equal(doc["_status"], 0, f"{what}: complete ({doc['_stderr'].strip()})")
    r = compare.maps(before, after, doc)
    tap.ok(not r.problems, f"{what}: {r}", "\n".join(r.problems))
    tap.ok(len(r.compared) >= MIN_MAPS and r.entries >= MIN_ENTRIES and r.counted >= MIN_COUNTED,
           f"{what}: enough was compared, {r.counted} maps with the kernel's own count", r)
    tap.equal(validate(doc), [], f"{what}: valid against the schema")
    problems, n = compare.floats(doc)
    tap.ok(n and not problems, f"{what}: {n} floats", "\n".join(problems))
    problems, n = compare.owned(doc, before)
    tap.ok(n and not problems, f"{what}: {n} things that bpftool cannot dump", "\n".join(problems))
    if has_arena:
        problems, n = compare.arena(doc)
        tap.ok(n and not problems, f"{what}: {n} arena pages", "\n".join(problems))


def one(series):
    try:
        debian.kernel(series)
    except debian.Gone as e:
        tap.skip(f"maps of {series}", str(e))
        return
    with guest.Guest(series, scenario="rich", vcpus=2) as g:
        before = oracle.Reading(g)
        g.stop()
        core = g.dump(f"{g.dir}/core")
        attached = report("attach", g.target)
        dumped = report("core", core)
        tap.ok(g.ticks(1), f"{g.release}: the guest runs on")
        after = oracle.Reading(g)
        has_arena = not series.startswith("6.1-") and series != "6.1"  # arenas came with 6.9
        check(attached, before, after, f"{g.release}, attach", has_arena)
        traces(g, attached)
        check(dumped, before, after, f"{g.release}, core", has_arena)


def main():
    guest.close_on_signals()
    for series in sys.argv[1:] or pick(tap, "maps of", ["6.1", "6.12", "6.16", "6.18", "7.0", "7.2", "7.3"], ["6.1-oldest"]):
        tap.guarded(series, one, series)
    tap.done()


main()
