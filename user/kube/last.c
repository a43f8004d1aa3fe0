/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * last.c - files of what a server said last; what is in them: last_line.h.
 *
 * A whole list, and a file written anew, are brought to the disk by a child
 * before they take the place of what was there. Events are handed to the kernel
 * each second: a machine that loses its power loses some seconds of them.
 *
 * A line that is torn was the last one, and is not read. Nothing is lost by
 * a file that cannot be written but a start without the server: it is
 * removed then, for half a state must not pass for a whole one.
 */
#include "last.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../agent/statefile.h"
#include "../agent/unread.h"
#include "../base/log.h"
#include "../model/hash.h"
#include "../model/xalloc.h"
#include "../source/read.h"
#include "../source/tree.h"
#include "child.h"
#include "last_line.h"

#define SPARE_LINES \
	1000 /* written again when there are twice as many, and these */

struct name {
	UT_hash_handle hh;
	long line; /* last one with this name */
	char text[];
};

struct wd_kube_last {
	char *dir;
	char *name; /* of the file */
	char *file; /* the state in force */
	char *next; /* the list that is being read */
	char *anew; /* the file without what is out of date */
	char *of; /* "SERVER PATH", of the first line */
	FILE *to; /* events of the file */
	FILE *list; /* objects of the next one */
	struct name *kept; /* objects that the file before knows better */
	uint64_t lines, listed; /* of the file; of its list */
	uint64_t list_lines;
	bool dirty; /* not on the disk yet */
	bool rename; /* the list is whole: it is the file now */
	bool broken; /* told already */
	pid_t child; /* brings the list to the disk, or writes anew; 0: none */
	bool anew_now; /* the latter */
	off_t end; /* of the file when the child was started; 0: all counts */
	uint64_t end_lines;
};

/* ---- names ---- */

static void put_name(struct name **set, const char *text, size_t len, long line)
{
	struct name *name;

	HASH_FIND(hh, *set, text, len, name);
	if (!name) {
		name = wd_xcalloc(1, sizeof(*name) + len + 1);
		memcpy(name->text, text, len);
		HASH_ADD_KEYPTR(hh, *set, name->text, len, name);
	}
	name->line = line;
}

static void drop_names(struct name **set)
{
	struct name *name = *set;

	HASH_CLEAR(hh, *set);
	while (name) {
		struct name *next = name->hh.next;

		free(name);
		name = next;
	}
}

/* ---- files ---- */

/* What could not be read is no state of this agent's: it is kept aside. */
static void drop_file(struct wd_kube_last *last)
{
	if (!wd_unread_keep(last->dir, last->name))
		(void)unlink(last->file);
}

/* The list is on the disk: from now on it is the file. Return: 0 or -errno. */
static int put_in_place(struct wd_kube_last *last)
{
	int err = wd_unread_keep(last->dir, last->name);

	if (!err && rename(last->next, last->file))
		err = -errno;
	return err;
}

/* Half a state is none. */
__attribute__((format(printf, 2, 3))) static void
give_up(struct wd_kube_last *last, const char *fmt, ...)
{
	char text[300];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!last->broken)
		wd_warn("kube: keeping '%s': %s; without the server the next start has to wait for it",
			last->file, text);
	last->broken = true;
	if (last->to)
		(void)fclose(last->to);
	if (last->list)
		(void)fclose(last->list);
	last->to = last->list = NULL;
	last->rename = last->dirty = false;
	wd_kube_child_end(&last->child);
	drop_file(last);
	(void)unlink(last->next);
	(void)unlink(last->anew);
}

static FILE *create(struct wd_kube_last *last, const char *path)
{
	FILE *file = fopen(path, "we");

	if (file)
		wd_last_put_head(file, last->of);
	else
		give_up(last, "%s", wd_errno(errno));
	return file;
}

struct wd_kube_last *wd_kube_last_new(const char *state_dir, const char *server,
				      const char *path)
{
	struct wd_kube_last *last = wd_xcalloc(1, sizeof(*last));
	char *name = wd_xstrdup(path + 1);
	int err;

	last->name = name;
	for (char *c = name; *c; c++) {
		if (*c == '/')
			*c = '_';
	}
	last->dir = wd_xprintf("%s/kube", state_dir);
	last->file = wd_xprintf("%s/%s", last->dir, name);
	last->next = wd_xprintf("%s/%s.next", last->dir, name);
	last->anew = wd_xprintf("%s/%s.anew", last->dir, name);
	last->of = wd_xprintf("%s %s", server, path);
	err = wd_dir_make(last->dir);
	if (err)
		give_up(last, "%s", wd_errno(err));
	return last;
}

