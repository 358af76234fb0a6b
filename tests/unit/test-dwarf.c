/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Debug information is read from this very program, which is always built with it. */
#include "config.h"

#include "unit.h"

#include <link.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dwarf/dwarf-args.h"
#include "dwarf/dwarf-file.h"

static char dir[] = "/tmp/fdgdb-dwarf.XXXXXX";

/* Where this program was put by the loader; its file starts at 0, or at a fixed address (no PIE). */
static int first(struct dl_phdr_info *info, size_t size, void *ret)
{
	(void)size;
	*(uint64_t *)ret = info->dlpi_addr;
	return 1;
}

static uint64_t in_file(uint64_t addr)
{
	uint64_t bias = 0;

	dl_iterate_phdr(first, &bias);
	return addr - bias;
}

static unsigned int inner_line, middle_line, outer_line;

/* The address behind the call, as it stands on the stack. */
static __attribute__((noinline, noclone)) uint64_t here(void)
{
	return (uint64_t)(uintptr_t)__builtin_return_address(0);
}

static inline __attribute__((always_inline)) uint64_t inner(void)
{
	inner_line = __LINE__ + 1;
	uint64_t at = here();
	outer_line++; /* so that the call is no tail call */
	return at;
}

static inline __attribute__((always_inline)) uint64_t middle(void)
{
	middle_line = __LINE__ + 1;
	uint64_t at = inner();
	outer_line++;
	return at;
}

static __attribute__((noinline, noclone)) uint64_t outer(void)
{
	unsigned int line = __LINE__ + 1;
	uint64_t at = middle();
	outer_line = line;
	return at;
}

static void check_chain(struct dwarf_file *f)
{
	struct pool pool = { 0 };
	struct dwarf_func *funcs;
	size_t nr;
	static const char *const names[] = { "inner", "middle", "outer" };
	uint64_t at = in_file(outer());
	const unsigned int lines[] = { inner_line, middle_line, outer_line };

	/* Behind the call is another line: the call is what is asked for. */
	ASSERT_OK(dwarf_funcs_at(f, at - 1, &pool, &funcs, &nr));
	CU_ASSERT_EQUAL_FATAL(nr, 3);
	for (size_t i = 0; i < 3; i++) {
		CU_ASSERT_STRING_EQUAL(funcs[i].name, names[i]);
		CU_ASSERT_EQUAL(funcs[i].line, lines[i]);
		CU_ASSERT_PTR_NOT_NULL_FATAL(funcs[i].file);
		CU_ASSERT_PTR_NOT_NULL(strstr(funcs[i].file, "tests/unit/test-dwarf.c"));
		CU_ASSERT_EQUAL(funcs[i].inlined, i < 2);
	}
	pool_deinit(&pool);
}

static void test_chain(void)
{
	struct dwarf_file *f;

	ASSERT_OK(dwarf_open("/proc/self/exe", &f));
	check_chain(f);
	dwarf_close(f);
}

static void test_nowhere(void)
{
	struct pool pool = { 0 };
	struct dwarf_file *f;
	struct dwarf_func *funcs;
	size_t nr;

	ASSERT_OK(dwarf_open("/proc/self/exe", &f));
	static const uint64_t addrs[] = { 0, 1, UINT64_MAX, 0xffffffff81000000 };
	for (size_t i = 0; i < ARRAY_SIZE(addrs); i++) {
		ASSERT_OK(dwarf_funcs_at(f, addrs[i], &pool, &funcs, &nr));
		CU_ASSERT_EQUAL(nr, 0);
	}
	pool_deinit(&pool);
	dwarf_close(f);
}

static bool own_cfa(void *ctx, uint64_t *ret)
{
	*ret = *(const uint64_t *)ctx;
	return true;
}

static bool own_memory(void *ctx, uint64_t addr, void *buf, size_t len)
{
	(void)ctx;
	memcpy(buf, (const void *)(uintptr_t)addr, len);
	return true;
}

static bool own_frame_pointer(void *ctx, unsigned int nr, uint64_t *ret)
{
	*ret = ((const uint64_t *)ctx)[1];
	return nr == 6;
}

struct pair {
	int a, b;
};

