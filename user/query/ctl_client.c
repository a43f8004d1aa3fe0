/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ctl_client.c - the commands' end of the control socket. It blocks, bounded
 * by the caller's time limit, and decides nothing about what an answer means.
 */
#include "ctl.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../base/json.h"
#include "../base/now.h"

#define ANSWER_MAX (64u << 20)
#define FOREVER INT64_MAX

/* One connection and what was read of it. */
struct client {
	int fd;
	int64_t deadline_ms;
	char *data;
	size_t len;
	size_t cap;
	size_t scanned; /* no newline before */
};

static int wait_for(const struct client *client, short events)
{
	struct pollfd pfd = { .fd = client->fd, .events = events };
	int64_t left = -1;
	int cnt;

	if (client->deadline_ms != FOREVER) {
		left = client->deadline_ms - wd_now_ms();
		if (left <= 0)
			return -ETIMEDOUT;
	}
	cnt = poll(&pfd, 1, left > INT32_MAX ? INT32_MAX : (int)left);
	if (cnt < 0 && errno != EINTR)
		return -errno;
	return cnt == 0 ? -ETIMEDOUT : 0;
}

static int dial(struct client *client, const char *run_dir)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int len = snprintf(addr.sun_path, sizeof(addr.sun_path),
			   "%s/agent.sock", run_dir);
	int err;

	if (len < 0 || (size_t)len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	client->fd =
		socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (client->fd < 0)
		return -errno;
	/* EAGAIN: the backlog is full, and poll() cannot wait for that. */
	while (connect(client->fd, (struct sockaddr *)&addr, sizeof(addr))) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		if (wd_now_ms() >= client->deadline_ms)
			return -ETIMEDOUT;
		err = poll(NULL, 0, 5);
		if (err < 0 && errno != EINTR)
			return -errno;
	}
	return 0;
}

static ssize_t send_some(int sock, const char *data, size_t len, int fd)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .space = { 0 } };
	struct iovec iov = {
		.iov_base = (void *)(uintptr_t)data,
		.iov_len = len,
	};
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t cnt;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &fd, sizeof(fd));
	}
	cnt = sendmsg(sock, &msg, MSG_NOSIGNAL);
	return cnt < 0 ? -errno : cnt;
}

static int send_all(struct client *client, const char *data, size_t len, int fd)
{
	int err = 0;

	while (len && !err) {
		ssize_t cnt = send_some(client->fd, data, len, fd);

		if (cnt == -EAGAIN) {
			err = wait_for(client, POLLOUT);
		} else if (cnt < 0 && cnt != -EINTR) {
			err = (int)cnt;
		} else if (cnt > 0) {
			fd = -1; /* it went with the first bytes */
			data += cnt;
			len -= (size_t)cnt;
		}
	}
	return err;
}

static int send_request(struct client *client, struct json_object *req, int fd)
{
	size_t len;
	const char *text = json_object_to_json_string_length(
		req, JSON_C_TO_STRING_PLAIN, &len);
	int err;

	if (!text)
		return -ENOMEM;
	err = send_all(client, text, len, fd);
	return err ? err : send_all(client, "\n", 1, -1);
}

static int reserve(struct client *client)
{
	size_t cap = client->cap ? client->cap * 2 : 16384;
	char *data;

	if (client->len < client->cap)
		return 0;
	if (cap > ANSWER_MAX)
		return -EPROTO;
	data = realloc(client->data, cap);
	if (!data)
		return -ENOMEM;
	client->data = data;
	client->cap = cap;
	return 0;
}

/* Read until a line is complete; *ret_len is its length without the newline. */
static int read_line(struct client *client, size_t *ret_len)
{
	for (;;) {
		const char *end = NULL;
		ssize_t cnt;
		int err;

		if (client->len > client->scanned)
			end = memchr(client->data + client->scanned, '\n',
				     client->len - client->scanned);
		if (end) {
			*ret_len = (size_t)(end - client->data);
			return 0;
		}
		client->scanned = client->len;
		err = reserve(client);
		if (err)
			return err;
		cnt = recv(client->fd, client->data + client->len,
			   client->cap - client->len, 0);
		if (cnt > 0)
			client->len += (size_t)cnt;
		else if (cnt == 0)
			return -EPROTO; /* the agent ended without answer */
		else if (errno == EAGAIN)
			err = wait_for(client, POLLIN);
		else if (errno != EINTR)
			err = errno == ECONNRESET ? -EPROTO : -errno;
		if (err)
			return err;
	}
}

/* Parse the next line and drop it from the buffer. */
static int next_object(struct client *client, struct json_object **ret_line)
{
	struct json_tokener *tok;
	struct json_object *line;
	size_t len;
	int err = read_line(client, &len);

	if (err)
		return err;
	tok = json_tokener_new();
	if (!tok)
		return -ENOMEM;
	line = json_tokener_parse_ex(tok, client->data, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success)
		err = -EPROTO;
	json_tokener_free(tok);
	if (err || !json_object_is_type(line, json_type_object)) {
		json_object_put(line);
		return -EPROTO;
	}
	client->len -= len + 1;
	memmove(client->data, client->data + len + 1, client->len);
	client->scanned = 0;
	*ret_line = line;
	return 0;
}

static int start(struct client *client, const char *run_dir,
		 struct json_object *req, int fd)
{
	int err = dial(client, run_dir);

	if (err)
		return err;
	err = send_request(client, req, fd);
	/* The agent may have refused without reading: its line says why. */
	return err == -EPIPE || err == -ECONNRESET ? 0 : err;
}

static void end(struct client *client)
{
	if (client->fd >= 0)
		(void)close(client->fd);
	free(client->data);
}

/* Of what is none the commands would show the emptiness as a result. */
static bool is_answer(struct json_object *line)
{
	return json_object_is_type(wd_json_get(line, "ok"),
				   json_type_boolean) &&
	       (!wd_json_get_bool(line, "ok") ||
		json_object_is_type(wd_json_get(line, "result"),
				    json_type_object));
}

int wd_ctl_call(const char *run_dir, struct json_object *req, int fd,
		int timeout_ms, struct json_object **ret_answer)
{
	struct json_object *answer = NULL;
	struct client client = {
		.fd = -1,
		.deadline_ms = wd_now_ms() + timeout_ms,
	};
	int err = start(&client, run_dir, req, fd);

	if (!err)
		err = next_object(&client, &answer);
	if (!err && !is_answer(answer)) {
		json_object_put(answer);
		err = -EPROTO;
	}
	if (!err)
		*ret_answer = answer;
	end(&client);
	return err;
}

int wd_ctl_stream(const char *run_dir, struct json_object *req, int idle_ms,
		  int (*fn)(void *ctx, struct json_object *event), void *ctx)
{
	struct client client = { .fd = -1, .deadline_ms = FOREVER };
	int err = start(&client, run_dir, req, -1);
	bool done = false;

	while (!err && !done) {
		struct json_object *line = NULL;

		if (idle_ms >= 0)
			client.deadline_ms = wd_now_ms() + idle_ms;
		err = next_object(&client, &line);
		if (err == -ETIMEDOUT && idle_ms >= 0) {
			err = 0; /* what came of a line is kept */
			done = fn(ctx, NULL) != 0;
			continue;
		}
		if (err)
			break;
		if (wd_json_get(line, "event")) {
			done = fn(ctx, wd_json_get(line, "event")) != 0;
		} else {
			done = true;
			if (!wd_json_get_bool(line, "ok")) {
				(void)fn(ctx, line);
				err = -EREMOTEIO;
			}
		}
		json_object_put(line);
	}
	end(&client);
	return err;
}
