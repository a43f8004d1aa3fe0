/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kept.h - copies of manifests as they were when they could be read.
 *
 * Of each file the last clean version (number 0) and those after it that were
 * understood in part only. Together they say what was in force, also after a
 * restart beside a file that got broken, or without its directory.
 */
#ifndef WARDER_KEPT_H
#define WARDER_KEPT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#define WD_KEPT_MAX 8 /* versions of a file; the last place is written over */

/** wd_kept_open() - make @state_dir/kept. Return: 0 with *ret_dir to be freed, or -errno */
int wd_kept_open(const char *state_dir, char **ret_dir);

/**
 * wd_kept_save() - keep a version; number 0 drops the others
 * @st: what the file was when it was read
 * Return: 0, or -errno.
 */
int wd_kept_save(const char *dir, const char *path, unsigned int nr,
		 const struct stat *st, char *text, size_t len);

/** wd_kept_is() - is version @nr there and whole, of a file that was just like @st, and none after it */
bool wd_kept_is(const char *dir, const char *path, unsigned int nr,
		const struct stat *st);

/**
 * wd_kept_load() - text of a version
 * @ret_text: to be freed; has room for one more byte
 * Return: 0; -ENOENT; -EBADMSG when the copy is not whole; -errno.
 */
int wd_kept_load(const char *dir, const char *path, unsigned int nr,
		 char **ret_text, size_t *ret_len);

/** wd_kept_drop() - forget the versions of a file from @nr on */
void wd_kept_drop(const char *dir, const char *path, unsigned int nr);

/**
 * wd_kept_each() - tell of each file that has a version 0
 * @fn: @path NULL: a copy is damaged where it says of which file it is
 * Return: 0; -errno if the folder cannot be read.
 */
int wd_kept_each(const char *dir, void (*fn)(void *ctx, const char *path),
		 void *ctx);

/** wd_kept_text() - read a whole file of at most WD_KEPT_TEXT_MAX bytes; as wd_kept_load(), @ret_st may be NULL */
int wd_kept_text(const char *path, char **ret_text, size_t *ret_len,
		 struct stat *ret_st);

#define WD_KEPT_TEXT_MAX (256U << 20) /* bytes of one manifest */

#endif /* WARDER_KEPT_H */
