/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The printk ring buffer (kernel/printk/printk_ringbuffer.h): a ring of descriptors, one of struct
 * printk_info beside it, and one of texts.  Writers take no lock, so the guest may have been stopped
 * anywhere; the state in each descriptor says how far its writer had come.
 */
#include "config.h"

#include "walk/walk.h"

#include <inttypes.h>

#include "base/cleanup.h"

/* Of one ring buffer, the newest: more would only prolong the guest's pause. With --log-bytes all: more than any has. */
enum { LOG_BYTES_DEFAULT = 1 << 20, LOG_BYTES_MAX = 1 << 28 };

struct log_layout {
	/* struct printk_ringbuffer */
	struct member ring, count_bits, descs, infos, head_id, tail_id, size_bits, data, head_lpos, fail;
	/* struct prb_desc */
	struct member desc, state_var, begin, next;
	/* struct printk_info */
	struct member info, seq, ts_nsec, text_len, facility, flags, level, caller, caller2, comm,
		subsystem, device;
	/* struct latched_seq */
	struct member latch, val;
};

static const struct layout_member log_members[] = {
	LAYOUT(struct log_layout, ring, "printk_ringbuffer", ""),
	LAYOUT(struct log_layout, count_bits, "printk_ringbuffer", "desc_ring.count_bits"),
	LAYOUT(struct log_layout, descs, "printk_ringbuffer", "desc_ring.descs"),
	LAYOUT(struct log_layout, infos, "printk_ringbuffer", "desc_ring.infos"),
	LAYOUT(struct log_layout, head_id, "printk_ringbuffer", "desc_ring.head_id.counter"),
	LAYOUT(struct log_layout, tail_id, "printk_ringbuffer", "desc_ring.tail_id.counter"),
	LAYOUT(struct log_layout, size_bits, "printk_ringbuffer", "text_data_ring.size_bits"),
	LAYOUT(struct log_layout, data, "printk_ringbuffer", "text_data_ring.data"),
	LAYOUT(struct log_layout, head_lpos, "printk_ringbuffer", "text_data_ring.head_lpos.counter"),
	LAYOUT_OPT(struct log_layout, fail, "printk_ringbuffer", "fail.counter"),
	LAYOUT(struct log_layout, desc, "prb_desc", ""),
	LAYOUT(struct log_layout, state_var, "prb_desc", "state_var.counter"),
	LAYOUT(struct log_layout, begin, "prb_desc", "text_blk_lpos.begin"),
	LAYOUT(struct log_layout, next, "prb_desc", "text_blk_lpos.next"),
	LAYOUT(struct log_layout, info, "printk_info", ""),
	LAYOUT(struct log_layout, seq, "printk_info", "seq"),
	LAYOUT(struct log_layout, ts_nsec, "printk_info", "ts_nsec"),
	LAYOUT(struct log_layout, text_len, "printk_info", "text_len"),
	LAYOUT(struct log_layout, facility, "printk_info", "facility"),
	LAYOUT(struct log_layout, flags, "printk_info", "flags"),
	LAYOUT(struct log_layout, level, "printk_info", "level"),
	LAYOUT_OPT(struct log_layout, caller, "printk_info", "caller_id"),
	LAYOUT_OPT(struct log_layout, caller2, "printk_info", "caller_id2"), /* 7.0 */
	LAYOUT_OPT(struct log_layout, comm, "printk_info", "comm"),	     /* 7.0 */
	LAYOUT_OPT(struct log_layout, subsystem, "printk_info", "dev_info.subsystem"),
	LAYOUT_OPT(struct log_layout, device, "printk_info", "dev_info.device"),
	LAYOUT_OPT(struct log_layout, latch, "latched_seq", "latch.seqcount.sequence"),
	LAYOUT_OPT(struct log_layout, val, "latched_seq", "val"),
};

/* enum desc_state, the top two bits of state_var; the others are the id of the record. */
enum { RESERVED, COMMITTED, FINALIZED, REUSABLE };
static const unsigned int state_shift = 62;
static const uint64_t id_mask = (1ull << 62) - 1;

