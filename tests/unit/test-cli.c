/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program as its user has it: what it does to files, terminals and guests, and what it says.  Its guest is a tiny
 * kernel, in a dump or behind a fake stub.
 */
#include "config.h"

#include "unit.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "cli/exit.h"
#include "core-build.h"
#include "fake-stub.h"
#include "tiny-kernel.h"

static const uint64_t text = 0xffffffff9a200000;

static const char *program;
static char dir[] = "/tmp/fdgdb-cli-XXXXXX";

/* ---- the guest */

/* Its memory: page tables, per-CPU areas, the image; and the root of the tables. */
static struct fake_segment segments[] = {
	{ .addr = IMAGE_TABLES, .len = 1 << 20 },
	{ .addr = IMAGE_PAGES, .len = 1 << 20 },
	{ .addr = 64 << 20, .len = 8 << 20 },
};
static uint64_t root;

static bool is_zero(const uint8_t *p, size_t len)
{
	return !*p && !memcmp(p, p + 1, len - 1);
}

static void make_guest(void)
{
	struct guest_image *img = image_new(1, 4);

	tiny_kernel_put(img, text, &(struct tiny_options){ .layout = KS_6_15 });
	root = img->pt.root.v;
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++) {
		segments[i].data = calloc(1, segments[i].len);
		if (!segments[i].data)
			abort();
	}
	for (uint64_t at = 0; at < IMAGE_RAM; at += PAGE_SIZE) {
		uint8_t page[PAGE_SIZE];
		struct target_read r = { .addr = { at }, .len = PAGE_SIZE, .buf = page };
		struct err *e = img->ft->t.ops->read(&img->ft->t, &r, 1);
		bool kept = false;

		for (size_t i = 0; !e && i < ARRAY_SIZE(segments); i++) {
			if (at < segments[i].addr || at - segments[i].addr >= segments[i].len)
				continue;
			memcpy((uint8_t *)(uintptr_t)segments[i].data + (at - segments[i].addr), page, PAGE_SIZE);
			kept = true;
		}
		if (e || (!kept && !is_zero(page, PAGE_SIZE)))
			abort();
	}
	image_free(img);
}

/* QEMUCPUState, with what a kernel is found by. */
static void add_vcpu(struct core_build *b)
{
	enum { CS = 152, CRS = 392 };
	uint8_t desc[440] = { 1, 0, 0, 0, 440 & 0xff, 440 >> 8 };
	const uint64_t cr[] = { 0x80050033, 0, 0, root, 0x6f0 };

	desc[CS] = 0x10;
	for (size_t i = 0; i < ARRAY_SIZE(cr); i++) {
		for (size_t k = 0; k < 8; k++)
			desc[CRS + 8 * i + k] = (uint8_t)(cr[i] >> 8 * k);
	}
	core_build_note(b, "QEMU", 0, desc, sizeof(desc));
}

static struct fake *start_stub(unsigned int delay_us)
{
	static uint8_t regs[1][FAKE_REGS];

	fake_set_reg(regs[0], "cs", 0x10);
	fake_set_reg(regs[0], "cr0", 0x80050033);
	fake_set_reg(regs[0], "cr3", root);
	fake_set_reg(regs[0], "cr4", 0x6f0);
	fake_set_reg(regs[0], "efer", 0xd01);
	return fake_start(&(struct fake_opts){ .segments = segments, .nr_segments = ARRAY_SIZE(segments), .nr_vcpus = 1,
					       .regs = (const uint8_t(*)[FAKE_REGS])regs, .delay_us = delay_us });
}

/* ---- files */

/* In the directory of the tests. */
static char dump[64], rep[64], other[64], out_file[64], err_file[64];

static void name_file(char path[64], const char *name)
{
	snprintf(path, 64, "%s/%s", dir, name);
}

static void put_file(const char *path, const void *data, size_t len)
{
	FILE *f = fopen(path, "w");

	if (!f || fwrite(data, 1, len, f) != len || fclose(f))
		abort();
}

static char *get_file(const char *path, size_t *ret_len)
{
	char *data = NULL;
	FILE *in = fopen(path, "r"), *out = open_memstream(&data, ret_len);
	char buf[4096];

	if (!out)
		abort();
	for (size_t n; in && (n = fread(buf, 1, sizeof(buf), in));)
		fwrite(buf, 1, n, out);
	if (in)
		fclose(in);
	fclose(out);
	return data;
}

static bool holds(const char *path, const char *what)
{
	size_t len;
	_cleanup_free_ char *data = get_file(path, &len);

	return len == strlen(what) && !memcmp(data, what, len);
}

