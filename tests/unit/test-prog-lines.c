/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Source lines of BPF programs: found in the list that the kernel has, or not, if that list lies. */
#include "config.h"

#include "unit.h"

#include "fake-kernel.h"
#include "kernel/prog-lines.h"

struct aux {
	uint64_t btf, linfo, jited_linfo;
	uint32_t nr_linfo, linfo_idx;
};

struct line {
	uint32_t insn_off, file_name_off, line_off, line_col;
};

struct btf_object {
	uint64_t strings;
	uint32_t magic, str_len;
};

static const uint64_t aux_at = 0xffff888000100000, btf_at = 0xffff888000100800, strings_at = 0xffff888000101000,
		      linfo_at = 0xffff888000200000, jited_at = 0xffff888000300000, nowhere = 0xffffc9000fff0000,
		      code = 0xffffffffc0001000, sub = 0xffffffffc0000400;

enum {
	NR = 1200,	/* of the program: three pages of addresses */
	NR_SUB = 3,
	STRIDE = 4,	/* bytes of code per line */
	CODE_LEN = NR * STRIDE,
	SUB_LEN = 0x40,
};

static const char strings[] = "\0/src/main.bpf.c\0\tif (x)\0/src/lib.h";
enum { MAIN_FILE = 1, TEXT = 17, LIB_FILE = 25 };

struct fixture {
	struct fake_kernel *fk;
	struct prog_lines pl;
	struct pool pool;
	struct aux aux;
};

static void add_types(struct fake_kernel *fk)
{
	const struct fake_field aux[] = {
		{ "btf", fk->ptr, offsetof(struct aux, btf) },
		{ "linfo", fk->ptr, offsetof(struct aux, linfo) },
		{ "jited_linfo", fk->ptr, offsetof(struct aux, jited_linfo) },
		{ "nr_linfo", fk->u32, offsetof(struct aux, nr_linfo) },
		{ "linfo_idx", fk->u32, offsetof(struct aux, linfo_idx) },
	};
	const struct fake_field line[] = {
		{ "file_name_off", fk->u32, offsetof(struct line, file_name_off) },
		{ "line_off", fk->u32, offsetof(struct line, line_off) },
		{ "line_col", fk->u32, offsetof(struct line, line_col) },
	};
	const struct fake_field header[] = { { "magic", fk->u32, 0 }, { "str_len", fk->u32, 4 } };
	int hdr = fake_kernel_struct(fk, "btf_header", 8, header, 2);
	const struct fake_field btf[] = { { "strings", fk->ptr, 0 }, { "hdr", hdr, 8 } };

	fake_kernel_struct(fk, "bpf_prog_aux", sizeof(struct aux), aux, ARRAY_SIZE(aux));
	fake_kernel_struct(fk, "bpf_line_info", sizeof(struct line), line, ARRAY_SIZE(line));
	fake_kernel_struct(fk, "btf", sizeof(struct btf_object), btf, 2);
}

static uint32_t col(uint32_t line, uint32_t column)
{
	return line << 10 | column;
}

static void put_line(struct fixture *f, size_t i, uint64_t at, struct line line)
{
	fake_kernel_write(f->fk, linfo_at + i * sizeof(line), &line, sizeof(line));
	fake_kernel_put64(f->fk, jited_at + 8 * i, at);
}

static void put_aux(struct fixture *f, uint32_t first)
{
	f->aux.linfo_idx = first;
	fake_kernel_write(f->fk, aux_at, &f->aux, sizeof(f->aux));
}

