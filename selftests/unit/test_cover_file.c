// SPDX-License-Identifier: GPL-2.0-only
/*
 * test_cover_file.c - the history on disk: what is added up, what survives.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "encryption/cover_file.h"
#include "tap.h"

#define NOW INT64_C(1800000000) /* a multiple of an hour, and of 5 minutes */

static char dir[64];
static uint64_t whole; /* bytes of the file that count */
static uint64_t seq;

static const char *path_of(const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void begin(void)
{
	(void)unlink(path_of(WD_COVER_FILE));
	whole = seq = 0;
}

/* A span in which @packets went from shop to db. */
static void append(int64_t start_s, int64_t end_s, uint64_t packets)
{
	struct wd_cover_span span = {
		.seq = seq + 1,
		.start_s = start_s,
		.end_s = end_s,
		.flags_all = WD_STATE_ENCRYPT,
		.flags_any = WD_STATE_ENCRYPT,
		.sum = wd_cover_new(),
	};
	struct wd_cover_row row = {
		.from = "shop",
		.to = "db",
		.peer = "node-2",
		.kind = WD_COVER_WIREGUARD,
		.family = 4,
		.packets = packets,
		.bytes = packets * 10,
	};

	seq++;
	wd_cover_add(span.sum, &row);
	wd_expect_int(0, wd_cover_file_append(dir, &span, whole, &whole));
	wd_cover_free(span.sum);
}

/* Everything in the file. */
struct got {
	struct wd_cover_history history;
	uint64_t packets, bytes, gap_s, known_s;
	uint32_t flags_all, flags_any;
};

static void sum_span(void *ctx, const struct wd_cover_span *span,
		     int64_t before_s)
{
	struct got *got = ctx;
	struct wd_cover_row *row = wd_cover_rows(span->sum);

	for (size_t i = 0; i < wd_cover_cnt(span->sum); i++) {
		got->packets += row[i].packets;
		got->bytes += row[i].bytes;
	}
	free(row);
	got->gap_s += span->gap_s + (uint64_t)(span->start_s - before_s);
	got->known_s += (uint64_t)(span->end_s - span->start_s) - span->gap_s;
	got->flags_all &= span->flags_all;
	got->flags_any |= span->flags_any;
}

static struct got read_all(void)
{
	struct got got = { .flags_all = UINT32_MAX };

	wd_expect_int(0, wd_cover_file_read(dir, sum_span, &got, &got.history));
	return got;
}

static void without_a_file_there_is_no_history(void)
{
	struct got got;

	begin();
	got = read_all();
	wd_expect_int(0, (long long)got.history.spans);
	wd_expect_int(0, (long long)got.history.last_seq);
	wd_expect_int(-ENOENT,
		      wd_cover_file_read("/nowhere", NULL, NULL, NULL));
}

static void spans_come_back_in_order_with_what_they_hold(void)
{
	struct got got;
	struct stat st;

	begin();
	append(NOW, NOW + 300, 3);
	append(NOW + 300, NOW + 600, 4);
	got = read_all();
	wd_expect_int(2, (long long)got.history.spans);
	wd_expect_int(2, (long long)got.history.last_seq);
	wd_expect_int(NOW, got.history.first_s);
	wd_expect_int(NOW + 600, got.history.last_s);
	wd_expect_int(7, (long long)got.packets);
	wd_expect_int(70, (long long)got.bytes);
	wd_expect_int(0, (long long)got.gap_s);
	wd_expect_int(WD_STATE_ENCRYPT, got.flags_all);
	wd_expect_int((long long)whole, (long long)got.history.whole);
	wd_expect_int(0, stat(path_of(WD_COVER_FILE), &st));
	wd_expect_int(0600, st.st_mode & 07777);
	wd_expect_int((long long)whole, st.st_size);
}

/* A crash while a span was written: any number of its bytes is there. */
static void a_torn_end_costs_the_torn_span_only(void)
{
	uint64_t two;

	begin();
	append(NOW, NOW + 300, 3);
	append(NOW + 300, NOW + 600, 4);
	two = whole;
	append(NOW + 600, NOW + 900, 5);
	for (uint64_t bytes = whole - 1; bytes > two; bytes--) {
		struct got got;

		wd_expect_int(0,
			      truncate(path_of(WD_COVER_FILE), (off_t)bytes));
		got = read_all();
		wd_expect_int(2, (long long)got.history.spans);
		wd_expect_int(1, (long long)got.history.damaged);
		wd_expect_int((long long)two, (long long)got.history.whole);
		wd_expect_int(7, (long long)got.packets);
	}
	/* the next agent writes over it */
	whole = two;
	append(NOW + 600, NOW + 900, 6);
	wd_expect_int(3, (long long)read_all().history.spans);
	wd_expect_int(0, (long long)read_all().history.damaged);
	wd_expect_int(13, (long long)read_all().packets);
}

static void flip(uint64_t at)
{
	FILE *file = fopen(path_of(WD_COVER_FILE), "r+e");
	int c;

	if (!file) {
		wd_expect(false);
		return;
	}
	(void)fseek(file, (long)at, SEEK_SET);
	c = fgetc(file);
	(void)fseek(file, (long)at, SEEK_SET);
	(void)fputc(c ^ 4, file);
	(void)fclose(file);
}

/* Any one byte of the middle one of three spans is another. */
static void a_damaged_span_in_the_middle_is_a_gap(void)
{
	uint64_t first, second;

	begin();
	append(NOW, NOW + 300, 3);
	first = whole;
	append(NOW + 300, NOW + 600, 4);
	second = whole;
	append(NOW + 600, NOW + 900, 5);
	for (uint64_t at = first; at + 1 < second; at++) {
		struct got got;

		flip(at);
		got = read_all();
		wd_expect_int(2, (long long)got.history.spans);
		wd_expect(got.history.damaged >= 1);
		wd_expect_int(8, (long long)got.packets);
		wd_expect_int(300, (long long)got.gap_s);
		flip(at);
	}
	wd_expect_int(12, (long long)read_all().packets);
	/* its line feed goes: the span after it is not found either */
	flip(second - 1);
	wd_expect_int(3, (long long)read_all().packets);
}

static void a_span_that_comes_twice_counts_once(void)
{
	begin();
	append(NOW, NOW + 300, 3);
	seq = 0;
	append(NOW, NOW + 300, 3);
	wd_expect_int(3, (long long)read_all().packets);
	wd_expect_int(1, (long long)read_all().history.damaged);
}

static void old_spans_become_hours_and_very_old_ones_go(void)
{
	/* days ago; of the first two nothing is kept */
	static const int days[] = { 100, 92, 90, 40, 2, 1 };
	uint64_t bytes = 0;
	struct got got;

	begin();
	for (size_t i = 0; i < sizeof(days) / sizeof(*days); i++) {
		int64_t day = NOW - days[i] * (int64_t)WD_COVER_DAY_S;

		/* one in 20 minutes */
		for (int64_t at = day; at < day + WD_COVER_DAY_S; at += 1200)
			append(at, at + 1200, 1);
	}
	wd_expect_int(0, wd_cover_file_thin(dir, NOW, UINT64_MAX,
					    WD_COVER_FILE_MAX, &bytes));
	got = read_all();
	wd_expect_int(4 * 72, (long long)got.packets);
	/* hours, and the last day but its very first span as it was */
	wd_expect_int(3 * 24 + 72, (long long)got.history.spans);
	wd_expect_int((long long)bytes, (long long)got.history.bytes);
	whole = bytes;
	append(NOW, NOW + 300, 1);
	wd_expect_int(4 * 72 + 1, (long long)read_all().packets);
}

static void adding_up_keeps_gaps_and_what_was_not_always_so(void)
{
	int64_t at = NOW - 10 * WD_COVER_DAY_S;
	uint64_t bytes = 0;
	struct got before, after;

	begin();
	append(at, at + 300, 1);
	append(at + 400, at + 600, 1); /* 100 s unknown */
	append(at + 900, at + 1200, 1); /* 300 s */
	before = read_all();
	wd_expect_int(0, wd_cover_file_thin(dir, NOW, UINT64_MAX,
					    WD_COVER_FILE_MAX, &bytes));
	after = read_all();
	wd_expect_int(1, (long long)after.history.spans);
	wd_expect_int(400, (long long)before.gap_s);
	wd_expect_int(400, (long long)after.gap_s);
	wd_expect_int((long long)before.known_s, (long long)after.known_s);
	wd_expect_int(3, (long long)after.packets);
	wd_expect_int(3, (long long)after.history.last_seq);
	wd_expect_int(WD_STATE_ENCRYPT, after.flags_all);
}

static void a_file_too_large_gets_coarser_and_loses_no_packet(void)
{
	uint64_t bytes = 0;
	struct got got;

	begin();
	for (int64_t at = NOW - 3 * WD_COVER_DAY_S; at < NOW; at += 900)
		append(at, at + 900, 1);
	wd_expect_int(0,
		      wd_cover_file_thin(dir, NOW, UINT64_MAX, 4096, &bytes));
	wd_expect(bytes <= 4096);
	got = read_all();
	wd_expect_int(3 * 96, (long long)got.packets);
	wd_expect(got.history.spans > 5);
	wd_expect_int(0, wd_cover_file_thin(dir, NOW, UINT64_MAX, 1, &bytes));
	got = read_all();
	wd_expect_int(3 * 96, (long long)got.packets);
	wd_expect(got.history.spans >= 1 && got.history.spans <= 3);
}

static void spans_after_a_number_can_be_left_out(void)
{
	uint64_t bytes = 0;

	begin();
	append(NOW, NOW + 300, 3);
	append(NOW + 300, NOW + 600, 4);
	wd_expect_int(0, wd_cover_file_thin(dir, NOW + 600, 1,
					    WD_COVER_FILE_MAX, &bytes));
	wd_expect_int(3, (long long)read_all().packets);
}

static void what_cannot_be_written_leaves_the_file_as_it_was(void)
{
	char away[128];
	struct wd_cover_span span = { .seq = 2, .sum = wd_cover_new() };
	uint64_t bytes = 7;

	begin();
	append(NOW, NOW + 300, 3);
	/* a folder where the new file is to be made */
	(void)snprintf(away, sizeof(away), "%s/.%s.new", dir, WD_COVER_FILE);
	wd_expect_int(0, mkdir(away, 0700));
	wd_expect_int(-EISDIR, wd_cover_file_thin(dir, NOW, UINT64_MAX,
						  WD_COVER_FILE_MAX, &bytes));
	wd_expect_int(7, (long long)bytes);
	wd_expect_int(0, rmdir(away));
	wd_expect_int(3, (long long)read_all().packets);
	wd_expect_int(-ENOENT,
		      wd_cover_file_append("/nowhere", &span, 0, &bytes));
	wd_cover_free(span.sum);
}

int main(void)
{
	(void)snprintf(dir, sizeof(dir), "/tmp/wd-cover-XXXXXX");
	if (!mkdtemp(dir))
		return 1;
	WD_TEST(without_a_file_there_is_no_history);
	WD_TEST(spans_come_back_in_order_with_what_they_hold);
	WD_TEST(a_torn_end_costs_the_torn_span_only);
	WD_TEST(a_damaged_span_in_the_middle_is_a_gap);
	WD_TEST(a_span_that_comes_twice_counts_once);
	WD_TEST(old_spans_become_hours_and_very_old_ones_go);
	WD_TEST(adding_up_keeps_gaps_and_what_was_not_always_so);
	WD_TEST(a_file_too_large_gets_coarser_and_loses_no_packet);
	WD_TEST(spans_after_a_number_can_be_left_out);
	WD_TEST(what_cannot_be_written_leaves_the_file_as_it_was);
	begin();
	(void)rmdir(dir);
	return wd_tests_end();
}
