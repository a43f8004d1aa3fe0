/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_file.h - the history of what was encrypted: encryption.log in the
 * state directory.
 *
 * One line (cover_line.h) for each span of time, with what was counted in it.
 * New ones are appended and synced. From time to time the file is written anew
 * with older ones added up: 5 minutes each for a day, an hour each for 90 days,
 * coarser where that would be too large. Adding up loses no packet and no gap,
 * only when within its span something was.
 */
#ifndef WARDER_COVER_FILE_H
#define WARDER_COVER_FILE_H

#include <stdint.h>

#include "cover.h"

#define WD_COVER_FILE "encryption.log"
#define WD_COVER_FILE_MAX (8u << 20) /* bytes, beyond which spans get coarser */

#define WD_COVER_STEP_S 300 /* one span of the last day */
#define WD_COVER_DAY_S 86400
#define WD_COVER_OLD_STEP_S 3600 /* one span of the days before */
#define WD_COVER_KEPT_S (90 * WD_COVER_DAY_S)

/* One span of time. Seconds are of CLOCK_REALTIME. */
struct wd_cover_span {
	uint64_t seq; /* grows by one with each that is appended */
	int64_t start_s;
	int64_t end_s;
	uint64_t gap_s; /* of these seconds nobody knows */
	/* WD_STATE_* of the programs: in force at all readings, at any */
	uint32_t flags_all;
	uint32_t flags_any;
	struct wd_cover *sum;
};

/* What reading the file has shown. */
struct wd_cover_history {
	uint64_t spans;
	uint64_t damaged; /* lines that did not pass, or came in no order */
	uint64_t last_seq; /* 0 there is none */
	int64_t first_s; /* begin of the first span */
	int64_t last_s; /* end of the last one */
	uint64_t bytes; /* of the file */
	uint64_t whole; /* of it, up to the end of the last good line */
};

/*
 * @before_s: end of the span before, or its own begin if it is the first: what
 * is between the two is a gap as well.
 */
typedef void (*wd_cover_span_fn)(void *ctx, const struct wd_cover_span *span,
				 int64_t before_s);

/**
 * wd_cover_file_read() - every good span, in order; only one is in memory
 * @fn: NULL passes
 * @ret_history: NULL passes
 * Return: 0, also without a file; or -errno.
 */
int wd_cover_file_read(const char *dir, wd_cover_span_fn fn, void *ctx,
		       struct wd_cover_history *ret_history);

/**
 * wd_cover_file_append() - add a span, and wait until it is on the disk
 * @whole: bytes of the file that count; what is behind them is cut off first
 * @ret_whole: with the new span
 * Return: 0; or -errno with the file as it was up to @whole.
 */
int wd_cover_file_append(const char *dir, const struct wd_cover_span *span,
			 uint64_t whole, uint64_t *ret_whole);

/**
 * wd_cover_file_thin() - write it anew: old spans added up, older ones and damaged lines left out
 * @max_seq: spans after it are left out, too; UINT64_MAX none
 * @max_bytes: make spans coarser until the file is not larger
 * Return: 0 with *ret_bytes its size; or -errno with the old file untouched.
 */
int wd_cover_file_thin(const char *dir, int64_t now_s, uint64_t max_seq,
		       uint64_t max_bytes, uint64_t *ret_bytes);

#endif /* WARDER_COVER_FILE_H */
