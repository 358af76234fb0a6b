#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stacks: tasks' are what /proc/PID/stack says, frame by frame; vCPUs' where they are known to be."""

import os
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import compare_stacks as compare  # noqa: E402
import debian  # noqa: E402
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from modules import insert  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()

# Sleepers under the function graph tracer and a kretprobe: their return addresses are not what they were.
TRACE = """cd /sys/kernel/tracing
echo 'r:nap hrtimer_nanosleep' >kprobe_events && echo 1 >events/kprobes/nap/enable || exit 1
echo do_nanosleep >set_ftrace_filter && echo function_graph >current_tracer || exit 1
sleep 1000 & echo $!; sleep 0.5"""
# A program of BPF for as long as it takes, again and again, and files read beside it.
BUSY = """(while :; do bpftool prog run pinned /sys/fs/bpf/rich/tail_target data_in /run/frame repeat 200000; done) \
    >/dev/null 2>&1 & echo $!
(while :; do cat /proc/kallsyms; done) >/dev/null & echo $!"""
# Blocked for good: a child that shares its memory and does not call exec().
VFORK = "vforked >/dev/null & sleep 0.5; echo $!"


def same(g, what, *args):
    """A report between two readings, and whether what slept all the while is the same in all three."""
    before = compare.parse(g.run(compare.READ).text)
    doc = report("attach", g.target, *args)
    after = compare.parse(g.run(compare.READ).text)
    symbols = compare.Symbols(g.run("cat /proc/kallsyms", timeout=300).text)
    problems, nr, ran = compare.stacks(symbols, before, after, doc)
    tap.ok(not problems and nr >= 30, f"{g.release}: {what}: {nr} stacks as in /proc ({ran} threads ran)",
           "\n".join(problems))
    status = {s["name"]: s for s in doc["fdgdb"]["sections"]}["stacks"]
    tap.equal(status, {"name": "stacks", "status": "complete"}, f"{g.release}: {what}: the section")
    return doc


def by_pid(doc, pid):
    return next((s for s in doc["fdgdb"]["stacks"] if s.get("pid") == pid), {"frames": []})


def names(stack):
    return [f.get("symbol") for f in stack["frames"]]


def idle_vcpus(g, what, doc):
    """At least one vCPU is idle: its stack goes from the halt to where the CPU was started."""
    vcpus = [s for s in doc["fdgdb"]["stacks"] if "vcpu" in s]
    tap.equal([s["vcpu"] for s in vcpus], list(range(len(vcpus))), f"{g.release}: {what}: a stack per vCPU")
    idle = [s for s in vcpus if s.get("comm", "").startswith("swapper")]
    starts = ("common_startup_64", "secondary_startup_64_no_verify")
    good = [s for s in idle if s["complete"] and "do_idle" in names(s) and names(s)[-1] in starts]
    tap.ok(idle and idle == good, f"{g.release}: {what}: idle vCPUs, down to the start of the CPU",
           "\n".join(f"{s.get('comm')} {names(s)} {s.get('why')}" for s in vcpus))


def until_idle(g, tries=8):
    """A report in which a vCPU is idle; the guest's init does something now and then."""
    for _ in range(tries):
        doc = report("attach", g.target, "--section", "stacks")
        if any(s.get("comm", "").startswith("swapper") for s in doc["fdgdb"]["stacks"] if "vcpu" in s):
            return doc
        time.sleep(0.3)
    return doc


def module_threads(g):
    """Kernel threads that sleep in a module."""
    doc = same(g, "with a module", "--section", "stacks")
    threads = [s for s in doc["fdgdb"]["stacks"] if s.get("comm", "").startswith("kpktgend_")]
    tap.ok(len(threads) == 2 and all(any(f.get("module") == "pktgen" for f in s["frames"]) for s in threads),
           f"{g.release}: threads in a module", threads)


def busy(g, seconds=60):
    """vCPUs at random places of the kernel and of a BPF program: each stack goes to its end."""
    pids = g.run(BUSY).text.split()
    nr, bad, bpf = 0, [], []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        doc = report("attach", g.target, "--section", "stacks")
        for s in doc["fdgdb"]["stacks"]:
            if "vcpu" not in s:
                continue
            nr += 1
            if not s["complete"] or not s["frames"]:
                bad.append(s)
            if any(f.get("module") == "bpf" and f.get("prog_id") for f in s["frames"]):
                bpf.append(s)
        if nr >= 16 and bpf:
            break
        time.sleep(0.1)
    tap.ok(not bad, f"{g.release}: {nr} stacks of busy vCPUs to their end", bad)
    g.run(f"kill {' '.join(pids)}; killall -q bpftool cat", check=False)
    want = ["bpf_prog_test_run_skb", "__sys_bpf", "do_syscall_64"]
    good = [s for s in bpf if [n for n in names(s) if n in want] == want and s["frames"][-1]["kind"] == "user"]
    tap.ok(bpf and good == bpf, f"{g.release}: {len(bpf)} of them through a BPF program", [names(s) for s in bpf])


