/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kube.c - every kind's reflector and collection, held together.
 */
#include "kube.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../log.h"
#include "../model/xalloc.h"
#include "../source/problems.h"
#include "collection.h"
#include "http.h"
#include "kinds.h"
#include "login.h"

struct follower {
	struct wd_kube *kube;
	struct wd_kube_collection collection;
	struct wd_kube_reflector *reflector;
};

struct wd_kube {
	const struct wd_kube_login *login;
	struct wd_kube_http *http;
	const struct wd_kube_fns *fns;
	void *ctx;
	size_t cnt;
	struct follower follower[WD_KUBE_KINDS];
};

/* ---- what reflectors tell ---- */

static void on_begin(void *ctx)
{
	struct follower *f = ctx;

	wd_kube_collection_begin(&f->collection);
}

static void on_item(void *ctx, const struct wd_tree *root)
{
	struct follower *f = ctx;

	wd_kube_collection_put(&f->collection, root);
}

static void on_garbled(void *ctx, const char *why)
{
	struct follower *f = ctx;

	wd_kube_collection_garbled(&f->collection, why);
}

static void on_end(void *ctx)
{
	struct follower *f = ctx;

	wd_kube_collection_end(&f->collection);
}

static void on_event(void *ctx, const struct wd_tree *root, bool gone)
{
	struct follower *f = ctx;

	if (gone)
		wd_kube_collection_del(&f->collection, root);
	else
		wd_kube_collection_put(&f->collection, root);
}

static void on_absent(void *ctx)
{
	struct follower *f = ctx;

	wd_kube_collection_absent(&f->collection);
}

static void on_settled(void *ctx)
{
	struct follower *f = ctx;

	if (!f->collection.changed)
		return;
	f->collection.changed = false;
	f->kube->fns->changed(f->kube->ctx);
}

static const struct wd_kube_reflector_fns reflector_fns = {
	.begin = on_begin,
	.item = on_item,
	.garbled = on_garbled,
	.end = on_end,
	.event = on_event,
	.absent = on_absent,
	.settled = on_settled,
};

static void on_gone(void *ctx, int kind, const char *ns, const char *name)
{
	struct follower *f = ctx;

	f->kube->fns->gone(f->kube->ctx, kind, ns, name);
}

/* ---- life ---- */

int wd_kube_new(struct wd_loop *loop, const struct wd_kube_login *login,
		const struct wd_kube_timing *timing, struct wd_store *store,
		struct wd_kube **ret_kube, char **ret_error)
{
	struct wd_kube *kube = wd_xcalloc(1, sizeof(*kube));
	int err = wd_kube_http_new(loop, login, &kube->http, ret_error);

	kube->login = login;
	for (const struct wd_kube_kind *k = wd_kube_kinds; !err && k->path;
	     k++) {
		struct follower *f = &kube->follower[kube->cnt];

		err = wd_kube_reflector_new(kube->http, loop, k->path,
					    k->optional, timing, &f->reflector);
		if (err) {
			*ret_error = wd_xprintf("a timer: %s", wd_errno(err));
			break;
		}
		f->kube = kube;
		wd_kube_collection_init(&f->collection, k, store);
		f->collection.gone = on_gone;
		f->collection.ctx = f;
		kube->cnt++;
	}
	if (err) {
		wd_kube_free(kube);
		return err;
	}
	*ret_kube = kube;
	return 0;
}

void wd_kube_start(struct wd_kube *kube, const struct wd_kube_fns *fns,
		   void *ctx)
{
	kube->fns = fns;
	kube->ctx = ctx;
	for (size_t i = 0; i < kube->cnt; i++)
		wd_kube_reflector_start(kube->follower[i].reflector,
					&reflector_fns, &kube->follower[i]);
}

void wd_kube_free(struct wd_kube *kube)
{
	if (!kube)
		return;
	for (size_t i = 0; i < kube->cnt; i++) {
		wd_kube_reflector_free(kube->follower[i].reflector);
		wd_kube_collection_fini(&kube->follower[i].collection);
	}
	wd_kube_http_free(kube->http);
	free(kube);
}

/* ---- asking ---- */

bool wd_kube_is_known(const struct wd_kube *kube)
{
	for (size_t i = 0; i < kube->cnt; i++) {
		if (!kube->follower[i].collection.known)
			return false;
	}
	return true;
}

const char *wd_kube_server(const struct wd_kube *kube)
{
	return kube->login->server;
}

bool wd_kube_status(const struct wd_kube *kube, size_t i,
		    struct wd_kube_kind_status *ret_status)
{
	const struct follower *f;

	if (i >= kube->cnt)
		return false;
	f = &kube->follower[i];
	ret_status->name = f->collection.kind->name;
	ret_status->known = f->collection.known;
	ret_status->held = f->collection.held;
	ret_status->held_cnt =
		f->collection.held ? wd_kube_collection_cnt(&f->collection) : 0;
	wd_kube_reflector_status(f->reflector, &ret_status->reflector);
	return true;
}

char *wd_kube_waits_for(const struct wd_kube *kube)
{
	struct wd_kube_kind_status status;
	size_t cnt = 0;
	size_t first = 0;

	for (size_t i = kube->cnt; i > 0; i--) {
		if (kube->follower[i - 1].collection.known)
			continue;
		cnt++;
		first = i - 1;
	}
	if (!cnt)
		return NULL;
	(void)wd_kube_status(kube, first, &status);
	return wd_xprintf("%zu of %zu kinds of %s are not known yet; %s: %s",
			  cnt, kube->cnt, wd_kube_server(kube), status.name,
			  status.reflector.error ? status.reflector.error :
						   "being read");
}

static void put_held(const struct follower *f, struct wd_problems *list)
{
	char *text = wd_xprintf(
		"the server has no such kind any more; %u objects of it stay in "
		"force until it has, or the agent starts without them",
		wd_kube_collection_cnt(&f->collection));
	struct wd_problem problem = {
		.effect = WD_PROBLEM_KEPT,
		.file = f->collection.file,
		.object = f->collection.kind->name,
		.field = "",
		.text = text,
	};

	wd_problems_add(list, &problem);
	free(text);
}

void wd_kube_problems(const struct wd_kube *kube, struct wd_problems *list)
{
	for (size_t i = 0; i < kube->cnt; i++) {
		wd_kube_collection_problems(&kube->follower[i].collection,
					    list);
		if (kube->follower[i].collection.held)
			put_held(&kube->follower[i], list);
	}
}
