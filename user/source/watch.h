/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * watch.h - the files below some directories, and which of them changed.
 *
 * Names that begin with a dot are not looked at, except that a change of one
 * that begins with two (the link that a mounted ConfigMap swaps) means all.
 * Directories are followed down to WD_WATCH_DEPTH; links to directories are not.
 */
#ifndef WARDER_WATCH_H
#define WARDER_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define WD_WATCH_DEPTH 8

struct wd_watch;

struct wd_watch_fns {
	void (*file)(void *ctx, const char *path, const struct stat *st);
	void (*unreadable)(void *ctx, const char *dir,
			   int err); /* all below may still be there */
	void (*changed)(void *ctx,
			const char *path); /* of poll: a file, perhaps gone */
};

/** wd_watch_new() - Return: 0, or -errno of inotify_init1() */
int wd_watch_new(const struct wd_watch_fns *fns, void *ctx,
		 struct wd_watch **ret_watch);
void wd_watch_free(struct wd_watch *watch);
int wd_watch_fd(const struct wd_watch *watch);

/** wd_watch_walk() - tell of every manifest below @dir, and follow its directories from now on */
void wd_watch_walk(struct wd_watch *watch, const char *dir);

/**
 * wd_watch_poll() - take pending events, tell of changed files
 * Return: 1 if everything must be walked again, else 0.
 */
int wd_watch_poll(struct wd_watch *watch);

/** wd_watch_stat() - is there a file, perhaps one that cannot be looked at (@ret_st is like no other then) */
bool wd_watch_stat(const char *path, struct stat *ret_st);

/** wd_watch_is_manifest() - .yaml, .yml or .json, not hidden; @name without directory */
bool wd_watch_is_manifest(const char *name);

#endif /* WARDER_WATCH_H */
