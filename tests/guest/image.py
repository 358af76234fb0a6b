# SPDX-License-Identifier: LGPL-2.1-or-later
"""The initramfs of a test guest: userland, BPF objects compiled for its kernel, programs, init."""

import glob
import inspect
import os
import re
import shutil
import subprocess

import cache
import debian

HERE = os.path.dirname(os.path.abspath(__file__))
CLANG = os.environ.get("FDGDB_TEST_CLANG", "clang-19")
STRIP = os.environ.get("FDGDB_TEST_LLVM_STRIP", "llvm-strip-19")
LIBS = "usr/lib/x86_64-linux-gnu"


def _run(*cmd, **kwargs):
    p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                       **kwargs)
    if p.returncode:
        raise RuntimeError(f"{' '.join(cmd)}: status {p.returncode}\n{p.stdout[-4000:]}")
    return p.stdout


def features(kernel):
    """What the objects may use on this kernel, as macros; asked of its BTF, not of its version."""
    with open(kernel.vmlinux_h, encoding="utf-8") as f:
        text = f.read()
    with open(kernel.btf, "rb") as f:
        btf = f.read()

    def kfunc(name):
        # An older pahole does not mark such functions, so no header declares any of them.
        if "__ksym;" in text:
            return re.search(rf"\b{name}\(", text)
        return b"\0" + name.encode() + b"\0" in btf

    have = {
        "HAVE_ARENA": "BPF_MAP_TYPE_ARENA" in text,
        "HAVE_CGRP_STORAGE": "BPF_MAP_TYPE_CGRP_STORAGE" in text,
        "HAVE_RHASH": "BPF_MAP_TYPE_RHASH" in text,
        "HAVE_SCX_CID": re.search(r"^struct sched_ext_ops_cid \{", text, re.M),
        # Schedulers for a cgroup, below the one for all; where there is a cid form, only such ones may be that.
        "HAVE_SUB_ATTACH": re.search(r"\bsub_attach\)\(struct scx_sub_attach_args", text) and
                           not re.search(r"^struct sched_ext_ops_cid \{", text, re.M),
        "HAVE_SCX": re.search(r"^struct sched_ext_ops \{", text, re.M),
        # Types of links have numbers on kernels that are built without them, but no struct.
        **{f"HAVE_{what}": re.search(rf"^struct {link} \{{", text, re.M) for what, link in (
            ("KPROBE_MULTI", "bpf_kprobe_multi_link"), ("UPROBE_MULTI", "bpf_uprobe_multi_link"),
            ("TRACING_MULTI", "bpf_tracing_multi_link"), ("NETFILTER", "bpf_nf_link"), ("TCX", "tcx_link"),
            ("NETKIT", "netkit_link"), ("SOCKMAP_LINK", "sockmap_link"))},
        "HAVE_SYSCALL_TASK": kfunc("bpf_task_from_pid"),
        # Absent from the BTF of some builds, and then no program can make a queue of its own.
        "HAVE_CREATE_DSQ": kfunc("scx_bpf_create_dsq") or kfunc("scx_bpf_create_dsq_impl"),
        "HAVE_SCX_EXIT": kfunc("scx_bpf_exit_bstr"),
        "HAVE_STREAMS": kfunc("bpf_stream_vprintk") or kfunc("bpf_stream_vprintk_impl"),
        "HAVE_KPTRS": kfunc("bpf_wq_init") and kfunc("bpf_percpu_obj_new_impl") and kfunc("bpf_rbtree_add_impl"),
        "HAVE_WQ_SET_CALLBACK": kfunc("bpf_wq_set_callback"),  # 7.0
        "HAVE_STREAM_VPRINTK": kfunc("bpf_stream_vprintk"),
        # scx_bpf_dispatch() and others to 6.12.
        "HAVE_DSQ_INSERT": kfunc("scx_bpf_dsq_insert"),
    }
    return [f"-D{k}" for k, v in have.items() if v]


