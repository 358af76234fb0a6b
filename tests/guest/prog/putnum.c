/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * putnum FILE OLD NEW: replaces the one place in a file where the 64-bit number OLD stands by NEW. For BPF
 * objects with a number that is known in the guest alone, and that no loader of ours fills in.
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	static uint8_t data[1 << 20];
	uint64_t old, new;
	size_t len, nr = 0, at = 0;
	FILE *f;

	if (argc != 4) {
		fprintf(stderr, "usage: putnum FILE OLD NEW\n");
		return 2;
	}
	old = strtoull(argv[2], NULL, 0);
	new = strtoull(argv[3], NULL, 0);
	f = fopen(argv[1], "r+");
	if (!f) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	len = fread(data, 1, sizeof(data), f);
	for (size_t i = 0; i + 8 <= len; i++) {
		if (!memcmp(data + i, &old, 8)) {
			at = i;
			nr++;
		}
	}
	if (nr != 1) {
		fprintf(stderr, "%s: %zu places with %#llx\n", argv[1], nr, (unsigned long long)old);
		return 1;
	}
	if (fseek(f, (long)at, SEEK_SET) || fwrite(&new, 8, 1, f) != 1 || fclose(f)) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(errno));
		return 1;
	}
	return 0;
}
