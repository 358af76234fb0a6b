#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The system as a whole against what the guest says of itself: log, load, memory, CPU time, nodes, pressure, panic."""

import math
import os
import re
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
from compare_system import Brackets, check_interrupts, check_vmstat, counts, read, table  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap, full, pick  # noqa: E402

tap = Tap()
NUMA = ["-object", "memory-backend-ram,id=m0,size=256M", "-object", "memory-backend-ram,id=m1,size=256M",
        "-numa", "node,nodeid=0,cpus=0-1,memdev=m0", "-numa", "node,nodeid=1,cpus=2-3,memdev=m1"]
APPEND = "psi=1 printk.devkmsg=on printk.time=1 panic=0"
STALE = 150  # hundredths of a second: the guest's last tick may be this far back
COUNTED = "6.12-scx"  # is built here, with what Debian's kernels lack
LINES = 6000  # more than the ring of 2^17 bytes has room for


# ---- the log

def caller(r):
    return f"C{r['caller_cpu']}" if "caller_cpu" in r else f"T{r['caller_pid']}"


def dmesg(records, callers):
    """As `dmesg -r` writes them, with whoever has written them if the kernel is made so."""
    lines = []
    for r in records:
        t = r["ts_ns"] // 1000
        by = f"[{caller(r):>6}]" if callers else ""
        lines += [f"<{r['facility'] * 8 + r['level']}>[{t // 10**6:5}.{t % 10**6:06}]{by} {line}"
                  for line in r.get("text", "<lost>").split("\n")]
    return lines


def kmsg(g):
    """/dev/kmsg: {seq: (priority, microseconds, continuation, text, {KEY: value}, caller)}; a caller is "T12", "C0", or None
    in a kernel without CONFIG_PRINTK_CALLER."""
    got = {}
    for line in g.run("timeout 1 cat /dev/kmsg", check=False, timeout=120).text.splitlines():
        m = re.match(r"(\d+),(\d+),(\d+),(.)(?:,caller=(\w+))?[^;]*;(.*)", line)
        if m:
            seq = int(m[2])
            text = re.sub(rb"\\x([0-9a-f]{2})", lambda e: bytes([int(e[1], 16)]), m[6].encode())
            got[seq] = (int(m[1]), int(m[3]), m[4] == "c", text.decode("utf-8", "replace"), {}, m[5])
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
    live = kmsg(g)
    ours = dmesg([r for r in records if "state" not in r], any(k[5] for k in live.values()))
    # Written while it was read: at the end only, and the ring drops as much at its beginning.
    first = ours.index(after[0]) if after[0] in ours else 0
    tap.ok(ours[first:] == after[:len(ours) - first] and len(ours) - first >= 0.9 * len(before),
           f"{what}: {len(ours)} lines as dmesg shows them",
           "\n".join([f"{len(before)} {len(after)} {first}"] +
                     [f"{a!r}\n{b!r}" for a, b in zip(ours[first:], after) if a != b][:8]))
    wrong = []
    for r in records:
        k = live.get(r["seq"])
        mine = (r["facility"] * 8 + r["level"], r["ts_ns"] // 1000, r.get("cont", False), r.get("text"),
                {k.upper(): r[k] for k in ("subsystem", "device") if k in r},
                k and k[5] and caller(r))
        if k and k != mine:
            wrong.append((r["seq"], k, mine))
    shared = sum(r["seq"] in live for r in records)
    tap.ok(not wrong and shared >= 0.9 * len(records), f"{what}: {shared} of {len(records)} records as in /dev/kmsg",
           wrong[:5])
    tap.equal([r["seq"] for r in records], list(range(records[0]["seq"], records[0]["seq"] + len(records))),
              f"{what}: numbered one after the other")
    # What ends without a newline may be continued; what goes on is marked. Nothing else has flags here.
    odd = [(r["flags"], r.get("flag_names"), r.get("cont", False)) for r in records
           if r.get("flag_names") not in ("NEWLINE", "NEWLINE|CONT", "CONT", "FORCE_CON|NEWLINE", None)
           or r.get("cont", False) != bool(r["flags"] & 8) or (r["flags"] == 0) != ("flag_names" not in r)]
    tap.ok(not odd, f"{what}: flags by name", odd[:5])
    return doc, live


