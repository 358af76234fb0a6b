# SPDX-License-Identifier: LGPL-2.1-or-later
"""Compares fdgdb's maps with bpftool's, entry by entry and member by member.

    before = oracle.Reading(g); g.stop(); doc = fdgdb.report("attach", g.target, ...); g.cont()
    after = oracle.Reading(g)
    r = compare.maps(before, after, doc)
    tap.ok(not r.problems and not r.forgotten(), str(r), "\\n".join(r.problems))

Every map that both readings know must be found, and is either compared, or listed with fdgdb's own
word that it is not decoded, or left out for a reason that is counted. What bpftool cannot tell
(floats, arenas) is compared with the constants of rich.bpf.c by the functions at the end.
"""

import re
import struct

import oracle
from oracle import Pairs

TYPES = {"hash": 1, "array": 2, "prog_array": 3, "perf_event_array": 4, "percpu_hash": 5,
         "percpu_array": 6, "stack_trace": 7, "cgroup_array": 8, "lru_hash": 9, "lru_percpu_hash": 10,
         "lpm_trie": 11, "array_of_maps": 12, "hash_of_maps": 13, "devmap": 14, "sockmap": 15,
         "cpumap": 16, "xskmap": 17, "sockhash": 18, "cgroup_storage": 19, "reuseport_sockarray": 20,
         "percpu_cgroup_storage": 21, "queue": 22, "stack": 23, "sk_storage": 24, "devmap_hash": 25,
         "struct_ops": 26, "ringbuf": 27, "inode_storage": 28, "task_storage": 29,
         "bloom_filter": 30, "user_ringbuf": 31, "cgrp_storage": 32, "arena": 33, "insn_array": 34,
         "rhash": 35}
# bpftool cannot dump these; what is in them is known from rich.bpf.c and own.c: see owned().
OWNED = {"queue", "stack", "ringbuf", "user_ringbuf", "bloom_filter", "task_storage", "inode_storage",
         "cgrp_storage", "sk_storage"}
# These must be decoded: an `error` in place of their contents is a failure.
DECODED = {"array", "hash", "lru_hash", "percpu_array", "percpu_hash", "lru_percpu_hash", "arena",
           "lpm_trie", "stack_trace", "cgroup_storage", "percpu_cgroup_storage", "rhash", *OWNED}
# bpftool shows these blank, whatever they hold: size of what may differ in the raw bytes.
BLANKED = {"bpf_spin_lock": 4, "bpf_timer": 16, "bpf_res_spin_lock": 8, "bpf_wq": 16}
BODIES = ("value", "entries", "array_entries", "percpu_entries", "percpu_hash_entries", "arena",
          "ringbuf", "stack_trace", "bloom", "fd_array")


class Result:
    def __init__(self):
        self.compared = []   # names of the maps compared
        self.listed = []     # names of the maps that fdgdb says it does not decode
        self.left_out = {}   # name: why nothing could be compared
        self.expected = []   # names of all that both readings know
        self.entries = 0
        self.leaves = 0
        self.raw_bytes = 0
        self.blanked = 0     # locks and timers, of which bpftool shows nothing
        self.counted = 0     # maps whose entries the kernel counts
        self.problems = []

    def forgotten(self):
        """Maps that are neither compared nor accounted for; never empty-handed by accident."""
        known = set(self.compared) | set(self.listed) | set(self.left_out)
        return [n for n in self.expected if n not in known]

    def __str__(self):
        return (f"{len(self.expected)} maps: {len(self.compared)} compared ({self.entries} entries, "
                f"{self.leaves} values, {self.raw_bytes} raw bytes, {self.blanked} blanked), "
                f"{len(self.listed)} listed, {len(self.left_out)} left out, "
                f"{len(self.forgotten())} forgotten, {len(self.problems)} problems")


def _raw(words):
    return bytes(int(w, 16) for w in words)


