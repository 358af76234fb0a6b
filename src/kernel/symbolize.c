/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/symbolize.h"

#include <inttypes.h>

#include "kernel/internal.h"

/* Modules and run-time code lie in the upper half only; so does what symbols_at() finds. */
static bool is_kernel_half(uint64_t addr)
{
	return addr >> 63;
}

static struct err *find(struct kernel *k, uint64_t addr, struct sym *sym)
{
	const struct symbol *symbol = symbols_at(k->symbols, addr, &sym->offset, &sym->size);
	const struct code *code;

	if (symbol) {
		sym->owner = SYM_KERNEL;
		sym->name = symbol->name;
		return NULL;
	}
	TRY(kmodule_at(k, addr, &sym->module));
	if (sym->module) {
		sym->owner = SYM_MODULE;
		return module_symbol_at(k, sym->module, addr, &sym->name, &sym->offset, &sym->size);
	}
	TRY(kcode_at(k, addr, &code));
	if (!code)
		return NULL;
	sym->owner = code->owner;
	sym->name = code->name;
	sym->offset = addr - code->start;
	sym->size = code->end - code->start;
	sym->prog_aux = code->prog_aux;
	sym->prog_id = code->prog_id;
	sym->prog_name = code->prog_name;
	sym->fp_start = code->fp_start;
	sym->fp_end = code->fp_end;
	return NULL;
}

struct err *ksymbolize(struct kernel *k, struct kva addr, enum sym_lookup how, struct sym *ret)
{
	struct sym sym = { .addr = addr.v };

	if (is_kernel_half(addr.v) && k->symbols) {
		uint64_t back = how == SYM_RETURN;

		TRY(find(k, addr.v - back, &sym));
		sym.offset += back;
	}
	*ret = sym;
	return NULL;
}

const char *sym_text(struct pool *pool, const struct sym *sym)
{
	const char *in = sym->owner == SYM_MODULE ? sym->module->name :
			 sym->owner == SYM_FTRACE ? "__builtin__ftrace" :
			 sym->owner == SYM_KPROBE ? "__builtin__kprobes" : NULL;
	const char *open = in ? " [" : "", *close = in ? "]" : "";

	in = in ? in : "";
	if (!sym->name)
		return pool_printf(pool, "0x%" PRIx64 "%s%s%s", sym->addr, open, in, close);
	return pool_printf(pool, "%s+0x%" PRIx64 "/0x%" PRIx64 "%s%s%s", sym->name, sym->offset,
			   sym->size, open, in, close);
}
