/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ladder.h - which rung this node stands on, and what kept it from higher ones.
 *
 * A rung is found by trying, from the top down: never by the kernel's version.
 * What is in force stays until what comes after it has passed the golden
 * packets and is in force itself; meanwhile both judge.
 */
#ifndef WARDER_DATAPATH_LADDER_H
#define WARDER_DATAPATH_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#include <warder/rung.h>

#include "cause.h"

struct wd_datapath;

#define WD_ATTEMPTS_MAX 16

/* One thing that was tried and not had. */
struct wd_attempt {
	enum wd_rung rung;
	const char *
		object; /* "wd_pod", "nft", ...; "" where it was none's matter */
	enum wd_stage stage;
	int err; /* negative errno */
	enum wd_cause cause;
	bool optional; /* the rung was had without it */
	bool skipped; /* known from before in this boot, not tried again */
	uint64_t at_ms; /* CLOCK_REALTIME */
	char *text; /* one line for a person; allocated */
	char *log; /* all that verifier and libbpf said, NULL none; allocated */
};

/*
 * What is loaded beside the programs of pods, each object by itself: one that
 * cannot be had takes no other one with it.
 */
enum wd_part {
	WD_PART_WIRE,
	WD_PART_WIREMIN,
	WD_PART_LATE,
	WD_PART_HOST,
	WD_PART__MAX,
};

/* What is in force, and why nothing better is. */
struct wd_ladder {
	enum wd_rung rung;
	enum wd_rung top; /* where the last descent began */
	const char *object; /* "wd_pod", "wd_compat", "wd_minimal", "nft", "" */
	bool kept; /* programs of an agent before, which this one could not replace */
	bool memory; /* the tables are in the agent's memory: no bpf(2) */
	bool frozen; /* nothing is written: rung hold */
	bool open; /* rung hold, with nothing in force: everything passes, as configured */
	uint64_t since_ms; /* CLOCK_REALTIME, when this rung was reached */
	struct wd_attempt attempt[WD_ATTEMPTS_MAX]; /* of the last descent */
	int attempts;
	/* by enum wd_part, the last try of each; err 0: had; at_ms 0: not tried */
	struct wd_attempt part[WD_PART__MAX];
	uint64_t part_next_ms[WD_PART__MAX]; /* CLOCK_MONOTONIC, no try before */
	int part_tries[WD_PART__MAX]; /* in vain, one after the other */
};

/* What a descent goes by. */
struct wd_ladder_opts {
	enum wd_rung top;
	enum wd_rung bottom; /* of the rungs that may be used; HOLD: all */
	bool hold_open; /* hold, where nothing is in force: allow all */
	/*
	 * Is this object known to be refused for good on this boot of this
	 * kernel? *ret_text: why, borrowed until the next call. May be NULL.
	 * Also asked of parts, as long as the data path is open.
	 */
	bool (*refused)(void *ctx, const char *object, uint64_t hash,
			enum wd_cause *ret_cause, const char **ret_text);
	void *ctx;
};

/**
 * wd_ladder() - where the data path stands
 * Borrowed, until the next open, climb or close.
 */
const struct wd_ladder *wd_ladder(const struct wd_datapath *dp);

/** wd_ladder_hash() - of an object of this binary: tells versions apart, no more; 0 none such */
uint64_t wd_ladder_hash(const char *object);

/** wd_part_from() - by the name of its object; WD_PART__MAX it is none's */
enum wd_part wd_part_from(const char *object);

/** wd_ladder_transient() - is one of the attempts worth to be made again later */
bool wd_ladder_transient(const struct wd_ladder *ladder);

/**
 * wd_datapath_climb() - go down the ladder again, from opts->top
 *
 * What is in force is replaced by the first rung that passes, also by one that
 * is lower than today's. If it is the same, with the same programs, nothing
 * changes. Tables in the agent's memory are copied into kernel maps when those
 * can be made: then windows and descriptors of maps are others, *ret_moved.
 * Return: 0, the rung is in wd_ladder(); or -errno: what was in force stays.
 */
int wd_datapath_climb(struct wd_datapath *dp, const struct wd_ladder_opts *opts,
		      bool *ret_moved, char **ret_error);

/** wd_rung_name(), wd_rung_text(), wd_rung_lacks() - words of rung.h */
const char *wd_rung_name(enum wd_rung rung);
const char *wd_rung_text(enum wd_rung rung);
const char *wd_rung_lacks(enum wd_rung rung);

/** wd_rung_from() - by name; WD_RUNG__MAX if there is none */
enum wd_rung wd_rung_from(const char *name);

#endif /* WARDER_DATAPATH_LADDER_H */
