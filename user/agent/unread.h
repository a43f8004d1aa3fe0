/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * unread.h - files of the state directory that could not be used at the start.
 *
 * Each is told for as long as the process lives, and none is lost: before
 * another takes its place it is kept under another name.
 */
#ifndef WARDER_UNREAD_H
#define WARDER_UNREAD_H

#include <stddef.h>

struct json_object;

/** wd_unread_note() - <dir>/<name> is there and could not be used, @err: why, -errno; logs it */
void wd_unread_note(const char *dir, const char *name, int err);

/**
 * wd_unread_keep() - to be called before <dir>/<name> is replaced or removed
 *
 * What was noted is given the name <name>.bad, or <name>.bad.1 and so on where
 * there is one already; the tenth takes the place of the one before.
 * Return: 0, also if it was not noted or is gone; else -errno, and it must stay.
 */
int wd_unread_keep(const char *dir, const char *name);

/** wd_unread_put() - all of them, as an array "unread_state" */
void wd_unread_put(struct json_object *doc);

/** wd_unread_text() - one line on all, to be freed; NULL: there is none */
char *wd_unread_text(void);

/** wd_unread_cnt() - how many there are */
size_t wd_unread_cnt(void);

/** wd_unread_fini() - forget them all */
void wd_unread_fini(void);

#endif /* WARDER_UNREAD_H */
