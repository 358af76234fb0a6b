# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares fdgdb's programs, links, BTF objects, struct_ops maps and maps of file descriptors with bpftool's.

Each function gives a list of problems.
"""


def _by_id(mine, theirs, what, problems):
    """Pairs of rows; an id that is only on one side is a problem."""
    ours = {row["id"]: row for row in mine}
    want = {row["id"]: row for row in theirs}
    if len(ours) != len(mine):
        problems.append(f"{what} twice")
    for i in want.keys() - ours.keys():
        problems.append(f"{what} {i} is missing")
    for i in ours.keys() - want.keys():
        problems.append(f"{what} {i} is not in the guest")
    return [(ours[i], want[i]) for i in sorted(want.keys() & ours.keys())]


def _check(problems, where, **pairs):
    for name, (got, want) in pairs.items():
        if got != want:
            problems.append(f"{where}: {name} {got!r}, bpftool {want!r}")


def progs(doc, theirs, after=None, boot=None):
    """Programs. Those that run meanwhile have counts between those of two readings, `theirs` and `after`; `boot` is
    the guest's boot time in seconds, to compare load times by."""
    problems = []
    later = {p["id"]: p for p in after or theirs}
    for p, want in _by_id(doc["fdgdb"]["progs"], theirs, "program", problems):
        where = f"program {want['id']} {want.get('name')}"
        _check(problems, where,
               # bpftool completes a name that fills the kernel's 15 characters from BTF.
               name=(p["name"], want.get("name", "")[:15]),
               type=(p.get("type_name"), want["type"]),
               tag=(p.get("tag"), want["tag"]),
               jited=(p["jited"], want["jited"]),
               bytes_jited=(p.get("bytes_jited"), want.get("bytes_jited")),
               bytes_xlated=(p["bytes_xlated"], want["bytes_xlated"]),
               map_ids=(sorted(p["map_ids"]), sorted(want.get("map_ids", []))),
               btf_id=(p.get("btf_id"), want.get("btf_id")))
        for key in ("run_cnt", "run_time_ns", "recursion_misses"):
            low, high = (r.get(key, 0) for r in (want, later.get(p["id"], want)))
            if not low <= p.get(key, -1) <= high:
                problems.append(f"{where}: {key} {p.get(key)}, bpftool {low} to {high}")
        if p["jited"] and p.get("jited_addr", 0) >> 47 != 0x1ffff:
            problems.append(f"{where}: at {p.get('jited_addr')}")
        if boot is not None and abs(boot + p["load_time"] / 1e9 - want["loaded_at"]) > 2:
            problems.append(f"{where}: loaded {p['load_time']} ns after boot, bpftool at {want['loaded_at']}")
        if p.get("error"):
            problems.append(f"{where}: {p['error']}")
    return problems


def _cookie(facts, want):
    """Who has no cookie has 0, which we do not write."""
    return (facts.get("cookie", 0), want.get("cookie", 0))


def _perf_target(t, want):
    """Tracepoints, probes in functions and files, other events; before 6.6 the kernel tells nothing of them."""
    if not {"tracepoint", "func", "file", "event_type"} & set(want):
        return {}
    pairs = {"cookie": _cookie(t, want)}
    if "tracepoint" in want:
        pairs["event_name"] = (t.get("event_name"), want["tracepoint"])
    elif "func" in want:
        pairs |= {"probe": (t.get("probe"), "kretprobe" if want["retprobe"] else "kprobe"),
                  "missed": (t.get("missed"), want["missed"]),
                  **{k: (t.get(k, 0), want[k]) for k in ("func", "offset", "addr")}}
    elif "file" in want:
        pairs |= {"probe": (t.get("probe"), "uretprobe" if want["retprobe"] else "uprobe"),
                  "path": (t.get("path"), want["file"]), "offset": (t.get("offset"), want["offset"])}
    elif "event_type" in want:
        pairs["event_config"] = (t.get("event_config"), want["event_config"])
    return pairs


def _multi_target(t, want, kind):
    """Links to several functions or places."""
    ours, theirs = t.get("functions", t.get("uprobes", [])), want["funcs"]
    pairs = {"number": (t.get("func_cnt", t.get("uprobe_cnt")), want["func_cnt"]),
             "cookies": ([f.get("cookie", 0) for f in ours], [f["cookie"] for f in theirs])}
    if kind == "tracing_multi":
        return pairs | {"ids": ([(f["target_btf"], f["target_btf_id"]) for f in ours],
                                [(want["btf_obj_id"], f["id"]) for f in theirs])}
    pairs["retprobe"] = (t.get("retprobe", False), want["retprobe"])
    if kind == "uprobe_multi":
        return pairs | {"path": (t.get("path"), want["path"]), "pid": (t.get("pid", 0), want["pid"]),
                        "places": ([(f["offset"], f.get("ref_ctr_offset", 0)) for f in ours],
                                   [(f["offset"], f["ref_ctr_offset"]) for f in theirs])}
    # What was missed is known from 6.7 on; bpftool says 0 before.
    return pairs | {"missed": (t.get("missed", 0), want.get("missed", 0)),
                    "functions": ([(f["function"], f["addr"], f.get("module")) for f in ours],
                                  [(f["func"], f["addr"], f["module"]) for f in theirs]),
                    "names": (t.get("funcs"), ", ".join(f["func"] for f in theirs))}


