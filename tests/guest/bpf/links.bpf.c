/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/*
 * links: programs of several types, attached to what never happens in a test guest, or seldom. Those
 * whose name begins with "link_" are attached by prog/hold.c, the others by bpftool.
 */
#define BPF_NO_KFUNC_PROTOTYPES
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

u64 hits;

SEC("raw_tp/task_rename")
int on_raw_tp(void *ctx)
{
	__sync_fetch_and_add(&hits, 1);
	return 0;
}

SEC("fentry/bpf_fentry_test1")
int BPF_PROG(on_fentry, int a)
{
	return 0;
}

SEC("fexit/bpf_fentry_test2")
int BPF_PROG(on_fexit, int a, u64 b, int ret)
{
	return 0;
}

SEC("kprobe/bpf_fentry_test3")
int on_kprobe(struct pt_regs *ctx)
{
	return 0;
}

SEC("tp/task/task_rename")
int on_tracepoint(void *ctx)
{
	return 0;
}

SEC("iter/task")
int on_iter(struct bpf_iter__task *ctx)
{
	return 0;
}

SEC("xdp")
int link_xdp(struct xdp_md *ctx)
{
	return 2; /* XDP_PASS */
}

SEC("cgroup_skb/ingress")
int link_cgroup(struct __sk_buff *skb)
{
	return 1;
}

SEC("sk_lookup")
int link_netns(struct bpf_sk_lookup *ctx)
{
	return 1; /* SK_PASS */
}

#ifdef HAVE_KPROBE_MULTI
SEC("kprobe.multi")
int link_kprobes(struct pt_regs *ctx)
{
	return 0;
}
#endif

SEC("kprobe")
int link_probe(struct pt_regs *ctx)
{
	return 0;
}

#ifdef HAVE_TCX
SEC("tc")
int link_tcx(struct __sk_buff *skb)
{
	return -1; /* TCX_NEXT */
}
#endif

#ifdef HAVE_UPROBE_MULTI
SEC("uprobe.multi")
int link_uprobes(struct pt_regs *ctx)
{
	return 0;
}
#endif

#ifdef HAVE_NETFILTER
SEC("netfilter")
int link_netfilter(struct bpf_nf_ctx *ctx)
{
	return 1; /* NF_ACCEPT */
}
#endif

#ifdef HAVE_NETKIT
SEC("netkit/primary")
int link_netkit(struct __sk_buff *skb)
{
	return -1; /* NETKIT_NEXT */
}
#endif

#ifdef HAVE_SOCKMAP_LINK
SEC("sk_skb/verdict")
int link_sockmap(struct __sk_buff *skb)
{
	return 1; /* SK_PASS */
}
#endif

#ifdef HAVE_TRACING_MULTI
SEC("fentry.multi/bpf_fentry_test?")
int on_fentry_multi(void *ctx)
{
	return 0;
}
#endif
