/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bits of the locks' words: macros, of which the guest knows nothing. */
#ifndef FDGDB_WAIT_BITS_H
#define FDGDB_WAIT_BITS_H

enum {
	MUTEX_WAITERS = 1, MUTEX_PICKUP = 4, MUTEX_FLAGS = 7,
	RWSEM_WRITE_LOCKED = 1, RWSEM_WAITERS = 2, RWSEM_READER_SHIFT = 8,
	RWSEM_READER_OWNED = 1, RWSEM_OWNER_FLAGS = 3,
	RT_MUTEX_FLAGS = 1,
	BLOCKER_TYPE = 3,
};

#endif
