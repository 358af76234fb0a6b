# SPDX-License-Identifier: LGPL-2.1-or-later
"""What bpftool inside the guest says: the oracle for fdgdb's maps, programs and links."""

import json
import re

# bpftool prints 128-bit integers and bitfields as bare hexadecimal, which is not JSON, and for what
# it does not know (floats) a remark, after which it leaves out the rest of the struct.
UNSUPPORTED = "(unsupported-kind)"
_NOT_JSON = re.compile(rb'(?<=[:\[,{])\s*(0x[0-9a-fA-F]+|\(unsupported-kind\))(?=[,}\]\s])')


class Pairs(list):
    """An object as bpftool wrote it, in order: it uses the name "" for every anonymous member."""

    def get(self, name, default=None):
        """The first member of that name."""
        for k, v in self:
            if k == name:
                return v
        return default


def parse(text):
    """bpftool's JSON, with objects as Pairs and floats never made of integers."""
    return json.loads(_NOT_JSON.sub(rb'"\1"', text), object_pairs_hook=Pairs)


class Reading:
    """One reading of everything.

    maps   {id: description from `map show`}
    dumps  {id: entries from `map dump`, or an "error" string}
    progs, links, struct_ops   lists of descriptions
    lsm    names of the security modules that are on
    own    what prog/own.c said that it put into the maps that bpftool cannot dump
    """

    def __init__(self, guest):
        """Reads it all in one go, so that the guest has little time to change."""
        out = guest.run("""
            for what in map prog link btf; do echo "== $what"; bpftool -j $what show; done
            echo "== struct_ops"; bpftool -j struct_ops dump
            echo "== own"; cat /run/own.json 2>/dev/null
            echo; echo "== lsm"; cat /sys/kernel/security/lsm 2>/dev/null; echo
            for id in $(bpftool map show | sed -n 's/^\\([0-9]*\\):.*/\\1/p'); do
                echo "== dump $id"; bpftool -j map dump id $id 2>/run/dump.err
                echo; cat /run/dump.err
            done; true""", timeout=300).out
        parts = re.split(rb"^== (.*)$", out, flags=re.M)[1:]
        text = {k.decode(): v.strip() for k, v in zip(parts[::2], parts[1::2])}
        self.text = text
        self.progs = self._list(text["prog"])
        self.links = self._list(text["link"])
        self.btfs = self._list(text["btf"])
        self.struct_ops = self._list(text["struct_ops"])
        self.own = [o for o in self._list(text["own"]) if o]
        self.lsm = [name for name in text["lsm"].decode().strip().split(",") if name]
        self.maps = {m["id"]: m for m in self._list(text["map"])}
        self.dumps = {i: self._dump(text.get(f"dump {i}", b"")) for i in self.maps}

    @staticmethod
    def _list(raw):
        if not raw:
            return []
        got = json.loads(_NOT_JSON.sub(rb'"\1"', raw))
        return got if isinstance(got, list) else []

    @staticmethod
    def _dump(raw):
        try:
            got = parse(raw)
        except ValueError as e:
            return f"{e}: {raw[:300].decode('utf-8', 'replace')}"
        if isinstance(got, Pairs):
            return str(got.get("error", got))
        return got

    def by_name(self, name):
        """The one map of that name."""
        found = [m for m in self.maps.values() if m.get("name") == name]
        if len(found) != 1:
            raise KeyError(f"{len(found)} maps named {name}")
        return found[0]


def steady(before, after):
    """Ids of the maps whose contents were the same in both readings."""
    return [i for i in before.maps if i in after.maps and before.maps[i] == after.maps[i]
            and before.dumps[i] == after.dumps[i]]
