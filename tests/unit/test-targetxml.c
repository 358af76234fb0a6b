/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "gdbstub/targetxml.h"

#include <stdio.h>
#include <stdlib.h>

#include "fake-stub.h"
#include "unit.h"

/* Parts by name, NULL-ended. */
struct part {
	const char *name, *text;
};

static struct err *fetch(void *ctx, const char *annex, char **ret, size_t *ret_len)
{
	for (const struct part *p = ctx; p->name; p++) {
		if (!strcmp(p->name, annex)) {
			*ret = strdup(p->text);
			*ret_len = strlen(p->text);
			return *ret ? NULL : &err_nomem;
		}
	}
	return err_new(ERR_PROTOCOL, "no part %s", annex);
}

static struct err *fetch_fake(void *ctx, const char *annex, char **ret, size_t *ret_len)
{
	const struct part parts[] = { { annex, fake_xml(annex) }, { NULL, NULL } };

	(void)ctx;
	return fetch((void *)(uintptr_t)(fake_xml(annex) ? parts : parts + 1), annex, ret, ret_len);
}

static const struct xml_reg *find(const struct xml_layout *l, const char *name)
{
	for (size_t i = 0; i < l->nr; i++) {
		if (!strcmp(l->regs[i].name, name))
			return &l->regs[i];
	}
	return NULL;
}

static void test_qemu(void)
{
	static const struct {
		const char *name;
		unsigned int offset, bits;
	} want[] = { { "rax", 0, 64 },	     { "rip", 128, 64 },     { "eflags", 136, 32 },
		     { "cs", 140, 32 },	     { "fs_base", 164, 64 }, { "gs_base", 172, 64 },
		     { "k_gs_base", 180, 64 }, { "cr0", 188, 64 },   { "cr3", 204, 64 },
		     { "cr4", 212, 64 },     { "efer", 228, 64 },    { "st0", 236, 80 },
		     { "xmm15", 588, 128 },  { "mxcsr", 604, 32 } };
	struct xml_layout l;

	ASSERT_OK(xml_layout_parse(fetch_fake, NULL, &l));
	CU_ASSERT_EQUAL(l.size, FAKE_REGS);
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		const struct xml_reg *r = find(&l, want[i].name);

		CU_ASSERT_PTR_NOT_NULL(r);
		CU_ASSERT(r && r->offset == want[i].offset && r->bits == want[i].bits);
	}
	/* Those in the comment are none. */
	CU_ASSERT_PTR_NULL(find(&l, "ss_base"));
	CU_ASSERT_PTR_NULL(find(&l, "cs_base"));
	xml_layout_deinit(&l);
}

static void test_numbers(void)
{
	const struct part parts[] = {
		{ "target.xml", "<target><include href='b'/><feature><reg name='x' bitsize='32'/>"
				"</feature></target>" },
		{ "b", "<feature><reg name='far' bitsize='64' regnum='40'/>"
		       "<reg name='near' bitsize='16' regnum='7'/>"
		       "<reg name='a-name-that-is-much-too-long-to-be-kept' bitsize='8'/></feature>" },
		{ NULL, NULL },
	};
	struct xml_layout l;

	ASSERT_OK(xml_layout_parse(fetch, (void *)(uintptr_t)parts, &l));
	CU_ASSERT_EQUAL(l.nr, 4);
	CU_ASSERT_EQUAL(find(&l, "near")->offset, 0);
	CU_ASSERT(l.regs[1].offset == 2 && !*l.regs[1].name && l.regs[1].number == 8);
	CU_ASSERT_EQUAL(find(&l, "x")->number, 9);
	CU_ASSERT_EQUAL(find(&l, "x")->offset, 3);
	CU_ASSERT_EQUAL(find(&l, "far")->offset, 7);
	CU_ASSERT_EQUAL(l.size, 15);
	xml_layout_deinit(&l);
}

static void bad(const char *text, enum err_code code, const char *part)
{
	const struct part parts[] = { { "target.xml", text }, { NULL, NULL } };
	struct xml_layout l = { .nr = 77 };

	ASSERT_ERR(xml_layout_parse(fetch, (void *)(uintptr_t)parts, &l), code, part);
	CU_ASSERT_EQUAL(l.nr, 77);
}

static void test_bad(void)
{
	bad("", ERR_PROTOCOL, "well-formed");
	bad("rubbish", ERR_PROTOCOL, "well-formed");
	bad("<target>", ERR_PROTOCOL, "well-formed");
	bad("<target/>", ERR_PROTOCOL, "no registers");
	bad("<html/>", ERR_PROTOCOL, "neither");
	bad("<target><feature><reg name='a'/></feature></target>", ERR_PROTOCOL, "size");
	bad("<feature><reg name='a' bitsize='7'/></feature>", ERR_PROTOCOL, "size");
	bad("<feature><reg name='a' bitsize='0'/></feature>", ERR_PROTOCOL, "size");
	bad("<feature><reg name='a' bitsize='-8'/></feature>", ERR_PROTOCOL, "size");
	bad("<feature><reg name='a' bitsize='99999999999999999999'/></feature>", ERR_PROTOCOL, "size");
	bad("<feature><reg bitsize='8' regnum='-1'/></feature>", ERR_PROTOCOL, "number");
	bad("<feature><reg bitsize='8' regnum='4294967295'/></feature>", ERR_PROTOCOL, "number");
	bad("<feature><reg bitsize='8' regnum='3'/><reg bitsize='8' regnum='3'/></feature>",
	    ERR_PROTOCOL, "number 3");
	bad("<target><xi:include/></target>", ERR_PROTOCOL, "include");
	bad("<target><xi:include href='gone'/></target>", ERR_PROTOCOL, "no part gone");
	bad("<target><xi:include href='target.xml'/></target>", ERR_LIMIT, "includes too much");
	bad("<target><xi:include href='target.xml'/><xi:include href='target.xml'/></target>",
	    ERR_LIMIT, "includes too much");
	bad("<!DOCTYPE target [<!ENTITY a 'aaaa'><!ENTITY b '&a;&a;'>]><target>&b;</target>",
	    ERR_PROTOCOL, "entities");
}

/* Registers by the thousand. */
static void test_many(void)
{
	enum { NR = 8193 };
	char *text = malloc(64 + NR * 24), *p = text;
	struct xml_layout l;

	p += sprintf(p, "<feature>");
	for (int i = 0; i < NR; i++)
		p += sprintf(p, "<reg bitsize='8'/>");
	strcpy(p, "</feature>");
	bad(text, ERR_LIMIT, "more than 8192");

	/* One less is fine. */
	strcpy(p - strlen("<reg bitsize='8'/>"), "</feature>");
	const struct part parts[] = { { "target.xml", text }, { NULL, NULL } };
	ASSERT_OK(xml_layout_parse(fetch, (void *)(uintptr_t)parts, &l));
	CU_ASSERT_EQUAL(l.size, NR - 1);
	xml_layout_deinit(&l);
	free(text);
}

UNIT_MAIN("targetxml", { "QEMU's description", test_qemu }, { "numbers give the order", test_numbers },
	  { "unsound descriptions", test_bad }, { "very many registers", test_many })
