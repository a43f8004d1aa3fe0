/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ctl.h - the agent's control socket: framing, trust, both ends.
 *
 * <run-dir>/agent.sock, mode 0600 in a 0700 directory, SOCK_STREAM. A client
 * sends one JSON object on one line (at most 1 MiB), optionally with one file
 * descriptor (SCM_RIGHTS) in the first message; the agent answers with lines:
 *
 *   {"ok": true, "result": {...}}                   the answer
 *   {"ok": false, "code": N, "error": "...", "where": "..."}   code: exit code for the command
 *   {"event": {...}}                                streams only, any number
 *
 * Peer credentials are checked on accept: uid 0, or the uid the agent runs as.
 * Nothing else is trusted, nothing is read from anybody else.
 */
#ifndef WARDER_CTL_H
#define WARDER_CTL_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;
struct wd_ctl;
struct wd_ctl_conn;
struct wd_loop;

/*
 * A request. Handlers answer now or later, exactly once, by wd_ctl_reply() or
 * wd_ctl_error(); a stream is answered by wd_ctl_event() until the peer leaves.
 * @fd: descriptor that came with it or -1; the handler owns it.
 */
typedef void (*wd_ctl_fn)(void *ctx, struct wd_ctl_conn *conn,
			  struct json_object *req, int fd);

struct wd_ctl_cmd {
	const char *name; /* value of "cmd" in the request */
	wd_ctl_fn fn;
};

/**
 * wd_ctl_open() - listen in @run_dir (made 0700 if missing)
 * @cmd: table ending with a NULL name; must outlive the server
 * A socket left by a dead agent is replaced; a live one gives -EADDRINUSE.
 */
int wd_ctl_open(struct wd_loop *loop, const char *run_dir,
		const struct wd_ctl_cmd *cmd, void *ctx,
		struct wd_ctl **ret_ctl);
void wd_ctl_close(struct wd_ctl *ctl);

/**
 * wd_ctl_gate() - ask @why before each command
 * It gives NULL, or what the command is refused with (not ready), to be freed.
 */
void wd_ctl_gate(struct wd_ctl *ctl, char *(*why)(void *ctx));

/** wd_ctl_idle() - peers have @ms to send a request and to read an answer, from the next one on; 30 s if never called */
void wd_ctl_idle(struct wd_ctl *ctl, unsigned int ms);

/** wd_ctl_reply() - final answer; takes ownership of @result (NULL = {}) and closes the connection when sent */
void wd_ctl_reply(struct wd_ctl_conn *conn, struct json_object *result);

/** wd_ctl_error() - final refusal; @code 1 failed, 2 usage, 3 not ready */
void wd_ctl_error(struct wd_ctl_conn *conn, int code, const char *where,
		  const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/**
 * wd_ctl_event() - one line of a stream; takes ownership of @event
 * Return: 0, or -ENOBUFS when the reader is too slow (the event is gone; caller counts it).
 */
int wd_ctl_event(struct wd_ctl_conn *conn, struct json_object *event);

/** wd_ctl_on_close() - tell @fn when the peer leaves before the answer (once); NULL to forget */
void wd_ctl_on_close(struct wd_ctl_conn *conn,
		     void (*fn)(void *ctx, struct wd_ctl_conn *conn),
		     void *ctx);

/* ---- client ---- */

/**
 * wd_ctl_call() - one request, one answer
 * @fd: descriptor to pass, or -1
 * @timeout_ms: for the whole call
 * @ret_answer: the whole answer line, with an object "result" if it is ok; put by the caller
 * Return: 0; -ENOENT or -ECONNREFUSED: no agent; -ETIMEDOUT; -EPROTO: no such
 *         answer, or the agent ended before it did; -errno.
 */
int wd_ctl_call(const char *run_dir, struct json_object *req, int fd,
		int timeout_ms, struct json_object **ret_answer);

/**
 * wd_ctl_stream() - request a stream; @fn for each event until it returns non-zero or the agent ends
 * @idle_ms: call @fn with NULL when nothing came for so long; -1: never
 */
int wd_ctl_stream(const char *run_dir, struct json_object *req, int idle_ms,
		  int (*fn)(void *ctx, struct json_object *event), void *ctx);

#endif /* WARDER_CTL_H */
