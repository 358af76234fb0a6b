/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "tiny-kernel.h"

static const uint64_t text = 0xffffffff9a200000;

struct env {
	struct guest_image *img;
	struct mem *mem;
	struct kernel *k;
};

static struct env env_new(size_t vcpus, unsigned int levels, const struct tiny_options *o)
{
	struct env v = { .img = image_new(vcpus, levels) };

	if (o)
		tiny_kernel_put(v.img, text, o);
	return v;
}

static struct err *find(struct env *v)
{
	mem_destroy(v->mem);
	v->mem = NULL;
	ASSERT_OK(mem_create(&v->img->ft->t, &v->mem));
	return kernel_find(&v->img->ft->t, v->mem, &v->k);
}

static void env_free(struct env *v)
{
	kernel_destroy(v->k);
	mem_destroy(v->mem);
	image_free(v->img);
}

static void check_kernel(const struct kernel *k, enum ks_layout layout)
{
	struct kva a;

	CU_ASSERT_EQUAL(k->text.v, text);
	CU_ASSERT_EQUAL(k->slide, text - 0xffffffff81000000);
	CU_ASSERT_EQUAL(k->phys_base, (64 << 20) - (text - 0xffffffff80000000));
	CU_ASSERT_EQUAL(k->rodata.v, text + TINY_RODATA);
	CU_ASSERT_EQUAL(k->rodata_len, TINY_RODATA_LEN);
	CU_ASSERT_STRING_EQUAL(k->release, "6.18.99-tiny");
	CU_ASSERT_STRING_EQUAL(k->banner, "Linux version 6.18.99-tiny (me@here) (cc) #1 SMP");
	CU_ASSERT_EQUAL(symbols_count(k->symbols), TINY_SYMBOLS);
	CU_ASSERT_EQUAL(k->hz, 250);
	CU_ASSERT_EQUAL(k->page_offset, 0xff11000000000000);
	CU_ASSERT_EQUAL(k->vmemmap, 0);
	CU_ASSERT_EQUAL_FATAL(k->nr_cpu_ids, TINY_CPUS);
	CU_ASSERT(k->possible[3] && !k->possible[2] && k->online[1] && !k->online[3]);

	ASSERT_OK(kpercpu_sym(k, "runqueues", 1, &a));
	uint64_t sym = layout > KS_6_4 ? text + TINY_DATA + 0x2000 : 0x2f40;
	CU_ASSERT_EQUAL(a.v, sym + tiny_percpu_off(layout, 1));
	ASSERT_ERR(kpercpu_sym(k, "runqueues", 2, &a), ERR_FAULT, "not possible");
	ASSERT_ERR(kpercpu_sym(k, "runqueues", 4, &a), ERR_FAULT, "not possible");
	ASSERT_ERR(kpercpu_sym(k, "no_such", 0, &a), ERR_MISSING, "no_such");
	ASSERT_ERR(ksym(k, "no_such", &a), ERR_MISSING, "no_such");
	CU_ASSERT_TRUE(khas_sym(k, "_text"));
}

static void test_layouts(void)
{
	for (enum ks_layout layout = 0; layout < KS_LAYOUTS; layout++) {
		struct env v = env_new(1, 4 + layout % 2, &(struct tiny_options){
			.layout = layout });

		ASSERT_OK(find(&v));
		check_kernel(v.k, layout);
		CU_ASSERT_EQUAL(v.k->build_id_len, 20);
		CU_ASSERT_EQUAL(v.k->build_id[19], 19);
		CU_ASSERT_FALSE(v.k->kpti);
		CU_ASSERT_EQUAL(v.img->ft->outside, 0);
		env_free(&v);
	}
}

