/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Finding a kernel with nothing but registers: a vCPU's page table shows where the image lies, the image's
 * read-only data hold the rest.  Most of this file is about telling the user why none was found.
 */
#include "config.h"

#include "kernel/kernel.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"
#include "base/vec.h"
#include "kernel/internal.h"

enum {
	MAX_RUNS = 65536,
	MIN_RODATA = 64 << 10, /* smaller than any kernel's kallsyms and BTF */
	MAX_RODATA = 256 << 20,
	MAX_CANDIDATES = 3,	/* runs of an image that are read in search of kallsyms */
	MAX_SEARCHED = 512 << 20, /* bytes of all runs, of all page tables */
	MAX_BANNER = 512,
};

/* The mapped pages of the image window, merged; in ascending order. */
struct image {
	VEC(struct mapping) runs;
	bool nomem;
	bool writable; /* something of it is */
};

static bool add_page(void *ctx, const struct mapping *m)
{
	struct image *img = ctx;
	struct mapping *last = img->runs.nr ? &img->runs.data[img->runs.nr - 1] : NULL;

	img->writable |= m->flags & PG_WRITE;
	if (last && last->va + last->len == m->va && last->pa + last->len == m->pa &&
	    last->flags == m->flags) {
		last->len += m->len;
		return true;
	}
	if (img->runs.nr == MAX_RUNS)
		return false;
	struct mapping *run = vec_push(&img->runs);
	if (!run) {
		img->nomem = true;
		return false;
	}
	*run = *m;
	return true;
}

/*
 * How far a page table led; of several that led nowhere the user is told about the one that
 * led farthest.
 */
enum progress {
	NO_REGISTERS,
	NO_LONG_MODE,
	NO_TABLES,	   /* the root cannot be read */
	NO_IMAGE,	   /* nothing mapped where Linux would be */
	USER_HALF,	   /* the image, but none of its data: what KPTI shows to user mode */
	KERNEL_HALF_GONE,  /* and the other table of the pair cannot be read */
	UNREADABLE_RODATA,
	NO_SYMBOLS,
	NO_SYMBOLS_BANNER, /* but a banner */
	NO_BTF,
	FOUND,
};

/* What was searched for a kernel in vain. */
struct searched {
	uint64_t va, len;
	uint64_t pa;
	enum progress progress;
};

struct finder {
	struct target *t;
	struct mem *mem;
	const struct arch *arch;
	VEC(struct pgtable) tried;
	VEC(struct searched) searched;
	uint64_t bytes_left; /* of MAX_SEARCHED */
	enum progress best;
	struct err *cause; /* of `best` */
};

/* Takes e over: returns it if it is fatal, else keeps it if it is the most telling so far. */
static struct err *give_up(struct finder *f, enum progress p, struct err *e)
{
	if (err_is_fatal(e))
		return e;
	if (!f->cause || p > f->best) {
		err_free(f->cause);
		f->cause = e;
		f->best = p;
	} else {
		err_free(e);
	}
	return NULL;
}

static const char banner_start[] = "Linux version ";

/*
 * The first text that looks like a banner: good for the release; but Debian's 6.18 has a second
 * one, without the build number, so that linux_banner is what counts once there are symbols.
 */
static char *find_banner(const uint8_t *data, size_t len)
{
	const size_t n = sizeof(banner_start) - 1;

	for (const uint8_t *p = data, *end = data + len;
	     (p = memmem(p, (size_t)(end - p), banner_start, n)); p++) {
		if ((size_t)(end - p) <= n || !isdigit(p[n]))
			continue;
		size_t room = MIN((size_t)(end - p), (size_t)MAX_BANNER), i = n;

		while (i < room && p[i] && p[i] != '\n')
			i++;
		return strndup((const char *)p, i);
	}
	return NULL;
}

/*
 * The vDSOs' build ids lie in the read-only data as well, so without the symbols nobody can tell which
 * is the kernel's.
 */
static void read_build_id(struct kernel *k)
{
	enum { MAX_NOTES = 64 << 10 };
	const struct symbol *start = symbols_find(k->symbols, "__start_notes");
	const struct symbol *stop = symbols_find(k->symbols, "__stop_notes");

	if (!start || !stop || stop->addr <= start->addr || stop->addr - start->addr > MAX_NOTES)
		return;
	size_t len = stop->addr - start->addr;
	_cleanup_free_ uint8_t *notes = malloc(len);
	if (!notes)
		return;
	const uint8_t *id;
	size_t id_len = notes_build_id(notes, kread_some(k, (struct kva){ start->addr }, notes, len), &id);
	if (id_len > sizeof(k->build_id))
		return;
	memcpy(k->build_id, id, id_len);
	k->build_id_len = id_len;
}

