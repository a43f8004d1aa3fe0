/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * guard.h - is one side of a namespace slower than its baseline?
 *
 * Pure. Handshakes are looked at in windows: one ends when its time is over and
 * enough are counted, so a quiet namespace has longer ones. It takes several
 * windows in a row to say that a side is slow, and as many to say that it is no
 * longer: those that are over half of what is tolerated count for neither. Of a
 * side of which no window has ended for long nothing is known any more: what was
 * said of it last is no alarm then, until a window ends again.
 */
#ifndef WARDER_GUARD_H
#define WARDER_GUARD_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/abi.h>

/* A step of the histogram is up to 6.25 % wide: less cannot be told apart. */
#define WD_GUARD_PERCENT_MIN 7
#define WD_GUARD_PERCENT_MAX 10000
#define WD_GUARD_LEAST_MIN 50
#define WD_GUARD_LEAST_MAX 1000000000
#define WD_GUARD_TIMES_MAX 1000

enum wd_guard_action {
	WD_GUARD_ALARM, /* an alarm tells, and changes nothing */
	WD_GUARD_AUDIT, /* and puts the namespace in audit, see relax.h */
	WD_GUARD_ACTION__MAX,
};

/* What counts as slow, and what comes of it. */
struct wd_guard_terms {
	uint32_t p50; /* percent above the baseline's; 0: not looked at */
	uint32_t p99; /* the same of p99 */
	uint32_t more_us; /* and by so much at least */
	uint32_t window_ms; /* 1000.. */
	uint32_t least; /* handshakes in a window, and in a baseline */
	uint32_t times; /* windows in a row, 1.. */
	enum wd_guard_action action;
};

/* Of some handshakes; cnt 0: there were none, or it is not known. */
struct wd_guard_span {
	uint64_t cnt;
	uint64_t p50_ns;
	uint64_t p99_ns;
};

struct wd_guard_side {
	struct wd_guard_span base; /* the baseline */
	struct wd_guard_span last; /* the last window */
	uint32_t over, under; /* windows in a row */
	bool slow; /* of what was measured last */
	uint64_t heard_ms; /* CLOCK_MONOTONIC: a window ended, or it began; 0 not yet */
	int64_t unmeasured_ms; /* CLOCK_REALTIME since when it is, 0 it is not */
};

enum wd_guard_turn {
	WD_GUARD_STAYS,
	WD_GUARD_BEGINS, /* to be slow */
	WD_GUARD_ENDS,
};

/** wd_guard_action_name() - "alarm", "audit" */
const char *wd_guard_action_name(enum wd_guard_action action);

/** wd_guard_action_parse() - of a name; 0 or -EINVAL, then @ret_action stays */
int wd_guard_action_parse(const char *name, enum wd_guard_action *ret_action);

/** wd_guard_terms_init() - p99 +10 %, 100 us; windows of 1 min and 500, 3 of them; alarm */
void wd_guard_terms_init(struct wd_guard_terms *terms);

/** wd_guard_terms_check() - NULL, or what is wrong with them: a literal */
const char *wd_guard_terms_check(const struct wd_guard_terms *terms);

/** wd_guard_span_of() - what WD_TIMING_STEPS counters at @cnt say */
void wd_guard_span_of(const uint32_t *cnt, struct wd_guard_span *ret_span);

/** wd_guard_since() - what counters @now say that were @was when the window began */
void wd_guard_since(const uint32_t *was, const uint32_t *now,
		    struct wd_guard_span *ret_span);

/**
 * wd_guard_judge() - a window of @span has ended
 * Nothing is said of a side without a baseline.
 */
enum wd_guard_turn wd_guard_judge(struct wd_guard_side *side,
				  const struct wd_guard_terms *terms,
				  const struct wd_guard_span *span);

/**
 * wd_guard_lapse() - has no window ended for too long?
 * After as many windows' time as an alarm takes, three at the least.
 * @now_ms: CLOCK_MONOTONIC
 * @real_ms: CLOCK_REALTIME
 * Return: true: from now on nothing is known of it; ->unmeasured_ms is set.
 */
bool wd_guard_lapse(struct wd_guard_side *side,
		    const struct wd_guard_terms *terms, uint64_t now_ms,
		    int64_t real_ms);

/**
 * wd_guard_alarms() - is it slow now, by these terms?
 * What was slow by others, before it was not measured or when the agent before
 * ended is not, until as many windows in a row are as begin an alarm.
 */
bool wd_guard_alarms(const struct wd_guard_side *side,
		     const struct wd_guard_terms *terms);

/** wd_guard_anew() - by other terms, or of another: no window was seen yet */
void wd_guard_anew(struct wd_guard_side *side);

/** wd_guard_rebase() - another baseline: nothing is known of what came before */
void wd_guard_rebase(struct wd_guard_side *side,
		     const struct wd_guard_span *base);

#endif /* WARDER_GUARD_H */