/* All vCPUs in user mode: their tables show the image's text and rodata at most. */
static void test_kpti(void)
{
	for (int shows_image = 0; shows_image < 2; shows_image++) {
		struct env v = env_new(2, 4, NULL);

		/* The pair is 8 KiB, aligned: the kernel's half first. */
		uint64_t kernel = image_new_root(v.img), user = image_new_root(v.img);
		if (kernel & PAGE_SIZE) {
			kernel = user;
			user = image_new_root(v.img);
		}
		CU_ASSERT_EQUAL_FATAL(user, kernel + PAGE_SIZE);
		v.img->pt.root.v = user;
		if (shows_image)
			tiny_kernel_put(v.img, text, &(struct tiny_options){ .no_data = true,
					.layout = KS_6_15 });
		v.img->pt.root.v = kernel;
		tiny_kernel_put(v.img, text, &(struct tiny_options){ .layout = KS_6_15 });
		image_set_vcpu(v.img, 0, user | 0x801, true);
		image_set_vcpu(v.img, 1, user | 0x802, true);
		ASSERT_OK(find(&v));
		check_kernel(v.k, KS_6_15);
		CU_ASSERT_TRUE(v.k->kpti);
		CU_ASSERT_EQUAL(v.k->pt.root.v, kernel);
		env_free(&v);
	}
}

/* The other half of the pair is not in the dump. */
static void test_kpti_dump(void)
{
	struct env v = env_new(1, 4, NULL);
	uint64_t user = 0x2001000;

	image_set_vcpu(v.img, 0, user, true);
	fake_target_refuse(v.img->ft, 0x2000000);
	v.img->ft->t.note = strdup("dump made with -p");
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, "KPTI");
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, "dump made with -p");
	env_free(&v);
}

static void test_vcpus(void)
{
	struct env v = env_new(4, 4, &(struct tiny_options){ .layout = KS_6_15 });
	uint32_t cpu;

	/* One still waits for its start-up, one has another table, one cannot be read. */
	fake_target_set_reg(v.img->ft, 0, "cr0", 0x60000010);
	image_set_vcpu(v.img, 1, image_new_root(v.img), false);
	fake_target_no_regs(v.img->ft, 2, "no answer");
	ASSERT_OK(find(&v));
	CU_ASSERT_EQUAL(v.k->pt_vcpu, 3);
	check_kernel(v.k, KS_6_15);

	fake_target_set_reg(v.img->ft, 3, "gs_base", tiny_percpu_off(KS_6_15, 1));
	ASSERT_OK(kvcpu_cpu(v.k, 3, &cpu));
	CU_ASSERT_EQUAL(cpu, 1);
	/* In the kernel, before its swapgs. */
	fake_target_set_reg(v.img->ft, 3, "gs_base", 0x7f1234);
	fake_target_set_reg(v.img->ft, 3, "k_gs_base", tiny_percpu_off(KS_6_15, 3));
	ASSERT_OK(kvcpu_cpu(v.k, 3, &cpu));
	CU_ASSERT_EQUAL(cpu, 3);
	fake_target_set_reg(v.img->ft, 3, "k_gs_base", tiny_percpu_off(KS_6_15, 2));
	ASSERT_ERR(kvcpu_cpu(v.k, 3, &cpu), ERR_MISSING, "none of the kernel's CPUs");
	CU_ASSERT_EQUAL(cpu, 3);
	ASSERT_ERR(kvcpu_cpu(v.k, 2, &cpu), ERR_MISSING, NULL);
	env_free(&v);
}

static void test_early_boot(void)
{
	struct env v = env_new(1, 4, &(struct tiny_options){ .layout = KS_6_15,
			       .unprotected = true });

	ASSERT_OK(find(&v));
	check_kernel(v.k, KS_6_15);
	env_free(&v);

	v = env_new(1, 4, &(struct tiny_options){ .layout = KS_6_15, .unprotected = true,
		    .no_percpu = true });
	ASSERT_OK(find(&v));
	CU_ASSERT_EQUAL(v.k->nr_cpu_ids, 0);
	CU_ASSERT_PTR_NOT_NULL_FATAL(v.k->cpus_why);
	CU_ASSERT_PTR_NOT_NULL(strstr(v.k->cpus_why, "not set up"));
	struct kva a;
	ASSERT_ERR(kpercpu_sym(v.k, "runqueues", 0, &a), ERR_FAULT, NULL);
	env_free(&v);
}

/* Without __start_BTF the blob is found by its signature. */
static void test_no_btf_symbols(void)
{
	struct env v = env_new(1, 4, &(struct tiny_options){ .layout = KS_7_0,
			       .no_btf_symbols = true });

	ASSERT_OK(find(&v));
	check_kernel(v.k, KS_7_0);
	CU_ASSERT_EQUAL(v.k->build_id_len, 0);
	env_free(&v);
}

