/* SPDX-License-Identifier: GPL-2.0-only */
/* guard.c - see guard.h. */
#include "guard.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "hist.h"

static const char *const action_names[WD_GUARD_ACTION__MAX] = {
	[WD_GUARD_ALARM] = "alarm",
	[WD_GUARD_AUDIT] = "audit",
};

const char *wd_guard_action_name(enum wd_guard_action action)
{
	return action_names[action];
}

int wd_guard_action_parse(const char *name, enum wd_guard_action *ret_action)
{
	for (int i = 0; i < WD_GUARD_ACTION__MAX; i++) {
		if (strcmp(name, action_names[i]) != 0)
			continue;
		*ret_action = (enum wd_guard_action)i;
		return 0;
	}
	return -EINVAL;
}

void wd_guard_terms_init(struct wd_guard_terms *terms)
{
	*terms = (struct wd_guard_terms){
		.p99 = 10,
		.more_us = 100,
		.window_ms = 60000,
		.least = 500,
		.times = 3,
	};
}

static bool percent_ok(uint32_t percent)
{
	return !percent || (percent >= WD_GUARD_PERCENT_MIN &&
			    percent <= WD_GUARD_PERCENT_MAX);
}

const char *wd_guard_terms_check(const struct wd_guard_terms *terms)
{
	if (!percent_ok(terms->p50) || !percent_ok(terms->p99))
		return "a threshold is 7 to 10000 percent (less cannot be told "
		       "apart), or 0 for none";
	if (!terms->p50 && !terms->p99)
		return "one of p50 and p99 must have a threshold";
	if (terms->window_ms < 1000 || terms->window_ms > 86400000)
		return "a window is 1s to 24h long";
	if (terms->least < WD_GUARD_LEAST_MIN ||
	    terms->least > WD_GUARD_LEAST_MAX)
		return "a window has at least 50 handshakes, and at most 10^9 "
		       "may be asked for";
	if (!terms->times || terms->times > WD_GUARD_TIMES_MAX)
		return "1 to 1000 windows in a row";
	if (terms->more_us > 60000000)
		return "a difference of at most 60 s, in microseconds";
	return NULL;
}

void wd_guard_span_of(const uint32_t *cnt, struct wd_guard_span *ret_span)
{
	*ret_span = (struct wd_guard_span){
		.cnt = wd_hist_sum(cnt),
		.p50_ns = wd_hist_share_ns(cnt, 500),
		.p99_ns = wd_hist_share_ns(cnt, 990),
	};
}

void wd_guard_since(const uint32_t *was, const uint32_t *now,
		    struct wd_guard_span *ret_span)
{
	uint32_t cnt[WD_TIMING_STEPS];

	wd_hist_less(now, was, cnt);
	wd_guard_span_of(cnt, ret_span);
}

/* Beyond @percent, and @more_ns, above the baseline? 0 %: never. */
static bool is_beyond(uint64_t ns, uint64_t base_ns, uint32_t percent,
		      uint64_t more_ns)
{
	return percent && ns > base_ns && ns - base_ns >= more_ns &&
	       (double)(ns - base_ns) * 100 > (double)base_ns * percent;
}

/* By @parts of what is tolerated: 2 all of it, 1 half of it. */
static bool is_over(const struct wd_guard_side *side,
		    const struct wd_guard_terms *terms,
		    const struct wd_guard_span *span, uint32_t parts)
{
	uint64_t more_ns = (uint64_t)terms->more_us * 1000 * parts / 2;

	return is_beyond(span->p50_ns, side->base.p50_ns,
			 (terms->p50 * parts + 1) / 2, more_ns) ||
	       is_beyond(span->p99_ns, side->base.p99_ns,
			 (terms->p99 * parts + 1) / 2, more_ns);
}

static void count(const struct wd_guard_terms *terms, uint32_t *windows)
{
	if (*windows < terms->times)
		++*windows;
}

enum wd_guard_turn wd_guard_judge(struct wd_guard_side *side,
				  const struct wd_guard_terms *terms,
				  const struct wd_guard_span *span)
{
	bool was = side->slow;

	side->last = *span;
	side->unmeasured_ms = 0;
	if (!side->base.cnt)
		return WD_GUARD_STAYS;
	if (is_over(side, terms, span, 2)) {
		side->under = 0;
		count(terms, &side->over);
	} else if (!is_over(side, terms, span, 1)) {
		side->over = 0;
		count(terms, &side->under);
	} else {
		side->over = 0;
		side->under = 0;
	}
	if (side->over >= terms->times)
		side->slow = true;
	if (side->under >= terms->times)
		side->slow = false;
	if (side->slow == was)
		return WD_GUARD_STAYS;
	return was ? WD_GUARD_ENDS : WD_GUARD_BEGINS;
}

bool wd_guard_alarms(const struct wd_guard_side *side,
		     const struct wd_guard_terms *terms)
{
	return side->slow && !side->unmeasured_ms && side->over >= terms->times;
}

void wd_guard_anew(struct wd_guard_side *side)
{
	side->over = 0;
	side->under = 0;
}

bool wd_guard_lapse(struct wd_guard_side *side,
		    const struct wd_guard_terms *terms, uint64_t now_ms,
		    int64_t real_ms)
{
	uint64_t windows = terms->times > 3 ? terms->times : 3;

	if (!side->heard_ms)
		side->heard_ms = now_ms;
	if (!side->base.cnt || side->unmeasured_ms ||
	    now_ms - side->heard_ms < windows * terms->window_ms)
		return false;
	side->unmeasured_ms = real_ms - (int64_t)(now_ms - side->heard_ms);
	wd_guard_anew(side); /* windows in a row: these are not */
	return true;
}

void wd_guard_rebase(struct wd_guard_side *side,
		     const struct wd_guard_span *base)
{
	side->base = *base;
	side->last = (struct wd_guard_span){};
	wd_guard_anew(side);
	side->slow = false;
	side->heard_ms = 0;
	side->unmeasured_ms = 0;
}
