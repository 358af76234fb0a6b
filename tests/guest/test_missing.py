#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""A kernel that nobody has seen: members renamed in the BTF of a dump, one name at a time.

The rest of the report goes on, and what the kernel lacks is named in it.
"""

import glob
import mmap
import os
import re
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import guest  # noqa: E402
from fdgdb import EXIT_COMPLETE, EXIT_PARTIAL, fdgdb, report, validate  # noqa: E402
from tap import Tap, full  # noqa: E402

tap = Tap()
SRC = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../src")
# Of each part of the report some, and of maps those without which a number would be wrong.
NAMES = ["value_size", "key_size", "max_entries", "map_type", "n_buckets", "btf_value_type_id", "pptrs", "used_maps",
         "dsq_hash", "runnable_list", "runnable_at", "exit_info", "static_prio", "nvcsw", "sched_class", "comm",
         "text_data_ring", "gp_seq", "cpustat", "thread"]


def asked():
    """All names of members that walkers ask for and cannot do without."""
    names = set()
    for path in glob.glob(f"{SRC}/*/*.c"):
        with open(path, encoding="utf-8") as f:
            for member in re.findall(r'\bLAYOUT\([^")]*"\w+",\s*"([^"]+)"', f.read()):
                names.add(re.sub(r"\[.*?\]", "", member.rsplit(".", 1)[-1]))
    return names


def sections(doc):
    return {s["name"]: (s["status"], s.get("detail", "")) for s in doc["fdgdb"]["sections"]}


def renamed(data, core, name):
    """The report on a dump in which no member has this name; and the dump is as before."""
    places, at = [], data.find(b"\0" + name.encode() + b"\0")
    while at >= 0:
        places.append(at + 1)
        at = data.find(b"\0" + name.encode() + b"\0", at + 1)
    for p in places:
        data[p:p + 1] = b"Z"
    try:
        return places, fdgdb("core", "-j", core)
    finally:
        for p in places:
            data[p:p + 1] = name[:1].encode()


def one(data, core, name, whole):
    places, r = renamed(data, core, name)
    if not places:
        return "it is nowhere in the dump"
    if r.status not in (EXIT_COMPLETE, EXIT_PARTIAL):
        # Some names are words that the kernel has elsewhere too.
        return None if r.err.startswith("fdgdb: no Linux kernel found") and len(places) > 2 else str(r)
    doc = r.json()
    if validate(doc):
        return validate(doc)
    if not any(re.search(rf"\b{name}\b", detail) for _, detail in sections(doc).values()):
        # No map or task in this dump needs it: then nothing may have changed either.
        if sections(doc) != sections(whole) or doc["maps"] != whole["maps"]:
            return "something is missing and nobody says what"
    return None


def main():
    guest.close_on_signals()
    with guest.Guest("6.18", scenario="hung", vcpus=2, memory=384) as g, \
            tempfile.TemporaryDirectory(prefix="fdgdb-missing.") as tmp:
        core = g.dump(f"{tmp}/core")
        os.chmod(core, 0o600)
        whole = report("core", core)
        tap.ok("types" not in sections(whole), "a known kernel lacks nothing", sections(whole).get("types"))
        names = asked()
        tap.ok(len(names) > 150, f"{len(names)} names are asked for")
        with open(core, "r+b") as f, mmap.mmap(f.fileno(), 0) as data:
            for name in sorted(names | set(NAMES)) if full() else NAMES:
                problem = one(data, core, name, whole)
                tap.ok(not problem, f"without any {name}", problem)
            doc = report("core", core)
        tap.equal(sections(doc), sections(whole), "the dump is as before")
        if not full():
            tap.skip(f"the other {len(names - set(NAMES))} names", "only with --full")
    tap.done()


main()
