/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "dwarf/dwarf-file.h"

#include <dwarf.h>
#include <elfutils/libdw.h>
#include <elfutils/libdwelf.h>
#include <elfutils/libdwfl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "dwarf/dwarf-private.h"

/* A range of addresses that a compilation unit covers. */
struct cu_range {
	Dwarf_Addr low, high; /* [low, high) */
	Dwarf_Off cu;	      /* of the unit's DIE */
};

struct dwarf_file {
	Dwfl *dwfl;
	Dwarf *dw; /* the module's, not ours to end */
	char *build_id;
	char *root; /* of the source tree, where it was built in another directory; or NULL */
	VEC(struct cu_range) ranges; /* by low */
};

void dwarf_close(struct dwarf_file *f)
{
	if (!f)
		return;
	dwfl_end(f->dwfl);
	free(f->build_id);
	free(f->root);
	free(f->ranges.data);
	free(f);
}

static void dwarf_close_p(struct dwarf_file **f)
{
	dwarf_close(*f);
}

const char *dwarf_build_id(const struct dwarf_file *f)
{
	return f->build_id;
}

/*
 * Built with O=DIR, a kernel's file names are absolute and lie outside of the directory it was compiled in:
 * what stands before the name of a file that every kernel has is the source tree.
 */
static struct err *find_root(struct dwarf_file *f, Dwarf_Die *cu)
{
	static const char known[] = "/init/main.c";
	const char *name = dwarf_diename(cu);
	size_t len = name ? strlen(name) : 0;

	if (f->root || len < strlen(known) || strcmp(name + len - strlen(known), known))
		return NULL;
	f->root = strndup(name, len - strlen(known));
	return f->root ? NULL : &err_nomem;
}

/*
 * .debug_aranges would tell the same, but clang leaves it out and libdw then finds nothing: the units
 * themselves always know.
 */
static struct err *index_units(struct dwarf_file *f)
{
	Dwarf_Off off = 0, next;
	size_t header;

	while (!dwarf_nextcu(f->dw, off, &next, &header, NULL, NULL, NULL)) {
		Dwarf_Die cu;
		Dwarf_Addr base, low, high;
		ptrdiff_t at = 0;

		if (dwarf_offdie(f->dw, off + header, &cu) && dwarf_tag(&cu) == DW_TAG_compile_unit) {
			TRY(find_root(f, &cu));
			while ((at = dwarf_ranges(&cu, at, &base, &low, &high)) > 0) {
				if (low >= high)
					continue;
				struct cu_range *r = vec_push(&f->ranges);
				if (!r)
					return &err_nomem;
				*r = (struct cu_range){ low, high, off + header };
			}
		}
		off = next;
	}
	return NULL;
}

static int by_low(const void *va, const void *vb)
{
	const struct cu_range *a = va, *b = vb;

	return a->low < b->low ? -1 : a->low > b->low;
}

static struct err *read_build_id(struct dwarf_file *f, Elf *elf)
{
	const void *id;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &id);

	if (len <= 0)
		return NULL;
	f->build_id = malloc((size_t)len * 2 + 1);
	if (!f->build_id)
		return &err_nomem;
	for (ssize_t i = 0; i < len; i++)
		sprintf(f->build_id + 2 * i, "%02x", ((const uint8_t *)id)[i]);
	return NULL;
}

static const Dwfl_Callbacks callbacks = {
	.find_elf = dwfl_build_id_find_elf, /* not called: we report the file ourselves */
	.find_debuginfo = dwfl_standard_find_debuginfo,
	.section_address = dwfl_offline_section_address,
};

struct err *dwarf_open(const char *path, struct dwarf_file **ret)
{
	_cleanup_(dwarf_close_p) struct dwarf_file *f = calloc(1, sizeof(*f));
	GElf_Addr bias;

	if (!f)
		return &err_nomem;
	f->dwfl = dwfl_begin(&callbacks);
	if (!f->dwfl)
		return &err_nomem;

	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(errno, "%s", path);
	dwfl_report_begin(f->dwfl);
	Dwfl_Module *mod = dwfl_report_elf(f->dwfl, "vmlinux", path, fd, 0, false);
	if (!mod)
		return err_new(ERR_FORMAT, "%s: %s (an uncompressed vmlinux is needed)", path,
			       dwfl_errmsg(-1));
	take_fd(&fd); /* libdwfl has it now */
	dwfl_report_end(f->dwfl, NULL, NULL);

	Elf *elf = dwfl_module_getelf(mod, &bias);
	if (!elf)
		return err_new(ERR_FORMAT, "%s: %s", path, dwfl_errmsg(-1));
	TRY(read_build_id(f, elf));

