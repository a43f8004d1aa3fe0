/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * child.c - answers that a forked child of the agent gives past it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../model/xalloc.h"
#include "cmd.h"

#define ANSWER_MAX (512U << 20)

int wd_cmd_receive(int fd, struct json_object **ret_doc)
{
	struct json_tokener *tok = json_tokener_new();
	char *data = wd_xrealloc(NULL, ANSWER_MAX / 8192, 1);
	size_t len = 0;
	int err = -EPROTO;

	*ret_doc = NULL;
	while (tok && !*ret_doc && len < ANSWER_MAX) {
		ssize_t cnt = read(fd, data, ANSWER_MAX / 8192);

		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt <= 0) {
			err = cnt ? -errno : -EPROTO;
			break;
		}
		len += (size_t)cnt;
		*ret_doc = json_tokener_parse_ex(tok, data, (int)cnt);
		if (!*ret_doc &&
		    json_tokener_get_error(tok) != json_tokener_continue)
			break;
	}
	free(data);
	if (tok)
		json_tokener_free(tok);
	return *ret_doc ? 0 : err;
}

int wd_cmd_ask_child(const struct wd_args *args, struct json_object *req,
		     struct json_object **ret_doc)
{
	struct json_object *started = NULL;
	int pair[2], code, err;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair)) {
		json_object_put(req);
		return wd_cmd_fail(args, WD_EXIT_NO, "", "socketpair: %s",
				   strerror(errno));
	}
	code = wd_cmd_ask_fd(args, req, pair[1], WD_CMD_TIMEOUT_MS, &started);
	(void)close(pair[1]);
	json_object_put(started);
	err = code ? 0 : wd_cmd_receive(pair[0], ret_doc);
	if (!code)
		wd_cmd_wait_end(pair[0]);
	(void)close(pair[0]);
	if (!err)
		return code;
	return wd_cmd_fail(args, WD_EXIT_NO, "",
			   "the agent's child ended without an answer: %s",
			   wd_errno(err));
}