static bool begins(const char *path, const char *what)
{
	size_t len;
	_cleanup_free_ char *data = get_file(path, &len);

	return !strncmp(data, what, strlen(what));
}

static size_t nr_files(void)
{
	DIR *d = opendir(dir);
	size_t nr = 0;

	while (d && readdir(d))
		nr++;
	if (d)
		closedir(d);
	return nr - 2;
}

static void make_dump(const char *path)
{
	struct core_build *b = core_build_new();
	size_t len;

	add_vcpu(b);
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++)
		core_build_load(b, 0, segments[i].addr, segments[i].len, segments[i].data, segments[i].len);
	_cleanup_free_ uint8_t *data = core_build_finish(b, &len);
	put_file(path, data, len);
}

/* ---- running it */

struct run {
	int status; /* 128 + signal */
	size_t out_len;
	char *out, *err;
};

/* How the program finds its surroundings. */
struct around {
	const char *stdout_to; /* NULL: kept in run.out */
	unsigned int close;    /* bits of file descriptors that are closed */
	rlim_t file_size;      /* 0: no limit */
};

static void child(const struct around *a, const char *const *argv)
{
	int out = open(a->stdout_to ? a->stdout_to : out_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	int err = open(err_file, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	if (a->file_size) {
		signal(SIGXFSZ, SIG_IGN);
		setrlimit(RLIMIT_FSIZE, &(struct rlimit){ a->file_size, a->file_size });
	}
	for (int fd = 0; fd < 3; fd++) {
		if (a->close >> fd & 1)
			close(fd);
	}
	execv(program, (char **)(uintptr_t)argv);
	_exit(99);
}

static struct run ended(pid_t pid)
{
	struct run r = { 0 };
	int status;
	size_t len;

	waitpid(pid, &status, 0);
	r.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	r.out = get_file(out_file, &r.out_len);
	r.err = get_file(err_file, &len);
	unlink(out_file);
	unlink(err_file);
	return r;
}

enum { MAX_ARGS = 16 };

#define ARGS(...) (const char *const[MAX_ARGS]){ "fdgdb", __VA_ARGS__ }

static struct run run_in(const struct around *a, const char *const *argv)
{
	fflush(NULL);
	pid_t pid = fork();

	if (!pid)
		child(a, argv);
	return ended(pid);
}

#define RUN(...) run_in(&(struct around){ 0 }, ARGS(__VA_ARGS__))

static size_t nr_lines(const char *s)
{
	size_t n = 0;

	for (; (s = strchr(s, '\n')); s++)
		n++;
	return n;
}

static void check(struct run r, int status, const char *err, unsigned int line)
{
	bool good = r.status == status && (err ? strstr(r.err, err) && nr_lines(r.err) == 1 : !*r.err);

	if (!good)
		printf("# line %u: status %d, stderr: %s\n", line, r.status, r.err);
	CU_assertImplementation(good, line, "status and message", __FILE__, "", CU_FALSE);
	free(r.out);
	free(r.err);
}

/* A status, and one line on stderr with this in it; NULL: nothing there. */
#define CHECK(run, status, err) check((run), (status), (err), __LINE__)

/* Of what the tiny kernel lacks much cannot be read, or need not be. */
static int usual; /* the status of a report that went well */

/* ---- -o */

static void test_output_keeps(void)
{
	struct stat before, after;

	put_file(rep, "old", 3);
	CU_ASSERT_EQUAL(stat(dump, &before), 0);
	CHECK(RUN("core", "-o", dump, dump), EXIT_USAGE, "would replace what it is made of");
	CU_ASSERT_EQUAL(link(dump, other), 0);
	CHECK(RUN("core", "-o", other, dump), EXIT_USAGE, "would replace what it is made of");
	unlink(other);
	CU_ASSERT_EQUAL(symlink(dump, other), 0);
	CHECK(RUN("core", "-o", other, dump), EXIT_USAGE, "would replace what it is made of");
	CHECK(RUN("core", "-o", dump, other), EXIT_USAGE, "would replace what it is made of");
	CHECK(RUN("core", "--vmlinux", rep, "-o", rep, dump), EXIT_USAGE, "would replace what it is made of");
	unlink(other);
	CU_ASSERT_EQUAL(stat(dump, &after), 0);
	CU_ASSERT(before.st_size == after.st_size && before.st_ino == after.st_ino);

	/* Nothing to be written is no reason to throw something away. */
	CHECK(RUN("core", "-o", rep, "/nonexistent/dump"), EXIT_FAILED, "/nonexistent/dump");
	CHECK(RUN("attach", "-o", rep, "unix:/nonexistent/x"), EXIT_TARGET, "/nonexistent/x");
	CHECK(RUN("core", "-o", "/nonexistent/rep", dump), EXIT_FAILED, "No such file or directory");
	CHECK(RUN("core", "-o", dir, dump), EXIT_FAILED, "directory");
	/* Nor is half a report. */
	CHECK(run_in(&(struct around){ .file_size = 200 }, ARGS("core", "-o", rep, dump)), EXIT_FAILED,
	      "cannot write the report: File too large");
	CU_ASSERT(holds(rep, "old"));
	unlink(rep);
	CU_ASSERT_EQUAL(nr_files(), 1);
}

static void test_output_replaces(void)
{
	struct stat st;

	CHECK(RUN("core", "-o", rep, dump), usual, NULL);
	CU_ASSERT(begins(rep, "fdgdb "));
	CU_ASSERT_EQUAL(stat(rep, &st), 0);
	mode_t mask = umask(0);
	umask(mask);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0666 & ~mask);

	/* The mode is the old one's, and a link stays one. */
	put_file(rep, "old", 3);
	chmod(rep, 0640);
	CU_ASSERT_EQUAL(symlink("report", other), 0);
	CHECK(RUN("core", "-j", "-o", other, dump), usual, NULL);
	CU_ASSERT(begins(rep, "{\"schema\":"));
	CU_ASSERT_EQUAL(stat(rep, &st), 0);
	CU_ASSERT_EQUAL(st.st_mode & 0777, 0640);
	CU_ASSERT_EQUAL(lstat(other, &st), 0);
	CU_ASSERT_TRUE(S_ISLNK(st.st_mode));
	unlink(rep);

	/* A link to nowhere. */
	CHECK(RUN("core", "-o", other, dump), usual, NULL);
	CU_ASSERT(begins(rep, "fdgdb "));
	CU_ASSERT_EQUAL(lstat(other, &st), 0);
	CU_ASSERT_TRUE(S_ISLNK(st.st_mode));
	unlink(other);
	unlink(rep);
	CU_ASSERT_EQUAL(nr_files(), 1);
}

static void test_output_special(void)
{
	char cmd[256];

	struct run r = RUN("core", "-o", "/dev/stdout", dump);
	CU_ASSERT(!strncmp(r.out, "fdgdb ", 6));
	CHECK(r, usual, NULL);
	CHECK(RUN("core", "-o", "/dev/null", dump), usual, NULL);
	struct stat st;
	CU_ASSERT(!stat("/dev/null", &st) && S_ISCHR(st.st_mode));

	CU_ASSERT_EQUAL(mkfifo(other, 0600), 0);
	snprintf(cmd, sizeof(cmd), "cat %s >%s &", other, rep);
	CU_ASSERT_EQUAL(system(cmd), 0);
	CHECK(RUN("core", "-o", other, dump), usual, NULL);
	for (int i = 0; i < 200 && !begins(rep, "fdgdb "); i++)
		usleep(10000);
	CU_ASSERT(begins(rep, "fdgdb "));
	CU_ASSERT(!stat(other, &st) && S_ISFIFO(st.st_mode));
	unlink(other);
	unlink(rep);
}

/* One cause, one line. */
static void test_full_disk(void)
{
	struct around full = { .stdout_to = "/dev/full" };

	CHECK(run_in(&full, ARGS("core", dump)), EXIT_FAILED, "No space left on device");
	CHECK(run_in(&full, ARGS("core", "-j", dump)), EXIT_FAILED, "No space left on device");
	CHECK(run_in(&full, ARGS("--help")), EXIT_FAILED, "cannot write to stdout: No space left on device");
	CHECK(run_in(&full, ARGS("--version")), EXIT_FAILED, "cannot write to stdout: No space left on device");
	CHECK(RUN("core", "-o", "/dev/full", dump), EXIT_FAILED, "No space left on device");
}

/* What is opened in place of a closed descriptor gets neither messages nor reports. */
static void test_closed(void)
{
	for (unsigned int fds = 0; fds < 8; fds++) {
		struct around a = { .close = fds };

		struct run r = run_in(&a, ARGS("core", "--stats", "-o", rep, dump));
		CU_ASSERT_EQUAL(r.status, usual);
		CU_ASSERT(fds & 4 ? !*r.err : !!strstr(r.err, "read "));
		free(r.out);
		free(r.err);
		size_t len;
		_cleanup_free_ char *data = get_file(rep, &len);
		CU_ASSERT(!strncmp(data, "fdgdb ", 6) && !strstr(data, "fdgdb: read"));
		unlink(rep);
	}
	struct run r = run_in(&(struct around){ .close = 2 }, ARGS("core", dump));
	CHECK(r, EXIT_FAILED, "cannot write the report");

	struct fake *f = start_stub(0);
	r = run_in(&(struct around){ .close = 7 }, ARGS("attach", "-o", rep, fake_target(f)));
	CU_ASSERT_EQUAL(r.status, usual);
	CU_ASSERT(fake_restored(f));
	CU_ASSERT_EQUAL(fake_forbidden(f), 0);
	free(r.out);
	free(r.err);
	unlink(rep);
	fake_stop(f);
}

/* ---- options */

static void test_usage(void)
{
	CHECK(RUN("core", "--section", ",", dump), EXIT_USAGE, "--section: which?");
	CHECK(RUN("core", "--section", "", dump), EXIT_USAGE, "--section: which?");
	CHECK(RUN("core", "--section", "moon", dump), EXIT_USAGE, "\"moon\" (vcpus, ");
	CHECK(RUN("core", "--section", "moon", dump), EXIT_USAGE, ", stacks, waits)");
	CHECK(RUN("core", "-o", "/dev/null", "--section", "vcpus,vcpus,,vcpus", dump), EXIT_COMPLETE, NULL);
	/* The word that is wrong, not the one that the parser has come to. */
	CHECK(RUN("core", "-xj", dump), EXIT_USAGE, "'x'");
	CHECK(RUN("core", "--frob", dump), EXIT_USAGE, "--frob");
	CHECK(RUN("core", "--log-bytes", "0", dump), EXIT_USAGE, "--log-bytes: at least 1");
	CHECK(RUN("core", "--log-bytes", "1T", dump), EXIT_USAGE, "\"1T\"");
	CHECK(RUN("core", "--ma", "5", dump), EXIT_USAGE, "--max-entries");
	CHECK(RUN("core", "--json=1", dump), EXIT_USAGE, "--json");
	CHECK(RUN("core", dump, "-o"), EXIT_USAGE, "'o'");
	CHECK(RUN("core", "--map"), EXIT_USAGE, "--map");
	CHECK(RUN("core"), EXIT_USAGE, "core what?");
	CHECK(RUN("attach", "--deadline", "2K", ":1"), EXIT_USAGE, "\"2K\"");
	CHECK(RUN("attach", "--deadline", "0", ":1"), EXIT_USAGE, "1 to 3600000 ms");
	CHECK(RUN("attach", "--deadline", "3601s", ":1"), EXIT_USAGE, "1 to 3600000 ms");
	CHECK(RUN("attach", "--deadline", "18446744073709551615s", ":1"), EXIT_USAGE, "1 to 3600000 ms");
	CHECK(RUN("attach", "--deadline", "-5", ":1"), EXIT_USAGE, "\"-5\"");
	CHECK(RUN("attach", "--deadline", "2s", "unix:/nonexistent/x"), EXIT_TARGET, "/nonexistent/x");
	CHECK(RUN("attach", "--deadline", "500ms", "unix:/nonexistent/x"), EXIT_TARGET, "/nonexistent/x");
}

/* ---- guests that are running */

/* Answers that take their time, so that there is some to do things in. */
static struct fake *start_slow(pid_t *ret, const char *const *argv)
{
	struct fake *f = start_stub(3000);
	const char *copy[MAX_ARGS + 1];
	size_t n = 0;

	for (; argv[n]; n++)
		copy[n] = argv[n];
	copy[n++] = fake_target(f);
	copy[n] = NULL;
	fflush(NULL);
	*ret = fork();
	if (!*ret)
		child(&(struct around){ 0 }, copy);
	for (int ms = 0; ms < 10000 && !fake_nr_reads(f); ms++)
		usleep(1000);
	CU_ASSERT(fake_nr_reads(f) > 0);
	return f;
}

/* What was asked for is not what has become of the guest. */
static void test_suspended(void)
{
	pid_t pid;
	struct fake *f = start_slow(&pid, ARGS("attach", "--keep-halted"));

	kill(pid, SIGSTOP);
	CU_ASSERT(fake_restored(f));
	kill(pid, SIGCONT);
	struct run r = ended(pid);
	CU_ASSERT_EQUAL(r.status, EXIT_PARTIAL);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err, "not kept halted"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err, "suspended"));
	CU_ASSERT_PTR_NULL(strstr(r.err, "is left halted"));
	CU_ASSERT_PTR_NULL(strstr(r.err, "deadline"));
	free(r.out);
	free(r.err);
	fake_stop(f);
}

