/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * hits.h - what the programs counted of rules, in the words of an answer.
 */
#ifndef WARDER_HITS_H
#define WARDER_HITS_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/verdict.h>

struct json_object;
struct wd_agent;
struct wd_object;

/* One reading: all times are of one moment. */
struct wd_hits_clock {
	int64_t now_ms; /* since the epoch */
	uint32_t now; /* ticks; 0: unknown, and no time is told */
	uint64_t tick_ns;
};

struct wd_hits {
	uint64_t packets;
	uint64_t bytes;
	uint64_t flows; /* new ones that it let in */
	int64_t last_ms; /* since the epoch, to a second or so; 0: never, or unknown */
	/*
	 * Since then no hit of it went by uncounted, and there was none of one
	 * that was never hit; 0: since it began, or unknown.
	 */
	int64_t since_ms;
	/* why it has no counters, or not all of its hits; NULL: it has */
	const char *missing;
	bool known; /* the numbers are counted, though perhaps not all */
};

/** wd_hits_rule() - wd_sink.rule, with the agent as @ctx: begin or end its counters */
int wd_hits_rule(void *ctx, uint32_t id, bool ends);

/** wd_hits_look() - note what is not counted now, or again; often, after each change of rung */
void wd_hits_look(struct wd_agent *agent);

/** wd_hits_clock() - now */
struct wd_hits_clock wd_hits_clock(void);

/** wd_hits_of() - of one rule; @index as of wd_model_rule() */
struct wd_hits wd_hits_of(const struct wd_agent *agent,
			  const struct wd_hits_clock *clock,
			  const struct wd_object *policy, enum wd_dir dir,
			  int index);

/** wd_hits_not_counting() - why nothing that pods do is counted by rule; NULL: it is */
const char *wd_hits_not_counting(const struct wd_agent *agent);

/** wd_hits_put() - as "counts" (null: not known) and "not_counted" (null: all are) */
void wd_hits_put(const struct wd_hits *hits, struct json_object *obj);

/* How many rules of all policies are of each kind. */
struct wd_hits_sums {
	uint32_t hit;
	uint32_t unused;
	uint32_t unknown;
};

struct wd_hits_sums wd_hits_sums(const struct wd_agent *agent);

#endif /* WARDER_HITS_H */
