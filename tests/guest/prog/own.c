/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * own: fills the pinned maps that bpftool can neither fill nor dump: values of inodes, cgroups and sockets,
 * a queue and a stack that wrap, ring buffers with records of every state. Tells what it did as
 * JSON, and stays in the background, because values last no longer than their owners.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAPS "/sys/fs/bpf/maps/"

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static int pinned(const char *name)
{
	char path[100];
	union bpf_attr attr = { .pathname = (uintptr_t)path };

	snprintf(path, sizeof(path), MAPS "%s", name);
	return bpf(BPF_OBJ_GET, &attr);
}

/* struct small of rich.h */
struct small {
	uint64_t n;
	int32_t minus, temper;
};

/* A value for what the descriptor stands for; ends the line with how that went. */
static void put(const char *map, uint32_t fd, uint64_t n)
{
	struct small value = { .n = n, .minus = -1, .temper = 45 };
	union bpf_attr attr = { .map_fd = pinned(map), .key = (uintptr_t)&fd, .value = (uintptr_t)&value };
	int ret = (int)attr.map_fd < 0 ? -1 : bpf(BPF_MAP_UPDATE_ELEM, &attr);

	printf(", \"n\": %llu, \"error\": \"%s\"},\n", (unsigned long long)n, ret ? strerror(errno) : "");
}

static void push(int map, uint64_t n)
{
	struct small value = { .n = n };
	union bpf_attr attr = { .map_fd = map, .value = (uintptr_t)&value, .flags = BPF_EXIST };

	if (bpf(BPF_MAP_UPDATE_ELEM, &attr))
		printf("{\"map\": \"push\", \"error\": \"%s\"},\n", strerror(errno));
}

static void pop(int map)
{
	struct small value;
	union bpf_attr attr = { .map_fd = map, .value = (uintptr_t)&value };

	if (bpf(BPF_MAP_LOOKUP_AND_DELETE_ELEM, &attr))
		printf("{\"map\": \"pop\", \"error\": \"%s\"},\n", strerror(errno));
}

static void inode(void)
{
	int fd = open("/run/owned", O_RDWR | O_CREAT, 0600);
	struct stat st;

	fstat(fd, &st);
	printf("{\"map\": \"inode_store\", \"ino\": %llu, \"dev\": [%u, %u]", (unsigned long long)st.st_ino,
	       major(st.st_dev), minor(st.st_dev));
	put("inode_store", fd, 0x1111);
}

static void cgroup(const char *path)
{
	char full[100];
	struct stat st;

	snprintf(full, sizeof(full), "/sys/fs/cgroup%s", path);
	int fd = open(full, O_RDONLY | O_DIRECTORY);
	fstat(fd, &st);
	printf("{\"map\": \"cgrp_store\", \"path\": \"%s\", \"id\": %llu", path,
	       (unsigned long long)st.st_ino);
	put("cgrp_store", fd, 0x2222 + strlen(path));
}

/* Values of the deprecated kind exist where a program that uses them is attached, and are 0 at first. */
static void old_cgroup(const char *path)
{
	char full[100];
	struct stat st;
	struct { uint64_t id; uint32_t type, pad; } key = { .type = 1 /* BPF_CGROUP_INET_EGRESS */ };
	struct small value = { .n = 0x6666, .minus = -6, .temper = 45 };
	uint64_t values[64];
	union bpf_attr prog = { .pathname = (uintptr_t)"/sys/fs/bpf/rich/with_storage" }, attr;

	for (uint64_t i = 0; i < 64; i++)
		values[i] = 0x7777 + (i << 32);
	snprintf(full, sizeof(full), "/sys/fs/cgroup%s", path);
	int fd = open(full, O_RDONLY | O_DIRECTORY);
	fstat(fd, &st);
	key.id = st.st_ino;
	memset(&attr, 0, sizeof(attr));
	attr.link_create.prog_fd = bpf(BPF_OBJ_GET, &prog);
	attr.link_create.target_fd = fd;
	attr.link_create.attach_type = key.type;
	if (bpf(BPF_LINK_CREATE, &attr) < 0)
		perror("with_storage");
	attr = (union bpf_attr){ .map_fd = pinned("old_cgrp_store"), .key = (uintptr_t)&key,
				 .value = (uintptr_t)&value };
	if (bpf(BPF_MAP_UPDATE_ELEM, &attr))
		perror("old_cgrp_store");
	attr = (union bpf_attr){ .map_fd = pinned("pcpu_cgrp_store"), .key = (uintptr_t)&key,
				 .value = (uintptr_t)values };
	if (bpf(BPF_MAP_UPDATE_ELEM, &attr))
		perror("pcpu_cgrp_store");
}