def _number(v):
    """bpftool writes pointers, bitfields and 128-bit integers now as numbers, now as "0x..."."""
    if v == "(nil)":
        return 0
    if isinstance(v, str) and v.startswith("0x"):
        return int(v, 16)
    return v if isinstance(v, int) else None


def _flat(pairs):
    """Members with those of anonymous structs and unions in place, as fdgdb writes them."""
    out = []
    for k, v in pairs:
        if k == "" and isinstance(v, Pairs):
            out += _flat(v)
        else:
            out.append((k, v))
    return out


def cpus(text):
    """Set of CPUs in a list as in "0-3,6"."""
    out = set()
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        out |= set(range(int(first), int(last or first) + 1))
    return out


class _Values:
    """Compares RenderedValues with bpftool's formatted values; differences go to result.problems."""

    def __init__(self, result, where):
        self.r, self.where = result, where
        self.blank_bytes = 0

    def bad(self, path, got, want):
        if len(self.r.problems) < 400:
            self.r.problems.append(f"{self.where}{path}: fdgdb {str(got)[:200]}, bpftool {str(want)[:200]}")

    def check(self, got, want, path=""):
        if want == oracle.UNSUPPORTED:
            return
        if not isinstance(got, dict) or "kind" not in got:
            self.bad(path, got, want)
            return
        getattr(self, "_" + got["kind"], self._other)(got, want, path)

    def _leaf(self, same, got, want, path):
        self.r.leaves += 1
        if not same:
            self.bad(path, got, want)

    def _int(self, got, want, path):
        n = _number(want)
        # Bitfields come without their sign.
        mask = (1 << got["bits"]) - 1
        same = n is not None and (got["value"] == n or
                                  (isinstance(want, str) and got["value"] & mask == n & mask))
        self._leaf(same and not isinstance(want, bool), got, want, path)

    _uint = _int

    def _bool(self, got, want, path):
        self._leaf(isinstance(want, bool) and got["value"] is want, got, want, path)

    def _char(self, got, want, path):
        if isinstance(want, str):
            text = chr(got["value"])
            self._leaf(want in (text, f"\\x{got['value']:02x}", f"0x{got['value']:02x}") or
                       (want == "" and got["value"] == 0), got, want, path)
        else:
            self._leaf(isinstance(want, int) and got["value"] == want & 255, got, want, path)

    def _enum(self, got, want, path):
        n = _number(want)
        if n is None:
            self._leaf(isinstance(want, str) and got["variant"] == want, got, want, path)
            return
        mask = (1 << got["bits"]) - 1
        # bpftool reads narrow enums as signed and so misses the names of their large values.
        named = got["variant"] is not None and (got["bits"] >= 32 or n >= 0)
        self._leaf(got["value"] & mask == n & mask and not named, got, want, path)

    def _ptr(self, got, want, path):
        self._leaf(_number(want) == got["value"], got, want, path)

    def _bytes(self, got, want, path):
        try:
            raw = bytes.fromhex(got["hex"])
        except ValueError:
            raw = None
        n = _number(want)
        self._leaf(raw is not None and n is not None and int.from_bytes(raw, "little") == n,
                   got, want, path)

    def _struct(self, got, want, path):
        if got["type_name"] in BLANKED:
            self.r.blanked += 1
            self.blank_bytes += BLANKED[got["type_name"]]
            return
        if isinstance(want, list) and not isinstance(want, Pairs):
            # The variables of a section: a list of objects with one member each.
            want = Pairs(p for one in want for p in one)
        if not isinstance(want, Pairs):
            self.bad(path, got, want)
            return
        members = _flat(want)
        cut = any(v == oracle.UNSUPPORTED for _, v in members)
        names = [m["name"] for m in got["members"]]
        wanted = [k for k, _ in members]
        if (names[:len(wanted)] if cut else names) != wanted:
            self.bad(path, names, wanted)
            return
        for m, (k, v) in zip(got["members"], members):
            self.check(m["value"], v, f"{path}.{k}")

    def _array(self, got, want, path):
        elements = got["elements"]
        if isinstance(want, str):
            # A character array up to its first NUL; what follows only the raw bytes can tell.
            text = bytes(e["value"] & 255 for e in elements if isinstance(e.get("value"), int))
            self._leaf(len(text) == len(elements) and
                       text.split(b"\0")[0] == want.encode("latin-1", "replace"), text, want, path)
            return
        if not isinstance(want, list) or isinstance(want, Pairs) or len(want) != len(elements) or \
                got["len"] != len(want):
            self.bad(path, f"array of {got['len']}, {len(elements)} shown", want)
            return
        for i, (e, v) in enumerate(zip(elements, want)):
            self.check(e, v, f"{path}[{i}]")

    def _cpu_list(self, got, want, path):
        words = want.get("bits") if isinstance(want, Pairs) else None
        mine = None
        if isinstance(words, list):
            mine = {64 * i + b for i, w in enumerate(words) for b in range(64) if w >> b & 1}
        self._leaf(mine == cpus(got["cpus"]), got, want, path)

    def _unsupported(self, got, want, path):
        # Of a flexible array nobody knows the length; bpftool shows it empty.
        self._leaf(want == [], got, want, path)

    def _other(self, got, want, path):
        self.bad(path, got, want)


