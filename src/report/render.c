/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/render.h"

static struct err *render(struct render *rd, const struct map_row *m, uint32_t type,
			  const uint8_t *data, size_t len, bool text, struct value **ret)
{
	if (m->types && type)
		return value_render(m->types, type, data, len, m->env ? m->env : &rd->r->env, &rd->pool, ret);
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

struct err *render_payload(struct render *rd, const struct map_row *m, const struct map_payload *p,
			   struct value **ret)
{
	return render(rd, m, p->type, p->data, p->len, false, ret);
}

struct err *render_slot(struct render *rd, const struct sdt_alloc_row *row, const struct sdt_slot *slot,
			struct value **ret)
{
	if (row->type)
		return value_render(row->types, row->type, slot->data, slot->len, row->env, &rd->pool, ret);
	return value_bytes(slot->data, slot->len, false, &rd->pool, ret);
}

struct err *render_object(struct render *rd, const struct arena_object *obj, struct value **ret)
{
	return value_render(obj->types, obj->type, obj->data, obj->len, &rd->r->flat_env, &rd->pool, ret);
}
