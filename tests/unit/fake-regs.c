/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The registers of the fake stub: those of QEMU's x86-64 CPU, in its order, as bytes and as XML. */
#include "config.h"

#include "fake-stub.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned int bits;
} table[] = {
	{ "rax", 64 },	  { "rbx", 64 },    { "rcx", 64 },	 { "rdx", 64 },	   { "rsi", 64 },
	{ "rdi", 64 },	  { "rbp", 64 },    { "rsp", 64 },	 { "r8", 64 },	   { "r9", 64 },
	{ "r10", 64 },	  { "r11", 64 },    { "r12", 64 },	 { "r13", 64 },	   { "r14", 64 },
	{ "r15", 64 },	  { "rip", 64 },    { "eflags", 32 },	 { "cs", 32 },	   { "ss", 32 },
	{ "ds", 32 },	  { "es", 32 },	    { "fs", 32 },	 { "gs", 32 },	   { "fs_base", 64 },
	{ "gs_base", 64 }, { "k_gs_base", 64 }, { "cr0", 64 },	 { "cr2", 64 },	   { "cr3", 64 },
	{ "cr4", 64 },	  { "cr8", 64 },    { "efer", 64 },	 { "st0", 80 },	   { "st1", 80 },
	{ "st2", 80 },	  { "st3", 80 },    { "st4", 80 },	 { "st5", 80 },	   { "st6", 80 },
	{ "st7", 80 },	  { "fctrl", 32 },  { "fstat", 32 },	 { "ftag", 32 },   { "fiseg", 32 },
	{ "fioff", 32 },  { "foseg", 32 },  { "fooff", 32 },	 { "fop", 32 },	   { "xmm0", 128 },
	{ "xmm1", 128 },  { "xmm2", 128 },  { "xmm3", 128 },	 { "xmm4", 128 },  { "xmm5", 128 },
	{ "xmm6", 128 },  { "xmm7", 128 },  { "xmm8", 128 },	 { "xmm9", 128 },  { "xmm10", 128 },
	{ "xmm11", 128 }, { "xmm12", 128 }, { "xmm13", 128 },	 { "xmm14", 128 }, { "xmm15", 128 },
	{ "mxcsr", 32 },
};

bool fake_set_reg(uint8_t g[FAKE_REGS], const char *name, uint64_t value)
{
	size_t at = 0;

	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		size_t len = table[i].bits / 8;

		if (!strcmp(table[i].name, name) && len <= 8) {
			for (size_t k = 0; k < len; k++)
				g[at + k] = (uint8_t)(value >> (8 * k));
			return true;
		}
		at += len;
	}
	return false;
}

static const char *core_xml(void)
{
	static char text[16384];
	size_t n = 0;

	if (*text)
		return text;
	n += (size_t)snprintf(text, sizeof(text),
			      "<?xml version=\"1.0\"?>\n"
			      "<!-- a comment before everything -->\n"
			      "<!DOCTYPE target SYSTEM \"gdb-target.dtd\">\n"
			      "<feature name=\"org.gnu.gdb.i386.core\">\n"
			      "  <flags id=\"x64_eflags\" size=\"4\">\n"
			      "    <field name=\"\" start=\"22\" end=\"31\"/>\n"
			      "  </flags>\n");
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		if (!strcmp(table[i].name, "fs_base"))
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      "  <!--reg name=\"cs_base\" bitsize=\"64\"/>\n"
					      "  <reg name=\"ss_base\" bitsize=\"64\"/>\n"
					      "  <reg name=\"es_base\" bitsize=\"64\"/-->\n");
		n += (size_t)snprintf(text + n, sizeof(text) - n,
				      "  <reg name=\"%s\" bitsize=\"%u\" type=\"int\"%s/>\n",
				      table[i].name, table[i].bits, i ? "" : " regnum=\"0\"");
	}
	snprintf(text + n, sizeof(text) - n, "</feature>\n");
	return text;
}

const char *fake_xml(const char *annex)
{
	if (!strcmp(annex, "target.xml"))
		return "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target>"
		       "<architecture>i386:x86-64</architecture>"
		       "<xi:include href=\"i386-64bit.xml\"/></target>";
	if (!strcmp(annex, "i386-64bit.xml"))
		return core_xml();
	return NULL;
}
