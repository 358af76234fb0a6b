/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "arch/arch.h"

struct err *arch_detect(const struct target *t, const struct arch **ret)
{
	/* A register that only this architecture has, by its name in gdb. */
	static const struct {
		const char *reg, *name;
		const struct arch *arch;
	} signs[] = {
		{ "rip", "x86_64", &arch_x86_64 },
		{ "eip", "32-bit x86", NULL },
		{ "cpsr", "arm64 or arm", NULL },
		{ "x30", "arm64", NULL },
		{ "sstatus", "RISC-V", NULL },
		{ "psw", "s390", NULL },
		{ "msr", "PowerPC", NULL },
	};
	const char *why = NULL;
	bool any = false;

	for (size_t v = 0; v < t->nr_vcpus; v++) {
		if (!t->vcpus[v].regs) {
			why = why ? why : t->vcpus[v].why;
			continue;
		}
		any = true;
		for (size_t i = 0; i < ARRAY_SIZE(signs); i++) {
			uint64_t value;
			struct err *e = target_reg(t, v, signs[i].reg, &value);

			if (e) {
				err_free(e);
				continue;
			}
			if (!signs[i].arch)
				return err_new(ERR_UNSUPPORTED, "the guest is %s; only x86_64 can "
					       "be read yet", signs[i].name);
			*ret = signs[i].arch;
			return NULL;
		}
	}
	if (!t->nr_vcpus)
		return err_new(ERR_UNSUPPORTED, "the target has no vCPUs");
	if (!any)
		return err_new(ERR_UNSUPPORTED, "no vCPU's registers could be read: %s",
			       why ? why : "cause unknown");
	return err_new(ERR_UNSUPPORTED, "the guest's registers are of no known architecture");
}
