/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "unit.h"

#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core-build.h"
#include "target/core.h"
#include "target/mem.h"

/* Page number n of this holds n in every byte. */
static uint8_t image[64 * PAGE_SIZE];

static void fill_image(void)
{
	for (size_t i = 0; i < sizeof(image); i++)
		image[i] = (uint8_t)(i / PAGE_SIZE);
}

static struct err *open_bytes(const uint8_t *data, size_t len, struct target **ret)
{
	return core_open_fd(core_build_fd(data, len), "x.core", ret);
}

/* Consumes b. */
static struct err *open_build(struct core_build *b, struct target **ret)
{
	size_t len;
	uint8_t *data = core_build_finish(b, &len);
	struct err *e = open_bytes(data, len, ret);

	free(data);
	return e;
}

static struct core_build *with_vcpus(size_t nr)
{
	struct core_build *b = core_build_new();

	fill_image();
	for (size_t i = 0; i < nr; i++)
		core_build_prstatus(b, 0x1000000 * (i + 1));
	for (size_t i = 0; i < nr; i++)
		core_build_qemu(b, 0x1000000 * (i + 1), 0x10, 0x5000 + i);
	return b;
}

static uint64_t reg(const struct target *t, size_t vcpu, const char *name)
{
	uint64_t v = 0;

	ASSERT_OK(target_reg(t, vcpu, name, &v));
	return v;
}

/* What byte is at this address, or -1 if it cannot be read for the cause given. */
static int byte_at(struct mem *mem, uint64_t addr, const char *cause)
{
	uint8_t byte;
	struct err *e = mem_read(mem, (struct gpa){ addr }, &byte, 1);

	if (!e)
		return byte;
	ASSERT_ERR(e, ERR_FAULT, cause);
	return -1;
}

static void test_plain(void)
{
	struct core_build *b = with_vcpus(2);
	struct target *t;
	struct mem *mem;
	static uint8_t buf[12 * PAGE_SIZE];

	/* RAM, a hole, RAM in two adjoining pieces of which the second lies elsewhere in the file. */
	core_build_load(b, 0, 0, 16 * PAGE_SIZE, image, 16 * PAGE_SIZE);
	core_build_load(b, 0x28000, 0x28000, 8 * PAGE_SIZE, image + 32 * PAGE_SIZE, 8 * PAGE_SIZE);
	core_build_load(b, 0x20000, 0x20000, 8 * PAGE_SIZE, image + 16 * PAGE_SIZE, 8 * PAGE_SIZE);
	ASSERT_OK(open_build(b, &t));
	CU_ASSERT_STRING_EQUAL(t->name, "x.core");
	CU_ASSERT(!t->ops->live);
	CU_ASSERT_PTR_NULL(t->note);
	CU_ASSERT_EQUAL_FATAL(t->nr_ram, 2);
	CU_ASSERT(t->ram[0].start == 0 && t->ram[0].end == 0x10000);
	CU_ASSERT(t->ram[1].start == 0x20000 && t->ram[1].end == 0x30000);

	ASSERT_OK(mem_create(t, &mem));
	CU_ASSERT_EQUAL(byte_at(mem, 0, ""), 0);
	CU_ASSERT_EQUAL(byte_at(mem, 0xffff, ""), 15);
	CU_ASSERT_EQUAL(byte_at(mem, 0x10000, "not in guest RAM"), -1);
	CU_ASSERT_EQUAL(byte_at(mem, 0x30000, "not in guest RAM"), -1);
	ASSERT_OK(mem_read(mem, (struct gpa){ 0x22000 }, buf, sizeof(buf)));
	for (size_t i = 0; i < 12; i++)
		CU_ASSERT_EQUAL(buf[i * PAGE_SIZE + 7], i < 6 ? 18 + i : 32 + i - 6);
	struct target_stats s;
	t->ops->stats(t, &s);
	CU_ASSERT_EQUAL(s.bytes, 14 * PAGE_SIZE);
	CU_ASSERT_EQUAL(s.packets, 0);
	mem_destroy(mem);
	target_destroy(t);
}

