#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Source lines (--vmlinux), as binutils' addr2line tells them of the kernel that is built here."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import debian  # noqa: E402
import guest  # noqa: E402
from fdgdb import fdgdb, report, validate  # noqa: E402
from tap import Tap  # noqa: E402

tap = Tap()
SERIES = "6.12-scx"


def lines():
    """Functions and lines of all frames, as binutils' addr2line finds them in the same file."""
    with guest.Guest(SERIES, scenario="idle", vcpus=2) as g:
        doc = report("attach", g.target, "--vmlinux", g.kernel.vmlinux, "--section", "stacks")
        tap.equal((doc["_status"], validate(doc)), (0, []), f"{g.release}: --vmlinux: complete and valid")
        slide = doc["fdgdb"]["kernel"]["slide"]
        want = {}
        for s in doc["fdgdb"]["stacks"]:
            for f in s["frames"]:
                if f["kind"] != "user" and "symbol" in f and "module" not in f:
                    at = f["ip"] - slide - (f["kind"] != "exact")
                    want.setdefault(at, f)
        out = subprocess.run(["addr2line", "-aife", g.kernel.vmlinux], text=True, check=True,
                             input="".join(f"{at:#x}\n" for at in want), stdout=subprocess.PIPE).stdout
        wrong = []
        for at, body in re.findall(r"^(0x[0-9a-f]+)\n(.*?)(?=^0x|\Z)", out, re.M | re.S):
            words = body.split("\n")
            theirs = [(name, re.sub(r" \(discriminator.*", "", pos))
                      for name, pos in zip(words[0::2], words[1::2])]
            ours = [(x["function"], f'{x.get("file")}:{x.get("line")}') for x in want[int(at, 16)].get("lines", [])]
            # An assembler's functions are no DIEs: addr2line takes their names from the symbols.
            if len(ours) == 1 and ours[0][0] == "?":
                ours = [(theirs[0][0], ours[0][1])]
            if len(ours) != len(theirs) or any(a[0] != b[0] or not b[1].endswith("/" + a[1])
                                               for a, b in zip(ours, theirs)):
                wrong.append((at, ours, theirs))
        tap.ok(len(want) > 30 and not wrong, f"{g.release}: lines of {len(want)} addresses as by addr2line",
               "\n".join(map(str, wrong[:5])))
        inlined = sum(x["inlined"] for f in want.values() for x in f.get("lines", []))
        tap.ok(inlined > 5, f"{g.release}: {inlined} of them inlined")
        text = fdgdb("attach", "--vmlinux", g.kernel.vmlinux, "--section", "stacks", g.target).out
        tap.ok(re.search(r"default_idle\+0x\w+/0x\w+  arch/x86/kernel/process\.c:\d+\n", text),
               f"{g.release}: text has lines", text[:2000])


def main():
    guest.close_on_signals()
    try:
        debian.kernel(SERIES)
    except debian.Gone as e:
        tap.skip("lines", e)
    else:
        tap.guarded("lines", lines)
    tap.done()


main()
