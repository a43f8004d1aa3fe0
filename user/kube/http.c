/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http.c - libcurl's multi interface over the agent's event loop.
 *
 * The threat: whoever answers for the API server, or stands in between. Hence
 * TLS 1.2 or later, the certificate's name verified, no redirects, no other
 * protocol, no proxy but one that the kubeconfig names, headers of bounded size.
 */
#include "http.h"

#include <ctype.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "../base/log.h"
#include "../base/loop.h"
#include "../base/version.h"
#include "../model/xalloc.h"
#include "curl.h"
#include "login.h"

#define CONNECT_MS 15000L
#define KEEPALIVE_S 30L
#define USER_TIMEOUT_MS 30000
#define RETRY_AFTER_MAX_S 600
#define AGAIN_MS 100

struct wd_kube_get {
	LIST_ENTRY(wd_kube_get) link;
	struct wd_kube_http *http;
	const struct wd_kube_get_fns *fns;
	void *ctx;
	CURL *easy;
	struct curl_slist *headers;
	struct curl_slist *connect_to;
	struct wd_kube_answer answer;
	char why[CURL_ERROR_SIZE];
};

struct wd_kube_http {
	struct wd_curl curl;
	struct wd_loop *loop;
	const struct wd_kube_login *login;
	CURLM *multi;
	struct wd_timer *timer;
	/* sockets that the loop would not take, which are tried again */
	struct unwatched {
		int fd;
		uint32_t events;
	} *unwatched;
	size_t unwatched_cnt, unwatched_cap;
	struct wd_timer *again;
	LIST_HEAD(, wd_kube_get) gets;
};

/* ---- ends ---- */

static void get_free(struct wd_kube_get *get)
{
	const struct wd_curl *curl = &get->http->curl;

	LIST_REMOVE(get, link);
	if (get->easy) {
		(void)curl->multi_remove(get->http->multi, get->easy);
		curl->easy_cleanup(get->easy);
	}
	curl->slist_free(get->headers);
	curl->slist_free(get->connect_to);
	free(get);
}

static void look_at_end(struct wd_kube_get *get, int result)
{
	struct wd_kube_answer *answer = &get->answer;
	long status = 0;

	(void)get->http->curl.easy_getinfo(get->easy, CURLINFO_RESPONSE_CODE,
					   &status);
	answer->status = (int)status;
	if (result == CURLE_OK || *answer->error)
		return;
	(void)snprintf(answer->error, sizeof(answer->error), "%s",
		       *get->why ? get->why :
				   get->http->curl.easy_strerror(result));
}

/* Ends that libcurl has found; what they call may begin and end requests. */
static void take_ends(struct wd_kube_http *http)
{
	struct wd_curl_msg *msg;
	int left;

	while ((msg = http->curl.multi_info(http->multi, &left))) {
		struct wd_kube_answer answer;
		const struct wd_kube_get_fns *fns;
		struct wd_kube_get *get = NULL;
		void *ctx;

		if (msg->msg != CURLMSG_DONE)
			continue;
		(void)http->curl.easy_getinfo(msg->easy, CURLINFO_PRIVATE,
					      &get);
		if (!get)
			continue;
		look_at_end(get, msg->data.result);
		answer = get->answer;
		fns = get->fns;
		ctx = get->ctx;
		get_free(get);
		fns->end(ctx, &answer);
	}
}

static void act(struct wd_kube_http *http, int fd, int events)
{
	int running;

	(void)http->curl.multi_action(http->multi, fd, events, &running);
	take_ends(http);
}

/* ---- what the loop calls ---- */

static void on_socket(void *ctx, int fd, uint32_t events)
{
	int what = 0;

	if (events & EPOLLIN)
		what |= CURL_CSELECT_IN;
	if (events & EPOLLOUT)
		what |= CURL_CSELECT_OUT;
	if (events & (EPOLLERR | EPOLLHUP))
		what |= CURL_CSELECT_ERR;
	act(ctx, fd, what);
}

static void on_timer(void *ctx)
{
	act(ctx, CURL_SOCKET_TIMEOUT, 0);
}

/* ---- sockets in the loop ---- */

static int watch(struct wd_kube_http *http, int fd, uint32_t events)
{
	int err = wd_loop_mod(http->loop, fd, events);

	if (!err)
		return 0;
	/* closed and opened again behind our back: another one now */
	wd_loop_del(http->loop, fd);
	return wd_loop_add(http->loop, fd, events, on_socket, http);
}

static void forget(struct wd_kube_http *http, int fd)
{
	for (size_t i = 0; i < http->unwatched_cnt; i++) {
		if (http->unwatched[i].fd != fd)
			continue;
		http->unwatched[i] = http->unwatched[--http->unwatched_cnt];
		return;
	}
}

