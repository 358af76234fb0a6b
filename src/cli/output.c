/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/output.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

/* Whether a file can be put beside this one. */
static bool dir_writable(const char *real)
{
	_cleanup_free_ char *copy = strdup(real);

	return copy && !access(dirname(copy), W_OK | X_OK);
}

static struct err *open_in_place(struct output *out, int flags)
{
	out->fd = open(out->path, O_WRONLY | O_CLOEXEC | O_NOCTTY | flags, 0666);
	return out->fd < 0 ? err_sys(errno, "%s", out->path) : NULL;
}

static struct err *open_new(struct output *out)
{
	struct stat st;
	mode_t mask = umask(0);

	umask(mask);
	out->mode = 0666 & ~mask;
	/* A symbolic link to nowhere: its target comes into being, not a file in its place. */
	if (!lstat(out->path, &st))
		return open_in_place(out, O_CREAT);
	out->real = strdup(out->path);
	if (!out->real)
		return &err_nomem;
	return dir_writable(out->real) ? NULL : err_sys(errno, "%s", out->path);
}

static struct err *open_old(struct output *out, const struct stat *st)
{
	if (S_ISDIR(st->st_mode))
		return err_sys(EISDIR, "%s", out->path);
	if (!S_ISREG(st->st_mode))
		return open_in_place(out, 0);
	out->mode = st->st_mode & 0777;
	out->real = realpath(out->path, NULL);
	if (out->real && dir_writable(out->real) && !access(out->real, W_OK))
		return NULL;
	free(take_ptr(out->real));
	/* A file that may be written to in a directory that may not. */
	out->truncate = true;
	return open_in_place(out, 0);
}

struct err *output_open(struct output *out, const char *path, const char *const *inputs)
{
	struct stat st, other;

	*out = (struct output){ .path = path, .fd = -1 };
	if (!path)
		return NULL;
	if (stat(path, &st))
		return errno == ENOENT ? open_new(out) : err_sys(errno, "%s", path);
	for (; *inputs; inputs++) {
		if (!stat(*inputs, &other) && same_file(&st, &other))
			return err_new(ERR_USAGE, "-o %s: the report would replace what it is made of", path);
	}
	/* /dev/stdout: our own, with its place in the file and its mode. */
	if (!fstat(STDOUT_FILENO, &other) && same_file(&st, &other)) {
		out->path = NULL;
		return NULL;
	}
	return open_old(out, &st);
}

/* Beside the old file, for only there it can be renamed to take its place. */
static struct err *make_temp(struct output *out)
{
	_cleanup_free_ char *dir = strdup(out->real), *base = strdup(out->real);

	if (!dir || !base || asprintf(&out->temp, "%s/.%s.XXXXXX", dirname(dir), basename(base)) < 0) {
		out->temp = NULL;
		return &err_nomem;
	}
	out->fd = mkostemp(out->temp, O_CLOEXEC);
	if (out->fd < 0) {
		free(take_ptr(out->temp));
		return err_sys(errno, "%s", out->path);
	}
	return fchmod(out->fd, out->mode) ? err_sys(errno, "%s", out->path) : NULL;
}

struct err *output_begin(struct output *out, bool paged)
{
	if (!out->path) {
		out->f = paged ? pager_start(&out->pager) : NULL;
		if (!out->f)
			out->f = stdout;
		return NULL;
	}
	if (out->real)
		TRY(make_temp(out));
	if (out->truncate && ftruncate(out->fd, 0))
		return err_sys(errno, "%s", out->path);
	out->f = fdopen(out->fd, "w");
	if (!out->f)
		return err_sys(errno, "%s", out->path);
	out->fd = -1;
	return NULL;
}

struct err *output_end(struct output *out, bool good)
{
	FILE *f = take_ptr(out->f);

	if (out->pager.pid)
		return pager_end(&out->pager, f);
	if (!f || f == stdout)
		return NULL;
	if ((fclose(f) || (good && out->temp && rename(out->temp, out->real))) && good)
		return err_sys(errno, "%s", out->path);
	if (good)
		free(take_ptr(out->temp));
	return NULL;
}

void output_deinit(struct output *out)
{
	err_ignore(output_end(out, false));
	if (out->temp)
		unlink(out->temp);
	if (out->fd >= 0)
		close(out->fd);
	free(out->temp);
	free(out->real);
}
