/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The smallest image that kernel_find() takes for a Linux kernel. */
#ifndef FDGDB_TINY_KERNEL_H
#define FDGDB_TINY_KERNEL_H

#include "guest-image.h"
#include "kallsyms-build.h"

enum {
	TINY_CPUS = 4,		/* nr_cpu_ids; CPU 2 is not possible */
	TINY_TEXT_LEN = 2 << 20,
	TINY_RODATA = 0x400000, /* from _text */
	TINY_RODATA_LEN = 256 << 10,
	TINY_DATA = 0x600000,	/* from _text */
	TINY_DATA_LEN = 16 << 12,
	TINY_SYMBOLS = 1000,
};

struct tiny_options {
	enum ks_layout layout;
	bool no_btf, no_kallsyms, no_banner;
	bool unprotected;    /* all of it writable and executable, as in early boot */
	bool no_btf_symbols; /* and no __start_notes */
	bool no_percpu;	     /* per-CPU areas not set up yet */
	bool no_data;	     /* the image as a KPTI user half shows it */
};

/* Writes it into the image, _text at `text`. */
void tiny_kernel_put(struct guest_image *g, uint64_t text, const struct tiny_options *o);

/* __per_cpu_offset[cpu] */
uint64_t tiny_percpu_off(enum ks_layout layout, uint32_t cpu);

#endif