def _is_untold(want):
    """7.2 has links to several functions, and tells nothing of them."""
    return want["type"] == "tracing_multi" and not want["func_cnt"]


def _target(link, want):
    """Names of fdgdb's keys, with what they are and what they are to be by bpftool's word."""
    t = link["target"]
    kind = want["type"]
    if kind == "raw_tracepoint":
        return {"tp_name": (t.get("tp_name"), want["tp_name"]), "cookie": _cookie(t, want)}
    if kind == "tracing":
        return {"obj": (t.get("target_btf", t.get("target_prog")), want.get("target_obj_id")),
                "btf_id": (t.get("target_btf_id"), want.get("target_btf_id")), "cookie": _cookie(t, want)}
    if kind == "perf_event":
        return _perf_target(t, want)
    if kind == "iter":
        keys = {"target_name", "map_id", "cgroup_id", "order", "tid", "pid"} & set(want)
        return {k: (t.get(k), want[k]) for k in keys}
    if kind == "cgroup":
        return {"cgroup_id": (t.get("cgroup_id"), want["cgroup_id"])}
    if kind in ("xdp", "tcx", "netkit"):
        return {"ifindex": (t.get("ifindex"), want["ifindex"]),
                "ifname": (t.get("ifname"), want.get("devname", t.get("ifname")))}
    if kind == "netns":
        return {"netns_ino": (t.get("netns_ino"), want["netns_ino"])}
    if kind in ("struct_ops", "sockmap"):
        return {"map_id": (t.get("map_id"), want["map_id"])}
    if kind == "netfilter":
        return {"pf": (t.get("pf"), want["pf"]), "hook": (t.get("hook"), want["hook"]),
                "priority": (int(t.get("priority", 0)), want["prio"]),
                "defrag": (int(t.get("ip_defrag", False)), want["flags"])}
    if _is_untold(want):
        return {"functions": (bool(t.get("functions")), True)}
    if kind in ("kprobe_multi", "uprobe_multi", "tracing_multi"):
        return _multi_target(t, want, kind)
    return {kind: ("not compared", None)}


# Of the links that prog/hold.c makes to events: what probe, where, the cookie.
PROBES = [("kprobe", "bpf_fentry_test8", 0), ("kretprobe", "bpf_fentry_test7", 77), ("uretprobe", "/run/probed", 78)]

# What the links of bpf/links.bpf.c are to, by the names of their programs.
TRACED = {"on_fentry": ["bpf_fentry_test1"], "on_fexit": ["bpf_fentry_test2"],
          "on_fentry_multi": [f"bpf_fentry_test{i}" for i in range(1, 10)]}


def addresses(doc, kallsyms):
    """Programs' and trampolines' addresses by /proc/kallsyms; how many were compared comes second."""
    at, problems, nr = {}, [], 0
    for line in kallsyms.splitlines():
        addr, _, name = line.split()[:3]
        at.setdefault(int(addr, 16), []).append(name)
    for p in doc["fdgdb"]["progs"]:
        names = at.get(p.get("jited_addr"), [])
        nr += 1
        if not any(n.startswith(f"bpf_prog_{p['tag']}") for n in names):
            problems.append(f"program {p['id']} at {p.get('jited_addr', 0):#x}: {names}")
    for m in doc["maps"]:
        ops = m.get("struct_ops", {"funcs": []})
        for f in ops["funcs"]:
            names = at.get(f["addr"])
            # Kernels before 6.13 do not name these trampolines.
            if names is None and not any(n.startswith("bpf__") for ns in at.values() for n in ns):
                continue
            nr += 1
            if f"bpf__{ops['type_name']}_{f['member']}" not in (names or []):
                problems.append(f"{m['name']}.{f['member']} at {f['addr']:#x}: {names}")
    return problems, nr


def _line_at(prog, frame):
    """The line of an address by the kernel's list; None if it is not the program's."""
    addr = frame["ip"] - (frame["kind"] != "exact")
    for f in prog["functions"]:
        if f["start"] <= addr < f["start"] + f["len"]:
            before = [x for x in prog["lines"] if f["start"] <= x["at"] <= addr]
            return before[-1] if before else {}
    return None


