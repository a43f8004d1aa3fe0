/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * reflector.h - follows one collection of objects: lists it, at the head of a
 * watch or page by page, then watches it, and begins again as the API's contract
 * wants it.
 *
 * Decides when to ask, what an answer means and how long to wait; what the
 * objects say is for those who are told of them.
 */
#ifndef WARDER_KUBE_REFLECTOR_H
#define WARDER_KUBE_REFLECTOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wd_kube_http;
struct wd_kube_initial;
struct wd_kube_reflector;
struct wd_loop;
struct wd_tree;

enum wd_kube_phase {
	WD_KUBE_WAITING, /* for the next try, or for the first */
	WD_KUBE_LISTING,
	WD_KUBE_WATCHING,
	WD_KUBE_ABSENT, /* the server does not have the kind; asked again now and then */
};

/* Times in milliseconds but for those that say _s. */
struct wd_kube_timing {
	uint32_t backoff_ms,
		backoff_max_ms; /* doubles; up to twice as long, at random */
	uint32_t backoff_reset_ms; /* that long without a failure forgets those before */
	uint32_t refused_ms; /* at least so long after 403, 400 and their like */
	uint32_t absent_max_ms; /* between questions for a kind that is not there */
	uint32_t quiet_ms; /* a watch without a byte is broken */
	uint32_t list_quiet_ms; /* the same of a list */
	uint32_t short_ms; /* a watch that ends sooner with nothing has failed */
	uint32_t watch_min_s,
		watch_max_s; /* how long a watch is to last, at random */
	uint32_t page; /* objects of a page */
	uint32_t grace_ms; /* see wd_kube_removals_new() */
	uint32_t initial_ms,
		initial_max_ms; /* see initial.h; doubles with each refusal */
};

extern const struct wd_kube_timing wd_kube_timing; /* as client-go has them */

struct wd_kube_reflector_fns {
	/* A list from its beginning: what was told of the one before is void. */
	void (*begin)(void *ctx);
	/* An object of the list; @root is borrowed. */
	void (*item)(void *ctx, const struct wd_tree *root);
	/*
	 * An object that cannot be read is there, or has changed. @root: its
	 * metadata, as far as it was found; NULL: of a list, and not even a name.
	 */
	void (*garbled)(void *ctx, const struct wd_tree *root, const char *why);
	/* The list was whole: what was not told of is not there. */
	void (*end)(void *ctx);
	/* An object is as @root, or was and is gone. */
	void (*event)(void *ctx, const struct wd_tree *root, bool gone);
	/* The kind is not there; told each time that it is found so. */
	void (*absent)(void *ctx);
	/* After any of these, when the agent may act on them. */
	void (*settled)(void *ctx);
};

struct wd_kube_reflector_status {
	enum wd_kube_phase phase;
	int64_t since_ms; /* CLOCK_REALTIME: in this phase */
	int64_t heard_ms; /* CLOCK_REALTIME of the last byte of a good answer, 0 never */
	int64_t listed_ms; /* CLOCK_REALTIME of the last whole list, 0 never */
	uint64_t lists, watches, events, failures; /* since the start */
	const char *version; /* resourceVersion reached, "" */
	bool refused; /* the last try was: it is not allowed */
	const char *error; /* of the last try that failed; NULL: it did not */
};

/**
 * wd_kube_reflector_new() - begin to follow
 * @path: of the collection, "/api/v1/pods"
 * @optional: a server may not have it
 * Return: 0, or -errno of the timer.
 */
int wd_kube_reflector_new(struct wd_kube_http *http, struct wd_loop *loop,
			  const char *path, bool optional,
			  const struct wd_kube_timing *timing,
			  struct wd_kube_reflector **ret_reflector);

/** wd_kube_reflector_start() - @fns are called from the loop, first within @ms, at random */
void wd_kube_reflector_start(struct wd_kube_reflector *r, uint32_t ms,
			     const struct wd_kube_reflector_fns *fns,
			     void *ctx);

/** wd_kube_reflector_select() - only objects whose @field is @value, NULL: all; one that was started is to be restarted */
void wd_kube_reflector_select(struct wd_kube_reflector *r, const char *field,
			      const char *value);

/**
 * wd_kube_reflector_restart() - list from the first page on within @ms, at random
 * What it is about is given up then. What was told before stands until the
 * list ends.
 */
void wd_kube_reflector_restart(struct wd_kube_reflector *r, uint32_t ms);

/** wd_kube_reflector_or() - the same collection by another version of its API: asked where the first is not there; before it is started */
void wd_kube_reflector_or(struct wd_kube_reflector *r, const char *path);

/**
 * wd_kube_reflector_stream() - ask for lists as the heads of watches
 * @server: what is known of it in that, shared by all that ask it; outlives @r
 * Before it is started; without this, lists are asked for in pages.
 */
void wd_kube_reflector_stream(struct wd_kube_reflector *r,
			      struct wd_kube_initial *server);

/** wd_kube_reflector_free() - not from within its functions; NULL passes */
void wd_kube_reflector_free(struct wd_kube_reflector *r);

void wd_kube_reflector_status(const struct wd_kube_reflector *r,
			      struct wd_kube_reflector_status *ret_status);

#endif /* WARDER_KUBE_REFLECTOR_H */
