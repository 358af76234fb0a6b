/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CUnit behind a table of tests, with TAP on stdout for automake's driver.
 *
 *	static void test_x(void) { CU_ASSERT_EQUAL(f(1), 2); }
 *	UNIT_MAIN("suite", { "x doubles", test_x })
 */
#ifndef FDGDB_UNIT_H
#define FDGDB_UNIT_H

#include <CUnit/CUnit.h>

#include "base/err.h"

/* A test that finds NULL where it expects something may crash: that is a failure as good as any. */
#pragma GCC diagnostic ignored "-Wnull-dereference"

struct unit_test {
	const char *name;
	void (*run)(void);
};

/* Runs the tests (an array that ends with a NULL name); returns main()'s status. */
int unit_main(const char *suite, const struct unit_test *tests);

#define UNIT_MAIN(suite, ...)                                                                      \
	int main(void)                                                                             \
	{                                                                                          \
		static const struct unit_test tests_[] = { __VA_ARGS__, { NULL, NULL } };          \
		return unit_main(suite, tests_);                                                   \
	}

/* Expects success; prints the message and fails the test otherwise. */
void unit_ok(struct err *e, const char *expr, const char *file, unsigned int line);
#define ASSERT_OK(expr) unit_ok((expr), #expr, __FILE__, __LINE__)

/* Expects an error of this code whose message contains `part` (NULL: any). */
void unit_err(struct err *e, enum err_code code, const char *part, const char *expr,
	      const char *file, unsigned int line);
#define ASSERT_ERR(expr, code, part) unit_err((expr), (code), (part), #expr, __FILE__, __LINE__)

#endif
