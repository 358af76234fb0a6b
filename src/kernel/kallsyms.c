/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kallsyms in memory: what scripts/kallsyms.c writes into the kernel's read-only data.
 *
 *	num_syms	u32
 *	names		per symbol: length, then that many token codes; the first character
 *			of the expanded text is nm's type letter, the rest is the name
 *	markers		u32 per 256 symbols: where in names they begin
 *	token_table	256 strings; token_index: u16 per token, where in token_table it begins
 *	offsets		s32 per symbol, by one of three rules (enum coding)
 *	relative_base	u64, not with the third rule
 *
 * kallsyms does not list its own tables and their order has changed (6.4: addresses moved behind
 * the tokens; 7.0: relative_base gone, alignment 4 instead of 8), so they are searched for by their
 * shape, each one bounding where the next can be.
 */
#include "config.h"

#include "kernel/symbols.h"

#include "base/cleanup.h"
#include "kernel/symbols-internal.h"

enum {
	TOKENS = 256,
	MARKER_STEP = 256,	 /* symbols per marker */
	MAX_TOKEN = 512,	 /* KSYM_NAME_LEN: no token is longer than a name */
	MAX_NAME = 512,
	MAX_SYMBOLS = 4 << 20,
	MAX_NAMES = 256 << 20,	 /* bytes of expanded names, of all tables tried */
	MAX_STEPS = 64 << 20,	 /* of the search, in all: one per word before the tokens, and per name */
};

struct tables {
	const uint8_t *data;
	size_t len;
	uint64_t addr; /* of data[0] in the guest */

	size_t tokens, token_index, token_index_end; /* all offsets into data */
	size_t num_syms, names, names_end, markers;
	size_t nr_markers;
	uint32_t nr;
	uint16_t token_off[TOKENS];

	size_t steps_left; /* of MAX_STEPS: hostile data could look like tables everywhere */
	size_t names_left; /* of MAX_NAMES */
};

static uint32_t u32_at(const struct tables *t, size_t off)
{
	return get_le32(t->data + off);
}

/*
 * With the position of the token "0" known, the index of all tokens must follow the table of
 * their strings and tell where it starts.
 */
static bool tokens_around(struct tables *t, size_t zero)
{
	size_t end = zero;

	for (int i = '0'; i < TOKENS; i++) {
		size_t room = MIN(t->len - end, (size_t)MAX_TOKEN);
		const uint8_t *nul = memchr(t->data + end, 0, room);

		if (!nul)
			return false;
		end = (size_t)(nul - t->data) + 1;
	}

	for (size_t at = align_up(end, 4); at <= align_up(end, 8); at += 4) {
		if (at > t->len || t->len - at < TOKENS * 2)
			return false;
		for (int i = 0; i < TOKENS; i++)
			t->token_off[i] = get_le16(t->data + at + 2 * (size_t)i);
		if (t->token_off[0] || t->token_off['0'] > zero)
			continue;

		size_t start = zero - t->token_off['0'];
		bool good = true;
		/* Each offset by itself, and before it is used: those in between may rise to anything. */
		for (int i = 1; good && i < TOKENS; i++) {
			size_t off = t->token_off[i], prev = t->token_off[i - 1];

			good = off > prev && off - prev <= MAX_TOKEN && off < end - start &&
			       !t->data[start + off - 1];
		}
		if (!good)
			continue;
		t->tokens = start;
		t->token_index = at;
		t->token_index_end = at + TOKENS * 2;
		return true;
	}
	return false;
}

/* Bytes that symbol `at` of the name table takes, 0 if it does not fit. */
static size_t name_entry(const struct tables *t, size_t at, size_t end, size_t *ret_codes,
			 size_t *ret_nr)
{
	size_t head = 1, nr;

	if (at >= end)
		return 0;
	nr = t->data[at];
	if (nr & 0x80) { /* a "big" symbol, since 6.1: two bytes, low seven bits first */
		if (end - at < 2)
			return 0;
		nr = (nr & 0x7f) | (size_t)t->data[at + 1] << 7;
		head = 2;
	}
	if (!nr || nr > end - at - head)
		return 0;
	*ret_codes = at + head;
	*ret_nr = nr;
	return head + nr;
}

/* Whether `nr` names from `names` on are laid out as the markers say and end just before them. */
static bool names_fit(struct tables *t, size_t names, uint32_t nr)
{
	size_t at = names, codes, nr_codes;

	for (uint32_t i = 0; i < nr; i++) {
		if (i % MARKER_STEP == 0 &&
		    u32_at(t, t->markers + (size_t)i / MARKER_STEP * 4) != at - names)
			return false;
		size_t len = name_entry(t, at, t->markers, &codes, &nr_codes);
		if (!len || !t->steps_left)
			return false;
		t->steps_left--;
		at += len;
	}
	if (t->markers - at >= 64)
		return false;
	t->names_end = at;
	return true;
}

