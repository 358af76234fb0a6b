/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libdw can look an argument's location up, but evaluates it only within a process or core of its own
 * kind.  Of the expressions only what compilers write for arguments is understood; all else is "unknown",
 * which for a kernel unwound by ORC is what most callee-saved registers are anyway.
 */
#include "config.h"

#include "dwarf/dwarf-args.h"

#include <dwarf.h>

#include "base/cleanup.h"
#include "dwarf/dwarf-private.h"

enum { STACK_MAX = 16, BASE_DEPTH_MAX = 1 };

struct eval {
	const struct dwarf_frame *frame;
	Dwarf_Die *func;
	uint64_t addr;
	uint64_t stack[STACK_MAX];
	size_t nr;
	bool in_register, is_value; /* what the result is, if no address in memory */
};

static bool push(struct eval *ev, uint64_t v)
{
	if (ev->nr == STACK_MAX)
		return false;
	ev->stack[ev->nr++] = v;
	return true;
}

static bool push_reg(struct eval *ev, unsigned int nr, uint64_t add)
{
	uint64_t v;

	return ev->frame->reg && ev->frame->reg(ev->frame->ctx, nr, &v) && push(ev, v + add);
}

static bool run(struct eval *ev, const Dwarf_Op *ops, size_t nr, unsigned int depth);

static bool push_frame_base(struct eval *ev, uint64_t add, unsigned int depth)
{
	struct eval base = { .frame = ev->frame, .func = ev->func, .addr = ev->addr };
	Dwarf_Attribute attr;
	Dwarf_Op *ops;
	size_t nr;

	if (depth >= BASE_DEPTH_MAX || !dwarf_attr_integrate(ev->func, DW_AT_frame_base, &attr) ||
	    dwarf_getlocation_addr(&attr, ev->addr, &ops, &nr, 1) != 1 || !run(&base, ops, nr, depth + 1))
		return false;
	return push(ev, base.stack[base.nr - 1] + add);
}

static bool deref(struct eval *ev, size_t size)
{
	uint64_t v = 0;

	if (!ev->nr || !size || size > sizeof(v) || !ev->frame->read ||
	    !ev->frame->read(ev->frame->ctx, ev->stack[ev->nr - 1], &v, size))
		return false;
	ev->stack[ev->nr - 1] = v;
	return true;
}

static bool binary(struct eval *ev, uint8_t op)
{
	if (ev->nr < 2)
		return false;
	uint64_t b = ev->stack[--ev->nr], *a = &ev->stack[ev->nr - 1];
	switch (op) {
	case DW_OP_plus:
		*a += b;
		return true;
	case DW_OP_minus:
		*a -= b;
		return true;
	case DW_OP_and:
		*a &= b;
		return true;
	case DW_OP_or:
		*a |= b;
		return true;
	case DW_OP_xor:
		*a ^= b;
		return true;
	case DW_OP_mul:
		*a *= b;
		return true;
	case DW_OP_shl:
		*a = b < 64 ? *a << b : 0;
		return true;
	case DW_OP_shr:
		*a = b < 64 ? *a >> b : 0;
		return true;
	}
	return false;
}

/* Operands of constants come sign-extended where the operation says so: libdw has done that. */
static bool step(struct eval *ev, const Dwarf_Op *op, unsigned int depth)
{
	uint8_t atom = op->atom;

	if (atom >= DW_OP_lit0 && atom <= DW_OP_lit31)
		return push(ev, atom - DW_OP_lit0);
	if (atom >= DW_OP_breg0 && atom <= DW_OP_breg31)
		return push_reg(ev, atom - DW_OP_breg0, op->number);
	if (atom >= DW_OP_reg0 && atom <= DW_OP_reg31) {
		ev->in_register = true;
		return push_reg(ev, atom - DW_OP_reg0, 0);
	}
	switch (atom) {
	case DW_OP_const1u ... DW_OP_consts:
		return push(ev, op->number);
	case DW_OP_addr:
		return push(ev, op->number + ev->frame->slide);
	case DW_OP_fbreg:
		return push_frame_base(ev, op->number, depth);
	case DW_OP_call_frame_cfa: {
		uint64_t cfa;

		return ev->frame->cfa && ev->frame->cfa(ev->frame->ctx, &cfa) && push(ev, cfa);
	}
	case DW_OP_plus_uconst:
		if (!ev->nr)
			return false;
		ev->stack[ev->nr - 1] += op->number;
		return true;
	case DW_OP_dup:
		return ev->nr && push(ev, ev->stack[ev->nr - 1]);
	case DW_OP_neg:
		if (!ev->nr)
			return false;
		ev->stack[ev->nr - 1] = -ev->stack[ev->nr - 1];
		return true;
	case DW_OP_deref:
		return deref(ev, sizeof(uint64_t));
	case DW_OP_deref_size:
		return deref(ev, op->number);
	case DW_OP_stack_value:
		ev->is_value = true;
		return ev->nr > 0;
	}
	return binary(ev, atom);
}