static void test_registers(void)
{
	static const char *const names[] = {
		"rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", "r8", "r9", "r10", "r11",
		"r12", "r13", "r14", "r15", "rip", "eflags", "cs", "ss", "ds", "es", "fs", "gs",
		"fs_base", "gs_base", "k_gs_base", "cr0", "cr2", "cr3", "cr4",
	};
	struct core_build *b = with_vcpus(3);
	struct target *t;

	core_build_load(b, 0, 0, PAGE_SIZE, image, PAGE_SIZE);
	ASSERT_OK(open_build(b, &t));
	CU_ASSERT_EQUAL_FATAL(t->nr_vcpus, 3);
	CU_ASSERT_EQUAL_FATAL(t->vcpus[1].nr_regs, ARRAY_SIZE(names));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		CU_ASSERT_STRING_EQUAL(t->vcpus[1].regs[i].name, names[i]);
	CU_ASSERT_EQUAL(reg(t, 0, "rax"), 0x1000000);
	CU_ASSERT_EQUAL(reg(t, 2, "rsp"), 0x3000600);
	CU_ASSERT_EQUAL(reg(t, 2, "rbp"), 0x3000700);
	CU_ASSERT_EQUAL(reg(t, 2, "rip"), 0x3001000);
	CU_ASSERT_EQUAL(reg(t, 2, "eflags"), 0x3001100);
	CU_ASSERT_EQUAL(reg(t, 2, "cs"), 0x10);
	CU_ASSERT_EQUAL(reg(t, 2, "ss"), 40);
	CU_ASSERT_EQUAL(reg(t, 2, "gs_base"), 0x3001600);
	CU_ASSERT_EQUAL(reg(t, 2, "cr0"), 0x3001c00);
	CU_ASSERT_EQUAL(reg(t, 2, "cr3"), 0x5002);
	CU_ASSERT_EQUAL(reg(t, 2, "cr4"), 0x3002000);
	CU_ASSERT_EQUAL(reg(t, 2, "k_gs_base"), 0x3002100);
	target_destroy(t);
}

static void test_lame_notes(void)
{
	struct core_build *b = core_build_new();
	struct target *t;
	uint64_t v;
	uint8_t future[440] = { 2 }, shorter[440] = { 1, 0, 0, 0, 100 };

	fill_image();
	core_build_prstatus(b, 0x1000000);
	core_build_note(b, "CORE", NT_PRSTATUS, NULL, 20);
	core_build_note(b, "A VERY LONG OWNER OF A NOTE", 0, "x", 1);
	core_build_note(b, "QEMU", 0, future, sizeof(future));
	core_build_note(b, "QEMU", 0, shorter, sizeof(shorter));
	core_build_note(b, "QEMU", 0, shorter, 3);
	core_build_load(b, 0, 0, PAGE_SIZE, image, PAGE_SIZE);
	ASSERT_OK(open_build(b, &t));
	CU_ASSERT_EQUAL_FATAL(t->nr_vcpus, 3);
	/* The first falls back on NT_PRSTATUS, which knows no control registers. */
	CU_ASSERT_EQUAL(reg(t, 0, "r15"), 0x1000000);
	CU_ASSERT_EQUAL(reg(t, 0, "rax"), 0x1000a00);
	CU_ASSERT_EQUAL(reg(t, 0, "rsp"), 0x1001300);
	CU_ASSERT_EQUAL(reg(t, 0, "gs_base"), 0x1001600);
	ASSERT_ERR(target_reg(t, 0, "cr3", &v), ERR_MISSING, "no register cr3");
	ASSERT_ERR(target_reg(t, 1, "rip", &v), ERR_MISSING, "too short");
	ASSERT_ERR(target_reg(t, 2, "rip", &v), ERR_MISSING, "QEMU note is too short");
	target_destroy(t);
}

static void test_many_vcpus(void)
{
	struct core_build *b = with_vcpus(300);
	struct target *t;

	core_build_load(b, 0, 0, PAGE_SIZE, image, PAGE_SIZE);
	ASSERT_OK(open_build(b, &t));
	CU_ASSERT_EQUAL_FATAL(t->nr_vcpus, 300);
	CU_ASSERT_EQUAL(reg(t, 299, "cr3"), 0x5000 + 299);
	target_destroy(t);

	b = core_build_new();
	for (size_t i = 0; i < 8193; i++)
		core_build_note(b, "CORE", NT_PRSTATUS, NULL, 0);
	ASSERT_ERR(open_build(b, &t), ERR_FORMAT, "more than 8192 vCPUs");
}

