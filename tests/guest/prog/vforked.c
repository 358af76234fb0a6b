/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Blocked for good in vfork(): the child shares its memory and neither calls exec() nor ends. */
#define _GNU_SOURCE
#include <unistd.h>

int main(void)
{
	if (!vfork()) {
		for (;;)
			pause();
	}
	return 0;
}