static void flush(struct wd_kube_last *last, bool wait);

void wd_kube_last_free(struct wd_kube_last *last)
{
	if (!last)
		return;
	flush(last, true);
	if (last->to)
		(void)fclose(last->to);
	if (last->list) {
		(void)fclose(last->list);
		(void)unlink(last->next);
	}
	drop_names(&last->kept);
	free(last->dir);
	free(last->name);
	free(last->file);
	free(last->next);
	free(last->anew);
	free(last->of);
	free(last);
}

/* ---- reading ---- */

struct loading {
	void (*fn)(void *ctx, const struct wd_tree *root, bool gone);
	void *ctx;
	bool gone;
};

static void on_tree(void *ctx, const struct wd_tree *root)
{
	struct loading *loading = ctx;

	loading->fn(loading->ctx, root, loading->gone);
}

static int load_line(char *line, size_t len, struct loading *loading)
{
	struct wd_tree_error error = { 0 };
	char *text = strchr(line, '\t');

	if (!text || (*line != '+' && *line != '-'))
		return -EBADMSG;
	loading->gone = *line == '-';
	text++;
	return wd_json_read(text, len - (size_t)(text - line), on_tree, loading,
			    &error);
}

int wd_kube_last_load(struct wd_kube_last *last,
		      void (*fn)(void *ctx, const struct wd_tree *root,
				 bool gone),
		      void *ctx)
{
	struct loading loading = { .fn = fn, .ctx = ctx };
	struct wd_last_lines lines;
	char *line;
	size_t len;
	int closed;
	int err = wd_last_open(&lines, last->file, last->of, last->end);

	while (!err && (line = wd_last_next(&lines, &len)))
		err = load_line(line, len, &loading);
	last->lines = lines.cnt;
	closed = err ? wd_last_close(&lines) : wd_last_close_whole(&lines);
	err = err ?: closed;
	if (err && err != -ENOENT)
		wd_unread_note(last->dir, last->name, err);
	return err;
}

/* ---- writing ---- */

void wd_kube_last_begin(struct wd_kube_last *last)
{
	if (last->rename) /* the one before is whole, and not in its place yet */
		flush(last, true);
	if (last->list)
		(void)fclose(last->list);
	drop_names(&last->kept);
	last->list_lines = 0;
	last->list = create(last, last->next);
}

void wd_kube_last_put(struct wd_kube_last *last, const struct wd_tree *root,
		      bool gone)
{
	FILE *to = last->list ? last->list : last->to;
	char *name = to ? wd_last_name(root) : NULL;
	char *line;
	size_t len;

	if (!name)
		return;
	line = wd_last_line(name, root, gone, &len);
	free(name);
	if (!line) {
		give_up(last, "%s", wd_errno(-ENOMEM));
		return;
	}
	wd_last_put_line(to, line, len);
	free(line);
	if (last->list)
		last->list_lines++;
	else
		last->lines++;
	last->dirty |= !last->list;
}

void wd_kube_last_keep(struct wd_kube_last *last, const struct wd_tree *root)
{
	char *name = last->list ? wd_last_name(root) : NULL;

	if (name)
		put_name(&last->kept, name, strlen(name), 0);
	free(name);
}

/*
 * To @to go the lines of those in @set; of each the last one alone, and none if
 * it is no more, with @last_only. *@cnt: added to, how many. Return: 0 or -errno.
 */
static int copy_lines(struct wd_kube_last *last, FILE *to, struct name *set,
		      bool last_only, uint64_t *cnt)
{
	struct wd_last_lines lines;
	char *line;
	size_t len;

	(void)wd_last_open(&lines, last->file, last->of, last->end);
	while ((line = wd_last_next(&lines, &len))) {
		long nr = (long)lines.cnt;
		struct name *name;

		HASH_FIND(hh, set, line + 1, strcspn(line + 1, "\t"), name);
		if (!name || (last_only && (name->line != nr || *line != '+')))
			continue;
		wd_last_put_line(to, line, len);
		(*cnt)++;
	}
	return wd_last_close_whole(&lines);
}