static void test_paged(void)
{
	struct core_build *b = with_vcpus(1);
	struct target *t;
	struct mem *mem;

	core_build_load(b, 0xffff888000000000, 0, 32 * PAGE_SIZE, image, 32 * PAGE_SIZE);
	/* The same pages mapped again, in all the ways they can overlap. */
	core_build_alias(b, 0, 0xffffffff81000000, 0x4000, 0x4000, 0x3000);
	core_build_alias(b, 0, 0x7f0000000000, 0, 0, 0x1000);
	core_build_load(b, 0x7f0000100000, 31 * PAGE_SIZE, 33 * PAGE_SIZE,
			image + 31 * PAGE_SIZE, 33 * PAGE_SIZE);
	/* A mapped device: an address, but nothing in the file. */
	core_build_load(b, 0xffffc90000000000, 0xfee00000, PAGE_SIZE, NULL, 0);
	ASSERT_OK(open_build(b, &t));
	CU_ASSERT_STRING_EQUAL(t->note, "the dump was made with -p: only what the vCPUs' page tables "
					"mapped is in it");
	CU_ASSERT_EQUAL_FATAL(t->nr_ram, 1);
	CU_ASSERT(t->ram[0].start == 0 && t->ram[0].end == 64 * PAGE_SIZE);
	ASSERT_OK(mem_create(t, &mem));
	for (uint64_t i = 0; i < 64; i++)
		CU_ASSERT_EQUAL(byte_at(mem, i * PAGE_SIZE + 1, ""), (int)i);
	CU_ASSERT_EQUAL(byte_at(mem, 0xfee00000, "not in guest RAM"), -1);
	mem_destroy(mem);
	target_destroy(t);
}

static struct core_build *user_mode(uint64_t cr3, size_t mapped)
{
	struct core_build *b = core_build_new();

	fill_image();
	core_build_qemu(b, 0x1000, 0x33, cr3);
	core_build_qemu(b, 0x1000, 0x33, cr3);
	/* The bytes of all memory are there; the segments tell of a part. */
	core_build_load(b, 0x400000, 0x2000, mapped * PAGE_SIZE, image, mapped * PAGE_SIZE);
	core_build_load(b, 0x401000, 0x4000, 0, image, 0);
	return b;
}

static void test_kernel_left_out(void)
{
	struct core_build *b = user_mode(0x1e1b000, 2);
	struct target *t;
	size_t len;
	uint8_t *data = core_build_finish(b, &len);

	data = realloc(data, len + sizeof(image));
	CU_ASSERT_PTR_NOT_NULL_FATAL(data);
	memset(data + len, 1, sizeof(image));
	ASSERT_OK(open_bytes(data, len + sizeof(image), &t));
	free(data);
	CU_ASSERT_PTR_NOT_NULL(strstr(t->note, "made with -p while every vCPU was in user mode"));
	CU_ASSERT_PTR_NOT_NULL(strstr(t->note, "dump again without -p"));
	target_destroy(t);

	/* Bit 12 of cr3 by chance: the kernel is there, so nothing must be claimed. */
	ASSERT_OK(open_build(user_mode(0x1e1b000, 64), &t));
	CU_ASSERT_PTR_NULL(strstr(t->note, "left the kernel out"));
	target_destroy(t);
	ASSERT_OK(open_build(user_mode(0x1e1a000, 2), &t));
	CU_ASSERT_PTR_NULL(strstr(t->note, "left the kernel out"));
	target_destroy(t);
}

static void test_many_segments(void)
{
	struct core_build *b = with_vcpus(1);
	struct target *t;
	struct mem *mem;

	core_build_load(b, 0, 0, 2 * PAGE_SIZE, image, 2 * PAGE_SIZE);
	for (uint64_t i = 0; i < 70000; i++)
		core_build_alias(b, 0, 0xffff888000000000, (i * 7919 % 70000 + 1) * 2 * PAGE_SIZE,
				 0x1000, 0x1000);
	core_build_xnum(b);
	ASSERT_OK(open_build(b, &t));
	CU_ASSERT_EQUAL(t->nr_ram, 70000); /* the first adjoins what was loaded */
	ASSERT_OK(mem_create(t, &mem));
	CU_ASSERT_EQUAL(byte_at(mem, 70000ULL * 2 * PAGE_SIZE, ""), 1);
	CU_ASSERT_EQUAL(byte_at(mem, 70000ULL * 2 * PAGE_SIZE + PAGE_SIZE, "not in guest RAM"), -1);
	mem_destroy(mem);
	target_destroy(t);
}

