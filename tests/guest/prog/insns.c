/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * insns: an array of instructions (BPF_MAP_TYPE_INSN_ARRAY, 6.19) bound to a program, some of whose instructions the
 * verifier removes or replaces by several. Prints as JSON what the kernel says of each element, and stays in the
 * background, because they last only as long as somebody holds them.
 */
#include <errno.h>
#include <linux/bpf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { INSN_ARRAY = 34, NR = 5 };

/* struct bpf_insn_array_value of later headers. */
struct value {
	uint32_t orig_off, xlated_off, jitted_off, pad;
};

/* BPF_PROG_LOAD's part of union bpf_attr, up to fd_array_cnt (6.14). */
struct load {
	uint32_t prog_type, insn_cnt;
	uint64_t insns, license;
	uint32_t log_level, log_size;
	uint64_t log_buf;
	uint32_t kern_version, prog_flags;
	char prog_name[16];
	uint32_t prog_ifindex, expected_attach_type, prog_btf_fd, func_info_rec_size;
	uint64_t func_info;
	uint32_t func_info_cnt, line_info_rec_size;
	uint64_t line_info;
	uint32_t line_info_cnt, attach_btf_id, attach_prog_fd, core_relo_cnt;
	uint64_t fd_array, core_relos;
	uint32_t core_relo_rec_size, log_true_size, prog_token_fd, fd_array_cnt;
};

static const struct bpf_insn insns[] = {
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 1 },
	{ .code = BPF_JMP | BPF_JEQ | BPF_K, .dst_reg = 0, .off = 1, .imm = 1 },
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 7 },    /* dead */
	{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_jiffies64 },	    /* put in line */
	{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = 2 },
	{ .code = BPF_JMP | BPF_EXIT },
};
static const uint32_t which[NR] = { 0, 2, 3, 4, 5 };
static char log[1 << 16];

static int map_create(void)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_type = INSN_ARRAY;
	attr.key_size = 4;
	attr.value_size = sizeof(struct value);
	attr.max_entries = NR;
	strcpy(attr.map_name, "insns");
	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

static int element(int cmd, int map, uint32_t key, struct value *value)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = map;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)value;
	return syscall(SYS_bpf, cmd, &attr, sizeof(attr));
}

static int fail(const char *what)
{
	fprintf(stderr, "%s: %s\n%s\n", what, strerror(errno), log);
	return 1;
}

int main(void)
{
	struct load load = {
		.prog_type = BPF_PROG_TYPE_XDP, .insn_cnt = sizeof(insns) / sizeof(insns[0]),
		.insns = (uintptr_t)insns, .license = (uintptr_t)"GPL", .prog_name = "jumps", .log_level = 1,
		.log_size = sizeof(log), .log_buf = (uintptr_t)log, .fd_array_cnt = 1,
	};
	union bpf_attr freeze = { 0 };
	int map = map_create();

	if (map < 0)
		return fail("map");
	for (uint32_t i = 0; i < NR; i++) {
		struct value v = { .orig_off = which[i] };

		if (element(BPF_MAP_UPDATE_ELEM, map, i, &v))
			return fail("update");
	}
	freeze.map_fd = map;
	if (syscall(SYS_bpf, BPF_MAP_FREEZE, &freeze, sizeof(freeze)))
		return fail("freeze");
	load.fd_array = (uintptr_t)&map;
	if (syscall(SYS_bpf, BPF_PROG_LOAD, &load, sizeof(load)) < 0)
		return fail("load");
	printf("[");
	for (uint32_t i = 0; i < NR; i++) {
		struct value v = { 0 };

		if (element(BPF_MAP_LOOKUP_ELEM, map, i, &v))
			return fail("lookup");
		printf("%s{\"key\":%u,\"orig_off\":%u,\"xlated_off\":%u,\"jitted_off\":%u}", i ? "," : "", i,
		       v.orig_off, v.xlated_off, v.jitted_off);
	}
	printf("]\n");
	fflush(stdout);
	return daemon(0, 0) || pause() ? 1 : 0;
}
