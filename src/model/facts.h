/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is told of an object in a few named words or numbers, different ones for each type of it. */
#ifndef FDGDB_MODEL_FACTS_H
#define FDGDB_MODEL_FACTS_H

#include "base/err.h"
#include "base/pool.h"

/* In order; a zeroed one is empty. */
struct facts {
	struct fact *first, *last;
};

struct fact {
	struct fact *next;
	const char *key;  /* as in the JSON; never a guest's */
	const char *text; /* guest bytes; NULL: a number, or rows */
	uint64_t num;
	bool hex;  /* an address or a set of flags: text shows it so */
	bool flag; /* true: the number says nothing */
	bool json_only; /* text has it elsewhere */
	/* Several things of a kind, each told in facts of its own. */
	bool list;
	const struct facts *rows;
	size_t nr_rows;
};

static inline struct err *facts_add(struct facts *facts, struct pool *pool, struct fact fact)
{
	struct fact *f = (struct fact *)pool_memdup(pool, &fact, sizeof(fact));

	if (!f)
		return &err_nomem;
	f->next = NULL;
	if (facts->last)
		facts->last->next = f;
	else
		facts->first = f;
	facts->last = f;
	return NULL;
}

static inline struct err *facts_num(struct facts *facts, struct pool *pool, const char *key, uint64_t num)
{
	return facts_add(facts, pool, (struct fact){ .key = key, .num = num });
}

static inline struct err *facts_hex(struct facts *facts, struct pool *pool, const char *key, uint64_t num)
{
	return facts_add(facts, pool, (struct fact){ .key = key, .num = num, .hex = true });
}

static inline struct err *facts_flag(struct facts *facts, struct pool *pool, const char *key)
{
	return facts_add(facts, pool, (struct fact){ .key = key, .flag = true });
}

/* Rows that live as long as the pool. */
static inline struct err *facts_rows(struct facts *facts, struct pool *pool, const char *key,
				     const struct facts *rows, size_t nr)
{
	return facts_add(facts, pool, (struct fact){ .key = key, .list = true, .rows = rows, .nr_rows = nr });
}

/* Copies the text; nothing for NULL. */
static inline struct err *facts_text(struct facts *facts, struct pool *pool, const char *key,
				     const char *text)
{
	if (!text)
		return NULL;
	char *copy = pool_strndup(pool, text, strlen(text));
	if (!copy)
		return &err_nomem;
	return facts_add(facts, pool, (struct fact){ .key = key, .text = copy });
}

#endif
