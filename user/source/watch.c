/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch.c - the files below some directories, and which of them changed.
 * Knows nothing of what is in them.
 */
#include "watch.h"

#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "../model/hash.h"
#include "../model/xalloc.h"

/* IN_CREATE only for directories and links: a file is ready when it is closed. */
#define EVENTS \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | \
	 IN_CREATE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR)

struct dir {
	UT_hash_handle hh;
	int wd;
	char *path;
};

struct wd_watch {
	const struct wd_watch_fns *fns;
	void *ctx;
	int fd;
	struct dir *dirs; /* by watch descriptor */
};

int wd_watch_new(const struct wd_watch_fns *fns, void *ctx,
		 struct wd_watch **ret_watch)
{
	struct wd_watch *watch;
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (fd < 0)
		return -errno;
	watch = wd_xcalloc(1, sizeof(*watch));
	watch->fns = fns;
	watch->ctx = ctx;
	watch->fd = fd;
	*ret_watch = watch;
	return 0;
}

static void dir_forget(struct wd_watch *watch, struct dir *dir)
{
	HASH_DELETE(hh, watch->dirs, dir);
	free(dir->path);
	free(dir);
}

void wd_watch_free(struct wd_watch *watch)
{
	struct dir *dir;
	struct dir *tmp;

	if (!watch)
		return;
	HASH_ITER(hh, watch->dirs, dir, tmp)
		dir_forget(watch, dir);
	(void)close(watch->fd);
	free(watch);
}

int wd_watch_fd(const struct wd_watch *watch)
{
	return watch->fd;
}

bool wd_watch_is_manifest(const char *name)
{
	const char *dot = strrchr(name, '.');

	return name[0] != '.' && dot &&
	       (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0 ||
		strcmp(dot, ".json") == 0);
}

/* ---- walking ---- */

/* Without a watch (too many, file system without inotify) the regular walk still sees changes. */
static void dir_follow(struct wd_watch *watch, const char *path)
{
	int wd = inotify_add_watch(watch->fd, path, EVENTS);
	struct dir *dir;

	if (wd < 0)
		return;
	HASH_FIND_INT(watch->dirs, &wd, dir);
	if (dir && strcmp(dir->path, path) == 0)
		return;
	if (dir)
		dir_forget(watch, dir);
	dir = wd_xcalloc(1, sizeof(*dir));
	dir->wd = wd;
	dir->path = wd_xstrdup(path);
	HASH_ADD_INT(watch->dirs, wd, dir);
}

static void walk(struct wd_watch *watch, const char *path, int depth);

bool wd_watch_stat(const char *path, struct stat *ret_st)
{
	if (stat(path, ret_st) == 0)
		return S_ISREG(ret_st->st_mode);
	if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return false;
	/* As no file is: it will be read, and that tells why it cannot be. */
	memset(ret_st, 0, sizeof(*ret_st));
	ret_st->st_ino = (ino_t)-1;
	return true;
}

static void walk_entry(struct wd_watch *watch, const char *path,
		       const char *name, int depth)
{
	char *full = wd_xprintf("%s/%s", path, name);
	struct stat st;

	if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode)) {
		if (depth < WD_WATCH_DEPTH)
			walk(watch, full, depth + 1);
		else
			watch->fns->unreadable(watch->ctx, full, -ELOOP);
	} else if (wd_watch_is_manifest(name) && wd_watch_stat(full, &st)) {
		watch->fns->file(watch->ctx, full, &st);
	}
	free(full);
}

static void walk(struct wd_watch *watch, const char *path, int depth)
{
	struct dirent *entry;
	DIR *d;

	dir_follow(watch, path); /* before reading: nothing may change unseen */
	d = opendir(path);
	if (!d) {
		watch->fns->unreadable(watch->ctx, path, -errno);
		return;
	}
	errno = 0;
	while ((entry = readdir(d))) {
		if (entry->d_name[0] != '.')
			walk_entry(watch, path, entry->d_name, depth);
		errno = 0;
	}
	if (errno)
		watch->fns->unreadable(watch->ctx, path, -errno);
	(void)closedir(d);
}

void wd_watch_walk(struct wd_watch *watch, const char *dir)
{
	walk(watch, dir, 0);
}

/* ---- events ---- */

/* A new name for content that is there already; else its writer has not closed it yet. */
static bool is_link(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 &&
	       (S_ISLNK(st.st_mode) || st.st_nlink > 1);
}

/* Return: 1 if everything must be walked again. */
static int on_event(struct wd_watch *watch, const struct inotify_event *event)
{
	struct dir *dir;
	char *path;

	if (event->mask & IN_Q_OVERFLOW)
		return 1;
	HASH_FIND_INT(watch->dirs, &event->wd, dir);
	if (!dir)
		return 0;
	if (event->mask & IN_IGNORED) {
		dir_forget(watch, dir);
		return 1;
	}
	if (!event->len)
		return (event->mask &
			(IN_DELETE_SELF | IN_MOVE_SELF | IN_ATTRIB)) != 0;
	if (event->mask & IN_ISDIR)
		return event->name[0] != '.' || event->name[1] == '.';
	if (event->name[0] == '.')
		return event->name[1] == '.';
	if (!wd_watch_is_manifest(event->name))
		return 0;
	path = wd_xprintf("%s/%s", dir->path, event->name);
	if (!(event->mask & IN_CREATE) || is_link(path))
		watch->fns->changed(watch->ctx, path);
	free(path);
	return 0;
}

int wd_watch_poll(struct wd_watch *watch)
{
	_Alignas(struct inotify_event) char buf[1024];
	int again = 0;
	ssize_t len;

	while ((len = read(watch->fd, buf, sizeof(buf))) > 0) {
		for (ssize_t at = 0; at < len;) {
			const void *here =
				buf + at; /* aligned: the kernel pads names */
			const struct inotify_event *event = here;

			again |= on_event(watch, event);
			at += (ssize_t)(sizeof(*event) + event->len);
		}
	}
	return again;
}