/* The names that belong to a run of `run` u32s from t->markers on, which may be a little too long. */
static bool names_before_markers(struct tables *t, size_t run)
{
	static const size_t head[] = { 4, 8 }; /* num_syms is padded to 8 bytes up to 6.19 */

	/*
	 * Guest data may follow the markers and rise by chance, so the run's last element may be
	 * none; the first hundred or so pin the start well enough.
	 */
	for (size_t nr_markers = run; nr_markers > 0 && nr_markers + 4 > run; nr_markers--) {
		size_t last = u32_at(t, t->markers + (nr_markers - 1) * 4);
		size_t most = last + (size_t)MARKER_STEP * (MAX_NAME + 2) + 64;

		if (last > t->markers)
			continue;
		size_t low = t->markers > most ? align_up(t->markers - most, 4) : 0;
		for (size_t names = align_down(t->markers - last, 4); names > low && names >= 8;
		     names -= 4) {
			if (!t->steps_left)
				return false;
			t->steps_left--;
			for (size_t h = 0; h < ARRAY_SIZE(head); h++) {
				uint32_t nr = u32_at(t, names - head[h]);

				if (!nr || nr > MAX_SYMBOLS ||
				    (nr + MARKER_STEP - 1) / MARKER_STEP != nr_markers ||
				    !names_fit(t, names, nr))
					continue;
				t->nr = nr;
				t->names = names;
				t->num_syms = names - head[h];
				t->nr_markers = nr_markers;
				return true;
			}
		}
	}
	return false;
}

/*
 * Backwards from the tokens: u32s 0, a, b, ... that rise by what 256 names can take.  Up to 6.3 and
 * in between lies kallsyms_seqs_of_names, three bytes per symbol.
 */
static bool names_before_tokens(struct tables *t)
{
	size_t run = 0;

	for (size_t at = align_down(t->tokens, 4); at >= 4 && t->steps_left;) {
		at -= 4;
		t->steps_left--;
		uint32_t v = u32_at(t, at);
		bool goes_on = false;

		if (run) {
			uint32_t next = u32_at(t, at + 4);

			goes_on = next > v && next - v >= MARKER_STEP * 2 &&
				  next - v <= MARKER_STEP * (MAX_NAME + 2);
		}
		run = goes_on ? run + 1 : 1;
		if (v)
			continue;
		t->markers = at;
		/* Fewer than 512 symbols: no kernel; and every zero would be a candidate. */
		if (run >= 2 && names_before_markers(t, run))
			return true;
	}
	return false;
}

/* The rules from an offset to an address. */
enum coding {
	RELATIVE_PERCPU, /* up to 6.14: off >= 0 is the address, else base - 1 - off */
	RELATIVE,	 /* 6.15 to 6.19: base + (u32)off */
	PC_RELATIVE,	 /* from 7.0: &offsets[i] + off */
};

struct addresses {
	enum coding coding;
	size_t offsets;
	uint64_t base;
};

static uint64_t address_of(const struct tables *t, const struct addresses *a, size_t i)
{
	size_t at = a->offsets + 4 * i;
	uint32_t off = u32_at(t, at);

	switch (a->coding) {
	case RELATIVE_PERCPU:
		return off >> 31 ? a->base - 1 - (uint64_t)sign_extend(off, 32) : off;
	case RELATIVE:
		return a->base + off;
	default:
		return t->addr + at + (uint64_t)sign_extend(off, 32);
	}
}

/* The text of symbol entry's codes; buf has MAX_NAME + 1 bytes.  Longer ones are cut. */
static size_t expand(const struct tables *t, size_t codes, size_t nr, char *buf)
{
	size_t n = 0;

	for (size_t i = 0; i < nr; i++) {
		const uint8_t *s = t->data + t->tokens + t->token_off[t->data[codes + i]];

		/* tokens_around() has seen the NUL of each within MAX_TOKEN. */
		for (; *s && n < MAX_NAME; s++)
			buf[n++] = (char)*s;
	}
	buf[n] = '\0';
	return n;
}

/* Where some symbols are that help to tell right addresses from wrong ones; -1: not in the table. */
struct anchors {
	int64_t text, banner;
};

/*
 * Symbols are sorted by address, the kernel's text is within 2 GiB of its data, and linux_banner
 * points to the banner.
 */
static bool addresses_plausible(const struct tables *t, const struct addresses *a,
				const struct anchors *anchors)
{
	size_t need, falls = 0;

	if (mul_overflows((size_t)t->nr, (size_t)4, &need) || a->offsets > t->len ||
	    t->len - a->offsets < need)
		return false;

	uint64_t prev = 0;
	for (size_t i = 0; i < t->nr; i++) {
		uint64_t addr = address_of(t, a, i);

		falls += addr < prev;
		prev = addr;
	}
	if (falls > t->nr / 1000)
		return false;

	if (anchors->text < 0)
		return false;
	uint64_t text = address_of(t, a, (size_t)anchors->text);
	uint64_t gap = text < t->addr ? t->addr - text : text - t->addr;
	if (gap >> 31)
		return false;

	if (anchors->banner >= 0) {
		static const char start[] = "Linux version ";
		uint64_t off = address_of(t, a, (size_t)anchors->banner) - t->addr;

		if (off >= t->len || t->len - off < sizeof(start) ||
		    memcmp(t->data + off, start, sizeof(start) - 1) != 0)
			return false;
	}
	return true;
}

