/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence.h - what was encrypted, since when, and what nobody knows of.
 *
 * Reads the counters of the programs, keeps them with names and times on disk
 * (cover_file.h), and adds them up for a report. A counter that goes back, or
 * another map, begins anew: no count is lost that was read, and the time of
 * which nobody knows is a gap, which is told.
 */
#ifndef WARDER_EVIDENCE_H
#define WARDER_EVIDENCE_H

#include <stdint.h>

#include "../datapath/datapath.h"
#include "cover_file.h"

struct wd_evidence;

/* Where counters and names come from; the agent, or a test. */
struct wd_evidence_source {
	void *ctx;
	/* which map in which boot: another one, other counters; 0 nobody counts */
	uint64_t (*epoch)(void *ctx);
	int (*read)(void *ctx, wd_cover_fn fn, void *fn_ctx);
	/* NULL: no such number; numbers are dense */
	const char *(*ns_name)(void *ctx, uint32_t number);
	const char *(*node_name)(void *ctx, uint32_t number);
	uint32_t (*flags)(void *ctx); /* WD_STATE_* that programs go by now */
	int64_t (*now_s)(void *ctx); /* CLOCK_REALTIME */
};

/**
 * wd_evidence_open() - go on from what is in @dir
 * @source: is copied
 * What was counted while no agent ran is read at once, by the names that its
 * numbers had then: call it before addresses get other numbers.
 * Return: 0 with something usable, also if files were damaged or cannot be
 * read, which wd_evidence_error() tells then; -errno of reading the counters.
 */
int wd_evidence_open(const char *dir, const struct wd_evidence_source *source,
		     struct wd_evidence **ret_ev);
void wd_evidence_free(struct wd_evidence *ev);

/** wd_evidence_take() - read the counters, and keep what they say in memory; 0 or -errno */
int wd_evidence_take(struct wd_evidence *ev);

/**
 * wd_evidence_keep() - the same, and write it down
 * Return: 0; or -errno: what is not written is kept for the next time.
 */
int wd_evidence_keep(struct wd_evidence *ev);

/** wd_evidence_error() - what is wrong with the files now, NULL nothing */
const char *wd_evidence_error(const struct wd_evidence *ev);

#define WD_EVIDENCE_GAPS 32

struct wd_evidence_gap {
	int64_t from_s;
	int64_t to_s;
	uint64_t gap_s; /* within them */
};

/* All since a time. Seconds are of CLOCK_REALTIME or durations. */
struct wd_evidence_sum {
	struct wd_cover *cover;
	int64_t from_s; /* begin of the first span of it */
	int64_t to_s; /* now */
	uint64_t known_s; /* of this time somebody counted */
	uint64_t required_s; /* of it, programs judged all the time */
	uint64_t nodes_s; /* the same, also what nodes say to each other */
	uint64_t open_s; /* of it, in spans in which a wire was unguarded */
	uint64_t gap_s; /* nobody knows */
	uint64_t gap_cnt;
	struct wd_evidence_gap gap[WD_EVIDENCE_GAPS]; /* the first ones */
	struct wd_cover_history history;
};

/**
 * wd_evidence_since() - add up everything whose span ends after @since_s
 * Return: 0; or -errno of reading the counters or the file. *ret_sum is to be
 * given to wd_evidence_sum_fini() then.
 */
int wd_evidence_since(struct wd_evidence *ev, int64_t since_s,
		      struct wd_evidence_sum *ret_sum);
void wd_evidence_sum_fini(struct wd_evidence_sum *sum);

#endif /* WARDER_EVIDENCE_H */
