/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * evidence.c - from counters that only grow to spans of time.
 *
 * The span that is not on disk yet is in memory. Order of writing: the span,
 * then how the counters stood at its end. What a crash in between leaves, a
 * span whose counters nobody knows, is dropped at the next start and counted
 * again from the counters; if those are gone it stays.
 */
#include "evidence.h"

#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../model/xalloc.h"
#include "cover_last.h"

#define THIN_SPANS 72 /* appended, before old ones are added up */
#define NAME_MAX_LEN 24 /* "#4294967295" */

struct wd_evidence {
	char *dir;
	struct wd_evidence_source source;
	struct wd_cover_last last; /* also how counters stand now */
	bool past; /* numbers are still those of the agent before */
	struct wd_cover_span span; /* not written yet; end_s: read until then */
	uint64_t whole; /* bytes of the file that count */
	int appended; /* since the file was thinned */
	bool flags_read; /* @last.flags are those of the last reading */
	char *error;
};

static void set_error(struct wd_evidence *ev, const char *what, int err)
{
	free(ev->error);
	ev->error = err ? wd_xprintf("%s: %s", what, wd_errno(err)) : NULL;
}

const char *wd_evidence_error(const struct wd_evidence *ev)
{
	return ev->error;
}

static int64_t now_s(const struct wd_evidence *ev)
{
	return ev->source.now_s(ev->source.ctx);
}

static void span_begin(struct wd_evidence *ev, int64_t start_s)
{
	wd_cover_clear(ev->span.sum);
	ev->span.start_s = ev->span.end_s = start_s;
	ev->span.gap_s = 0;
	/* what was so at its begin counts too */
	ev->span.flags_all = ev->flags_read ? ev->last.flags : UINT32_MAX;
	ev->span.flags_any = ev->flags_read ? ev->last.flags : 0;
}

/* ---- reading the counters ---- */

static const char *name_of(const struct wd_cover_names *past,
			   const char *(*now)(void *ctx, uint32_t number),
			   const struct wd_evidence *ev, uint32_t number,
			   char *buf)
{
	const char *name = ev->past ? wd_cover_names_get(past, number) :
				      now(ev->source.ctx, number);

	if (name)
		return name;
	(void)snprintf(buf, NAME_MAX_LEN, "#%u", number);
	return buf;
}

static const char *ns_of(const struct wd_evidence *ev, uint32_t number,
			 char *buf)
{
	if (number == WD_NS_NONE)
		return "";
	if (number == WD_NS_UNKNOWN)
		return WD_COVER_UNKNOWN;
	return name_of(&ev->last.ns, ev->source.ns_name, ev, number, buf);
}

static const char *node_of(const struct wd_evidence *ev, uint32_t number,
			   char *buf)
{
	return number ? name_of(&ev->last.node, ev->source.node_name, ev,
				number, buf) :
			"";
}

static int take_entry(void *ctx, const struct wd_cover_key *key,
		      const struct wd_stat_val *val)
{
	struct wd_evidence *ev = ctx;
	struct wd_cover_counter *c = wd_cover_last_counter(&ev->last, key);
	char from[NAME_MAX_LEN], to[NAME_MAX_LEN], peer[NAME_MAX_LEN];
	struct wd_cover_row row = {
		.from = ns_of(ev, key->ns[0], from),
		.to = ns_of(ev, key->ns[1], to),
		.peer = node_of(ev, key->node, peer),
		.kind = key->kind,
		.dir = key->dir,
		.family = key->family,
	};

	/* gone back: somebody took the entry out, it began anew */
	if (val->packets < c->val.packets || val->bytes < c->val.bytes)
		c->val = (struct wd_stat_val){ 0 };
	row.packets = val->packets - c->val.packets;
	row.bytes = val->bytes - c->val.bytes;
	c->val = *val;
	if (key->kind < WD_COVER__MAX && key->dir < WD_DIR__MAX)
		wd_cover_add(ev->span.sum, &row);
	return 0;
}

static void note_flags(struct wd_evidence *ev)
{
	ev->last.flags = ev->source.flags(ev->source.ctx);
	ev->flags_read = true;
	ev->span.flags_all &= ev->last.flags;
	ev->span.flags_any |= ev->last.flags;
}

