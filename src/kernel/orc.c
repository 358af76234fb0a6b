/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/orc.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/cleanup.h"

/* struct orc_entry, 6 bytes in all versions. */
struct orc_layout {
	struct member size, sp_offset, bp_offset, sp_reg, bp_reg, type, signal, end;
};

/* What the kernel looks up instead of searching all of the table: per 256 bytes of text the entry at
 * its start (LOOKUP_BLOCK_ORDER). */
enum { BLOCK_SHIFT = 8 };

enum { ENTRY_SIZE = 6, CACHE_SIZE = 4096 };

struct cached {
	uint64_t ip; /* 0: none */
	struct unwind_rule rule;
};

struct orc {
	struct kernel *k;
	struct orc_layout l;
	bool new_codes; /* of registers: 7.1 on */
	bool wide_type; /* three bits with values of their own for "undefined" and "end": 6.4 on */
	struct orc_table kernel;
	struct kva lookup;
	uint64_t text, nr_blocks; /* 0: no lookup table */
	struct cached *cache;	  /* [CACHE_SIZE], by the low bits of ip */
};

/* ---- the format */

static const struct layout_member members[] = {
	LAYOUT(struct orc_layout, size, "orc_entry", ""),
	LAYOUT(struct orc_layout, sp_offset, "orc_entry", "sp_offset"),
	LAYOUT(struct orc_layout, bp_offset, "orc_entry", "bp_offset"),
	LAYOUT(struct orc_layout, sp_reg, "orc_entry", "sp_reg"),
	LAYOUT(struct orc_layout, bp_reg, "orc_entry", "bp_reg"),
	LAYOUT(struct orc_layout, type, "orc_entry", "type"),
	LAYOUT_OPT(struct orc_layout, signal, "orc_entry", "signal"), /* 6.3 */
	LAYOUT_OPT(struct orc_layout, end, "orc_entry", "end"),	      /* up to 6.3 */
};

static struct err *find_layout(struct orc *orc)
{
	struct orc_layout *l = &orc->l;
	struct missing missing = { 0 };
	struct err *e = klayout(orc->k, members, ARRAY_SIZE(members), l, &missing);

	if (!e && missing.nr)
		e = err_new(ERR_MISSING, "the types have no %s", missing.names[0]);
	missing_deinit(&missing);
	if (e)
		return e;

	const struct member *used[] = { &l->sp_offset, &l->bp_offset, &l->sp_reg, &l->bp_reg,
					&l->type,      &l->signal,    &l->end };
	for (size_t i = 0; i < ARRAY_SIZE(used); i++) {
		if (used[i]->present && !member_fits(used[i], ENTRY_SIZE))
			return err_new(ERR_UNSUPPORTED, "orc_entry is of a kind that nobody knows");
	}
	orc->wide_type = l->type.bit_size == 3;
	if (l->size.size != ENTRY_SIZE || (!orc->wide_type && !(l->type.bit_size == 2 && l->end.present)))
		return err_new(ERR_UNSUPPORTED, "orc_entry is of a kind that nobody knows");
	return NULL;
}

/* The code that most entries have for "stack pointer": nearly all code is compiled without frame pointers. */
enum { OLD_SP = 5, NEW_SP = 3, NR_CODES = 16, SAMPLE = 600 };

static struct err *codes_by_use(struct orc *orc)
{
	uint8_t sample[SAMPLE * ENTRY_SIZE];
	size_t used[NR_CODES] = { 0 }, best = 0, nr = MIN(orc->kernel.nr, (size_t)SAMPLE);
	uint64_t from = orc->kernel.entries.v + (orc->kernel.nr - nr) / 2 * ENTRY_SIZE;

	TRY(err_prefix(kread(orc->k, (struct kva){ from }, sample, nr * ENTRY_SIZE), "ORC table"));
	for (size_t i = 0; i < nr; i++)
		used[member_get(&orc->l.sp_reg, sample + i * ENTRY_SIZE) % NR_CODES]++;
	for (size_t i = 1; i < NR_CODES; i++) {
		if (used[i] > used[best])
			best = i;
	}
	if (used[best] < nr / 2 || (best != OLD_SP && best != NEW_SP))
		return err_new(ERR_UNSUPPORTED, "the ORC table has codes that nobody knows");
	orc->new_codes = best == NEW_SP;
	return NULL;
}

