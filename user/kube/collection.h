/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * collection.h - the objects of one kind as an API server has them, and the
 * store brought to that.
 */
#ifndef WARDER_KUBE_COLLECTION_H
#define WARDER_KUBE_COLLECTION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "../source/load.h"
#include "kinds.h"

struct wd_store;
struct wd_tree;

struct wd_kube_remote;
struct wd_kube_room;
struct wd_kube_trouble; /* an object with problems */

struct wd_kube_collection {
	const struct wd_kube_kind *kind;
	struct wd_store *store;
	/* Has the objects of a kind that is not the store's, and numbers of pods; NULL: nobody */
	struct wd_kube_remote *remote;
	struct wd_kube_room *room; /* what they may take, NULL: any amount */
	const char *file; /* the source in place of one, interned */
	void (*gone)(void *ctx, int kind, const char *ns, const char *name);
	/* Of what a list does not have any more; NULL: it is deleted. */
	void (*missing)(void *ctx, const struct wd_object *obj);
	void *ctx;
	struct wd_keys seen; /* of the list that is being read */
	bool listing;
	bool unsure; /* something of that list cannot be told apart: nothing goes */
	bool known; /* there was a whole list, or there is none to be had */
	bool held; /* the kind is gone from the server, its objects stay */
	bool changed; /* the store, since this was last cleared */
	uint32_t trouble_cnt;
	bool untold; /* more have problems than are told of */
	LIST_HEAD(, wd_kube_trouble) troubles;
};

/** wd_kube_collection_init() - none yet; @source: in place of a file, of its objects */
void wd_kube_collection_init(struct wd_kube_collection *c,
			     const struct wd_kube_kind *kind,
			     struct wd_store *store, const char *source);
void wd_kube_collection_fini(struct wd_kube_collection *c);

/** wd_kube_collection_begin() - a list from its first object on */
void wd_kube_collection_begin(struct wd_kube_collection *c);

enum wd_kube_put {
	WD_KUBE_PUT, /* in force as it is, or with what is wrong in it isolated */
	WD_KUBE_SAME, /* as it was, as far as anybody reads it */
	WD_KUBE_REFUSED, /* what was there before stays */
	WD_KUBE_UNREADABLE, /* nobody knows which object that is */
};

/** wd_kube_collection_put() - an object is as @root: of the list between begin and end, else by itself */
enum wd_kube_put wd_kube_collection_put(struct wd_kube_collection *c,
					const struct wd_tree *root);

/**
 * wd_kube_collection_garbled() - an object cannot be read at all
 * @root: its metadata, what was there before stays; NULL: nobody knows which
 *        object of the list that is, and the list takes nothing away
 */
void wd_kube_collection_garbled(struct wd_kube_collection *c,
				const struct wd_tree *root, const char *why);

/** wd_kube_collection_end() - the list was whole: what it did not have goes */
void wd_kube_collection_end(struct wd_kube_collection *c);

/**
 * wd_kube_collection_del() - the object that @root was is gone
 * Return: false if another instance of the name stays.
 */
bool wd_kube_collection_del(struct wd_kube_collection *c,
			    const struct wd_tree *root);

/** wd_kube_collection_absent() - the server does not have the kind; objects that are there are held */
void wd_kube_collection_absent(struct wd_kube_collection *c);

/** wd_kube_collection_cnt() - objects in the store that are the server's */
uint32_t wd_kube_collection_cnt(const struct wd_kube_collection *c);

/** wd_kube_collection_problems() - appended to @list */
void wd_kube_collection_problems(const struct wd_kube_collection *c,
				 struct wd_problems *list);

#endif /* WARDER_KUBE_COLLECTION_H */
