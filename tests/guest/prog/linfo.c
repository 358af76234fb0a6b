/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * linfo NAME...: where the code of the loaded programs of these names is, and of which source line each address
 * is, as the kernel tells (struct bpf_prog_info). One JSON array; bpftool can show that only with a disassembler.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <linux/btf.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int bpf(int cmd, union bpf_attr *attr)
{
	return syscall(SYS_bpf, cmd, attr, sizeof(*attr));
}

static void get_info(int fd, void *info, uint32_t len)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info_len = len;
	attr.info.info = (uintptr_t)info;
	if (bpf(BPF_OBJ_GET_INFO_BY_FD, &attr)) {
		perror("linfo: information");
		exit(1);
	}
}

static void *get_memory(size_t nr, size_t size)
{
	void *p = calloc(nr + 1, size);

	if (!p)
		exit(1);
	return p;
}

static const char *read_strings(uint32_t id, uint32_t *len)
{
	union bpf_attr attr = { .btf_id = id };
	struct bpf_btf_info info = { 0 };
	int fd = bpf(BPF_BTF_GET_FD_BY_ID, &attr);
	struct btf_header *hdr;

	if (fd < 0)
		return NULL;
	get_info(fd, &info, sizeof(info));
	hdr = get_memory(info.btf_size, 1);
	info = (struct bpf_btf_info){ .btf = (uintptr_t)hdr, .btf_size = info.btf_size };
	get_info(fd, &info, sizeof(info));
	close(fd);
	*len = hdr->str_len;
	return (char *)hdr + hdr->hdr_len + hdr->str_off;
}

static void print_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			putchar('\\');
		if (*s == '\t')
			printf("\\t");
		else
			putchar(*s);
	}
	putchar('"');
}

static void print_lines(const struct bpf_prog_info *info)
{
	const struct bpf_line_info *line = (void *)(uintptr_t)info->line_info;
	const uint64_t *at = (void *)(uintptr_t)info->jited_line_info,
		       *ksyms = (void *)(uintptr_t)info->jited_ksyms;
	const uint32_t *lens = (void *)(uintptr_t)info->jited_func_lens;
	uint32_t str_len = 0;
	const char *strings = read_strings(info->btf_id, &str_len);

	printf("{\"id\":%u,\"name\":\"%s\",\"functions\":[", info->id, info->name);
	for (uint32_t i = 0; i < info->nr_jited_func_lens; i++)
		printf("%s{\"start\":%lu,\"len\":%u}", i ? "," : "", ksyms[i], lens[i]);
	printf("],\"lines\":[");
	for (uint32_t i = 0; strings && i < info->nr_jited_line_info; i++) {
		printf("%s{\"at\":%lu,\"line\":%u,\"column\":%u,\"file\":", i ? "," : "", at[i],
		       line[i].line_col >> 10, line[i].line_col & 0x3ff);
		print_string(strings + line[i].file_name_off);
		printf(",\"text\":");
		print_string(strings + line[i].line_off);
		putchar('}');
	}
	printf("]}");
}

static void show(int fd, const struct bpf_prog_info *sizes)
{
	struct bpf_prog_info info = {
		.nr_line_info = sizes->nr_line_info,
		.line_info_rec_size = sizeof(struct bpf_line_info),
		.nr_jited_line_info = sizes->nr_jited_line_info,
		.jited_line_info_rec_size = sizeof(uint64_t),
		.nr_jited_ksyms = sizes->nr_jited_ksyms,
		.nr_jited_func_lens = sizes->nr_jited_func_lens,
	};

	info.line_info = (uintptr_t)get_memory(info.nr_line_info, sizeof(struct bpf_line_info));
	info.jited_line_info = (uintptr_t)get_memory(info.nr_jited_line_info, sizeof(uint64_t));
	info.jited_ksyms = (uintptr_t)get_memory(info.nr_jited_ksyms, sizeof(uint64_t));
	info.jited_func_lens = (uintptr_t)get_memory(info.nr_jited_func_lens, sizeof(uint32_t));
	get_info(fd, &info, sizeof(info));
	print_lines(&info);
}

int main(int argc, char **argv)
{
	union bpf_attr attr;
	uint32_t id = 0;
	int nr = 0;

	putchar('[');
	for (;;) {
		struct bpf_prog_info info = { 0 };
		int fd;

		memset(&attr, 0, sizeof(attr));
		attr.start_id = id;
		if (bpf(BPF_PROG_GET_NEXT_ID, &attr))
			break;
		id = attr.next_id;
		memset(&attr, 0, sizeof(attr));
		attr.prog_id = id;
		fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);
		if (fd < 0)
			continue;
		get_info(fd, &info, sizeof(info));
		for (int i = 1; i < argc; i++) {
			if (strcmp(argv[i], info.name))
				continue;
			printf("%s", nr++ ? ",\n" : "");
			show(fd, &info);
		}
		close(fd);
	}
	printf("]\n");
	return errno != ENOENT;
}
