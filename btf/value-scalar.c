/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Integers, floats, enums, bitfields. */
#include "config.h"

#include <bpf/btf.h>
#include <math.h>

#include "btf/value-impl.h"

static struct value *new_int(struct render *r, uint64_t raw, uint32_t bits, bool is_signed)
{
	struct value *v = render_new(r, is_signed ? VALUE_INT : VALUE_UINT);

	if (!v)
		return NULL;
	v->bits = bits;
	if (is_signed)
		v->i = sign_extend(raw, bits);
	else
		v->u = bits < 64 ? raw & ((1ull << bits) - 1) : raw;
	return v;
}

static struct value *new_bool(struct render *r, struct span s)
{
	struct value *v = render_new(r, VALUE_BOOL);

	for (size_t i = 0; v && i < s.len; i++)
		v->b |= s.p[i] != 0;
	return v;
}

static struct value *new_char(struct render *r, uint8_t c)
{
	struct value *v = render_new(r, VALUE_CHAR);

	if (v)
		v->c = c;
	return v;
}

struct value *render_int(struct render *r, const struct btf_type *t, struct span s)
{
	unsigned int encoding = btf_int_encoding(t), bits = btf_int_bits(t);

	if (s.len < t->size)
		return render_truncated(r, t->size, s, NULL);
	s.len = t->size;
	if (!bits)
		return render_unsupported(r, "integer of no bits");
	if (encoding & BTF_INT_BOOL)
		return new_bool(r, s);
	if (encoding & BTF_INT_CHAR && s.len == 1)
		return new_char(r, *s.p);
	if (s.len > 8 || btf_int_offset(t) + bits > 64)
		return render_bytes(r, s);
	return new_int(r, get_le(s.p, s.len) >> btf_int_offset(t), bits, encoding & BTF_INT_SIGNED);
}

struct value *render_float(struct render *r, const struct btf_type *t, struct span s)
{
	double f;
	float f32;

	if (t->size != 4 && t->size != 8)
		return render_unsupported(r, "floating point number of %u bytes", t->size);
	if (s.len < t->size)
		return render_truncated(r, t->size, s, NULL);
	s.len = t->size;

	if (t->size == 4) {
		memcpy(&f32, s.p, sizeof(f32));
		f = (double)f32;
	} else {
		memcpy(&f, s.p, sizeof(f));
	}
	/* JSON knows no infinity, nor what is not a number. */
	if (!isfinite(f))
		return render_bytes(r, s);

	struct value *v = render_new(r, VALUE_FLOAT);
	if (!v)
		return NULL;
	v->bits = t->size * 8;
	v->f = f;
	return v;
}

struct value *render_enum(struct render *r, uint32_t id, const struct btf_type *t, struct span s)
{
	if (s.len < t->size)
		return render_truncated(r, t->size, s, NULL);

	struct value *v = render_new(r, VALUE_ENUM);
	uint64_t raw = get_le(s.p, t->size);
	if (!v)
		return NULL;
	v->bits = t->size * 8;
	v->en.is_signed = btf_kflag(t);
	v->en.value = v->en.is_signed ? sign_extend(raw, v->bits) : (int64_t)raw;
	v->en.variant = types_enum_name(r->types, id, v->en.value);
	render_spend(r, btf_vlen(t) / 64);
	return v;
}

struct value *render_bitfield(struct render *r, const struct btf_type *base, struct span s,
			      uint64_t bit, uint32_t bits)
{
	if (bits > 64)
		return render_unsupported(r, "bitfield of %u bits", bits);

	const struct member m = {
		.present = true,
		.off = (uint32_t)(bit / 8),
		.size = (uint32_t)((bit % 8 + bits + 7) / 8),
		.bit_off = bit % 8,
		.bit_size = (uint8_t)bits,
	};
	bool is_signed = base && btf_is_int(base) && btf_int_encoding(base) & BTF_INT_SIGNED;

	is_signed |= base && btf_is_any_enum(base) && btf_kflag(base);
	return new_int(r, member_get(&m, s.p), bits, is_signed);
}
