/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Scope-bound release of resources, so that early returns stay safe.
 *
 *	_cleanup_free_ char *buf = malloc(n);
 *	...
 *	*ret = take_ptr(buf);
 */
#ifndef FDGDB_CLEANUP_H
#define FDGDB_CLEANUP_H

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define _cleanup_(fn) __attribute__((cleanup(fn)))

static inline void cleanup_free_p(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close_p(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

static inline void cleanup_fclose_p(FILE **f)
{
	if (*f)
		fclose(*f);
}

#define _cleanup_free_ _cleanup_(cleanup_free_p)
#define _cleanup_close_ _cleanup_(cleanup_close_p)
#define _cleanup_fclose_ _cleanup_(cleanup_fclose_p)

/* Hands a pointer on and leaves NULL behind. */
#define take_ptr(p) ({ __typeof__(p) take_ = (p); (p) = NULL; take_; })

/* Hands a file descriptor on and leaves -1 behind. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#endif