static struct err *read_banner(struct kernel *k)
{
	const struct symbol *sym = symbols_find(k->symbols, "linux_banner");
	char buf[MAX_BANNER];

	if (!sym)
		return NULL;
	TRY(kread_str(k, (struct kva){ sym->addr }, buf, sizeof(buf)));
	if (strncmp(buf, banner_start, strlen(banner_start)) != 0)
		return NULL;
	buf[strcspn(buf, "\n")] = '\0';
	free(k->banner);
	k->banner = strdup(buf);
	return k->banner ? NULL : &err_nomem;
}

/* "Linux version RELEASE (builder) ..." */
static char *release_of(const char *banner)
{
	const char *p = banner + strlen(banner_start);

	return strndup(p, strcspn(p, " "));
}

static uint64_t read_variable(struct kernel *k, const char *name)
{
	const struct symbol *sym = symbols_find(k->symbols, name);
	uint64_t v = 0;

	if (sym)
		err_ignore(kread_u64(k, (struct kva){ sym->addr }, &v));
	return v;
}

/*
 * The page tables of firmware calls and of CPU start-up map the image but not all memory; then the
 * kernel's own is the one to use (swapper_pg_dir, which is init_top_pgt).
 */
static void prefer_full_table(struct kernel *k)
{
	const struct symbol *sym = symbols_find(k->symbols, "init_top_pgt");
	struct pgtable own = k->pt;
	struct gpa pa;
	uint64_t len;

	if (!sym || !k->page_offset)
		return;
	struct err *e = ktranslate(k, (struct kva){ k->page_offset }, &pa);
	if (!e)
		return;
	err_free(e);
	e = ktranslate(k, (struct kva){ sym->addr }, &own.root);
	if (!e)
		e = k->arch->translate(k->mem, &own, k->page_offset, &pa, &len);
	if (!e)
		k->pt = own;
	err_free(e);
}

/* What can only be read when symbols and types are known. */
static struct err *complete(struct kernel *k)
{
	struct kva text;
	struct err *e = ksym(k, "_text", &text);

	if (e)
		err_free(e);
	else
		k->text = text;
	k->slide = k->text.v - k->arch->image_link;

	/* Before mark_rodata_ro() all of the image is one run. */
	const struct symbol *start = symbols_find(k->symbols, "__start_rodata");
	const struct symbol *end = symbols_find(k->symbols, "__end_rodata");
	if (start && end && start->addr >= k->rodata.v && end->addr > start->addr &&
	    end->addr - k->rodata.v <= k->rodata_len) {
		k->rodata = (struct kva){ start->addr };
		k->rodata_len = end->addr - start->addr;
	}

	k->page_offset = read_variable(k, "page_offset_base");
	k->vmemmap = read_variable(k, "vmemmap_base");
	prefer_full_table(k);
	read_build_id(k);
	TRY(containers_create(k, &k->containers));
	k->hz = kernel_find_hz(k);

	e = kernel_find_cpus(k);
	if (!e)
		return NULL;
	if (err_is_fatal(e))
		return e;
	k->cpus_why = strdup(e->msg);
	err_free(e);
	return k->cpus_why ? NULL : &err_nomem;
}

static size_t rodata_len(const struct mapping *run)
{
	return (size_t)MIN(run->len, (uint64_t)MAX_RODATA);
}

/* Reads one run and looks for a kernel's symbols and types in it; *p says how far that went. */
static struct err *decode_run(struct kernel *k, const struct mapping *run, enum progress *p)
{
	size_t len = rodata_len(run);
	_cleanup_free_ uint8_t *data = malloc(len);
	struct err *e;

	if (!data)
		return &err_nomem;
	*p = UNREADABLE_RODATA;
	TRY(kread(k, (struct kva){ run->va }, data, len));

	free(k->banner);
	free(k->release);
	k->release = NULL;
	k->banner = find_banner(data, len);
	if (!k->banner) {
		*p = NO_SYMBOLS;
		return err_new(ERR_NOT_LINUX, "no linux_banner in what is mapped at 0x%016" PRIx64,
			       run->va);
	}
	k->release = release_of(k->banner);
	if (!k->release)
		return &err_nomem;