/* Without optimization all arguments are in memory, below the canonical frame address. */
static __attribute__((noinline, noclone, optimize("O0"), no_sanitize("address", "undefined"))) void
with_args(struct dwarf_file *f, int minus, const char *text, uint8_t small, struct pair pair, bool known)
{
	uint64_t ctx[2] = { (uint64_t)(uintptr_t)__builtin_dwarf_cfa(),
			    (uint64_t)(uintptr_t)__builtin_frame_address(0) };
	struct dwarf_frame frame = { .read = own_memory, .ctx = ctx };
	struct pool pool = { 0 };
	struct dwarf_arg *args;
	size_t nr;
	static const char *const names[] = { "f", "minus", "text", "small", "pair", "known" };

	if (known) {
		frame.cfa = own_cfa;
		frame.reg = own_frame_pointer;
	}
	ASSERT_OK(dwarf_args_at(f, in_file(here()) - 1, &frame, &pool, &args, &nr));
	CU_ASSERT_EQUAL_FATAL(nr, 6);
	for (size_t i = 0; i < nr; i++) {
		CU_ASSERT_STRING_EQUAL(args[i].name, names[i]);
		/* A struct is nobody's scalar. */
		CU_ASSERT_EQUAL(args[i].known, known && i != 4);
	}
	if (known) {
		CU_ASSERT_EQUAL(args[0].value, (uint64_t)(uintptr_t)f);
		CU_ASSERT_TRUE(args[0].is_pointer);
		CU_ASSERT_EQUAL((int64_t)args[1].value, minus);
		CU_ASSERT_TRUE(args[1].is_signed);
		CU_ASSERT_EQUAL(args[2].value, (uint64_t)(uintptr_t)text);
		CU_ASSERT_EQUAL(args[3].value, small);
		CU_ASSERT_FALSE(args[3].is_signed);
		CU_ASSERT_EQUAL(args[5].value, 1);
	}
	(void)pair;
	pool_deinit(&pool);
}

static void test_args(void)
{
	struct dwarf_file *f;

	ASSERT_OK(dwarf_open("/proc/self/exe", &f));
	with_args(f, -12345, "text", 0xfe, (struct pair){ 1, 2 }, true);
	with_args(f, -12345, "text", 0xfe, (struct pair){ 1, 2 }, false);
	dwarf_close(f);
}

static void run(const char *fmt, ...)
{
	char cmd[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(cmd, sizeof(cmd), fmt, ap);
	va_end(ap);
	CU_ASSERT_EQUAL_FATAL(system(cmd), 0);
}

/* A file without debug information names the one that has it. */
static void test_separate(void)
{
	char path[64];
	struct dwarf_file *f;

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	run("cp /proc/%d/exe %s/full && cd %s && objcopy --only-keep-debug full full.debug && "
	    "objcopy --strip-debug --add-gnu-debuglink=full.debug full stripped && rm full",
	    (int)getpid(), dir, dir);
	snprintf(path, sizeof(path), "%s/stripped", dir);
	ASSERT_OK(dwarf_open(path, &f));
	check_chain(f);
	dwarf_close(f);

	/* The wrong one is none. */
	run("cp /bin/true %s/full.debug", dir);
	ASSERT_ERR(dwarf_open(path, &f), ERR_FORMAT, "gnu_debuglink");
	run("rm -r %s", dir);
	ASSERT_ERR(dwarf_open(path, &f), ERR_SYS, path);
}

static void test_no_elf(void)
{
	struct dwarf_file *f;

	ASSERT_ERR(dwarf_open("/etc/passwd", &f), ERR_FORMAT, "/etc/passwd");
	ASSERT_ERR(dwarf_open("/dev/null", &f), ERR_FORMAT, "/dev/null");
	ASSERT_ERR(dwarf_open("/tmp", &f), ERR_FORMAT, "/tmp");
}

static void test_build_id(void)
{
	struct dwarf_file *f;

	ASSERT_OK(dwarf_open("/proc/self/exe", &f));
	CU_ASSERT_PTR_NOT_NULL_FATAL(dwarf_build_id(f));
	CU_ASSERT_EQUAL(strlen(dwarf_build_id(f)), 40);
	CU_ASSERT_EQUAL(strspn(dwarf_build_id(f), "0123456789abcdef"), 40);
	dwarf_close(f);
}

UNIT_MAIN("dwarf", { "inlined functions and their lines", test_chain },
	  { "arguments, known and unknown", test_args },
	  { "addresses that belong to nothing", test_nowhere }, { "a separate debug file", test_separate },
	  { "files that are no ELF", test_no_elf }, { "build ID", test_build_id })
