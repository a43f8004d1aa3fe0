/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * library.h - libmicrohttpd, which speaks HTTP.
 *
 * Loaded when metrics are to be served and not before: on other nodes nothing
 * of it, and of the libraries that it wants, is in the agent's memory. What is
 * declared here is of the interface of libmicrohttpd.so.12, stable since 0.9.71;
 * Debian has it as libmicrohttpd12.
 */
#ifndef WARDER_METRICS_LIBRARY_H
#define WARDER_METRICS_LIBRARY_H

#include <stddef.h>

/* microhttpd.h */
struct MHD_Connection;
struct MHD_Daemon;
struct MHD_Response;

#define MHD_NO 0
#define MHD_YES 1
#define MHD_USE_ERROR_LOG 1u
#define MHD_USE_EPOLL 512u
#define MHD_OPTION_END 0
#define MHD_OPTION_CONNECTION_MEMORY_LIMIT 1 /* size_t */
#define MHD_OPTION_CONNECTION_LIMIT 2 /* unsigned int */
#define MHD_OPTION_CONNECTION_TIMEOUT 3 /* unsigned int, seconds */
#define MHD_OPTION_LISTEN_SOCKET 12 /* int */
#define MHD_OPTION_EXTERNAL_LOGGER 13 /* function, void *; the first one */
#define MHD_DAEMON_INFO_EPOLL_FD 3
#define MHD_RESPMEM_MUST_COPY 2

union MHD_DaemonInfo {
	int epoll_fd;
};

typedef int (*wd_http_handler)(void *ctx, struct MHD_Connection *connection,
			       const char *url, const char *method,
			       const char *version, const char *upload,
			       size_t *upload_size, void **connection_ctx);

struct wd_http {
	void *handle;
	struct MHD_Daemon *(*start)(unsigned int flags, unsigned short port,
				    void *accept_policy, void *accept_ctx,
				    wd_http_handler handler, void *ctx, ...);
	void (*stop)(struct MHD_Daemon *daemon);
	int (*run)(struct MHD_Daemon *daemon);
	int (*timeout)(struct MHD_Daemon *daemon, unsigned long long *ret_ms);
	const union MHD_DaemonInfo *(*info)(struct MHD_Daemon *daemon, int what,
					    ...);
	struct MHD_Response *(*response)(size_t size, void *data, int mode);
	int (*header)(struct MHD_Response *response, const char *name,
		      const char *value);
	int (*queue)(struct MHD_Connection *connection, unsigned int status,
		     struct MHD_Response *response);
	/* of one that is queued: its memory goes when it was sent */
	void (*put)(struct MHD_Response *response);
};

/**
 * wd_http_open() - load it
 * @ret_error: on failure what to do, to be freed
 * Return: 0; -ELIBACC not there; -EOPNOTSUPP another interface.
 */
int wd_http_open(struct wd_http *http, char **ret_error);

/** wd_http_close() - of one that is open, or all zero */
void wd_http_close(struct wd_http *http);

#endif /* WARDER_METRICS_LIBRARY_H */
