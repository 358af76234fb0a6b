#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system as a whole against what the guest says of itself: log, what went wrong."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
NUMA = ["-object", "memory-backend-ram,id=m0,size=256M", "-object", "memory-backend-ram,id=m1,size=256M",
        "-numa", "node,nodeid=0,cpus=0-1,memdev=m0", "-numa", "node,nodeid=1,cpus=2-3,memdev=m1"]
APPEND = "psi=1 printk.devkmsg=on panic=0"
LINES = 6000  # more than the ring of 2^17 bytes has room for


def read(g, *files):
    """The files' contents, all read by one command."""
    out = g.run("; ".join(f"echo '=== {f}'; cat {f}" for f in files)).text
    parts = re.split(r"^=== (.*)\n", out, flags=re.M)[1:]
    return dict(zip(parts[::2], parts[1::2]))


# ---- the log

def dmesg(records):
    """As `dmesg -r` writes them."""
    lines = []
    for r in records:
        t = r["ts_ns"] // 1000
        lines += [f"<{r['facility'] * 8 + r['level']}>[{t // 10**6:5}.{t % 10**6:06}] {line}"
                  for line in r.get("text", "<lost>").split("\n")]
    return lines


def kmsg(g):
    """/dev/kmsg: {seq: (priority, microseconds, continuation, text, {KEY: value})}."""
    got = {}
    for line in g.run("timeout 1 cat /dev/kmsg", check=False, timeout=120).text.splitlines():
        m = re.match(r"(\d+),(\d+),(\d+),(.)[^;]*;(.*)", line)
        if m:
            seq = int(m[2])
            text = re.sub(rb"\\x([0-9a-f]{2})", lambda e: bytes([int(e[1], 16)]), m[5].encode())
            got[seq] = (int(m[1]), int(m[3]), m[4] == "c", text.decode("utf-8", "replace"), {})
        elif line.startswith(" ") and got:
            key, value = line[1:].split("=", 1)
            got[seq][4][key] = value
    return got


def log(g, what):
    before = g.run("dmesg -r", timeout=120).out.decode("utf-8", "replace").splitlines()
    doc = report("attach", g.target, "--section", "log")
    after = g.run("dmesg -r", timeout=120).out.decode("utf-8", "replace").splitlines()
    records = doc["fdgdb"]["log"]["records"]
    tap.equal(doc["_status"], 0, f"{what}: complete ({doc['_stderr'].strip()})")
    # The guest shows no record to which its writer may still add.
    ours = dmesg([r for r in records if "state" not in r])
    # Written while it was read: at the end only, and the ring drops as much at its beginning.
    first = ours.index(after[0]) if after[0] in ours else 0
    tap.ok(ours[first:] == after[:len(ours) - first] and len(ours) - first >= 0.9 * len(before),
           f"{what}: {len(ours)} lines as dmesg shows them",
           "\n".join([f"{len(before)} {len(after)} {first}"] +
                     [f"{a!r}\n{b!r}" for a, b in zip(ours[first:], after) if a != b][:8]))
    live = kmsg(g)
    wrong = []
    for r in records:
        k = live.get(r["seq"])
        mine = (r["facility"] * 8 + r["level"], r["ts_ns"] // 1000, r.get("cont", False), r.get("text"),
                {k.upper(): r[k] for k in ("subsystem", "device") if k in r})
        if k and k != mine:
            wrong.append((r["seq"], k, mine))
    shared = sum(r["seq"] in live for r in records)
    tap.ok(not wrong and shared >= 0.9 * len(records), f"{what}: {shared} of {len(records)} records as in /dev/kmsg",
           wrong[:5])
    tap.equal([r["seq"] for r in records], list(range(records[0]["seq"], records[0]["seq"] + len(records))),
              f"{what}: numbered one after the other")
    return doc