static void drop_name(struct name **set, const char *text, size_t len)
{
	struct name *name;

	HASH_FIND(hh, *set, text, len, name);
	if (!name)
		return;
	HASH_DELETE(hh, *set, name);
	free(name);
}

/* Keep what @file has, or no more what it has. Return: -errno without it. */
static int keep_names(struct wd_kube_last *last, const char *file, bool keep)
{
	struct wd_last_lines lines;
	char *line;
	size_t len;

	(void)wd_last_open(&lines, file, last->of, last->end);
	while ((line = wd_last_next(&lines, &len))) {
		len = strcspn(++line, "\t");
		if (keep)
			put_name(&last->kept, line, len, 0);
		else
			drop_name(&last->kept, line, len);
	}
	return keep ? wd_last_close_whole(&lines) : wd_last_close(&lines);
}

/*
 * What the list says of an object is newer than what the file before has, also
 * where it went or came back while the list was told.
 */
static int keep_unlisted(struct wd_kube_last *last)
{
	return fflush(last->list) ? -EIO : keep_names(last, last->next, false);
}

/* Keep all that the file has and the list has not. Return: -errno without a file. */
static int keep_rest(struct wd_kube_last *last)
{
	int err = last->to && fflush(last->to) ?
			  -EIO :
			  keep_names(last, last->file, true);

	return err ?: keep_unlisted(last);
}

/*
 * What the file before knows better, behind the list. Without such a file there is
 * nothing that it could know. Return: 0; -EBADMSG: it was damaged meanwhile; -errno.
 */
static int add_kept(struct wd_kube_last *last)
{
	int err;

	if (!last->kept)
		return 0;
	err = keep_unlisted(last);
	if (err)
		return err;
	if (last->to)
		(void)fflush(last->to);
	err = copy_lines(last, last->list, last->kept, false,
			 &last->list_lines);
	return err == -ENOENT ? 0 : err;
}

void wd_kube_last_end(struct wd_kube_last *last, bool good)
{
	int err;

	if (!last->list)
		return;
	wd_kube_child_end(&last->child); /* what it writes is out of date */
	last->end = 0;
	(void)unlink(last->anew);
	if (!good && last->to && !last->list_lines) { /* as it is */
		(void)fclose(last->list);
		last->list = NULL;
		drop_names(&last->kept);
		(void)unlink(last->next);
		return;
	}
	/* What such a list has not is in force on, and what it has is newer. */
	err = good ? 0 : keep_rest(last);
	if (err == -ENOENT) {
		if (last->to)
			(void)fclose(last->to);
		(void)fclose(last->list);
		last->to = last->list = NULL;
		drop_names(&last->kept);
		drop_file(last);
		(void)unlink(last->next);
		return;
	}
	if (err || (err = add_kept(last))) {
		drop_names(&last->kept);
		give_up(last, "what it has: %s", wd_errno(err));
		return;
	}
	wd_last_put_end(last->list, last->list_lines);
	drop_names(&last->kept);
	if (last->to)
		(void)fclose(last->to);
	last->to = last->list;
	last->list = NULL;
	last->lines = last->listed = last->list_lines;
	last->rename = last->dirty = true;
}

/* ---- bringing it to the disk ---- */

static int bring(void *ctx, int fd)
{
	(void)ctx;
	return fdatasync(fd);
}

/* Of each object the last line alone, as a list that was read just now. */
static int write_anew(void *ctx, int fd)
{
	struct wd_kube_last *last = ctx;
	struct name *set = NULL;
	FILE *to = fdopen(fd, "w");
	struct wd_last_lines lines;
	uint64_t cnt = 0;
	char *line;
	size_t len;
	int err;

	(void)wd_last_open(&lines, last->file, last->of, last->end);
	while ((line = wd_last_next(&lines, &len)))
		put_name(&set, line + 1, strcspn(line + 1, "\t"),
			 (long)lines.cnt);
	err = wd_last_close_whole(&lines);
	if (!err && !to)
		err = -EIO;
	if (!err) {
		wd_last_put_head(to, last->of);
		err = copy_lines(last, to, set, true, &cnt);
		wd_last_put_end(to, cnt);
	}
	if (!err && (fflush(to) || ferror(to) || fdatasync(fd)))
		err = -EIO;
	if (to)
		(void)fclose(to);
	drop_names(&set);
	return err;
}

