/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * cover_file.c - the history on disk. What a crash or a disk has spoiled is
 * found by checksum, left out and told of; spans before and after it stay.
 */
#include "cover_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../model/xalloc.h"
#include "cover_line.h"

#define VERSION 1
#define NEW_FILE "." WD_COVER_FILE ".new"
#define COARSEST 24 /* doublings: one span for 90 days, and more */
#define COARSE_NEW 6 /* from so many on, those of the last day too */

/* ---- one span as a line ---- */

static char *span_line(const struct wd_cover_span *span)
{
	struct wd_cover_row *row = wd_cover_rows(span->sum);
	size_t cnt = wd_cover_cnt(span->sum), len = 0;
	char *words = NULL, *line = NULL;
	FILE *to = open_memstream(&words, &len);
	bool bad;

	if (!to) {
		free(row);
		return NULL;
	}
	(void)fprintf(to,
		      "%d %" PRIu64 " %" PRId64 " %" PRId64 " %" PRIu64
		      " %x %x %zu",
		      VERSION, span->seq, span->start_s, span->end_s,
		      span->gap_s, span->flags_all, span->flags_any, cnt);
	for (size_t i = 0; i < cnt; i++)
		wd_word_row_put(to, &row[i]);
	bad = ferror(to);
	if (!fclose(to) && !bad)
		line = wd_line_seal(words);
	free(words);
	free(row);
	return line;
}

/* Return: 0, -EBADMSG. @span->sum is emptied and filled. */
static int parse_span(char *line, struct wd_cover_span *span)
{
	struct wd_words words = { .at = wd_line_open(line) };
	uint64_t cnt;

	if (!words.at)
		return -EBADMSG;
	if (wd_word_u64(&words, 10, UINT64_MAX) != VERSION)
		return -EBADMSG;
	span->seq = wd_word_u64(&words, 10, UINT64_MAX);
	span->start_s = (int64_t)wd_word_u64(&words, 10, INT64_MAX);
	span->end_s = (int64_t)wd_word_u64(&words, 10, INT64_MAX);
	span->gap_s = wd_word_u64(&words, 10, UINT64_MAX);
	span->flags_all = (uint32_t)wd_word_u64(&words, 16, UINT32_MAX);
	span->flags_any = (uint32_t)wd_word_u64(&words, 16, UINT32_MAX);
	cnt = wd_word_u64(&words, 10, UINT32_MAX);
	wd_cover_clear(span->sum);
	for (uint64_t i = 0; !words.err && i < cnt; i++) {
		struct wd_cover_row row = wd_word_row(&words);

		if (!words.err)
			wd_cover_add(span->sum, &row);
	}
	return wd_words_end(&words);
}

/* ---- reading ---- */

struct reading {
	wd_cover_span_fn fn;
	void *ctx;
	struct wd_cover_history history;
	struct wd_cover_span span;
};

static void take_line(struct reading *r, char *line, size_t len)
{
	struct wd_cover_history *h = &r->history;

	h->bytes += len;
	/* in order: what a rewrite was meant to replace is not counted twice */
	if (parse_span(line, &r->span) || r->span.seq <= h->last_seq ||
	    r->span.end_s < r->span.start_s) {
		h->damaged++;
		return;
	}
	if (!h->spans++)
		h->first_s = h->last_s = r->span.start_s;
	if (r->fn)
		r->fn(r->ctx, &r->span, h->last_s);
	h->last_seq = r->span.seq;
	h->last_s = r->span.end_s;
	h->whole = h->bytes;
}

static int read_lines(FILE *from, struct reading *r)
{
	char *line = NULL;
	size_t room = 0;
	ssize_t len;
	int err;

	errno = 0;
	while ((len = getline(&line, &room, from)) > 0) {
		take_line(r, line, (size_t)len);
		errno = 0;
	}
	err = feof(from) ? 0 : -(errno ? errno : EIO);
	free(line);
	return err;
}

