/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/* lines: what is in another file than the program that it becomes a part of. */

static __always_inline long fetch(void *to, u32 len, const void *from)
{
	return bpf_copy_from_user(to, len, from); /* sleeps here */
}