def wrap_log(g):
    """Goes round the ring with texts of all lengths and levels. The last has a newline in it and none at its end:
    until something else is printed it may be continued, and is not shown in the guest."""
    g.run(f"""dmesg -n 1
        (for i in $(seq {LINES}); do echo "<$((i % 8))>line $i ${{PATH:0:$((i % 17))}}"; done) >/dev/kmsg
        printf '<13>two\\nlines\\001\\377' >/dev/kmsg""", timeout=300)


def logs(g, what):
    doc = log(g, what)
    tap.equal(doc["fdgdb"]["log"]["overwritten"], 0, f"{what}: nothing was overwritten")
    wrap_log(g)
    doc = log(g, f"{what}, wrapped")
    records = doc["fdgdb"]["log"]["records"]
    tap.equal(doc["fdgdb"]["log"]["overwritten"], records[0]["seq"], f"{what}, wrapped: the others were overwritten")
    tap.ok(records[0]["seq"] > 0, f"{what}, wrapped: it is", records[0])
    last = records[-1]
    tap.equal((last["facility"], last["level"], last["text"], last.get("state")), (1, 5, "two\nlines\1\ufffd", "committed"),
              f"{what}, wrapped: a record not yet final")
    tap.ok(records[-1]["seq"] not in kmsg(g), f"{what}, wrapped: which the guest's own reader cannot see")
    text = fdgdb("attach", "--section", "log", g.target).out
    tap.ok("\nlog: " in text and "lines" in text and f"line {LINES - 3}" in text, f"{what}: text shows the end of it", text)
    seq = max(kmsg(g)) + 1
    g.run("dmesg -c >/dev/null")
    doc = report("attach", g.target, "--section", "log")
    tap.ok(doc["fdgdb"]["log"]["clear_seq"] >= seq and doc["fdgdb"]["log"]["records"][0]["seq"] < seq,
           f"{what}: dmesg -c hides nothing from us", (seq, doc["fdgdb"]["log"]["clear_seq"]))


# ---- what went wrong

def trouble(g, what):
    files = read(g, "/proc/sys/kernel/tainted", "/sys/kernel/oops_count", "/sys/kernel/warn_count")
    k = report("attach", g.target, "--section", "log")["fdgdb"]["kernel"]
    want = {f: int(v) for f, v in files.items() if v.strip()}
    got = {"/proc/sys/kernel/tainted": k["tainted"], "/sys/kernel/oops_count": k["nr_oopses"],
           "/sys/kernel/warn_count": k["nr_warnings"]}
    tap.equal(got, want, f"{what}: taints, oopses, warnings")
    tap.equal((k.get("panic_cpu"), k["oops_in_progress"]), (None, 0), f"{what}: no panic")


def panic(g, what):
    """The end of the guest: what it printed is all there."""
    try:
        g.run("echo c >/proc/sysrq-trigger", timeout=5, check=False)
    except guest.GuestError:
        pass
    time.sleep(2)
    doc = report("attach", g.target, "--section", "log")
    k = doc["fdgdb"]["kernel"]
    tap.ok(k.get("panic_cpu", 99) < g.vcpus, f"{what}: panics on a CPU", k)
    texts = [r.get("text", "") for r in doc["fdgdb"]["log"]["records"][-60:]]
    tap.ok(any("Kernel panic - not syncing" in t for t in texts), f"{what}: the panic is in the log", "\n".join(texts))
    text = fdgdb("attach", "--section", "log", g.target).out
    tap.ok(re.search(r"^trouble +panic on CPU \d", text, re.M) and "Kernel panic - not syncing" in text,
           f"{what}: text says it", text)


def one(series):
    with guest.Guest(series, scenario="idle", vcpus=4, append=APPEND, qemu=NUMA) as g:
        what = g.release
        doc = report("attach", g.target)
        tap.equal(validate(doc), [], f"{what}: valid against the schema")
        trouble(g, what)
        logs(g, what)
        panic(g, f"{what}, panic")


def main():
    guest.close_on_signals()
    for series in sys.argv[1:] or pick(tap, "the system on", ["6.1", "6.18", "7.3"], ["6.12", "6.16", "7.0", "7.2"]):
        tap.guarded(series, one, series)
    tap.done()


main()
