/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/target.h"

#include <stdlib.h>

void target_destroy(struct target *t)
{
	if (!t)
		return;
	err_ignore(t->ops->release(t, false));
	t->ops->destroy(t);
}

void target_deinit(struct target *t)
{
	for (size_t i = 0; i < t->nr_vcpus; i++) {
		free(t->vcpus[i].regs);
		free(t->vcpus[i].why);
	}
	free(t->vcpus);
	free(t->ram);
	free(t->name);
	free(t->note);
	t->vcpus = NULL;
	t->nr_vcpus = 0;
	t->ram = NULL;
	t->nr_ram = 0;
	t->name = NULL;
	t->note = NULL;
}

struct err *target_reg(const struct target *t, size_t vcpu, const char *name, uint64_t *ret)
{
	if (vcpu >= t->nr_vcpus)
		return err_new(ERR_MISSING, "no vCPU %zu", vcpu);

	const struct vcpu *v = &t->vcpus[vcpu];
	if (!v->regs)
		return err_new(ERR_MISSING, "registers of vCPU %zu could not be read: %s", vcpu,
			       v->why ? v->why : "no cause given");
	for (size_t i = 0; i < v->nr_regs; i++) {
		if (!strcmp(v->regs[i].name, name)) {
			*ret = v->regs[i].value;
			return NULL;
		}
	}
	return err_new(ERR_MISSING, "vCPU %zu has no register %s", vcpu, name);
}

bool target_is_ram(const struct target *t, struct gpa addr, uint64_t len)
{
	uint64_t end;

	if (add_overflows(addr.v, len, &end))
		return false;
	if (!t->ram)
		return true;

	/* The last range that starts at or below addr. */
	size_t low = 0, high = t->nr_ram;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (t->ram[mid].start <= addr.v)
			low = mid + 1;
		else
			high = mid;
	}
	return low && addr.v < t->ram[low - 1].end && end <= t->ram[low - 1].end;
}
