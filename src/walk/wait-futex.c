/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Futexes (kernel/futex/): the key is in the waiter on the stack; the word is in the process's memory, found through its
 * page table.  Who holds a plain one, only user space knows: glibc's mutexes have the owner's TID beside the word.
 */
#include "config.h"

#include "walk/waits.h"

enum {
	INODE = 1, SHARED_MM = 2, /* FUT_OFF_INODE, FUT_OFF_MMSHARED */
	TID_MASK = 0x3fffffff,	  /* FUTEX_TID_MASK: how words with priority inheritance, and musl's, begin */
};

/* ---- the key */

/* The address that the system call was given, if it can be that of the key. */
static void uaddr_from_call(struct wait_job *j, uint64_t offset)
{
	const struct kstack_row *s = j->stack;
	const struct kstack_frame *user = s->nr_frames ? &s->frames[s->nr_frames - 1] : NULL;
	unsigned int arg = j->k->arch->dwarf_arg;

	if (!user || user->kind != FRAME_USER || !user->regs || arg >= FRAME_REGS_MAX ||
	    !(user->regs->has >> arg & 1))
		return;
	uint64_t v = user->regs->v[arg];
	if (v && !(v >> 56) && v % PAGE_SIZE == offset)
		j->row->uaddr = (struct opt_u64){ true, v };
}

static struct err *take_key(struct wait_job *j, uint64_t q, bool *ret)
{
	const struct waits_layout *l = j->l;
	uint64_t offset = 0, ptr = 0, mm = 0, own = 0, address = 0, inode = 0, pgoff = 0;
	bool ok;

	*ret = false;
	TRY(wait_try_member(j, q, &l->futex_offset, &offset, &ok));
	if (ok)
		TRY(wait_try_member(j, q, &l->futex_lock_ptr, &ptr, &ok));
	if (!ok || !wait_is_pointer(ptr & ~7ULL) || (offset & ~(uint64_t)(INODE | SHARED_MM)) >= PAGE_SIZE)
		return NULL;
	uint64_t in_page = offset & ~(uint64_t)(INODE | SHARED_MM);
	/* In a file: the inode's number in the key is of its own, nothing that stat() shows. */
	if (offset & INODE) {
		TRY(wait_try_member(j, q, &l->futex_inode, &inode, &ok));
		if (ok)
			TRY(wait_try_member(j, q, &l->futex_pgoff, &pgoff, &ok));
		if (!ok || !inode || wait_is_pointer(inode & ~7ull))
			return NULL;
		j->row->futex_inode = (struct opt_u64){ true, inode };
		j->row->futex_pgoff = (struct opt_u64){ true, pgoff };
		j->row->futex_offset = (struct opt_u64){ true, in_page };
		uaddr_from_call(j, in_page);
		*ret = true;
		return NULL;
	}
	TRY(wait_try_member(j, q, &l->futex_address, &address, &ok));
	if (ok)
		TRY(wait_try_member(j, q, &l->futex_mm, &mm, &ok));
	if (ok)
		TRY(wait_try_member(j, j->row->task.v, &l->mm, &own, &ok));
	if (!ok || address % PAGE_SIZE || address >> 56 || mm != own)
		return NULL;
	j->row->uaddr = (struct opt_u64){ true, address + in_page };
	*ret = true;
	return NULL;
}

static struct err *find_key(struct wait_job *j, bool *found)
{
	const struct waits_layout *l = j->l;

	*found = false;
	if (!l->futex_task.present || !l->futex_address.present || !l->futex_offset.present)
		return NULL;
	for (size_t i = 0; i < j->nr_words && !*found; i++) {
		if (j->words[i] == j->row->task.v)
			TRY(take_key(j, j->from + 8 * i - l->futex_task.off, found));
	}
	return NULL;
}

/* ---- the word, and what lies behind it */

struct words {
	uint32_t v[5]; /* pthread_mutex_t: lock, count, owner, nusers, kind */
	size_t nr;
};

/* Without page faults: what is not there is not read. */
static struct err *read_user(struct wait_job *j, uint64_t addr, struct words *words)
{
	const struct waits_layout *l = j->l;
	struct pgtable pt = { .levels = j->k->pt.levels };
	uint64_t mm = 0, pgd = 0, left;
	uint8_t raw[sizeof(words->v)];
	struct gpa at;
	bool ok;