/* The events are of a level: what came meanwhile is told once it is watched. */
static void watch_again(void *ctx)
{
	struct wd_kube_http *http = ctx;
	size_t i = 0;

	while (i < http->unwatched_cnt) {
		const struct unwatched *u = &http->unwatched[i];

		if (watch(http, u->fd, u->events))
			i++;
		else
			forget(http, u->fd);
	}
	if (http->unwatched_cnt)
		wd_timer_set(http->again, AGAIN_MS);
}

/* ---- what libcurl calls ---- */

/*
 * Never fails: with libcurl 7.88 a program whose callback did ended by SIGSEGV.
 */
static int want_socket(CURL *easy, int fd, int what, void *ctx, void *own)
{
	struct wd_kube_http *http = ctx;
	uint32_t events = (what & CURL_POLL_IN ? (uint32_t)EPOLLIN : 0) |
			  (what & CURL_POLL_OUT ? (uint32_t)EPOLLOUT : 0);
	int err;

	(void)easy;
	(void)own;
	forget(http, fd);
	if (what == CURL_POLL_REMOVE) {
		wd_loop_del(http->loop, fd);
		return 0;
	}
	err = watch(http, fd, events);
	if (!err)
		return 0;
	wd_warn("kube: watching a connection: %s, trying again", wd_errno(err));
	http->unwatched = wd_grow(http->unwatched, http->unwatched_cnt,
				  &http->unwatched_cap,
				  sizeof(*http->unwatched));
	http->unwatched[http->unwatched_cnt++] =
		(struct unwatched){ .fd = fd, .events = events };
	wd_timer_set(http->again, AGAIN_MS);
	return 0;
}

static int want_timer(CURLM *multi, long ms, void *ctx)
{
	struct wd_kube_http *http = ctx;

	(void)multi;
	if (ms < 0)
		wd_timer_stop(http->timer);
	else
		wd_timer_set(http->timer, (uint64_t)ms);
	return 0;
}

/* A half-dead connection must not look like a quiet one for hours. */
static int on_socket_made(void *ctx, int fd, int purpose)
{
	const int ms = USER_TIMEOUT_MS;

	(void)ctx;
	(void)purpose;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return 0;
}

/* A whole number of seconds; a date (RFC 9110, 10.2.3) is as good as none. */
static uint32_t parse_seconds(const char *text, size_t len)
{
	uint32_t value = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return 0;
		value = value * 10 + (uint32_t)(text[i] - '0');
		if (value > RETRY_AFTER_MAX_S)
			return RETRY_AFTER_MAX_S;
	}
	return value;
}

/* The value of header @name, or NULL; *ret_len without white space around. */
static const char *header_value(const char *line, size_t len, const char *name,
				size_t *ret_len)
{
	size_t at = strlen(name);

	if (len <= at || strncasecmp(line, name, at) != 0 || line[at] != ':')
		return NULL;
	at++;
	while (at < len && isspace((unsigned char)line[at]))
		at++;
	while (len > at && isspace((unsigned char)line[len - 1]))
		len--;
	*ret_len = len - at;
	return line + at;
}

static size_t on_header(char *line, size_t size, size_t cnt, void *ctx)
{
	static const char json[] = "application/json";
	struct wd_kube_get *get = ctx;
	size_t len = size * cnt;
	const char *value;
	size_t value_len;

	if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
		get->answer = (struct wd_kube_answer){ 0 };
		return len;
	}
	value = header_value(line, len, "retry-after", &value_len);
	if (value)
		get->answer.retry_after_s = parse_seconds(value, value_len);
	value = header_value(line, len, "content-type", &value_len);
	if (value)
		get->answer.json = value_len >= sizeof(json) - 1 &&
				   strncasecmp(value, json, sizeof(json) - 1) ==
					   0;
	return len;
}

static size_t on_data(char *piece, size_t size, size_t cnt, void *ctx)
{
	struct wd_kube_get *get = ctx;
	long status = 0;
	int err;

	(void)get->http->curl.easy_getinfo(get->easy, CURLINFO_RESPONSE_CODE,
					   &status);
	get->answer.status = (int)status;
	err = get->fns->data(get->ctx, &get->answer, piece, size * cnt);
	if (!err)
		return size * cnt;
	(void)snprintf(get->answer.error, sizeof(get->answer.error),
		       "the answer cannot be read: %s", wd_errno(err));
	return 0; /* fewer than there are: libcurl ends it */
}

/* ---- requests ---- */

static int add_header(struct wd_kube_get *get, const char *text)
{
	struct curl_slist *list =
		get->http->curl.slist_append(get->headers, text);

	if (!list)
		return -ENOMEM;
	get->headers = list;
	return 0;
}