def wrap_log(g):
    """Goes round the ring with texts of all lengths and levels. The last has a newline in it and none at its end:
    until something else is printed it may be continued, and is not shown in the guest."""
    g.run(f"""dmesg -n 1
        (for i in $(seq {LINES}); do echo "<$((i % 8))>line $i ${{PATH:0:$((i % 17))}}"; done) >/dev/kmsg
        printf '<13>two\\nlines\\001\\377' >/dev/kmsg""", timeout=300)


def forced(g, what):
    """What sysrq prints is meant for the console whatever the level; kernels since 6.14 mark that."""
    g.run("echo h >/proc/sysrq-trigger")
    records = report("attach", g.target, "--section", "log")["fdgdb"]["log"]["records"]
    flags = [r.get("flag_names") for r in records if "sysrq: HELP" in r.get("text", "")]
    want = "NEWLINE" if g.series.split("-")[0] in ("6.1", "6.12") else "FORCE_CON|NEWLINE"
    tap.ok(flags and set(flags) == {want}, f"{what}: {want} of what sysrq prints", flags)


def capped(g, what):
    """Less of it, as the user says; the newest."""
    full = report("attach", g.target, "--section", "log", "--log-bytes", "all")
    short = report("attach", g.target, "--section", "log", "--log-bytes", "4K")
    a, b = (d["fdgdb"]["log"] for d in (full, short))
    tap.equal((short["_status"], a.get("cut")), (3, None), f"{what}: --log-bytes cuts, and says so in the status")
    nr = len(b["records"])
    tap.ok(5 < nr < len(a["records"]) and b["cut"] + nr >= len(a["records"]) and
           [r["text"] for r in b["records"]] == [r["text"] for r in a["records"][-nr:]],
           f"{what}: the newest {nr} of {len(a['records'])}", (b["cut"], nr, len(a["records"])))


def logs(g, what):
    doc, live = log(g, what)
    callers = sum(k[5] is not None for k in live.values())
    tap.note(f"{what}: {callers} records with a caller in /dev/kmsg")
    tap.ok(callers == len(live) if g.series == COUNTED else callers in (0, len(live)),
           f"{what}: callers of all records, or of none", callers)
    forced(g, what)
    capped(g, what)
    tap.equal(doc["fdgdb"]["log"]["overwritten"], 0, f"{what}: nothing was overwritten")


def wrapped(g, what):
    wrap_log(g)
    doc, _ = log(g, f"{what}, wrapped")
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


# ---- load, memory, command line

def system_reading(g):
    files = read(g, "/proc/uptime", "/proc/loadavg", "/proc/stat", "/proc/cmdline",
                 "/sys/devices/system/cpu/online", "/sys/devices/system/cpu/possible", "/proc/zoneinfo")
    r = {"uptime": float(files["/proc/uptime"].split()[0]), "load": files["/proc/loadavg"].split()[:3],
         "threads": int(files["/proc/loadavg"].split()[3].split("/")[1]), "cmdline": files["/proc/cmdline"].strip(),
         "online": files["/sys/devices/system/cpu/online"].strip(),
         "possible": files["/sys/devices/system/cpu/possible"].strip()}
    r["stat"] = {m[1]: int(m[2]) for m in re.finditer(r"^(ctxt|processes|btime) (\d+)$", files["/proc/stat"], re.M)}
    r["zones"] = [(int(m[1]), m[2], *(int(v) for v in m.groups()[2:])) for m in re.finditer(
        r"^Node (\d+), zone +(\S+)\n(?:.*\n)*?  pages free +(\d+)\n(?: +boost +\d+\n)? +min +(\d+)\n +low +(\d+)\n"
        r" +high +(\d+)\n(?:.*\n)*? +present +(\d+)\n +managed +(\d+)$", files["/proc/zoneinfo"], re.M)]
    return r