enum {
	CONT = 8,	     /* printk_info.flags: LOG_CONT */
	NO_DATA = 1,	     /* text_blk_lpos: there is no text */
	EMPTY_LINE = 3,	     /* the same, but that is as it should be */
	BLOCK_HEAD = 8,	     /* prb_data_block.id, before the text */
	DESC_SIZE_MAX = 256, /* more than these structs can have grown to */
	INFO_SIZE_MAX = 1024,
	NOTES_MAX = 4,
};
static const uint32_t caller_cpu = 1u << 31; /* caller_id: a CPU, not a task */

struct desc {
	uint64_t state_var, begin, next;
	const char *why; /* it could not be read */
};

struct log_walk {
	struct walk *w;
	struct kernel *k;
	struct pool *pool;
	struct log *log;
	struct log_layout l;
	struct kva descs, infos, data;
	unsigned int count_bits, size_bits;
	uint64_t tail, head; /* ids; head is the newest record's */
	uint64_t head_lpos;
	uint64_t base; /* id of the first record shown; ids and sequence numbers go up together */
	size_t notes;
	const char *flag_names[32]; /* by printk_info.flags, of five bits */
};

static struct err *note(struct log_walk *lw, enum section_status status, uint64_t id, const char *what)
{
	if (lw->notes++ >= NOTES_MAX)
		return report_section(lw->w->r, "log", status, NULL);
	return report_section(lw->w->r, "log", status, "record with id %" PRIu64 ": %s", id, what);
}

/* ---- the ring */

static struct err *read_ring(struct log_walk *lw)
{
	const struct log_layout *l = &lw->l;
	_cleanup_free_ uint8_t *raw = malloc(l->ring.size + 1);
	struct kva prb, ring;

	if (!raw)
		return &err_nomem;
	TRY(ksym(lw->k, "prb", &prb));
	TRY(err_prefix(kread_kva(lw->k, prb, &ring), "prb"));
	TRY(err_prefix(kread(lw->k, ring, raw, l->ring.size), "the ring buffer"));
	uint64_t count_bits = member_get(&l->count_bits, raw), size_bits = member_get(&l->size_bits, raw);
	if (!count_bits || count_bits > 24 || size_bits < 4 || size_bits > 32)
		return err_new(ERR_CORRUPT, "the ring buffer has 2^%" PRIu64 " records in 2^%" PRIu64
			       " bytes", count_bits, size_bits);
	lw->count_bits = (unsigned int)count_bits;
	lw->size_bits = (unsigned int)size_bits;
	lw->descs.v = member_get(&l->descs, raw);
	lw->infos.v = member_get(&l->infos, raw);
	lw->data.v = member_get(&l->data, raw);
	lw->tail = member_get(&l->tail_id, raw) & id_mask;
	lw->head = member_get(&l->head_id, raw) & id_mask;
	lw->head_lpos = member_get(&l->head_lpos, raw);
	if (l->fail.present)
		lw->log->failed = (struct opt_u64){ true, member_get(&l->fail, raw) };
	if (((lw->head - lw->tail) & id_mask) >= 1ull << lw->count_bits)
		return err_new(ERR_CORRUPT, "the oldest record has id %" PRIu64 ", the newest %" PRIu64
			       ", in a ring of 2^%u", lw->tail, lw->head, lw->count_bits);
	return NULL;
}

/* Hides nothing here, but explains why the guest's dmesg shows less. */
static struct err *read_clear_seq(struct log_walk *lw)
{
	const struct log_layout *l = &lw->l;
	uint64_t latch, seq;
	struct kva sym;