/* The token of now: the kubelet puts a new one there long before one ends. */
static int add_token(struct wd_kube_get *get)
{
	char *token = NULL;
	char *line;
	int err = wd_kube_login_token(get->http->login, &token);

	if (err || !token)
		return err;
	line = wd_xprintf("Authorization: Bearer %s", token);
	err = add_header(get, line);
	explicit_bzero(line, strlen(line));
	explicit_bzero(token, strlen(token));
	free(line);
	free(token);
	return err;
}

/* The address of the server with the name that its certificate must have. */
static char *url_of(struct wd_kube_get *get, const char *path)
{
	const struct wd_kube_login *login = get->http->login;
	const char *host = strstr(login->server, "://");
	const char *rest;
	const char *port;
	char *to;

	if (!login->tls_name || !host)
		return wd_xprintf("%s%s", login->server, path);
	host += 3;
	rest = host + strcspn(host, "/");
	port = *host == '[' ? strchr(host, ']') : host;
	port = port ? memchr(port, ':', (size_t)(rest - port)) : NULL;
	to = wd_xprintf("%s::%.*s", login->tls_name, (int)(rest - host), host);
	get->connect_to = get->http->curl.slist_append(NULL, to);
	free(to);
	return wd_xprintf("%.*s%s%.*s%s%s", (int)(host - login->server),
			  login->server, login->tls_name,
			  port ? (int)(rest - port) : 0, port ? port : "", rest,
			  path);
}

static void set_tls(struct wd_kube_get *get)
{
	const struct wd_kube_login *login = get->http->login;
	const struct wd_curl *curl = &get->http->curl;
	CURL *easy = get->easy;

	(void)curl->easy_setopt(easy, CURLOPT_SSLVERSION,
				CURL_SSLVERSION_TLSV1_2);
	(void)curl->easy_setopt(easy, CURLOPT_SSL_VERIFYPEER,
				login->insecure ? 0L : 1L);
	(void)curl->easy_setopt(easy, CURLOPT_SSL_VERIFYHOST,
				login->insecure ? 0L : 2L);
	if (login->ca) {
		/* only this one, not those of the system beside it */
		(void)curl->easy_setopt(easy, CURLOPT_CAINFO, login->ca);
		(void)curl->easy_setopt(easy, CURLOPT_CAPATH, (char *)NULL);
	}
	if (login->cert) {
		(void)curl->easy_setopt(easy, CURLOPT_SSLCERT, login->cert);
		(void)curl->easy_setopt(easy, CURLOPT_SSLKEY, login->key);
	}
	if (get->connect_to)
		(void)curl->easy_setopt(easy, CURLOPT_CONNECT_TO,
					get->connect_to);
}

static void set_connection(struct wd_kube_get *get)
{
	const struct wd_kube_login *login = get->http->login;
	const struct wd_curl *curl = &get->http->curl;
	CURL *easy = get->easy;

	(void)curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	(void)curl->easy_setopt(easy, CURLOPT_PROXY,
				login->proxy ? login->proxy : "");
	(void)curl->easy_setopt(easy, CURLOPT_HTTP_VERSION,
				CURL_HTTP_VERSION_2TLS);
	/*
	 * One connection for all, where the handshake tells that it will do for
	 * all. In clear it would be known by the end of the first answer, and
	 * that of a watch does not end.
	 */
	(void)curl->easy_setopt(easy, CURLOPT_PIPEWAIT,
				strncmp(login->server, "https:", 6) == 0 ? 1L :
									   0L);
	(void)curl->easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	(void)curl->easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	(void)curl->easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, KEEPALIVE_S);
	(void)curl->easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, KEEPALIVE_S);
	(void)curl->easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_socket_made);
}

static int set_request(struct wd_kube_get *get, const char *path)
{
	const struct wd_kube_login *login = get->http->login;
	const struct wd_curl *curl = &get->http->curl;
	CURL *easy = get->easy;
	char *url = url_of(get, path);
	int code = curl->easy_setopt(easy, CURLOPT_URL, url);

	free(url);
	/* A library that does not know it would follow any protocol. */
	if (code ||
	    curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https"))
		return -EOPNOTSUPP;
	(void)curl->easy_setopt(easy, CURLOPT_USERAGENT,
				"warder/" WARDER_VERSION);
	(void)curl->easy_setopt(easy, CURLOPT_HTTPHEADER, get->headers);
	if (login->user) {
		(void)curl->easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		(void)curl->easy_setopt(easy, CURLOPT_USERPWD, login->user);
	}
	(void)curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, get->why);
	(void)curl->easy_setopt(easy, CURLOPT_PRIVATE, get);
	(void)curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	(void)curl->easy_setopt(easy, CURLOPT_HEADERDATA, get);
	(void)curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
	(void)curl->easy_setopt(easy, CURLOPT_WRITEDATA, get);
	return 0;
}

