/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <CUnit/TestRun.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int count;

static void test_done(const CU_pTest test, const CU_pSuite suite, const CU_pFailureRecord failure)
{
	(void)suite;
	printf("%sok %d - %s\n", failure ? "not " : "", ++count, test->pName);
	for (CU_pFailureRecord f = failure; f; f = f->pNext)
		printf("# %s:%u: %s\n", f->strFileName, f->uiLineNumber, f->strCondition);
	fflush(stdout);
}

int unit_main(const char *suite, const struct unit_test *tests)
{
	alarm(600); /* a test that waits for ever has failed */
	if (CU_initialize_registry() != CUE_SUCCESS)
		return 99;
	CU_pSuite s = CU_add_suite(suite, NULL, NULL);
	int n = 0;

	for (const struct unit_test *t = tests; s && t->name; t++, n++) {
		if (!CU_add_test(s, t->name, t->run))
			return 99;
	}
	if (!n)
		return 99; /* a suite that ran nothing proves nothing */
	printf("1..%d\n", n);
	CU_set_test_complete_handler(test_done);
	CU_run_all_tests();

	int failed = (int)CU_get_number_of_tests_failed();
	CU_cleanup_registry();
	return failed ? 1 : 0;
}

void unit_ok(struct err *e, const char *expr, const char *file, unsigned int line)
{
	char what[512];

	if (!e) {
		CU_PASS(expr);
		return;
	}
	snprintf(what, sizeof(what), "%s: %s", expr, e->msg);
	CU_assertImplementation(CU_FALSE, line, what, file, "", CU_TRUE);
	err_free(e);
}

void unit_err(struct err *e, enum err_code code, const char *part, const char *expr,
	      const char *file, unsigned int line)
{
	char what[512];
	bool good = e && e->code == code && (!part || strstr(e->msg, part));

	snprintf(what, sizeof(what), "%s: wanted error %d \"%s\", got %d \"%s\"", expr, code,
		 part ? part : "", e ? (int)e->code : 0, e ? e->msg : "success");
	CU_assertImplementation(good, line, what, file, "", CU_FALSE);
	err_free(e);
}