	if (!l->latch.present || !l->val.present || l->val.size != 2 * sizeof(seq) ||
	    !khas_sym(lw->k, "clear_seq"))
		return NULL;
	TRY(ksym(lw->k, "clear_seq", &sym));
	TRY(err_prefix(kget(lw->k, sym, &l->latch, &latch), "clear_seq"));
	TRY(err_prefix(kread_u64(lw->k, (struct kva){ sym.v + l->val.off + (latch & 1) * sizeof(seq) },
				 &seq), "clear_seq"));
	lw->log->clear_seq = (struct opt_u64){ true, seq };
	return NULL;
}

static size_t slot(const struct log_walk *lw, uint64_t id)
{
	return id & ((1ull << lw->count_bits) - 1);
}

/* What [first, last] takes of a ring of `nr` elements of `size` bytes: one piece or two. */
static size_t ring_pieces(struct kva base, size_t first, size_t last, size_t nr, size_t size,
			  struct krange ret[2])
{
	if (first <= last) {
		ret[0] = (struct krange){ { base.v + first * size }, (last - first + 1) * size };
		return 1;
	}
	ret[0] = (struct krange){ { base.v + first * size }, (nr - first) * size };
	ret[1] = (struct krange){ base, (last + 1) * size };
	return 2;
}

static void fetch_descs(struct log_walk *lw, uint64_t first)
{
	size_t nr = (size_t)1 << lw->count_bits, a = slot(lw, first), b = slot(lw, lw->head), n;
	struct krange pieces[4];

	n = ring_pieces(lw->descs, a, b, nr, lw->l.desc.size, pieces);
	n += ring_pieces(lw->infos, a, b, nr, lw->l.info.size, pieces + n);
	kprefetch(lw->k, pieces, n);
}

static uint64_t text_index(const struct log_walk *lw, uint64_t lpos)
{
	return lpos & ((1ull << lw->size_bits) - 1);
}

static void fetch_texts(struct log_walk *lw, uint64_t begin)
{
	uint64_t size = 1ull << lw->size_bits;
	struct krange pieces[2];

	if (lw->head_lpos == begin || lw->head_lpos - begin > MIN(size, lw->log->cap))
		return;
	kprefetch(lw->k, pieces,
		  ring_pieces(lw->data, text_index(lw, begin), text_index(lw, lw->head_lpos - 1),
			      size, 1, pieces));
}

static bool has_data(const struct desc *d)
{
	return !d->why && !(d->begin & NO_DATA) && !(d->next & NO_DATA);
}

static struct err *read_desc(struct log_walk *lw, uint64_t id, struct desc *d)
{
	struct kva at = { lw->descs.v + slot(lw, id) * lw->l.desc.size };
	uint8_t raw[DESC_SIZE_MAX];
	struct err *e = kread(lw->k, at, raw, lw->l.desc.size);

	if (e) {
		if (walk_is_fatal(e))
			return e;
		d->why = pool_printf(lw->pool, "%s", e->msg);
		err_free(e);
		return d->why ? NULL : &err_nomem;
	}
	d->state_var = member_get(&lw->l.state_var, raw);
	d->begin = member_get(&lw->l.begin, raw);
	d->next = member_get(&lw->l.next, raw);
	return NULL;
}

/* Descriptors of the newest records that the cap allows, in order; the first's id, and how many. */
static struct err *read_descs(struct log_walk *lw, struct desc **ret, uint64_t *first, size_t *nr)
{
	size_t all = ((lw->head - lw->tail) & id_mask) + 1, per = lw->l.desc.size + lw->l.info.size;
	size_t room = MIN(all, lw->log->cap / per + 1), taken = 0;
	_cleanup_free_ struct desc *descs = calloc(room, sizeof(*descs));
	uint64_t bytes = 0, oldest = lw->head_lpos;

