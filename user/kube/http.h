/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * http.h - requests to one API server over the agent's event loop.
 *
 * Knows no object and no rule of the API, but what answers look like: a
 * status, perhaps a time to wait, a body that comes in pieces. Nothing blocks.
 */
#ifndef WARDER_KUBE_HTTP_H
#define WARDER_KUBE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wd_kube_http;
struct wd_kube_get;
struct wd_kube_login;
struct wd_loop;

/* What came of a request; @error is empty when the answer came whole. */
struct wd_kube_answer {
	int status; /* of HTTP; 0: there was no answer */
	bool json; /* the body says that it is JSON */
	uint32_t retry_after_s; /* 0: not said */
	char error[320]; /* why it did not come whole */
};

struct wd_kube_get_fns {
	/* A piece of the body, any length; the status is known. -errno ends it. */
	int (*data)(void *ctx, const struct wd_kube_answer *answer,
		    const char *piece, size_t len);
	/* The end, exactly once; the request is freed after it. May make others. */
	void (*end)(void *ctx, const struct wd_kube_answer *answer);
};

/**
 * wd_kube_http_new() - a client
 * @login: must outlive it
 * @ret_error: to be freed
 * Return: 0; -ELIBACC, -EOPNOTSUPP: no HTTP library, see wd_curl_open(); -errno.
 */
int wd_kube_http_new(struct wd_loop *loop, const struct wd_kube_login *login,
		     struct wd_kube_http **ret_http, char **ret_error);

/** wd_kube_http_free() - ends all requests without a word; NULL passes */
void wd_kube_http_free(struct wd_kube_http *http);

/**
 * wd_kube_get() - ask
 * @path: below the server, with the query, encoded
 * Return: 0, or -errno and nothing is called.
 * Context: not from within data().
 */
int wd_kube_get(struct wd_kube_http *http, const char *path,
		const struct wd_kube_get_fns *fns, void *ctx,
		struct wd_kube_get **ret_get);

/* A request that changes something there. Texts are copied. */
struct wd_kube_write {
	const char *method; /* "POST", "PATCH" */
	char *path; /* below the server, with the query, encoded */
	const char *type; /* of the body */
	char *body;
};

/**
 * wd_kube_send() - the same with a body
 * @ms: the answer is to be whole by then
 * Returns and context as wd_kube_get().
 */
int wd_kube_send(struct wd_kube_http *http, const struct wd_kube_write *write,
		 uint32_t ms, const struct wd_kube_get_fns *fns, void *ctx,
		 struct wd_kube_get **ret_get);

/** wd_kube_get_end() - forget a request; its functions are not called any more. Not from within data() */
void wd_kube_get_end(struct wd_kube_get *get);

#endif /* WARDER_KUBE_HTTP_H */
