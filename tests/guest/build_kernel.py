# SPDX-License-Identifier: LGPL-2.1-or-later
"""Kernels that Debian has no build of: made small, from Debian's source, with a configuration kept here.

6.12-scx: Debian's own 6.12 lacks sched_ext. Of 6.12 to 6.15, whose sched_ext keeps its state in static variables,
nothing else is left in the archive. Eight minutes of one processor; kept in the cache.
"""

import os
import shutil
import subprocess
import tempfile
import time

import cache
import debian

HERE = os.path.dirname(os.path.abspath(__file__))
# Name of the series: the package with its source, and the options beside "no" for all others.
BUILT = {"6.12-scx": ("linux-source-6.12", f"{HERE}/kernel-6.12-scx.config")}
TOOLS = ["make", "gcc", "flex", "bison", "bc", "pahole", "xz"]


def _run(log, *cmd, **kwargs):
    with open(log, "ab") as f:
        p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=f, stderr=f, check=False, **kwargs)
    if p.returncode:
        with open(log, encoding="utf-8", errors="replace") as f:
            tail = f.read()[-3000:]
        raise RuntimeError(f"{' '.join(cmd)}: status {p.returncode}\n{tail}")


def _compile(deb, config, tmp):
    """Unpacks and builds; the build directory."""
    log = f"{tmp}/log"
    os.mkdir(f"{tmp}/deb")
    debian.unpack(deb, f"{tmp}/deb")
    tar = [f"{where}/{f}" for where, _, files in os.walk(f"{tmp}/deb") for f in files if ".tar." in f]
    os.mkdir(f"{tmp}/src")
    _run(log, "tar", "-xf", tar[0], "-C", f"{tmp}/src", "--strip-components=1")
    shutil.rmtree(f"{tmp}/deb")
    # What is not named is no, but for what that implies.
    make = ["make", "-s", "-C", f"{tmp}/src", f"O={tmp}/out"]
    _run(log, *make, f"KCONFIG_ALLCONFIG={config}", "allnoconfig")
    with open(config, encoding="ascii") as f, open(f"{tmp}/out/.config", encoding="ascii") as g:
        lines = set(g.read().splitlines())
        missing = [line for line in f.read().splitlines() if line.endswith("=y") and line not in lines]
    if missing:
        raise RuntimeError(f"options that this source does not take: {' '.join(missing)}")
    _run(log, *make, f"-j{os.cpu_count()}", "bzImage")
    return f"{tmp}/out"


def _install(out, deb, where):
    """What debian.Kernel wants, out of a build directory."""
    shutil.copyfile(f"{out}/arch/x86/boot/bzImage", f"{where}/bzImage")
    shutil.copyfile(f"{out}/vmlinux", f"{where}/vmlinux")  # with DWARF
    with open(f"{out}/vmlinux", "rb") as f, open(f"{where}/btf", "wb") as g:
        g.write(debian.elf_section(f.read(), ".BTF"))
    with open(f"{where}/vmlinux.h", "wb") as f:
        f.write(debian.host_bpftool("btf", "dump", "file", f"{where}/btf", "format", "c"))
    os.mkdir(f"{where}/modules")
    with open(f"{out}/include/config/kernel.release", encoding="ascii") as f:
        release = f.read().strip()
    with open(f"{where}/release", "w", encoding="ascii") as f:
        f.write(f"{release} {os.path.basename(deb)}\n")


def _make(series, deb, config, where):
    if os.environ.get("FDGDB_TEST_BUILD") == "0":
        raise debian.Gone(f"{series} is not in the cache, and FDGDB_TEST_BUILD=0")
    lacking = [t for t in TOOLS if not shutil.which(t)]
    if lacking:
        raise debian.Gone(f"{series} would have to be built, and {', '.join(lacking)} is missing")
    begin = time.monotonic()
    debian.say(f"building {series} from {os.path.basename(deb)}: some minutes, once")
    tmp = tempfile.mkdtemp(prefix="fdgdb-kernel.")
    try:
        _install(_compile(deb, config, tmp), deb, where)
    finally:
        shutil.rmtree(tmp, ignore_errors=True)
    debian.say(f"built {series} in {time.monotonic() - begin:.0f} s")


def key(series, deb, config):
    return f"{series}-{cache.digest(os.path.basename(deb), '@' + config, 'recipe 2')}"


def kernel(series):
    """One of BUILT, out of the cache or built now."""
    package, config = BUILT[series]
    deb = debian.debs(package)[0]
    path = cache.entry("kernel", key(series, deb, config), lambda where: _make(series, deb, config, where))
    return debian.Kernel(series, path)
