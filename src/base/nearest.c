/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "base/nearest.h"

#include <ctype.h>
#include <stdlib.h>

enum { WORD_MAX = 63 }; /* longer names are compared up to here */

static bool same(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Insertions, deletions and substitutions from a to b; case does not count. */
static unsigned int distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned int row[WORD_MAX + 1];

	for (unsigned int j = 0; j <= nb; j++)
		row[j] = j;
	for (size_t i = 1; i <= na; i++) {
		unsigned int diagonal = row[0];

		row[0] = (unsigned int)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned int up = row[j], best = diagonal + !same(a[i - 1], b[j - 1]);

			diagonal = up;
			best = MIN(best, up + 1);
			row[j] = MIN(best, row[j - 1] + 1);
		}
	}
	return row[nb];
}

static bool contains(const char *name, const char *word)
{
	size_t len = strlen(word);

	for (; *name; name++) {
		size_t i = 0;

		while (i < len && name[i] && same(name[i], word[i]))
			i++;
		if (i == len)
			return true;
	}
	return false;
}

void nearest_offer(struct nearest *n, const char *name)
{
	size_t len = strnlen(n->word, WORD_MAX), other = strnlen(name, WORD_MAX), at;
	unsigned int d;

	if (!len || !other)
		return;
	/* A part of a name is as good as one slip. */
	d = contains(name, n->word) ? 1 : distance(n->word, len, name, other);
	if (d > 1 && 5 * d > 2 * MAX(len, other))
		return;
	for (at = 0; at < n->nr; at++) {
		if (!strcmp(n->best[at].name, name))
			return;
	}
	for (at = 0; at < n->nr && n->best[at].distance <= d; at++)
		;
	if (at == NEAREST_MAX)
		return;
	n->nr = MIN(n->nr + 1, (size_t)NEAREST_MAX);
	memmove(&n->best[at + 1], &n->best[at], (n->nr - at - 1) * sizeof(n->best[0]));
	n->best[at] = (struct near_name){ name, d };
}

char *nearest_text(const struct nearest *n)
{
	size_t room = sizeof(" (near: )");

	for (size_t i = 0; i < n->nr; i++)
		room += strlen(n->best[i].name) + 2;
	char *text = calloc(1, room), *end = text;
	if (!text || !n->nr)
		return text;
	for (size_t i = 0; i < n->nr; i++) {
		end = stpcpy(end, i ? ", " : " (near: ");
		end = stpcpy(end, n->best[i].name);
	}
	stpcpy(end, ")");
	return text;
}
