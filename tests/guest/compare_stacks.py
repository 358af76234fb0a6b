# SPDX-License-Identifier: LGPL-2.1-or-later
"""Stacks as fdgdb unwinds them against those that the guest's kernel tells of itself (/proc/PID/stack)."""

import collections
import re

# Every thread: how often it was switched away, what it does, its stack.
READ = """for p in /proc/[0-9]*/task/[0-9]*; do echo "== ${p##*/}"
    cat $p/status $p/stack 2>/dev/null; echo "wchan: $(cat $p/wchan 2>/dev/null)"; done; true"""
FRAME = re.compile(r"\[<0>\] (\S+)\+0x([0-9a-f]+)/0x([0-9a-f]+)")


def parse(text):
    """{pid: (context switches, state, wait channel, [(symbol, offset, size)])}"""
    threads = {}
    for pid, body in re.findall(r"^== (\d+)\n(.*?)(?=^== |\Z)", text, re.M | re.S):
        switches = re.findall(r"ctxt_switches:\s+(\d+)", body)
        state = re.search(r"^State:\s+(\S)", body, re.M)
        frames = [(s, int(o, 16), int(n, 16)) for s, o, n in FRAME.findall(body)]
        wchan = re.search(r"^wchan: (\S*)", body, re.M)
        if len(switches) == 2 and state and wchan:
            threads[int(pid)] = (tuple(switches), state[1], wchan[1], frames)
    return threads


class Symbols:
    """/proc/kallsyms, read as root: names may be many, and addresses have many names."""

    def __init__(self, text):
        self.by_name = collections.defaultdict(set)
        for line in text.splitlines():
            addr, _, name = line.split()[:3]
            self.by_name[name].add(int(addr, 16))

    def one(self, name):
        (addr,) = self.by_name[name]
        return addr

    def sched(self, ip):
        """What the kernel leaves out of /proc/PID/stack."""
        return any(self.one(f"__{s}_text_start") <= ip < self.one(f"__{s}_text_end") for s in ("sched", "lock"))


def one(symbols, stack, frames):
    """What is wrong with one stack; None if it is the same."""
    if not stack["complete"]:
        return f"not to its end: {stack['why']}"
    got = [f for f in stack["frames"] if f["kind"] != "user" and not symbols.sched(f["ip"])]
    if any(f["kind"] == "guess" for f in got):
        return "guesses"
    if len(got) != len(frames):
        return "other frames"
    for f, (name, offset, size) in zip(got, frames):
        # By address: where a symbol has two names, the kernel may choose the other.
        if f["ip"] - offset not in symbols.by_name[name]:
            return f"ip 0x{f['ip']:x} is not {name}+0x{offset:x}"
        if (f.get("offset"), f.get("size")) != (offset, size):
            return f"offset and size of {name}: {f.get('offset')}, {f.get('size')}, not {offset}, {size}"
        if f["symbol"] != name and f["ip"] - offset not in symbols.by_name[f["symbol"]]:
            return f"{f['symbol']} is not {name}"
    return None


def stacks(symbols, before, after, doc):
    """(problems, number compared, number that ran in between) for all threads that slept all the while."""
    ours = {s["pid"]: s for s in doc["fdgdb"].get("stacks", []) if s.get("pid")}
    problems, same, ran = [], 0, 0
    waits = {t["pid"]: t.get("wchan", "0") for t in doc["fdgdb"].get("tasks", [])}
    for pid, (switches, state, wchan, frames) in before.items():
        if after.get(pid) != (switches, state, wchan, frames) or state == "R":
            ran += 1
            continue
        # The dead have none.
        if state in "ZX" and pid not in ours and not frames:
            continue
        if pid not in ours:
            problems.append(f"{pid} has no stack")
            continue
        if "vcpu" in ours[pid]:
            ran += 1
            continue
        wrong = one(symbols, ours[pid], frames)
        if not wrong and waits[pid] != wchan and not symbols.by_name[waits[pid]] & symbols.by_name[wchan]:
            wrong = f"wait channel {waits[pid]}, not {wchan}"
        same += not wrong
        if wrong:
            problems.append(f"{pid} ({ours[pid]['comm']}): {wrong}")
            problems.extend(f"    want {s}+0x{o:x}/0x{n:x}" for s, o, n in frames)
            problems.extend(f"    got  {f.get('symbol')}+0x{f.get('offset', 0):x}/0x{f.get('size', 0):x} {f['kind']}"
                            for f in ours[pid]["frames"])
    return problems, same, ran
