/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * server.h - metrics over HTTP: GET /metrics and /healthz, nothing else.
 *
 * Runs in the agent's loop, without a thread. Whoever may connect is told;
 * nothing can be changed by it. A few connections at a time, each for a few
 * seconds of silence; texts are made once a second at most.
 */
#ifndef WARDER_METRICS_SERVER_H
#define WARDER_METRICS_SERVER_H

#include <stdbool.h>
#include <stddef.h>

struct wd_loop;
struct wd_metrics_server;

struct wd_metrics_ops {
	/* the text, to be freed; NULL: it cannot be had */
	char *(*text)(void *ctx, size_t *ret_len);
	bool (*healthy)(void *ctx);
	void *ctx;
};

/**
 * wd_metrics_server_new() - serve at @address, as of wd_metrics_address()
 * What cannot be had (the address, the library) is logged and tried again
 * every few seconds: it is no reason not to enforce.
 * Return: 0; -ENOMEM; -EINVAL the address.
 */
int wd_metrics_server_new(struct wd_loop *loop, const char *address,
			  const struct wd_metrics_ops *ops,
			  struct wd_metrics_server **ret_server);

/** wd_metrics_server_free() - takes NULL; a socket in the file system is removed */
void wd_metrics_server_free(struct wd_metrics_server *server);

/** wd_metrics_server_error() - why nothing is served, borrowed; NULL it is */
const char *wd_metrics_server_error(const struct wd_metrics_server *server);

#endif /* WARDER_METRICS_SERVER_H */
