/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The kernel's log, as it stands in the printk ring buffer. */
#ifndef FDGDB_MODEL_LOG_H
#define FDGDB_MODEL_LOG_H

#include "model/scx.h"

enum log_state {
	LOG_FINALIZED, /* what the guest's own dmesg shows */
	LOG_COMMITTED, /* a whole text, to which its writer may still add */
	LOG_RESERVED,  /* a writer was at it when the guest stopped: what is there may be half of it */
};

/* struct printk_info and its text. */
struct log_record {
	uint64_t seq;	  /* since boot, from 0 */
	uint64_t ts_nsec; /* since boot, by the scheduler's clock */
	enum log_state state;
	uint8_t level;	  /* 0 emergency ... 7 debug */
	uint8_t facility; /* 0 the kernel; what others wrote to /dev/kmsg has theirs */
	uint8_t flags;	  /* printk_info.flags */
	const char *flag_names; /* of these, "NEWLINE|CONT"; NULL: none */
	bool cont;	  /* goes on where an earlier record ended */
	bool caller_is_cpu; /* an interrupt or early boot, not a task */
	struct opt_u64 caller; /* pid in the first namespace, or CPU */
	struct opt_u64 cpu;    /* 7.0 on, if configured: the CPU that the task was on */
	const char *comm;      /* the same: of the caller, guest bytes; NULL: unknown */
	const char *subsystem, *device; /* of messages about a device, guest bytes; NULL otherwise */
	const char *text;		/* guest bytes without the last newline; NULL: there is none */
	size_t len;
	const char *why; /* text is NULL: why */
};

/* Hangs on the report's pool. */
struct log {
	bool collected;
	struct log_record *records; /* oldest first */
	size_t nr;
	uint64_t overwritten;	  /* older records that the ring no longer had */
	uint64_t cut;		  /* older records that a cap left out */
	uint64_t cap;		  /* which, in bytes of the ring */
	struct opt_u64 failed;	  /* records for which there was no room, since boot */
	struct opt_u64 clear_seq; /* the guest's dmesg hides what is before: dmesg -c */
};

#endif
