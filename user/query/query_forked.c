/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * query_forked.c - `policy diff`, `replay` and `report`: start the child that finds it out.
 * The answer goes past the agent, from the child to who asked.
 */
#include <errno.h>
#include <stdlib.h>

#include "../agent/agent.h"
#include "../agent/endpoints.h"
#include "../base/json.h"
#include "../base/log.h"
#include "../events/denied.h"
#include "../model/xalloc.h"
#include "../whatif/forked.h"
#include "../whatif/rehearsal.h"
#include "../whatif/replay.h"
#include "../whatif/seen.h"
#include "query.h"

/* May a child be started? If not, the peer is told. */
static bool may_fork(struct wd_agent *agent, struct wd_ctl_conn *conn,
		     const char *what, int fd)
{
	if (fd < 0)
		wd_ctl_error(conn, 2, what, "needs a socket");
	else if (!agent->ready)
		wd_ctl_error(conn, 3, what, "the agent is still starting");
	return fd >= 0 && agent->ready;
}

static void start(struct wd_agent *agent, struct wd_ctl_conn *conn,
		  const char *what, int fd,
		  int (*run)(struct wd_agent *agent, int fd, void *ctx),
		  void *ctx)
{
	struct json_object *doc;
	pid_t pid = wd_forked_start(agent, fd, run, ctx);

	if (pid == -EBUSY) {
		wd_ctl_error(conn, 1, what,
			     "others are under way, wait for their end");
	} else if (pid < 0) {
		wd_ctl_error(conn, 1, what, "cannot fork: %s",
			     wd_errno((int)pid));
	} else {
		doc = json_object_new_object();
		wd_json_int(doc, "pid", pid);
		wd_ctl_reply(conn, doc);
	}
}

/* ---- policy diff ---- */

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

void wd_query_policy_diff(void *ctx, struct wd_ctl_conn *conn,
			  struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct wd_rehearsal rehearsal;

	if (may_fork(agent, conn, "policy diff", fd) &&
	    !read_request(conn, req, &rehearsal))
		start(agent, conn, "policy diff", fd, wd_rehearsal_run,
		      &rehearsal);
	wd_query_no_fd(fd);
}

/* ---- replay ---- */

/* Return: 0, or -EINVAL after having said why not. */
static int read_replay(struct wd_agent *agent, struct wd_ctl_conn *conn,
		       struct json_object *req, struct wd_replay *ret)
{
	char *copy = wd_xstrdup(wd_json_get_str(req, "at")), *part[2];
	int cnt = wd_query_split(copy, part, 2);

	ret->ep = cnt == 2 ? wd_endpoints_find(agent->endpoints, part[0],
					       part[1]) :
			     NULL;
	ret->with_flows = !wd_json_get_bool(req, "fresh");
	if (cnt != 2)
		wd_ctl_error(conn, 2, "at", "is not NS/POD");
	else if (!ret->ep)
		wd_ctl_error(conn, 1, "at", "no pod '%s/%s' on this node",
			     part[0], part[1]);
	free(copy);
	return ret->ep ? 0 : -EINVAL;
}

void wd_query_replay(void *ctx, struct wd_ctl_conn *conn,
		     struct json_object *req, int fd)
{
	struct wd_agent *agent = ctx;
	struct wd_replay replay;

	if (may_fork(agent, conn, "replay", fd) &&
	    !read_replay(agent, conn, req, &replay))
		start(agent, conn, "replay", fd, wd_replay_run, &replay);
	wd_query_no_fd(fd);
}

/* ---- report ---- */

void wd_query_seen(void *ctx, struct wd_ctl_conn *conn, struct json_object *req,
		   int fd)
{
	struct wd_agent *agent = ctx;
	int64_t since_s = wd_json_get_int(req, "since_s");
	struct wd_seen seen = { .since_s = (uint32_t)since_s };

	if (since_s < 1 || since_s > WD_DENIED_S)
		wd_ctl_error(conn, 2, "since", "is not within the last hour");
	else if (may_fork(agent, conn, "report", fd))
		start(agent, conn, "report", fd, wd_seen_run, &seen);
	wd_query_no_fd(fd);
}
