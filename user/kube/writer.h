/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * writer.h - tells an API server something, one request after the other.
 *
 * Keeps nothing of what is to be told: it asks for it when it may send, so what
 * waited through a failure is told as it is by then. Nothing waits for it.
 */
#ifndef WARDER_KUBE_WRITER_H
#define WARDER_KUBE_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "http.h"

struct wd_kube_timing;
struct wd_kube_writer;
struct wd_loop;

enum wd_kube_wrote {
	WD_KUBE_WROTE, /* the server has it */
	WD_KUBE_WROTE_BEFORE, /* what was to be made is there: 409 of a POST */
	WD_KUBE_WROTE_MISSING, /* what was to be changed is not there: 404 */
	WD_KUBE_WROTE_REFUSED, /* saying it again would not help */
	WD_KUBE_WROTE_FAILED, /* it can be told later */
};

struct wd_kube_writer_fns {
	/*
	 * What is to be told next; false: nothing. Path and body are freed by
	 * the writer.
	 */
	bool (*next)(void *ctx, struct wd_kube_write *ret_write);
	/* What came of it; before next() is called again. */
	void (*done)(void *ctx, enum wd_kube_wrote wrote);
};

struct wd_kube_writer_status {
	uint64_t written, refused, failures;
	int64_t written_ms; /* CLOCK_REALTIME of the last, 0 never */
	const char *error; /* of the last one, if it was not taken; else NULL */
};

/**
 * wd_kube_writer_new() - on a client that must outlive it
 * @timing: how long to wait after failures
 * Return: 0, or -errno of the timer.
 */
int wd_kube_writer_new(struct wd_kube_http *http, struct wd_loop *loop,
		       const struct wd_kube_timing *timing,
		       struct wd_kube_writer **ret_writer);

/** wd_kube_writer_start() - @fns are called from the loop, not before @ms */
void wd_kube_writer_start(struct wd_kube_writer *w, uint32_t ms,
			  const struct wd_kube_writer_fns *fns, void *ctx);

/** wd_kube_writer_poke() - there is something to tell */
void wd_kube_writer_poke(struct wd_kube_writer *w);

/** wd_kube_writer_free() - not from within its functions; NULL passes */
void wd_kube_writer_free(struct wd_kube_writer *w);

void wd_kube_writer_status(const struct wd_kube_writer *w,
			   struct wd_kube_writer_status *ret_status);

#endif /* WARDER_KUBE_WRITER_H */
