/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.c - a forked child that has one file and one thing to do with it.
 */
#include "child.h"

#include <errno.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHILD_S 300 /* one that is not done by then is ended */

/* Neither longer than the agent nor with its locks, and behind all else. */
static void be_modest(pid_t parent, int fd)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it ended before that */
	if (fd > 3)
		(void)close_range(3, (unsigned int)fd - 1, 0);
	(void)close_range((unsigned int)fd + 1, ~0U, 0);
	(void)alarm(CHILD_S);
	(void)setpriority(PRIO_PROCESS, 0, 10);
}

pid_t wd_kube_child_start(int fd, int (*run)(void *ctx, int fd), void *ctx)
{
	pid_t parent = getpid();
	pid_t pid = fork();

	if (pid < 0)
		return -errno;
	if (!pid) {
		be_modest(parent, fd);
		_exit(run(ctx, fd) ? 1 : 0);
	}
	return pid;
}

int wd_kube_child_look(pid_t *pid, bool wait)
{
	int status;
	pid_t ended;

	do {
		ended = waitpid(*pid, &status, wait ? 0 : WNOHANG);
	} while (ended < 0 && errno == EINTR);
	if (!ended)
		return -EAGAIN;
	*pid = 0;
	return ended > 0 && WIFEXITED(status) && !WEXITSTATUS(status) ? 0 :
									-EIO;
}

void wd_kube_child_end(pid_t *pid)
{
	if (*pid <= 0)
		return;
	(void)kill(*pid, SIGKILL);
	(void)waitpid(*pid, NULL, 0);
	*pid = 0;
}
