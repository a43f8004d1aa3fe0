/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ctl.c - the agent's end of the control socket: who may speak, framing,
 * limits. It knows no command.
 *
 * What a peer controls: every byte, when it comes, whether it reads the
 * answer, and one descriptor. Peers are root or the agent's own user; still,
 * one that hangs must cost the agent nothing but one of a fixed number of
 * connections for a fixed time, unless it reads a stream.
 */
#include "ctl.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "../base/json.h"
#include "../base/log.h"
#include "../base/loop.h"

#define SOCKET_NAME "agent.sock"
#define CONN_MAX 64
#define REQUEST_MAX (1u << 20) /* bytes of a request with its newline */
#define STREAM_MAX (1u << 20) /* bytes of events that wait for a reader */
#define ANSWER_MAX (64u << 20) /* bytes of an answer; the client's limit too */
#define IDLE_MS 30000
#define REQUEST_DEPTH 32

enum conn_state {
	CONN_READING, /* the request is not complete */
	CONN_PENDING, /* a handler has it */
	CONN_ANSWERED, /* what is queued goes out, then it closes */
	CONN_ORPHAN, /* the peer left a handler that did not want to know */
};

struct bytes {
	char *data;
	size_t len;
	size_t cap;
	size_t sent; /* of len */
};

struct wd_ctl_conn {
	TAILQ_ENTRY(wd_ctl_conn) link;
	struct wd_ctl *ctl;
	struct wd_timer *timer;
	struct bytes in;
	struct bytes out;
	enum conn_state state;
	int fd;
	int passed_fd; /* came with the request, -1 none */
	void (*on_close)(void *ctx, struct wd_ctl_conn *conn);
	void *on_close_ctx;
};

struct wd_ctl {
	struct wd_loop *loop;
	const struct wd_ctl_cmd *cmd;
	void *ctx;
	char *(*gate)(void *ctx); /* NULL: every command is taken */
	unsigned int idle_ms; /* to send the request, and to read the answer */
	TAILQ_HEAD(, wd_ctl_conn) conns;
	unsigned int conn_cnt; /* with a descriptor, so without orphans */
	int dir_fd; /* locked as long as the agent lives */
	int fd;
};

/* ---- bytes ---- */

static int append(struct bytes *b, const char *data, size_t len)
{
	size_t cap = b->cap ? b->cap : 4096;
	char *grown;

	if (b->sent && b->sent == b->len)
		b->sent = b->len = 0;
	if (b->len + len > b->cap && b->sent) {
		memmove(b->data, b->data + b->sent, b->len - b->sent);
		b->len -= b->sent;
		b->sent = 0;
	}
	while (cap < b->len + len)
		cap *= 2;
	if (cap != b->cap) {
		grown = realloc(b->data, cap);
		if (!grown)
			return -ENOMEM;
		b->data = grown;
		b->cap = cap;
	}
	memcpy(b->data + b->len, data, len);
	b->len += len;
	return 0;
}

/* ---- life of a connection ---- */

static void hang_up(struct wd_ctl_conn *conn)
{
	if (conn->fd < 0)
		return;
	wd_loop_del(conn->ctl->loop, conn->fd);
	(void)close(conn->fd);
	conn->fd = -1;
	conn->ctl->conn_cnt--;
	if (conn->passed_fd >= 0)
		(void)close(conn->passed_fd);
	conn->passed_fd = -1;
}

static void free_conn(struct wd_ctl_conn *conn)
{
	hang_up(conn);
	TAILQ_REMOVE(&conn->ctl->conns, conn, link);
	wd_timer_free(conn->timer);
	free(conn->in.data);
	free(conn->out.data);
	free(conn);
}

/*
 * The peer is gone, or no longer wanted. A handler that holds the connection
 * is told; one that did not ask gets to answer into the void.
 */
static void lose_conn(struct wd_ctl_conn *conn)
{
	if (conn->state != CONN_PENDING) {
		free_conn(conn);
		return;
	}
	if (conn->on_close) {
		conn->on_close(conn->on_close_ctx, conn);
		free_conn(conn);
		return;
	}
	hang_up(conn);
	conn->state = CONN_ORPHAN;
}

static void on_idle(void *ctx)
{
	lose_conn(ctx);
}

/* ---- writing ---- */

/* Return: 0 when all is out or waits, -errno when the peer is gone */
static int flush(struct wd_ctl_conn *conn)
{
	struct bytes *out = &conn->out;

	while (out->sent < out->len) {
		ssize_t cnt = send(conn->fd, out->data + out->sent,
				   out->len - out->sent,
				   MSG_NOSIGNAL | MSG_DONTWAIT);

		if (cnt < 0 && errno == EINTR)
			continue;
		if (cnt < 0 && errno == EAGAIN)
			return wd_loop_mod(conn->ctl->loop, conn->fd, EPOLLOUT);
		if (cnt < 0)
			return -errno;
		out->sent += (size_t)cnt;
	}
	/* Hangups are told whatever the events are. */
	return wd_loop_mod(conn->ctl->loop, conn->fd, 0);
}

