/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * notices.h - what is to be told as Events of the API server, in memory and at a
 * rate that are bounded.
 *
 * Alike things are one notice, and one Event with a series that counts them. A
 * notice is made once and said again at most once in a time; all of them share a
 * budget. What does not get told is counted.
 */
#ifndef WARDER_NOTICES_H
#define WARDER_NOTICES_H

#include <stdbool.h>
#include <stdint.h>

struct wd_kube_write;
struct wd_notices;

enum wd_notice_what {
	WD_NOTICE_POLICY, /* all nodes tell the same: the first makes the Event */
	WD_NOTICE_DROP, /* this node alone knows of it */
	WD_NOTICE__MAX,
};

#define WD_NOTICES_POLICY_MAX 64 /* kept at a time */
#define WD_NOTICES_DROP_MAX 192
#define WD_NOTICES_BURST 10 /* then one request in each time */
#define WD_NOTICE_TEXT_MAX 1024 /* bytes, of the server's validation */

/* What an Event says; copied. */
struct wd_notice {
	const char *api, *kind, *ns, *name; /* of the object; @ns may be "" */
	const char *uid; /* "" unknown */
	const char *reason; /* in one word, "PacketsDropped" */
	const char *text;
};

struct wd_notice_time {
	int64_t mono_ms; /* CLOCK_MONOTONIC */
	int64_t real_us; /* CLOCK_REALTIME */
};

/**
 * wd_notices_new() - none yet
 * @node: who says it; must outlive this
 * @every_ms: the time
 */
struct wd_notices *wd_notices_new(const char *node, uint32_t every_ms);
void wd_notices_free(struct wd_notices *notices);

/** wd_notices_again() - one more of what is known by @key. Return: false: it is not */
bool wd_notices_again(struct wd_notices *notices, enum wd_notice_what what,
		      const char *key, struct wd_notice_time now);

/**
 * wd_notices_add() - the first of what is known by @key from now on
 * @delay_ms: not before
 */
void wd_notices_add(struct wd_notices *notices, enum wd_notice_what what,
		    const char *key, const struct wd_notice *notice,
		    uint32_t delay_ms, struct wd_notice_time now);

/** wd_notices_due() - is there something to tell now; forgets what is old */
bool wd_notices_due(struct wd_notices *notices, struct wd_notice_time now);

/** wd_notices_next() - tell that; each is followed by wd_notices_done(). Return: false: nothing */
bool wd_notices_next(struct wd_notices *notices, struct wd_notice_time now,
		     struct wd_kube_write *ret_write);

/** wd_notices_done() - @wrote is what came of it (enum wd_kube_wrote) */
void wd_notices_done(struct wd_notices *notices, int wrote,
		     struct wd_notice_time now);

/** wd_notices_untold() - what happened and never got told */
uint64_t wd_notices_untold(const struct wd_notices *notices);

/** wd_notices_waiting() - notices of which something is to be told */
uint32_t wd_notices_waiting(const struct wd_notices *notices);

#endif /* WARDER_NOTICES_H */
