/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include "btf-build.h"
#include "btf/layout.h"

struct sample {
	struct member x, y, gone, maybe, whole, alien, alien2, rare, unclear, by_typedef;
};

static const struct layout_member sample_members[] = {
	LAYOUT(struct sample, x, "point", "x"),
	LAYOUT(struct sample, y, "point", "y"),
	LAYOUT(struct sample, gone, "point", "z"),
	LAYOUT_OPT(struct sample, maybe, "point", "w"),
	LAYOUT(struct sample, whole, "shape", ""),
	LAYOUT(struct sample, alien, "alien", "a"),
	LAYOUT(struct sample, alien2, "alien", "b"),
	LAYOUT_OPT(struct sample, rare, "rare", "a"),
	LAYOUT(struct sample, unclear, "odd", ""),
	LAYOUT(struct sample, by_typedef, "count_t", "n"),
};

static void test_resolve(void)
{
	struct btf_build b;

	btf_build_init(&b, NULL);
	uint32_t u32 = btf_build_int(&b, "u32", 4, 0);
	btf_build_struct(&b, "point", 8);
	btf_build_member(&b, "x", u32, 0);
	btf_build_member(&b, "y", u32, 32);
	btf_build_union(&b, "shape", 12);
	btf_build_struct(&b, "odd", 1);
	btf_build_struct(&b, "odd", 2);
	uint32_t anon = btf_build_struct(&b, NULL, 4);
	btf_build_member(&b, "n", u32, 0);
	btf_build_typedef(&b, "count_t", anon);
	struct types *types = btf_build_types(&b);

	struct sample l;
	struct missing missing = { 0 };
	memset(&l, 0xaa, sizeof(l));
	ASSERT_OK(layout_resolve(types, sample_members, ARRAY_SIZE(sample_members), &l, &missing));
	CU_ASSERT(l.x.present && l.x.off == 0);
	CU_ASSERT(l.y.present && l.y.off == 4 && l.y.size == 4);
	CU_ASSERT(l.whole.present && l.whole.size == 12);
	CU_ASSERT(l.by_typedef.present && l.by_typedef.size == 4);
	static const struct member none;
	CU_ASSERT(!memcmp(&l.gone, &none, sizeof(none)));
	CU_ASSERT(!l.maybe.present && !l.alien.present && !l.alien2.present && !l.rare.present &&
		  !l.unclear.present);

	static const char *const names[] = { "point.z", "alien", "odd" };
	CU_ASSERT_EQUAL(missing.nr, 3);
	for (size_t i = 0; i < missing.nr && i < 3; i++)
		CU_ASSERT_STRING_EQUAL(missing.names[i], names[i]);

	/* Each once, however often it is looked for. */
	ASSERT_OK(layout_resolve(types, sample_members, ARRAY_SIZE(sample_members), &l, &missing));
	CU_ASSERT_EQUAL(missing.nr, 3);
	ASSERT_OK(layout_resolve(types, sample_members, ARRAY_SIZE(sample_members), &l, NULL));
	missing_deinit(&missing);
	CU_ASSERT_EQUAL(missing.nr, 0);
	types_destroy(types);
}

UNIT_MAIN("layout", { "members present and absent", test_resolve })
