/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch.h - follows the WireGuard devices of this namespace.
 *
 * The kernel has no event for most of what matters (a peer added, a handshake,
 * a prefix moved), so it is asked again and again: a second after a change or
 * while a peer does not answer, else every two; and when a person asks. What a
 * reading costs decides too: see WD_WG_WATCH_SHARE.
 */
#ifndef WARDER_WG_WATCH_H
#define WARDER_WG_WATCH_H

#include <stdint.h>

#include "device.h"

struct wd_loop;
struct wd_wg_watch;

#define WD_WG_WATCH_MIN_MS 1000
#define WD_WG_WATCH_MAX 2 /* times that, when nothing changes */
/* at most one part of so many of the time is spent on reading: pauses grow */
#define WD_WG_WATCH_SHARE 100
/* not sooner after a reading, nor sooner than ten times its cost */
#define WD_WG_WATCH_KICK_MS 100
/* readings that fail in a row before that is told */
#define WD_WG_WATCH_FAILS 3

struct wd_wg_watch_ops {
	/* NULL: wd_wg_read() of this namespace. */
	int (*read)(void *ctx, struct wd_wg_state *ret_state);
	/*
	 * After the first reading and each that differs from the one before.
	 * @state: the last good one, with traces; NULL: there was none yet
	 * @diff: WD_WG_*; all of them for the first
	 * @err: 0, or why it can be read no longer; told once, when that begins
	 *       (0 again when it ends), with diff 0
	 */
	void (*told)(void *ctx, const struct wd_wg_state *state, uint32_t diff,
		     int err);
	void *ctx;
	uint32_t min_ms; /* 0: WD_WG_WATCH_MIN_MS */
};

/** wd_wg_watch_new() - begin: the first reading is in the loop's next turn. Return: 0 or -errno */
int wd_wg_watch_new(struct wd_loop *loop, const struct wd_wg_watch_ops *ops,
		    struct wd_wg_watch **ret_watch);
void wd_wg_watch_free(struct wd_wg_watch *watch);

/** wd_wg_watch_kick() - something may have changed (a link did): read as soon as the cost allows */
void wd_wg_watch_kick(struct wd_wg_watch *watch);

/**
 * wd_wg_watch_now() - somebody wants to know: read before this returns
 * Not if that was done a moment ago, see WD_WG_WATCH_KICK_MS. What is new is told
 * as ever; when the next reading is stays as it was.
 */
void wd_wg_watch_now(struct wd_wg_watch *watch);

/** wd_wg_watch_state() - the last good reading; NULL: there was none yet. Until the next turn of the loop */
const struct wd_wg_state *wd_wg_watch_state(const struct wd_wg_watch *watch);

#endif /* WARDER_WG_WATCH_H */
