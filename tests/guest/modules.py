# SPDX-License-Identifier: LGPL-2.1-or-later
"""Puts modules of the guest's own kernel into a guest."""

import base64
import struct

import debian

SIGNATURE = b"~Module signature appended~\n"


def insert(g, name, signed=True):
    """Inserts a module; without its signature if that is to be missing. Raises debian.Gone."""
    data = debian.module(g.kernel, name)
    if not signed and data.endswith(SIGNATURE):
        length = struct.unpack(">I", data[-len(SIGNATURE) - 4:-len(SIGNATURE)])[0]
        data = data[:-len(SIGNATURE) - 12 - length]
    text = base64.b64encode(data).decode()
    for i in range(0, len(text), 16000):
        g.run(f"echo '{text[i:i + 16000]}' >>/run/{name}.b64")
    g.run(f"base64 -d /run/{name}.b64 >/run/{name}.ko && insmod /run/{name}.ko")