/* The hash that 6.4's build began to put beside the tables, over the header that defines them. */
static struct err *find_codes(struct orc *orc)
{
	enum { HASH = 20 };
	static const struct {
		uint8_t hash[HASH];
		bool new_codes;
	} known[] = {
		{ { 0xdb, 0x84, 0xae, 0xd4, 0x10, 0x3b, 0x31, 0xdd, 0x51, 0xe0,
		    0x17, 0xf8, 0xf7, 0x97, 0x83, 0xca, 0x98, 0x5c, 0x2c, 0x51 }, false }, /* 6.3 */
		{ { 0xfe, 0x5d, 0x32, 0xbf, 0x58, 0x1b, 0xd6, 0x3b, 0x2c, 0xa9,
		    0xa5, 0xc6, 0x5b, 0xa5, 0xa6, 0x25, 0xea, 0xb3, 0xfe, 0x24 }, false }, /* 6.4 - 7.0 */
		{ { 0x13, 0x7c, 0x36, 0xad, 0x76, 0x27, 0xc4, 0xdd, 0x55, 0x93,
		    0x21, 0x76, 0xbb, 0x0e, 0xcd, 0xbd, 0x50, 0x41, 0xfc, 0x82 }, true }, /* 7.1 */
	};
	uint8_t hash[HASH];
	struct kva header;

	if (khas_sym(orc->k, "orc_header")) {
		TRY(ksym(orc->k, "orc_header", &header));
		TRY(err_prefix(kread(orc->k, header, hash, sizeof(hash)), "orc_header"));
		for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
			if (!memcmp(hash, known[i].hash, HASH)) {
				orc->new_codes = known[i].new_codes;
				return NULL;
			}
		}
	}
	return codes_by_use(orc);
}

static struct err *find_tables(struct orc *orc)
{
	struct kernel *k = orc->k;
	struct kva ips, ips_end, entries, entries_end;

	TRY(ksym(k, "__start_orc_unwind_ip", &ips));
	TRY(ksym(k, "__stop_orc_unwind_ip", &ips_end));
	TRY(ksym(k, "__start_orc_unwind", &entries));
	TRY(ksym(k, "__stop_orc_unwind", &entries_end));

	uint64_t nr = (ips_end.v - ips.v) / 4;
	if (ips_end.v <= ips.v || nr > ORC_MAX_ENTRIES || entries_end.v - entries.v != nr * ENTRY_SIZE)
		return err_new(ERR_CORRUPT, "the ends of the ORC tables do not fit each other");
	orc->kernel = (struct orc_table){ ips, entries, (size_t)nr };
	return NULL;
}

/* Without it, and where it does not fit, all of the table is searched: slower, nothing else. */
static void find_lookup(struct orc *orc)
{
	struct kva lookup, end, text, etext;
	struct err *e = ksym(orc->k, "orc_lookup", &lookup);

	if (!e)
		e = ksym(orc->k, "orc_lookup_end", &end);
	if (!e)
		e = ksym(orc->k, "_stext", &text);
	if (!e)
		e = ksym(orc->k, "_etext", &etext);
	if (!e && end.v > lookup.v && etext.v > text.v) {
		orc->lookup = lookup;
		orc->text = text.v;
		orc->nr_blocks = MIN((end.v - lookup.v) / 4, (etext.v - text.v) >> BLOCK_SHIFT);
	}
	err_ignore(e);
}

static struct err *fill(struct orc *orc)
{
	TRY(find_tables(orc));
	TRY(find_layout(orc));
	TRY(find_codes(orc));
	find_lookup(orc);
	orc->cache = calloc(CACHE_SIZE, sizeof(*orc->cache));
	return orc->cache ? NULL : &err_nomem;
}

struct err *orc_create(struct kernel *k, struct orc **ret)
{
	struct orc *orc = calloc(1, sizeof(*orc));

	if (!orc)
		return &err_nomem;
	orc->k = k;
	struct err *e = fill(orc);
	if (e)
		orc_destroy(orc);
	else
		*ret = orc;
	return e;
}

void orc_destroy(struct orc *orc)
{
	if (!orc)
		return;
	free(orc->cache);
	free(orc);
}

/* ---- one entry */

/* By the kernel's codes. */
static const enum unwind_base old_bases[NR_CODES] = {
	[1] = UNWIND_PREV_SP, [2] = UNWIND_DX,	   [3] = UNWIND_DI,	[4] = UNWIND_FP, [5] = UNWIND_SP,
	[6] = UNWIND_R10,     [7] = UNWIND_R13,	   [8] = UNWIND_FP_IND, [9] = UNWIND_SP_IND,
};
static const enum unwind_base new_bases[NR_CODES] = {
	[1] = UNWIND_AX,      [2] = UNWIND_DX,	   [3] = UNWIND_SP,	[4] = UNWIND_FP, [5] = UNWIND_DI,
	[6] = UNWIND_R10,     [7] = UNWIND_R13,	   [8] = UNWIND_PREV_SP, [9] = UNWIND_SP_IND,
	[10] = UNWIND_FP_IND,
};