	*p = NO_SYMBOLS_BANNER;
	e = symbols_decode(data, len, (struct kva){ run->va }, &k->symbols);
	if (e && !err_is_fatal(e)) {
		struct err *why = err_new(ERR_NOT_LINUX, "Linux %s, but without symbols that can be "
					  "read (CONFIG_KALLSYMS): %s", k->release, e->msg);
		err_free(e);
		return why;
	}
	TRY(e);
	k->rodata = (struct kva){ run->va };
	k->rodata_len = len;
	TRY(read_banner(k));

	*p = NO_BTF;
	e = kernel_find_btf(k, data, len);
	if (e && e->code == ERR_MISSING) {
		err_free(e);
		return err_new(ERR_NOT_LINUX, "kernel %s has no BTF (CONFIG_DEBUG_INFO_BTF)",
			       k->release);
	}
	if (e && !err_is_fatal(e)) {
		struct err *why = err_new(ERR_NOT_LINUX, "kernel %s: %s", k->release, e->msg);

		err_free(e);
		return why;
	}
	TRY(e);
	TRY(complete(k));
	*p = FOUND;
	return NULL;
}

/* Which run may be the read-only data: rather one that is read-only, rather a large one. */
static bool better_rodata(const struct mapping *a, const struct mapping *b)
{
	unsigned int wa = a->flags & (PG_WRITE | PG_EXEC), wb = b->flags & (PG_WRITE | PG_EXEC);

	if (!wa != !wb)
		return !wa;
	return a->len > b->len;
}

static const struct searched *already_searched(const struct finder *f, const struct mapping *run)
{
	for (size_t i = 0; i < f->searched.nr; i++) {
		const struct searched *s = &f->searched.data[i];

		if (s->va == run->va && s->pa == run->pa && s->len == run->len)
			return s;
	}
	return NULL;
}

/*
 * Searches one run.  *ret is set only if the kernel is there.  All processes of a kernel show the same image,
 * each by a page table of its own, so that a run which has been searched is not searched again.
 */
static struct err *search_run(struct finder *f, const struct pgtable *pt, const struct image *img,
			      const struct mapping *run, struct kernel **ret, enum progress *p)
{
	const struct searched *old = already_searched(f, run);
	struct kernel *k;

	if (old) {
		*p = old->progress;
		return NULL;
	}
	*p = NO_SYMBOLS;
	if (rodata_len(run) > f->bytes_left)
		return give_up(f, *p, err_new(ERR_NOT_LINUX, "nothing in %d MiB of what is mapped where Linux "
					      "would be", MAX_SEARCHED >> 20));
	f->bytes_left -= rodata_len(run);

	TRY(kernel_new(f->t, f->mem, f->arch, pt, &k));
	k->text = (struct kva){ img->runs.data[0].va };
	k->phys_base = img->runs.data[0].pa - (img->runs.data[0].va - f->arch->image_start);
	struct err *e = decode_run(k, run, p);
	if (!e) {
		*ret = k;
		return NULL;
	}
	kernel_destroy(k);
	struct searched *s = vec_push(&f->searched);
	if (!s) {
		err_free(e);
		return &err_nomem;
	}
	*s = (struct searched){ run->va, run->len, run->pa, *p };
	return give_up(f, *p, e);
}

/* Looks for the kernel in the image that pt shows.  *ret is set only if it is there. */
static struct err *search_image(struct finder *f, const struct pgtable *pt, const struct image *img,
				struct kernel **ret)
{
	struct mapping *runs = img->runs.data;

	for (int n = 0; n < MAX_CANDIDATES; n++) {
		struct mapping *best = NULL;

		for (size_t i = 0; i < img->runs.nr; i++) {
			if (runs[i].len >= MIN_RODATA && (!best || better_rodata(&runs[i], best)))
				best = &runs[i];
		}
		if (!best)
			break;

		enum progress p;
		TRY(search_run(f, pt, img, best, ret, &p));
		if (*ret || p > NO_SYMBOLS)
			return NULL; /* it was the right one */
		best->len = 0;
	}
	return give_up(f, NO_SYMBOLS, err_new(ERR_NOT_LINUX,
		       "something is mapped where Linux would be, but it is no Linux kernel"));
}