static void test_not_whole_pages(void)
{
	struct core_build *b = with_vcpus(1);
	struct target *t;
	struct mem *mem;

	/* Memory that the file does not hold is no zeros. */
	core_build_load(b, 0, 0, 9 * PAGE_SIZE, image, 2 * PAGE_SIZE + 100);
	core_build_load(b, 0x20010, 0x20010, 3 * PAGE_SIZE, image + 0x10, 3 * PAGE_SIZE);
	core_build_load(b, 0x40010, 0x40010, 100, image, 100);
	ASSERT_OK(open_build(b, &t));
	CU_ASSERT_EQUAL_FATAL(t->nr_ram, 2);
	CU_ASSERT(t->ram[0].end == 2 * PAGE_SIZE);
	CU_ASSERT(t->ram[1].start == 0x21000 && t->ram[1].end == 0x23000);
	ASSERT_OK(mem_create(t, &mem));
	CU_ASSERT_EQUAL(byte_at(mem, 0x2000, "not in guest RAM"), -1);
	CU_ASSERT_EQUAL(byte_at(mem, 0x21fff, ""), 1);
	CU_ASSERT_EQUAL(byte_at(mem, 0x22fff, ""), 2);
	mem_destroy(mem);
	target_destroy(t);
}

/* A small good core whose bytes the tests below spoil. */
static uint8_t *good(size_t *len)
{
	struct core_build *b = with_vcpus(1);

	core_build_load(b, 0, 0, 4 * PAGE_SIZE, image, 4 * PAGE_SIZE);
	return core_build_finish(b, len);
}

static void expect(const void *data, size_t len, enum err_code code, const char *part)
{
	struct target *t = NULL;
	struct err *e = open_bytes(data, len, &t);

	target_destroy(t);
	if (e)
		CU_ASSERT_PTR_EQUAL(strstr(e->msg, "x.core: "), e->msg);
	ASSERT_ERR(e, code, part);
}

static void test_truncated(void)
{
	size_t len;
	uint8_t *data = good(&len);
	char part[64];

	snprintf(part, sizeof(part), "truncated: needs %zu bytes, has %zu", len, len - 1);
	expect(data, len - 1, ERR_FORMAT, part);
	expect(data, 0, ERR_FORMAT, "the file is empty");
	expect(data, 63, ERR_FORMAT, "truncated: an ELF header needs 64 bytes, has 63");
	/* Wherever it ends: an error, and one that tells. */
	for (size_t n = 4; n < len - 1; n += n < 2000 ? 1 : 997) {
		struct target *t = NULL;
		struct err *e = open_bytes(data, n, &t);

		CU_ASSERT(e && e->code == ERR_FORMAT &&
			  (strstr(e->msg, "truncated") || strstr(e->msg, "damaged")));
		err_free(e);
		target_destroy(t);
	}
	free(data);
}

static Elf64_Phdr *phdr(uint8_t *data, size_t i)
{
	return (Elf64_Phdr *)(void *)(data + sizeof(Elf64_Ehdr) + i * sizeof(Elf64_Phdr));
}