def in_nmi(g):
    """A panic in an NMI: from the NMI's stack back to what it came into. The guest is of no more use then."""
    g.run("echo 0 >/proc/sys/kernel/panic; echo 1 >/proc/sys/kernel/unknown_nmi_panic")
    g.hmp("nmi")
    for _ in range(20):
        time.sleep(1)
        doc = report("attach", g.target, "--section", "stacks")
        vcpus = [s for s in doc["fdgdb"]["stacks"] if "vcpu" in s]
        hit = [s for s in vcpus if any(f.get("stack") == "nmi" for f in s["frames"])]
        if hit:
            break
    kinds = [f.get("stack") for f in hit[0]["frames"]] if hit else []
    inner = [f.get("symbol", "").removesuffix(".cold") for f in hit[0]["frames"] if f.get("stack") == "nmi"] if hit else []
    came_into = [f["kind"] for f in hit[0]["frames"] if f.get("stack") != "nmi"][:1] if hit else []
    tap.ok(len(hit) == 1 and hit[0]["complete"] and {"unknown_nmi_error", "exc_nmi"} <= set(inner) and kinds.count("nmi") >= 5 and
           came_into in (["exact"], ["user"]), f"{g.release}: through the NMI stack", vcpus)
    tap.ok(all(s["complete"] for s in vcpus), f"{g.release}: and the other CPU, stopped by that", vcpus)


def everything(series):
    with guest.Guest(series, scenario="rich", vcpus=2, memory=768) as g:
        doc = same(g, "as it is")
        tap.equal(validate(doc), [], f"{g.release}: valid against the schema")
        idle_vcpus(g, "idle", until_idle(g))

        pid = int(g.run(TRACE).text.split()[-1])
        doc = same(g, "under tracers", "--section", "stacks")
        stack = by_pid(doc, pid)
        tap.ok({"do_nanosleep", "hrtimer_nanosleep"} <= set(names(stack)) and stack["complete"],
               f"{g.release}: the real return addresses of a traced sleeper", names(stack))
        user = stack["frames"][-1:]
        regs = g.run(f"cat /proc/{pid}/syscall").text.split()
        tap.equal([(f["kind"], f["sp"], f["ip"]) for f in user], [("user", int(regs[-2], 16), int(regs[-1], 16))],
                  f"{g.release}: where it is in user space")
        tap.equal(stack.get("wchan"), g.run(f"cat /proc/{pid}/wchan").text.strip(), f"{g.release}: its wait channel")
        g.run("cd /sys/kernel/tracing; echo nop >current_tracer; echo 0 >events/kprobes/nap/enable")

        busy(g)
        try:
            insert(g, "pktgen")
            module_threads(g)
        except debian.Gone as e:
            tap.skip(f"{g.release}: a module", e)

        pid = int(g.run(VFORK).text.split()[-1])
        text = fdgdb("attach", "--section", "stacks", g.target).out
        tap.ok(f"{pid} vforked (blocked)\n" in text and "    kernel_clone+0x" in text.split("(blocked)")[1],
               f"{g.release}: text has the stack of a blocked task", text)
        in_nmi(g)


def user(series):
    """Every vCPU in user mode, its page table without the kernel (KPTI)."""
    with guest.Guest(series, scenario="user", vcpus=2, append="pti=on") as g:
        for _ in range(10):
            doc = report("attach", g.target, "--section", "stacks,vcpus")
            vcpus = [s for s in doc["fdgdb"]["stacks"] if "vcpu" in s]
            spins = [s["comm"] for s in vcpus if s.get("comm", "").startswith("spin-")]
            if spins and not all(r["in_kernel"] for r in doc["vcpu_regs"]):
                break  # the others do something now and then
            time.sleep(0.3)
        at = [(r["instruction_pointer"], r["stack_pointer"]) for r in doc["vcpu_regs"] if not r["in_kernel"]]
        got = [(f["ip"], f["sp"]) for s in vcpus for f in s["frames"] if f["kind"] == "user" and len(s["frames"]) == 1]
        tap.ok(at and set(at) <= set(got), f"{g.release}: user mode under KPTI", f"{at} {vcpus}")
        tap.ok(all(s["complete"] for s in doc["fdgdb"]["stacks"]), f"{g.release}: all stacks to their end",
               [s for s in doc["fdgdb"]["stacks"] if not s["complete"]])
        tap.ok(spins, f"{g.release}: whose it is", vcpus)


def main():
    guest.close_on_signals()
    asked = sys.argv[1:]
    for series in asked or pick(tap, "stacks on", ["6.12", "6.18", "7.3"], ["6.1", "7.0", "7.2"]):
        tap.guarded(series, everything, series)
    for series in asked or pick(tap, "user mode on", ["6.18"], ["7.3"]):
        tap.guarded(series, user, series)
    tap.done()


main()
