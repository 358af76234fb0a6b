/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/render.h"

static struct err *render(struct render *rd, const struct map_row *m, uint32_t type,
			  const uint8_t *data, size_t len, bool text, struct value **ret)
{
	if (m->types && type)
		return value_render(m->types, type, data, len, &rd->r->env, &rd->pool, ret);
	return value_bytes(data, len, text, &rd->pool, ret);
}

struct err *render_key(struct render *rd, const struct map_row *m, const uint8_t *data,
		       struct value **ret)
{
	return render(rd, m, m->key_type, data, m->key_size, false, ret);
}

struct err *render_value(struct render *rd, const struct map_row *m, const uint8_t *data,
			 struct value **ret)
{
	return render(rd, m, m->value_type, data, m->value_size, false, ret);
}

struct err *render_single(struct render *rd, const struct map_row *m, struct value **ret)
{
	return render(rd, m, m->value_type, m->value, m->value_len, m->value_text, ret);
}