/* Its headers, too: a body waits for no leave to be sent. */
static int set_body(struct wd_kube_get *get, const struct wd_kube_write *write,
		    uint32_t ms)
{
	const struct wd_curl *curl = &get->http->curl;
	char *type = wd_xprintf("Content-Type: %s", write->type);
	int err = add_header(get, type);

	free(type);
	if (!err)
		err = add_header(get, "Expect:");
	if (err)
		return err;
	if (curl->easy_setopt(get->easy, CURLOPT_COPYPOSTFIELDS, write->body) ||
	    curl->easy_setopt(get->easy, CURLOPT_CUSTOMREQUEST,
			      write->method) ||
	    curl->easy_setopt(get->easy, CURLOPT_TIMEOUT_MS, (long)ms))
		return -EOPNOTSUPP;
	return 0;
}

static struct wd_kube_get *get_new(struct wd_kube_http *http,
				   const struct wd_kube_get_fns *fns, void *ctx)
{
	struct wd_kube_get *get = wd_xcalloc(1, sizeof(*get));

	get->http = http;
	get->fns = fns;
	get->ctx = ctx;
	LIST_INSERT_HEAD(&http->gets, get, link);
	get->easy = http->curl.easy_init();
	return get;
}

/* @err: of what was done to it before. On failure it is freed. */
static int begin(struct wd_kube_get *get, int err, const char *path,
		 struct wd_kube_get **ret_get)
{
	struct wd_kube_http *http = get->http;

	if (!err)
		err = add_header(get, "Accept: application/json");
	if (!err)
		err = add_token(get);
	if (!err)
		err = set_request(get, path);
	if (!err) {
		set_connection(get);
		set_tls(get);
		if (http->curl.multi_add(http->multi, get->easy))
			err = -EIO;
	}
	if (err) {
		get_free(get);
		return err;
	}
	*ret_get = get;
	return 0;
}

int wd_kube_get(struct wd_kube_http *http, const char *path,
		const struct wd_kube_get_fns *fns, void *ctx,
		struct wd_kube_get **ret_get)
{
	struct wd_kube_get *get = get_new(http, fns, ctx);

	return begin(get, get->easy ? 0 : -ENOMEM, path, ret_get);
}

int wd_kube_send(struct wd_kube_http *http, const struct wd_kube_write *write,
		 uint32_t ms, const struct wd_kube_get_fns *fns, void *ctx,
		 struct wd_kube_get **ret_get)
{
	struct wd_kube_get *get = get_new(http, fns, ctx);
	int err = get->easy ? set_body(get, write, ms) : -ENOMEM;

	return begin(get, err, write->path, ret_get);
}

void wd_kube_get_end(struct wd_kube_get *get)
{
	get_free(get);
}

/* ---- life ---- */

static int start(struct wd_kube_http *http)
{
	const struct wd_curl *curl = &http->curl;
	int code;

	http->multi = curl->multi_init();
	if (!http->multi)
		return -ENOMEM;
	code = curl->multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION,
				  want_socket);
	code |= curl->multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	code |= curl->multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION,
				   want_timer);
	code |= curl->multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	return code ? -EOPNOTSUPP : 0;
}

int wd_kube_http_new(struct wd_loop *loop, const struct wd_kube_login *login,
		     struct wd_kube_http **ret_http, char **ret_error)
{
	struct wd_kube_http *http = wd_xcalloc(1, sizeof(*http));
	int err;

	http->loop = loop;
	http->login = login;
	LIST_INIT(&http->gets);
	err = wd_curl_open(&http->curl, ret_error);
	if (err) {
		free(http);
		return err;
	}
	err = wd_timer_new(loop, on_timer, http, &http->timer);
	if (!err)
		err = wd_timer_new(loop, watch_again, http, &http->again);
	if (!err)
		err = start(http);
	if (err) {
		*ret_error = wd_xprintf("starting the HTTP client: %s",
					wd_errno(err));
		wd_kube_http_free(http);
		return err;
	}
	*ret_http = http;
	return 0;
}

void wd_kube_http_free(struct wd_kube_http *http)
{
	struct wd_kube_get *next;

	if (!http)
		return;
	next = LIST_FIRST(&http->gets);
	while (next) {
		struct wd_kube_get *get = next;

		next = LIST_NEXT(get, link);
		get_free(get);
	}
	if (http->multi)
		(void)http->curl.multi_cleanup(http->multi);
	wd_timer_free(http->timer);
	wd_timer_free(http->again);
	free(http->unwatched);
	wd_curl_close(&http->curl);
	free(http);
}