def compile_bpf(kernel, userland, source, out, *extra):
    """Compiles one BPF object against the kernel's own types."""
    _run(CLANG, "-O2", "-g", "-target", "bpf", "-mcpu=v3", "-D__TARGET_ARCH_x86", "-Wall", "-Werror",
         "-Wno-missing-declarations", "-Wno-unused-function", "-Wno-compare-distinct-pointer-types",
         "-I", os.path.dirname(kernel.vmlinux_h), "-I", f"{userland}/usr/include",
         "-I", os.path.dirname(source), *features(kernel), *extra, "-c", source, "-o", out)
    _run(STRIP, "-g", out)


def vermagic(kernel):
    """What a module must say to be let in; it stands in the kernel's image."""
    with open(kernel.bzimage, "rb") as f:
        elf = debian.extract_vmlinux(f.read())
    m = re.search(re.escape(kernel.release.encode()) + rb" SMP [a-z_ ]*mod_unload[a-z_ ]*", elf)
    if not m:
        raise RuntimeError(f"{kernel.release}: no vermagic")
    return m[0].decode()


def has_modules(kernel):
    """Whether it can load any (CONFIG_MODULES)."""
    with open(kernel.vmlinux_h, encoding="utf-8") as f:
        return re.search(r"^struct module \{", f.read(), re.M)


def compile_module(kernel, source, out):
    """Compiles a kernel module from the types in the kernel's BTF, without its headers."""
    with open(kernel.vmlinux_h, encoding="utf-8") as f:
        mutex = re.search(r"^struct mutex \{(.*?)^\}", f.read(), re.M | re.S)
    # -fms-extensions: from 6.19 on the kernel has structs within structs by their tag alone.
    _run("gcc", "-std=gnu11", "-O2", "-w", "-ffreestanding", "-nostdinc", "-fms-extensions", "-mcmodel=kernel",
         "-mno-red-zone", "-fno-pic", "-fno-pie", "-mno-sse", "-mno-mmx", "-fno-stack-protector",
         "-fcf-protection=none", "-fno-asynchronous-unwind-tables", "-fno-strict-aliasing", "-fno-common",
         # Without ORC tables all that the unwinder has are frame pointers, in each function that is called.
         "-fno-omit-frame-pointer", "-mno-omit-leaf-frame-pointer", "-fno-optimize-sibling-calls",
         "-DBPF_NO_PRESERVE_ACCESS_INDEX", f'-DVERMAGIC="{vermagic(kernel)}"',
         *(["-DMUTEX_WAIT_LIST"] if "wait_list" in mutex[1] else []),
         "-I", os.path.dirname(kernel.vmlinux_h), "-c", source, "-o", out)


def _copy_userland(userland, where):
    os.makedirs(f"{where}/bin")
    os.makedirs(f"{where}/lib64")
    os.makedirs(f"{where}/{LIBS}")
    box = [p for p in (f"{userland}/usr/bin/busybox", f"{userland}/bin/busybox") if os.path.exists(p)]
    shutil.copy(box[0], f"{where}/bin/busybox")
    shutil.copy(debian.bpftool(userland), f"{where}/bin/bpftool")
    shutil.copy(os.path.realpath(f"{userland}/{LIBS}/ld-linux-x86-64.so.2"),
                f"{where}/lib64/ld-linux-x86-64.so.2")
    for pattern in ("libc.so.6", "libelf.so.1", "libz.so.1", "libzstd.so.1", "libcap.so.2",
                    "libcrypto.so.3"):
        shutil.copy(os.path.realpath(f"{userland}/{LIBS}/{pattern}"), f"{where}/{LIBS}/{pattern}")
    os.symlink(LIBS, f"{where}/lib")


