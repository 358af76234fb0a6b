#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Programs, links, BTF objects, struct_ops and maps of file descriptors are what bpftool says they are."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_progs as compare  # noqa: E402
import guest  # noqa: E402
import image  # noqa: E402
import oracle  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
SECTIONS = ("maps", "progs", "links", "btfs")


def none(problems, what):
    tap.ok(not problems, what, "\n".join(problems))


def sections(doc, what):
    status = {s["name"]: s["status"] for s in doc["fdgdb"]["sections"]}
    tap.equal({s: status.get(s) for s in SECTIONS}, dict.fromkeys(SECTIONS, "complete"),
              f"{what}: the sections are complete")


def look(g, verb, target, *args):
    """A report between two readings of everything."""
    before = oracle.Reading(g)
    doc = report(verb, target, *args)
    return before, doc, oracle.Reading(g)


def everything(g, what, before, doc, after):
    uptime, now = g.run("cut -d ' ' -f 1 /proc/uptime; date +%s").text.split()
    none(compare.progs(doc, before.progs, after.progs, float(now) - float(uptime)),
         f"{what}: {len(before.progs)} programs")
    none(compare.links(doc, before.links), f"{what}: {len(before.links)} links")
    none(compare.btfs(doc, before.btfs), f"{what}: {len(before.btfs)} BTF objects")
    problems, nr = compare.addresses(doc, g.run("grep -w bpf /proc/kallsyms").text)
    tap.ok(not problems and nr >= len(before.progs), f"{what}: {nr} addresses by /proc/kallsyms", "\n".join(problems))
    sections(doc, what)
    tap.equal(validate(doc), [], f"{what}: valid against the schema")


