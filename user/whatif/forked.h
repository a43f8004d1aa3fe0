/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * forked.h - forked children of the agent, which answer one question and end.
 *
 * A child has all that the agent knows, and may break it: it is a copy. The
 * question and the answer go past the agent, over a socket of who asked.
 */
#ifndef WARDER_FORKED_H
#define WARDER_FORKED_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct json_object;
struct wd_agent;

#define WD_FORKED_MAX 2 /* at a time: one that ends while the next begins */
#define WD_FORKED_S 300 /* one that is not done by then is ended */
/* so long who asked for what needs no person may send and read nothing */
#define WD_FORKED_IDLE_MS 30000

/**
 * wd_forked_start() - fork it
 * @fd: the socket that it is given; stays the caller's
 * @run: what it does; then it ends, with exit code 0 if that returned 0
 * It lives no longer than the agent, and has the processor behind all others.
 * Return: its pid, or -errno; -EBUSY: others are under way.
 */
pid_t wd_forked_start(struct wd_agent *agent, int fd,
		      int (*run)(struct wd_agent *agent, int fd, void *ctx),
		      void *ctx);

/** wd_forked_reap() - look which have ended; called every second */
void wd_forked_reap(struct wd_agent *agent);

/** wd_forked_end_all() - with the agent */
void wd_forked_end_all(struct wd_agent *agent);

/* ---- in the child ---- */

/** wd_forked_keep_only() - locks, listening sockets and connections of the agent are not the child's to hold */
void wd_forked_keep_only(int fd);

/** wd_forked_keep_no_sockets() - the same for a child that needs the agent's maps; not its locks */
void wd_forked_keep_no_sockets(int fd);

/** wd_forked_idle() - who asked may neither send nor read for @ms; 0 or -errno */
int wd_forked_idle(int fd, unsigned int ms);

/**
 * wd_forked_read() - exactly @bytes
 * Return: 0; -ENODATA the end, before the first; -EPROTO the end, in between;
 * -ETIMEDOUT nothing came, see wd_forked_idle(); -errno.
 */
int wd_forked_read(int fd, void *to, size_t bytes);

/** wd_forked_write() - all of it; 0, -ETIMEDOUT nobody reads it, or -errno */
int wd_forked_write(int fd, const char *text, size_t len);

/** wd_forked_write_doc() - as JSON on one line, @end behind it; 0 or -errno */
int wd_forked_write_doc(int fd, struct json_object *doc, const char *end);

#endif /* WARDER_FORKED_H */