# What the kernel prints alike whatever happens, and zswap's pools.
CONSTANT = {"NFS_Unstable", "Bounce", "WritebackTmp", "VmallocTotal", "VmallocChunk", "Zswap", "Zswapped"}
HUGE = {"total": "HugePages_Total", "free": "HugePages_Free", "reserved": "HugePages_Rsvd", "surplus": "HugePages_Surp"}

# Reads meminfo twice without any other process coming or going, and long enough after the last that did for its
# counts to have been handed over; into files whose pages are there already, by a shell that has read it before.
STEADY = r"""
now() { read -r up _ </proc/uptime; up=${up%%.*}; }
spin() { now; end=$((up + $1)); while [ $up -lt $end ]; do i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done; now; done; }
copy() { for f in /proc/meminfo /proc/vmstat; do while read -r l; do echo "$l"; done <$f; done; }
dd if=/dev/zero of=/run/first bs=16k count=1; dd if=/dev/zero of=/run/second bs=16k count=1
exec 4<>/run/first 5<>/run/second
copy >/dev/null; copy >/dev/null; spin 4; copy >&4; now; t=$up; spin 5; copy >&5; now
echo "$t $up" >/run/times; mv /run/times /run/times.done
"""


def steady_memory(g):
    """meminfo before and after, the report in between, and whether it is."""
    ticker = g.run("awk -v me=$$ '$4 == 1 && $1 != me { print $1 }' /proc/[0-9]*/stat").text.split()
    g.run(f"kill -STOP {' '.join(ticker)}; rm -f /run/times.done")
    g.run(f"cat >/run/steady.sh <<'END'\n{STEADY}\nEND\nsh /run/steady.sh >/dev/null 2>&1 </dev/null &")
    # Whoever asks the guest whether it is done disturbs it.
    time.sleep(6.5)
    doc = report("attach", g.target, "--section", "system")
    time.sleep(5)
    for _ in range(60):
        if g.run("test -e /run/times.done", check=False).status == 0:
            break
        time.sleep(1)
    start, end = (int(t) for t in g.run("cat /run/times.done").text.split())
    first, second = (g.run(f"cat /run/{f}").text.rstrip("\0") for f in ("first", "second"))
    g.run(f"kill -CONT {' '.join(ticker)}")
    # In whole seconds, rounded down.
    between = start + 1 <= doc["fdgdb"]["system"]["uptime_ns"] / 1e9 <= end
    return first, doc, second, between


def mem_lines(text):
    return {m[1]: int(m[2]) for m in re.finditer(r"^(\S+): +(\d+) kB$", text, re.M)}


def memory(g, what):
    # Some of one size, of which somebody uses one.
    g.run("echo 4 >/proc/sys/vm/nr_hugepages 2>/dev/null", check=False)
    for _ in range(4):
        first, doc, second, between = steady_memory(g)
        before, after = mem_lines(first), mem_lines(second)
        ours = doc["fdgdb"]["system"]
        mem = ours["meminfo_kb"]
        changed = [k for k in mem if before.get(k) != after.get(k)]
        # Active and Inactive are sums of other lines.
        moved = [k for k in changed if k not in ("Active", "Inactive")]
        if between and len(moved) <= math.ceil(len(mem) / 10):
            break
    tap.ok(between, f"{what}: read between two readings of the guest")
    tap.equal(set(mem) ^ (set(before) - CONSTANT), set(), f"{what}: all {len(mem)} lines of meminfo that tell something")
    wrong = [(k, before.get(k), v) for k, v in mem.items() if k not in changed and before.get(k) != v]
    tap.equal(wrong, [], f"{what}: {len(mem) - len(changed)} lines of meminfo that stood still")
    tap.ok(len(moved) <= math.ceil(len(mem) / 10), f"{what}: hardly any line changed", changed)
    if changed:
        tap.note(f"{what}: changed meanwhile: {', '.join(changed)}")
    huge = counts(first, HUGE.values())
    default = [h for h in ours.get("huge_pages", []) if h["size_kb"] == mem.get("Hugepagesize")]
    tap.equal([{HUGE[k]: v for k, v in h.items() if k in HUGE} for h in default], [huge] if huge else [],
              f"{what}: huge pages")
    if huge:
        tap.equal(huge["HugePages_Total"], 4, f"{what}: which there are")
    check_vmstat(tap, what, first, ours["vmstat"], second)