static bool run(struct eval *ev, const Dwarf_Op *ops, size_t nr, unsigned int depth)
{
	for (size_t i = 0; i < nr; i++) {
		/* Both end an expression, but for pieces, which no scalar needs. */
		if (ev->in_register || ev->is_value || !step(ev, &ops[i], depth))
			return false;
	}
	return ev->nr > 0;
}

/* Size and kind of a scalar; false for others. */
static bool scalar(Dwarf_Die *die, struct dwarf_arg *arg, size_t *size)
{
	Dwarf_Attribute attr;
	Dwarf_Die type;
	Dwarf_Word encoding, bytes;

	if (!dwarf_formref_die(dwarf_attr_integrate(die, DW_AT_type, &attr), &type) ||
	    dwarf_peel_type(&type, &type))
		return false;
	switch (dwarf_tag(&type)) {
	case DW_TAG_pointer_type:
		arg->is_pointer = true;
		*size = sizeof(uint64_t);
		return true;
	case DW_TAG_enumeration_type:
	case DW_TAG_base_type:
		break;
	default:
		return false;
	}
	if (dwarf_formudata(dwarf_attr_integrate(&type, DW_AT_byte_size, &attr), &bytes) ||
	    !bytes || bytes > sizeof(uint64_t))
		return false;
	*size = bytes;
	if (dwarf_formudata(dwarf_attr_integrate(&type, DW_AT_encoding, &attr), &encoding))
		return true; /* an enum of a compiler that does not say */
	arg->is_signed = encoding == DW_ATE_signed || encoding == DW_ATE_signed_char;
	return encoding != DW_ATE_float;
}

static uint64_t narrow(uint64_t v, size_t size, bool is_signed)
{
	unsigned int unused = 64 - 8 * (unsigned int)size;

	v <<= unused;
	return is_signed ? (uint64_t)((int64_t)v >> unused) : v >> unused;
}

static void evaluate(const struct dwarf_frame *frame, Dwarf_Die *func, Dwarf_Die *die, uint64_t addr,
		     struct dwarf_arg *arg)
{
	struct eval ev = { .frame = frame, .func = func, .addr = addr };
	Dwarf_Attribute attr;
	Dwarf_Word constant;
	Dwarf_Op *ops;
	size_t size, nr;

	if (!scalar(die, arg, &size))
		return;
	if (!dwarf_formudata(dwarf_attr_integrate(die, DW_AT_const_value, &attr), &constant)) {
		arg->value = narrow(constant, size, arg->is_signed);
		arg->known = true;
		return;
	}
	if (!dwarf_attr_integrate(die, DW_AT_location, &attr) ||
	    dwarf_getlocation_addr(&attr, addr, &ops, &nr, 1) != 1 || !run(&ev, ops, nr, 0))
		return;
	if (!ev.in_register && !ev.is_value && !deref(&ev, size))
		return;
	arg->value = narrow(ev.stack[ev.nr - 1], size, arg->is_signed);
	arg->known = true;
}

static bool real_function(Dwarf_Die *cu, uint64_t addr, Dwarf_Die *ret)
{
	_cleanup_free_ Dwarf_Die *inner = NULL, *scopes = NULL;
	int nr = dwarf_getscopes(cu, addr, &inner) > 0 ? dwarf_getscopes_die(&inner[0], &scopes) : 0;

	for (int i = 0; i < nr; i++) {
		if (dwarf_tag(&scopes[i]) != DW_TAG_subprogram)
			continue;
		*ret = scopes[i];
		return true;
	}
	return false;
}

struct err *dwarf_args_at(struct dwarf_file *f, uint64_t addr, const struct dwarf_frame *frame,
			  struct pool *pool, struct dwarf_arg **ret, size_t *nr)
{
	enum { ARGS_MAX = 32 };
	Dwarf_Die cu, func, die;

	*nr = 0;
	*ret = NULL;
	if (!dwarf_unit_at(f, addr, &cu) || !real_function(&cu, addr, &func) || dwarf_child(&func, &die))
		return NULL;

	struct dwarf_arg *args = pool_calloc(pool, ARGS_MAX, sizeof(*args));
	if (!args)
		return &err_nomem;
	do {
		const char *name;

		if (dwarf_tag(&die) != DW_TAG_formal_parameter)
			continue;
		name = dwarf_diename(&die);
		args[*nr].name = pool_strndup(pool, name ? name : "?", name ? strlen(name) : 1);
		if (!args[*nr].name)
			return &err_nomem;
		evaluate(frame, &func, &die, addr, &args[*nr]);
		(*nr)++;
	} while (*nr < ARGS_MAX && !dwarf_siblingof(&die, &die));
	*ret = args;
	return NULL;
}