class _Map:
    def __init__(self, result, desc, row, dump):
        self.r, self.desc, self.row, self.dump = result, desc, row, dump
        self.name = label(desc)

    def bad(self, text):
        self.r.problems.append(f"{self.name}: {text}")

    def value(self, got, formatted, path, raw=None):
        """One value against its formatted form, or against its bytes where there is no BTF."""
        v = _Values(self.r, f"{self.name}{path}")
        if formatted is not None:
            v.check(got, formatted)
        elif raw is not None:
            self.bytes(got.get("hex") if isinstance(got, dict) else None, raw, path, 0)
        return v.blank_bytes

    def bytes(self, hexed, raw, path, blanked):
        """Raw bytes; as many as bpftool blanks may differ, where bpftool shows zeros."""
        self.r.raw_bytes += len(raw)
        try:
            mine = bytes.fromhex(hexed)
        except (TypeError, ValueError):
            mine = None
        if mine is not None and len(mine) == len(raw):
            differ = [i for i in range(len(raw)) if mine[i] != raw[i]]
            if len(differ) <= blanked and all(raw[i] == 0 for i in differ):
                return
        self.bad(f"{path}: bytes {hexed!r:.200}, bpftool {raw.hex(' '):.200}")

    def keyed(self, entries):
        """The oracle's entries by their raw key."""
        got = {_raw(e.get("key")): dict(e) for e in entries}
        if self.desc["type"] in ("cgroup_storage", "percpu_cgroup_storage"):
            # Some kernels (6.18.15) go on from the last value to the list's head and return that as a key too: a
            # pointer where the type of the attachment belongs. No cgroup has the id 0.
            got = {k: e for k, e in got.items() if any(k[:8])}
        return got

    def compare(self):
        row, desc = self.row, self.desc
        for mine, theirs in (("value_size", "bytes_value"), ("max_entries", "max_entries")):
            if row[mine] != desc[theirs]:
                self.bad(f"{mine} {row[mine]}, bpftool {desc[theirs]}")
        if row.get("key_size", desc["bytes_key"]) != desc["bytes_key"]:
            self.bad(f"key_size {row['key_size']}, bpftool {desc['bytes_key']}")
        # bpftool has no names for types younger than itself.
        if row["map_type"] != TYPES.get(desc["type"], desc["type"]):
            self.bad(f"map_type {row['map_type']}, bpftool {desc['type']}")
        if row["name"] != desc.get("name", ""):
            self.bad(f"name {row['name']!r}")
        entries = [row[b] for b in ("entries", "percpu_hash_entries", "array_entries", "slots") if b in row]
        if "elem_count" in row and row["elem_count"] != (len(entries[0]) if entries else 0):
            self.bad(f"{len(entries[0]) if entries else 0} entries, the kernel counts {row['elem_count']}")
        self.r.counted += "elem_count" in row
        kind = next((t for t, n in TYPES.items() if n == desc["type"]), desc["type"])
        has_body = any(row.get(b) for b in BODIES if b != "fd_array")
        if kind not in DECODED and not has_body:
            # fdgdb must say so; an empty map and one it cannot read would look alike otherwise.
            if row.get("fd_array") is not None:
                self.r.left_out[self.name] = "see compare_progs.slots()"
            elif row.get("error"):
                self.r.listed.append(self.name)
            elif kind == "struct_ops" or kind.endswith("_storage") or kind == "lpm_trie":
                self.bad("neither contents nor error")
            else:
                self.r.listed.append(self.name)
            return
        if kind == "arena":
            self.r.left_out[self.name] = "bpftool cannot dump arenas: see arena()"
            if not row.get("arena"):
                self.bad(f"no arena: {row.get('error')}")
            return
        if kind in OWNED:
            self.r.left_out[self.name] = "bpftool cannot dump it: see owned()"
            if row.get("error"):
                self.bad(f"error: {row['error']}")
            return
        if isinstance(self.dump, str) or kind not in DECODED:
            self.r.left_out[self.name] = f"no oracle: {self.dump if isinstance(self.dump, str) else kind}"
            return
        if row.get("error"):
            self.bad(f"error: {row['error']}")
        if kind == "array":
            (self._one if desc["max_entries"] <= 1 else self._many)()
        elif kind == "percpu_array":
            self._percpu_array()
        elif kind in ("percpu_hash", "lru_percpu_hash", "percpu_cgroup_storage"):
            self._percpu_hash()
        elif kind == "stack_trace":
            self._stacks()
        else:
            self._hash()
            if kind == "lpm_trie":
                self._order()
        self.r.compared.append(self.name)

    @staticmethod
    def _formatted(entry, which):
        f = entry.get("formatted")
        return f.get(which) if f is not None else None

    def _one(self):
        entry = dict(self.dump[0])
        raw, want = _raw(entry["value"]), self._formatted(entry, "value")
        self.r.entries += 1
        if isinstance(want, Pairs) and len(want) == 1 and want[0][0].startswith(".") and \
                not isinstance(want[0][1], Pairs):
            section = want[0][0]
            if self.row["value"].get("type_name") != section:
                self.bad(f"section {self.row['value'].get('type_name')}, bpftool {section}")
            want = want[0][1]
        if want is None and self.desc.get("name", "").endswith(".rodata.str1.1"):
            text = "".join(chr(b) if 32 <= b < 127 else f"\\x{b:02x}" for b in raw)
            self.r.leaves += 1
            if self.row["value"].get("hex", "").lower() != text.lower():
                self.bad(f"strings {self.row['value']}, bpftool {text!r}")
            return
        self.value(self.row.get("value"), want, "", raw)

    def _many(self):
        want = self.keyed(self.dump)
        got = self.row.get("array_entries", [])
        if [e["key"] for e in got] != sorted(int.from_bytes(k, "little") for k in want):
            self.bad(f"{len(got)} elements, bpftool {len(want)}")
            return
        for e in got:
            theirs = want[struct.pack("<I", e["key"])]
            self.r.entries += 1
            self.value(e.get("value"), self._formatted(theirs, "value"), f"[{e['key']}]",
                       _raw(theirs["value"]))

    def _match(self, got, want):
        """Pairs of entries by raw key; what is only on one side is a problem."""
        mine = {}
        for e in got:
            key = bytes.fromhex(e["key_hex"])
            if key in mine:
                self.bad(f"key {e['key_hex']} twice")
            mine[key] = e
        for key in want.keys() - mine.keys():
            self.bad(f"key {key.hex(' ')} is missing")
        for key in mine.keys() - want.keys():
            self.bad(f"key {key.hex(' ')} is not in the map")
        for key in sorted(mine.keys() & want.keys()):
            self.r.entries += 1
            self.r.raw_bytes += len(key)
            formatted = self._formatted(want[key], "key")
            if formatted is not None:
                self.value(mine[key].get("key"), formatted, f"[{key.hex(' '):.40}] key")
            yield key, mine[key], want[key]

    def _hash(self):
        for key, e, theirs in self._match(self.row.get("entries", []), self.keyed(self.dump)):
            path, want = f"[{key.hex(' '):.40}]", self._formatted(theirs, "value")
            blanked = self.value(e.get("value"), want, path) if want is not None else 0
            self.bytes(e["value_hex"], _raw(theirs["value"]), path, blanked)

    def _order(self):
        """Prefixes ascend; one goes before those that begin with it."""
        keys = [bytes.fromhex(e["key_hex"]) for e in self.row.get("entries", [])]
        bits = ["".join(f"{b:08b}" for b in k[4:])[:int.from_bytes(k[:4], "little")] for k in keys]
        if bits != sorted(bits):
            self.bad(f"not in the order of the prefixes: {bits}")

    def _stacks(self):
        """Traces by id; bpftool shows the rest of the longest possible trace as zeros."""
        stacks, want = self.row["stack_trace"], self.keyed(self.dump)
        rows = stacks["entries"]
        if [r["bucket_id"] for r in rows] != sorted(int.from_bytes(k, "little") for k in want):
            self.bad(f"traces {[r['bucket_id'] for r in rows]}, bpftool {len(want)}")
            return
        for r in rows:
            raw = _raw(want[struct.pack("<I", r["bucket_id"])]["value"])
            mine = bytes.fromhex(r["data_hex"])
            self.r.entries += 1
            self.r.raw_bytes += len(raw)
            if mine + bytes(len(raw) - len(mine)) != raw:
                self.bad(f"trace {r['bucket_id']}: {r['data_hex']:.200}, bpftool {raw.hex(' '):.200}")
            if "build_ids" in r:
                if len(r["build_ids"]) != r["nr"] or not all(f["status"] in (1, 2) for f in r["build_ids"]):
                    self.bad(f"trace {r['bucket_id']}: {r['build_ids']}")
                continue
            pcs = struct.unpack(f"<{len(mine) // 8}Q", mine)
            if tuple(r["pcs"]) != pcs or len(pcs) != r["nr"]:
                self.bad(f"trace {r['bucket_id']}: {r['nr']} frames, pcs {r['pcs']}")
            # How they got there, from the program to the system call: names and offsets are compared by traces().
            words = [(s or "").split("+")[0] for s in r.get("symbols", [])]
            if not words or not re.fullmatch("bpf_prog_[0-9a-f]{16}_fill_stacks", words[0]) or "do_syscall_64" not in words:
                self.bad(f"trace {r['bucket_id']}: symbols {r.get('symbols')}")

    def _per_cpu(self, got, theirs, path):
        formatted = theirs.get("formatted")
        raws = {dict(v)["cpu"]: _raw(dict(v)["value"]) for v in theirs["values"]}
        wants = {dict(v)["cpu"]: dict(v)["value"] for v in formatted.get("values")} if formatted else {}
        if {c for c, v in enumerate(got) if v is not None} != set(raws):
            self.bad(f"{path}: CPUs {[c for c, v in enumerate(got) if v is not None]}, "
                     f"bpftool {sorted(raws)}")
            return
        for cpu, raw in raws.items():
            self.value(got[cpu], wants.get(cpu), f"{path} cpu {cpu}", raw)

    def _percpu_array(self):
        want, got = self.keyed(self.dump), self.row.get("percpu_entries", [])
        if [e["key"] for e in got] != sorted(int.from_bytes(k, "little") for k in want):
            self.bad(f"{len(got)} elements, bpftool {len(want)}")
            return
        for e in got:
            self.r.entries += 1
            self._per_cpu(e["per_cpu"], want[struct.pack("<I", e["key"])], f"[{e['key']}]")

    def _percpu_hash(self):
        got = self.row.get("percpu_hash_entries", [])
        for key, e, theirs in self._match(got, self.keyed(self.dump)):
            self._per_cpu(e["per_cpu"], theirs, f"[{key.hex(' '):.40}]")


