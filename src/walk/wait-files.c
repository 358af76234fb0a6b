/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits for something of a file: a folio of the page cache, a lock on the file; other queues. */
#include "config.h"

#include "walk/waits.h"

#include <inttypes.h>

#include "base/cleanup.h"
#include "kernel/symbolize.h"

/* The entry on a wait queue that lies on the stack, and starts a struct of which `entry` is the part; 0: none. */
static struct err *own_entry(struct wait_job *j, size_t *at, uint64_t *ret)
{
	TRY(wait_own_waiter(j, &j->l->wq_private, &j->l->wq_entry, at, ret));
	if (*ret)
		*ret -= j->l->wq_entry.off;
	return NULL;
}

/* "inode 12 on vda1" */
static struct err *inode_text(struct wait_job *j, uint64_t inode, const char **ret)
{
	const struct waits_layout *l = j->l;
	uint64_t number = 0, sb = 0;
	char id[33] = "";
	bool ok;

	*ret = NULL;
	TRY(wait_try_member(j, inode, &l->inode_no, &number, &ok));
	if (!ok)
		return NULL;
	TRY(wait_try_member(j, inode, &l->inode_sb, &sb, &ok));
	if (ok && l->sb_id.present) {
		struct err *e = kget_str(j->k, (struct kva){ sb }, &l->sb_id, id, sizeof(id));

		if (walk_is_fatal(e))
			return e;
		err_free(e);
	}
	*ret = pool_printf(&j->w->r->pool, "inode %" PRIu64 "%s%s", number, *id ? " on " : "", id);
	return *ret ? NULL : &err_nomem;
}

/* ---- folios */