def lines(doc, theirs):
    """Lines of all frames in the programs that prog/linfo.c has told of; how many were compared comes second."""
    problems, nr = [], 0
    for s in doc["fdgdb"]["stacks"]:
        for f in s["frames"]:
            want = next((x for x in (_line_at(p, f) for p in theirs) if x is not None), None)
            if want is None:
                continue
            nr += 1
            where = f"{s.get('comm')}: {f.get('symbol')}+{f.get('offset'):#x}"
            line = (f.get("lines") or [{}])[0]
            _check(problems, where, **{k: (line.get(k), want.get(k)) for k in ("file", "line", "column", "text")})
            if len(f.get("lines", [])) != 1 or "args" in f or line.get("inlined") is not False:
                problems.append(f"{where}: {f}")
    return problems, nr


def links(doc, theirs):
    """Links, what they link and to what."""
    problems = []
    for link, want in _by_id(doc["fdgdb"]["links"], theirs, "link", problems):
        where = f"link {want['id']} {want['type']}"
        _check(problems, where,
               type=(link.get("type_name"), want["type"]),
               prog_id=(link.get("prog_id"), want.get("prog_id") or None),
               **_target(link, want))
        # Older kernels keep it for some types only; where bpftool says it, so must we.
        if "attach_type" in want and not _is_untold(want):
            _check(problems, where, attach_type=(link.get("attach_type_name"), want["attach_type"]))
        if link.get("prog_name") in TRACED:
            _check(problems, where, functions=([f["function"] for f in link["target"].get("functions", [link["target"]])],
                                               TRACED[link["prog_name"]]))
        if link.get("error"):
            problems.append(f"{where}: {link['error']}")
    probes = sorted((t.get("probe"), t.get("func", t.get("path")), t.get("cookie", 0)) for t in
                    (x["target"] for x in doc["fdgdb"]["links"] if x.get("prog_name") == "link_probe"))
    if probes:
        _check(problems, "link_probe", links=(probes, PROBES))
    return problems


def btfs(doc, theirs):
    """BTF objects."""
    problems = []
    for b, want in _by_id(doc["fdgdb"]["btfs"], theirs, "BTF object", problems):
        _check(problems, f"BTF object {want['id']}",
               size=(b["size"], want["size"]),
               name=(b["name"], want.get("name", "")),
               kernel=(b["kernel"], want.get("kernel", False)))
        if b.get("error"):
            problems.append(f"BTF object {b['id']}: {b['error']}")
    # The programs and maps of an object, as bpftool lists them.
    for want in theirs:
        users = {p["id"] for p in doc["fdgdb"]["progs"] if p.get("btf_id") == want["id"]}
        if users != set(want.get("prog_ids", [])):
            problems.append(f"BTF object {want['id']}: programs {sorted(users)}, bpftool {sorted(want['prog_ids'])}")
    return problems


# bpftool shows what user space gave; these the kernel sets in its own copy of sched_ext_ops.
FILLED_IN = {"exit_dump_len", "priv"}


def struct_ops(doc, theirs):
    """Struct_ops maps by `bpftool struct_ops dump`: pairs of a description and a value."""
    problems = []
    rows = {m["id"]: m for m in doc["maps"]}
    for info, dump in zip(theirs[::2], theirs[1::2]):
        info, (wrapper, value) = info["bpf_map_info"], next(iter(dump.items()))
        where, row = f"struct_ops {info['id']} {info['name']}", rows.get(info["id"])
        if not row or "struct_ops" not in row:
            problems.append(f"{where}: not among the maps")
            continue
        ops = row["struct_ops"]
        state = value.get("common", value).get("state", "").rpartition("STATE_")[2].lower()
        functions = {k: int(v.rpartition("prog_id:")[2]) for k, v in value["data"].items()
                     if isinstance(v, str) and "/prog_id:" in v}
        _check(problems, where,
               name=(row["name"], info["name"]),
               type=("bpf_struct_ops_" + ops.get("type_name", ""), wrapper),
               state=(ops.get("state_name"), state),
               functions=({f["member"]: f.get("prog_id") for f in ops["funcs"]}, functions))
        members = {m["name"]: m["value"] for m in row.get("value", {}).get("members", [])}
        if list(members) != list(value["data"]):
            problems.append(f"{where}: members {list(members)}, bpftool {list(value['data'])}")
            continue
        for f in ops["funcs"]:
            if not f["addr"] or members[f["member"]].get("value") != f["addr"]:
                problems.append(f"{where}: {f['member']} at {f['addr']:#x}, in the value {members[f['member']]}")
        for name, v in value["data"].items():
            if isinstance(v, int) and members[name].get("value") != v and name not in FILLED_IN:
                problems.append(f"{where}: {name} {members[name]}, bpftool {v}")
        for f in ops["funcs"]:
            prog = next((p for p in doc["fdgdb"]["progs"] if p["id"] == f.get("prog_id")), {})
            _check(problems, where, owner=(prog.get("struct_ops_map_id"), info["id"]),
                   attach_func=(prog.get("attach_func"), f["member"]))
        for link in doc["fdgdb"]["links"]:
            if link.get("type_name") == "struct_ops" and link["target"].get("map_id") == info["id"]:
                _check(problems, where, link=(ops.get("link_id"), link["id"]))
        if row.get("error"):
            problems.append(f"{where}: {row['error']}")
    return problems