static void setup(struct fixture *f)
{
	struct btf_object btf = { .strings = strings_at, .str_len = sizeof(strings) };

	*f = (struct fixture){ .fk = fake_kernel_new() };
	add_types(f->fk);
	for (size_t i = 0; i < NR; i++)
		put_line(f, i, code + i * STRIDE, (struct line){ (uint32_t)i, MAIN_FILE, TEXT, col(10 + (uint32_t)i, 3) });
	/* A subprogram's code is elsewhere, its lines follow. */
	for (size_t i = 0; i < NR_SUB; i++)
		put_line(f, NR + i, sub + 8 * i, (struct line){ NR + (uint32_t)i, LIB_FILE, 0, col(2000 + (uint32_t)i, 0) });
	fake_kernel_write(f->fk, strings_at, strings, sizeof(strings));
	fake_kernel_write(f->fk, btf_at, &btf, sizeof(btf));
	f->aux = (struct aux){ .btf = btf_at, .linfo = linfo_at, .jited_linfo = jited_at, .nr_linfo = NR + NR_SUB };
	put_aux(f, 0);
	ASSERT_OK(prog_lines_init(&f->pl, fake_kernel_ready(f->fk)));
}

static void teardown(struct fixture *f)
{
	pool_deinit(&f->pool);
	fake_kernel_destroy(f->fk);
}

static struct err *line_at(struct fixture *f, uint64_t start, uint64_t size, uint64_t offset, enum sym_lookup how,
			   struct prog_line *ret)
{
	struct sym sym = { .owner = SYM_BPF_PROG, .prog_aux = { aux_at }, .addr = start + offset, .offset = offset,
			   .size = size };

	return prog_line_at(&f->pl, &sym, how, &f->pool, ret);
}

static uint32_t number(struct fixture *f, uint64_t offset, enum sym_lookup how)
{
	struct prog_line line = { 0 };

	ASSERT_OK(line_at(f, code, CODE_LEN, offset, how, &line));
	return line.line;
}

static enum err_code failure(struct fixture *f, uint64_t offset)
{
	struct prog_line line;
	struct err *e = line_at(f, code, CODE_LEN, offset, SYM_EXACT, &line);
	enum err_code code_of = e ? e->code : 0;

	err_free(e);
	return code_of;
}

static void test_found(void)
{
	struct fixture f;
	struct prog_line line;

	setup(&f);
	ASSERT_OK(line_at(&f, code, CODE_LEN, 5 * STRIDE + 1, SYM_EXACT, &line));
	CU_ASSERT_STRING_EQUAL(line.file, "/src/main.bpf.c");
	CU_ASSERT_STRING_EQUAL(line.text, "\tif (x)");
	CU_ASSERT_EQUAL(line.line, 15);
	CU_ASSERT_EQUAL(line.column, 3);
	/* What runs next, and what was called from the line before. */
	CU_ASSERT_EQUAL(number(&f, 6 * STRIDE, SYM_EXACT), 16);
	CU_ASSERT_EQUAL(number(&f, 6 * STRIDE, SYM_RETURN), 15);
	CU_ASSERT_EQUAL(number(&f, 0, SYM_EXACT), 10);
	/* A call may be the last that there is. */
	CU_ASSERT_EQUAL(number(&f, CODE_LEN, SYM_RETURN), 10 + NR - 1);
	teardown(&f);

	/* Lines without code of their own: the last of them has the code. */
	setup(&f);
	fake_kernel_put64(f.fk, jited_at + 8 * 600, code + 601 * STRIDE);
	CU_ASSERT_EQUAL(number(&f, 600 * STRIDE, SYM_EXACT), 10 + 599);
	CU_ASSERT_EQUAL(number(&f, 601 * STRIDE, SYM_EXACT), 10 + 601);
	teardown(&f);
}

static void test_subprogram(void)
{
	struct fixture f;
	struct prog_line line;

	setup(&f);
	put_aux(&f, NR);
	ASSERT_OK(line_at(&f, sub, SUB_LEN, 9, SYM_EXACT, &line));
	CU_ASSERT_STRING_EQUAL(line.file, "/src/lib.h");
	CU_ASSERT_STRING_EQUAL(line.text, "");
	CU_ASSERT_EQUAL(line.line, 2001);
	CU_ASSERT_EQUAL(line.column, 0);
	ASSERT_OK(line_at(&f, sub, SUB_LEN, SUB_LEN, SYM_RETURN, &line));
	CU_ASSERT_EQUAL(line.line, 2002);
	teardown(&f);
}

