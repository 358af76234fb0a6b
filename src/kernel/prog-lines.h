/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Source lines of BPF programs.  The compiler notes file, line, column and the line's text with the instructions
 * (.BTF.ext); the kernel keeps that with the program, and beside it where in the native code each line begins.
 */
#ifndef FDGDB_PROG_LINES_H
#define FDGDB_PROG_LINES_H

#include "kernel/symbolize.h"

struct prog_lines {
	struct kernel *k;
	/* struct bpf_prog_aux */
	struct member linfo, jited, nr, first, btf;
	/* struct bpf_line_info, struct btf */
	struct member info, file_off, text_off, line_col;
	struct member strings, str_len;
};

struct prog_line {
	const char *file;	/* as the compiler had it; guest bytes, in the pool */
	const char *text;	/* of the line, with its indentation; "" if the compiler had no source */
	uint32_t line, column;	/* 0: unknown */
};

struct err *prog_lines_init(struct prog_lines *pl, struct kernel *k) MUST_CHECK;

/*
 * The line of an address that ksymbolize() has found in the program sym, by the same `how`.  ERR_MISSING: the
 * program was loaded without lines.  Reads no more than that function's list of addresses, and one line.
 */
struct err *prog_line_at(const struct prog_lines *pl, const struct sym *sym, enum sym_lookup how,
			 struct pool *pool, struct prog_line *ret) MUST_CHECK;

#endif