static const char *bit_text(const struct wait_job *j, uint64_t bit)
{
	static const struct {
		const char *name, *text;
	} bits[] = {
		{ "PG_locked", "to be unlocked" },
		{ "PG_writeback", "to be written back" },
		{ "PG_private_2", "to be written to the cache" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		int64_t v = -1;

		err_ignore(kenum(j->k, "pageflags", bits[i].name, &v));
		if ((uint64_t)v == bit)
			return bits[i].text;
	}
	return "for a bit of its flags";
}

static struct err *set_folio(struct wait_job *j, uint64_t folio, uint64_t bit)
{
	enum { MAPPING_FLAGS = 3 }; /* bit 0: anonymous memory */
	const struct waits_layout *l = j->l;
	uint64_t mapping = 0, index = 0, inode = 0;
	const char *of = NULL;
	bool ok;

	j->row->lock.v = folio;
	j->row->found_by = "wait_page_queue on its stack";
	TRY(wait_try_member(j, folio, &l->folio_mapping, &mapping, &ok));
	if (ok && mapping && !(mapping & MAPPING_FLAGS)) {
		TRY(wait_try_member(j, mapping, &l->mapping_host, &inode, &ok));
		if (ok && inode)
			TRY(inode_text(j, inode, &of));
		TRY(wait_try_member(j, folio, &l->folio_index, &index, &ok));
	}
	if (of)
		return wait_set_object(j, "page %" PRIu64 " of %s, %s", index, of, bit_text(j, bit));
	return wait_set_object(j, "%s, %s", mapping & MAPPING_FLAGS ? "a page of anonymous memory" : "a page",
			       bit_text(j, bit));
}

struct err *wait_find_folio(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	uint64_t entry = 0, folio, bit;
	size_t at = 0;
	bool ok;

	if (!l->page_wait.present || !l->page_folio.present || !l->page_bit.present)
		return NULL;
	for (;;) {
		TRY(own_entry(j, &at, &entry));
		if (!entry)
			break;
		TRY(wait_try_member(j, entry - l->page_wait.off, &l->page_folio, &folio, &ok));
		if (ok && wait_is_pointer(folio))
			TRY(wait_try_member(j, entry - l->page_wait.off, &l->page_bit, &bit, &ok));
		if (ok && wait_is_pointer(folio) && bit < 64)
			return set_folio(j, folio, bit);
	}
	j->row->why = "the folio was not found";
	return NULL;
}

/* ---- locks on files */

/* By process; a file that is open in several may be held by any of them. */
static struct err *set_owner(struct wait_job *j, uint64_t pid, bool posix)
{
	const struct report *r = j->w->r;

	for (size_t i = 0; i < r->tasks.nr; i++) {
		if (r->tasks.data[i].pid == (int32_t)pid && (int32_t)pid > 0)
			return wait_set_holder(j, r->tasks.data[i].kva.v, posix ? WAIT_RECORDED : WAIT_HINTED);
	}
	j->row->why = "the process that took it no longer exists";
	return NULL;
}

static struct err *set_file_lock(struct wait_job *j, uint64_t blocker)
{
	enum { POSIX = 1, FLOCK = 2, LEASE = 32 }; /* FL_* */
	const struct waits_layout *l = j->l;
	uint64_t flags = 0, pid = 0, file = 0, inode = 0;
	const char *of = NULL;
	bool ok;

	j->row->lock.v = blocker;
	j->row->found_by = "wait_queue_entry on its stack";
	TRY(wait_try_member(j, blocker, &l->lock_flags, &flags, &ok));
	TRY(wait_try_member(j, blocker, &l->lock_file, &file, &ok));
	if (ok)
		TRY(wait_try_member(j, file, &l->file_inode, &inode, &ok));
	if (ok && inode)
		TRY(inode_text(j, inode, &of));
	TRY(wait_set_object(j, "%s%s%s", flags & POSIX ? "fcntl() lock" : flags & FLOCK ? "flock()" :
					 flags & LEASE ? "lease" : "lock",
			    of ? " of " : "", of ? of : ""));
	TRY(wait_try_member(j, blocker, &l->lock_pid, &pid, &ok));
	return ok ? set_owner(j, pid, flags & POSIX) : NULL;
}

/* Who waits, waits on the queue of his own lock, which knows the one that is in its way. */
static struct err *blocker_of(struct wait_job *j, uint64_t entry, uint64_t *ret)
{
	const struct waits_layout *l = j->l;
	_cleanup_(wait_ring_deinit) struct wait_ring ring = { 0 };
	bool ok;

	*ret = 0;
	TRY(wait_read_ring(j, entry + l->wq_entry.off, &ring));
	for (size_t i = 1; i < ring.nodes.nr && !*ret; i++) {
		uint64_t lock = ring.nodes.data[i] - l->wq_head.off - l->lock_wait.off, pid;

		TRY(wait_try_member(j, lock, &l->lock_blocker, ret, &ok));
		if (ok && wait_is_pointer(*ret))
			TRY(wait_try_member(j, *ret, &l->lock_pid, &pid, &ok));
		if (!ok || !wait_is_pointer(*ret))
			*ret = 0;
	}
	return NULL;
}

struct err *wait_find_file_lock(struct wait_job *j)
{
	const struct waits_layout *l = j->l;
	uint64_t entry = 0, blocker = 0;
	size_t at = 0;

	while (l->lock_wait.present && l->lock_blocker.present && l->wq_head.present) {
		TRY(own_entry(j, &at, &entry));
		if (!entry)
			break;
		TRY(blocker_of(j, entry, &blocker));
		if (blocker)
			return set_file_lock(j, blocker);
	}
	j->row->why = "the lock was not found";
	return NULL;
}

/* ---- other queues: their address, if it is a variable's */

struct err *wait_find_queue(struct wait_job *j)
{
	_cleanup_(wait_ring_deinit) struct wait_ring ring = { 0 };
	uint64_t entry, waiter = 0;
	size_t at = 0;
	bool ok;

	/* A sleeping lock without a function that is known: PREEMPT_RT has some. */
	TRY(wait_try_member(j, j->row->task.v, &j->l->pi_blocked_on, &waiter, &ok));
	if (ok && waiter) {
		j->row->kind = WAIT_RT_MUTEX;
		TRY(wait_find_lock(j));
		return j->row->lock.v ? wait_read_lock(j) : NULL;
	}
	TRY(own_entry(j, &at, &entry));
	if (!entry || !j->l->wq_head.present)
		return NULL;
	TRY(wait_read_ring(j, entry + j->l->wq_entry.off, &ring));
	for (size_t i = 1; i < ring.nodes.nr && i < 64; i++) {
		uint64_t queue = ring.nodes.data[i] - j->l->wq_head.off;
		struct sym sym;

		TRY(ksymbolize(j->k, (struct kva){ queue }, SYM_EXACT, &sym));
		if (!sym.name)
			continue;
		j->row->lock.v = queue;
		j->row->found_by = "wait_queue_entry on its stack";
		return NULL;
	}
	return NULL;
}
