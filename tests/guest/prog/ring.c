/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ring consume PATH: takes the records of a pinned ring buffer as they come, for ever.
 * ring fill PATH N: puts N records of eight bytes into a pinned user ring buffer, each with its number, and takes back
 * nothing: a record stays until a program drains it. Ends.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAGE = 4096, SIZE = 4096, HEADER = 8 };

static int pinned(const char *path)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)path;
	return syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
}

static void *map(int fd, size_t len, int prot, off_t at)
{
	void *p = mmap(NULL, len, prot, MAP_SHARED, fd, at);

	if (p == MAP_FAILED) {
		fprintf(stderr, "mmap at %ld: %s\n", (long)at, strerror(errno));
		exit(1);
	}
	return p;
}

static void consume(int fd)
{
	volatile uint64_t *consumer = map(fd, PAGE, PROT_READ | PROT_WRITE, 0);
	uint8_t *ro = map(fd, PAGE + 2 * SIZE, PROT_READ, PAGE);
	volatile uint64_t *producer = (uint64_t *)ro;

	for (;;) {
		uint64_t pos = *consumer;

		while (pos != *producer) {
			uint32_t len = *(volatile uint32_t *)(ro + PAGE + (pos & (SIZE - 1)));

			if (len & BPF_RINGBUF_BUSY_BIT)
				break;
			pos += ((len & ~BPF_RINGBUF_DISCARD_BIT) + HEADER + 7) / 8 * 8;
			__atomic_store_n(consumer, pos, __ATOMIC_RELEASE);
		}
		usleep(1000);
	}
}

static void fill(int fd, uint64_t n)
{
	volatile uint64_t *consumer = map(fd, PAGE, PROT_READ, 0);
	uint8_t *rw = map(fd, PAGE + 2 * SIZE, PROT_READ | PROT_WRITE, PAGE);
	volatile uint64_t *producer = (uint64_t *)rw;
	uint64_t pos = *producer;

	for (uint64_t i = 0; i < n && pos - *consumer + 2 * HEADER <= SIZE; i++) {
		uint8_t *at = rw + PAGE + (pos & (SIZE - 1));

		memcpy(at + HEADER, &i, sizeof(i));
		*(volatile uint32_t *)at = sizeof(i);
		pos += 2 * HEADER;
	}
	__atomic_store_n(producer, pos, __ATOMIC_RELEASE);
}

int main(int argc, char **argv)
{
	int fd = argc > 2 ? pinned(argv[2]) : -1;

	if (fd < 0) {
		fprintf(stderr, "ring: %s\n", argc > 2 ? strerror(errno) : "usage");
		return 1;
	}
	if (!strcmp(argv[1], "consume"))
		consume(fd);
	fill(fd, argc > 3 ? strtoull(argv[3], NULL, 10) : 1);
	return 0;
}