static int read_counters(struct wd_evidence *ev)
{
	uint64_t epoch = ev->source.epoch(ev->source.ctx);
	int64_t now = now_s(ev);
	int err = 0;

	if (epoch && epoch != ev->last.epoch) {
		wd_cover_last_forget(&ev->last);
		ev->last.epoch = epoch;
	}
	if (epoch)
		err = ev->source.read(ev->source.ctx, take_entry, ev);
	if (err)
		return err;
	if (now < ev->span.start_s) /* the clock was set back */
		ev->span.start_s = now;
	ev->span.end_s = now;
	return 0;
}

int wd_evidence_take(struct wd_evidence *ev)
{
	note_flags(ev);
	return read_counters(ev);
}

/* ---- writing down ---- */

static void names_fill(struct wd_evidence *ev, struct wd_cover_names *names,
		       const char *(*name_of_nr)(void *ctx, uint32_t number))
{
	const char *name;

	wd_cover_names_clear(names);
	for (uint32_t nr = names->first;
	     (name = name_of_nr(ev->source.ctx, nr)) != NULL; nr++)
		wd_cover_names_add(names, name);
}

static int write_last(struct wd_evidence *ev)
{
	names_fill(ev, &ev->last.ns, ev->source.ns_name);
	names_fill(ev, &ev->last.node, ev->source.node_name);
	ev->last.end_s = ev->span.start_s;
	ev->last.seq = ev->span.seq - 1;
	return wd_cover_last_write(ev->dir, &ev->last);
}

static int thin(struct wd_evidence *ev, uint64_t max_seq)
{
	int err = wd_cover_file_thin(ev->dir, now_s(ev), max_seq,
				     WD_COVER_FILE_MAX, &ev->whole);

	if (!err)
		ev->appended = 0;
	return err;
}

static int append(struct wd_evidence *ev)
{
	int err =
		wd_cover_file_append(ev->dir, &ev->span, ev->whole, &ev->whole);

	if (err)
		return err;
	ev->span.seq++;
	span_begin(ev, ev->span.end_s);
	ev->appended++;
	return 0;
}

int wd_evidence_keep(struct wd_evidence *ev)
{
	int err = wd_evidence_take(ev);

	if (err) {
		set_error(ev, "reading the counters", err);
		return err;
	}
	err = append(ev);
	if (err) {
		set_error(ev, "writing " WD_COVER_FILE, err);
		return err;
	}
	err = write_last(ev);
	if (!err &&
	    (ev->appended >= THIN_SPANS || ev->whole > WD_COVER_FILE_MAX))
		err = thin(ev, UINT64_MAX);
	set_error(ev, "writing " WD_COVER_LAST " or " WD_COVER_FILE, err);
	return err;
}

/* ---- from one agent to the next ---- */

/* No word of the counters of before: as they are now, they are where it begins. */
static int base_entry(void *ctx, const struct wd_cover_key *key,
		      const struct wd_stat_val *val)
{
	struct wd_evidence *ev = ctx;

	wd_cover_last_counter(&ev->last, key)->val = *val;
	return 0;
}

static int begin_blind(struct wd_evidence *ev)
{
	ev->last.epoch = ev->source.epoch(ev->source.ctx);
	return ev->last.epoch ?
		       ev->source.read(ev->source.ctx, base_entry, ev) :
		       0;
}

/* The same counters as at the end of span @last->seq: later spans come again. */
static void begin_same(struct wd_evidence *ev,
		       const struct wd_cover_history *history)
{
	int err = 0;

	ev->past = ev->flags_read = true;
	span_begin(ev, ev->last.end_s);
	if (history->last_seq > ev->last.seq)
		err = thin(ev, ev->last.seq);
	if (err)
		set_error(ev, "writing " WD_COVER_FILE, err);
}

static int begin(struct wd_evidence *ev)
{
	struct wd_cover_history history = { 0 };
	int log_err = wd_cover_file_read(ev->dir, NULL, NULL, &history);
	int last_err = wd_cover_last_read(ev->dir, &ev->last);
	uint64_t epoch = ev->source.epoch(ev->source.ctx);
	bool same = !last_err && epoch && epoch == ev->last.epoch;
	int err = 0;

	ev->whole = history.whole;
	ev->span.seq = history.last_seq > ev->last.seq ? history.last_seq :
							 ev->last.seq;
	if (same)
		ev->span.seq = ev->last.seq;
	ev->span.seq++;
	span_begin(ev, now_s(ev));
	if (log_err)
		set_error(ev, "reading " WD_COVER_FILE, log_err);
	if (same)
		begin_same(ev, &history);
	else if (last_err && (last_err != -ENOENT || history.spans))
		err = begin_blind(ev);
	if (last_err && last_err != -ENOENT)
		set_error(ev, "reading " WD_COVER_LAST, last_err);
	/* the switches are not this agent's yet: until then they are as they were */
	if (!err)
		err = read_counters(ev);
	ev->past = false;
	return err;
}