/* Put one line into the output; takes ownership of @line. */
static int queue(struct wd_ctl_conn *conn, struct json_object *line, size_t max)
{
	const char *text;
	size_t len;
	int err = -ENOBUFS;

	text = json_object_to_json_string_length(
		line, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE,
		&len);
	if (!text)
		err = -ENOMEM;
	else if (conn->out.len - conn->out.sent + len < max)
		err = append(&conn->out, text, len);
	if (!err) {
		err = append(&conn->out, "\n", 1);
		if (err)
			conn->out.len -= len;
	}
	json_object_put(line);
	return err;
}

static void queue_error(struct wd_ctl_conn *conn, int code, const char *where,
			const char *text)
{
	struct json_object *line = json_object_new_object();

	wd_json_bool(line, "ok", false);
	wd_json_int(line, "code", code);
	wd_json_str(line, "error", text);
	wd_json_str(line, "where", where ? where : "");
	/* Without memory the peer sees a connection closed without answer. */
	(void)queue(conn, line, ANSWER_MAX);
}

/* The answer is queued: send it, and close when it is out. */
static void finish(struct wd_ctl_conn *conn)
{
	conn->state = CONN_ANSWERED;
	if (flush(conn) || conn->out.sent == conn->out.len) {
		free_conn(conn);
		return;
	}
	wd_timer_set(conn->timer, conn->ctl->idle_ms);
}

void wd_ctl_reply(struct wd_ctl_conn *conn, struct json_object *result)
{
	struct json_object *line;

	if (conn->state == CONN_ORPHAN) {
		json_object_put(result);
		free_conn(conn);
		return;
	}
	assert(conn->state == CONN_PENDING);
	line = json_object_new_object();
	wd_json_bool(line, "ok", true);
	wd_json_add(line, "result", result ? result : json_object_new_object());
	if (queue(conn, line, ANSWER_MAX))
		queue_error(conn, 1, "agent", "the answer is too long");
	finish(conn);
}

void wd_ctl_error(struct wd_ctl_conn *conn, int code, const char *where,
		  const char *fmt, ...)
{
	char text[1024];
	va_list args;

	if (conn->state == CONN_ORPHAN) {
		free_conn(conn);
		return;
	}
	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	queue_error(conn, code, where, text);
	finish(conn);
}

int wd_ctl_event(struct wd_ctl_conn *conn, struct json_object *event)
{
	struct json_object *line;
	int err;

	if (conn->state == CONN_ORPHAN) {
		json_object_put(event);
		return -ENOBUFS;
	}
	assert(conn->state == CONN_PENDING);
	line = json_object_new_object();
	wd_json_add(line, "event", event);
	err = queue(conn, line, STREAM_MAX);
	/* A peer that is gone is met by its hangup, not inside the caller. */
	if (err || flush(conn))
		return -ENOBUFS;
	return 0;
}

void wd_ctl_on_close(struct wd_ctl_conn *conn,
		     void (*fn)(void *ctx, struct wd_ctl_conn *conn), void *ctx)
{
	conn->on_close = fn;
	conn->on_close_ctx = ctx;
}

/* ---- reading ---- */

/* The descriptors of a message: exactly one is kept, more are an error. */
static int take_fds(struct wd_ctl_conn *conn, struct msghdr *msg)
{
	struct cmsghdr *cmsg;
	int err = (msg->msg_flags & MSG_CTRUNC) ? -EPROTO : 0;

	for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {
		size_t cnt = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

		if (cmsg->cmsg_level != SOL_SOCKET ||
		    cmsg->cmsg_type != SCM_RIGHTS)
			continue;
		for (size_t i = 0; i < cnt; i++) {
			int fd;

			memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd),
			       sizeof(fd));
			if (conn->passed_fd < 0) {
				conn->passed_fd = fd;
				continue;
			}
			(void)close(fd);
			err = -EPROTO;
		}
	}
	return err;
}