def label(desc):
    return f"{desc.get('name', desc['type'])}#{desc['id']}"


def maps(before, after, doc):
    """Result of comparing the maps of report `doc` with bpftool's readings around the stop."""
    r = Result()
    same = set(oracle.steady(before, after))
    rows = {}
    for row in doc["maps"]:
        if "id" not in row:
            r.problems.append(f"map {row['name']} without id")
        elif row["id"] in rows:
            r.problems.append(f"map id {row['id']} twice")
        rows[row.get("id")] = row
    for i, desc in before.maps.items():
        if i not in after.maps:
            continue
        name = label(desc)
        r.expected.append(name)
        if i not in rows:
            r.problems.append(f"{name} is not in the report")
        elif i not in same:
            r.left_out[name] = "changed between the readings"
        else:
            try:
                _Map(r, desc, rows[i], before.dumps[i]).compare()
            except (KeyError, TypeError, AttributeError, ValueError, IndexError) as e:
                r.problems.append(f"{name}: malformed: {e!r}")
    for i in rows.keys() - before.maps.keys() - after.maps.keys():
        r.problems.append(f"map {rows[i]['name']} (id {i}) is not in the guest")
    for name in r.forgotten():
        r.problems.append(f"{name} was not compared")
    # At most a tenth of the maps may move, or the comparison says nothing.
    moving = [n for n, why in r.left_out.items() if why.startswith("changed")]
    if len(moving) * 10 > len(r.expected):
        r.problems.append(f"too many maps changed: {', '.join(moving)}")
    if not r.compared:
        r.problems.append("no map was compared")
    return r