static bool find_addresses(const struct tables *t, const struct anchors *anchors,
			   struct addresses *ret)
{
	size_t bytes = (size_t)t->nr * 4;

	for (size_t align = 4; align <= 8; align += 4) {
		size_t after = align_up(t->token_index_end, align);
		size_t base_after = align_up(after + bytes, 8);
		/*
		 * PC-relative last: it has no base that must be right, so it would pass for a
		 * relative table in a kernel whose kallsyms lack linux_banner.
		 */
		struct addresses tries[] = {
			{ RELATIVE, after, 0 },
			{ RELATIVE_PERCPU, after, 0 },
			{ RELATIVE, 0, 0 },
			{ RELATIVE_PERCPU, 0, 0 },
			{ PC_RELATIVE, after, 0 },
		};

		for (size_t i = 0; i < ARRAY_SIZE(tries); i++) {
			struct addresses *a = &tries[i];
			size_t base = base_after;

			if (!a->offsets) { /* before the names: offsets, base, num_syms */
				size_t room = align_up(bytes, 8) + 8;

				if (room > t->num_syms)
					continue;
				a->offsets = t->num_syms - room;
				base = t->num_syms - 8;
			}
			if (a->coding != PC_RELATIVE) {
				if (base > t->len || t->len - base < 8)
					continue;
				a->base = get_le64(t->data + base);
			}
			if (addresses_plausible(t, a, anchors)) {
				*ret = *a;
				return true;
			}
		}
	}
	return false;
}

/* Expands all names into s; addresses come later. */
static struct err *decode_names(struct tables *t, struct symbols *s, struct anchors *anchors)
{
	_cleanup_free_ size_t *starts = malloc(t->nr * sizeof(*starts));
	size_t used = 0, room = 0, at = t->names, codes, nr_codes;
	char buf[MAX_NAME + 1];

	s->syms = calloc(t->nr, sizeof(*s->syms));
	if (!starts || !s->syms)
		return &err_nomem;
	s->nr = t->nr;
	*anchors = (struct anchors){ -1, -1 };

	for (uint32_t i = 0; i < t->nr; i++) {
		at += name_entry(t, at, t->names_end, &codes, &nr_codes);
		size_t len = expand(t, codes, nr_codes, buf);

		if (len + 1 > t->names_left)
			return err_new(ERR_LIMIT, "kallsyms: names of more than %d bytes",
				       MAX_NAMES);
		t->names_left -= len + 1;
		if (room - used < len + 1) {
			room = room ? room * 2 : 1 << 20;
			char *more = realloc(s->names, room);
			if (!more)
				return &err_nomem;
			s->names = more;
		}
		s->syms[i].type = len ? buf[0] : '?';
		const char *name = len ? buf + 1 : buf;
		starts[i] = used;
		used = (size_t)(stpcpy(s->names + used, name) - s->names) + 1;

		if (anchors->text < 0 && (!strcmp(name, "_text") || !strcmp(name, "_stext")))
			anchors->text = i;
		else if (!strcmp(name, "linux_banner"))
			anchors->banner = i;
	}
	for (uint32_t i = 0; i < t->nr; i++)
		s->syms[i].name = s->names + starts[i];
	return NULL;
}

static struct err *decode(struct tables *t, struct symbols **ret)
{
	struct symbols *s = calloc(1, sizeof(*s));
	struct anchors anchors;
	struct addresses a;
	struct err *e;

	if (!s)
		return &err_nomem;
	e = decode_names(t, s, &anchors);
	if (!e && !find_addresses(t, &anchors, &a))
		e = err_new(ERR_CORRUPT, "kallsyms: %u names, but no table of their addresses",
			    t->nr);
	for (size_t i = 0; !e && i < s->nr; i++)
		s->syms[i].addr = address_of(t, &a, i);
	if (!e)
		e = symbols_index(s);
	if (e) {
		symbols_destroy(s);
		return e;
	}
	*ret = s;
	return NULL;
}

struct err *symbols_decode(const uint8_t *data, size_t len, struct kva addr, struct symbols **ret)
{
	/* Digits always stand for themselves, so ten tokens in a row are known. */
	static const uint8_t digits[] = "0\0001\0002\0003\0004\0005\0006\0007\0008\0009";
	struct tables t = { .data = data, .len = len, .addr = addr.v, .steps_left = MAX_STEPS,
			    .names_left = MAX_NAMES };
	struct err *e = NULL;

	for (const uint8_t *p = data, *end = data + len;
	     (p = memmem(p, (size_t)(end - p), digits, sizeof(digits))); p++) {
		if (!tokens_around(&t, (size_t)(p - data)) || !names_before_tokens(&t))
			continue;
		err_free(e);
		e = decode(&t, ret);
		if (!e)
			return NULL;
	}
	return e ? e : err_new(ERR_MISSING, "no kallsyms tables in %zu bytes of read-only data", len);
}