def system(g, what):
    memory(g, what)
    before = system_reading(g)
    doc = report("attach", g.target, "--section", "system")
    after = system_reading(g)
    ours = doc["fdgdb"]["system"]
    mem = ours["meminfo_kb"]
    tap.equal(doc["_status"], 0, f"{what}: complete ({doc['_stderr'].strip()})")
    b = Brackets()
    b.check("uptime", before["uptime"] - STALE / 100, ours["uptime_ns"] / 1e9, after["uptime"])
    b.check("threads", min(before["threads"], after["threads"]) - 2, ours["nr_threads"],
            max(before["threads"], after["threads"]) + 2)
    b.check("context switches", before["stat"]["ctxt"], ours["nr_switches"], after["stat"]["ctxt"])
    b.check("forks", before["stat"]["processes"], ours["nr_forks"], after["stat"]["processes"])
    b.check("clock", before["stat"]["btime"] - 2, (ours["realtime_ns"] - ours["uptime_ns"]) // 10**9,
            after["stat"]["btime"] + 2)
    hz = doc["fdgdb"]["kernel"]["hz"]
    seconds = (ours["jiffies"] - (2**32 - 300 * hz)) / hz
    b.check("jiffies", before["uptime"] - STALE / 100 - 1, seconds, after["uptime"] + 1)
    for i, avg in enumerate(before["load"]):
        if after["load"][i] == avg:
            # loadavg rounds to the nearest.
            b.check(f"load {i}", float(avg) - 0.006, ours["load"][i], float(avg) + 0.006)
    b.report(tap, what)
    tap.equal((ours["cmdline"], ours["cpus_online"], ours["cpus_possible"]),
              (before["cmdline"], before["online"], before["possible"]), f"{what}: command line and CPUs")
    zones = [(z["node"], z["name"], z["min"], z["low"], z["high"], z["present"], z["managed"]) for z in ours["zones"]]
    tap.equal(zones, [z[:2] + z[3:] for z in before["zones"] if z[7]], f"{what}: zones and their watermarks")
    free = sum(z["free"] for z in ours["zones"]) * 4
    tap.ok(abs(free - mem["MemFree"]) < 4096, f"{what}: free pages of the zones", (free, mem["MemFree"]))
    text = fdgdb("attach", "--section", "system", g.target).out
    tap.ok("command line: console=" in text and re.search(r"memory in kB: MemTotal \d+, MemFree", text), f"{what}: in the text",
           text)


# ---- CPU time

STAT = {"cpustat_user_ns": 0, "cpustat_nice_ns": 1, "cpustat_system_ns": 2, "cpustat_irq_ns": 5,
        "cpustat_softirq_ns": 6, "cpustat_steal_ns": 7, "cpustat_guest_ns": 8, "cpustat_guest_nice_ns": 9}
IDLE, IOWAIT = 3, 4
TICK = 10**7  # /proc/stat counts hundredths of a second


def cpu_reading(g):
    files = read(g, "/proc/uptime", "/proc/stat", "/proc/softirqs", "/proc/interrupts")
    stat = {int(m[1]): [int(v) for v in m[2].split()]
            for m in re.finditer(r"^cpu(\d+) (.*)$", files["/proc/stat"], re.M)}
    irqs = [r for name, r in table(files["/proc/interrupts"]).items() if name.isdigit()]
    return {"stat": stat, "softirqs": list(table(files["/proc/softirqs"]).values()),
            "irqs": [sum(r[cpu] for r in irqs) for cpu in stat], "names": list(table(files["/proc/softirqs"]))}


