/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * last.h - what a server said last of one kind, on disk, so that a node that
 * starts without the server enforces what it enforced before.
 *
 * A file is a whole list and the events after it, a line each, in order. A new
 * list is written beside it and takes its place when it was read to its end.
 */
#ifndef WARDER_KUBE_LAST_H
#define WARDER_KUBE_LAST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wd_kube_last;
struct wd_tree;

/**
 * wd_kube_last_new() - of the collection @path of @server
 * @state_dir: where files are; a folder "kube" is made there
 */
struct wd_kube_last *wd_kube_last_new(const char *state_dir, const char *server,
				      const char *path);

/** wd_kube_last_free() - writes down what waits; NULL passes */
void wd_kube_last_free(struct wd_kube_last *last);

/**
 * wd_kube_last_load() - tell what is on disk, in its order
 * @fn: @root is borrowed; @gone: the object it was is no more
 * Return: 0; -ENOENT: nothing, or of another server; -EBADMSG: not such a file; -errno.
 */
int wd_kube_last_load(struct wd_kube_last *last,
		      void (*fn)(void *ctx, const struct wd_tree *root,
				 bool gone),
		      void *ctx);

/** wd_kube_last_begin() - a list begins; one that did not end is forgotten */
void wd_kube_last_begin(struct wd_kube_last *last);

/** wd_kube_last_put() - an object of the list, or of an event; @gone: it is no more */
void wd_kube_last_put(struct wd_kube_last *last, const struct wd_tree *root,
		      bool gone);

/** wd_kube_last_keep() - of the object of a list that @root is the file before knows better */
void wd_kube_last_keep(struct wd_kube_last *last, const struct wd_tree *root);

/**
 * wd_kube_last_end() - the list was whole
 * @good: it takes the place of the one before, else it is laid over that; and
 *        where there is none before, nothing is kept
 */
void wd_kube_last_end(struct wd_kube_last *last, bool good);

/**
 * wd_kube_last_flush() - to the disk with it; about once a second, waits for
 * nothing: what is large is done by a child. What fails is told and given up
 */
void wd_kube_last_flush(struct wd_kube_last *last);

/** wd_kube_last_settle() - the same, until all that was put is on the disk */
void wd_kube_last_settle(struct wd_kube_last *last);

#endif /* WARDER_KUBE_LAST_H */
