/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kept.c - copies of manifests as they were when they could be read.
 *
 * A copy is "warder-kept 2 SIZE MTIME INODE LENGTH\n", the path of the file and
 * a newline, a hash of the text and a newline, then LENGTH bytes of text. Its
 * name is a hash of the path; the path inside decides.
 */
#include "kept.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../agent/statefile.h"
#include "../agent/unread.h"
#include "../base/sum.h"
#include "../model/xalloc.h"

int wd_kept_open(const char *state_dir, char **ret_dir)
{
	char *dir = wd_xprintf("%s/kept", state_dir);
	int err = wd_dir_make(dir);

	if (err)
		free(dir);
	else
		*ret_dir = dir;
	return err;
}

#define NAME_SIZE 32
#define HASH_SIZE 18 /* 16 digits, newline, NUL */

static void hash_line(const char *text, size_t len, char *line)
{
	(void)snprintf(line, HASH_SIZE, "%016" PRIx64 "\n", wd_sum(text, len));
}

static void copy_name(const char *path, unsigned int nr, char *name)
{
	(void)snprintf(name, NAME_SIZE, "%016" PRIx64 ".%u",
		       wd_sum(path, strlen(path)), nr);
}

static char *copy_path(const char *dir, const char *path, unsigned int nr)
{
	char name[NAME_SIZE];

	copy_name(path, nr, name);
	return wd_xprintf("%s/%s", dir, name);
}

static char *make_head(const char *path, const struct stat *st, size_t len)
{
	return wd_xprintf("warder-kept 2 %lld %lld.%09ld %llu %zu\n%s\n",
			  (long long)st->st_size, (long long)st->st_mtim.tv_sec,
			  st->st_mtim.tv_nsec, (unsigned long long)st->st_ino,
			  len, path);
}

int wd_kept_save(const char *dir, const char *path, unsigned int nr,
		 const struct stat *st, char *text, size_t len)
{
	char *head = make_head(path, st, len);
	char hash[HASH_SIZE];
	struct iovec part[3] = {
		{ .iov_base = head, .iov_len = strlen(head) },
		{ .iov_base = hash, .iov_len = HASH_SIZE - 1 },
		{ .iov_base = text, .iov_len = len },
	};
	char name[NAME_SIZE];
	int err;

	hash_line(text, len, hash);
	copy_name(path, nr, name);
	err = strchr(path, '\n') ? -EINVAL :
				   wd_statefile_put(dir, name, part, 3);
	if (!err && nr == 0)
		wd_kept_drop(dir, path, 1);
	free(head);
	return err;
}

/* Does the file begin with this text. */
static bool begins_with(const char *path, const char *want)
{
	size_t len = strlen(want);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *have;
	bool same;

	if (fd < 0)
		return false;
	have = wd_xcalloc(len, 1);
	same = read(fd, have, len) == (ssize_t)len &&
	       memcmp(want, have, len) == 0;
	free(have);
	(void)close(fd);
	return same;
}

bool wd_kept_is(const char *dir, const char *path, unsigned int nr,
		const struct stat *st)
{
	char *want = make_head(path, st, (size_t)st->st_size);
	char *copy = copy_path(dir, path, nr);
	char *later = copy_path(dir, path, nr + 1);
	bool is = access(later, F_OK) && begins_with(copy, want);
	char *text;
	size_t len;

	/* damage is met as long as there is something to copy again */
	if (is && wd_kept_load(dir, path, nr, &text, &len))
		is = false;
	else if (is)
		free(text);
	free(want);
	free(copy);
	free(later);
	return is;
}

static int read_whole(int fd, char *text, size_t len)
{
	size_t at = 0;

	while (at < len) {
		ssize_t n = read(fd, text + at, len - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			return -EAGAIN; /* became shorter meanwhile */
		at += (size_t)n;
	}
	return 0;
}

static int read_file(int fd, char **ret_text, size_t *ret_len, struct stat *st)
{
	struct stat after;
	char *text;
	int err;

	if (fstat(fd, st))
		return -errno;
	if (st->st_size > WD_KEPT_TEXT_MAX)
		return -EFBIG;
	text = wd_xcalloc((size_t)st->st_size + 1, 1);
	err = read_whole(fd, text, (size_t)st->st_size);
	if (!err && fstat(fd, &after))
		err = -errno;
	if (!err && (after.st_size != st->st_size ||
		     after.st_mtim.tv_sec != st->st_mtim.tv_sec ||
		     after.st_mtim.tv_nsec != st->st_mtim.tv_nsec))
		err = -EAGAIN;
	if (err) {
		free(text);
		return err;
	}
	*ret_text = text;
	*ret_len = (size_t)st->st_size;
	return 0;
}

int wd_kept_text(const char *path, char **ret_text, size_t *ret_len,
		 struct stat *ret_st)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	int err;

	if (fd < 0)
		return -errno;
	err = read_file(fd, ret_text, ret_len, &st);
	(void)close(fd);
	if (!err && ret_st)
		*ret_st = st;
	return err;
}

