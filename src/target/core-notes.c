/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/core-notes.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>

enum {
	MAX_VCPUS = 8192,    /* KVM and QEMU allow no more than 4096 */
	PRSTATUS_REGS = 112, /* offset of pr_reg in struct elf_prstatus */
	PRSTATUS_LEN = 336,

	/* QEMUCPUState, version 1. */
	QEMU_GPRS = 8,
	QEMU_SEGMENTS = QEMU_GPRS + 18 * 8,
	QEMU_SEGMENT_LEN = 24, /* u32 selector, limit, flags, pad; u64 base */
	QEMU_CRS = QEMU_SEGMENTS + 10 * QEMU_SEGMENT_LEN,
	QEMU_KERNEL_GS_BASE = QEMU_CRS + 5 * 8, /* since QEMU 3.1 */
	QEMU_LEN = QEMU_KERNEL_GS_BASE,
};

/* Names and order are those of the target.xml of QEMU's gdbstub. */
struct field {
	const char *name;
	uint16_t offset, len;
};

#define SEGMENT(i) (QEMU_SEGMENTS + (i) * QEMU_SEGMENT_LEN)
#define BASE(i) (SEGMENT(i) + 16)

static const struct field qemu_fields[] = {
	{ "rax", QEMU_GPRS, 8 },
	{ "rbx", QEMU_GPRS + 8, 8 },
	{ "rcx", QEMU_GPRS + 16, 8 },
	{ "rdx", QEMU_GPRS + 24, 8 },
	{ "rsi", QEMU_GPRS + 32, 8 },
	{ "rdi", QEMU_GPRS + 40, 8 },
	{ "rbp", QEMU_GPRS + 56, 8 },
	{ "rsp", QEMU_GPRS + 48, 8 },
	{ "r8", QEMU_GPRS + 64, 8 },
	{ "r9", QEMU_GPRS + 72, 8 },
	{ "r10", QEMU_GPRS + 80, 8 },
	{ "r11", QEMU_GPRS + 88, 8 },
	{ "r12", QEMU_GPRS + 96, 8 },
	{ "r13", QEMU_GPRS + 104, 8 },
	{ "r14", QEMU_GPRS + 112, 8 },
	{ "r15", QEMU_GPRS + 120, 8 },
	{ "rip", QEMU_GPRS + 128, 8 },
	{ "eflags", QEMU_GPRS + 136, 8 },
	{ "cs", SEGMENT(0), 4 },
	{ "ss", SEGMENT(5), 4 },
	{ "ds", SEGMENT(1), 4 },
	{ "es", SEGMENT(2), 4 },
	{ "fs", SEGMENT(3), 4 },
	{ "gs", SEGMENT(4), 4 },
	{ "fs_base", BASE(3), 8 },
	{ "gs_base", BASE(4), 8 },
	{ "k_gs_base", QEMU_KERNEL_GS_BASE, 8 },
	{ "cr0", QEMU_CRS, 8 },
	{ "cr2", QEMU_CRS + 16, 8 },
	{ "cr3", QEMU_CRS + 24, 8 },
	{ "cr4", QEMU_CRS + 32, 8 },
};

#define USER(i) (PRSTATUS_REGS + (i) * 8)

/* struct user_regs_struct; index 15 is orig_rax. */
static const struct field prstatus_fields[] = {
	{ "rax", USER(10), 8 },	   { "rbx", USER(5), 8 },      { "rcx", USER(11), 8 },
	{ "rdx", USER(12), 8 },	   { "rsi", USER(13), 8 },     { "rdi", USER(14), 8 },
	{ "rbp", USER(4), 8 },	   { "rsp", USER(19), 8 },     { "r8", USER(9), 8 },
	{ "r9", USER(8), 8 },	   { "r10", USER(7), 8 },      { "r11", USER(6), 8 },
	{ "r12", USER(3), 8 },	   { "r13", USER(2), 8 },      { "r14", USER(1), 8 },
	{ "r15", USER(0), 8 },	   { "rip", USER(16), 8 },     { "eflags", USER(18), 8 },
	{ "cs", USER(17), 4 },	   { "ss", USER(20), 4 },      { "ds", USER(23), 4 },
	{ "es", USER(24), 4 },	   { "fs", USER(25), 4 },      { "gs", USER(26), 4 },
	{ "fs_base", USER(21), 8 }, { "gs_base", USER(22), 8 },
};

