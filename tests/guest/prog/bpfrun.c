/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * bpfrun PATH [fault]: runs a pinned BPF program of type syscall or raw_tracepoint once, and ends with what
 * the program returned. bpftool cannot: it asks for the context back, which these types refuse. With "fault"
 * the first word of the context is an address whose page faults are ours to answer, and we never do.
 * bpfrun --build-id: the build ID of bpfrun itself.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t faulting(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	void *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4096;
	if (fd < 0 || mem == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg)) {
		perror("userfaultfd");
		_exit(203);
	}
	return (uintptr_t)mem;
}

extern const char __ehdr_start[]; /* the linker's: the program's own ELF header */

static int build_id(void)
{
	const Elf64_Ehdr *head = (const void *)__ehdr_start;
	const Elf64_Phdr *p = (const void *)(__ehdr_start + head->e_phoff);

	for (int i = 0; i < head->e_phnum; i++) {
		const char *at = (const char *)p[i].p_vaddr, *end = at + p[i].p_memsz;

		while (p[i].p_type == PT_NOTE && at < end) {
			const Elf64_Nhdr *n = (const void *)at;
			const unsigned char *desc = (const void *)(at + sizeof(*n) + (n->n_namesz + 3) / 4 * 4);

			if (n->n_type == NT_GNU_BUILD_ID && n->n_namesz == 4) {
				for (unsigned int b = 0; b < n->n_descsz; b++)
					printf("%02x", desc[b]);
				puts("");
				return 0;
			}
			at = (const char *)desc + (n->n_descsz + 3) / 4 * 4;
		}
	}
	return 1;
}

int main(int argc, char **argv)
{
	uint64_t ctx[8] = { 0 };
	union bpf_attr attr;
	int fd;

	if (argc < 2) {
		fprintf(stderr, "usage: bpfrun PATH [fault]\n");
		return 200;
	}
	if (!strcmp(argv[1], "--build-id"))
		return build_id();
	if (argc > 2 && !strcmp(argv[2], "fault"))
		ctx[0] = faulting();
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (uintptr_t)argv[1];
	fd = syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 201;
	}
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.ctx_in = (uintptr_t)ctx;
	attr.test.ctx_size_in = sizeof(ctx);
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0) {
		fprintf(stderr, "%s: run: %s\n", argv[1], strerror(errno));
		return 202;
	}
	printf("\"retval\":%u\n", attr.test.retval);
	return attr.test.retval > 199 ? 199 : attr.test.retval;
}
