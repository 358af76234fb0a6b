/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "kernel/prog-lines.h"

#include <inttypes.h>

enum {
	STRING_MAX = 1024,
	BATCH = 64,
	/* struct bpf_line_info.line_col: a word of both */
	COLUMN_BITS = 10,
};

struct err *prog_lines_init(struct prog_lines *pl, struct kernel *k)
{
	static const struct layout_member members[] = {
		LAYOUT(struct prog_lines, linfo, "bpf_prog_aux", "linfo"),
		LAYOUT(struct prog_lines, jited, "bpf_prog_aux", "jited_linfo"),
		LAYOUT(struct prog_lines, nr, "bpf_prog_aux", "nr_linfo"),
		LAYOUT(struct prog_lines, first, "bpf_prog_aux", "linfo_idx"),
		LAYOUT(struct prog_lines, btf, "bpf_prog_aux", "btf"),
		LAYOUT(struct prog_lines, info, "bpf_line_info", ""),
		LAYOUT(struct prog_lines, file_off, "bpf_line_info", "file_name_off"),
		LAYOUT(struct prog_lines, text_off, "bpf_line_info", "line_off"),
		LAYOUT(struct prog_lines, line_col, "bpf_line_info", "line_col"),
		LAYOUT(struct prog_lines, strings, "btf", "strings"),
		LAYOUT(struct prog_lines, str_len, "btf", "hdr.str_len"),
	};

	*pl = (struct prog_lines){ .k = k };
	return klayout(k, members, ARRAY_SIZE(members), pl, NULL);
}

/* [first, nr) of all functions' lines; this one's are the first few of them. */
struct range {
	struct kva jited, linfo, btf;
	uint64_t first, nr;
};

static struct err *read_range(const struct prog_lines *pl, struct kva aux, struct range *ret)
{
	struct kernel *k = pl->k;
	struct range r;

	TRY(kget_kva(k, aux, &pl->jited, &r.jited));
	TRY(kget_kva(k, aux, &pl->linfo, &r.linfo));
	TRY(kget_kva(k, aux, &pl->btf, &r.btf));
	TRY(kget(k, aux, &pl->nr, &r.nr));
	TRY(kget(k, aux, &pl->first, &r.first));
	if (!r.jited.v || !r.linfo.v || !r.btf.v || !r.nr)
		return err_new(ERR_MISSING, "the program has no lines");
	if (r.first >= r.nr || r.nr > UINT32_MAX)
		return err_new(ERR_CORRUPT, "its lines begin with the %" PRIu64 "th of %" PRIu64, r.first, r.nr);
	*ret = r;
	return NULL;
}

/* Element i of an array; false if there can be none. */
static bool element(struct kva array, uint64_t i, uint64_t size, struct kva *ret)
{
	uint64_t off;

	return !mul_overflows(i, size, &off) && !add_overflows(array.v, off, &ret->v);
}

/*
 * The last line that begins at or before addr.  Those of a function ascend; behind them come the next
 * function's, which is elsewhere.
 */
static struct err *find_line(const struct prog_lines *pl, const struct range *r, uint64_t start, uint64_t end,
			     uint64_t addr, uint64_t *ret)
{
	uint64_t before = start, found = r->nr;
	uint8_t raw[8 * BATCH];

	for (uint64_t i = r->first; i < r->nr;) {
		uint64_t n = MIN(r->nr - i, (uint64_t)BATCH);
		struct kva at;

		if (!element(r->jited, i, 8, &at))
			return err_new(ERR_CORRUPT, "its lines end beyond all addresses");
		TRY(kread(pl->k, at, raw, 8 * n));
		for (uint64_t b = 0; b < n; b++, i++) {
			uint64_t begin = get_le64(raw + 8 * b);

			/* bpf_prog_fill_jited_linfo(): a function's first line begins where it does. */
			if (i == r->first && begin != start)
				return err_new(ERR_CORRUPT, "its first line is at 0x%" PRIx64 ", its code at 0x%" PRIx64,
					       begin, start);
			if (begin < start || begin > end || begin > addr)
				goto out;
			if (begin < before)
				return err_new(ERR_CORRUPT, "its lines are not in order");
			before = begin;
			found = i;
		}
	}
out:
	if (found == r->nr)
		return err_new(ERR_CORRUPT, "0x%" PRIx64 " is before its first line", addr);
	*ret = found;
	return NULL;
}

static struct err *read_string(const struct prog_lines *pl, struct kva btf, uint64_t off, struct pool *pool,
			       const char **ret)
{
	char buf[STRING_MAX];
	struct kva strings, at;
	uint64_t len;

	TRY(kget_kva(pl->k, btf, &pl->strings, &strings));
	TRY(kget(pl->k, btf, &pl->str_len, &len));
	if (off >= len || !element(strings, off, 1, &at))
		return err_new(ERR_CORRUPT, "string %" PRIu64 " of %" PRIu64 " bytes of strings", off, len);
	TRY(kread_str(pl->k, at, buf, (size_t)MIN(len - off, (uint64_t)sizeof(buf))));
	*ret = pool_strndup(pool, buf, strlen(buf));
	return *ret ? NULL : &err_nomem;
}

static struct err *read_line(const struct prog_lines *pl, const struct range *r, uint64_t i, struct pool *pool,
			     struct prog_line *ret)
{
	uint64_t file, text, line_col;
	struct kva info;

	if (!element(r->linfo, i, pl->info.size, &info))
		return err_new(ERR_CORRUPT, "its lines end beyond all addresses");
	TRY(kget(pl->k, info, &pl->file_off, &file));
	TRY(kget(pl->k, info, &pl->text_off, &text));
	TRY(kget(pl->k, info, &pl->line_col, &line_col));
	TRY(read_string(pl, r->btf, file, pool, &ret->file));
	TRY(read_string(pl, r->btf, text, pool, &ret->text));
	ret->line = (uint32_t)line_col >> COLUMN_BITS;
	ret->column = (uint32_t)line_col & ((1u << COLUMN_BITS) - 1);
	return NULL;
}

struct err *prog_line_at(const struct prog_lines *pl, const struct sym *sym, enum sym_lookup how,
			 struct pool *pool, struct prog_line *ret)
{
	uint64_t start = sym->addr - sym->offset, addr = sym->addr - (how == SYM_RETURN);
	struct range r;
	uint64_t i = 0;

	if (sym->owner != SYM_BPF_PROG || !sym->prog_aux.v || !pl->info.present)
		return err_new(ERR_MISSING, "no program");
	TRY(read_range(pl, sym->prog_aux, &r));
	TRY(find_line(pl, &r, start, start + sym->size, addr, &i));
	return read_line(pl, &r, i, pool, ret);
}