static void test_kept_halted(void)
{
	struct fake *f = start_stub(0);
	struct run r = RUN("attach", "--keep-halted", "-j", fake_target(f));

	CU_ASSERT_EQUAL(r.status, usual);
	CU_ASSERT_PTR_NOT_NULL(strstr(r.err, "is left halted"));
	CU_ASSERT_PTR_NOT_NULL(strstr(r.out, "\"kept_halted\":true"));
	CU_ASSERT(!fake_is_running(f) && !fake_is_physical(f));
	free(r.out);
	free(r.err);
	fake_stop(f);
}

/* ---- pagers */

/* Standard output is a terminal, which nobody looks at. */
static pid_t on_terminal(const char *pager, const char *const *argv, int *ret_terminal)
{
	int terminal = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);

	if (terminal < 0 || grantpt(terminal) || unlockpt(terminal))
		abort();
	fflush(NULL);
	pid_t pid = fork();
	if (!pid) {
		setenv("TERM", "vt100", 1);
		if (pager)
			setenv("PAGER", pager, 1);
		else
			unsetenv("PAGER");
		child(&(struct around){ .stdout_to = ptsname(terminal) }, argv);
	}
	*ret_terminal = terminal;
	return pid;
}

static void test_pager(void)
{
	const char *paged = rep, *go = other;
	struct fake *f = start_stub(0);
	int terminal;
	char pager[256];

	/* Whoever reads a report may take all day for it: the guest runs. */
	snprintf(pager, sizeof(pager), "cat >%s; while [ ! -e %s ]; do sleep 0.02; done", paged, go);
	pid_t pid = on_terminal(pager, ARGS("attach", fake_target(f)), &terminal);
	for (int i = 0; i < 1000 && !begins(paged, "\033[1mfdgdb "); i++)
		usleep(10000);
	CU_ASSERT(begins(paged, "\033[1mfdgdb "));
	CU_ASSERT(fake_is_running(f) && !fake_is_physical(f));
	CU_ASSERT_EQUAL(waitpid(pid, NULL, WNOHANG), 0);
	put_file(go, "", 0);
	CHECK(ended(pid), usual, NULL);
	close(terminal);
	unlink(paged);

	/* Not for programs' eyes, and not for who does not want it. */
	snprintf(pager, sizeof(pager), "cat >%s", paged);
	CHECK(ended(on_terminal(pager, ARGS("core", "-j", "--section", "vcpus", dump), &terminal)),
	      EXIT_COMPLETE, NULL);
	close(terminal);
	CHECK(ended(on_terminal(pager, ARGS("core", "--no-pager", "--section", "vcpus", dump), &terminal)),
	      EXIT_COMPLETE, NULL);
	close(terminal);
	CHECK(RUN("core", "-o", "/dev/null", dump), usual, NULL);
	CU_ASSERT_NOT_EQUAL(access(paged, F_OK), 0);

	/* Who has seen enough, and a pager that is none. */
	CHECK(ended(on_terminal("head -n 1 >/dev/null", ARGS("core", "-v", dump), &terminal)), usual, NULL);
	close(terminal);
	pid = on_terminal("/nonexistent/pager 2>/dev/null", ARGS("core", dump), &terminal);
	CHECK(ended(pid), EXIT_FAILED, "the pager did not run");
	close(terminal);
	unlink(go);
	fake_stop(f);
}

int main(void)
{
	static const struct unit_test tests[] = {
		{ "-o leaves what it cannot replace", test_output_keeps },
		{ "-o replaces a file in one step", test_output_replaces },
		{ "-o to what is no file", test_output_special },
		{ "a full disk", test_full_disk },
		{ "closed descriptors", test_closed },
		{ "wrong usage", test_usage },
		{ "suspended", test_suspended },
		{ "kept halted", test_kept_halted },
		{ "the pager", test_pager },
		{ NULL, NULL },
	};

	program = getenv("FDGDB") ? getenv("FDGDB") : "./fdgdb";
	unsetenv("NO_COLOR");
	unsetenv("PAGER");
	if (!mkdtemp(dir))
		return 99;
	name_file(dump, "dump");
	name_file(rep, "report");
	name_file(other, "other");
	name_file(out_file, "stdout");
	name_file(err_file, "stderr");
	make_guest();
	make_dump(dump);
	struct run r = RUN("core", dump);
	usual = r.status;
	free(r.out);
	free(r.err);

	int status = unit_main("cli", tests);
	unlink(dump);
	rmdir(dir);
	for (size_t i = 0; i < ARRAY_SIZE(segments); i++)
		free((void *)(uintptr_t)segments[i].data);
	return status;
}
