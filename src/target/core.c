/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/core.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "target/core-kind.h"
#include "target/core-map.h"
#include "target/core-notes.h"

enum {
	/* A dump made with -p has a segment for each run of mapped pages. */
	MAX_SEGMENTS = 16 << 20,
	/*
	 * Bytes of notes, all segments together: 1 KiB for each vCPU is usual.  libelf keeps what it has read
	 * until the end, and segments may share bytes of the file, so that a small file would fill the memory.
	 */
	MAX_NOTES = 64 << 20,
};

struct core {
	struct target t;
	int fd;
	struct core_map map;
	uint64_t bytes;
};

static struct core *core_of(const struct target *t)
{
	return (struct core *)((char *)(uintptr_t)t - offsetof(struct core, t));
}

/* False at the end of the file and on errors of the medium alike. */
static bool read_all(int fd, void *buf, size_t len, uint64_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = pread(fd, (uint8_t *)buf + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		done += (size_t)n;
	}
	return true;
}

static bool read_one(struct core *c, const struct target_read *r)
{
	for (uint64_t done = 0, n; done < r->len; done += n) {
		uint64_t at = r->addr.v + done;
		const struct core_extent *x = core_map_find(&c->map, at);

		if (!x)
			return false;
		n = MIN(r->len - done, x->end - at);
		if (!read_all(c->fd, (uint8_t *)r->buf + done, n, x->offset + (at - x->start)))
			return false;
	}
	c->bytes += r->len;
	return true;
}

static struct err *core_read(struct target *t, struct target_read *reads, size_t nr)
{
	for (size_t i = 0; i < nr; i++)
		reads[i].ok = read_one(core_of(t), &reads[i]);
	return NULL;
}

static struct err *core_release(struct target *t UNUSED, bool keep_halted UNUSED)
{
	return NULL;
}

static void core_stats(const struct target *t, struct target_stats *ret)
{
	*ret = (struct target_stats){ .bytes = core_of(t)->bytes };
}

static void core_destroy(struct target *t)
{
	struct core *c = core_of(t);

	close(c->fd);
	core_map_deinit(&c->map);
	target_deinit(t);
	free(c);
}

static const struct target_ops core_ops = {
	.kind = "elf core",
	.read = core_read,
	.release = core_release,
	.stats = core_stats,
	.destroy = core_destroy,
};

static void elf_end_p(Elf **elf)
{
	elf_end(*elf);
}

/* What the segments say, taken together. */
struct scan {
	struct core_notes notes;
	uint64_t note_bytes;
	bool paged; /* segments have virtual addresses of their own: made with -p */
};

/* One PT_NOTE segment. */
static struct err *read_notes(Elf *elf, const GElf_Phdr *ph, uint64_t size, struct scan *scan)
{
	uint64_t end;

	if (add_overflows(ph->p_offset, ph->p_filesz, &end))
		return err_new(ERR_FORMAT, "damaged: its notes lie at %#llx of the file",
			       (unsigned long long)ph->p_offset);
	if (end > size)
		return err_new(ERR_FORMAT, "truncated: needs at least %llu bytes, has %llu",
			       (unsigned long long)end, (unsigned long long)size);
	scan->note_bytes += ph->p_filesz; /* no more than the file each time: cannot wrap round */
	if (scan->note_bytes > MAX_NOTES)
		return err_new(ERR_FORMAT, "damaged: %llu bytes of notes",
			       (unsigned long long)scan->note_bytes);
	if (!ph->p_filesz)
		return NULL;

	Elf_Data *data = elf_getdata_rawchunk(elf, (int64_t)ph->p_offset, ph->p_filesz, ELF_T_NHDR);
	if (!data)
		return err_new(ERR_FORMAT, "damaged notes: %s", elf_errmsg(-1));
	GElf_Nhdr nh;
	size_t name, desc;
	for (size_t at = 0; (at = gelf_getnote(data, at, &nh, &name, &desc)) > 0;) {
		struct core_note note = {
			.type = nh.n_type,
			.desc = (const uint8_t *)data->d_buf + desc,
			.len = nh.n_descsz,
		};

		memcpy(note.owner, (const char *)data->d_buf + name,
		       MIN((size_t)nh.n_namesz, sizeof(note.owner) - 1));
		TRY(core_notes_add(&scan->notes, &note));
	}
	return NULL;
}

/* How many program headers there are; all lie within the file. */
static struct err *count_segments(Elf *elf, uint64_t size, size_t *ret)
{
	GElf_Ehdr eh;

	if (!gelf_getehdr(elf, &eh))
		return err_new(ERR_FORMAT, "damaged: %s", elf_errmsg(-1));

	/* elf_getphdrnum() quietly leaves out what is beyond the end of the file. */
	uint64_t nr = eh.e_phnum, end;
	if (nr == PN_XNUM) {
		GElf_Shdr sh;

		if (!gelf_getshdr(elf_getscn(elf, 0), &sh))
			return err_new(ERR_FORMAT, "truncated or damaged: it has no section header "
						   "to tell the number of segments");
		nr = sh.sh_info;
	}
	if (!nr)
		return err_new(ERR_FORMAT, "an ELF core without any memory in it");
	if (nr > MAX_SEGMENTS || eh.e_phentsize != sizeof(Elf64_Phdr))
		return err_new(ERR_FORMAT, "damaged: %llu program headers of %u bytes",
			       (unsigned long long)nr, eh.e_phentsize);
	if (add_overflows(eh.e_phoff, nr * sizeof(Elf64_Phdr), &end))
		return err_new(ERR_FORMAT, "damaged: program headers at %#llx of the file",
			       (unsigned long long)eh.e_phoff);
	if (end > size)
		return err_new(ERR_FORMAT, "truncated: needs at least %llu bytes, has %llu",
			       (unsigned long long)end, (unsigned long long)size);
	*ret = nr;
	return NULL;
}

