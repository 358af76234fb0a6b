/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "btf/layout.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/vec.h"

void missing_deinit(struct missing *missing)
{
	for (size_t i = 0; i < missing->nr; i++)
		free(missing->names[i]);
	free(missing->names);
	*missing = (struct missing){ 0 };
}

struct err *missing_add(struct missing *missing, const char *fmt, ...)
{
	char *name;
	va_list ap;

	va_start(ap, fmt);
	int n = vasprintf(&name, fmt, ap);
	va_end(ap);
	if (n < 0)
		return &err_nomem;

	for (size_t i = 0; i < missing->nr; i++) {
		if (!strcmp(missing->names[i], name)) {
			free(name);
			return NULL;
		}
	}

	char **names = vec_grow(missing->names, missing->nr, &missing->room, sizeof(*names));
	if (!names) {
		free(name);
		return &err_nomem;
	}
	missing->names = names;
	names[missing->nr++] = name;
	return NULL;
}

/* Anything but lack of memory means that this kernel has it not, or not in a way we can use. */
static struct err *or_absent(struct err *e, bool *absent)
{
	*absent = e;
	if (e && e->code == ERR_NOMEM)
		return e;
	err_ignore(e);
	return NULL;
}

static struct err *find_struct(const struct types *types, const char *name, uint32_t *ret,
			       bool *absent)
{
	static const unsigned int kinds[] = { BTF_KIND_STRUCT, BTF_KIND_UNION, BTF_KIND_TYPEDEF };

	*absent = true;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && *absent; i++)
		TRY(or_absent(types_find(types, kinds[i], name, ret), absent));
	return NULL;
}

struct err *layout_resolve(const struct types *types, const struct layout_member *members,
			   size_t nr, void *layout, struct missing *missing)
{
	const char *type = NULL; /* the one of the member before, most often the same */
	bool no_type = true;
	uint32_t id = 0;

	for (size_t i = 0; i < nr; i++) {
		const struct layout_member *lm = &members[i];
		struct member m = { 0 };
		bool absent = true;

		if (!type || strcmp(type, lm->type)) {
			TRY(find_struct(types, lm->type, &id, &no_type));
			type = lm->type;
		}
		if (!no_type)
			TRY(or_absent(types_member(types, id, lm->path, &m), &absent));
		if (absent)
			m = (struct member){ 0 };
		memcpy((char *)layout + lm->where, &m, sizeof(m));
		if (!absent || lm->optional || !missing)
			continue;
		if (no_type)
			TRY(missing_add(missing, "%s", lm->type));
		else
			TRY(missing_add(missing, "%s%s%s", lm->type, *lm->path ? "." : "", lm->path));
	}
	return NULL;
}
