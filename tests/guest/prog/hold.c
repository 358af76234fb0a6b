/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * hold: fills the pinned maps of file descriptors with what bpftool cannot make (sockets, perf events,
 * cgroups), attaches the pinned programs that want a link made by hand, and stays in the background,
 * because some of it lasts only as long as somebody holds it. Prints what it made, a line each.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_xdp.h>
#include <linux/netfilter.h>
#include <linux/perf_event.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAPS "/sys/fs/bpf/maps/"
#define LINKS "/sys/fs/bpf/links/"
#define INNER "/sys/fs/cgroup/tests/inner"
#define PROBED "/run/probed"

/* Of enum bpf_attach_type, where this machine's header is older. */
enum {
	SK_SKB_VERDICT = 38,
	PERF_EVENT = 41,
	KPROBE_MULTI = 42,
	NETFILTER = 45,
	TCX_INGRESS = 46,
	TCX_EGRESS = 47,
	UPROBE_MULTI = 48,
	NETKIT_PRIMARY = 54,
};

/* What link_create of union bpf_attr is in newer headers. */
struct link_create {
	uint32_t prog_fd, target, attach_type, flags;
	union {
		struct {
			uint64_t cookie;
		} perf;
		struct {
			uint32_t flags, cnt;
			uint64_t syms, addrs, cookies;
		} kprobes;
		struct {
			uint64_t path, offsets, ref_ctr_offsets, cookies;
			uint32_t cnt, flags, pid;
		} uprobes;
		struct {
			uint32_t pf, hooknum;
			int32_t priority;
			uint32_t flags;
		} netfilter;
		uint64_t room[8];
	};
};

static int bpf(int cmd, void *attr, size_t size)
{
	return syscall(SYS_bpf, cmd, attr, size);
}

static int pinned(const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path };

	return bpf(BPF_OBJ_GET, &attr, sizeof(attr));
}

/* What comes of it is told, not judged: kernels differ in what they have. */
static void told(const char *what, int ret)
{
	printf("%s: %s\n", what, ret < 0 ? strerror(errno) : "done");
}

static void put(const char *path, uint32_t key, const void *value)
{
	int map = pinned(path);
	union bpf_attr attr = { .map_fd = map, .key = (uintptr_t)&key, .value = (uintptr_t)value };

	told(path, map < 0 ? map : bpf(BPF_MAP_UPDATE_ELEM, &attr, sizeof(attr)));
}

/* ---- sockets */

/* A TCP connection with itself over the loopback device; the end that connected. */
static int tcp(uint16_t port)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int listener = socket(AF_INET, SOCK_STREAM, 0), s = socket(AF_INET, SOCK_STREAM, 0);

	if (bind(listener, (void *)&to, sizeof(to)) || listen(listener, 1) ||
	    connect(s, (void *)&to, sizeof(to)) || accept(listener, NULL, NULL) < 0)
		return -1;
	return s;
}

static int udp_reuseport(uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(port),
				  .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int s = socket(AF_INET, SOCK_DGRAM, 0), one = 1;

	if (setsockopt(s, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) ||
	    bind(s, (void *)&at, sizeof(at)))
		return -1;
	return s;
}

/* An AF_XDP socket on queue 0 of a device, by copying, with rings that nobody uses. */
static int xsk(uint32_t ifindex)
{
	enum { FRAMES = 16, FRAME = 2048 };
	struct xdp_umem_reg umem = { .len = FRAMES * FRAME, .chunk_size = FRAME };
	struct sockaddr_xdp at = { .sxdp_family = AF_XDP, .sxdp_ifindex = ifindex, .sxdp_flags = XDP_COPY };
	int s = socket(AF_XDP, SOCK_RAW, 0), entries = FRAMES;
	void *mem = mmap(NULL, umem.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	umem.addr = (uintptr_t)mem;
	if (s < 0 || mem == MAP_FAILED || setsockopt(s, SOL_XDP, XDP_UMEM_REG, &umem, sizeof(umem)) ||
	    setsockopt(s, SOL_XDP, XDP_UMEM_FILL_RING, &entries, sizeof(entries)) ||
	    setsockopt(s, SOL_XDP, XDP_UMEM_COMPLETION_RING, &entries, sizeof(entries)) ||
	    setsockopt(s, SOL_XDP, XDP_RX_RING, &entries, sizeof(entries)) ||
	    bind(s, (void *)&at, sizeof(at)))
		return -1;
	return s;
}

static void *add_attr(struct nlmsghdr *n, int type, const void *data, size_t len)
{
	struct rtattr *rta = (void *)((char *)n + NLMSG_ALIGN(n->nlmsg_len));

	rta->rta_type = type;
	rta->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(rta), data, len);
	n->nlmsg_len = NLMSG_ALIGN(n->nlmsg_len) + RTA_ALIGN(rta->rta_len);
	return rta;
}

/* A pair of netkit devices (6.7), of which this is the first; 0: none. */
static uint32_t netkit(void)
{
	struct {
		struct nlmsghdr n;
		struct ifinfomsg ifi;
		char room[256];
	} req = { .n = { .nlmsg_len = NLMSG_LENGTH(sizeof(struct ifinfomsg)), .nlmsg_type = RTM_NEWLINK,
			 .nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK } };
	int s = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	char answer[4096];
	struct rtattr *info;

	add_attr(&req.n, IFLA_IFNAME, "nk_test", 8);
	info = add_attr(&req.n, IFLA_LINKINFO, NULL, 0);
	add_attr(&req.n, IFLA_INFO_KIND, "netkit", 7);
	info->rta_len = (char *)&req.n + req.n.nlmsg_len - (char *)info;
	if (send(s, &req, req.n.nlmsg_len, 0) < 0 || recv(s, answer, sizeof(answer), 0) < 0)
		return 0;
	close(s);
	return if_nametoindex("nk_test");
}

