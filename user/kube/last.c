/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * last.c - files of what a server said last.
 *
 *	warder-kube 1 https://10.0.0.1:6443 /api/v1/pods
 *	+shop/web	{"metadata":{...},"spec":{...},"status":{...}}
 *	-shop/old	{"metadata":{"name":"old","namespace":"shop","uid":"..."}}
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

#define MAGIC "warder-kube 1 "
#define PATH_DEPTH 8
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
	char *head; /* first line, without its end */
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

/* ---- texts ---- */

/* Fields that nobody reads and that are most of an object. "*": any element. */
static const char *const unread[][PATH_DEPTH] = {
	{ "metadata", "managedFields" },
	{ "metadata", "ownerReferences" },
	{ "metadata", "annotations",
	  "kubectl.kubernetes.io/last-applied-configuration" },
	/* of pods and nodes; policies have no such fields */
	{ "spec", "volumes" },
	{ "spec", "tolerations" },
	{ "spec", "affinity" },
	{ "spec", "containers", "*", "env" },
	{ "spec", "containers", "*", "envFrom" },
	{ "spec", "containers", "*", "args" },
	{ "spec", "containers", "*", "command" },
	{ "spec", "containers", "*", "volumeMounts" },
	{ "spec", "containers", "*", "resources" },
	{ "spec", "containers", "*", "livenessProbe" },
	{ "spec", "containers", "*", "readinessProbe" },
	{ "spec", "containers", "*", "startupProbe" },
	{ "spec", "containers", "*", "lifecycle" },
	{ "spec", "containers", "*", "securityContext" },
	{ "status", "conditions" },
	{ "status", "containerStatuses" },
	{ "status", "initContainerStatuses" },
	{ "status", "images" },
};

struct printer {
	FILE *to;
	const char *path[PATH_DEPTH];
	uint32_t depth;
};

static bool is_unread(const struct printer *p)
{
	if (p->depth > PATH_DEPTH)
		return false;
	for (size_t i = 0; i < sizeof(unread) / sizeof(*unread); i++) {
		uint32_t n = 0;

		while (n < p->depth && unread[i][n] &&
		       strcmp(unread[i][n], p->path[n]) == 0)
			n++;
		if (n == p->depth && (n == PATH_DEPTH || !unread[i][n]))
			return true;
	}
	return false;
}

static void print_text(FILE *to, const char *text)
{
	(void)putc('"', to);
	for (; *text; text++) {
		unsigned char c = (unsigned char)*text;

		if (c < 0x20)
			(void)fprintf(to, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			(void)fprintf(to, "\\%c", c);
		else
			(void)putc(c, to);
	}
	(void)putc('"', to);
}

/* Depth is bounded by that of trees. */
static void print_tree(struct printer *p, const struct wd_tree *node)
{
	bool map = node->type == WD_TREE_MAP;
	bool first = true;

	if (node->type == WD_TREE_SCALAR) {
		if (node->plain)
			(void)fputs(node->text, p->to);
		else
			print_text(p->to, node->text);
		return;
	}
	(void)putc(map ? '{' : '[', p->to);
	for (const struct wd_tree *e = node->child; e; e = e->next) {
		if (p->depth < PATH_DEPTH)
			p->path[p->depth] = map ? e->key : "*";
		p->depth++;
		if (!is_unread(p)) {
			if (!first)
				(void)putc(',', p->to);
			first = false;
			if (map) {
				print_text(p->to, e->key);
				(void)putc(':', p->to);
			}
			print_tree(p, e);
		}
		p->depth--;
	}
	(void)putc(map ? '}' : ']', p->to);
}

static const char *text_of(const struct wd_tree *meta, const char *key)
{
	const struct wd_tree *node = wd_tree_get(meta, key);

	return node && node->type == WD_TREE_SCALAR ? node->text : NULL;
}

/* "ns/name" to be freed; NULL: such an object has no place here. */
static char *name_of(const struct wd_tree *root)
{
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	const char *ns = text_of(meta, "namespace");
	const char *name = text_of(meta, "name");

	if (!name || strpbrk(name, "\t\n") || (ns && strpbrk(ns, "\t\n")))
		return NULL;
	return wd_xprintf("%s/%s", ns ? ns : "", name);
}

static void print_gone(FILE *to, const struct wd_tree *root)
{
	static const char *const keys[] = { "namespace", "name", "uid" };
	const struct wd_tree *meta = wd_tree_get(root, "metadata");
	const char *own;
	bool first = true;

	(void)fputs("{\"metadata\":{", to);
	for (size_t i = 0; i < 3; i++) {
		const char *text = text_of(meta, keys[i]);

		if (!text)
			continue;
		(void)fprintf(to, "%s\"%s\":", first ? "" : ",", keys[i]);
		print_text(to, text);
		first = false;
	}
	own = text_of(wd_tree_get(meta, "annotations"), WD_MIRROR_ANNOTATION);
	if (own) {
		(void)fputs(",\"annotations\":{\"" WD_MIRROR_ANNOTATION "\":",
			    to);
		print_text(to, own);
		(void)putc('}', to);
	}
	(void)fputs("}}", to);
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
		(void)fprintf(file, "%s\n", last->head);
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
	last->head = wd_xprintf(MAGIC "%s %s", server, path);
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
	free(last->head);
	free(last);
}

/* ---- reading ---- */

/* A line of the file without its end; NULL at its end, or where it is torn. */
static char *next_line(const struct wd_kube_last *last, FILE *file, char **buf,
		       size_t *cap, size_t *ret_len)
{
	ssize_t len;

	if (last->end && ftello(file) >= last->end)
		return NULL;
	len = getline(buf, cap, file);
	if (len <= 0 || (*buf)[len - 1] != '\n')
		return NULL;
	(*buf)[len - 1] = '\0';
	*ret_len = (size_t)len - 1;
	return *buf;
}

/* The first line must be ours. Return: 0, -ENOENT, -EBADMSG. */
static int check_head(const struct wd_kube_last *last, FILE *file, char **buf,
		      size_t *cap)
{
	size_t len;
	const char *line = next_line(last, file, buf, cap, &len);

	if (!line || strncmp(line, MAGIC, strlen(MAGIC)) != 0)
		return -EBADMSG;
	return strcmp(line, last->head) == 0 ? 0 : -ENOENT;
}

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
	FILE *file = fopen(last->file, "re");
	char *buf = NULL;
	char *line;
	size_t cap = 0;
	size_t len;
	int err = file ? 0 : errno ? -errno : -EIO;

	if (!err)
		err = check_head(last, file, &buf, &cap);
	while (!err && (line = next_line(last, file, &buf, &cap, &len))) {
		err = load_line(line, len, &loading);
		last->lines++;
	}
	if (file && ferror(file))
		err = -EIO;
	else if (!err && !feof(file)) /* a line for which memory did not do */
		err = -ENOMEM;
	if (file)
		(void)fclose(file);
	free(buf);
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
	struct printer p = { .to = last->list ? last->list : last->to };
	char *name;

	if (!p.to)
		return;
	name = name_of(root);
	if (name) {
		(void)fprintf(p.to, "%c%s\t", gone ? '-' : '+', name);
		if (gone)
			print_gone(p.to, root);
		else
			print_tree(&p, root);
		(void)putc('\n', p.to);
	}
	free(name);
	if (last->list)
		last->list_lines++;
	else
		last->lines++;
	last->dirty |= !last->list;
}

