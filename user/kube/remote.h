/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remote.h - pods of other nodes out of what Cilium says of them.
 *
 * A number of an endpoint and the labels behind that number are one pod of the
 * store. A Pod object of the API goes before it and only takes the number. What
 * is not known (labels, an identity) is no pod: its address stays unknown, which
 * nothing allows. Labels once known stay when their CiliumIdentity goes.
 */
#ifndef WARDER_KUBE_REMOTE_H
#define WARDER_KUBE_REMOTE_H

#include <stdbool.h>
#include <stdint.h>

#include "collection.h"
#include "kinds.h"

struct wd_kube_remote;
struct wd_kube_room;
struct wd_object;
struct wd_read;
struct wd_store;
struct wd_tree;

/** wd_kube_remote_new() - for the node of that name; pods go to @store */
struct wd_kube_remote *wd_kube_remote_new(struct wd_store *store,
					  const char *node);
/** wd_kube_remote_room() - what it may take; before anything is put. NULL: there is always some */
void wd_kube_remote_room(struct wd_kube_remote *remote,
			 struct wd_kube_room *room);
/** wd_kube_remote_free() - the pods stay in the store; NULL passes */
void wd_kube_remote_free(struct wd_kube_remote *remote);

/** wd_kube_remote_put() - an object of one of the three kinds is as @root */
enum wd_kube_put wd_kube_remote_put(struct wd_kube_remote *remote,
				    enum wd_kube_role role, struct wd_read *r,
				    const struct wd_tree *root);

/**
 * wd_kube_remote_del() - it is gone
 * @uid: NULL: whatever has the name
 * Return: false if another instance of the name stays.
 */
bool wd_kube_remote_del(struct wd_kube_remote *remote, enum wd_kube_role role,
			const char *ns, const char *name, const char *uid);

/**
 * wd_kube_remote_each() - objects of a kind
 * @fn: @obj has its namespace, name and uid, nothing else; changes nothing here
 */
void wd_kube_remote_each(const struct wd_kube_remote *remote,
			 enum wd_kube_role role,
			 void (*fn)(void *ctx, const struct wd_object *obj),
			 void *ctx);

/** wd_kube_remote_cnt() - how many there are */
uint32_t wd_kube_remote_cnt(const struct wd_kube_remote *remote,
			    enum wd_kube_role role);

/** wd_kube_remote_number() - Cilium's number for a pod, 0 none */
uint32_t wd_kube_remote_number(const struct wd_kube_remote *remote,
			       const char *ns, const char *name);

/** wd_kube_remote_make_pods() - do endpoints stand for pods without a Pod object; false at first */
void wd_kube_remote_make_pods(struct wd_kube_remote *remote, bool make);

/**
 * wd_kube_remote_stands_in() - if no Pod of another node were known any more,
 * would endpoints tell of all that run there
 * Costs a look at each Pod.
 */
bool wd_kube_remote_stands_in(const struct wd_kube_remote *remote);

/** wd_kube_remote_look() - the Pod of that name, or any Node, is another one now */
void wd_kube_remote_look(struct wd_kube_remote *remote, const char *ns,
			 const char *name);
void wd_kube_remote_nodes(struct wd_kube_remote *remote);

/** wd_kube_remote_settle() - bring the store to it. Return: true if that changed anything */
bool wd_kube_remote_settle(struct wd_kube_remote *remote);

#endif /* WARDER_KUBE_REMOTE_H */