def marked(name):
    """{remark at its end: (file, number, text)} of a source's lines."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "bpf", name), encoding="utf-8") as f:
        return {m[1]: (name, n, line.strip()) for n, line in enumerate(f, 1)
                if (m := re.search(r"/\* ([a-z ]*) \*/$", line.strip()))}


def bpf_frames(stacks, outermost):
    """(function, file, line, text) of the frames in BPF code, of the one stack that has this function."""
    found = [[(x["function"], os.path.basename(x["file"]), x["line"], x["text"].strip())
              for f in s["frames"] for x in f.get("lines", []) if f.get("module") == "bpf"] for s in stacks]
    return next((f for f in found if f and f[-1][0] == outermost), [])


def lines(g):
    """The source lines of BPF programs on stacks: of one that loops, and of one that sleeps."""
    g.run("bpftool prog loadall /bpf/lines.bpf.o /sys/fs/bpf/lines")
    theirs = g.json("linfo spinner sleeper")
    g.run("bpfrun /sys/fs/bpf/lines/sleeper fault >/dev/null & bpfrun /sys/fs/bpf/lines/spinner >/dev/null &")
    at = {**marked("lines.bpf.c"), **marked("lines.h")}
    for _ in range(20):
        doc = report("attach", g.target, "--section", "stacks,progs")
        text = fdgdb("attach", "-v", "--section", "stacks", g.target).out
        loop = bpf_frames([s for s in doc["fdgdb"]["stacks"] if "vcpu" in s], "spinner")
        asleep = bpf_frames([s for s in doc["fdgdb"]["stacks"] if "vcpu" not in s], "sleeper")
        if loop and asleep:
            break
        time.sleep(0.3)
    tap.equal([f[1:] for f in loop if f[0] != "turn"], [at["inner loop"], at["outer loop"], at["called"]],
              f"{g.release}: the lines of a program that loops")
    tap.equal([f[0] for f in loop if f[0] != "turn"], ["turn_again", "twice", "spinner"],
              f"{g.release}: and its functions")
    tap.equal(asleep, [("sleep_at", *at["sleeps here"]), ("sleeper", *at["asleep"])],
              f"{g.release}: the lines of a program that sleeps, one of them in another file")
    problems, nr = compare.lines(doc, theirs)
    tap.ok(not problems and nr >= 5, f"{g.release}: {nr} lines by the kernel's own list", "\n".join(problems))
    tap.ok("/lines.h:" in text and "\n        " + at["sleeps here"][2] + "\n" in text,
           f"{g.release}: text has lines and their source", text[:2000])
    tap.equal(validate(doc), [], f"{g.release}: lines valid against the schema")


def streams(g):
    """What programs have written, and the kernel about one of them, and nobody has read."""
    pins = "/sys/fs/bpf/streams"
    g.run(f"bpftool prog loadall /bpf/streams.bpf.o {pins}; bpfrun {pins}/writer; bpfrun {pins}/endless")
    # A reader takes all there is into a list of its own, and some of that; what comes afterwards is in another list.
    g.run(f"streamread {pins}/writer 1 9; bpfrun {pins}/writer; bpfrun {pins}/writer")
    doc = report("attach", g.target, "--section", "progs")
    text = fdgdb("attach", "--section", "progs", g.target).out
    got = {(p["name"], s["name"]): s for p in doc["fdgdb"]["progs"] for s in p.get("streams", [])}
    tap.equal(sorted(got), [("endless", "stderr"), ("writer", "stderr"), ("writer", "stdout")],
              f"{g.release}: the streams that hold something")
    for (prog, stream), s in got.items():
        want = g.run(f"bpftool prog tracelog {stream} pinned {pins}/{prog} 2>&1").text
        tap.equal(s, {"name": stream, "text": want}, f"{g.release}: what {prog} has written to {stream}")
    one = "round {0} of the writer\n" + "no newline {0}, " * 3 + "then one\n\n"
    tap.equal(got["writer", "stdout"]["text"], (one.format(1) + one.format(2) + one.format(3))[9:],
              f"{g.release}: and that is what it wrote")
    _, number, line = marked("streams.bpf.c")["without end"]
    tap.ok(line in got["endless", "stderr"]["text"] or "may_goto" in got["endless", "stderr"]["text"],
           f"{g.release}: the kernel's note on a program that does not end", got["endless", "stderr"])
    tap.ok("writer (" in text and "    3 errors\n" in text and "    then one\n" not in text
           and "    no newline 2, no newline 2, no newline 2, then one\n" in text, f"{g.release}: streams as text", text)
    tap.equal(validate(doc), [], f"{g.release}: streams valid against the schema")


def rich(series):
    """Maps of file descriptors, links of all types that can be made, counts that do not stand at 0."""
    with guest.Guest(series, scenario="rich", vcpus=2, memory=768) as g:
        g.run("echo 1 >/proc/sys/kernel/bpf_stats_enabled;"
              "bpftool prog run pinned /sys/fs/bpf/rich/tail_target data_in /run/frame repeat 7")
        before, doc, after = look(g, "attach", g.target)
        everything(g, g.release, before, doc, after)
        counts = {p["name"]: p["run_cnt"] for p in doc["fdgdb"]["progs"]}
        tap.equal(counts["tail_target"], 7, f"{g.release}: a program that ran seven times")
        names = {p["name"] for p in before.progs}
        undone = [x for x in re.findall(r"/links/(\w+): (.*)", g.console()) if x[0] in names and x[1] != "done"]
        tap.equal(undone, [], f"{g.release}: all that this kernel has is attached ({len(before.links)} links)")
        problems, nr = compare.slots(doc, before.maps.values(), before.dumps)
        tap.ok(not problems and nr >= 12, f"{g.release}: {nr} maps of file descriptors", "\n".join(problems))
        tap.equal(doc.get("prog_runtime_stats_unavailable"), "no struct_ops programs loaded",
                  f"{g.release}: no struct_ops programs, and said so")
        text = fdgdb("attach", "--section", "maps,progs,links", g.target).out
        for part in ("tp_name=task_rename", "ifname=lo", "cgroup_path=/tests/inner", "prog_name=tail_target",
                     "trace_fentry bpf_fentry_test1"):
            tap.ok(part in text, f"{g.release}: text has {part}")
        alone = report("attach", g.target, "--section", "progs")
        tap.ok(alone["fdgdb"]["progs"] and not alone["maps"] and not alone["fdgdb"]["links"],
               f"{g.release}: --section progs gives programs alone")
        lines(g)
        if "-DHAVE_STREAMS" in image.features(g.kernel):
            streams(g)


def hung(series):
    """A struct_ops map and its programs, live and in a core."""
    with guest.Guest(series, scenario="hung-keep", vcpus=2) as g:
        before, doc, after = look(g, "attach", g.target)
        everything(g, g.release, before, doc, after)
        tap.equal(len(before.struct_ops), 2, f"{g.release}: one struct_ops map")
        none(compare.struct_ops(doc, before.struct_ops), f"{g.release}: its table, functions, state and link")
        stats = {s["name"] for s in doc.get("prog_runtime_stats", [])}
        tap.equal(stats, {p["name"][:15] for p in before.progs if p["type"] == "struct_ops"},
                  f"{g.release}: prog_runtime_stats has the struct_ops programs")
        g.stop()
        core = report("core", g.dump(f"{g.dir}/core"))
        g.cont()
        none(compare.struct_ops(core, before.struct_ops), f"{g.release}: the same in a core")
        none(compare.links(core, before.links), f"{g.release}: the same links in a core")


def main():
    guest.close_on_signals()
    asked = sys.argv[1:]
    newer = ["6.16", "6.17", "6.19", "7.0", "7.1", "7.2", "7.3"]
    for series in asked or pick(tap, "programs on", ["6.18"], ["6.1", "6.12", *newer]):
        tap.guarded(series, rich, series)
    # 6.1 and 6.12 have no sched_ext.
    scx = [s for s in asked if s not in ("6.1", "6.12")]
    for series in scx if asked else pick(tap, "struct_ops on", ["6.18"], newer):
        tap.guarded(series, hung, series)
    tap.done()


main()