/* Return: bytes read, 0 at the end, -errno */
static ssize_t receive(struct wd_ctl_conn *conn)
{
	char data[1024];
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec iov = { .iov_base = data, .iov_len = sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	ssize_t cnt = recvmsg(conn->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	int err;

	if (cnt < 0)
		return -errno;
	err = take_fds(conn, &msg);
	if (!err && conn->in.len + (size_t)cnt > REQUEST_MAX)
		err = -EMSGSIZE;
	if (!err)
		err = append(&conn->in, data, (size_t)cnt);
	return err ? err : cnt;
}

static struct json_object *parse(const char *text, size_t len)
{
	struct json_tokener *tok = json_tokener_new_ex(REQUEST_DEPTH);
	struct json_object *req = NULL;

	if (!tok)
		return NULL;
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT |
					    JSON_TOKENER_VALIDATE_UTF8);
	req = json_tokener_parse_ex(tok, text, (int)len);
	if (json_tokener_get_error(tok) != json_tokener_success ||
	    json_tokener_get_parse_end(tok) != len ||
	    !json_object_is_type(req, json_type_object)) {
		json_object_put(req);
		req = NULL;
	}
	json_tokener_free(tok);
	return req;
}

static const struct wd_ctl_cmd *find_cmd(struct wd_ctl *ctl, const char *name)
{
	for (const struct wd_ctl_cmd *cmd = ctl->cmd; cmd->name; cmd++)
		if (!strcmp(cmd->name, name))
			return cmd;
	return NULL;
}

/* The first @len bytes of the input are the request. */
static void handle(struct wd_ctl_conn *conn, size_t len)
{
	struct json_object *req = parse(conn->in.data, len);
	const struct wd_ctl_cmd *cmd;
	int fd = conn->passed_fd;
	char *why;

	conn->state = CONN_PENDING;
	wd_timer_stop(conn->timer);
	if (wd_loop_mod(conn->ctl->loop, conn->fd, 0)) {
		json_object_put(req);
		lose_conn(conn);
		return;
	}
	if (!req) {
		wd_ctl_error(conn, 2, "request", "not one JSON object");
		return;
	}
	cmd = find_cmd(conn->ctl, wd_json_get_str(req, "cmd"));
	why = conn->ctl->gate ? conn->ctl->gate(conn->ctl->ctx) : NULL;
	if (why) {
		wd_ctl_error(conn, 3, "start", "not ready: %s", why);
		free(why);
	} else if (!cmd) {
		wd_ctl_error(conn, 2, "cmd", "no command '%s'",
			     wd_json_get_str(req, "cmd"));
	} else {
		conn->passed_fd = -1;
		cmd->fn(conn->ctl->ctx, conn, req, fd);
	}
	json_object_put(req);
}

static void refuse(struct wd_ctl_conn *conn, int err)
{
	conn->state = CONN_PENDING;
	if (err == -EMSGSIZE)
		wd_ctl_error(conn, 2, "request", "longer than %u bytes",
			     REQUEST_MAX);
	else
		wd_ctl_error(conn, 2, "request", "cannot be read: %s",
			     wd_errno(err));
}

static void on_readable(struct wd_ctl_conn *conn)
{
	ssize_t cnt = receive(conn);
	const char *end;

	if (cnt == -EAGAIN || cnt == -EINTR)
		return;
	if (cnt == 0 || cnt == -ECONNRESET) {
		lose_conn(conn);
		return;
	}
	if (cnt < 0) {
		refuse(conn, (int)cnt);
		return;
	}
	end = memchr(conn->in.data + conn->in.len - cnt, '\n', (size_t)cnt);
	if (end)
		handle(conn, (size_t)(end - conn->in.data));
}

static void on_conn(void *ctx, int fd, uint32_t events)
{
	struct wd_ctl_conn *conn = ctx;

	(void)fd;
	if (conn->state == CONN_READING && events & EPOLLIN) {
		on_readable(conn);
		return;
	}
	if (events & (EPOLLHUP | EPOLLERR)) {
		lose_conn(conn);
		return;
	}
	if (!(events & EPOLLOUT))
		return;
	if (flush(conn))
		lose_conn(conn);
	else if (conn->state == CONN_ANSWERED &&
		 conn->out.sent == conn->out.len)
		free_conn(conn);
}

/* ---- the listener ---- */

static bool peer_is_trusted(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len))
		return false;
	return cred.uid == 0 || cred.uid == geteuid();
}

static int add_conn(struct wd_ctl *ctl, int fd)
{
	struct wd_ctl_conn *conn = calloc(1, sizeof(*conn));
	int err;

	if (!conn)
		return -ENOMEM;
	conn->ctl = ctl;
	conn->passed_fd = -1;
	err = wd_timer_new(ctl->loop, on_idle, conn, &conn->timer);
	if (err)
		goto err_free;
	err = wd_loop_add(ctl->loop, fd, EPOLLIN, on_conn, conn);
	if (err)
		goto err_timer;
	conn->fd = fd;
	ctl->conn_cnt++;
	TAILQ_INSERT_TAIL(&ctl->conns, conn, link);
	wd_timer_set(conn->timer, ctl->idle_ms);
	return 0;

err_timer:
	wd_timer_free(conn->timer);
err_free:
	free(conn);
	return err;
}

