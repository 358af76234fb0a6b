/* SPDX-License-Identifier: LGPL-2.1-or-later OR GPL-2.0-only */
/* Types of the test maps: one of everything that BTF can say about a value. */
#ifndef FDGDB_TESTS_GUEST_RICH_H
#define FDGDB_TESTS_GUEST_RICH_H

enum color { RED, GREEN = 5, BLUE = 0x80000000u };
enum temper { COLD = -40, MILD, HOT = 45 };
enum wide { WIDE_LOW = 1, WIDE_TOP = 0xfedcba9876543210ull };
enum swide { SWIDE_NEG = -0x123456789abcll, SWIDE_POS = 0x123456789abcll };
enum __attribute__((packed)) tiny { TINY_A = 1, TINY_Z = 200 };
enum __attribute__((packed)) stiny { STINY_NEG = -3, STINY_POS = 3 };
enum __attribute__((packed)) shorty { SHORTY_ONE = 1, SHORTY_BIG = 40000 };

typedef u32 serial_t;
typedef const serial_t fixed_serial_t;
typedef volatile fixed_serial_t moving_serial_t;
typedef int (*callback_t)(int);

struct never_defined;

struct bits {
	u32 a : 3;
	u32 b : 5;
	s32 c : 7;
	s32 d : 17;
	u64 e : 40;
	s64 f : 20;
	u64 : 4;
	u8 g : 1;
	bool h : 1;
	u8 : 0;
	enum color i : 4;
	enum temper j : 8;
	u32 : 0;
	u32 k : 32;
};

struct inner {
	s16 x;
	u8 y;
	enum stiny z;
};

union view {
	u64 whole;
	struct {
		u32 lo;
		s32 hi;
	};
	u8 bytes[8];
	s16 halves[4];
};

struct rich {
	enum color color;
	enum temper temper;
	enum wide wide;
	enum swide swide;
	enum tiny tiny;
	enum stiny stiny;
	enum shorty shorty;
	enum color strange;
	struct bits bits;
	union view view;
	union {
		u32 in_union;
		struct {
			u16 low;
			s16 high;
		} named;
		struct {
			s8 q0, q1, q2, q3;
		};
	};
	struct {
		u16 in_struct;
		struct {
			s8 deeper;
		};
	};
	s8 s8;
	s16 s16;
	s32 s32;
	s64 s64;
	u8 u8;
	u16 u16;
	u32 u32;
	u64 u64;
	char letter;
	char name[16];
	char raw[4];
	bool yes, no;
	u8 none[0];
	u8 matrix[2][3];
	s16 cube[2][2][2];
	struct inner pair[3];
	enum color colors[3];
	moving_serial_t serial;
	const volatile u64 stamp;
	void *pointer;
	struct task_struct *task;
	struct cpumask *mask;
	callback_t function;
	struct rich *self;
	struct never_defined *never;
	void *null;
	unsigned __int128 u128;
	__int128 s128;
	u32 len;
	u32 tail[];
};

struct rich_key {
	u32 id;
	s16 level;
	enum tiny tiny;
	char tag[5];
};

struct small {
	u64 n;
	s32 minus;
	enum temper temper;
};

struct odd {
	u8 five[5];
};

struct big_key {
	u32 id;
	u8 pad[296];
};

struct big {
	u32 id;
	u16 words[2998];
	u64 last;
};

struct long_value {
	u64 first;
	u32 words[700];
	u64 last;
};

struct locked {
	u32 before;
	struct bpf_spin_lock lock;
	u64 after;
};

struct timed {
	u64 before;
	struct bpf_timer timer;
	s32 after;
};

struct floats {
	float f;
	double d;
	float negative;
	double tiny;
	float list[3];
};

struct float_value {
	u32 id;
	float f;
	double d;
};

struct lpm_key {
	u32 prefixlen;
	u8 addr[4];
};

struct long_lpm_key {
	u32 prefixlen;
	u8 addr[16];
};

#endif