static void test_damaged(void)
{
	size_t len;
	uint8_t *data = good(&len);
	Elf64_Phdr note = *phdr(data, 0), load = *phdr(data, 1);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)(void *)data, was = *eh;

	phdr(data, 1)->p_offset = ~(uint64_t)0 - 5;
	expect(data, len, ERR_FORMAT, "damaged: a segment lies at offset");
	*phdr(data, 1) = load;
	phdr(data, 1)->p_filesz = 1ULL << 63;
	expect(data, len, ERR_FORMAT, "truncated: needs");
	*phdr(data, 1) = load;
	phdr(data, 1)->p_paddr = ~(uint64_t)0 - 2 * PAGE_SIZE;
	expect(data, len, ERR_FORMAT, "damaged: a segment at");
	phdr(data, 1)->p_paddr = ~(uint64_t)0 - 4 * PAGE_SIZE;
	expect(data, len, ERR_FORMAT, "damaged: a segment at");
	*phdr(data, 1) = load;
	phdr(data, 1)->p_type = PT_NULL;
	expect(data, len, ERR_FORMAT, "without any memory");
	*phdr(data, 1) = load;
	phdr(data, 0)->p_offset = ~(uint64_t)0 - 5;
	expect(data, len, ERR_FORMAT, "damaged: its notes");
	*phdr(data, 0) = note;
	phdr(data, 0)->p_filesz = 0;
	expect(data, len, ERR_FORMAT, "without notes on any CPU");
	*phdr(data, 0) = note;
	eh->e_phnum = 0;
	expect(data, len, ERR_FORMAT, "without any memory");
	eh->e_phnum = PN_XNUM; /* and no section header to say more */
	expect(data, len, ERR_FORMAT, "no section header");
	*eh = was;
	eh->e_phoff = ~(uint64_t)0 - 10;
	expect(data, len, ERR_FORMAT, "damaged: program headers at");
	*eh = was;
	eh->e_phentsize = 3;
	expect(data, len, ERR_FORMAT, "2 program headers of 3 bytes");
	*eh = was;

	/* A note whose size lies ends the notes. */
	uint8_t *first = data + note.p_offset;
	memset(first + 4, 0xff, 4);
	expect(data, len, ERR_FORMAT, "without notes on any CPU");
	free(data);
}

/* Segments of notes that share the bytes of a sparse file. */
static void test_many_notes(void)
{
	enum { SIZE = 30 << 20 };
	struct core_build *b = core_build_new();
	struct target *t;
	size_t len;

	core_build_qemu(b, 0, 0x10, 0x1000);
	for (size_t i = 0; i < 4; i++)
		core_build_load(b, 0, i * PAGE_SIZE, PAGE_SIZE, image, PAGE_SIZE);
	uint8_t *data = core_build_finish(b, &len);
	for (size_t i = 1; i < 4; i++) {
		phdr(data, i)->p_type = PT_NOTE;
		phdr(data, i)->p_filesz = SIZE;
	}
	int fd = core_build_fd(data, len);
	CU_ASSERT_EQUAL(ftruncate(fd, SIZE + (1 << 20)), 0);
	ASSERT_ERR(core_open_fd(fd, "core", &t), ERR_FORMAT, "bytes of notes");
	free(data);
}

static void test_other_kinds(void)
{
	size_t len;
	uint8_t *data = good(&len);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)(void *)data, was = *eh;

	eh->e_machine = EM_AARCH64;
	expect(data, len, ERR_UNSUPPORTED, "aarch64");
	eh->e_machine = EM_S390;
	expect(data, len, ERR_UNSUPPORTED, "ELF number 22");
	eh->e_machine = EM_386;
	expect(data, len, ERR_UNSUPPORTED, "32-bit x86");
	*eh = was;
	eh->e_type = ET_EXEC;
	expect(data, len, ERR_FORMAT, "vmlinux");
	eh->e_type = ET_REL;
	expect(data, len, ERR_FORMAT, "object file");
	eh->e_type = 77;
	expect(data, len, ERR_FORMAT, "type 77");
	*eh = was;
	eh->e_ident[EI_CLASS] = ELFCLASS32;
	expect(data, len, ERR_UNSUPPORTED, "32-bit");
	eh->e_ident[EI_CLASS] = 9;
	expect(data, len, ERR_FORMAT, "class 9");
	*eh = was;
	eh->e_ident[EI_DATA] = ELFDATA2MSB;
	expect(data, len, ERR_UNSUPPORTED, "big-endian");
	eh->e_ident[EI_DATA] = 7;
	expect(data, len, ERR_FORMAT, "byte order 7");
	free(data);

	expect("KDUMP   \6\0\0\0", 12, ERR_UNSUPPORTED, "kdump-compressed");
	expect("DISKDUMP\6\0\0\0", 12, ERR_UNSUPPORTED, "diskdump");
	expect("makedumpfile\0\0\0\0\0\0\0\0\0\0\0\1", 24, ERR_UNSUPPORTED, "flattened");
	expect("PAGEDU64", 8, ERR_UNSUPPORTED, "Windows");
	expect("QEVM\0\0\0\3", 8, ERR_UNSUPPORTED, "migration stream");
	expect("LibvirtQemudSave", 16, ERR_UNSUPPORTED, "virsh dump --memory-only");
	expect("\x1f\x8b\x08", 3, ERR_UNSUPPORTED, "gzip");
	expect("\x28\xb5\x2f\xfd", 4, ERR_UNSUPPORTED, "zstd");
	expect("\xfd" "7zXZ", 6, ERR_UNSUPPORTED, "xz");
	expect("LUKS\xba\xbe\0\2", 8, ERR_FORMAT, "LUKS");
	expect("hello", 5, ERR_FORMAT, "not an ELF core");
	expect("\x7f" "EL", 3, ERR_FORMAT, "not an ELF core");
	expect("K", 1, ERR_FORMAT, "not an ELF core");

	static uint8_t boot[1024];
	memcpy(boot + 0x202, "HdrS", 4);
	expect(boot, sizeof(boot), ERR_FORMAT, "bzImage");
}