# -- what bpftool cannot tell: the constants of bpf/rich.bpf.c

def jhash_word(key, seed=0):
    """jhash() of one 32-bit word."""
    def rol(v, n):
        return (v << n | v >> 32 - n) & 0xffffffff
    a = b = c = 0xdeadbeef + 4 + seed & 0xffffffff
    a = a + key & 0xffffffff
    for i, n in enumerate((14, 11, 25, 16, 4, 14, 24)):
        if i % 3 == 0:
            c = (c ^ b) - rol(b, n) & 0xffffffff
        elif i % 3 == 1:
            a = (a ^ c) - rol(c, n) & 0xffffffff
        else:
            b = (b ^ a) - rol(a, n) & 0xffffffff
    return c


def _f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


_TINY = 4.9406564584124654e-324
_LIST = [_f32(0.1), _f32(3.4028234663852886e+38), 16777216.0]
ARENA_BASE = 1 << 44
ARENA_PAGES = [0, 1, 2, 77, 511, 512, 1000, 5000, 300000, 700001, (1 << 20) - 1]
NR_NODES = 12


def _member(value, *path):
    for name in path:
        value = next(m["value"] for m in value["members"] if m["name"] == name)
    return value


def _row(doc, name):
    return next(m for m in doc["maps"] if m["name"] == name)


