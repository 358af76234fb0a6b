/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "fake-kernel.h"

#include <bpf/btf.h>
#include <stdio.h>
#include <stdlib.h>

#include "kallsyms-build.h"
#include "kernel/internal.h"

enum { RODATA_ROOM = 1 << 20, FILLERS = 300 };

static const uint64_t rodata = 0xffffffff82000000;

struct fake_table {
	unsigned int level;
	uint64_t prefix; /* the address bits above what the table covers */
	uint64_t pa;
};

struct fake_symbol {
	char name[64];
	uint64_t va;
};

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	fprintf(stderr, "fake kernel: %s\n", what);
	abort();
}

static void must_ok(struct err *e)
{
	must(!e, e ? e->msg : "");
}

struct fake_kernel *fake_kernel_new(void)
{
	return fake_kernel_new_smp(1);
}

struct fake_kernel *fake_kernel_new_smp(size_t nr_vcpus)
{
	struct fake_kernel *fk = calloc(1, sizeof(*fk));

	must(fk, "memory");
	fk->ft = fake_target_new(nr_vcpus);
	fk->next_pa = 0x100000;
	fk->root = fk->next_pa;
	fk->next_pa += PAGE_SIZE;
	fake_target_add_ram(fk->ft, 0x100000, 1ULL << 36);
	fk->btf = btf__new_empty();
	must(fk->btf, "BTF");
	fk->u8 = btf__add_int(fk->btf, "unsigned char", 1, 0);
	fk->u32 = btf__add_int(fk->btf, "unsigned int", 4, 0);
	fk->u64 = btf__add_int(fk->btf, "unsigned long", 8, 0);
	fk->ptr = btf__add_ptr(fk->btf, 0);
	return fk;
}

void fake_kernel_destroy(struct fake_kernel *fk)
{
	struct mem *mem = fk->k ? fk->k->mem : NULL;

	kernel_destroy(fk->k);
	mem_destroy(mem);
	target_destroy(&fk->ft->t);
	btf__free(fk->btf);
	free(fk->tables);
	free(fk->symbols);
	free(fk);
}

/* ---- types */

int fake_kernel_struct(struct fake_kernel *fk, const char *name, size_t size,
		       const struct fake_field *fields, size_t nr)
{
	int id = btf__add_struct(fk->btf, name, (uint32_t)size);

	must(id > 0, name);
	for (size_t i = 0; i < nr; i++)
		must(!btf__add_field(fk->btf, fields[i].name, fields[i].type,
				     (uint32_t)fields[i].off * 8, 0), fields[i].name);
	return id;
}

int fake_kernel_array(struct fake_kernel *fk, int type, size_t nr)
{
	int id = btf__add_array(fk->btf, fk->u32, type, (uint32_t)nr);

	must(id > 0, "array type");
	return id;
}

int fake_kernel_pointer(struct fake_kernel *fk, int type)
{
	int id = btf__add_ptr(fk->btf, type);

	must(id > 0, "pointer type");
	return id;
}

/* ---- memory */

static uint64_t new_frame(struct fake_kernel *fk)
{
	uint64_t pa = fk->next_pa;

	fk->next_pa += PAGE_SIZE;
	return pa;
}

/* The table of this level (4: top) for va, made if need be. */
static uint64_t table_for(struct fake_kernel *fk, uint64_t va, unsigned int level)
{
	if (level == 4)
		return fk->root;

	unsigned int shift = 12 + 9 * level;
	for (size_t i = 0; i < fk->nr_tables; i++) {
		if (fk->tables[i].level == level && fk->tables[i].prefix == va >> shift)
			return fk->tables[i].pa;
	}

	uint64_t above = table_for(fk, va, level + 1), pa = new_frame(fk);
	fake_target_put64(fk->ft, above + 8 * (va >> shift & 511), pa | 0x63);
	fk->tables = realloc(fk->tables, (fk->nr_tables + 1) * sizeof(*fk->tables));
	must(fk->tables, "memory");
	fk->tables[fk->nr_tables++] = (struct fake_table){ level, va >> shift, pa };
	return pa;
}

/* Leaves are kept as level 0. */
static uint64_t *leaf(struct fake_kernel *fk, uint64_t va)
{
	for (size_t i = 0; i < fk->nr_tables; i++) {
		if (!fk->tables[i].level && fk->tables[i].prefix == va >> 12)
			return &fk->tables[i].pa;
	}
	return NULL;
}

void fake_kernel_map_to(struct fake_kernel *fk, uint64_t va, uint64_t pa)
{
	uint64_t table = table_for(fk, va, 1);

	fake_target_put64(fk->ft, table + 8 * (va >> 12 & 511), (pa & ~0xfffULL) | 0x63);
	fk->tables = realloc(fk->tables, (fk->nr_tables + 1) * sizeof(*fk->tables));
	must(fk->tables, "memory");
	fk->tables[fk->nr_tables++] = (struct fake_table){ 0, va >> 12, pa & ~0xfffULL };
}