/* Who connected first and asks nothing makes room for who may. Return: is there some */
static bool make_room(struct wd_ctl *ctl)
{
	struct wd_ctl_conn *conn;

	if (ctl->conn_cnt < CONN_MAX)
		return true;
	TAILQ_FOREACH(conn, &ctl->conns, link) {
		if (conn->state != CONN_READING)
			continue;
		lose_conn(conn);
		return true;
	}
	return false;
}

static void on_listener(void *ctx, int listen_fd, uint32_t events)
{
	static const char busy[] =
		"{\"ok\":false,\"code\":3,\"error\":\"too many connections\","
		"\"where\":\"agent\"}\n";
	struct wd_ctl *ctl = ctx;
	int fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (fd < 0)
		return;
	if (!peer_is_trusted(fd)) {
		(void)close(fd);
		return;
	}
	if (!make_room(ctl)) {
		/* An empty socket takes a line; else the close says it. */
		(void)send(fd, busy, sizeof(busy) - 1, MSG_NOSIGNAL);
		(void)close(fd);
		return;
	}
	if (add_conn(ctl, fd))
		(void)close(fd);
}

/*
 * The directory, ours alone. A link, another owner's directory or one that a
 * running agent has locked is refused.
 */
static int open_dir(const char *path)
{
	struct stat st;
	int fd;
	int err;

	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (st.st_uid != geteuid())
		err = -EPERM;
	else if ((st.st_mode & 0777) != 0700 && fchmod(fd, 0700))
		err = -errno;
	else if (flock(fd, LOCK_EX | LOCK_NB))
		err = errno == EWOULDBLOCK ? -EADDRINUSE : -errno;
	else
		return fd;
	(void)close(fd);
	return err;
}

/* Bind below @run_dir; the lock on it says that nobody answers there. */
static int bind_socket(int dir_fd, const char *run_dir)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int len = snprintf(addr.sun_path, sizeof(addr.sun_path), "%s/%s",
			   run_dir, SOCKET_NAME);
	mode_t mask;
	int fd;
	int err = 0;

	if (len < 0 || (size_t)len >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	if (unlinkat(dir_fd, SOCKET_NAME, 0) && errno != ENOENT)
		return -errno;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)))
		err = -errno;
	(void)umask(mask);
	/* Also proves that the path still leads into the checked directory. */
	if (!err && fchmodat(dir_fd, SOCKET_NAME, 0600, 0))
		err = -errno;
	if (!err && listen(fd, CONN_MAX))
		err = -errno;
	if (err) {
		(void)close(fd);
		return err;
	}
	return fd;
}

int wd_ctl_open(struct wd_loop *loop, const char *run_dir,
		const struct wd_ctl_cmd *cmd, void *ctx,
		struct wd_ctl **ret_ctl)
{
	struct wd_ctl *ctl = calloc(1, sizeof(*ctl));
	int err;

	if (!ctl)
		return -ENOMEM;
	ctl->loop = loop;
	ctl->idle_ms = IDLE_MS;
	ctl->cmd = cmd;
	ctl->ctx = ctx;
	TAILQ_INIT(&ctl->conns);
	ctl->dir_fd = open_dir(run_dir);
	if (ctl->dir_fd < 0) {
		err = ctl->dir_fd;
		goto err_free;
	}
	ctl->fd = bind_socket(ctl->dir_fd, run_dir);
	if (ctl->fd < 0) {
		err = ctl->fd;
		goto err_unlock;
	}
	err = wd_loop_add(loop, ctl->fd, EPOLLIN, on_listener, ctl);
	if (err)
		goto err_unbind;
	*ret_ctl = ctl;
	return 0;

err_unbind:
	(void)unlinkat(ctl->dir_fd, SOCKET_NAME, 0);
	(void)close(ctl->fd);
err_unlock:
	(void)close(ctl->dir_fd);
err_free:
	free(ctl);
	return err;
}

void wd_ctl_gate(struct wd_ctl *ctl, char *(*why)(void *ctx))
{
	ctl->gate = why;
}

void wd_ctl_idle(struct wd_ctl *ctl, unsigned int ms)
{
	ctl->idle_ms = ms;
}

void wd_ctl_close(struct wd_ctl *ctl)
{
	struct wd_ctl_conn *conn;

	if (!ctl)
		return;
	wd_loop_del(ctl->loop, ctl->fd);
	(void)close(ctl->fd);
	(void)unlinkat(ctl->dir_fd, SOCKET_NAME, 0);
	while ((conn = TAILQ_FIRST(&ctl->conns))) {
		if (conn->state == CONN_PENDING && conn->on_close)
			conn->on_close(conn->on_close_ctx, conn);
		free_conn(conn);
	}
	(void)close(ctl->dir_fd);
	free(ctl);
}