static void test_not_of_qemu(void)
{
	struct target *t;
	struct core_build *b = core_build_new();

	core_build_prstatus(b, 0);
	core_build_note(b, "CORE", NT_AUXV, NULL, 16);
	core_build_load(b, 0x400000, 0, PAGE_SIZE, image, PAGE_SIZE);
	ASSERT_ERR(open_build(b, &t), ERR_FORMAT, "the core of a process");

	b = core_build_new();
	core_build_prstatus(b, 0);
	core_build_note(b, "VMCOREINFO", 0, "OSRELEASE=6", 11);
	core_build_load(b, 0x400000, 0, PAGE_SIZE, image, PAGE_SIZE);
	ASSERT_ERR(open_build(b, &t), ERR_UNSUPPORTED, "kdump (/proc/vmcore)");

	b = core_build_new();
	core_build_prstatus(b, 0);
	core_build_load(b, 0x400000, 0, PAGE_SIZE, image, PAGE_SIZE);
	ASSERT_ERR(open_build(b, &t), ERR_UNSUPPORTED, "without QEMU's notes");
}

static void test_open(void)
{
	char dir[] = "/tmp/fdgdb-core-XXXXXX", path[64];
	struct target *t = NULL;
	size_t len;
	uint8_t *data = good(&len);

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(dir));
	ASSERT_ERR(core_open(dir, &t), ERR_FORMAT, "a directory, not a dump");
	snprintf(path, sizeof(path), "%s/none", dir);
	ASSERT_ERR(core_open(path, &t), ERR_SYS, "No such file");
	snprintf(path, sizeof(path), "%s/pipe", dir);
	CU_ASSERT_EQUAL_FATAL(mkfifo(path, 0600), 0);
	ASSERT_ERR(core_open(path, &t), ERR_FORMAT, "not a regular file");
	unlink(path);

	snprintf(path, sizeof(path), "%s/core", dir);
	int fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	CU_ASSERT_FATAL(fd >= 0 && write(fd, data, len) == (ssize_t)len);
	ASSERT_OK(core_open(path, &t));
	CU_ASSERT_STRING_EQUAL(t->name, path);

	/* Cut while we hold it: refused, not a signal. */
	CU_ASSERT_EQUAL(ftruncate(fd, (off_t)len - 1), 0);
	struct mem *mem;
	ASSERT_OK(mem_create(t, &mem));
	CU_ASSERT_EQUAL(byte_at(mem, 0x2000, ""), 2);
	CU_ASSERT_EQUAL(byte_at(mem, 0x3000, "refused by the target"), -1);
	mem_destroy(mem);
	target_destroy(t);
	close(fd);
	unlink(path);
	rmdir(dir);
	free(data);
}

UNIT_MAIN("core", { "memory of a plain dump", test_plain }, { "registers", test_registers },
	  { "notes that lack something", test_lame_notes }, { "many vCPUs", test_many_vcpus },
	  { "made with -p", test_paged }, { "made with -p, the kernel left out", test_kernel_left_out },
	  { "70000 segments", test_many_segments }, { "pieces of pages", test_not_whole_pages },
	  { "truncated anywhere", test_truncated }, { "damaged", test_damaged },
	  { "more notes than the file is long", test_many_notes },
	  { "other kinds of files", test_other_kinds }, { "cores not of QEMU", test_not_of_qemu },
	  { "opening", test_open })