uint64_t fake_kernel_map(struct fake_kernel *fk, uint64_t va)
{
	uint64_t *pa = leaf(fk, va);

	if (!pa) {
		fake_kernel_map_to(fk, va, new_frame(fk));
		pa = leaf(fk, va);
	}
	if (!pa)
		abort(); /* it has just been mapped */
	return *pa + (va & 0xfff);
}

void fake_kernel_write(struct fake_kernel *fk, uint64_t va, const void *data, size_t len)
{
	for (size_t done = 0, n; done < len; done += n) {
		n = MIN(len - done, PAGE_SIZE - ((va + done) & 0xfff));
		fake_target_write(fk->ft, fake_kernel_map(fk, va + done),
				  (const uint8_t *)data + done, n);
	}
}

void fake_kernel_put64(struct fake_kernel *fk, uint64_t va, uint64_t v)
{
	fake_kernel_write(fk, va, &v, sizeof(v));
}

/* ---- the kernel */

void fake_kernel_symbol(struct fake_kernel *fk, const char *name, uint64_t va)
{
	fk->symbols = realloc(fk->symbols, (fk->nr_symbols + 1) * sizeof(*fk->symbols));
	must(fk->symbols, "memory");
	struct fake_symbol *s = &fk->symbols[fk->nr_symbols++];
	snprintf(s->name, sizeof(s->name), "%s", name);
	s->va = va;
}

static int by_va(const void *a, const void *b)
{
	const struct ks_symbol *x = a, *y = b;

	return x->addr < y->addr ? -1 : x->addr > y->addr;
}

/* kallsyms has no few symbols, so some more stand around those asked for. */
static void make_symbols(struct fake_kernel *fk)
{
	size_t nr = fk->nr_symbols + FILLERS + 2;
	struct ks_symbol *syms = calloc(nr, sizeof(*syms));
	char(*names)[16] = calloc(FILLERS, sizeof(*names));
	uint8_t *buf = calloc(1, RODATA_ROOM);

	must(syms && names && buf, "memory");
	syms[0] = (struct ks_symbol){ 'T', "_text", 0xffffffff81000000 };
	syms[1] = (struct ks_symbol){ 'D', "linux_banner", rodata + 0x100 };
	for (size_t i = 0; i < FILLERS; i++) {
		snprintf(names[i], sizeof(names[i]), "filler_%zu", i);
		syms[2 + i] = (struct ks_symbol){ 't', names[i], 0xffffffff81000000 + 64 * i };
	}
	for (size_t i = 0; i < fk->nr_symbols; i++)
		syms[2 + FILLERS + i] = (struct ks_symbol){ 'D', fk->symbols[i].name, fk->symbols[i].va };
	qsort(syms, nr, sizeof(*syms), by_va);
	strcpy((char *)buf + 0x100, "Linux version 6.18.0 (fake)\n");
	kallsyms_build(buf + 0x1000, RODATA_ROOM - 0x1000, rodata + 0x1000, KS_6_15, syms, nr);
	must_ok(symbols_decode(buf, RODATA_ROOM, (struct kva){ rodata }, &fk->k->symbols));
	free(buf);
	free(names);
	free(syms);
}

struct kernel *fake_kernel_ready(struct fake_kernel *fk)
{
	struct pgtable pt = { { fk->root }, 4 };
	struct mem *mem = NULL;
	uint32_t len;
	const void *blob = btf__raw_data(fk->btf, &len);

	must(blob, "BTF");
	must_ok(mem_create(&fk->ft->t, &mem));
	must_ok(kernel_new(&fk->ft->t, mem, &arch_x86_64, &pt, &fk->k));
	must_ok(types_create(blob, len, NULL, &fk->k->types));
	must_ok(containers_create(fk->k, &fk->k->containers));
	make_symbols(fk);
	fake_kernel_cpus(fk, 1, 0, 0);
	return fk->k;
}

void fake_kernel_cpus(struct fake_kernel *fk, uint32_t nr, uint64_t base, uint64_t stride)
{
	struct kernel *k = fk->k;

	free(k->percpu_off);
	free(k->possible);
	free(k->online);
	k->nr_cpu_ids = nr;
	k->percpu_off = calloc(nr, sizeof(*k->percpu_off));
	k->possible = calloc(nr, sizeof(bool));
	k->online = calloc(nr, sizeof(bool));
	must(k->percpu_off && k->possible && k->online, "memory");
	for (uint32_t cpu = 0; cpu < nr; cpu++) {
		k->percpu_off[cpu] = base + cpu * stride;
		k->possible[cpu] = k->online[cpu] = true;
	}
}