def floats(doc):
    """Problems with the floats of the "rich" scenario; the count of those compared comes second."""
    want = {".data.float": [1.5, -2.25, -0.0, _TINY, *_LIST]}
    section = _member(_row(doc, ".data.float")["value"], "floats")
    got = [section["members"][i]["value"] for i in range(4)] + _member(section, "list")["elements"]
    pairs = list(zip(got, want[".data.float"]))
    entries = _row(doc, "hash_float").get("entries", [])
    for e in entries:
        i = e["key"]["value"]
        pairs += [(_member(e["value"], "f"), _LIST[i]), (_member(e["value"], "d"), -2.25 if i == 1 else _TINY)]
    problems = [f"float {g}, not {w!r}" for g, w in pairs
                if g.get("kind") != "float" or struct.pack("<d", g["value"]) != struct.pack("<d", w)]
    if len(entries) != 3:
        problems.append(f"hash_float: {len(entries)} entries, not 3")
    return problems, len(pairs)


def _n(value):
    """First member of a struct small, which may be shown as bytes."""
    if value["kind"] == "bytes":
        return struct.unpack_from("<Q", bytes.fromhex(value["hex"]))[0]
    return _member(value, "n")["value"]


def _owners(doc, told):
    """Of each value in a storage map: (map, what its owner is, n of the value)."""
    got, want = [], []
    for name in ("inode_store", "cgrp_store", "sk_store"):
        rows = [m for m in doc["maps"] if m["name"] == name]
        for e in rows[0].get("entries", []) if rows else []:
            o = e["owner"]
            if e["key"] != {"kind": "ptr", "value": int.from_bytes(bytes.fromhex(e["key_hex"]), "little")}:
                got.append((name, e["key"], e["key_hex"]))
            what = {"inode": lambda: (o["ino"], o["dev_major"], o["dev_minor"]),
                    "cgroup": lambda: (o["path"], o["cgroup_id"]),
                    "socket": lambda: (o["family"], o["type"], o["protocol"],
                                       o.get("local_addr"), o.get("local_port"),
                                       o.get("remote_addr"), o.get("remote_port"))}[o["kind"]]()
            got.append((name, what, _n(e["value"])))
    for t in told:
        if t.get("error") or "n" not in t:
            continue
        what = {"inode_store": lambda: (t["ino"], *t["dev"]),
                "cgrp_store": lambda: (t["path"], t["id"]),
                "sk_store": lambda: (t["family"], t["type"], t["protocol"],
                                     *t.get("local", (None, None)), *t.get("remote", (None, None)))}[t["map"]]()
        want.append((t["map"], what, t["n"]))
    return sorted(map(repr, got)), sorted(map(repr, want))


