#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The comparison itself: what is right passes, and each thing that is wrong is found. No guest."""

import copy

import compare
import oracle
import tap as taplib

t = taplib.Tap()

DUMPS = {
    1: b'[{"key":["0x01","0x00","0x00","0x00"],"value":["0xff","0x05","0x61","0x00"],"formatted":{"key":1,'
       b'"value":{"a":-1,"":{"b":"0x5"},"e":"RED","p":"(nil)","w":0x8000000000000000ffffffffffffffff,'
       b'"s":"a","f":(unsupported-kind)}}}]',
    2: b'[{"key":["0x00","0x00","0x00","0x00"],"values":[{"cpu":0,"value":["0x07"]},{"cpu":1,"value":'
       b'["0x08"]}],"formatted":{"key":0,"values":[{"cpu":0,"value":7},{"cpu":1,"value":8}]}}]',
    3: b'[{"key":["0x00","0x00","0x00","0x00"],"value":["0x01"],"formatted":{"value":{".bss":[{"x":1},'
       b'{"y":true}]}}}]',
    4: b'[]',
}
MAPS = {
    1: {"id": 1, "type": "hash", "name": "h", "bytes_key": 4, "bytes_value": 4, "max_entries": 8},
    2: {"id": 2, "type": "percpu_array", "name": "p", "bytes_key": 4, "bytes_value": 1, "max_entries": 1},
    3: {"id": 3, "type": "array", "name": "o.bss", "bytes_key": 4, "bytes_value": 1, "max_entries": 1},
    4: {"id": 4, "type": "insn_array", "name": "q", "bytes_key": 4, "bytes_value": 4, "max_entries": 1},
}


def uint(n, bits=32):
    return {"kind": "uint", "bits": bits, "value": n}


def members(**values):
    return {"kind": "struct", "type_name": None,
            "members": [{"name": k, "value": v} for k, v in values.items()]}


def reading():
    r = oracle.Reading.__new__(oracle.Reading)
    r.maps = copy.deepcopy(MAPS)
    r.dumps = {i: r._dump(d) for i, d in DUMPS.items()}
    return r


def document():
    value = members(a={"kind": "int", "bits": 8, "value": -1}, b={"kind": "int", "bits": 3, "value": -3},
                    e={"kind": "enum", "bits": 32, "value": 0, "variant": "RED", "is_signed": False},
                    p={"kind": "ptr", "value": 0},
                    w={"kind": "bytes", "hex": " ".join(["ff"] * 8 + ["00"] * 7 + ["80"])},
                    s={"kind": "array", "len": 2, "elements": [uint(97, 8), uint(0, 8)]},
                    f={"kind": "float", "bits": 32, "value": 0.5})
    rows = {
        1: {"map_type": 1, "elem_count": 1,
            "entries": [{"key": uint(1), "key_hex": "01 00 00 00", "value": value, "value_hex": "ff 05 61 00"}]},
        2: {"map_type": 6, "percpu_entries": [{"key": 0, "per_cpu": [uint(7), uint(8), None]}]},
        3: {"map_type": 2, "value": {**members(x=uint(1), y={"kind": "bool", "value": True}),
                                     "type_name": ".bss"}},
        4: {"map_type": 34, "error": "not decoded yet"},
    }
    return {"maps": [{"id": i, "name": m["name"], "value_size": m["bytes_value"],
                      "max_entries": m["max_entries"], **rows[i]} for i, m in MAPS.items()]}


def member(doc, name):
    return compare._member(doc["maps"][0]["entries"][0]["value"], name)


WRONG = {
    "a map is missing": lambda d: d["maps"].pop(2),
    "a map is there twice": lambda d: d["maps"].append(d["maps"][2]),
    "a map nobody has": lambda d: d["maps"].append({**d["maps"][3], "id": 9}),
    "an entry is missing": lambda d: d["maps"][0]["entries"].clear(),
    "an entry is there twice": lambda d: d["maps"][0]["entries"].append(d["maps"][0]["entries"][0]),
    "a key byte": lambda d: d["maps"][0]["entries"][0].update(key_hex="02 00 00 00"),
    "a value byte": lambda d: d["maps"][0]["entries"][0].update(value_hex="ff 05 61 01"),
    "a typed key": lambda d: d["maps"][0]["entries"][0].update(key=uint(2)),
    "an integer": lambda d: member(d, "a").update(value=255),
    "a bitfield": lambda d: member(d, "b").update(value=-2),
    "an enumerator": lambda d: member(d, "e").update(variant=None),
    "a pointer": lambda d: member(d, "p").update(value=8),
    "a wide integer": lambda d: member(d, "w").update(hex="00 " * 15 + "80"),
    "a character": lambda d: member(d, "s")["elements"][0].update(value=98),
    "a member's name": lambda d: d["maps"][0]["entries"][0]["value"]["members"][1].update(name="c"),
    "a CPU's value": lambda d: d["maps"][1]["percpu_entries"][0]["per_cpu"].reverse(),
    "a CPU is missing": lambda d: d["maps"][1]["percpu_entries"][0]["per_cpu"].__setitem__(1, None),
    "a section's variable": lambda d: d["maps"][2]["value"]["members"].pop(),
    "a section's name": lambda d: d["maps"][2]["value"].update(type_name=".data"),
    "a kind of map that must be decoded": lambda d: d["maps"][1].update(percpu_entries=[], error="no"),
    "an error beside the contents": lambda d: d["maps"][0].update(error="1 key unreadable"),
    "the kernel's count": lambda d: d["maps"][0].update(elem_count=2),
    "a size": lambda d: d["maps"][3].update(value_size=8),
}

right = compare.maps(reading(), reading(), document())
t.equal(right.problems, [], "what is right has no problems")
t.equal((len(right.compared), len(right.listed), right.forgotten()), (3, 1, []), "every map is counted")
t.ok(right.leaves == 11 and right.entries == 3 and right.counted == 1, "values are counted", str(right))
for what, spoil in WRONG.items():
    doc = document()
    spoil(doc)
    t.ok(compare.maps(reading(), reading(), doc).problems, f"found: {what}")
moved = reading()
moved.dumps[1] = []
r = compare.maps(reading(), moved, document())
t.ok(any("changed" in w for w in r.left_out.values()) and r.problems, "too much that moves is a problem")
t.done()