	if (!descs)
		return &err_nomem;
	fetch_descs(lw, lw->head - (room - 1));
	while (taken < room) {
		struct desc *d = &descs[room - 1 - taken];

		TRY(read_desc(lw, lw->head - taken, d));
		bytes += per + (has_data(d) ? MIN(d->next - d->begin, 1ull << lw->size_bits) : 0);
		if (bytes > lw->log->cap && taken)
			break;
		if (has_data(d) && d->state_var >> state_shift != REUSABLE)
			oldest = d->begin;
		taken++;
	}
	fetch_texts(lw, oldest);
	memmove(descs, descs + room - taken, taken * sizeof(*descs));
	lw->log->cut = all - taken;
	*first = (lw->head - taken + 1) & id_mask;
	*nr = taken;
	*ret = take_ptr(descs);
	return NULL;
}

/* ---- records */

/*
 * Where the text lies: a block never spans the end of the ring, but starts over at its beginning.  Up to
 * 6.17 a block that would just fit does so too; next - 1 makes one rule of both.
 */
static const char *find_block(const struct log_walk *lw, const struct desc *d, uint64_t *at, uint64_t *len)
{
	uint64_t size = 1ull << lw->size_bits, last = d->next - 1;

	if ((d->begin | d->next) % BLOCK_HEAD)
		return "its text is not aligned";
	if (d->next == d->begin || d->next - d->begin > size)
		return "its text is larger than the ring";
	if (d->begin >> lw->size_bits == last >> lw->size_bits) {
		*at = text_index(lw, d->begin);
		*len = d->next - d->begin;
	} else {
		*at = 0;
		*len = text_index(lw, last) + 1;
	}
	return NULL;
}

static struct err *read_text(struct log_walk *lw, uint64_t id, const struct desc *d, uint64_t text_len,
			     struct log_record *rec)
{
	uint64_t at, len, owner;

	if (!has_data(d)) {
		if (d->begin == EMPTY_LINE && d->next == EMPTY_LINE)
			rec->text = "";
		else
			rec->why = "there was no room for its text";
		return NULL;
	}
	const char *wrong = find_block(lw, d, &at, &len);
	if (!wrong) {
		TRY(kread_u64(lw->k, (struct kva){ lw->data.v + at }, &owner));
		if (owner != id)
			wrong = "its text belongs to another record";
		else if (text_len > len - BLOCK_HEAD)
			wrong = "it claims to be longer than its text";
	}
	if (wrong) {
		rec->why = wrong;
		return note(lw, SECTION_IMPLAUSIBLE, id, wrong);
	}
	char *text = pool_alloc(lw->pool, text_len + 1);
	if (!text)
		return &err_nomem;
	TRY(kread(lw->k, (struct kva){ lw->data.v + at + BLOCK_HEAD }, text, text_len));
	rec->text = text;
	rec->len = text_len;
	return NULL;
}

/* A char array out of the bytes of a struct; NULL if it is not there or empty. */
static struct err *get_string(struct log_walk *lw, const struct member *m, const uint8_t *raw,
			      const char **ret)
{
	if (!m->present || !raw[m->off])
		return NULL;
	*ret = pool_strndup(lw->pool, (const char *)raw + m->off, m->size);
	return *ret ? NULL : &err_nomem;
}

/* Most records have the same. */
static struct err *name_flags(struct log_walk *lw, struct log_record *rec)
{
	const char **names = &lw->flag_names[rec->flags & (ARRAY_SIZE(lw->flag_names) - 1)];

	if (rec->flags && !*names)
		TRY(walk_flag_names(lw->k, lw->pool, "printk_info_flags", "LOG_", rec->flags, names));
	rec->flag_names = *names;
	return NULL;
}

static struct err *fill_record(struct log_walk *lw, const uint8_t *raw, struct log_record *rec)
{
	const struct log_layout *l = &lw->l;