def owned(doc, reading):
    """Problems with what prog/own.c told it made and with what rich.bpf.c puts into maps that bpftool cannot
    dump; the count of things compared comes second."""
    problems, count, told = [], 0, reading.own

    def same(what, got, want):
        nonlocal count
        count += 1
        if got != want:
            problems.append(f"{what}: {got!r:.600}, not {want!r:.600}")

    # Before 6.2 there is no map for cgroups' values, and without BPF among the security modules inodes have no room.
    excused = {("cgrp_store", "No such file or directory")} - {(m.get("name"), "No such file or directory")
                                                               for m in reading.maps.values()}
    if reading.lsm and "bpf" not in reading.lsm:
        excused.add(("inode_store", "Operation not supported"))
    for t in told:
        if t.get("error"):
            same(f"own, {t['map']}: {t['error']}", (t["map"], t["error"]) in excused, True)
    got, want = _owners(doc, told)
    same("owners", got, want)
    for name in ("old_cgrp_store", "pcpu_cgrp_store"):
        row = _row(doc, name)
        same(name, sorted((e.get("cgroup_path"), e.get("attach_type_name"), e.get("cgroup_id") == e["key"]["members"][0]["value"]["value"])
                          for e in row.get("entries", []) + row.get("percpu_hash_entries", [])),
             [("/tests", "cgroup_inet_egress", True), ("/tests/inner", "cgroup_inet_egress", True)])
    top = 1 << 63
    same("queue", [_n(e["value"]) for e in _row(doc, "queue").get("array_entries", [])],
         [top + 3, top + 4, *range(1000, 1005)])
    same("stack", [_n(e["value"]) for e in _row(doc, "stack").get("array_entries", [])],
         [*range(1006, 999, -1), top + 2])
    bloom = _row(doc, "bloom").get("bloom") or {}
    # Each of 0 to 4 sets a bit for each function; the kernel seeds them.
    bits = {jhash_word(i, bloom.get("hash_seed", 0) + n & 0xffffffff) & bloom.get("bits", 1) - 1
            for i in range(5) for n in range(3)}
    same("bloom", (bloom.get("hash_functions"), bloom.get("bits_set")), (3, len(bits)))
    ring = _row(doc, "ring")["ringbuf"]
    same("ring", [(r["pos"], r["len"], r["busy"], r["discard"], r["bytes_hex"][:23])
                  for r in ring["records"]],
         [(24 * i, 16, False, False, f"0{i} 00 00 00 00 00 00 80") for i in range(1, 5)] +
         [(120, 24, False, True, "5c d1 00 00 00 00 00 00")])
    same("ring, positions", (ring["capacity"], ring["consumer_pos"], ring["producer_pos"]), (4096, 24, 152))
    if any(t["map"] == "user_ringbuf" for t in told):
        ring = _row(doc, "user_ringbuf")["ringbuf"]
        same("user_ringbuf", [(r["pos"], r["len"], r["busy"], r["discard"], set(r["bytes_hex"].split()))
                              for r in ring["records"]],
             [(0, 9, False, False, {"a0"}), (24, 20, False, True, {"a1"}), (56, 32, True, False, {"a2"})])
        same("user_ringbuf, positions", (ring["consumer_pos"], ring["producer_pos"]), (0, 96))
    tasks = [(e["owner"].get("pid"), e["owner"].get("comm"), _n(e["value"]))
             for e in _row(doc, "task_store").get("entries", [])]
    filled = any(p.get("name") == "fill_storage" for p in reading.progs)
    same("task_store", sorted(tasks), [(1, "init", top + 1), (2, "kthreadd", top + 2)] if filled else [])
    return problems, count


