/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "target/core-kind.h"

#include <elf.h>

#define HOW "make one with QEMU's monitor: dump-guest-memory FILE"

struct magic {
	const char *bytes;
	size_t len;
	enum err_code code;
	const char *what;
};

#define MAGIC(bytes, code, what)                                                                   \
	{                                                                                          \
		bytes, sizeof(bytes) - 1, code, what                                               \
	}

static const struct magic magics[] = {
	MAGIC("KDUMP   ", ERR_UNSUPPORTED,
	      "a kdump-compressed dump, which is not read yet; " HOW ", without -z, -l or -s"),
	MAGIC("DISKDUMP", ERR_UNSUPPORTED,
	      "a diskdump (kdump-compressed) dump, which is not read yet; " HOW),
	MAGIC("makedumpfile\0\0\0\0", ERR_UNSUPPORTED,
	      "a flattened kdump-compressed dump, which is not read yet; " HOW
	      ", without -z, -l or -s"),
	MAGIC("PAGEDU64", ERR_UNSUPPORTED, "a Windows crash dump; " HOW ", without -w"),
	MAGIC("PAGEDUMP", ERR_UNSUPPORTED, "a Windows crash dump; " HOW ", without -w"),
	MAGIC("EMiL", ERR_UNSUPPORTED, "a LiME memory image, which is not read yet; " HOW),
	MAGIC("QEVM", ERR_UNSUPPORTED, "a QEMU migration stream, not a dump; " HOW),
	MAGIC("LibvirtQemud", ERR_UNSUPPORTED,
	      "a saved libvirt guest, not a dump; make one with: virsh dump --memory-only"),
	MAGIC("QFI\xfb", ERR_FORMAT, "a qcow2 disk image, not a memory dump; " HOW),
	MAGIC("\x1f\x8b", ERR_UNSUPPORTED, "compressed with gzip; unpack it first (gzip -d)"),
	MAGIC("\x28\xb5\x2f\xfd", ERR_UNSUPPORTED, "compressed with zstd; unpack it first (zstd -d)"),
	MAGIC("\xfd" "7zXZ\0", ERR_UNSUPPORTED, "compressed with xz; unpack it first (xz -d)"),
	MAGIC("BZh", ERR_UNSUPPORTED, "compressed with bzip2; unpack it first (bzip2 -d)"),
	MAGIC("\x04\x22\x4d\x18", ERR_UNSUPPORTED, "compressed with lz4; unpack it first (lz4 -d)"),
	MAGIC("\x89LZO\0", ERR_UNSUPPORTED, "compressed with lzop; unpack it first (lzop -d)"),
	MAGIC("PK\3\4", ERR_UNSUPPORTED, "a zip archive; unpack it first"),
	MAGIC("LUKS\xba\xbe", ERR_FORMAT, "a LUKS-encrypted volume, not a memory dump"),
};

/* A Linux bzImage: "HdrS" stands in the real-mode header. */
static bool is_bzimage(const uint8_t *head, size_t len)
{
	return len >= 0x206 && !memcmp(head + 0x202, "HdrS", 4);
}

static struct err *check_elf(const uint8_t *head, size_t len)
{
	if (len < sizeof(Elf64_Ehdr))
		return err_new(ERR_FORMAT, "truncated: an ELF header needs %zu bytes, has %zu",
			       sizeof(Elf64_Ehdr), len);
	if (head[EI_CLASS] == ELFCLASS32)
		return err_new(ERR_UNSUPPORTED,
			       "a 32-bit ELF file; only dumps of 64-bit guests are read");
	if (head[EI_CLASS] != ELFCLASS64)
		return err_new(ERR_FORMAT, "an ELF file of unknown class %u", head[EI_CLASS]);
	if (head[EI_DATA] == ELFDATA2MSB)
		return err_new(ERR_UNSUPPORTED, "a big-endian ELF file; only x86_64 is read yet");
	if (head[EI_DATA] != ELFDATA2LSB)
		return err_new(ERR_FORMAT, "an ELF file of unknown byte order %u", head[EI_DATA]);

	unsigned int type = get_le16(head + offsetof(Elf64_Ehdr, e_type));
	unsigned int machine = get_le16(head + offsetof(Elf64_Ehdr, e_machine));
	switch (type) {
	case ET_CORE:
		break;
	case ET_EXEC:
	case ET_DYN:
		return err_new(ERR_FORMAT, "an ELF executable (a vmlinux?), not a dump; " HOW);
	case ET_REL:
		return err_new(ERR_FORMAT, "an ELF object file, not a dump; " HOW);
	default:
		return err_new(ERR_FORMAT, "an ELF file of type %u, not a dump; " HOW, type);
	}
	switch (machine) {
	case EM_X86_64:
		return NULL;
	case EM_AARCH64:
		return err_new(ERR_UNSUPPORTED, "a dump of an aarch64 machine; only x86_64 is read yet");
	case EM_386:
		return err_new(ERR_UNSUPPORTED, "a dump of a 32-bit x86 machine; only x86_64 is read");
	default:
		return err_new(ERR_UNSUPPORTED,
			       "a dump of a machine of ELF number %u; only x86_64 is read yet", machine);
	}
}

struct err *core_kind_check(const uint8_t *head, size_t len)
{
	if (!len)
		return err_new(ERR_FORMAT, "the file is empty");
	if (len >= SELFMAG && !memcmp(head, ELFMAG, SELFMAG))
		return check_elf(head, len);
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		if (len >= magics[i].len && !memcmp(head, magics[i].bytes, magics[i].len))
			return err_new(magics[i].code, "%s", magics[i].what);
	}
	if (is_bzimage(head, len))
		return err_new(ERR_FORMAT, "a kernel image (bzImage), not a dump; " HOW);
	return err_new(ERR_FORMAT, "not an ELF core, nor any other dump format known; " HOW);
}