# What prog/hold.c puts where bpftool cannot look: {map type: (key, facts)}.
HELD = {
    "perf_event_array": (2, {"event_config": 0, "event_cpu": 0}),
    "cgroup_array": (1, {"cgroup_path": "/tests/inner"}),
    "sockmap": (2, {"family": 2, "protocol": 6, "state": 1, "remote": "127.0.0.1:4711"}),
    "sockhash": (99, {"family": 2, "protocol": 6, "state": 1, "remote": "127.0.0.1:4711"}),
    "reuseport_sockarray": (1, {"family": 2, "protocol": 17, "local": "127.0.0.1:4712"}),
    "xskmap": (3, {"family": 44, "socket_type": 3, "queue_id": 0, "ifindex": 1, "ifname": "lo"}),
}


def _number(raw):
    return int.from_bytes(bytes(int(b, 16) for b in raw), "little")


def _wanted(kind, dump):
    """{key: facts} of a map by what bpftool dumps of it."""
    want = {}
    for entry in map(dict, dump):
        value = entry["value"]
        if not isinstance(value, list) or (value and isinstance(value[0], tuple)):
            continue  # an error: nothing in that slot
        facts = {}
        if "inner_map_id" in entry:
            facts = {"map_id": entry["inner_map_id"]}
        elif kind == "prog_array":
            facts = {"prog_id": _number(value)}
        elif kind.startswith("devmap"):
            facts = {"ifindex": _number(value[:4])}
        elif kind == "cpumap":
            facts = {"cpu": _number(entry["key"]), "qsize": _number(value[:4])}
        want[_number(entry["key"])] = facts
    return want


def slots(doc, maps, dumps):
    """Problems with maps of file descriptors, by `map show` and `map dump`; how many were compared comes second."""
    problems, nr = [], 0
    kinds = {"prog_array", "array_of_maps", "hash_of_maps", "devmap", "devmap_hash", "cpumap", *HELD}
    rows = {m["id"]: m for m in doc["maps"]}
    for desc in maps:
        kind, where = desc["type"], f"{desc['type']} {desc['id']}"
        if kind not in kinds:
            continue
        nr += 1
        row = rows.get(desc["id"], {})
        if kind in HELD:
            want = dict([HELD[kind]]) if HELD[kind] else {}
        else:
            want = _wanted(kind, dumps[desc["id"]])
        got = {}
        for s in row.get("slots", []):
            key = s["index"] if "index" in s else int.from_bytes(bytes.fromhex(s["key_hex"]), "little")
            if key in got:
                problems.append(f"{where}: slot {key} twice")
            got[key] = s
            if s["kva"] >> 47 != 0x1ffff or s.get("error"):
                problems.append(f"{where}: slot {s}")
        if set(got) != set(want):
            problems.append(f"{where}: slots {sorted(got)}, not {sorted(want)}")
        for key in got.keys() & want.keys():
            _check(problems, f"{where} slot {key}", **{k: (got[key].get(k), v) for k, v in want[key].items()})
        hashed = kind in ("hash_of_maps", "devmap_hash", "sockhash")
        _check(problems, where,
               populated=(row.get("fd_array", {}).get("populated"), len(want)),
               scanned=(row.get("fd_array", {}).get("scanned"), len(want) if hashed else desc["max_entries"]),
               indices=(row.get("fd_array", {}).get("indices", []), [] if hashed else sorted(want)))
        if row.get("error"):
            problems.append(f"{where}: {row['error']}")
        if "owner_prog_type" in desc:
            owner = row.get("prog_owner", {})
            _check(problems, where, owner=(owner.get("type_name"), desc["owner_prog_type"]),
                   owner_jited=(owner.get("jited"), int(desc["owner_jited"])))
        for s in got.values():
            if "map_name" in s:
                _check(problems, where, map_kva=(s["kva"], rows.get(s["map_id"], {}).get("map_kva")))
    return problems, nr
