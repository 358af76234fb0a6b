/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The input, cut at NUL bytes or '|', serves as target.xml and as whatever that includes. */
#include "config.h"

#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "gdbstub/targetxml.h"

static const char *const seeds[] = {
	"<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\"><target><architecture>"
	"i386:x86-64</architecture><xi:include href=\"i386-64bit.xml\"/></target>|"
	"<?xml version=\"1.0\"?><!-- c --><feature name=\"org.gnu.gdb.i386.core\">"
	"<flags id=\"x64_eflags\" size=\"4\"><field name=\"\" start=\"22\" end=\"31\"/></flags>"
	"<reg name=\"rax\" bitsize=\"64\" type=\"int64\" regnum=\"0\"/><!--reg name=\"x\"/-->"
	"<reg name=\"st0\" bitsize=\"80\"/><vector id=\"v4f\" type=\"f\" count=\"4\"/></feature>",
	"<target><feature><reg name='a' bitsize='8' regnum='7'/><reg bitsize='16'/></feature>"
	"<include href='b'/></target>|<feature><reg bitsize='8' regnum='1'/></feature>",
	"<target><xi:include href='target.xml'/></target>",
	"<!DOCTYPE t [<!ENTITY a \"x\">]><target>&a;</target>",
};

struct input {
	const uint8_t *data;
	size_t size, at;
};

static struct err *fetch(void *ctx, const char *annex, char **ret, size_t *ret_len)
{
	struct input *in = ctx;
	size_t n = 0;

	(void)annex;
	if (in->at >= in->size)
		in->at = 0; /* from the start: descriptions that include themselves */
	while (in->at + n < in->size && in->data[in->at + n] != '|' && in->data[in->at + n])
		n++;
	char *text = malloc(n + 1);
	if (!text)
		return &err_nomem;
	memcpy(text, in->data + in->at, n);
	text[n] = 0;
	in->at += n + 1;
	*ret = text;
	*ret_len = n;
	return NULL;
}

bool fuzz_seed(size_t i, uint8_t **data, size_t *len)
{
	if (i >= ARRAY_SIZE(seeds))
		return false;
	*len = strlen(seeds[i]);
	*data = (uint8_t *)strdup(seeds[i]);
	return *data;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size, 0 };
	struct xml_layout l;
	struct err *e = xml_layout_parse(fetch, &in, &l);

	if (e) {
		err_free(e);
		return 0;
	}
	size_t end = 0;
	for (size_t i = 0; i < l.nr; i++) {
		if (l.regs[i].offset != end || !l.regs[i].bits || l.regs[i].bits % 8)
			abort();
		end += l.regs[i].bits / 8;
	}
	if (!l.nr || end != l.size)
		abort();
	xml_layout_deinit(&l);
	return 0;
}