void core_notes_deinit(struct core_notes *notes)
{
	for (size_t i = 0; i < notes->vcpus.nr; i++) {
		free(notes->vcpus.data[i].regs);
		free(notes->vcpus.data[i].why);
	}
	free(notes->vcpus.data);
	*notes = (struct core_notes){ 0 };
}

/* Takes those of the fields that lie within the note. */
static struct err *take_regs(struct vcpu *v, const struct field *fields, size_t nr,
			     const uint8_t *desc, size_t len)
{
	struct reg *regs = calloc(nr, sizeof(*regs));
	size_t n = 0;

	if (!regs)
		return &err_nomem;
	for (size_t i = 0; i < nr; i++) {
		if ((size_t)fields[i].offset + fields[i].len > len)
			continue;
		snprintf(regs[n].name, sizeof(regs[n].name), "%s", fields[i].name);
		regs[n++].value = get_le(desc + fields[i].offset, fields[i].len);
	}
	free(v->regs);
	v->regs = regs;
	v->nr_regs = n;
	return NULL;
}

static struct err *why(struct vcpu *v, const char *text)
{
	free(v->why);
	v->why = strdup(text);
	return v->why ? NULL : &err_nomem;
}

static struct err *vcpu_at(struct core_notes *notes, size_t i, struct vcpu **ret)
{
	if (i >= MAX_VCPUS)
		return err_new(ERR_FORMAT, "damaged: notes of more than %d vCPUs", MAX_VCPUS);
	if (i == notes->vcpus.nr && !vec_push(&notes->vcpus))
		return &err_nomem;
	*ret = &notes->vcpus.data[i];
	return NULL;
}

static struct err *add_prstatus(struct core_notes *notes, const struct core_note *note)
{
	struct vcpu *v;

	TRY(vcpu_at(notes, notes->nr_prstatus, &v));
	notes->nr_prstatus++;
	if (v->regs)
		return NULL; /* QEMU's own note has more */
	if (note->len < PRSTATUS_LEN)
		return why(v, "its note NT_PRSTATUS is too short");
	return take_regs(v, prstatus_fields, ARRAY_SIZE(prstatus_fields), note->desc, note->len);
}

static struct err *add_qemu(struct core_notes *notes, const struct core_note *note)
{
	struct vcpu *v;

	TRY(vcpu_at(notes, notes->nr_qemu, &v));
	notes->nr_qemu++;
	if (note->len < QEMU_LEN)
		return v->regs ? NULL : why(v, "its QEMU note is too short");
	if (get_le32(note->desc) != 1)
		return v->regs ? NULL : why(v, "its QEMU note is of an unknown version");
	/* The note says itself how much of it is filled in. */
	size_t len = MIN(note->len, (size_t)get_le32(note->desc + 4));
	if (len < QEMU_LEN)
		return v->regs ? NULL : why(v, "its QEMU note is too short");
	return take_regs(v, qemu_fields, ARRAY_SIZE(qemu_fields), note->desc, len);
}

struct err *core_notes_add(struct core_notes *notes, const struct core_note *note)
{
	if (!strcmp(note->owner, "QEMU") && note->type == 0)
		return add_qemu(notes, note);
	if (!strcmp(note->owner, "VMCOREINFO"))
		notes->vmcoreinfo = true;
	if (strcmp(note->owner, "CORE"))
		return NULL;
	switch (note->type) {
	case NT_PRSTATUS:
		return add_prstatus(notes, note);
	case NT_PRPSINFO:
	case NT_AUXV:
	case NT_FILE:
	case NT_SIGINFO:
		notes->of_process = true;
	}
	return NULL;
}

struct err *core_notes_check(const struct core_notes *notes)
{
	if (notes->nr_qemu)
		return NULL;
	if (notes->of_process)
		return err_new(ERR_FORMAT, "the core of a process, not the dump of a machine");
	if (notes->vmcoreinfo)
		return err_new(ERR_UNSUPPORTED,
			       "an ELF dump by kdump (/proc/vmcore), which is not read yet");
	if (notes->nr_prstatus)
		return err_new(ERR_UNSUPPORTED,
			       "an ELF core without QEMU's notes, so without the page tables' root");
	return err_new(ERR_FORMAT, "an ELF core without notes on any CPU");
}
