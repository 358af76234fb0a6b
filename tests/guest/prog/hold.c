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
#include <linux/perf_event.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define MAPS "/sys/fs/bpf/maps/"
#define LINKS "/sys/fs/bpf/links/"

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int pinned(const char *path)
{
	union bpf_attr attr = { .pathname = (uintptr_t)path };

	return bpf(BPF_OBJ_GET, &attr);
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

	told(path, map < 0 ? map : bpf(BPF_MAP_UPDATE_ELEM, &attr));
}

static void attach(const char *path, int target, int type)
{
	int prog = pinned(path);
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = prog;
	attr.link_create.target_fd = target;
	attr.link_create.attach_type = type;
	told(path, prog < 0 ? prog : bpf(BPF_LINK_CREATE, &attr));
}

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

int main(void)
{
	struct perf_event_attr event = { .type = PERF_TYPE_SOFTWARE, .size = sizeof(event),
					 .config = PERF_COUNT_SW_CPU_CLOCK };
	uint32_t lo = 1, queue = 192, fd;
	uint64_t socket64;

	setvbuf(stdout, NULL, _IOLBF, 0);
	fd = syscall(SYS_perf_event_open, &event, -1, 0, -1, 0);
	put(MAPS "perf_event_array", 2, &fd);
	fd = open("/sys/fs/cgroup/tests/inner", O_RDONLY | O_DIRECTORY);
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
	fd = open("/sys/fs/cgroup/tests/inner", O_RDONLY | O_DIRECTORY);
	attach(LINKS "link_cgroup", fd, BPF_CGROUP_INET_INGRESS);
	attach(LINKS "link_xdp", lo, 37 /* BPF_XDP */);
	attach(LINKS "link_tcx", lo, 46 /* BPF_TCX_INGRESS, 6.6 */);
	fd = open("/proc/self/ns/net", O_RDONLY);
	attach(LINKS "link_netns", fd, BPF_SK_LOOKUP);
	if (daemon(0, 0))
		return 1;
	for (;;)
		pause();
}
