/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_diff.c - `policy diff`: starts the child that finds it out, two at a
 * time, and sees to it that they end. The answer goes past the agent, from the
 * child to who asked.
 */
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "denied.h"
#include "json.h"
#include "log.h"
#include "query.h"
#include "rehearsal.h"

void wd_query_reap(struct wd_agent *agent)
{
	for (int i = 0; i < WD_REHEARSALS_MAX; i++) {
		pid_t *pid = &agent->rehearsal[i];

		if (*pid > 0 && waitpid(*pid, NULL, WNOHANG))
			*pid = 0;
	}
}

void wd_query_end_children(struct wd_agent *agent)
{
	for (int i = 0; i < WD_REHEARSALS_MAX; i++) {
		if (agent->rehearsal[i] <= 0)
			continue;
		(void)kill(agent->rehearsal[i], SIGKILL);
		(void)waitpid(agent->rehearsal[i], NULL, 0);
		agent->rehearsal[i] = 0;
	}
}

static pid_t *free_place(struct wd_agent *agent)
{
	for (int i = 0; i < WD_REHEARSALS_MAX; i++)
		if (!agent->rehearsal[i])
			return &agent->rehearsal[i];
	return NULL;
}

/* Return: 0, or -EINVAL after having said why not. */
static int read_request(struct wd_ctl_conn *conn, struct json_object *req,
			struct wd_rehearsal *ret)
{
	int64_t since_s = wd_json_get_int(req, "since_s");

	ret->deleted = wd_json_get(req, "deleted");
	if (since_s < 1 || since_s > WD_DENIED_S) {
		wd_ctl_error(conn, 2, "since", "is not within the last hour");
		return -EINVAL;
	}
	if (!json_object_is_type(ret->deleted, json_type_array)) {
		wd_ctl_error(conn, 2, "deleted", "is no list");
		return -EINVAL;
	}
	ret->since_s = (uint32_t)since_s;
	return 0;
}

static void start(struct wd_agent *agent, struct wd_ctl_conn *conn, int fd,
		  const struct wd_rehearsal *rehearsal)
{
	struct json_object *doc;
	pid_t *place = free_place(agent);
	pid_t pid = wd_rehearsal_start(agent, fd, rehearsal);

	if (pid < 0) {
		wd_ctl_error(conn, 1, "policy diff", "cannot fork: %s",
			     wd_errno((int)pid));
		return;
	}
	*place = pid;
	doc = json_object_new_object();
	wd_json_int(doc, "pid", pid);
	wd_ctl_reply(conn, doc);
}

void wd_query_policy_diff(void *ctx, struct wd_ctl_conn *conn,
			  struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct wd_rehearsal rehearsal;

	wd_query_reap(agent);
	if (fd < 0)
		wd_ctl_error(conn, 2, "policy diff", "needs a socket");
	else if (!agent->ready)
		wd_ctl_error(conn, 3, "policy diff",
			     "the agent is still starting");
	else if (!free_place(agent))
		wd_ctl_error(conn, 1, "policy diff",
			     "others are under way, wait for their end");
	else if (!read_request(conn, req, &rehearsal))
		start(agent, conn, fd, &rehearsal);
	wd_query_no_fd(fd);
}
