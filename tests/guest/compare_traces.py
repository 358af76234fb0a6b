# SPDX-License-Identifier: LGPL-2.1-or-later
"""Frames of stack traces in maps, by /proc/kallsyms and by the build ID of the program that they are of."""

import bisect
import re

SYMBOL = re.compile(r"(\S+)\+0x([0-9a-f]+)/0x([0-9a-f]+)(?: \[(\S+)\])?")


def _frames(doc):
    """(map, bucket, place in the trace, address, text) of each frame in the kernel."""
    for m in doc["maps"]:
        for row in m.get("stack_trace", {"entries": []})["entries"]:
            for n, (pc, text) in enumerate(zip(row.get("pcs", []), row.get("symbols", [None] * row["nr"]))):
                if pc >> 63:
                    yield m["name"], row["bucket_id"], n, pc, text


def symbols(g, doc):
    """Lines of the guest's /proc/kallsyms around the frames: to get all of it out takes long."""
    megabytes = {f"{(pc >> 20) - n:011x}" for _, _, _, pc, _ in _frames(doc) for n in (0, 1)}
    return g.run(f"grep -E '^({'|'.join(sorted(megabytes))})' /proc/kallsyms", timeout=180).text


def traces(doc, kallsyms):
    """Problems with the names of frames in maps of stack traces, by /proc/kallsyms; the count of frames by whose code
    they are ("kernel", "bpf", a module) comes second."""
    at, problems, seen = {}, [], {}
    for line in kallsyms.splitlines():
        addr, _, name, *owner = line.split()
        # Padding before functions has symbols of its own.
        if not name.startswith("__pfx_"):
            at.setdefault(int(addr, 16), []).append((name, owner[0].strip("[]") if owner else "kernel"))
    starts = sorted(at)
    for name, bucket, n, pc, text in _frames(doc):
        found = SYMBOL.fullmatch(text or "")
        # A return address is that of the call behind which it stands; the first is where it was.
        near = starts[bisect.bisect_right(starts, pc if not n else pc - 1) - 1]
        names = dict(at[near])
        if not found or found[1] not in names or int(found[2], 16) != pc - near:
            problems.append(f"{name} {bucket}: {pc:#x} {text}, kallsyms {names} at {near:#x}")
            continue
        owner = names[found[1]]
        seen[owner] = seen.get(owner, 0) + 1
        if (found[4] or owner) != owner:
            problems.append(f"{name} {bucket}: {pc:#x} {text}, of {owner}")
    return problems, seen


def build_ids(doc, want):
    """Problems with the traces by build ID, all of the program that has this one; how many were compared comes second.
    Only where the system call was made: what is above it on the stack of a program without frame pointers is chance."""
    row = next(m for m in doc["maps"] if m["name"] == "stacks_build_id")
    frames = [e["build_ids"][0] for e in row["stack_trace"]["entries"] if e["build_ids"]]
    problems = [f"frame {f}, not {want}" for f in frames
                if f["status"] != 1 or f["build_id"].replace(" ", "") != want or not 0 < f["offset"] < 4 << 20]
    return problems, len(frames)
