/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kube.h - a Kubernetes API server as a source of objects.
 *
 * Brings the store to what the server says, kind by kind: a whole list replaces
 * what was there, events change it. While the server cannot be asked, or no
 * longer has a kind, what it said last stays in force. Objects are read, and
 * complained of, by the same readers as manifests.
 */
#ifndef WARDER_KUBE_H
#define WARDER_KUBE_H

#include <stdbool.h>
#include <stddef.h>

#include "../source/manifests.h"
#include "reflector.h"

struct wd_kube;
struct wd_kube_http;
struct wd_kube_login;
struct wd_kube_room;
struct wd_store;

struct wd_kube_fns {
	/* Objects changed in the store, or what is known of the source did. */
	void (*changed)(void *ctx);
	/* An object of the server is gone: a manifest may say it, too. */
	void (*gone)(void *ctx, int kind, const char *ns, const char *name);
};

struct wd_kube_kind_status {
	const char *name; /* "Pod" */
	struct wd_kube_reflector_status reflector;
	bool known; /* listed once, or known not to be there, or read from the disk */
	bool kept; /* what the disk had: the server has not been heard since the start */
	bool held; /* the server has no such kind any more, its objects stay */
	uint32_t held_cnt; /* these */
	uint32_t unconfirmed; /* deletions that wait for word of the kind's definition */
	bool unused; /* it is not asked for: another kind tells the same */
	bool here; /* of this node only: another kind tells of others */
};

struct wd_kube_setup {
	const struct wd_kube_login *login;
	const struct wd_kube_timing *timing; /* wd_kube_timing */
	struct wd_store *store; /* gets the objects */
	const char *node; /* this one's name; NULL: it is none of that cluster */
	const char *
		source; /* in place of a file, of its objects; NULL: WD_MANIFESTS_KUBE */
	const char *
		state_dir; /* where what the server said last is kept; NULL: nowhere */
	bool cilium; /* pods of other nodes are known by what Cilium says of them */
	bool pods_only; /* another cluster: only kinds that tell of pods */
	struct wd_kube_room
		*room; /* what its objects may take; NULL: any amount */
};

/**
 * wd_kube_new() - a source that can be started
 * @setup: what it points to must outlive the source
 * @ret_error: what to do about it, to be freed
 * Return: 0; -ELIBACC, -EOPNOTSUPP: no HTTP library; -errno.
 */
int wd_kube_new(struct wd_loop *loop, const struct wd_kube_setup *setup,
		struct wd_kube **ret_kube, char **ret_error);

/** wd_kube_start() - read what the disk has; @fns are called from the loop, from now on */
void wd_kube_start(struct wd_kube *kube, const struct wd_kube_fns *fns,
		   void *ctx);

/** wd_kube_free() - the objects stay in the store; NULL passes */
void wd_kube_free(struct wd_kube *kube);

/** wd_kube_flush() - what the server said goes to the disk; about once a second, and at the end */
void wd_kube_flush(struct wd_kube *kube);

/** wd_kube_is_known() - is of every kind known what there is, be it from the disk */
bool wd_kube_is_known(const struct wd_kube *kube);

/** wd_kube_http() - its client, for who has something to tell the server; borrowed, ends with the source */
struct wd_kube_http *wd_kube_http(const struct wd_kube *kube);

/** wd_kube_server() - its address, borrowed */
const char *wd_kube_server(const struct wd_kube *kube);

/** wd_kube_status() - of the kind number @i, from 0. Return: false: there is none */
bool wd_kube_status(const struct wd_kube *kube, size_t i,
		    struct wd_kube_kind_status *ret_status);

/** wd_kube_waits_for() - what is not known yet and why, one line to be freed; NULL: all is */
char *wd_kube_waits_for(const struct wd_kube *kube);

/** wd_kube_lost() - of what is known and not heard any more, one line to be freed; NULL: all is heard */
char *wd_kube_lost(const struct wd_kube *kube);

/** wd_kube_problems() - what is wrong with its objects, and kinds that are held; appended to @list */
void wd_kube_problems(const struct wd_kube *kube, struct wd_problems *list);

#endif /* WARDER_KUBE_H */
