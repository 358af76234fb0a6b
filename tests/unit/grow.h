/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Buffers of the builders of test images grow by doubling: ASan's realloc() always copies. */
#ifndef FDGDB_TEST_GROW_H
#define FDGDB_TEST_GROW_H

#include <stdlib.h>

static inline size_t grow_room(size_t len)
{
	size_t room = 256;

	while (room < len)
		room *= 2;
	return room;
}

/* Room for new_len bytes where there were old_len; ends the test if there is no memory. */
static inline void *grow(void *p, size_t old_len, size_t new_len)
{
	if (p && grow_room(old_len) == grow_room(new_len))
		return p;
	p = realloc(p, grow_room(new_len));
	if (!p)
		abort();
	return p;
}

#endif
