/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Drives a fuzz target without a fuzzing engine.
 *
 *	fuzz-core FILE...	replays these inputs (crash files, a corpus)
 *	fuzz-core		replays the seeds, then FUZZ_RUNS (20000) mutations of them
 *
 * Mutation n is the same in every run: FUZZ_FIRST=n FUZZ_RUNS=1 repeats it alone.  An input that ends
 * the program, or takes longer than FUZZ_SECONDS (20), is left behind as crash-TARGET.
 */
#include "config.h"

#include "fuzz.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/vec.h"

#pragma weak fuzz_seed
#pragma weak fuzz_runs
void __sanitizer_set_death_callback(void (*callback)(void));
#pragma weak __sanitizer_set_death_callback

enum { MAX_LEN = 1 << 20, MAX_STEPS = 8 };

struct input {
	uint8_t *data;
	size_t len;
};

static VEC(struct input) seeds;
static const uint8_t *now_data;
static size_t now_len;
static unsigned long long now_run;
static char crash_name[256];

/* Signal-safe but for the number, and what runs here is about to die anyway. */
static void save(void)
{
	int fd = open(crash_name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd >= 0) {
		if (write(fd, now_data, now_len) != (ssize_t)now_len)
			perror(crash_name);
		close(fd);
	}
	fprintf(stderr, "input left in %s (mutation %llu)\n", crash_name, now_run);
}

static void on_signal(int sig)
{
	save();
	signal(sig, SIG_DFL);
	raise(sig);
	_exit(1); /* a signal that was blocked */
}

static unsigned long long env(const char *name, unsigned long long value)
{
	const char *s = getenv(name);

	return s ? strtoull(s, NULL, 0) : value;
}

static void run(const uint8_t *data, size_t len)
{
	/* A copy of exact size, so that ASan sees a read past the end. */
	uint8_t *copy = malloc(len ? len : 1);

	if (!copy)
		abort();
	memcpy(copy, data, len);
	now_data = copy;
	now_len = len;
	alarm((unsigned int)env("FUZZ_SECONDS", 20));
	LLVMFuzzerTestOneInput(copy, len);
	alarm(0);
	free(copy);
}

static void replay(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(MAX_LEN);

	if (!f || !data) {
		perror(path);
		exit(1);
	}
	run(data, fread(data, 1, MAX_LEN, f));
	free(data);
	fclose(f);
}

/* splitmix64: the state may be any number, so the number of the mutation seeds it. */
static uint64_t rnd(uint64_t *state)
{
	uint64_t z = (*state += 0x9e3779b97f4a7c15ULL);

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

static size_t below(uint64_t *state, size_t n)
{
	return n ? rnd(state) % n : 0;
}

/* An edge that lengths and offsets tend to be checked, or not checked, against. */
static uint64_t edge(uint64_t *state)
{
	uint64_t v = 1ULL << below(state, 64);

	switch (below(state, 6)) {
	case 0:
		return v;
	case 1:
		return v - 1;
	case 2:
		return ~v + 1;
	case 3:
		return below(state, 256);
	case 4:
		return ~(uint64_t)below(state, 256);
	default:
		return rnd(state);
	}
}

/* Moves or copies a piece of the input, in place. */
static void shuffle(uint64_t *state, uint8_t *data, size_t len)
{
	size_t from = below(state, len), to = below(state, len);
	size_t room = len - MAX(from, to), n = 1 + below(state, MIN(room, (size_t)64));

	memmove(data + to, data + from, n);
}

static size_t mutate_once(uint64_t *state, uint8_t *data, size_t len)
{
	size_t at = below(state, len), n;

	if (!len) {
		data[0] = (uint8_t)rnd(state);
		return 1;
	}
	switch (below(state, 8)) {
	case 0:
		data[at] ^= (uint8_t)(1 << below(state, 8));
		return len;
	case 1:
		data[at] = (uint8_t)rnd(state);
		return len;
	case 2:
	case 3: {
		/* Most formats align their fields. */
		uint64_t v = edge(state);

		n = (size_t)1 << below(state, 4);
		at = below(state, 4) ? align_down(at, n) : at;
		for (size_t i = 0; i < n && at + i < len; i++)
			data[at + i] = (uint8_t)(v >> 8 * i);
		return len;
	}
	case 4:
		shuffle(state, data, len);
		return len;
	case 5: /* cut out */
		n = 1 + below(state, MIN(len - at, (size_t)64));
		memmove(data + at, data + at + n, len - at - n);
		return len - n;
	case 6: /* put in */
		n = 1 + below(state, 16);
		if (len + n > MAX_LEN)
			return len;
		memmove(data + at + n, data + at, len - at);
		for (size_t i = 0; i < n; i++)
			data[at + i] = (uint8_t)rnd(state);
		return len + n;
	default: /* cut off, rarely */
		return below(state, 4) ? len : at;
	}
}

static void mutation(unsigned long long n, uint8_t *data)
{
	uint64_t state = n;
	size_t len = 0;

	if (seeds.nr) {
		const struct input *seed = &seeds.data[below(&state, seeds.nr)];

		len = MIN(seed->len, (size_t)MAX_LEN);
		memcpy(data, seed->data, len);
	} else {
		len = below(&state, 512);
		for (size_t i = 0; i < len; i++)
			data[i] = (uint8_t)rnd(&state);
	}
	for (size_t steps = 1 + below(&state, MAX_STEPS); steps > 0; steps--)
		len = mutate_once(&state, data, len);
	now_run = n;
	run(data, len);
}

static void load_seeds(void)
{
	struct input in;

	for (size_t i = 0; fuzz_seed && fuzz_seed(i, &in.data, &in.len); i++) {
		struct input *seed = vec_push(&seeds);

		if (!seed)
			abort();
		*seed = in;
		run(in.data, in.len);
	}
}

static void catch_death(const char *target)
{
	static const int fatal[] = { SIGABRT, SIGALRM, SIGBUS, SIGFPE, SIGILL, SIGSEGV };
	const char *slash = strrchr(target, '/');

	snprintf(crash_name, sizeof(crash_name), "crash-%s", slash ? slash + 1 : target);
	for (size_t i = 0; i < ARRAY_SIZE(fatal); i++) {
		/* ASan says more about the rest than we can. */
		if (!__sanitizer_set_death_callback || fatal[i] == SIGALRM || fatal[i] == SIGABRT)
			signal(fatal[i], on_signal);
	}
	if (__sanitizer_set_death_callback)
		__sanitizer_set_death_callback(save);
}

int main(int argc, char **argv)
{
	unsigned long long first = env("FUZZ_FIRST", 0), runs;

	runs = env("FUZZ_RUNS", &fuzz_runs ? fuzz_runs : 20000);

	catch_death(argv[0]);
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	if (argc > 1)
		return 0;

	uint8_t *data = malloc(MAX_LEN);
	if (!data)
		return 99;
	printf("1..1\n");
	load_seeds();
	for (unsigned long long n = first; n < first + runs; n++)
		mutation(n, data);
	printf("ok 1 - %zu seeds, %llu mutations\n", seeds.nr, runs);
	for (size_t i = 0; i < seeds.nr; i++)
		free(seeds.data[i].data);
	free(seeds.data);
	free(data);
	return 0;
}