static struct err *try_table(struct finder *f, size_t vcpu, unsigned int alternative,
			     const struct pgtable *pt, struct image *img, struct kernel **ret)
{
	const uint8_t *page;
	struct err *e = mem_page(f->mem, pt->root, &page);

	if (e && alternative && f->best < UNREADABLE_RODATA) {
		if (err_is_fatal(e))
			return e;
		err_free(e);
		return give_up(f, KERNEL_HALF_GONE, err_new(ERR_NOT_LINUX,
			       "vCPU %zu was in user mode under page-table isolation (KPTI), and the "
			       "kernel's own page table is not there", vcpu));
	}
	if (e)
		return give_up(f, NO_TABLES, err_prefix(e, "page table of vCPU %zu at 0x%" PRIx64,
							vcpu, pt->root.v));

	TRY(f->arch->walk(f->mem, pt, f->arch->image_start, f->arch->image_end, add_page, img,
			  NULL));
	if (img->nomem)
		return &err_nomem;
	if (!img->runs.nr)
		return give_up(f, NO_IMAGE, err_new(ERR_NOT_LINUX,
			       "the page table of vCPU %zu maps nothing where Linux would be: firmware, "
			       "a boot loader or another system", vcpu));
	if (!img->writable)
		return give_up(f, USER_HALF, err_new(ERR_NOT_LINUX,
			       "the page table of vCPU %zu maps no kernel data: only what user mode may "
			       "see under page-table isolation (KPTI)", vcpu));

	TRY(search_image(f, pt, img, ret));
	if (*ret) {
		(*ret)->pt_vcpu = vcpu;
		(*ret)->kpti = alternative > 0;
	}
	return NULL;
}

static bool already_tried(struct finder *f, const struct pgtable *pt)
{
	for (size_t i = 0; i < f->tried.nr; i++) {
		if (f->tried.data[i].root.v == pt->root.v && f->tried.data[i].levels == pt->levels)
			return true;
	}
	return false;
}

static struct err *try_vcpu(struct finder *f, size_t vcpu, struct kernel **ret)
{
	if (!f->t->vcpus[vcpu].regs)
		return give_up(f, NO_REGISTERS, err_new(ERR_NOT_LINUX,
			       "registers of vCPU %zu could not be read%s%s", vcpu,
			       f->t->vcpus[vcpu].why ? ": " : "",
			       f->t->vcpus[vcpu].why ? f->t->vcpus[vcpu].why : ""));

	for (unsigned int alternative = 0; !*ret; alternative++) {
		struct pgtable pt;
		struct err *e = f->arch->pgtable(f->t, vcpu, alternative, &pt);

		if (e && alternative && e->code == ERR_MISSING) {
			err_free(e);
			return NULL;
		}
		if (e)
			return give_up(f, NO_LONG_MODE, e);
		if (already_tried(f, &pt))
			continue;
		struct pgtable *tried = vec_push(&f->tried);
		if (!tried)
			return &err_nomem;
		*tried = pt;

		struct image img = { 0 };
		e = try_table(f, vcpu, alternative, &pt, &img, ret);
		free(img.runs.data);
		TRY(e);
	}
	return NULL;
}

/* The cause as an error of kernel_find(), with what the target knows about its own gaps. */
static struct err *no_kernel(struct finder *f)
{
	struct err *e = f->cause;
	const char *note = f->best <= UNREADABLE_RODATA && f->best >= NO_TABLES ? f->t->note : NULL;

	f->cause = NULL;
	if (!e)
		return err_new(ERR_NOT_LINUX, "no Linux kernel found: the target has no vCPUs");
	struct err *why = err_new(ERR_NOT_LINUX, "no Linux kernel found: %s%s%s%s", e->msg,
				  note ? " (" : "", note ? note : "", note ? ")" : "");
	err_free(e);
	return why;
}

struct err *kernel_find(struct target *t, struct mem *mem, struct kernel **ret)
{
	struct finder f = { .t = t, .mem = mem, .bytes_left = MAX_SEARCHED };
	struct kernel *k = NULL;
	struct err *e;

	TRY(arch_detect(t, &f.arch));
	e = NULL;
	for (size_t v = 0; !e && !k && v < t->nr_vcpus; v++)
		e = try_vcpu(&f, v, &k);
	if (!e && !k)
		e = no_kernel(&f);
	free(f.tried.data);
	free(f.searched.data);
	err_free(f.cause);
	if (e) {
		kernel_destroy(k);
		return e;
	}
	*ret = k;
	return NULL;
}
