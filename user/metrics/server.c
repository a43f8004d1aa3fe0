/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server.c - the agent's HTTP server, by libmicrohttpd.
 *
 * What a client controls: every byte, when it comes, whether it reads. One that
 * hangs costs one of CONN_MAX places for TIMEOUT_S; further ones wait in the
 * kernel's queue. The library never blocks: it has a descriptor of epoll, which
 * the loop watches, and says when it wants to be called without one.
 */
#include "metrics/server.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/now.h"
#include "metrics/address.h"
#include "metrics/library.h"
#include "metrics/text.h"
#include "model/xalloc.h"

#define CONN_MAX 32u
#define CONN_BYTES 16384 /* of memory for each: the request must fit */
#define TIMEOUT_S 2u
#define FRESH_MS 1000
#define RETRY_MS 2000

struct wd_metrics_server {
	struct wd_loop *loop;
	struct wd_metrics_ops ops;
	struct wd_metrics_address address;
	char *where; /* as it was asked for */
	struct wd_http http;
	struct MHD_Daemon *daemon; /* NULL: nothing is served */
	int epoll_fd; /* the library's */
	struct wd_timer *due; /* it wants to be called */
	struct wd_timer *retry;
	struct MHD_Response *last; /* of /metrics, shared by who asks now */
	int64_t last_ms; /* CLOCK_MONOTONIC, when it was made */
	char *error;
};

/* ---- answers ---- */