/* The last number of a copy's first line, which ends at @eol. */
static bool read_len(const char *line, const char *eol, size_t *ret_len)
{
	const char *space = memrchr(line, ' ', (size_t)(eol - line));
	char *end;

	if (strncmp(line, "warder-kept 2 ", 14) != 0 || !space ||
	    space[1] < '0' || space[1] > '9')
		return false;
	*ret_len = strtoul(space + 1, &end, 10);
	return end == eol;
}

/* Where the text begins, after checking that all of it is there; NULL if not. */
static char *find_text(char *copy, size_t size, const char *path,
		       size_t *ret_len)
{
	char *rest = memchr(copy, '\n', size);
	size_t path_len = strlen(path);
	char hash[HASH_SIZE];
	size_t len;

	if (!rest || !read_len(copy, rest, &len))
		return NULL;
	rest++;
	if (strncmp(rest, path, path_len) != 0 || rest[path_len] != '\n')
		return NULL;
	rest += path_len + 1;
	if ((size_t)(rest - copy) + HASH_SIZE - 1 + len != size)
		return NULL;
	hash_line(rest + HASH_SIZE - 1, len, hash);
	if (memcmp(rest, hash, HASH_SIZE - 1) != 0)
		return NULL;
	rest += HASH_SIZE - 1;
	*ret_len = len;
	return rest;
}

/* What cannot be used is kept aside when another takes its place. */
static int note(const char *dir, const char *path, unsigned int nr, int err)
{
	char name[NAME_SIZE];

	copy_name(path, nr, name);
	if (err != -ENOENT)
		wd_unread_note(dir, name, err);
	return err;
}

int wd_kept_load(const char *dir, const char *path, unsigned int nr,
		 char **ret_text, size_t *ret_len)
{
	char *copy = copy_path(dir, path, nr);
	char *text;
	char *start;
	size_t size;
	int err = wd_kept_text(copy, &text, &size, NULL);

	free(copy);
	start = err ? NULL : find_text(text, size, path, ret_len);
	if (!start) {
		if (!err)
			free(text);
		return note(dir, path, nr, err ?: -EBADMSG);
	}
	memmove(text, start, *ret_len);
	text[*ret_len] = '\0';
	*ret_text = text;
	return 0;
}

void wd_kept_drop(const char *dir, const char *path, unsigned int nr)
{
	for (; nr < WD_KEPT_MAX; nr++) {
		char *copy = copy_path(dir, path, nr);
		char name[NAME_SIZE];

		copy_name(path, nr, name);
		if (!wd_unread_keep(dir, name))
			(void)unlink(copy); /* mostly not there */
		free(copy);
	}
}

/* The path inside a copy, which stands in its second line; NULL if there is none. */
static char *path_of_copy(const char *copy)
{
	FILE *f = fopen(copy, "re");
	char *line = NULL;
	size_t size = 0;
	bool ok = f && getline(&line, &size, f) > 0 &&
		  getline(&line, &size, f) > 0;

	if (f)
		(void)fclose(f);
	if (!ok) {
		free(line);
		return NULL;
	}
	line[strcspn(line, "\n")] = '\0';
	return line;
}

/* Of a version 0. */
static bool is_copy_name(const char *name)
{
	const char *dot = strrchr(name, '.');

	return *name != '.' && dot && strcmp(dot, ".0") == 0;
}

int wd_kept_each(const char *dir, void (*fn)(void *ctx, const char *path),
		 void *ctx)
{
	DIR *d = opendir(dir);
	struct dirent *entry;

	if (!d)
		return -errno;
	while ((entry = readdir(d))) {
		char name[NAME_SIZE] = "";
		char *copy;
		char *path;

		if (!is_copy_name(entry->d_name))
			continue;
		copy = wd_xprintf("%s/%s", dir, entry->d_name);
		path = path_of_copy(copy);
		if (path)
			copy_name(path, 0, name);
		fn(ctx, path && strcmp(name, entry->d_name) == 0 ? path : NULL);
		free(path);
		free(copy);
	}
	(void)closedir(d);
	return 0;
}