static struct err *scan_segments(struct core *c, Elf *elf, uint64_t size, struct scan *scan)
{
	size_t nr = 0;

	TRY(count_segments(elf, size, &nr));
	for (size_t i = 0; i < nr; i++) {
		GElf_Phdr ph;

		if (!gelf_getphdr(elf, (int)i, &ph))
			return err_new(ERR_FORMAT, "damaged program headers: %s", elf_errmsg(-1));
		if (ph.p_type == PT_NOTE)
			TRY(read_notes(elf, &ph, size, scan));
		/* Mapped device memory has a segment (with offset -1), but no bytes. */
		if (ph.p_type != PT_LOAD || !ph.p_filesz)
			continue;
		if (ph.p_vaddr && ph.p_vaddr != ph.p_paddr)
			scan->paged = true;
		TRY(core_map_add(&c->map, ph.p_paddr, ph.p_filesz, ph.p_offset, size));
	}
	return NULL;
}

/*
 * Whether every vCPU ran on the page tables that KPTI has for user mode.  They map next to nothing
 * of the kernel, and -p dumps what is mapped.  Bit 12 of cr3 tells the two tables of a process
 * apart (PTI_USER_PGTABLE_BIT); without KPTI it may be set by chance, so it proves nothing alone.
 */
static bool all_on_user_tables(const struct target *t)
{
	if (!t->nr_vcpus)
		return false;
	for (size_t i = 0; i < t->nr_vcpus; i++) {
		uint64_t cs, cr3;
		struct err *e = target_reg(t, i, "cs", &cs);

		if (!e)
			e = target_reg(t, i, "cr3", &cr3);
		if (e) {
			err_free(e);
			return false;
		}
		if ((cs & 3) != 3 || !(cr3 & 1 << 12))
			return false;
	}
	return true;
}

/*
 * QEMU writes all memory into the file whatever is mapped; -p only changes the segments.  With the
 * kernel's direct map in them they cover nearly all of the file.
 */
static bool covers_little(const struct target *t, uint64_t size)
{
	uint64_t covered = 0;

	for (size_t i = 0; i < t->nr_ram; i++)
		covered += t->ram[i].end - t->ram[i].start;
	return covered < size / 2;
}

static struct err *load(struct core *c, uint64_t size, struct scan *scan)
{
	uint8_t head[CORE_HEAD];
	size_t len = MIN(size, sizeof(head));

	if (!read_all(c->fd, head, len, 0))
		return err_sys(errno, "cannot read it");
	TRY(core_kind_check(head, len));

	if (elf_version(EV_CURRENT) == EV_NONE)
		return err_new(ERR_UNSUPPORTED, "libelf is too old");
	_cleanup_(elf_end_p) Elf *elf = elf_begin(c->fd, ELF_C_READ, NULL);
	if (!elf || elf_kind(elf) != ELF_K_ELF)
		return err_new(ERR_FORMAT, "damaged: %s", elf_errmsg(-1));

	TRY(scan_segments(c, elf, size, scan));
	TRY(core_notes_check(&scan->notes));
	core_map_finish(&c->map);
	TRY(core_map_ram(&c->map, &c->t.ram, &c->t.nr_ram));
	if (!c->t.nr_ram)
		return err_new(ERR_FORMAT, "an ELF core without any memory in it");

	c->t.nr_vcpus = scan->notes.vcpus.nr;
	c->t.vcpus = take_ptr(scan->notes.vcpus.data);
	scan->notes.vcpus.nr = 0;
	if (!scan->paged)
		return NULL;
	c->t.note = strdup(all_on_user_tables(&c->t) && covers_little(&c->t, size) ?
				   "the dump was made with -p while every vCPU was in user mode "
				   "under KPTI: QEMU left the kernel out; dump again without -p" :
				   "the dump was made with -p: only what the vCPUs' page tables "
				   "mapped is in it");
	return c->t.note ? NULL : &err_nomem;
}

struct err *core_open_fd(int fd, const char *name, struct target **ret)
{
	struct core *c = calloc(1, sizeof(*c));
	struct scan scan = { 0 };
	struct stat st;

	if (!c) {
		close(fd);
		return &err_nomem;
	}
	c->fd = fd;
	c->t.ops = &core_ops;
	c->t.name = strdup(name);

	struct err *e = NULL;
	if (!c->t.name)
		e = &err_nomem;
	else if (fstat(fd, &st))
		e = err_sys(errno, "cannot stat it");
	else if (!S_ISREG(st.st_mode))
		e = err_new(ERR_FORMAT, S_ISDIR(st.st_mode) ? "a directory, not a dump" :
							      "not a regular file");
	else
		e = load(c, (uint64_t)st.st_size, &scan);
	core_notes_deinit(&scan.notes);
	if (e) {
		core_destroy(&c->t);
		return err_prefix(e, "%s", name);
	}
	*ret = &c->t;
	return NULL;
}

struct err *core_open(const char *path, struct target **ret)
{
	/* O_NONBLOCK: a pipe given by mistake must not hang us. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0)
		return err_sys(errno, "cannot open %s", path);
	return core_open_fd(fd, path, ret);
}
