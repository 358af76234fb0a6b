#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Modules are what /proc/modules and sysfs say, and all code has the name that /proc/kallsyms has for it."""

import collections
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
from fdgdb import BINARY, report, validate  # noqa: E402
from modules import insert  # noqa: E402
from tap import Tap, pick  # noqa: E402

tap = Tap()
TOOL = os.path.join(os.path.dirname(BINARY), "tests", "tools", "kernel-info")
# Kept from 6.1 to 7.3, depends on nothing, small.
SIGNED, UNSIGNED = "ts_kmp", "cordic"
USED, USER = "llc", "stp"  # the second depends on the first


def proc_modules(g):
    rows = []
    for line in g.run("cat /proc/modules").text.splitlines():
        name, size, refs, users, state, base, *taints = line.split()
        users = [u for u in users.strip("-").split(",") if u]
        rows.append({"name": name, "size": int(size), "refs": int(refs), "state": state.lower(), "base": int(base, 16),
                     "used_by": [u for u in users if u != "[permanent]"] or None,
                     "permanent": "[permanent]" in users or None,
                     "taint_letters": taints[0].strip("()") if taints else None})
    return rows


def build_id(g, name):
    path = f"/sys/module/{name}/notes/.note.gnu.build-id"
    raw = g.run(f"cat {path} 2>/dev/null", check=False).out
    return raw[16:].hex() if raw else None


def check_modules(g, verb, target, want):
    what = f"{g.release} {verb}"
    doc = report(verb, target, "--section", "modules")
    mine = doc["fdgdb"]["modules"]
    got = [{k: m.get(k) for k in want[0]} for m in mine]
    tap.equal(got, want, f"{what}: {len(want)} modules as /proc/modules has them")
    tap.equal([(m["name"], m.get("build_id")) for m in mine], [(m["name"], build_id(g, m["name"])) for m in want],
              f"{what}: their build ids")
    tap.ok(all(sum(p["size"] for p in m["memory"]) == m["size"] for m in mine) and
           all(m["memory"][0] == {"kind": "text", "addr": m["base"], "size": m["memory"][0]["size"]} for m in mine),
           f"{what}: their memory", mine)
    status = {s["name"]: s["status"] for s in doc["fdgdb"]["sections"]}
    tap.equal(status["modules"], "complete", f"{what}: the section is complete")
    tap.equal(validate(doc), [], f"{what}: valid against the schema")
    return doc


def trace(g):
    """A trampoline of ftrace, and pages of kprobes' instructions."""
    g.run("mount -t tracefs none /sys/kernel/tracing 2>/dev/null; cd /sys/kernel/tracing &&"
          "echo do_nanosleep >set_ftrace_filter && echo function >current_tracer &&"
          # Somewhere there an instruction begins that is not the function's first.
          "n=0; for o in $(seq 6 40); do echo \"p:k$o vfs_read+$o\" >>kprobe_events 2>/dev/null && n=$((n+1));"
          "[ $n = 2 ] && break; done; for e in events/kprobes/*/enable; do echo 1 >$e; done; sleep 2")


def is_mapping(name):
    return name.startswith((".L", "L0")) or re.match(r"\$[adtx](\.|$)", name)


def check_symbols(g, core):
    """Each start of a symbol in code that is not the kernel's own: its name, and no offset."""
    names = collections.defaultdict(list)
    owners = {}
    for line in g.run("grep -F '[' /proc/kallsyms").text.splitlines():
        addr, kind, name, owner = line.split()
        addr = int(addr, 16)
        if addr >> 63 and kind not in "aA" and not is_mapping(name):
            names[addr].append(name)
            # ftrace keeps names of code that ended with a module's init; another module's may be there by now.
            owners.setdefault(addr, owner)
    p = subprocess.run([TOOL, "-a", core], input="".join(f"{a:x}\n" for a in names), capture_output=True, text=True,
                       check=True)
    bad, seen = [], collections.Counter()
    for line in p.stdout.splitlines():
        addr, text = line.rsplit(" ", 1)[0].split(" ", 1)
        addr = int(addr, 16)
        m = re.fullmatch(r"(.*)\+0x0/0x[0-9a-f]+(?: (\[.*\]))?", text)
        owner = owners[addr]
        seen[owner] += 1
        if not m or m[1] != names[addr][0] or m[2] != (None if owner == "[bpf]" else owner):
            bad.append(f"{addr:x} {text}, kallsyms {names[addr]} {owner}")
    tap.ok(not bad and sum(seen.values()) == len(names), f"{g.release}: {len(names)} names by /proc/kallsyms",
           "\n".join(bad))
    for owner in ("[bpf]", "[__builtin__ftrace]", "[__builtin__kprobes]", f"[{SIGNED}]"):
        tap.ok(seen[owner], f"{g.release}: {seen[owner]} of them {owner}", seen)


def run(series):
    try:
        with guest.Guest(series, scenario="rich", vcpus=2, memory=512) as g:
            insert(g, SIGNED, True)
            insert(g, UNSIGNED, False)
            for name in (USED, USER):
                insert(g, name)
            trace(g)
            want = proc_modules(g)
            tap.ok({m["name"]: m["taint_letters"] for m in want}.items() >=
                   {SIGNED: None, UNSIGNED: "E"}.items(), f"{g.release}: one module is tainted", want)
            tap.equal([m["used_by"] for m in want if m["name"] == USED], [[USER]], f"{g.release}: one uses another")
            check_modules(g, "attach", g.target, want)
            core = f"{g.dir}/core"
            g.stop()
            g.dump(core)
            g.cont()
            check_modules(g, "core", core, want)
            check_symbols(g, core)
    except debian.Gone as e:
        tap.skip(f"series {series}", e)


for each in pick(tap, "series", ["6.1", "6.18"], ["6.12", "6.16", "7.0", "7.2", "7.3"]):
    tap.guarded(f"series {each}", run, each)
tap.done()