	f->dw = dwfl_module_getdwarf(mod, &bias);
	if (!f->dw)
		return err_new(ERR_FORMAT,
			       "%s: no debug information in it, nor by build ID %s or .gnu_debuglink: %s",
			       path, f->build_id ? f->build_id : "(none)", dwfl_errmsg(-1));
	if (bias)
		return err_new(ERR_FORMAT, "%s: not a kernel: its code has no fixed address", path);

	TRY(index_units(f));
	if (!f->ranges.nr)
		return err_new(ERR_FORMAT, "%s: its debug information has no code", path);
	qsort(f->ranges.data, f->ranges.nr, sizeof(*f->ranges.data), by_low);
	*ret = take_ptr(f);
	return NULL;
}

bool dwarf_unit_at(const struct dwarf_file *f, uint64_t addr, Dwarf_Die *ret)
{
	size_t lo = 0, hi = f->ranges.nr;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (f->ranges.data[mid].low <= addr)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo && addr < f->ranges.data[lo - 1].high &&
	       dwarf_offdie(f->dw, f->ranges.data[lo - 1].cu, ret);
}

static const char *below(const char *file, const char *dir)
{
	size_t len = dir ? strlen(dir) : 0;

	return len && !strncmp(file, dir, len) && file[len] == '/' ? file + len + 1 : file;
}

/* As a developer names it: kernel/sched/core.c, wherever it was built. */
static struct err *set_file(const struct dwarf_file *f, Dwarf_Die *cu, const char *file,
			    struct pool *pool, struct dwarf_func *func)
{
	Dwarf_Attribute attr;

	if (!file)
		return NULL;
	file = below(file, dwarf_formstring(dwarf_attr(cu, DW_AT_comp_dir, &attr)));
	file = below(file, f->root);
	while (!strncmp(file, "./", 2))
		file += 2;
	func->file = pool_strndup(pool, file, strlen(file));
	return func->file ? NULL : &err_nomem;
}

static uint32_t number(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attr;
	Dwarf_Word v;

	return dwarf_attr(die, name, &attr) && !dwarf_formudata(&attr, &v) && v <= UINT32_MAX ? (uint32_t)v : 0;
}

/* Where an inlined function was called: the position of the function it is part of. */
static struct err *call_site(const struct dwarf_file *f, Dwarf_Die *cu, Dwarf_Die *inlined,
			     struct pool *pool, struct dwarf_func *func)
{
	Dwarf_Files *files;
	size_t nr;
	uint32_t file = number(inlined, DW_AT_call_file);

	func->line = number(inlined, DW_AT_call_line);
	if (dwarf_getsrcfiles(cu, &files, &nr) || file >= nr)
		return NULL;
	return set_file(f, cu, dwarf_filesrc(files, file, NULL, NULL), pool, func);
}

struct err *dwarf_funcs_at(struct dwarf_file *f, uint64_t addr, struct pool *pool,
			   struct dwarf_func **ret, size_t *nr)
{
	_cleanup_free_ Dwarf_Die *inner = NULL, *scopes = NULL;
	Dwarf_Die cu;

	*ret = NULL;
	*nr = 0;
	if (!dwarf_unit_at(f, addr, &cu))
		return NULL;

	/* From an inlined function on the first list goes on with where it was written; the second with where
	 * it was put. */
	int nr_scopes = dwarf_getscopes(&cu, addr, &inner) > 0 ? dwarf_getscopes_die(&inner[0], &scopes) : 0;

	/* An assembler's unit has lines but no functions. */
	struct dwarf_func *funcs = pool_calloc(pool, nr_scopes > 0 ? (size_t)nr_scopes : 1, sizeof(*funcs));
	if (!funcs)
		return &err_nomem;

	struct dwarf_func position = { 0 };
	Dwarf_Line *line = dwarf_getsrc_die(&cu, addr);
	int lineno;
	if (line) {
		TRY(set_file(f, &cu, dwarf_linesrc(line, NULL, NULL), pool, &position));
		if (!dwarf_lineno(line, &lineno) && lineno > 0)
			position.line = (uint32_t)lineno;
	}

	for (int i = 0; i < nr_scopes; i++) {
		int tag = dwarf_tag(&scopes[i]);

		if (tag != DW_TAG_inlined_subroutine && tag != DW_TAG_subprogram)
			continue;
		const char *name = dwarf_diename(&scopes[i]);
		struct dwarf_func *func = &funcs[(*nr)++];
		*func = position;
		func->name = pool_strndup(pool, name ? name : "?", name ? strlen(name) : 1);
		if (!func->name)
			return &err_nomem;
		func->inlined = tag == DW_TAG_inlined_subroutine;
		if (!func->inlined)
			break;
		position = (struct dwarf_func){ 0 };
		TRY(call_site(f, &cu, &scopes[i], pool, &position));
	}
	if (!*nr && position.file) {
		*funcs = position;
		funcs->name = "?";
		*nr = 1;
	}
	*ret = funcs;
	return NULL;
}
