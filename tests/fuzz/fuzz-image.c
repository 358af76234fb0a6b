/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * kernel_find() and the container walks on a guest whose memory and registers have been damaged.  The first
 * byte chooses the kernel, then each change takes 12 bytes: what to hit, where, with what.
 */
#include "config.h"

#include "fuzz.h"

#include <stdlib.h>

#include "kernel/containers.h"
#include "tests/unit/tiny-kernel.h"

const unsigned int fuzz_runs = 5000; /* a whole guest is built for each */

enum { CHANGE = 12, IMAGE_PA = 64 << 20 };
static const uint64_t text = 0xffffffff9a200000;

/* Tables lie one after the other from IMAGE_TABLES, the image from IMAGE_PA on. */
static void damage(struct guest_image *g, const uint8_t *c)
{
	static const char *const regs[] = { "cr0", "cr3", "cr4", "efer", "cs", "gs_base",
					    "k_gs_base", "rip" };
	uint32_t where = get_le32(c) >> 3;
	uint64_t value = get_le64(c + 4);

	switch (c[0] & 7) {
	case 0:
		fake_target_set_reg(g->ft, 0, regs[where % ARRAY_SIZE(regs)], value);
		break;
	case 1: /* an entry of a table */
		fake_target_put64(g->ft, IMAGE_TABLES +
				  where % (uint32_t)(g->nr_tables * PAGE_SIZE) / 8 * 8, value);
		break;
	case 2: /* that leads to another table */
		fake_target_put64(g->ft, IMAGE_TABLES +
				  where % (uint32_t)(g->nr_tables * PAGE_SIZE) / 8 * 8,
				  (IMAGE_TABLES + value % g->nr_tables * PAGE_SIZE) | 3);
		break;
	case 3: /* the variables and BTF, near the start of the read-only data */
		fake_target_put64(g->ft, IMAGE_PA + TINY_RODATA + where % 0x3000, value);
		break;
	case 4:
		fake_target_put8(g->ft, IMAGE_PA + TINY_RODATA + where % TINY_RODATA_LEN, c[4]);
		break;
	case 5:
		fake_target_put64(g->ft, IMAGE_PA + TINY_DATA + where % TINY_DATA_LEN, value);
		break;
	case 6:
		fake_target_refuse(g->ft, IMAGE_TABLES + where % (uint32_t)(g->nr_tables * PAGE_SIZE));
		break;
	default:
		fake_target_put8(g->ft, IMAGE_PA + TINY_RODATA + where % 0x8000, c[4]);
		break;
	}
}

static bool on_node(void *ctx, struct kva node)
{
	*(uint64_t *)ctx += node.v;
	return true;
}

static bool on_entry(void *ctx, uint64_t index, struct kva entry)
{
	*(uint64_t *)ctx += index + entry.v;
	return true;
}

/* Whatever lies there is taken for a container. */
static void use(struct kernel *k)
{
	struct kva data = { text + TINY_DATA };
	uint64_t sum = 0;
	uint32_t cpu;
	char buf[64];

	klist_walk(k, data, 100, on_node, &sum, NULL);
	khlist_walk(k, data, 100, on_node, &sum, NULL);
	kidr_walk(k, data, 100, on_entry, &sum, NULL);
	krhashtable_walk(k, data, 100, on_node, &sum, NULL);
	krbtree_walk(k, data, 100, on_node, &sum, NULL);
	err_ignore(kvcpu_cpu(k, 0, &cpu));
	err_ignore(kread_str(k, data, buf, sizeof(buf)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;

	struct guest_image *g = image_new(1, data[0] & 1 ? 5 : 4);
	struct kernel *k = NULL;
	struct mem *mem;

	tiny_kernel_put(g, text, &(struct tiny_options){
		.layout = (data[0] >> 1) % KS_LAYOUTS,
		.unprotected = data[0] >> 4 & 1,
		.no_btf_symbols = data[0] >> 5 & 1,
	});
	for (size_t i = 1; i + CHANGE <= size; i += CHANGE)
		damage(g, data + i);

	struct err *e = mem_create(&g->ft->t, &mem);
	if (e)
		abort();
	e = kernel_find(&g->ft->t, mem, &k);
	if (!e)
		use(k);
	if (g->ft->outside)
		abort(); /* nobody may ask for what is no RAM */
	err_free(e);
	kernel_destroy(k);
	mem_destroy(mem);
	image_free(g);
	return 0;
}

bool fuzz_seed(size_t i, uint8_t **data, size_t *len)
{
	if (i >= 64)
		return false;
	/* The kernels there are, each with changes of every kind at no place in particular. */
	*len = 1 + 8 * CHANGE;
	*data = calloc(1, *len);
	if (!*data)
		abort();
	**data = (uint8_t)i;
	for (size_t c = 0; c < 8; c++) {
		uint8_t *change = *data + 1 + c * CHANGE;

		change[0] = (uint8_t)c;
		change[2] = (uint8_t)(i * 37 + c * 11);
		change[4] = (uint8_t)(i + c);
	}
	return true;
}
