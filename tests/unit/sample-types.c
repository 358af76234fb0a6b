/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Stands in for btf/: types are numbers, and their values are put together by hand. */
#include "config.h"

#include "sample.h"

#include "values.h"

struct types {
	int unused;
};

static struct types the_types;

struct types *sample_types(void)
{
	return &the_types;
}

void types_destroy(struct types *types)
{
	(void)types;
}

static struct value *everything(void)
{
	struct value *inner = v_struct("inner", "x", v_int(32, 1), "hidden", v_uint(32, 0), NULL);
	struct value *flexible = v_unsupported("flexible array, length unknown");
	struct value *cut = v_array(v_uint(32, 7), v_uint(32, 8), NULL);

	cut->arr.len = 9000;
	return v_struct(
		"everything", "neg", v_int(32, -7), "big", v_uint(64, UINT64_MAX), "yes", v_bool(true),
		"no", v_bool(false), "letter", v_char('A'), "bell", v_char(7), "ratio",
		v_float(64, 2.5), "single", v_float(32, (double)0.1f), "kind",
		v_enum(32, 1026, "SCX_EXIT_ERROR_STALL", false), "unnamed", v_enum(8, -3, NULL, true),
		"high", v_enum(64, INT64_MIN, NULL, false), "inner", inner, "comm",
		v_chars("evil\x1b[2J\0\0\0\0\0\0\0", 16), "name", v_chars("say \"hi\"\\\0\0\0\0\0\0", 16),
		"cpus", v_cpus("0-3,6"), "no_cpus", v_cpus(""), "null", v_ptr(0, NULL, NULL, NULL),
		"kptr", v_ptr(0xffff888003c60000, NULL, NULL, NULL), "aptr",
		v_ptr(0x100000001000, v_struct("task_ctx", "nr", v_uint(64, 3), NULL), NULL,
		      "cast\xe2\x86\x92" "arena"),
		"loop",
		v_ptr(0x100000001000, NULL, "cycle \xe2\x86\x92 0x100000001000", NULL), "lost",
		v_ptr(0x100000002000, NULL, "page not mapped", NULL), "list", cut, "zeros",
		v_array(v_int(32, 0), v_int(32, 0), NULL), "sparse",
		v_array(v_int(16, 0), v_int(16, 5), v_int(16, 6), v_int(16, 0), v_int(16, -1), NULL),
		"wide", v_bytes("\0\1\xfe", 3, false), "tail", flexible, "half",
		v_truncated(16, 4, v_bytes("\1\0\0\0", 4, false)), "", v_uint(32, 42),
		"evil\x1b\xff", v_uint(32, 1), NULL);
}

static struct value *bss(void)
{
	struct value *cells = v_array(
		v_struct("cell", "id", v_uint(32, 1), "load", v_uint(32, 10), "w", v_uint(32, 5), NULL),
		v_struct("cell", "id", v_uint(32, 2), "load", v_uint(32, 10), "w", v_uint(32, 5), NULL),
		v_struct("cell", "id", v_uint(32, 3), "load", v_uint(32, 11), "w", v_uint(32, 5), NULL),
		v_struct("cell", "id", v_uint(32, 0), "load", v_uint(32, 0), "w", v_uint(32, 0), NULL),
		NULL);

	return v_struct(".bss", "nr_enqueued", v_uint(64, 12), "nr_dispatched", v_uint(64, 3), "exit",
			v_enum(32, 0, "SCX_EXIT_NONE", false), "starved_pid", v_int(32, 321), "x",
			v_uint(32, 1), "y", v_uint(32, 2), "last_comm", v_chars("victim\0\0", 8), "cells",
			cells, NULL);
}

struct err *value_render(const struct types *types, uint32_t type_id, const void *data, size_t len,
			 const struct value_env *env, struct pool *pool, struct value **ret)
{
	const uint8_t *b = data;

	(void)types;
	(void)env;
	(void)pool;
	switch ((enum sample_type)type_id) {
	case SAMPLE_NONE:
		break;
	case SAMPLE_U32:
		*ret = v_uint(32, get_le32(b));
		return NULL;
	case SAMPLE_U64:
		*ret = v_uint(64, get_le64(b));
		return NULL;
	case SAMPLE_KEY:
		*ret = v_struct("cell_key", "node", v_uint(32, get_le32(b)), "slot",
				v_uint(32, get_le(b + 4, 4)), NULL);
		return NULL;
	case SAMPLE_STAT:
		*ret = v_struct("cell_stat", "hits", v_uint(64, get_le64(b)), "miss",
				v_int(64, (int64_t)get_le64(b + 8)), NULL);
		return NULL;
	case SAMPLE_TASK_CTX:
		*ret = v_struct("task_ctx", "nr", v_uint(64, get_le64(b)), "stat",
				v_struct("cell_stat", "hits", v_uint(64, get_le64(b + 8)), "miss",
					 v_int(64, (int64_t)get_le64(b + 16)), NULL),
				NULL);
		return NULL;
	case SAMPLE_CPU_CTX:
		*ret = v_struct("cpu_ctx", "nr_run", v_uint(64, get_le64(b)), "slice",
				v_uint(64, get_le64(b + 8)), "idle",
				v_bool(get_le64(b + 16) != 0), NULL);
		return NULL;
	case SAMPLE_EVERYTHING:
		*ret = everything();
		return NULL;
	case SAMPLE_BSS:
		*ret = bss();
		return NULL;
	}
	(void)len;
	return err_new(ERR_CORRUPT, "no sample type %u", type_id);
}

struct err *value_bytes(const void *data, size_t len, bool text, struct pool *pool, struct value **ret)
{
	(void)pool;
	*ret = v_bytes(data, len, text);
	return NULL;
}