/* ---- links */

static void link_with(const char *path, struct link_create *attr)
{
	int prog = pinned(path);

	attr->prog_fd = prog;
	told(path, prog < 0 ? prog : bpf(BPF_LINK_CREATE, attr, sizeof(*attr)));
}

static void link_to(const char *path, int target, int type)
{
	struct link_create attr = { .target = target, .attach_type = type };

	link_with(path, &attr);
}

static void link_kprobes(void)
{
	static const char *const syms[] = { "bpf_fentry_test5", "bpf_fentry_test6" };
	static const uint64_t cookies[] = { 51, 62 };
	struct link_create attr = { .attach_type = KPROBE_MULTI };

	attr.kprobes.flags = 1; /* at the return */
	attr.kprobes.cnt = 2;
	attr.kprobes.syms = (uintptr_t)syms;
	attr.kprobes.cookies = (uintptr_t)cookies;
	link_with(LINKS "link_kprobes", &attr);
}

static void link_uprobes(void)
{
	static const uint64_t offsets[] = { 0x1010, 0x1020, 0x1030 }, cookies[] = { 7, 0, 9 },
			      refs[] = { 0, 0x2040, 0 };
	struct link_create attr = { .attach_type = UPROBE_MULTI };

	attr.uprobes.path = (uintptr_t)PROBED;
	attr.uprobes.offsets = (uintptr_t)offsets;
	attr.uprobes.ref_ctr_offsets = (uintptr_t)refs;
	attr.uprobes.cookies = (uintptr_t)cookies;
	attr.uprobes.cnt = 3;
	attr.uprobes.pid = 1;
	link_with(LINKS "link_uprobes", &attr);
}

static void link_netfilter(void)
{
	struct link_create attr = { .attach_type = NETFILTER };

	attr.netfilter.pf = NFPROTO_IPV4;
	attr.netfilter.hooknum = NF_INET_LOCAL_OUT;
	attr.netfilter.priority = -128;
	link_with(LINKS "link_netfilter", &attr);
}

static int pmu_type(const char *name)
{
	char path[64];
	int type = -1;

	snprintf(path, sizeof(path), "/sys/bus/event_source/devices/%s/type", name);
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%d", &type) != 1)
		type = -1;
	if (f)
		fclose(f);
	return type;
}

/* A probe at a place in a function or file, where an instruction must begin; `ret`: at its return. */
static int open_probe(const char *pmu, const char *where, uint64_t offset, bool ret)
{
	struct perf_event_attr attr = { .size = sizeof(attr), .type = pmu_type(pmu), .config = ret,
					.config1 = (uintptr_t)where, .config2 = offset };

	return syscall(SYS_perf_event_open, &attr, -1, 0, -1, 0);
}

static void link_probe(int event, uint64_t cookie)
{
	struct link_create attr = { .target = event, .attach_type = PERF_EVENT };

	attr.perf.cookie = cookie;
	link_with(LINKS "link_probe", &attr);
}

static void fill_maps(void)
{
	struct perf_event_attr event = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(event),
					 .config = PERF_COUNT_SW_CPU_CLOCK };
	uint32_t lo = 1, queue = 192, fd;
	uint64_t socket64;

	fd = syscall(SYS_perf_event_open, &event, -1, 0, -1, 0);
	put(MAPS "perf_event_array", 2, &fd);
	fd = open(INNER, O_RDONLY | O_DIRECTORY);
	put(MAPS "cgroup_array", 1, &fd);
	put(MAPS "devmap", 3, &lo);
	put(MAPS "devmap_hash", 77, &lo);
	put(MAPS "cpumap", 0, &queue);
	fd = tcp(4711);
	put(MAPS "sockmap", 2, &fd);
	put(MAPS "sockhash", 99, &fd);
	fd = xsk(lo);
	if ((int)fd < 0)
		told("AF_XDP", -1);
	put(MAPS "xskmap", 3, &fd);
	socket64 = udp_reuseport(4712);
	put(MAPS "reuseport_sockarray", 1, &socket64);
}

int main(void)
{
	int inner = open(INNER, O_RDONLY | O_DIRECTORY), lo = 1, kit, inside;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fill_maps();
	kit = netkit();
	/* Nobody runs it: probes in it are never hit. */
	if (system("cp /bin/hold " PROBED))
		return 1;
	link_to(LINKS "link_cgroup", inner, BPF_CGROUP_INET_INGRESS);
	link_to(LINKS "link_xdp", lo, BPF_XDP);
	link_to(LINKS "link_tcx", lo, TCX_INGRESS);
	link_to(LINKS "link_netns", open("/proc/self/ns/net", O_RDONLY), BPF_SK_LOOKUP);
	link_to(LINKS "link_netkit", kit, NETKIT_PRIMARY);
	link_to(LINKS "link_sockmap", pinned(MAPS "sockmap"), SK_SKB_VERDICT);
	link_kprobes();
	link_uprobes();
	link_netfilter();
	link_probe(open_probe("kprobe", "bpf_fentry_test7", 0, true), 77);
	/* Behind the call of the tracer, which may lie behind an ENDBR. */
	inside = open_probe("kprobe", "bpf_fentry_test8", 9, false);
	link_probe(inside >= 0 ? inside : open_probe("kprobe", "bpf_fentry_test8", 5, false), 0);
	link_probe(open_probe("uprobe", PROBED, 0x1040, true), 78);
	if (daemon(0, 0))
		return 1;
	for (;;)
		pause();
}