int wd_evidence_open(const char *dir, const struct wd_evidence_source *source,
		     struct wd_evidence **ret_ev)
{
	struct wd_evidence *ev = wd_xcalloc(1, sizeof(*ev));
	int err;

	ev->dir = wd_xstrdup(dir);
	ev->source = *source;
	ev->span.sum = wd_cover_new();
	wd_cover_last_init(&ev->last);
	err = begin(ev);
	if (err) {
		wd_evidence_free(ev);
		return err;
	}
	*ret_ev = ev;
	return 0;
}

void wd_evidence_free(struct wd_evidence *ev)
{
	if (!ev)
		return;
	wd_cover_free(ev->span.sum);
	wd_cover_last_fini(&ev->last);
	free(ev->error);
	free(ev->dir);
	free(ev);
}

/* ---- adding up ---- */

struct adding {
	int64_t since_s;
	struct wd_evidence_sum *sum;
	bool begun;
};

static void add_gap(struct wd_evidence_sum *sum, int64_t from_s, int64_t to_s,
		    uint64_t gap_s)
{
	if (!gap_s)
		return;
	if (sum->gap_cnt < WD_EVIDENCE_GAPS)
		sum->gap[sum->gap_cnt] = (struct wd_evidence_gap){
			.from_s = from_s, .to_s = to_s, .gap_s = gap_s
		};
	sum->gap_cnt++;
	sum->gap_s += gap_s;
}

/* What is between two spans, as far as it is asked for. */
static void add_hole(struct adding *a, int64_t from_s, int64_t to_s)
{
	if (from_s < a->since_s)
		from_s = a->since_s;
	if (from_s < to_s)
		add_gap(a->sum, from_s, to_s, (uint64_t)(to_s - from_s));
}

static void add_span(void *ctx, const struct wd_cover_span *span,
		     int64_t before_s)
{
	struct adding *a = ctx;
	struct wd_evidence_sum *sum = a->sum;
	uint64_t len = (uint64_t)(span->end_s - span->start_s);
	uint64_t known = len > span->gap_s ? len - span->gap_s : 0;

	if (span->end_s <= a->since_s && span->end_s < sum->to_s)
		return;
	add_hole(a, before_s, span->start_s);
	add_gap(sum, span->start_s, span->end_s, span->gap_s);
	if (!a->begun || span->start_s < sum->from_s)
		sum->from_s = span->start_s;
	a->begun = true;
	sum->known_s += known;
	if (span->flags_all & WD_STATE_ENCRYPT)
		sum->required_s += known;
	if (span->flags_all & WD_STATE_ENCRYPT_NODES)
		sum->nodes_s += known;
	if (span->flags_any & WD_STATE_WIRE_OPEN)
		sum->open_s += known;
	wd_cover_merge(sum->cover, span->sum);
}

int wd_evidence_since(struct wd_evidence *ev, int64_t since_s,
		      struct wd_evidence_sum *ret_sum)
{
	struct wd_evidence_sum sum = { 0 };
	struct adding adding = { .since_s = since_s, .sum = &sum };
	int err = wd_evidence_take(ev);

	if (err)
		return err;
	sum.cover = wd_cover_new();
	sum.from_s = sum.to_s = ev->span.end_s;
	err = wd_cover_file_read(ev->dir, add_span, &adding, &sum.history);
	if (err) {
		wd_evidence_sum_fini(&sum);
		return err;
	}
	add_span(&adding, &ev->span,
		 sum.history.spans ? sum.history.last_s : ev->span.start_s);
	*ret_sum = sum;
	return 0;
}

void wd_evidence_sum_fini(struct wd_evidence_sum *sum)
{
	wd_cover_free(sum->cover);
	sum->cover = NULL;
}
