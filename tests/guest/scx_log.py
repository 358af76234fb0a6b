# SPDX-License-Identifier: LGPL-2.1-or-later
"""Ends of sched_ext schedulers, out of the guest's own dmesg."""

import re


def ends(g, name):
    """Of schedulers of this name, oldest first: what fdgdb.scx.log_exits has of each."""
    # When, unless the kernel is to keep that for itself, and by whom, if it tells that.
    lines = [re.sub(r"^(\[ *[0-9.]+\])?(\[ *[TC][0-9]+\])? ", "", s) for s in g.run("dmesg").text.splitlines()]
    out = []
    for i, line in enumerate(lines):
        m = re.match(rf'sched_ext: BPF (?:sub-)?scheduler "{re.escape(name)}" disabled \((.*)\)$', line)
        if not m:
            continue
        end, i = {"ops_name": name, "reason": m[1], "msg": None}, i + 1
        if i < len(lines) and lines[i].startswith(f"sched_ext: {name}: "):
            end["msg"], i = lines[i].removeprefix(f"sched_ext: {name}: "), i + 1
        frames = []
        while i < len(lines) and re.match(r" {2,}\w.*\+0x[0-9a-f]+/0x[0-9a-f]+", lines[i]):
            frames.append(lines[i].strip())
            i += 1
        end["backtrace"] = frames or None
        out.append(end)
    return out