	rec->ts_nsec = member_get(&l->ts_nsec, raw);
	rec->facility = (uint8_t)member_get(&l->facility, raw);
	rec->level = (uint8_t)member_get(&l->level, raw);
	rec->flags = (uint8_t)member_get(&l->flags, raw);
	rec->cont = rec->flags & CONT;
	TRY(name_flags(lw, rec));
	if (l->caller.present) {
		uint64_t id = member_get(&l->caller, raw);

		rec->caller_is_cpu = id & caller_cpu;
		rec->caller = (struct opt_u64){ true, id & ~(uint64_t)caller_cpu };
	}
	if (l->caller2.present) {
		uint64_t id = member_get(&l->caller2, raw);

		/* Whichever of CPU and task caller_id does not have. */
		if (id & caller_cpu)
			rec->cpu = (struct opt_u64){ true, id & ~(uint64_t)caller_cpu };
	}
	TRY(get_string(lw, &l->comm, raw, &rec->comm));
	TRY(get_string(lw, &l->subsystem, raw, &rec->subsystem));
	return get_string(lw, &l->device, raw, &rec->device);
}

static uint64_t expected_seq(const struct log_walk *lw, uint64_t id)
{
	return lw->log->records[0].seq + ((id - lw->base) & id_mask);
}

static struct err *read_record(struct log_walk *lw, uint64_t id, const struct desc *d,
			       struct log_record *rec)
{
	static const enum log_state states[] = {
		[RESERVED] = LOG_RESERVED, [COMMITTED] = LOG_COMMITTED, [FINALIZED] = LOG_FINALIZED,
	};
	struct kva at = { lw->infos.v + slot(lw, id) * lw->l.info.size };
	unsigned int state = (unsigned int)(d->state_var >> state_shift);
	uint8_t raw[INFO_SIZE_MAX];

	TRY(kread(lw->k, at, raw, lw->l.info.size));
	rec->seq = member_get(&lw->l.seq, raw);
	bool in_order = !lw->log->nr || rec->seq == expected_seq(lw, id);
	if (!in_order)
		rec->seq = expected_seq(lw, id);
	if (state == REUSABLE) {
		rec->why = "overwritten";
		return NULL;
	}
	rec->state = states[state];
	uint64_t text_len = member_get(&lw->l.text_len, raw);
	/* Its writer fills in everything but the number after the text; a length it has already if it adds to
	 * what it had committed before. */
	if (rec->state == LOG_RESERVED && (!in_order || !text_len)) {
		rec->why = "it was just being written";
		return NULL;
	}
	TRY(fill_record(lw, raw, rec));
	TRY(read_text(lw, id, d, text_len, rec));
	return in_order ? NULL : note(lw, SECTION_IMPLAUSIBLE, id, "its sequence number is out of order");
}

/* Whether there is a record of this id, or something to say about it. */
static struct err *check_desc(struct log_walk *lw, uint64_t id, const struct desc *d, bool *ret)
{
	uint64_t owner = d->state_var & id_mask, before = (id - (1ull << lw->count_bits)) & id_mask;

	*ret = false;
	if (d->why)
		return note(lw, SECTION_NOT_READABLE, id, d->why);
	if (owner != id) {
		/* The head has moved on, its writer has not yet said so in the descriptor. */
		if (!d->state_var || (owner == before && d->state_var >> state_shift == REUSABLE))
			return NULL;
		return note(lw, SECTION_IMPLAUSIBLE, id, "its descriptor belongs to another record");
	}
	/* Texts are overwritten in order, and before the first record there is one that never was. */
	*ret = d->state_var >> state_shift != REUSABLE || lw->log->nr;
	return NULL;
}

static struct err *read_records(struct log_walk *lw)
{
	_cleanup_free_ struct desc *descs = NULL;
	struct log *log = lw->log;
	uint64_t first;
	size_t nr;

	TRY(read_descs(lw, &descs, &first, &nr));
	log->records = pool_calloc(lw->pool, nr, sizeof(*log->records));
	if (!log->records)
		return &err_nomem;
	for (size_t i = 0; i < nr; i++) {
		struct log_record *rec = &log->records[log->nr];
		uint64_t id = (first + i) & id_mask;
		bool there;

		TRY(check_desc(lw, id, &descs[i], &there));
		if (!there)
			continue;
		if (!log->nr)
			lw->base = id;
		*rec = (struct log_record){ .seq = log->nr ? expected_seq(lw, id) : 0 };
		struct err *e = read_record(lw, id, &descs[i], rec);
		if (walk_is_fatal(e))
			return e;
		if (e) {
			rec->text = NULL;
			rec->why = pool_printf(lw->pool, "%s", e->msg);
			e = err_prefix(e, "text or header");
			struct err *failed = note(lw, SECTION_NOT_READABLE, id, e->msg);
			err_free(e);
			TRY(failed);
		}
		log->nr++;
	}
	return NULL;
}

