/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.c - fork, exec, wait. Knows no program by name.
 */
#include "base/now.h"
#include "child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t stopped;

static void note(int signal)
{
	stopped = signal;
}

void wd_child_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction action = { .sa_handler = note }; /* no SA_RESTART */

	for (size_t i = 0; i < sizeof(signals) / sizeof(*signals); i++)
		(void)sigaction(signals[i], &action, NULL); /* valid numbers */
}

int wd_child_stopped(void)
{
	return stopped;
}

/* ---- starting ---- */

static int put_at(int fd, int at)
{
	if (fd < 0)
		return -errno;
	return dup2(fd, at) < 0 ? -errno : 0;
}

/* In the child: never returns. */
static void become(char *const argv[], const char *log, int out, int told)
{
	int err = put_at(open("/dev/null", O_RDONLY | O_CLOEXEC), 0);

	if (!err)
		err = put_at(log ? open(log,
					O_WRONLY | O_CREAT | O_APPEND |
						O_CLOEXEC,
					0600) :
				   out,
			     1);
	if (!err)
		err = put_at(log ? dup(1) :
				   open("/dev/null", O_WRONLY | O_CLOEXEC),
			     2);
	if (!err && prctl(PR_SET_PDEATHSIG, SIGKILL))
		err = -errno;
	if (!err) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)execvp(argv[0], argv);
		err = -errno;
	}
	if (write(told, &err, sizeof(err)) != sizeof(err))
		_exit(126);
	_exit(127);
}

/* What kept the child from becoming the program; 0 it did. */
static int read_told(int fd)
{
	int err = 0;
	ssize_t cnt;

	do
		cnt = read(fd, &err, sizeof(err));
	while (cnt < 0 && errno == EINTR);
	return cnt == sizeof(err) ? err : 0;
}

static void close_both(const int fd[2])
{
	for (int i = 0; i < 2; i++)
		if (fd[i] >= 0)
			(void)close(fd[i]);
}

int wd_child_start(char *const argv[], const char *log, struct wd_child *ret)
{
	int out[2] = { -1, -1 }, told[2];
	pid_t pid;
	int err;

	*ret = (struct wd_child){ 0, -1 };
	if (pipe2(told, O_CLOEXEC))
		return -errno;
	if (!log && pipe2(out, O_CLOEXEC)) {
		err = -errno;
		close_both(told);
		return err;
	}
	pid = fork();
	if (!pid)
		become(argv, log, out[1], told[1]);
	err = pid < 0 ? -errno : 0;
	(void)close(told[1]);
	if (out[1] >= 0)
		(void)close(out[1]);
	if (!err)
		err = read_told(told[0]);
	(void)close(told[0]);
	*ret = (struct wd_child){ pid < 0 ? 0 : pid, out[0] };
	if (err)
		wd_child_kill(ret);
	return err;
}

/* ---- its end ---- */

#define STEP_MS 20

int wd_child_wait(struct wd_child *child, int ms, int *ret_status)
{
	int64_t until = wd_now_ms() + ms;

	for (;;) {
		pid_t got = waitpid(child->pid, ret_status, WNOHANG);

		if (got == child->pid) {
			child->pid = 0;
			return 0;
		}
		if (stopped)
			return -EINTR;
		if (got < 0 && errno != EINTR)
			return -errno;
		if (wd_now_ms() >= until)
			return -ETIMEDOUT;
		(void)poll(NULL, 0, STEP_MS);
	}
}

void wd_child_kill(struct wd_child *child)
{
	int64_t until = wd_now_ms() + 2000;

	if (child->out >= 0)
		(void)close(child->out);
	child->out = -1;
	if (child->pid <= 0)
		return;
	(void)kill(child->pid, SIGKILL);
	/* what hangs in the kernel (KVM can) is not waited for */
	while (!waitpid(child->pid, NULL, WNOHANG) && wd_now_ms() < until)
		(void)poll(NULL, 0, STEP_MS);
	child->pid = 0;
}

static int read_all(struct wd_child *child, size_t most, struct wd_bytes *ret)
{
	size_t begin = ret->len;
	static char piece[16384];

	for (;;) {
		ssize_t cnt = read(child->out, piece, sizeof(piece));
		int err = 0;

		if (!cnt)
			return 0;
		if (cnt < 0 && errno == EINTR && !stopped)
			continue;
		if (cnt < 0)
			return -errno;
		err = wd_bytes_add(ret, piece, (size_t)cnt);
		if (!err && ret->len - begin > most)
			err = -EFBIG;
		if (err)
			return err;
	}
}

#define END_MS 10000 /* from the end of output to the end of the program */

int wd_child_output(char *const argv[], size_t most, struct wd_bytes *ret)
{
	struct wd_child child;
	int status = 0, err = wd_child_start(argv, NULL, &child);

	if (err)
		return err;
	err = read_all(&child, most, ret);
	if (!err)
		err = wd_child_wait(&child, END_MS, &status);
	if (!err && status)
		err = -EIO;
	wd_child_kill(&child);
	return err;
}
