/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "report/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* fdgdb never calls setlocale(), so the decimal point is a point. */
void number_json(struct strbuf *sb, double v)
{
	char buf[40];

	for (int digits = 15; digits <= 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*g", digits, v);
		if (strtod(buf, NULL) == v)
			break;
	}
	strbuf_puts(sb, buf);
	if (!strpbrk(buf, ".e"))
		strbuf_puts(sb, ".0");
}

void number_plain(struct strbuf *sb, double v, unsigned int bits)
{
	char buf[40];

	if (v == 0) {
		strbuf_puts(sb, signbit(v) ? "-0" : "0");
		return;
	}
	for (int digits = 0; digits < 17; digits++) {
		snprintf(buf, sizeof(buf), "%.*e", digits, v);
		if (bits == 32 ? strtof(buf, NULL) == (float)v : strtod(buf, NULL) == v)
			break;
	}

	/* "-d.ddde-XX": set the point where the exponent says. */
	char digits[24];
	int nr = 0, exponent = atoi(strchr(buf, 'e') + 1);

	for (const char *p = buf; *p != 'e'; p++) {
		if (*p >= '0' && *p <= '9')
			digits[nr++] = *p;
	}
	while (nr > 1 && digits[nr - 1] == '0')
		nr--;
	if (v < 0)
		strbuf_putc(sb, '-');
	if (exponent < 0) {
		strbuf_puts(sb, "0.");
		strbuf_fill(sb, '0', (size_t)(-exponent - 1));
		strbuf_add(sb, digits, (size_t)nr);
		return;
	}
	for (int i = 0; i <= exponent || i < nr; i++) {
		if (i == exponent + 1)
			strbuf_putc(sb, '.');
		strbuf_putc(sb, i < nr ? digits[i] : '0');
	}
}