static struct err *tell(struct log_walk *lw)
{
	struct log *log = lw->log;

	if (lw->notes > NOTES_MAX)
		TRY(report_section(lw->w->r, "log", SECTION_COMPLETE, "%zu more records", lw->notes - NOTES_MAX));
	if (log->cut)
		TRY(report_cut(lw->w->r, "log", lw->w->opts->log_bytes != 0,
			       "%" PRIu64 " older records, by the cap of %" PRIu64 " KiB (--log-bytes)", log->cut,
			       log->cap >> 10));
	if (log->nr && log->records[0].seq > log->cut)
		log->overwritten = log->records[0].seq - log->cut;
	return NULL;
}

/* What is read as a whole struct must hold its members: types come from the guest, too. */
static struct err *check_layout(const struct log_layout *l)
{
	for (size_t i = 0; i < ARRAY_SIZE(log_members); i++) {
		const struct layout_member *lm = &log_members[i];
		const struct member *m = (const struct member *)((const char *)l + lm->where);
		const struct member *whole = !strcmp(lm->type, "printk_ringbuffer") ? &l->ring :
					     !strcmp(lm->type, "prb_desc")	    ? &l->desc :
					     !strcmp(lm->type, "printk_info")	    ? &l->info :
										      NULL;

		if (whole && m->present && !member_fits(m, whole->size))
			return err_new(ERR_CORRUPT, "%s.%s lies outside of its struct", lm->type, lm->path);
	}
	if (l->desc.size > DESC_SIZE_MAX || l->info.size > INFO_SIZE_MAX || !l->info.size ||
	    l->begin.size != 8 || l->state_var.size != 8)
		return err_new(ERR_CORRUPT, "the ring's structs have sizes that cannot be");
	return NULL;
}

static struct err *resolve(struct log_walk *lw, bool *ret)
{
	struct missing missing = { 0 };
	struct err *e = klayout(lw->k, log_members, ARRAY_SIZE(log_members), &lw->l, &missing);

	for (size_t i = 0; !e && i < missing.nr; i++)
		e = report_section(lw->w->r, "log", SECTION_NOT_IMPLEMENTED,
				   "not in this kernel's types: %s", missing.names[i]);
	*ret = !missing.nr;
	missing_deinit(&missing);
	return e || !*ret ? e : check_layout(&lw->l);
}

struct err *walk_log(struct walk *w)
{
	struct log_walk lw = { .w = w, .k = w->k, .pool = &w->r->pool, .log = &w->r->log };
	uint64_t wanted = w->opts->log_bytes ? w->opts->log_bytes : LOG_BYTES_DEFAULT;
	bool resolved;

	lw.log->cap = MIN(wanted, (uint64_t)LOG_BYTES_MAX);
	if (!khas_sym(w->k, "prb"))
		return report_section(w->r, "log", SECTION_NOT_IN_KERNEL, "no symbol prb");
	TRY(report_section(w->r, "log", SECTION_COMPLETE, NULL));
	TRY(resolve(&lw, &resolved));
	if (!resolved)
		return NULL;
	TRY(read_ring(&lw));
	struct err *e = read_clear_seq(&lw);
	if (walk_is_fatal(e))
		return e;
	if (e) {
		struct err *failed = report_section(w->r, "log", SECTION_NOT_READABLE, "%s", e->msg);
		err_free(e);
		TRY(failed);
	}
	lw.log->collected = true;
	TRY(read_records(&lw));
	return tell(&lw);
}