def arena(doc, with_bytes=True):
    """Problems with the arena of the "rich" scenario; the count of pages compared comes second."""
    snap = _row(doc, "arena").get("arena") or {}
    pages = {(p["user_addr"] - ARENA_BASE) >> 12: bytes(p["bytes"]) for p in snap.get("pages", [])}
    problems = []
    if snap.get("user_vm_start") != ARENA_BASE:
        problems.append(f"user_vm_start {snap.get('user_vm_start')}")
    if sorted(pages) != ARENA_PAGES:
        problems.append(f"pages {sorted(pages)}, not {ARENA_PAGES}")
    if not with_bytes:
        return problems, len(pages)
    expected = {}
    for n in ARENA_PAGES:
        page = bytearray(4096)
        if n != 1000:
            struct.pack_into("<4Q", page, 0, *((n << 32) | j for j in range(4)))
            struct.pack_into("<Q", page, 4088, ~n & (1 << 64) - 1)
        expected[n] = page

    def node_at(i):
        return ARENA_BASE + 4096 * (i // 4) + 256 + 512 * (i % 4)

    for i in range(NR_NODES):
        at = node_at(i) - ARENA_BASE
        # A pointer into the arena is stored with the upper half of the user's address.
        struct.pack_into("<Qi12sQQ", expected[at >> 12], at & 4095, i + 1, -40 if i % 2 else 45,
                         b"n" + bytes([ord("a") + i]), node_at((i + 1) % NR_NODES),
                         node_at((i + NR_NODES // 2) % NR_NODES))
    for n in expected.keys() & pages.keys():
        if pages[n] != bytes(expected[n]):
            at = next((i for i in range(4096) if pages[n][i:i + 1] != expected[n][i:i + 1]), None)
            problems.append(f"page {n} differs at byte {at}")
    return problems, len(expected.keys() & pages.keys())