/* Connections end with their answer: an idle one would only hold a place. */
static struct MHD_Response *make(const struct wd_http *http, const char *type,
				 const char *text, size_t len)
{
	struct MHD_Response *response = http->response(
		len, (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);

	if (response && http->header(response, "Content-Type", type) &&
	    http->header(response, "Connection", "close"))
		return response;
	if (response)
		http->put(response);
	return NULL;
}

static void forget(struct wd_metrics_server *s)
{
	if (s->last)
		s->http.put(s->last);
	s->last = NULL;
}

/* Who asks again and again must not have the maps read again and again. */
static struct MHD_Response *fresh(struct wd_metrics_server *s)
{
	int64_t now = wd_now_ms();
	size_t len = 0;
	char *text;

	if (s->last && now - s->last_ms < FRESH_MS)
		return s->last;
	forget(s);
	text = s->ops.text(s->ops.ctx, &len);
	if (text)
		s->last = make(&s->http, WD_METRICS_TYPE, text, len);
	s->last_ms = now;
	free(text);
	return s->last;
}

static int answer(struct wd_metrics_server *s, struct MHD_Connection *conn,
		  unsigned int status, const char *text)
{
	struct MHD_Response *response =
		make(&s->http, "text/plain; charset=utf-8", text, strlen(text));
	int ok;

	if (!response)
		return MHD_NO;
	if (status == 405)
		(void)s->http.header(response, "Allow", "GET, HEAD");
	ok = s->http.queue(conn, status, response);
	s->http.put(response);
	return ok;
}

/* NOLINTBEGIN(readability-function-size,readability-non-const-parameter): the library's */
static int on_request(void *ctx, struct MHD_Connection *conn, const char *url,
		      const char *method, const char *version,
		      const char *upload, size_t *upload_size, void **conn_ctx)
{
	struct wd_metrics_server *s = ctx;
	struct MHD_Response *response;

	(void)version;
	(void)upload;
	(void)upload_size;
	(void)conn_ctx;
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return answer(s, conn, 405, "only GET\n");
	if (!strcmp(url, "/healthz")) {
		bool ok = s->ops.healthy(s->ops.ctx);

		return answer(s, conn, ok ? 200 : 503, ok ? "ok\n" : "no\n");
	}
	if (strcmp(url, "/metrics") != 0)
		return answer(s, conn, 404, "only /metrics and /healthz\n");
	response = fresh(s);
	return response ? s->http.queue(conn, 200, response) :
			  answer(s, conn, 503, "out of memory\n");
}
/* NOLINTEND(readability-function-size,readability-non-const-parameter) */

/* ---- the library in the loop ---- */

static void on_log(void *ctx, const char *fmt, va_list args)
	__attribute__((format(printf, 2, 0)));

static void on_log(void *ctx, const char *fmt, va_list args)
{
	char text[256];

	(void)ctx;
	(void)vsnprintf(text, sizeof(text), fmt, args);
	text[strcspn(text, "\n")] = '\0';
	wd_debug("metrics: %s", text);
}

/*
 * Twice: a full library stops to listen, and listens again not in the call that
 * ends connections but in the one after it, which nothing would bring about if
 * all ended in one (0.9.75, MHD_epoll() before MHD_cleanup_connections()).
 */
static void run(struct wd_metrics_server *s)
{
	unsigned long long ms;

	(void)s->http.run(s->daemon);
	(void)s->http.run(s->daemon);
	if (s->http.timeout(s->daemon, &ms) == MHD_YES)
		wd_timer_set(s->due, ms);
	else
		wd_timer_stop(s->due);
}

static void on_epoll(void *ctx, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	run(ctx);
}

static void on_due(void *ctx)
{
	run(ctx);
}

/* ---- beginning and end ---- */

static void set_error(struct wd_metrics_server *s, char *error)
{
	bool is_new = !s->error || !error || strcmp(s->error, error) != 0;

	if (error && is_new)
		wd_warn("metrics: %s: %s, trying again", s->where, error);
	free(s->error);
	s->error = error;
}

static int start(struct wd_metrics_server *s, int listen_fd)
{
	const union MHD_DaemonInfo *info;
	int err;

	s->daemon = s->http.start(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL,
				  NULL, on_request, s,
				  MHD_OPTION_EXTERNAL_LOGGER, on_log, NULL,
				  MHD_OPTION_LISTEN_SOCKET, listen_fd,
				  MHD_OPTION_CONNECTION_LIMIT, CONN_MAX,
				  MHD_OPTION_CONNECTION_TIMEOUT, TIMEOUT_S,
				  MHD_OPTION_CONNECTION_MEMORY_LIMIT,
				  (size_t)CONN_BYTES, MHD_OPTION_END);
	if (!s->daemon) {
		(void)close(listen_fd);
		return -EIO;
	}
	/* from here on the library closes the socket */
	info = s->http.info(s->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	err = info ? wd_loop_add(s->loop, info->epoll_fd, EPOLLIN, on_epoll,
				 s) :
		     -EOPNOTSUPP;
	if (err) {
		s->http.stop(s->daemon);
		s->daemon = NULL;
		return err;
	}
	s->epoll_fd = info->epoll_fd;
	return 0;
}

static void try_start(void *ctx)
{
	struct wd_metrics_server *s = ctx;
	char *why = NULL;
	int fd, err = 0;

	if (!s->http.handle)
		err = wd_http_open(&s->http, &why);
	if (!err) {
		fd = wd_metrics_listen(&s->address);
		err = fd < 0 ? fd : start(s, fd);
	}
	if (err) {
		set_error(s, why ? why : wd_xstrdup(wd_errno(err)));
		wd_timer_set(s->retry, RETRY_MS);
		return;
	}
	set_error(s, NULL);
	wd_info("metrics: served at %s", s->where);
	run(s);
}

int wd_metrics_server_new(struct wd_loop *loop, const char *address,
			  const struct wd_metrics_ops *ops,
			  struct wd_metrics_server **ret_server)
{
	struct wd_metrics_server *s = wd_xcalloc(1, sizeof(*s));
	int err = wd_metrics_address(address, &s->address);

	s->loop = loop;
	s->ops = *ops;
	s->where = wd_xstrdup(address);
	if (!err)
		err = wd_timer_new(loop, on_due, s, &s->due);
	if (!err)
		err = wd_timer_new(loop, try_start, s, &s->retry);
	if (err) {
		wd_metrics_server_free(s);
		return err;
	}
	try_start(s);
	*ret_server = s;
	return 0;
}

void wd_metrics_server_free(struct wd_metrics_server *s)
{
	if (!s)
		return;
	if (s->daemon) {
		wd_loop_del(s->loop, s->epoll_fd);
		forget(s);
		s->http.stop(s->daemon);
		if (s->address.sa.sa_family == AF_UNIX)
			(void)unlink(s->address.un.sun_path);
	}
	wd_http_close(&s->http);
	wd_timer_free(s->due);
	wd_timer_free(s->retry);
	free(s->where);
	free(s->error);
	free(s);
}

const char *wd_metrics_server_error(const struct wd_metrics_server *s)
{
	return s->error;
}
