/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What tasks and vCPUs are doing, function by function. */
#ifndef FDGDB_MODEL_STACKS_H
#define FDGDB_MODEL_STACKS_H

#include "target/target.h"

enum frame_kind {
	FRAME_CALL,  /* ip is the address behind a call */
	FRAME_EXACT, /* ip is what runs next: the innermost frame, or one that was interrupted */
	FRAME_GUESS, /* a word on the stack that looks like a return address */
	FRAME_USER,  /* where user space goes on */
};

/* Where in the source a frame is: by debug information (--vmlinux), or what a BPF program brought with it. */
struct frame_line {
	const char *func;
	const char *file; /* NULL: unknown */
	uint32_t line;	  /* 0: unknown */
	uint32_t column;  /* BPF; 0: unknown */
	const char *text; /* BPF: the line itself, guest bytes; NULL: unknown */
	bool inlined;
};

/* The file's name without its directories. */
static inline const char *frame_line_base(const struct frame_line *l)
{
	const char *slash = strrchr(l->file, '/');

	return slash ? slash + 1 : l->file;
}

/* The line without its indentation; "" if unknown. */
static inline const char *frame_line_text(const struct frame_line *l)
{
	return l->text ? l->text + strspn(l->text, " \t") : "";
}

struct frame_arg {
	const char *name;
	bool known; /* the rest is valid */
	bool is_signed, is_pointer;
	uint64_t value; /* sign-extended if signed */
};

struct frame_source {
	/* Innermost first, each inlined into the next, the last one real. */
	const struct frame_line *lines;
	size_t nr_lines;
	bool has_args;		      /* they were looked for: --vmlinux */
	const struct frame_arg *args; /* of the real one */
	size_t nr_args;
};

/* Registers by the numbers that DWARF has for them. */
enum { FRAME_REGS_MAX = 17 };

struct frame_regs {
	uint64_t v[FRAME_REGS_MAX];
	uint32_t has; /* bit per number */
};

struct kstack_frame {
	uint64_t ip;
	uint64_t sp; /* of a guess: where it was found */
	enum frame_kind kind;
	const char *stack;  /* what kind of stack it is on: "task", "irq", "nmi" ...; NULL: none that is known */
	const char *symbol; /* guest bytes; NULL: unknown */
	const char *module; /* what the symbol is part of: a module, "bpf"; NULL: the kernel */
	uint32_t prog_id;   /* the BPF program whose code, or subprogram's, it is; 0: none */
	uint64_t offset;    /* of ip from the symbol */
	uint64_t size;	    /* of the symbol; 0: unknown */
	const struct frame_source *source; /* NULL: unknown */
	const struct frame_regs *regs; /* of what an interrupt came into, or user space left with; NULL: unknown */
	const char *line_error; /* a BPF program's lines could not be read, and why.  NULL: they could, or it has none */
};

/* One stack, innermost frame first. */
struct kstack_row {
	bool has_vcpu; /* what a vCPU does; otherwise where a task that does not run will go on */
	size_t vcpu;
	bool not_started; /* the kernel has never run on this vCPU: no frames, and nothing is wrong with that */
	struct kva task; /* 0: unknown */
	const struct kstack_frame *frames;
	size_t nr_frames;
	const char *why; /* it does not reach its end, and why; frames behind that are guesses.  NULL: it does */
	size_t wchan;	 /* 1 + the first frame of a sleeping task that is not the scheduler's; 0: none */
};

#endif