static void test_causes(void)
{
	struct env v = env_new(1, 4, &(struct tiny_options){ .layout = KS_7_0, .no_btf = true });
	ASSERT_ERR(find(&v), ERR_NOT_LINUX,
		   "kernel 6.18.99-tiny has no BTF (CONFIG_DEBUG_INFO_BTF)");
	env_free(&v);

	v = env_new(1, 4, &(struct tiny_options){ .layout = KS_7_0, .no_kallsyms = true });
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, "Linux 6.18.99-tiny, but without symbols");
	env_free(&v);

	v = env_new(1, 4, &(struct tiny_options){ .no_banner = true, .no_kallsyms = true });
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, "no linux_banner");
	env_free(&v);

	v = env_new(1, 4, &(struct tiny_options){ .no_data = true });
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, "only what user mode may see");
	env_free(&v);

	/* Long mode, nothing in the window: UEFI. */
	v = env_new(2, 4, NULL);
	image_map(v.img, 0, 0, 2 << 20, PG_WRITE | PG_EXEC);
	fake_target_set_reg(v.img->ft, 1, "cr0", 0x10);
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, "nothing where Linux would be");
	env_free(&v);

	v = env_new(2, 4, NULL);
	fake_target_set_reg(v.img->ft, 0, "cr0", 0x10);
	fake_target_set_reg(v.img->ft, 1, "cr0", 0x10);
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, "real mode");
	env_free(&v);

	v = env_new(1, 4, NULL);
	image_set_vcpu(v.img, 0, 0xfe000000, false);
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, "page table of vCPU 0 at 0xfe000000");
	env_free(&v);

	v = env_new(0, 4, NULL);
	ASSERT_ERR(find(&v), ERR_UNSUPPORTED, "no vCPUs");
	env_free(&v);
}

/* Each process has a page table of its own, and all show the same image: it is searched once. */
static void test_searched_once(void)
{
	uint64_t looked_at[2];

	for (size_t i = 0; i < 2; i++) {
		struct env v = env_new(i ? 8 : 1, 4, NULL);
		struct mem_stats stats;

		tiny_kernel_put(v.img, text, &(struct tiny_options){ .layout = KS_7_0, .no_kallsyms = true });
		uint64_t top = v.img->tables[0][511];
		for (size_t vcpu = 1; i && vcpu < 8; vcpu++) {
			uint64_t root = image_new_root(v.img);

			fake_target_put64(v.img->ft, root + 8 * 511, top);
			image_set_vcpu(v.img, vcpu, root, false);
		}
		ASSERT_ERR(find(&v), ERR_NOT_LINUX, "Linux 6.18.99-tiny, but without symbols");
		mem_get_stats(v.mem, &stats);
		looked_at[i] = stats.hits + stats.misses;
		env_free(&v);
	}
	CU_ASSERT(looked_at[1] < 2 * looked_at[0]);
}

/* A target that is lost is not a guest without Linux. */
static void test_lost(void)
{
	for (size_t n = 1; n < 40; n++) {
		struct env v = env_new(2, 4, &(struct tiny_options){ .layout = KS_7_0 });

		v.img->ft->lose_after = n;
		struct err *e = find(&v);
		if (e)
			CU_ASSERT_EQUAL(e->code, ERR_LOST);
		err_free(e);
		env_free(&v);
	}
}

/* Page tables that lead back to themselves. */
static void test_self_reference(void)
{
	struct env v = env_new(1, 4, NULL);

	for (unsigned int i = 0; i < 512; i++)
		fake_target_put64(v.img->ft, v.img->pt.root.v + 8 * i, v.img->pt.root.v | 3);
	ASSERT_ERR(find(&v), ERR_NOT_LINUX, NULL);
	env_free(&v);
}

UNIT_MAIN("kernel-find", { "every layout of kallsyms, both depths", test_layouts },
	  { "KPTI", test_kpti }, { "KPTI and half a dump", test_kpti_dump },
	  { "each vCPU is asked", test_vcpus }, { "early boot", test_early_boot },
	  { "BTF by its signature", test_no_btf_symbols }, { "causes", test_causes },
	  { "many page tables, one image", test_searched_once },
	  { "a lost target", test_lost }, { "self reference", test_self_reference })