static void udp(uint16_t from, uint16_t to)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(from),
				 .sin_addr = { htonl(INADDR_LOOPBACK) } }, b = a;
	int s = socket(AF_INET, SOCK_DGRAM, 0);

	b.sin_port = htons(to);
	if (bind(s, (void *)&a, sizeof(a)) || connect(s, (void *)&b, sizeof(b)))
		perror("udp");
	printf("{\"map\": \"sk_store\", \"family\": %d, \"type\": %d, \"protocol\": %d, \"local\": "
	       "[\"127.0.0.1\", %u], \"remote\": [\"127.0.0.1\", %u]", AF_INET, SOCK_DGRAM, IPPROTO_UDP,
	       from, to);
	put("sk_store", s, 0x3333);
}

static void tcp6(uint16_t at)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_port = htons(at),
				  .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int s = socket(AF_INET6, SOCK_STREAM, 0);

	if (s < 0 || bind(s, (void *)&a, sizeof(a)) || listen(s, 1))
		return; /* not every kernel here has it */
	printf("{\"map\": \"sk_store\", \"family\": %d, \"type\": %d, \"protocol\": %d, \"local\": "
	       "[\"::1\", %u], \"remote\": [\"::\", 0]", AF_INET6, SOCK_STREAM, IPPROTO_TCP, at);
	put("sk_store", s, 0x4444);
}

static void unix_socket(void)
{
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	printf("{\"map\": \"sk_store\", \"family\": %d, \"type\": %d, \"protocol\": 0", AF_UNIX, SOCK_STREAM);
	put("sk_store", s, 0x5555);
}

/* Both wrap; the stack loses its oldest. rich.bpf.c has put 0 to 4 there. */
static void queues(void)
{
	int queue = pinned("queue"), stack = pinned("stack");

	for (int i = 0; i < 3; i++)
		pop(queue);
	for (int i = 0; i < 2; i++)
		pop(stack);
	for (uint64_t i = 0; i < 5; i++)
		push(queue, 1000 + i);
	for (uint64_t i = 0; i < 7; i++)
		push(stack, 1000 + i);
}

/* The first record was consumed. */
static void ring(void)
{
	uint64_t *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, pinned("ring"), 0);

	if (page == MAP_FAILED)
		perror("ring");
	else
		page[0] = 24;
}

/* Submitted, given up, still being written. */
static void user_ring(void)
{
	static const uint32_t lens[] = { 9, 20 | 1u << 30, 32 | 1u << 31 };
	uint8_t *p = mmap(NULL, 4096 + 2 * 4096, PROT_READ | PROT_WRITE, MAP_SHARED,
			  pinned("user_ringbuf"), 4096);
	size_t at = 0;

	if (p == MAP_FAILED) {
		perror("user_ringbuf");
		return;
	}
	for (int i = 0; i < 3; i++) {
		uint32_t len = lens[i] & 0x3fffffff;

		memcpy(p + 4096 + at, &lens[i], 4);
		memset(p + 4096 + at + 8, 0xa0 + i, len);
		at += (len + 8 + 7) / 8 * 8;
	}
	memcpy(p, &at, sizeof(at));
	printf("{\"map\": \"user_ringbuf\"},\n");
}

int main(void)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("[\n");
	inode();
	cgroup("/");
	cgroup("/tests/inner");
	old_cgroup("/tests/inner");
	old_cgroup("/tests");
	udp(4713, 4714);
	tcp6(4715);
	unix_socket();
	queues();
	ring();
	user_ring();
	printf("{}]\n");
	if (daemon(0, 0))
		return 1;
	for (;;)
		pause();
}