	words->nr = 0;
	TRY(wait_try_member(j, j->row->task.v, &l->mm, &mm, &ok));
	if (ok)
		TRY(wait_try_member(j, mm, &l->mm_pgd, &pgd, &ok));
	if (!ok || !pgd || addr % 4)
		return NULL;
	struct err *e = ktranslate(j->k, (struct kva){ pgd }, &pt.root);
	if (!e)
		e = j->k->arch->translate(j->k->mem, &pt, addr, &at, &left);
	if (!e) {
		left = MIN(left, sizeof(raw));
		e = mem_read(j->k->mem, at, raw, left);
	}
	if (walk_is_fatal(e))
		return e;
	for (size_t i = 0; !e && i < left / 4; i++)
		words->v[words->nr++] = get_le32(raw + 4 * i);
	err_free(e);
	return NULL;
}

/* ---- the owner's TID, as the process sees it */

/* How deep in PID namespaces, and the number there; level 0 is what all else here counts in. */
static struct err *pid_in(struct wait_job *j, uint64_t task, uint64_t *level, uint64_t want, int32_t *ret)
{
	enum { LEVELS_MAX = 32 }; /* MAX_PID_NS_LEVEL */
	const struct waits_layout *l = j->l;
	uint64_t pid = 0, nr = 0;
	bool ok;

	*ret = 0;
	*level = 0;
	TRY(wait_try_member(j, task, &l->thread_pid, &pid, &ok));
	if (ok)
		TRY(wait_try_member(j, pid, &l->pid_level, level, &ok));
	if (!ok || *level > LEVELS_MAX || !l->pid_numbers.present || !l->upid.present || !l->upid_nr.present)
		return NULL;
	uint64_t at = pid + l->pid_numbers.off + MIN(want, *level) * l->upid.size + l->upid_nr.off;
	uint32_t v;
	struct err *e = kread_u32(j->k, (struct kva){ at }, &v);
	if (walk_is_fatal(e))
		return e;
	if (!e)
		nr = v;
	err_free(e);
	*ret = (int32_t)nr;
	return NULL;
}

/* The task of this TID: in the same process, or in any if the futex may be shared. */
static struct err *by_tid(struct wait_job *j, uint32_t tid, uint64_t *ret)
{
	const struct report *r = j->w->r;
	uint64_t level, theirs;
	int32_t pid;

	*ret = 0;
	TRY(pid_in(j, j->row->task.v, &level, UINT64_MAX, &pid));
	for (size_t i = 0; i < r->tasks.nr && !*ret; i++) {
		const struct task_row *t = &r->tasks.data[i];

		if (!j->row->futex_inode.has && t->tgid != j->row->tgid)
			continue;
		pid = t->pid;
		theirs = level;
		if (level)
			TRY(pid_in(j, t->kva.v, &theirs, level, &pid));
		if (theirs >= level && pid > 0 && (uint32_t)pid == tid)
			*ret = t->kva.v;
	}
	return NULL;
}

static struct err *set_owner(struct wait_job *j, uint32_t tid, const char *by)
{
	uint64_t task;

	TRY(by_tid(j, tid, &task));
	if (!task)
		return NULL;
	j->row->futex_owner = (struct opt_u64){ true, tid };
	TRY(wait_set_holder(j, task, WAIT_INFERRED));
	j->row->holder.by = by;
	return NULL;
}

/*
 * glibc: the word is 2 while somebody waits, and the owner is two words on, followed by how many use the mutex, which is
 * one at least, and its kind, a small number.  Where the word itself is a TID, it is the owner's.
 */
static struct err *find_owner(struct wait_job *j, const struct words *w)
{
	enum { CONTENDED = 2, KINDS = 0x400 };

	if (w->nr == 5 && w->v[0] == CONTENDED && w->v[2] && w->v[2] <= TID_MASK && w->v[3] && w->v[3] < 65536 &&
	    w->v[4] < KINDS)
		return set_owner(j, w->v[2], "the owner that glibc notes beside the word");
	if (w->nr && (w->v[0] & TID_MASK) > CONTENDED && w->v[0] >> 30)
		return set_owner(j, w->v[0] & TID_MASK, "the TID in the word");
	return NULL;
}

struct err *wait_find_futex(struct wait_job *j, bool pi)
{
	struct words words;
	bool found;

	TRY(find_key(j, &found));
	if (!found) {
		if (!pi)
			j->row->why = "the futex was not found on its stack";
		return NULL;
	}
	if (!j->row->uaddr.has)
		return NULL;
	TRY(read_user(j, j->row->uaddr.v, &words));
	if (!words.nr)
		return NULL;
	j->row->futex_word = (struct opt_u64){ true, words.v[0] };
	return pi ? NULL : find_owner(j, &words);
}