static void start_anew(struct wd_kube_last *last)
{
	int fd = open(last->anew, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		      0600);

	last->end = ftello(last->to);
	last->end_lines = last->lines;
	if (fd >= 0 && last->end > 0)
		last->child = wd_kube_child_start(fd, write_anew, last);
	last->anew_now = true;
	if (last->child <= 0) {
		/* the file goes on as it is, and is tried again later */
		last->listed = last->lines;
		last->child = 0;
		last->end = 0;
	}
	if (fd >= 0)
		(void)close(fd);
}

/* What came while the child wrote, behind what it wrote. */
static FILE *with_tail(struct wd_kube_last *last)
{
	FILE *from = fopen(last->file, "re");
	FILE *to = fopen(last->anew, "ae");
	char buf[1024];
	size_t len = sizeof(buf);
	bool good = from && to && !fseeko(from, last->end, SEEK_SET);

	while (good && len == sizeof(buf)) {
		len = fread(buf, 1, sizeof(buf), from);
		good = !ferror(from) && fwrite(buf, 1, len, to) == len;
	}
	good = good && !fflush(to) && !rename(last->anew, last->file);
	if (from)
		(void)fclose(from);
	if (good)
		return to;
	if (to)
		(void)fclose(to);
	return NULL;
}

/* The file as it is stays good, if the child has failed. */
static void take_anew(struct wd_kube_last *last, int err)
{
	FILE *to = err ? NULL : with_tail(last);

	if (to) {
		(void)fclose(last->to);
		last->to = to;
		last->lines = last->listed + last->lines - last->end_lines;
	} else {
		(void)unlink(last->anew);
		last->listed = last->lines;
	}
	last->end = 0;
}

/* Return: -EAGAIN while a child is at work; -EIO: given up. */
static int look_at_child(struct wd_kube_last *last, bool wait)
{
	int err;

	if (!last->child)
		return 0;
	err = wd_kube_child_look(&last->child, wait);
	if (err == -EAGAIN)
		return err;
	if (last->anew_now) {
		take_anew(last, err);
		return 0;
	}
	if (err) {
		give_up(last, "it cannot be brought to the disk");
		return -EIO;
	}
	err = put_in_place(last);
	if (err) {
		give_up(last, "%s", wd_errno(err));
		return -EIO;
	}
	last->rename = last->broken = false;
	return 0;
}

static int start_bringing(struct wd_kube_last *last)
{
	int err;

	last->anew_now = false;
	last->child = wd_kube_child_start(fileno(last->to), bring, NULL);
	if (last->child > 0)
		return 0;
	last->child = 0;
	if (fdatasync(fileno(last->to)))
		return -errno;
	err = put_in_place(last);
	if (!err)
		last->rename = last->broken = false;
	return err;
}

static void flush(struct wd_kube_last *last, bool wait)
{
	int err = 0;

	if (!last->to)
		return;
	if (last->dirty && (fflush(last->to) || ferror(last->to))) {
		give_up(last, "%s", wd_errno(errno));
		return;
	}
	if (last->dirty) /* begins to write, and waits for nothing */
		(void)sync_file_range(fileno(last->to), 0, 0,
				      SYNC_FILE_RANGE_WRITE);
	last->dirty = false;
	if (look_at_child(last, wait))
		return;
	if (last->rename)
		err = start_bringing(last);
	else if (!wait && !last->list &&
		 last->lines > 2 * last->listed + SPARE_LINES)
		start_anew(last);
	if (err)
		give_up(last, "%s", wd_errno(err));
	else if (wait)
		(void)look_at_child(last, true);
	if (wait && last->to)
		(void)fdatasync(fileno(last->to));
}

void wd_kube_last_flush(struct wd_kube_last *last)
{
	flush(last, false);
}

void wd_kube_last_settle(struct wd_kube_last *last)
{
	flush(last, true);
}
