/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include "cli/pager.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

/* Where there is no less, all of it at once is better than nothing. */
static const char by_default[] = "if command -v less >/dev/null 2>&1; then exec less; else exec cat; fi";

static const char *command(void)
{
	const char *term = getenv("TERM"), *pager = getenv("PAGER");

	if (!isatty(STDOUT_FILENO) || !term || !strcmp(term, "dumb"))
		return NULL;
	if (!pager)
		return by_default;
	return *pager && strcmp(pager, "cat") ? pager : NULL;
}

FILE *pager_start(struct pager *p)
{
	const char *cmd = command();
	int fds[2];

	if (!cmd || pipe2(fds, O_CLOEXEC))
		return NULL;
	FILE *f = fdopen(fds[1], "w");
	pid_t pid = f ? fork() : -1;
	if (!pid) {
		dup2(fds[0], STDIN_FILENO);
		setenv("LESS", "FRX", 0);
		execl("/bin/sh", "sh", "-c", cmd, (char *)NULL);
		_exit(127);
	}
	close(fds[0]);
	if (pid < 0) {
		if (f)
			fclose(f);
		else
			close(fds[1]);
		return NULL;
	}
	p->pid = pid;
	p->old_int = signal(SIGINT, SIG_IGN);
	p->old_quit = signal(SIGQUIT, SIG_IGN);
	p->old_pipe = signal(SIGPIPE, SIG_IGN);
	return f;
}

struct err *pager_end(struct pager *p, FILE *f)
{
	int status = 0;

	if (f)
		fclose(f); /* whoever has seen enough does not read to the end */
	while (waitpid(p->pid, &status, 0) < 0 && errno == EINTR)
		;
	p->pid = 0;
	signal(SIGINT, p->old_int);
	signal(SIGQUIT, p->old_quit);
	signal(SIGPIPE, p->old_pipe);
	/* What the shell says of a command that it cannot run. */
	if (WIFEXITED(status) && (WEXITSTATUS(status) == 126 || WEXITSTATUS(status) == 127))
		return err_new(ERR_SYS, "the pager did not run (PAGER); nobody has seen the report");
	return NULL;
}
