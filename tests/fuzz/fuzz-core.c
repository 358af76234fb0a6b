/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A file given as a dump: opened, and where that works, read from everywhere it claims memory. */
#include "config.h"

#include "fuzz.h"

#include <stdlib.h>
#include <unistd.h>

#include "target/core.h"
#include "target/mem.h"
#include "tests/unit/core-build.h"

static void check_ram(const struct target *t)
{
	for (size_t i = 0; i < t->nr_ram; i++) {
		const struct ram_range *r = &t->ram[i];

		if (r->start >= r->end || r->start % PAGE_SIZE || r->end % PAGE_SIZE)
			abort();
		if (i && t->ram[i - 1].end >= r->start)
			abort();
	}
}

static void read_ram(struct target *t)
{
	struct mem *mem;
	uint8_t buf[64];

	if (mem_create(t, &mem))
		abort();
	for (size_t i = 0; i < MIN(t->nr_ram, (size_t)16); i++) {
		uint64_t at[] = { t->ram[i].start, t->ram[i].end - sizeof(buf), t->ram[i].end - 1 };

		for (size_t n = 0; n < ARRAY_SIZE(at); n++) {
			struct err *e = mem_read(mem, (struct gpa){ at[n] }, buf, sizeof(buf));

			/* All that is claimed was checked against the file's size. */
			if (n < 2 && e)
				abort();
			err_free(e);
		}
	}
	mem_destroy(mem);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static int fd = -1;
	struct target *t;

	if (fd < 0)
		fd = core_build_fd(NULL, 0);
	if (ftruncate(fd, 0) || pwrite(fd, data, len, 0) != (ssize_t)len)
		abort();

	struct err *e = core_open_fd(dup(fd), "fuzz", &t);
	if (e) {
		if (!strlen(e->msg) || strchr(e->msg, '\n'))
			abort();
		err_free(e);
		return 0;
	}
	check_ram(t);
	read_ram(t);
	for (size_t i = 0; i < t->nr_vcpus; i++) {
		uint64_t v;

		err_ignore(target_reg(t, i, "cr3", &v));
	}
	target_destroy(t);
	return 0;
}

bool fuzz_seed(size_t i, uint8_t **data, size_t *len)
{
	static const uint8_t page[3 * PAGE_SIZE];
	struct core_build *b = core_build_new();

	core_build_prstatus(b, 0x1000);
	core_build_prstatus(b, 0x2000);
	core_build_qemu(b, 0x1000, 0x33, 0x1000);
	core_build_qemu(b, 0x2000, 0x33, 0x3000);
	core_build_note(b, "VMCOREINFO", 0, "OSRELEASE=6.18\n", 15);
	core_build_load(b, i ? 0xffff888000000000 : 0, 0, sizeof(page), page, sizeof(page));
	core_build_load(b, 0x100000, 0x100000, 4 * PAGE_SIZE, page, PAGE_SIZE);
	if (i)
		core_build_alias(b, 0, 0xffffffff81000000, 0x1000, 0x1000, 0x2000);
	if (i == 2)
		core_build_xnum(b);
	*data = core_build_finish(b, len);
	if (i < 3)
		return true;
	free(*data);
	return false;
}
