/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "core-build.h"

#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/vec.h"
#include "grow.h"

struct load {
	uint64_t vaddr, paddr, memsz, filesz;
	size_t at; /* in ->memory */
};

struct bytes {
	uint8_t *data;
	size_t nr;
};

struct core_build {
	VEC(struct load) loads;
	struct bytes notes, memory;
	bool xnum;
};

static void *must(void *p)
{
	if (!p) {
		fputs("core build: out of memory\n", stderr);
		abort();
	}
	return p;
}

static size_t append(struct bytes *b, const void *data, size_t len)
{
	size_t at = b->nr;

	if (!len)
		return at;
	b->data = grow(b->data, b->nr, b->nr + len);
	if (data)
		memcpy(b->data + at, data, len);
	else
		memset(b->data + at, 0, len);
	b->nr += len;
	return at;
}

struct core_build *core_build_new(void)
{
	return must(calloc(1, sizeof(struct core_build)));
}

void core_build_load(struct core_build *b, uint64_t vaddr, uint64_t paddr, uint64_t memsz,
		     const void *data, size_t filesz)
{
	struct load *l = must(vec_push(&b->loads));

	*l = (struct load){ vaddr, paddr, memsz, filesz, append(&b->memory, data, filesz) };
}

void core_build_alias(struct core_build *b, size_t nr, uint64_t vaddr, uint64_t paddr,
		      uint64_t from, uint64_t len)
{
	struct load *l = must(vec_push(&b->loads));

	*l = (struct load){ vaddr, paddr, len, len, b->loads.data[nr].at + from };
}

void core_build_note(struct core_build *b, const char *owner, uint32_t type, const void *desc,
		     size_t len)
{
	Elf64_Nhdr nh = { (uint32_t)strlen(owner) + 1, (uint32_t)len, type };

	append(&b->notes, &nh, sizeof(nh));
	append(&b->notes, owner, nh.n_namesz);
	append(&b->notes, NULL, align_up(nh.n_namesz, 4) - nh.n_namesz);
	append(&b->notes, desc, len);
	append(&b->notes, NULL, align_up(len, 4) - len);
}

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

void core_build_prstatus(struct core_build *b, uint64_t seed)
{
	uint8_t desc[336] = { 0 };

	for (size_t i = 0; i < 27; i++)
		put64(desc + 112 + 8 * i, seed + (i << 8));
	core_build_note(b, "CORE", NT_PRSTATUS, desc, sizeof(desc));
}

void core_build_qemu(struct core_build *b, uint64_t seed, uint32_t cs, uint64_t cr3)
{
	uint8_t desc[440] = { 0 };

	put32(desc, 1);
	put32(desc + 4, sizeof(desc));
	for (size_t i = 0; i < 18; i++)
		put64(desc + 8 + 8 * i, seed + (i << 8));
	for (size_t i = 0; i < 10; i++) {
		put32(desc + 152 + 24 * i, (uint32_t)(8 * i));
		put32(desc + 152 + 24 * i + 4, 0xffffffff);
		put64(desc + 152 + 24 * i + 16, seed + ((18 + i) << 8));
	}
	put32(desc + 152, cs);
	for (size_t i = 0; i < 5; i++)
		put64(desc + 392 + 8 * i, seed + ((28 + i) << 8));
	put64(desc + 392 + 24, cr3);
	put64(desc + 432, seed + (33 << 8));
	core_build_note(b, "QEMU", 0, desc, sizeof(desc));
}

void core_build_xnum(struct core_build *b)
{
	b->xnum = true;
}

uint8_t *core_build_finish(struct core_build *b, size_t *len)
{
	size_t nr = b->loads.nr + 1;
	size_t shoff = sizeof(Elf64_Ehdr), phoff = shoff + (b->xnum ? sizeof(Elf64_Shdr) : 0);
	size_t notes = phoff + nr * sizeof(Elf64_Phdr), memory = notes + b->notes.nr;
	Elf64_Ehdr eh = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_CORE,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_phoff = phoff,
		.e_shoff = b->xnum ? shoff : 0,
		.e_ehsize = 8, /* QEMU 7.2 takes the size of a pointer; nobody may mind */
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = b->xnum ? PN_XNUM : (uint16_t)nr,
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = b->xnum,
	};
	struct bytes out = { 0 };

	append(&out, &eh, sizeof(eh));
	if (b->xnum) {
		Elf64_Shdr sh = { .sh_info = (uint32_t)nr };

		append(&out, &sh, sizeof(sh));
	}
	Elf64_Phdr note = { .p_type = PT_NOTE, .p_offset = notes, .p_filesz = b->notes.nr,
			    .p_memsz = b->notes.nr };
	append(&out, &note, sizeof(note));
	for (size_t i = 0; i < b->loads.nr; i++) {
		const struct load *l = &b->loads.data[i];
		Elf64_Phdr ph = {
			.p_type = PT_LOAD,
			.p_offset = l->filesz ? memory + l->at : ~(uint64_t)0,
			.p_vaddr = l->vaddr,
			.p_paddr = l->paddr,
			.p_filesz = l->filesz,
			.p_memsz = l->memsz,
		};

		append(&out, &ph, sizeof(ph));
	}
	append(&out, b->notes.data, b->notes.nr);
	append(&out, b->memory.data, b->memory.nr);
	free(b->loads.data);
	free(b->notes.data);
	free(b->memory.data);
	free(b);
	*len = out.nr;
	return out.data;
}

int core_build_fd(const uint8_t *data, size_t len)
{
	int fd = memfd_create("core", MFD_CLOEXEC);

	if (fd < 0 || (len && write(fd, data, len) != (ssize_t)len)) {
		perror("core build");
		abort();
	}
	return fd;
}