static void test_none(void)
{
	struct fixture f;
	struct prog_line line;

	setup(&f);
	f.aux.jited_linfo = 0;
	put_aux(&f, 0);
	CU_ASSERT_EQUAL(failure(&f, 0), ERR_MISSING);
	teardown(&f);

	setup(&f);
	f.aux.nr_linfo = 0;
	put_aux(&f, 0);
	CU_ASSERT_EQUAL(failure(&f, 0), ERR_MISSING);
	struct sym other = { .owner = SYM_KERNEL, .addr = code };
	ASSERT_ERR(prog_line_at(&f.pl, &other, SYM_EXACT, &f.pool, &line), ERR_MISSING, "no program");
	teardown(&f);
}

/* A kernel whose types have nothing of the kind. */
static void test_other_kernel(void)
{
	struct fake_kernel *fk = fake_kernel_new();
	struct sym sym = { .owner = SYM_BPF_PROG, .prog_aux = { aux_at }, .addr = code, .size = CODE_LEN };
	struct pool pool = { 0 };
	struct prog_lines pl;
	struct prog_line line;

	ASSERT_OK(prog_lines_init(&pl, fake_kernel_ready(fk)));
	ASSERT_ERR(prog_line_at(&pl, &sym, SYM_EXACT, &pool, &line), ERR_MISSING, "no program");
	pool_deinit(&pool);
	fake_kernel_destroy(fk);
}

/* What comes of a question after one thing was changed; pages that were read stay as they were. */
#define LIE(change, offset, expected)                                                              \
	do {                                                                                       \
		struct fixture f;                                                                  \
		setup(&f);                                                                         \
		change;                                                                            \
		CU_ASSERT_EQUAL(failure(&f, offset), expected);                                    \
		teardown(&f);                                                                      \
	} while (0)

#define AUX(member, v, first) (f.aux.member = (v), put_aux(&f, first))
#define BEGINS(i, at) fake_kernel_put64(f.fk, jited_at + 8 * (i), at)
#define LINE(i, file, text) put_line(&f, i, code + (i) * STRIDE, (struct line){ i, file, text, 0 })

static void test_lies(void)
{
	LIE(put_aux(&f, NR + NR_SUB), 8, ERR_CORRUPT); /* begins behind the end */
	LIE(put_aux(&f, NR), 8, ERR_CORRUPT);	       /* the lines of other code */
	LIE(BEGINS(0, 0), 8, ERR_CORRUPT);
	LIE(BEGINS(7, code + STRIDE), 8 * STRIDE, ERR_CORRUPT);
	LIE(BEGINS(7, code + STRIDE), 4 * STRIDE, 0); /* not needed that far */
	LIE(BEGINS(NR, code + STRIDE), CODE_LEN, ERR_CORRUPT);
	/* Strings that are not there. */
	LIE(LINE(3, sizeof(strings), TEXT), 3 * STRIDE, ERR_CORRUPT);
	LIE(LINE(3, MAIN_FILE, UINT32_MAX), 3 * STRIDE, ERR_CORRUPT);
	LIE(LINE(3, sizeof(strings) - 1, TEXT), 3 * STRIDE, 0);
	/* Memory that is not there, or cannot be. */
	LIE(AUX(jited_linfo, nowhere, 0), 8, ERR_FAULT);
	LIE(AUX(linfo, nowhere, 0), 8, ERR_FAULT);
	LIE(AUX(btf, nowhere, 0), 8, ERR_FAULT);
	LIE(AUX(linfo, UINT64_MAX - 64, 0), 8 * STRIDE, ERR_CORRUPT);
	LIE(AUX(nr_linfo, UINT32_MAX, UINT32_MAX - 1), 8, ERR_FAULT);
	LIE((f.aux.nr_linfo = UINT32_MAX, AUX(jited_linfo, UINT64_MAX - 7, 2)), 8, ERR_CORRUPT);
}

UNIT_MAIN("prog-lines", { "lines of a program", test_found }, { "lines of a subprogram", test_subprogram },
	  { "a program without lines", test_none }, { "a kernel that knows none", test_other_kernel },
	  { "lists that lie", test_lies })