def cpu_time(g, what, offline=frozenset()):
    g.run("dd if=/dev/zero of=/tmp/f bs=64k count=200 2>/dev/null; rm /tmp/f; sleep 1")
    before = cpu_reading(g)
    time.sleep(3)  # idle CPUs count nothing meanwhile
    doc = report("attach", g.target, "--section", "per_cpu_time")
    after = cpu_reading(g)
    rows = doc["per_cpu_time"]
    tap.equal(doc["_status"], 0, f"{what}: complete ({doc['_stderr'].strip()})")
    tap.equal([r["cpu"] for r in rows], sorted(set(before["stat"]) | offline), f"{what}: every possible CPU")
    tap.equal({r["cpu"] for r in rows if r.get("offline")}, set(offline), f"{what}: those that are offline")
    tap.equal([n.lower() for n in before["names"]],
              ["hi", "timer", "net_tx", "net_rx", "block", "irq_poll", "tasklet", "sched", "hrtimer", "rcu"],
              f"{what}: softirqs in the order of the format")
    b = Brackets()
    for r in rows:
        cpu = r["cpu"]
        if cpu in offline:
            continue  # /proc/stat has no line of it
        for key, i in STAT.items():
            b.check(f"CPU {cpu} {key}", before["stat"][cpu][i], r[key] // TICK, after["stat"][cpu][i])
        idle = (r.get("idle_sleeptime_ns", r["cpustat_idle_ns"]) + r.get("idle_for_ns", 0) +
                r.get("iowait_sleeptime_ns", r["cpustat_iowait_ns"]))
        # Up to the last tick, where the guest's own reading is up to date; two roundings.
        now = sum(after["stat"][cpu][IDLE:IOWAIT + 1]) + 1
        b.check(f"CPU {cpu} idle", now - STALE, idle // TICK, now)
        for i, n in enumerate(r["softirqs"]):
            b.check(f"CPU {cpu} softirq {i}", before["softirqs"][i][cpu], n, after["softirqs"][i][cpu])
        b.check(f"CPU {cpu} irqs", before["irqs"][cpu], r["irqs_sum"], after["irqs"][cpu])
    b.report(tap, what)
    text = fdgdb("attach", "-v", "--section", "per_cpu_time", g.target).out
    tap.ok(re.search(r"^CPU time in seconds: 4\n.*idle for", text, re.M) and "tasklet" in text, f"{what}: in the text", text)


# ---- interrupts

def irqs(g, what):
    before = read(g, "/proc/interrupts")["/proc/interrupts"]
    doc = report("attach", g.target, "--section", "irqs")
    after = read(g, "/proc/interrupts")["/proc/interrupts"]
    tap.equal(doc["_status"], 0, f"{what}: complete ({doc['_stderr'].strip()})")
    check_interrupts(tap, what, before, doc["fdgdb"]["irqs"], after)
    text = fdgdb("attach", "--section", "irqs", g.target).out
    tap.ok(re.search(r"^interrupts since boot: \d+\n +irq +count +most on", text, re.M) and "\n  LOC  " in text,
           f"{what}: in the text", text)


# ---- registers

# QEMU's monitor has them in its own way: "RAX=ffff888003c60000", "GS =0000 ffff88803ec00000 ffffffff 00000000".
GENERAL = ("rax rbx rcx rdx rsi rdi rbp rsp r8 r9 r10 r11 r12 r13 r14 r15 rip").split()


def monitor_registers(g):
    got = []
    for cpu in re.split(r"^CPU#\d+\n", g.hmp("info registers -a").replace("\r", ""), flags=re.M)[1:]:
        r = {k: int(re.search(rf"\b{k.upper()} ?=([0-9a-f]+)", cpu)[1], 16) for k in GENERAL}
        r["eflags"] = int(re.search(r"RFL=([0-9a-f]+)", cpu)[1], 16)
        for seg in ("cs", "ss", "ds", "es", "fs", "gs"):
            m = re.search(rf"^{seg.upper()} =([0-9a-f]+) ([0-9a-f]+)", cpu, re.M)
            r[seg] = int(m[1], 16)
            if seg in ("fs", "gs"):
                r[f"{seg}_base"] = int(m[2], 16)
        r.update((f"cr{i}", int(re.search(rf"CR{i}=([0-9a-f]+)", cpu)[1], 16)) for i in (0, 2, 3, 4))
        got.append(r)
    return got


def registers(g, what):
    """Of the stopped machine: as QEMU's monitor has them, from the stub and from a dump alike."""
    g.stop()
    want = monitor_registers(g)
    core = g.dump(f"{g.dir}/core")
    for verb, target in (("attach", g.target), ("core", core)):
        doc = report(verb, target, "--section", "vcpus")
        got = [v["registers"] for v in doc["fdgdb"]["vcpus"]]
        kernel_gs = [r.pop("k_gs_base", None) for r in got]
        tap.equal(got, want, f"{what}, {verb}: {len(want[0])} registers of {len(want)} vCPUs as the monitor has them")
        # The one that the monitor does not show: user space's, or the kernel's while in user space.
        tap.ok(all(isinstance(v, int) for v in kernel_gs), f"{what}, {verb}: and k_gs_base", kernel_gs)
        tap.equal(validate(doc), [], f"{what}, {verb}: valid against the schema")
    text = fdgdb("core", "-v", "--section", "vcpus", core).out
    tap.ok(all(f"{k}=0x{v:x}" in text for k, v in want[0].items()), f"{what}: in the text with -v", text)
    os.unlink(core)
    g.cont()


# ---- a CPU that is gone

def unplugged(g, what):
    """Its times stand; what it counted is handed over, so that sums are still right."""
    g.run("echo 0 >/sys/devices/system/cpu/cpu3/online")
    cpu_time(g, what, offline={3})
    irqs(g, what)
    numa(g, what)
    text = fdgdb("attach", "--section", "vcpus,per_cpu_time", g.target).out
    tap.ok(re.search(r"^ +3 .* offline$", text, re.M), f"{what}: said in the text", text)
    tap.ok(re.search(r"^  vcpu 3: ip=.*, CPU 3, offline\)$", text, re.M), f"{what}: of its vCPU, too", text)
    g.run("echo 1 >/sys/devices/system/cpu/cpu3/online")


# ---- NUMA

NUMASTAT = {"numa_hit": "numa_hit", "numa_miss": "numa_miss", "numa_foreign": "numa_foreign",
            "interleave_hit": "numa_interleave_hit", "local_node": "numa_local", "other_node": "numa_other"}


def numastat(g):
    """{node: {our key: count}}. Reading it hands over what the CPUs have counted by themselves."""
    files = read(g, *(f"/sys/devices/system/node/node{n}/numastat" for n in (0, 1)))
    return {int(re.search(r"node(\d+)/", f)[1]): {NUMASTAT[k]: int(v) for k, v in (x.split() for x in t.splitlines())}
            for f, t in files.items()}


def numa(g, what):
    before = numastat(g)
    g.run("dd if=/dev/zero of=/tmp/f bs=64k count=100 2>/dev/null; rm /tmp/f")
    doc = report("attach", g.target, "--section", "per_node_numa")
    after = numastat(g)
    rows = doc["per_node_numa"]
    tap.equal(doc["_status"], 0, f"{what}: complete ({doc['_stderr'].strip()})")
    tap.equal([r["node"] for r in rows], [0, 1], f"{what}: both nodes")
    b = Brackets()
    for r in rows:
        for key in NUMASTAT.values():
            b.check(f"node {r['node']} {key}", before[r["node"]][key], r[key], after[r["node"]][key])
    b.report(tap, what)
    # Without the deltas it would be what was read before, so this is no idle test.
    folded = {r["node"]: r["numa_hit"] - r["not_folded"]["numa_hit"] for r in rows}
    tap.ok(sum(r["numa_hit"] for r in rows) - sum(folded.values()) > 500,
           f"{what}: with what the CPUs had not yet handed over", rows)
    far = [abs(after[r["node"]]["numa_hit"] - r["numa_hit"]) for r in rows]
    tap.ok(max(far) < 500, f"{what}: close to what the guest says next", far)
    tap.ok("per_node_numa_unavailable" not in doc, f"{what}: no reason given")
    text = fdgdb("attach", "--section", "per_node_numa", g.target).out
    tap.ok(re.search(r"^NUMA nodes, allocated pages: 2\n +node +hit", text, re.M), f"{what}: in the text", text)


# ---- pressure

CGROUP = "/sys/fs/cgroup"


def pressure(g, groups):
    """{(path or None, resource, "some" or "full"): ({avg10: text...}, total in us)}"""
    files = {f"/proc/pressure/{r}": (None, r) for r in ("cpu", "memory", "io", "irq")}
    files.update({f"{CGROUP}{p}/{r}.pressure": (p, r) for p in groups for r in ("cpu", "memory", "io", "irq")})
    there = g.run("ls -1 " + " ".join(files) + " 2>/dev/null", check=False).text.splitlines()
    there = [f.replace(" ", "\\ ") for f in there]
    got = {}
    for f, text in read(g, *there).items():
        for line in text.splitlines():
            kind, *values = line.split()
            values = dict(v.split("=") for v in values)
            got[files[f] + (kind,)] = ({k: v for k, v in values.items() if k != "total"}, int(values["total"]))
    return got


def irq_rows(doc, rows, groups, before, after, what):
    """The format's: leaves alone, raw."""
    leaves = {rows[p]["cgroup_kva"]: p for p in groups if rows[p].get("leaf")}
    got = doc["cgroup_psi"]
    tap.equal([r["cgroup_kva"] for r in got], list(leaves), f"{what}: a row for each leaf")
    b = Brackets()
    for r in got:
        key = (leaves[r["cgroup_kva"]].replace(" ", "\\ "), "irq", "full")
        b.check(f"{key} total", before[key][1], r["total_ns"] // 1000, after[key][1])
        if before[key][0]["avg10"] == after[key][0]["avg10"]:
            tap.equal(f"{int(r['avg10_raw'] / 2048 * 100) / 100:.2f}", before[key][0]["avg10"],
                      f"{what}: {key} as irq.pressure has it")
    b.report(tap, f"{what}, irq.pressure")
    tap.ok(any(r["total_ns"] for r in got), f"{what}: some of it", got)


def psi(g, what, irq=False):
    groups = ["/quiet", "/busy", "/busy/inner one"]
    g.run(f"""cd {CGROUP}; mkdir quiet busy "busy/inner one"
        (echo 0 >"{CGROUP}/busy/inner one/cgroup.procs"
         for i in 1 2 3 4 5 6 7 8; do timeout 4 sh -c 'while :; do :; done' & done; wait)
        true""", check=False, timeout=120)
    quoted = [p.replace(" ", "\\ ") for p in groups]
    for _ in range(5):
        # The kernel averages every two seconds: a moment in which it did not.
        before = pressure(g, quoted)
        doc = report("attach", g.target, "--section", "cgroup_psi")
        after = pressure(g, quoted)
        if sum(before[k][0] != after[k][0] for k in before) * 10 <= len(before):
            break
    tap.equal(doc["_status"], 0, f"{what}: complete ({doc['_stderr'].strip()})")
    rows = {c["path"]: c for c in doc["fdgdb"]["psi"]["cgroups"]}
    tap.equal(sorted(rows), sorted(groups), f"{what}: every cgroup but the root")
    ids = {p: int(g.run(f"stat -c %i '{CGROUP}{p}'").text) for p in groups}
    tap.equal({p: c["cgroup_id"] for p, c in rows.items()}, ids, f"{what}: by their ids")
    tap.equal([p for p in groups if rows[p].get("leaf")], ["/quiet", "/busy/inner one"], f"{what}: leaves")
    b, left_out, differ = Brackets(), [], []
    for key, (avgs, total) in before.items():
        path, resource, kind = key
        group = doc["fdgdb"]["psi"]["system"] if path is None else rows[path.replace("\\", "")]
        if (path, resource, kind) == (None, "cpu", "full"):
            tap.ok("full" not in group["cpu"], f"{what}: no such thing as all tasks of the system waiting for a CPU")
            continue
        ours = group[resource][kind]
        b.check(f"{key} total", total, ours["total_ns"] // 1000, after[key][1])
        for k, v in avgs.items():
            if after[key][0][k] != v:
                left_out.append(f"{key} {k}")
            elif f"{int(ours[k] * 100) / 100:.2f}" != v:
                differ.append((key, k, v, ours[k]))
    b.report(tap, f"{what}, seconds")
    averages = 3 * len(before)
    tap.equal(differ, [], f"{what}: {averages - len(left_out)} averages as the guest shows them")
    tap.ok(len(left_out) <= averages / 10, f"{what}: hardly any left out because they changed", left_out)
    if left_out:
        tap.note(f"{what}: left out: {', '.join(left_out)}")
    tap.ok(rows["/busy/inner one"]["cpu"]["some"]["avg10"] > 1 and rows["/quiet"]["cpu"]["some"]["avg10"] == 0,
           f"{what}: where there was pressure, and where there was none", rows)
    tap.equal(("cgroup_psi" in doc, "irq" in doc["fdgdb"]["psi"]["system"]), (irq, irq),
              f"{what}: the format's rows, of pressure by interrupts, where that is counted")
    if irq:
        irq_rows(doc, rows, groups, before, after, what)
    text = fdgdb("attach", "--section", "cgroup_psi", g.target).out
    lines = [line.split()[0] for line in re.search(r"\npressure(.*?)\n\n", text, re.S)[1].splitlines()[1:]]
    # They have much the same pressure: all of it comes from one.
    lines = lines[lines.index("whole") + 1:]
    tap.equal((sorted(lines[:-1]), lines[-1], "/quiet" in text), (["/busy", "/busy/inner"], "\u2026", False),
              f"{what}: text has those under pressure")


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
        registers(g, f"{what}, registers")
        system(g, f"{what}, system")
        cpu_time(g, f"{what}, CPU time")
        irqs(g, f"{what}, interrupts")
        numa(g, f"{what}, NUMA")
        psi(g, f"{what}, pressure")
        unplugged(g, f"{what}, a CPU offline")
        logs(g, f"{what}, log")
        wrapped(g, f"{what}, log")
        panic(g, f"{what}, panic")


def counted(series):
    """What Debian's kernels do not count: interrupts' time, so that there is pressure by them, and who prints."""
    try:
        with guest.Guest(series, scenario="idle", vcpus=4, append=APPEND, qemu=NUMA) as g:
            psi(g, f"{g.release}, pressure", irq=True)
            logs(g, f"{g.release}, log")
            if full():
                irqs(g, f"{g.release}, interrupts")
                memory(g, f"{g.release}, memory")
    except debian.Gone as e:
        tap.skip(series, e)


def without(series):
    """One CPU, one node, no PSI: said, not silent."""
    with guest.Guest(series, scenario="idle", vcpus=1, append="numa=off psi=0") as g:
        doc = report("attach", g.target)
        tap.equal(doc["_status"], 0, f"{g.release}: what is not there is no failure")
        tap.equal([r["node"] for r in doc["per_node_numa"]], [0], f"{g.release}: a single node")
        tap.equal(len(doc["per_cpu_time"]), 1, f"{g.release}: a single CPU")
        section = next(s for s in doc["fdgdb"]["sections"] if s["name"] == "cgroup_psi")
        tap.equal(section["status"], "not in this kernel", f"{g.release}: PSI is off")
        tap.ok("psi=1" in section["detail"], f"{g.release}: and how it is turned on", section)


def main():
    guest.close_on_signals()
    for series in sys.argv[1:] or pick(tap, "the system on", ["6.1", "7.3", COUNTED], ["6.12", "6.16", "6.18", "7.0", "7.2"]):
        tap.guarded(series, counted if series == COUNTED else one, series)
    for series in pick(tap, "no PSI on", [], ["6.18"]):
        tap.guarded(series, without, series)
    tap.done()


main()
