/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forked.c - starts the agent's children, and sees to it that they end.
 */
#include "forked.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../agent/agent.h"
#include "../base/json.h"

#define FDS_MAX 65536 /* looked through; an agent has hundreds */

/* ---- in the agent ---- */

void wd_forked_reap(struct wd_agent *agent)
{
	for (int i = 0; i < WD_FORKED_MAX; i++) {
		pid_t *pid = &agent->forked[i];

		if (*pid > 0 && waitpid(*pid, NULL, WNOHANG))
			*pid = 0;
	}
}

void wd_forked_end_all(struct wd_agent *agent)
{
	for (int i = 0; i < WD_FORKED_MAX; i++) {
		if (agent->forked[i] <= 0)
			continue;
		(void)kill(agent->forked[i], SIGKILL);
		(void)waitpid(agent->forked[i], NULL, 0);
		agent->forked[i] = 0;
	}
}

static pid_t *free_place(struct wd_agent *agent)
{
	for (int i = 0; i < WD_FORKED_MAX; i++)
		if (!agent->forked[i])
			return &agent->forked[i];
	return NULL;
}

/* Neither longer than the agent nor for ever, and behind all else. */
static void be_modest(pid_t parent)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1); /* it ended before that */
	(void)alarm(WD_FORKED_S);
	(void)setpriority(PRIO_PROCESS, 0, 10);
}

pid_t wd_forked_start(struct wd_agent *agent, int fd,
		      int (*run)(struct wd_agent *agent, int fd, void *ctx),
		      void *ctx)
{
	pid_t parent = getpid(), *place, pid;

	wd_forked_reap(agent);
	place = free_place(agent);
	if (!place)
		return -EBUSY;
	pid = fork();
	if (!pid) {
		agent->is_copy = true;
		be_modest(parent);
		_exit(run(agent, fd, ctx) ? 1 : 0);
	}
	if (pid < 0)
		return -errno;
	*place = pid;
	return pid;
}

/* ---- in the child ---- */

void wd_forked_keep_only(int fd)
{
	if (fd > 3)
		(void)close_range(3, (unsigned int)fd - 1, 0);
	(void)close_range((unsigned int)fd + 1, ~0U, 0);
}

void wd_forked_keep_no_sockets(int fd)
{
	int last = (int)sysconf(_SC_OPEN_MAX);
	struct stat st;

	for (int i = 3; i < last && i < FDS_MAX; i++)
		if (i != fd && !fstat(i, &st) && S_ISSOCK(st.st_mode))
			(void)close(i);
}

int wd_forked_idle(int fd, unsigned int ms)
{
	const struct timeval limit = { .tv_sec = ms / 1000,
				       .tv_usec = ms % 1000 * 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		return -errno;
	return 0;
}

int wd_forked_read(int fd, void *to, size_t bytes)
{
	size_t at = 0;

	while (at < bytes) {
		ssize_t cnt = read(fd, (char *)to + at, bytes - at);

		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		if (cnt == 0)
			return at ? -EPROTO : -ENODATA;
		at += (size_t)cnt;
	}
	return 0;
}

int wd_forked_write(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t cnt = send(fd, text, len, MSG_NOSIGNAL);

		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		text += cnt;
		len -= (size_t)cnt;
	}
	return 0;
}

int wd_forked_write_doc(int fd, struct json_object *doc, const char *end)
{
	size_t len;
	const char *text = json_object_to_json_string_length(
		doc, JSON_C_TO_STRING_PLAIN, &len);
	int err = text ? wd_forked_write(fd, text, len) : -ENOMEM;

	return err ? err : wd_forked_write(fd, end, strlen(end));
}
