/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * removals.h - deletions of custom resources, put off until it is clear that
 * the kind itself stays.
 *
 * When a CustomResourceDefinition is deleted its objects are deleted first, one
 * by one, and then the kind is gone. To believe these deletions would lift
 * every policy of the kind from the cluster.
 */
#ifndef WARDER_KUBE_REMOVALS_H
#define WARDER_KUBE_REMOVALS_H

#include <stdbool.h>
#include <stdint.h>

struct wd_kube_http;
struct wd_kube_removals;
struct wd_loop;
struct wd_tree;

struct wd_kube_removals_fns {
	/* The object was deleted indeed; @root has its namespace, name and uid. */
	void (*remove)(void *ctx, const struct wd_tree *root);
	/* After some of these. */
	void (*settled)(void *ctx);
};

/**
 * wd_kube_removals_new() - of the collection "/apis/GROUP/VERSION/PLURAL"
 * @grace_ms: a deletion is believed when nothing but 401 or 403 came for so long
 * Return: 0, or -errno of a timer.
 */
int wd_kube_removals_new(struct wd_kube_http *http, struct wd_loop *loop,
			 const char *path, uint32_t grace_ms,
			 struct wd_kube_removals **ret_removals);

/** wd_kube_removals_start() - @fns are called from the loop; before anything is added */
void wd_kube_removals_start(struct wd_kube_removals *r,
			    const struct wd_kube_removals_fns *fns, void *ctx);

/** wd_kube_removals_free() - what waits is forgotten; NULL passes */
void wd_kube_removals_free(struct wd_kube_removals *r);

/* Deletions that may wait for one answer. */
#define WD_KUBE_REMOVALS_MAX 32768

/**
 * wd_kube_removals_add() - the server says that @root is deleted; asks about the kind soon
 * Return: false if too many wait: it is not remembered, and a list is to tell of it.
 */
bool wd_kube_removals_add(struct wd_kube_removals *r,
			  const struct wd_tree *root);

/** wd_kube_removals_cnt() - deletions that were told and are not believed yet; NULL: none */
uint32_t wd_kube_removals_cnt(const struct wd_kube_removals *r);

/** wd_kube_removals_forget() - the kind is gone: its objects stay */
void wd_kube_removals_forget(struct wd_kube_removals *r);

#endif /* WARDER_KUBE_REMOVALS_H */
