/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guards.h - the namespaces that are held against a baseline of theirs, and
 * slo.json in the state directory, in which they outlive the agent.
 *
 * Of a window only what was counted since the agent began is looked at.
 */
#ifndef WARDER_GUARDS_H
#define WARDER_GUARDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "guard.h"

#define WD_GUARDS_MAX WD_GROUPS_MAX

/* What an operator has said of one namespace; the rest is the config's. */
struct wd_guard_own {
	bool figures; /* all of the terms but the action: they are checked together */
	bool action;
};

struct wd_guard {
	const char *ns; /* interned */
	struct wd_guard_terms terms;
	struct wd_guard_own own;
	struct wd_guard_side side[WD_TIMING__MAX];
	int64_t taken_ms; /* CLOCK_REALTIME of the baseline, 0 there is none */
	int64_t slow_ms; /* CLOCK_REALTIME since when a side is slow, 0 none is */
	int64_t audit_ms; /* CLOCK_REALTIME since when it is in audit by it, 0 it is not */
	/* interned, of the Namespace then, "" none was known; with audit_ms only */
	const char *audit_uid;
	uint32_t record_ms; /* a baseline is being taken, for so long; 0 none is */
	/* of the windows; not kept */
	uint32_t group; /* that they count in, WD_GROUP_REST none yet */
	uint64_t began_ms[WD_TIMING__MAX]; /* CLOCK_MONOTONIC */
	struct wd_timing_val *began; /* what was counted then */
};

struct wd_guards {
	struct wd_guard *guard[WD_GUARDS_MAX]; /* in no order */
	size_t cnt;
	struct wd_guard_terms
		terms; /* the config's: of those that have none of their own */
	bool unsaved;
};

void wd_guards_fini(struct wd_guards *guards);

/** wd_guards_find() - by its name, interned or not; NULL there is none */
struct wd_guard *wd_guards_find(const struct wd_guards *guards, const char *ns);

/** wd_guards_get() - the same; made with ->terms where there is none; NULL: no room */
struct wd_guard *wd_guards_get(struct wd_guards *guards, const char *ns);

/** wd_guards_take() - out of the list; it is the caller's then */
void wd_guards_take(struct wd_guards *guards, struct wd_guard *guard);

/** wd_guards_add() - one that was taken back into the list, which has room */
void wd_guards_add(struct wd_guards *guards, struct wd_guard *guard);

void wd_guard_free(struct wd_guard *guard);

/** wd_guard_set() - other terms; its own are then what @own says, and what was before */
void wd_guard_set(struct wd_guard *guard, const struct wd_guard_terms *terms,
		  const struct wd_guard_own *own);

/** wd_guard_is_slow() - one of its sides is, or was when it was measured last */
bool wd_guard_is_slow(const struct wd_guard *guard);

/**
 * wd_guard_unmeasured_ms() - since when none of its slow sides is measured
 * Return: CLOCK_REALTIME, of the one that was last; 0: one is, or none is slow.
 */
int64_t wd_guard_unmeasured_ms(const struct wd_guard *guard);

/**
 * wd_guards_read() - of @state_dir; what cannot be read is none, and told in the log
 * Terms that are not a namespace's own are ->terms, which are set before: those in the
 * file are of another config. What is not taken up again as it was is ->unsaved.
 */
void wd_guards_read(struct wd_guards *guards, const char *state_dir);

/** wd_guards_write() - Return: 0, or -errno: the old file stays, and ->unsaved */
int wd_guards_write(struct wd_guards *guards, const char *state_dir);

#endif /* WARDER_GUARDS_H */