void wd_kube_last_keep(struct wd_kube_last *last, const struct wd_tree *root)
{
	char *name = last->list ? name_of(root) : NULL;

	if (name)
		put_name(&last->kept, name, strlen(name), 0);
	free(name);
}

/* Does @fn take the line? Those that it does go to @to. */
static int copy_lines(struct wd_kube_last *last, FILE *to, struct name *set,
		      bool last_only)
{
	FILE *from = fopen(last->file, "re");
	char *buf = NULL;
	char *line;
	size_t cap = 0;
	size_t len;
	long nr = 0;
	int err;

	if (!from)
		return errno ? -errno : -EIO;
	err = check_head(last, from, &buf, &cap);
	while (!err && (line = next_line(last, from, &buf, &cap, &len))) {
		struct name *name;

		HASH_FIND(hh, set, line + 1, strcspn(line + 1, "\t"), name);
		nr++;
		if (name && (!last_only || (name->line == nr && *line == '+')))
			(void)fprintf(to, "%s\n", line);
	}
	(void)fclose(from);
	free(buf);
	return err;
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
	FILE *from = fopen(file, "re");
	char *buf = NULL;
	char *line;
	size_t cap = 0;
	size_t len;
	int err = from ? check_head(last, from, &buf, &cap) : -ENOENT;

	while (!err && (line = next_line(last, from, &buf, &cap, &len))) {
		len = strcspn(++line, "\t");
		if (keep)
			put_name(&last->kept, line, len, 0);
		else
			drop_name(&last->kept, line, len);
	}
	if (from)
		(void)fclose(from);
	free(buf);
	return err;
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

void wd_kube_last_end(struct wd_kube_last *last, bool good)
{
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
	if (!good && keep_rest(last)) {
		if (last->to)
			(void)fclose(last->to);
		(void)fclose(last->list);
		last->to = last->list = NULL;
		drop_names(&last->kept);
		drop_file(last);
		(void)unlink(last->next);
		return;
	}
	/* Without a file before there is nothing that it could know. */
	if (last->kept && !keep_unlisted(last)) {
		if (last->to)
			(void)fflush(last->to);
		(void)copy_lines(last, last->list, last->kept, false);
	}
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
	FILE *from = fopen(last->file, "re");
	FILE *to = fdopen(fd, "w");
	char *buf = NULL;
	char *line;
	size_t cap = 0;
	size_t len;
	long nr = 0;
	int err = from && to ? check_head(last, from, &buf, &cap) : -EIO;

	while (!err && (line = next_line(last, from, &buf, &cap, &len)))
		put_name(&set, line + 1, strcspn(line + 1, "\t"), ++nr);
	if (!err) {
		(void)fprintf(to, "%s\n", last->head);
		err = copy_lines(last, to, set, true);
	}
	if (!err && (fflush(to) || ferror(to) || fdatasync(fd)))
		err = -EIO;
	if (to)
		(void)fclose(to);
	if (from)
		(void)fclose(from);
	free(buf);
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