# One source gives several objects: name of the object, source, feature it needs, further macros.
OBJECTS = [
    ("rich.bpf.o", "rich.bpf.c", None),
    ("links.bpf.o", "links.bpf.c", None),
    ("lines.bpf.o", "lines.bpf.c", None),
    ("streams.bpf.o", "streams.bpf.c", "HAVE_STREAMS"),
    ("kptrs.bpf.o", "kptrs.bpf.c", "HAVE_KPTRS"),
    ("stress.bpf.o", "stress.bpf.c", None),
    ("traces.bpf.o", "traces.bpf.c", None),
    ("arena.bpf.o", "arena.bpf.c", "HAVE_ARENA"),
    ("cid.bpf.o", "arena.bpf.c", "HAVE_SCX_CID", "-DCID"),
    ("cid-sub.bpf.o", "arena.bpf.c", "HAVE_SCX_CID", "-DCID", "-DTAIL", "-DSUB_ID=0x6670625f67627566"),
    ("stall.bpf.o", "stall.bpf.c", "HAVE_SCX"),
    ("zoo.bpf.o", "zoo.bpf.c", "HAVE_SCX"),
    ("zoo-sub.bpf.o", "zoo.bpf.c", "HAVE_SUB_ATTACH", "-DSUB_ID=0x6670625f67627566"),
    ("stall-keep.bpf.o", "stall.bpf.c", "HAVE_SCX", "-DSERVE_MS=20000"),
    ("ring.bpf.o", "ring.bpf.c", None),
    *((f"trap-{trap.lower()}.bpf.o", "trap.bpf.c", "HAVE_SCX", f"-DTRAP={trap}")
      for trap in ("NONE", "HELD", "DSQ", "AFFINITY", "LOCAL", "LOOP", "ERROR")),
    ("trap-killed.bpf.o", "trap.bpf.c", "HAVE_SCX", "-DTRAP=HELD", "-DTIMEOUT_MS=3000"),
]


def _make(kernel, userland, where):
    root = f"{where}/root"
    _copy_userland(userland, root)
    shutil.copy(f"{HERE}/init/init", f"{root}/init")
    os.chmod(f"{root}/init", 0o755)
    os.makedirs(f"{root}/bpf")
    have = features(kernel)
    for name, source, need, *macros in OBJECTS:
        if need is None or f"-D{need}" in have:
            compile_bpf(kernel, userland, f"{HERE}/bpf/{source}", f"{root}/bpf/{name}", *macros)
    shutil.copytree(f"{HERE}/init/scenario", f"{root}/scenario")
    for source in glob.glob(f"{HERE}/prog/*.c"):
        name = os.path.basename(source)[:-2]
        _run("gcc", "-O2", "-Wall", "-Werror", "-static", "-s", source, "-o", f"{root}/bin/{name}")
    for source in glob.glob(f"{HERE}/module/*.c") if has_modules(kernel) else []:
        compile_module(kernel, source, f"{root}/{os.path.basename(source)[:-2]}.ko")
    os.makedirs(f"{root}/modules")
    with open(f"{root}/modules/order", "w", encoding="ascii") as f:
        for m in kernel.modules:
            shutil.copy(m, f"{root}/modules/")
            f.write(os.path.basename(m) + "\n")
    # Uncompressed: unpacking costs an emulated guest more than reading.
    names = subprocess.run(["find", ".", "-print0"], cwd=root, check=True, stdout=subprocess.PIPE)
    with open(f"{where}/initramfs", "wb") as f:
        subprocess.run(["cpio", "-0", "-o", "-H", "newc", "-R", "0:0", "--quiet"], cwd=root, check=True,
                       input=names.stdout, stdout=f)
    shutil.move(f"{root}/bpf", f"{where}/bpf")
    shutil.rmtree(root)


def image(kernel):
    """Directory with the `initramfs` for a kernel and, for who wants a look, its `bpf` objects."""
    userland = debian.userland()
    inputs = sorted(p for d in ("init", "bpf", "module", "prog") for p in glob.glob(f"{HERE}/{d}/**", recursive=True)
                    if os.path.isfile(p))
    key = cache.digest(os.path.basename(kernel.path), os.path.basename(userland),
                       f"@{inspect.getfile(features)}", CLANG, *inputs, *(f"@{p}" for p in inputs))
    return cache.entry("image", f"{kernel.series}-{key}", lambda w: _make(kernel, userland, w))
