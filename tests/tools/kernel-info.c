/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel-info [-s|-a] CORE|[HOST]:PORT|unix:PATH: what kernel_find() makes of a target, for checks by hand
 * and by the guest tests.  With -s the symbols on stdout as /proc/kallsyms has them, with -a a line for
 * each address (hexadecimal) on stdin: what ksymbolize() says of it; the rest on stderr then.
 */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "kernel/containers.h"
#include "kernel/symbolize.h"
#include "target/core.h"
#include "target/gdb.h"

static double now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec * 1e3 + (double)ts.tv_nsec / 1e6;
}

static int failed(struct err *e)
{
	fprintf(stderr, "kernel-info: error %d: %s\n", (int)e->code, e->msg);
	err_free(e);
	return 1;
}

static void print_stats(FILE *out, struct target *t, struct mem *mem)
{
	struct target_stats ts = { 0 };
	struct mem_stats ms;

	t->ops->stats(t, &ts);
	mem_get_stats(mem, &ms);
	fprintf(out, "read         %" PRIu64 " bytes, %" PRIu64 " packets, %" PRIu64
		" round trips, %" PRIu64 " batches, %" PRIu64 " pages\n",
		ts.bytes, ts.packets, ts.round_trips, ms.batches, ms.misses);
}

static bool count_entry(void *ctx, uint64_t index, struct kva entry)
{
	(void)index;
	(void)entry;
	++*(size_t *)ctx;
	return true;
}

static bool count_node(void *ctx, struct kva node)
{
	(void)node;
	++*(size_t *)ctx;
	return true;
}

static void print_walk(FILE *out, const char *what, size_t nr, enum walk_end end, struct err *why)
{
	fprintf(out, "%-12s %zu nodes, %s%s%s\n", what, nr, walk_end_text(end), why ? ": " : "",
		why ? why->msg : "");
	err_free(why);
}

/* One of each container that every kernel has. */
static void print_containers(FILE *out, struct kernel *k)
{
	static const struct {
		const char *sym;
		bool idr;
	} things[] = {
		{ "modules", false }, { "workqueues", false }, { "slab_caches", false },
		{ "btf_idr", true }, { "prog_idr", true }, { "map_idr", true },
		{ "worker_pool_idr", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(things); i++) {
		const struct symbol *sym = symbols_find(k->symbols, things[i].sym);
		struct kva at = { sym ? sym->addr : 0 };
		struct err *why = NULL;
		enum walk_end end;
		size_t nr = 0;

		if (!sym)
			continue;
		if (things[i].idr)
			end = kidr_walk(k, at, 100000, count_entry, &nr, &why);
		else
			end = klist_walk(k, at, 100000, count_node, &nr, &why);
		print_walk(out, things[i].sym, nr, end, why);
	}
}

static void print_kernel(FILE *out, struct kernel *k)
{
	fprintf(out, "banner       %s\nrelease      %s\n", k->banner, k->release);
	fprintf(out, "build id     ");
	for (size_t i = 0; i < k->build_id_len; i++)
		fprintf(out, "%02x", k->build_id[i]);
	fprintf(out, "\nfound by     vCPU %zu, %u levels%s\n", k->pt_vcpu, k->pt.levels,
		k->kpti ? ", from the user half of a KPTI pair" : "");
	fprintf(out, "text         0x%" PRIx64 " slide 0x%" PRIx64 " phys_base 0x%" PRIx64 "\n",
		k->text.v, k->slide, k->phys_base);
	fprintf(out, "rodata       0x%" PRIx64 " %" PRIu64 " bytes\n", k->rodata.v, k->rodata_len);
	fprintf(out, "symbols      %zu\ntypes        %" PRIu32 "\n", symbols_count(k->symbols),
		types_count(k->types));
	fprintf(out, "page_offset  0x%" PRIx64 " vmemmap 0x%" PRIx64 "\nHZ           %" PRIu32 "\n",
		k->page_offset, k->vmemmap, k->hz);
	fprintf(out, "nr_cpu_ids   %" PRIu32 " %s\n", k->nr_cpu_ids, k->cpus_why ? k->cpus_why : "");
	for (uint32_t cpu = 0; cpu < k->nr_cpu_ids; cpu++)
		fprintf(out, "  CPU %-3" PRIu32 "    0x%016" PRIx64 "%s%s\n", cpu, k->percpu_off[cpu],
			k->possible[cpu] ? " possible" : "", k->online[cpu] ? " online" : "");
	for (size_t v = 0; v < k->target->nr_vcpus; v++) {
		uint64_t ip = 0, off = 0, size = 0;
		bool in_kernel = false;
		uint32_t cpu = 0;

		err_ignore(target_reg(k->target, v, k->arch->ip, &ip));
		err_ignore(k->arch->in_kernel(k->target, v, &in_kernel));
		struct err *e = kvcpu_cpu(k, v, &cpu);
		const struct symbol *sym = symbols_at(k->symbols, ip, &off, &size);

		fprintf(out, "  vCPU %-3zu   %s 0x%" PRIx64 " %s+0x%" PRIx64 "/0x%" PRIx64, v,
			in_kernel ? "kernel" : "user", ip, sym ? sym->name : "?", off, size);
		if (e)
			fprintf(out, " (%s)\n", e->msg);
		else
			fprintf(out, " CPU %" PRIu32 "\n", cpu);
		err_free(e);
	}
}

static struct err *symbolize_stdin(struct kernel *k)
{
	struct pool pool = { 0 };
	struct kva addr;
	struct sym sym;

	while (scanf("%" SCNx64, &addr.v) == 1) {
		struct err *e = ksymbolize(k, addr, SYM_EXACT, &sym);

		if (e) {
			pool_deinit(&pool);
			return e;
		}
		const char *text = sym_text(&pool, &sym);
		printf("%016" PRIx64 " %s %" PRIu32 "\n", addr.v, text ? text : "-", sym.prog_id);
		pool_reset(&pool);
	}
	pool_deinit(&pool);
	if (ksymbolize_why(k))
		fprintf(stderr, "%s\n", ksymbolize_why(k));
	return NULL;
}

int main(int argc, char **argv)
{
	bool symbols = argc > 2 && !strcmp(argv[1], "-s");
	bool addresses = argc > 2 && !strcmp(argv[1], "-a"), option = symbols || addresses;
	FILE *out = option ? stderr : stdout;
	struct target *t = NULL;
	struct mem *mem = NULL;
	struct kernel *k = NULL;
	struct err *e;

	if (argc != 2 + option) {
		fprintf(stderr, "usage: kernel-info [-s|-a] CORE|[HOST]:PORT|unix:PATH\n");
		return 2;
	}
	const char *name = argv[1 + option];
	e = strchr(name, ':') ? gdb_open(name, NULL, &t) : core_open(name, &t);
	if (e)
		return failed(e);
	e = mem_create(t, &mem);
	if (!e) {
		double start = now_ms();

		e = kernel_find(t, mem, &k);
		fprintf(out, "time         %.1f ms\n", now_ms() - start);
		print_stats(out, t, mem);
	}
	if (!e) {
		print_kernel(out, k);
		print_containers(out, k);
	}
	for (size_t i = 0; !e && symbols && i < symbols_count(k->symbols); i++) {
		const struct symbol *s = symbols_get(k->symbols, i);

		printf("%016" PRIx64 " %c %s\n", s->addr, s->type, s->name);
	}
	if (!e && addresses) {
		e = symbolize_stdin(k);
		print_stats(out, t, mem);
	}
	kernel_destroy(k);
	mem_destroy(mem);
	target_destroy(t);
	return e ? failed(e) : 0;
}