static struct err *decode(const struct orc *orc, const uint8_t *raw, struct unwind_rule *ret)
{
	static const enum unwind_type wide[8] = {
		[1] = UNWIND_END, [2] = UNWIND_CALL, [3] = UNWIND_REGS, [4] = UNWIND_IRET,
	};
	static const enum unwind_type narrow[4] = { UNWIND_CALL, UNWIND_REGS, UNWIND_IRET };
	const struct orc_layout *l = &orc->l;
	const enum unwind_base *bases = orc->new_codes ? new_bases : old_bases;
	uint64_t type = member_get(&l->type, raw), sp_reg = member_get(&l->sp_reg, raw) % NR_CODES;
	struct unwind_rule rule = {
		.sp_base = bases[sp_reg],
		.fp_base = bases[member_get(&l->bp_reg, raw) % NR_CODES],
		.sp_off = (int16_t)member_get(&l->sp_offset, raw),
		.fp_off = (int16_t)member_get(&l->bp_offset, raw),
	};

	if (orc->wide_type)
		rule.type = wide[type & 7];
	else if (!sp_reg)
		rule.type = member_get(&l->end, raw) ? UNWIND_END : UNWIND_UNDEFINED;
	else if (type < 3)
		rule.type = narrow[type];
	else
		return err_new(ERR_CORRUPT, "an ORC entry is of a type that no kernel has");
	rule.exact = l->signal.present ? member_get(&l->signal, raw) != 0 :
					 rule.type == UNWIND_REGS || rule.type == UNWIND_IRET;
	*ret = rule;
	return NULL;
}

/* ---- finding it */

static struct err *entry_ip(struct orc *orc, const struct orc_table *t, size_t i, uint64_t *ret)
{
	struct kva at = { t->ips.v + i * 4 };
	uint32_t off;

	TRY(kread_u32(orc->k, at, &off));
	*ret = at.v + (uint64_t)(int64_t)(int32_t)off;
	return NULL;
}

/* The last entry of [lo, hi) at or below ip; *found is false if all are above. */
static struct err *search(struct orc *orc, const struct orc_table *t, size_t lo, size_t hi, uint64_t ip,
			  size_t *ret, bool *found)
{
	size_t first = lo;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		uint64_t at;

		TRY(entry_ip(orc, t, mid, &at));
		if (at <= ip)
			lo = mid + 1;
		else
			hi = mid;
	}
	*found = lo > first;
	*ret = lo - 1;
	return NULL;
}

static struct err *rule_at(struct orc *orc, const struct orc_table *t, size_t i, struct unwind_rule *ret)
{
	uint8_t raw[ENTRY_SIZE];

	TRY(kread(orc->k, (struct kva){ t->entries.v + i * ENTRY_SIZE }, raw, sizeof(raw)));
	return decode(orc, raw, ret);
}

/* Narrows [*lo, *hi) to the entries of ip's block. */
static struct err *narrow(struct orc *orc, uint64_t ip, size_t *lo, size_t *hi)
{
	uint64_t block = (ip - orc->text) >> BLOCK_SHIFT;
	uint8_t raw[8];

	if (ip < orc->text || block + 1 >= orc->nr_blocks)
		return NULL;
	TRY(err_prefix(kread(orc->k, (struct kva){ orc->lookup.v + block * 4 }, raw, sizeof(raw)),
		       "ORC lookup table"));
	size_t first = get_le32(raw), last = get_le32(raw + 4);
	if (first > last || last >= orc->kernel.nr)
		return err_new(ERR_CORRUPT, "the ORC lookup table makes no sense at 0x%016" PRIx64, ip);
	*lo = first;
	*hi = last + 1;
	return NULL;
}

struct err *orc_find_in(struct orc *orc, const struct orc_table *table, uint64_t ip,
			struct unwind_rule *ret)
{
	bool found = false;
	size_t i = 0;

	if (table->nr > ORC_MAX_ENTRIES)
		return err_new(ERR_CORRUPT, "an ORC table of %zu entries", table->nr);
	TRY(err_prefix(search(orc, table, 0, table->nr, ip, &i, &found), "ORC table"));
	if (!found)
		return err_new(ERR_CORRUPT, "the ORC table begins above 0x%016" PRIx64, ip);
	return err_prefix(rule_at(orc, table, i, ret), "ORC table");
}

struct err *orc_find(struct orc *orc, uint64_t ip, struct unwind_rule *ret)
{
	struct cached *c = &orc->cache[ip % CACHE_SIZE];
	struct unwind_rule rule;
	size_t lo = 0, hi = orc->kernel.nr, i = 0;
	bool found = false;

	if (c->ip == ip && ip) {
		*ret = c->rule;
		return NULL;
	}
	TRY(narrow(orc, ip, &lo, &hi));
	TRY(err_prefix(search(orc, &orc->kernel, lo, hi, ip, &i, &found), "ORC table"));
	if (!found)
		return err_new(ERR_CORRUPT, "the ORC table has nothing for 0x%016" PRIx64, ip);
	TRY(err_prefix(rule_at(orc, &orc->kernel, i, &rule), "ORC table"));
	*c = (struct cached){ ip, rule };
	*ret = rule;
	return NULL;
}