/* A descriptor of the directory, or -errno. */
static int open_dir(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int read_at(int dir, struct reading *r)
{
	int fd = openat(dir, WD_COVER_FILE, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	FILE *from;
	int err;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	from = fdopen(fd, "re");
	if (!from) {
		err = -errno;
		(void)close(fd);
		return err;
	}
	r->span.sum = wd_cover_new();
	err = read_lines(from, r);
	(void)fclose(from);
	wd_cover_free(r->span.sum);
	return err;
}

int wd_cover_file_read(const char *dir, wd_cover_span_fn fn, void *ctx,
		       struct wd_cover_history *ret_history)
{
	struct reading r = { .fn = fn, .ctx = ctx };
	int fd = open_dir(dir), err;

	if (fd < 0)
		return fd;
	err = read_at(fd, &r);
	(void)close(fd);
	if (!err && ret_history)
		*ret_history = r.history;
	return err;
}

/* ---- appending ---- */

static int write_all(int fd, const char *data, size_t left)
{
	while (left) {
		ssize_t n = write(fd, data, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		left -= (size_t)n;
	}
	return 0;
}

static int append_line(int fd, const char *line, uint64_t whole)
{
	int err;

	if (ftruncate(fd, (off_t)whole) ||
	    lseek(fd, (off_t)whole, SEEK_SET) < 0)
		return -errno;
	err = write_all(fd, line, strlen(line));
	if (!err && fsync(fd))
		err = -errno;
	if (err) /* a torn line would not pass anyway */
		(void)!ftruncate(fd, (off_t)whole);
	return err;
}

static int append_at(int dir, const char *line, uint64_t whole)
{
	int fd = openat(dir, WD_COVER_FILE,
			O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int err;

	if (fd < 0)
		return -errno;
	err = append_line(fd, line, whole);
	if (close(fd) && !err)
		err = -errno;
	if (!err && !whole && fsync(dir)) /* it may be new */
		err = -errno;
	return err;
}

int wd_cover_file_append(const char *dir, const struct wd_cover_span *span,
			 uint64_t whole, uint64_t *ret_whole)
{
	char *line = span_line(span);
	int fd = line ? open_dir(dir) : -ENOMEM;
	int err = fd < 0 ? fd : append_at(fd, line, whole);

	if (fd >= 0)
		(void)close(fd);
	if (!err)
		*ret_whole = whole + strlen(line);
	free(line);
	return err;
}

/* ---- thinning ---- */

struct thinning {
	FILE *to;
	int err;
	int64_t now_s;
	uint64_t max_seq;
	int64_t step_new, step_old; /* of the last day, and of those before */
	uint64_t bytes;
	bool held; /* @span waits for what may be added to it */
	struct wd_cover_span span;
};

static void flush(struct thinning *t)
{
	char *line;

	if (!t->held || t->err)
		return;
	t->held = false;
	line = span_line(&t->span);
	if (!line || fputs(line, t->to) == EOF)
		t->err = line ? -EIO : -ENOMEM;
	else
		t->bytes += strlen(line);
	free(line);
}

static int64_t step_of(const struct thinning *t, int64_t end_s)
{
	return t->now_s - end_s < WD_COVER_DAY_S ? t->step_new : t->step_old;
}

static bool fits(const struct thinning *t, const struct wd_cover_span *span)
{
	int64_t step = step_of(t, span->end_s);

	return t->held && step == step_of(t, t->span.end_s) &&
	       (t->span.end_s - 1) / step == (span->end_s - 1) / step;
}

static void hold(struct thinning *t, const struct wd_cover_span *span)
{
	struct wd_cover *sum = t->span.sum;

	flush(t);
	wd_cover_clear(sum);
	t->span = *span;
	t->span.sum = sum;
	t->held = true;
}

static void thin_span(void *ctx, const struct wd_cover_span *span,
		      int64_t before_s)
{
	struct thinning *t = ctx;

	if (span->seq > t->max_seq || t->now_s - span->end_s > WD_COVER_KEPT_S)
		return;
	if (!fits(t, span)) {
		hold(t, span);
	} else {
		t->span.gap_s += span->gap_s;
		if (span->start_s > before_s)
			t->span.gap_s += (uint64_t)(span->start_s - before_s);
		t->span.seq = span->seq;
		t->span.end_s = span->end_s;
		if (span->start_s < t->span.start_s) /* the clock was set */
			t->span.start_s = span->start_s;
		t->span.flags_all &= span->flags_all;
		t->span.flags_any |= span->flags_any;
	}
	wd_cover_merge(t->span.sum, span->sum);
}

static int thin_to(const char *dir, int fd, struct thinning *t)
{
	int err;

	t->to = fdopen(fd, "we");
	if (!t->to) {
		err = -errno;
		(void)close(fd);
		return err;
	}
	t->span.sum = wd_cover_new();
	err = wd_cover_file_read(dir, thin_span, t, NULL);
	flush(t);
	if (!err)
		err = t->err;
	if (!err && (fflush(t->to) || fsync(fileno(t->to))))
		err = -errno;
	if (fclose(t->to) && !err)
		err = -errno;
	wd_cover_free(t->span.sum);
	return err;
}

static int thin_at(const char *dir, int at, struct thinning *t)
{
	int fd = openat(at, NEW_FILE,
			O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
			0600);

	return fd < 0 ? -errno : thin_to(dir, fd, t);
}

int wd_cover_file_thin(const char *dir, int64_t now_s, uint64_t max_seq,
		       uint64_t max_bytes, uint64_t *ret_bytes)
{
	int64_t step_new = WD_COVER_STEP_S, step_old = WD_COVER_OLD_STEP_S;
	int at = open_dir(dir), err = at < 0 ? at : 0;
	struct thinning t = { 0 };

	for (int coarse = 0; !err && coarse <= COARSEST; coarse++) {
		t = (struct thinning){ .now_s = now_s,
				       .max_seq = max_seq,
				       .step_new = step_new,
				       .step_old = step_old };
		err = thin_at(dir, at, &t);
		/* far enough that it is not done again soon */
		if (t.bytes <= (coarse ? max_bytes / 2 : max_bytes))
			break;
		step_old *= 2;
		if (coarse >= COARSE_NEW)
			step_new *= 2;
	}
	if (!err && renameat(at, NEW_FILE, at, WD_COVER_FILE))
		err = -errno;
	if (!err && fsync(at))
		err = -errno;
	if (err && at >= 0)
		(void)unlinkat(at, NEW_FILE, 0);
	if (at >= 0)
		(void)close(at);
	if (!err)
		*ret_bytes = t.bytes;
	return err;
}
