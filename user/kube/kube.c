/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * kube.c - every kind's reflector and collection, held together.
 *
 * All pods are asked for, unless wd_kube_setup.cilium: then it is decided when it
 * was heard whether Cilium tells of endpoints, and again when that changes.
 *
 *	identities, and slices		pods here; CiliumEndpoint is not asked for
 *	identities, no slice, endpoints	pods here
 *	neither, or not allowed to ask	all pods
 *
 * Of another cluster no pod is here: where "pods here" stands, none is asked for.
 *
 * From pods here to all pods: when what Cilium tells is gone, or cannot be asked
 * for any more as a kind, for a while; it stands for pods until all were listed.
 * From all to pods here: when Cilium tells of each pod of other nodes, by a number
 * whose labels are known, so that none is lost. What is decided before the first
 * answer of these kinds is that pods here are asked for: they are wanted anyway.
 */
#include "kube.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../base/now.h"
#include "../model/xalloc.h"
#include "../source/problems.h"
#include "../source/tree.h"
#include "collection.h"
#include "http.h"
#include "initial.h"
#include "kinds.h"
#include "last.h"
#include "login.h"
#include "remote.h"
#include "removals.h"
#include "room.h"

#define SPREAD_MS 5000 /* of six hundred nodes that start at once */
#define LOOK_MS 10000 /* between looks whether Cilium tells of all pods */
#define ROOM_MS 300000 /* between lists of what had no room */
#define ROOM_BYTES (1 << 20) /* worth a list */

struct follower {
	struct wd_kube *kube;
	struct wd_kube_collection collection;
	struct wd_kube_reflector *reflector;
	struct wd_kube_last *last; /* NULL: nothing is kept */
	struct wd_kube_removals *removals; /* NULL: deletions are believed */
	bool kept; /* not heard since the start: as the disk had it */
	bool heard; /* there was a whole list since the start, or no such kind */
	bool started; /* it is asked for */
};

/* Whose Pod objects are asked for. */
enum scope {
	SCOPE_UNDECIDED,
	SCOPE_NODE,
	SCOPE_ALL,
};

struct wd_kube {
	const struct wd_kube_login *login;
	struct wd_kube_http *http;
	struct wd_kube_initial initial;
	const struct wd_kube_fns *fns;
	void *ctx;
	struct wd_kube_remote *remote;
	struct wd_kube_room *room; /* of all kinds, NULL: any amount */
	int64_t full_ms; /* CLOCK_MONOTONIC: listed for what had no room */
	enum scope scope;
	bool pods_known; /* those of some decision, or what Cilium said, is whole */
	bool told_known; /* of the whole, to who asked to be told of changes */
	bool all_listed; /* since it was decided to ask for all */
	int64_t looked_ms; /* CLOCK_MONOTONIC: at who tells of all pods */
	int64_t lost_ms; /* since when Cilium tells of no pods, 0: it does */
	uint32_t grace_ms; /* that long it is believed not to be so */
	bool cilium; /* ask whether Cilium tells of endpoints */
	const char *node; /* NULL: another cluster, it has none of its pods */
	uint32_t spread;
	size_t cnt;
	struct follower follower[WD_KUBE_KINDS];
};

/* ---- what reflectors tell ---- */

static bool is_pods(const struct follower *f)
{
	return f->collection.kind->kind == WD_KIND_POD;
}

static bool is_remote(const struct follower *f)
{
	return f->collection.kind->role != WD_KUBE_OBJECTS;
}

static bool is_nodes(const struct follower *f)
{
	return f->collection.kind->kind == WD_KIND_NODE ||
	       f->collection.kind->kind == WD_KIND_CILIUM_NODE;
}

static void on_begin(void *ctx)
{
	struct follower *f = ctx;

	wd_kube_collection_begin(&f->collection);
	if (f->last)
		wd_kube_last_begin(f->last);
}

static void put(struct follower *f, const struct wd_tree *root)
{
	enum wd_kube_put what = wd_kube_collection_put(&f->collection, root);

	if (!f->last)
		return;
	switch (what) {
	case WD_KUBE_SAME:
		if (f->collection.listing)
			wd_kube_last_put(f->last, root, false);
		break;
	case WD_KUBE_PUT:
		wd_kube_last_put(f->last, root, false);
		break;
	case WD_KUBE_REFUSED:
		wd_kube_last_keep(f->last, root);
		break;
	case WD_KUBE_UNREADABLE:
		break;
	}
}

static void on_item(void *ctx, const struct wd_tree *root)
{
	put(ctx, root);
}

static void on_garbled(void *ctx, const struct wd_tree *root, const char *why)
{
	struct follower *f = ctx;

	wd_kube_collection_garbled(&f->collection, root, why);
	if (f->last && root)
		wd_kube_last_keep(f->last, root);
}

static void decide(struct wd_kube *kube);
static void forget_unasked(struct wd_kube *kube);

static void on_end(void *ctx)
{
	struct follower *f = ctx;

	wd_kube_collection_end(&f->collection);
	f->kept = false;
	f->heard = true;
	if (is_pods(f) && f->kube->scope != SCOPE_UNDECIDED)
		f->kube->pods_known = true;
	if (is_pods(f) && f->kube->scope == SCOPE_ALL) {
		f->kube->all_listed = true;
		wd_kube_remote_make_pods(f->kube->remote, false);
		forget_unasked(f->kube);
	}
	/* Before it is decided it may be a part of what is asked for. */
	if (f->last && !(is_pods(f) && f->kube->scope == SCOPE_UNDECIDED))
		wd_kube_last_end(f->last, !f->collection.unsure);
}

static void on_remove(void *ctx, const struct wd_tree *root)
{
	struct follower *f = ctx;

	if (wd_kube_collection_del(&f->collection, root) && f->last)
		wd_kube_last_put(f->last, root, true);
}

/* A list does not have it any more, but the whole kind may be going. */
static void on_missing(void *ctx, const struct wd_object *obj)
{
	struct follower *f = ctx;
	struct wd_tree uid = { .key = "uid", .text = obj->uid };
	struct wd_tree ns = { .key = "namespace", .text = obj->ns };
	struct wd_tree name = { .key = "name", .text = obj->name };
	struct wd_tree meta = { .type = WD_TREE_MAP, .key = "metadata" };
	const struct wd_tree root = { .type = WD_TREE_MAP, .child = &meta };

	uid.next = &name;
	name.next = *obj->ns ? &ns : NULL;
	meta.child = &uid;
	/* what is not remembered is missing in the next list, too */
	(void)wd_kube_removals_add(f->removals, &root);
	if (f->last)
		wd_kube_last_keep(f->last, &root);
}

static void on_event(void *ctx, const struct wd_tree *root, bool gone)
{
	struct follower *f = ctx;

	if (!gone)
		put(f, root);
	else if (!f->removals)
		on_remove(f, root);
	else if (!wd_kube_removals_add(f->removals, root))
		wd_kube_reflector_restart(f->reflector, SPREAD_MS);
}

/* That there is nothing is a state, too; what is held is on the disk already. */
static void on_absent(void *ctx)
{
	struct follower *f = ctx;

	if (f->removals)
		wd_kube_removals_forget(f->removals);
	wd_kube_collection_absent(&f->collection);
	f->kept = false;
	f->heard = true;
	if (f->last)
		wd_kube_last_end(f->last, !f->collection.held);
}

static void on_settled(void *ctx)
{
	struct follower *f = ctx;

	if (f->kube->cilium &&
	    (is_remote(f) || f->kube->scope != SCOPE_UNDECIDED))
		decide(f->kube);
	if (is_nodes(f) && f->collection.changed)
		wd_kube_remote_nodes(f->kube->remote);
	f->collection.changed |= wd_kube_remote_settle(f->kube->remote);
	/* What is decided makes known what was listed before, and nothing new. */
	if (f->kube->told_known != wd_kube_is_known(f->kube)) {
		f->kube->told_known = !f->kube->told_known;
		f->collection.changed = true;
	}
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

static const struct wd_kube_removals_fns removals_fns = {
	.remove = on_remove,
	.settled = on_settled,
};

static void on_gone(void *ctx, int kind, const char *ns, const char *name)
{
	struct follower *f = ctx;

	f->kube->fns->gone(f->kube->ctx, kind, ns, name);
	if (kind == WD_KIND_POD)
		wd_kube_remote_look(f->kube->remote, ns, name);
}

/* ---- whose pods ---- */

static struct follower *find(struct wd_kube *kube, enum wd_kube_role role)
{
	size_t i = 0;

	while (kube->follower[i].collection.kind->role != role)
		i++;
	return &kube->follower[i];
}

static void start(struct follower *f)
{
	if (!f->started)
		wd_kube_reflector_start(f->reflector, f->kube->spread,
					&reflector_fns, f);
	f->started = true;
}

/* Has the server said what there is, or that this agent must not know? */
static bool is_settled(const struct follower *f)
{
	struct wd_kube_reflector_status status;

	wd_kube_reflector_status(f->reflector, &status);
	return f->heard || status.refused;
}

static bool has_any(const struct follower *f)
{
	return f->heard && !f->collection.held &&
	       wd_kube_collection_cnt(&f->collection) > 0;
}

/*
 * What an earlier agent had on disk of kinds that this one does not ask for:
 * nobody would take it back. From the disk it goes, too.
 */
static void forget_unasked(struct wd_kube *kube)
{
	for (size_t i = 0; i < kube->cnt; i++) {
		struct follower *f = &kube->follower[i];

		if (f->started || !f->kept ||
		    !(is_remote(f) || (is_pods(f) && !kube->node)))
			continue;
		wd_kube_collection_begin(&f->collection);
		f->collection.missing = NULL; /* it goes at once */
		wd_kube_collection_end(&f->collection);
		f->collection.missing = on_missing;
		f->kept = false;
		wd_kube_last_begin(f->last);
		wd_kube_last_end(f->last, true);
	}
}

static void ask_for_pods(struct follower *f, bool all)
{
	bool node_only = f->started && f->kube->scope == SCOPE_UNDECIDED;

	if (node_only && !all)
		return; /* as it is */
	if (f->kube->node)
		wd_kube_reflector_select(f->reflector, "spec.nodeName",
					 all ? NULL : f->kube->node);
	if (f->started)
		wd_kube_reflector_restart(
			f->reflector, node_only ? f->kube->spread : SPREAD_MS);
	start(f);
}

/* Before it is decided; but what the disk had of others' is not to go for it. */
static void ask_for_node(struct follower *f)
{
	wd_kube_reflector_select(f->reflector, "spec.nodeName", f->kube->node);
	start(f);
}

static struct follower *pods_of(struct wd_kube *kube)
{
	size_t i = 0;

	while (!is_pods(&kube->follower[i]))
		i++;
	return &kube->follower[i];
}

/* Its Pods may have been heard before it was decided that they are all. */
static void take_early(struct follower *pods)
{
	/* a list that is being read ends by itself */
	if (!pods->heard || pods->collection.listing)
		return;
	pods->kube->pods_known = true;
	if (pods->last)
		wd_kube_last_end(pods->last, !pods->collection.unsure);
}

static void set_scope(struct wd_kube *kube, enum scope scope)
{
	struct follower *pods = pods_of(kube);
	enum scope was = kube->scope;

	if (scope == SCOPE_NODE)
		wd_kube_remote_make_pods(kube->remote, true);
	if (scope == SCOPE_NODE && was == SCOPE_UNDECIDED)
		take_early(pods);
	if (was == SCOPE_NODE)
		kube->pods_known = true; /* by what Cilium said, until listed */
	if (scope == SCOPE_ALL || kube->node)
		ask_for_pods(pods, scope == SCOPE_ALL);
	if (was != SCOPE_UNDECIDED)
		wd_info("kube: %s: %s", wd_kube_server(kube),
			scope == SCOPE_ALL ?
				"Cilium tells of no pods any more, asking for all" :
				"Cilium tells of all pods, asking for this node's");
	kube->scope = scope;
	kube->all_listed = false;
	if (scope == SCOPE_NODE)
		forget_unasked(kube);
}

/* What Cilium says is gone; or is it for a moment only? */
static void leave_node(struct wd_kube *kube, int64_t now)
{
	if (!kube->lost_ms)
		kube->lost_ms = now;
	else if (now - kube->lost_ms >= kube->grace_ms)
		set_scope(kube, SCOPE_ALL);
}

/* Of another cluster Pods are not given up again: none would be left to ask for. */
static void leave_all(struct wd_kube *kube, int64_t now)
{
	if (!kube->node || !kube->all_listed || now < kube->looked_ms + LOOK_MS)
		return;
	kube->looked_ms = now;
	if (wd_kube_remote_stands_in(kube->remote))
		set_scope(kube, SCOPE_NODE);
}

static void redecide(struct wd_kube *kube, enum scope now)
{
	if (now == SCOPE_NODE)
		kube->lost_ms = 0;
	if (kube->scope == SCOPE_UNDECIDED)
		set_scope(kube, now);
	else if (kube->scope == SCOPE_NODE && now == SCOPE_ALL)
		leave_node(kube, wd_now_ms());
	else if (kube->scope == SCOPE_ALL && now == SCOPE_NODE)
		leave_all(kube, wd_now_ms());
}

static void decide(struct wd_kube *kube)
{
	struct follower *identities = find(kube, WD_KUBE_IDENTITIES);
	struct follower *slices = find(kube, WD_KUBE_SLICES);
	struct follower *endpoints = find(kube, WD_KUBE_ENDPOINTS);

	if (!is_settled(identities) || !is_settled(slices))
		return;
	if (has_any(identities) && has_any(slices)) {
		redecide(kube, SCOPE_NODE);
		return;
	}
	start(endpoints);
	if (!is_settled(endpoints))
		return;
	redecide(kube, has_any(identities) && has_any(endpoints) ? SCOPE_NODE :
								   SCOPE_ALL);
}

/* By what was read of the disk, too. */
static bool slices_tell(struct wd_kube *kube)
{
	return wd_kube_remote_cnt(kube->remote, WD_KUBE_IDENTITIES) &&
	       wd_kube_remote_cnt(kube->remote, WD_KUBE_SLICES);
}

/*
 * Where all pods are asked for it is no matter what else tells of them, and
 * endpoints are of no use beside slices: the disk may never have had any.
 */
static bool is_known(const struct follower *f)
{
	struct wd_kube *kube = f->kube;

	if (is_pods(f) && !f->kept)
		return kube->pods_known ||
		       (kube->scope == SCOPE_NODE && !kube->node);
	if (f->collection.known)
		return true;
	if (!is_remote(f) || kube->scope == SCOPE_ALL)
		return is_remote(f);
	return !f->started && (kube->scope == SCOPE_NODE ||
			       (f->collection.kind->role == WD_KUBE_ENDPOINTS &&
				slices_tell(kube)));
}

/* ---- life ---- */

static int follow(struct follower *f, struct wd_loop *loop,
		  const struct wd_kube_timing *timing)
{
	const struct wd_kube_kind *k = f->collection.kind;
	int err = wd_kube_reflector_new(f->kube->http, loop, k->path,
					k->optional, timing, &f->reflector);

	if (err)
		return err;
	wd_kube_reflector_stream(f->reflector, &f->kube->initial);
	if (!k->optional)
		return 0;
	if (k->other)
		wd_kube_reflector_or(f->reflector, k->other);
	f->collection.missing = on_missing;
	err = wd_kube_removals_new(f->kube->http, loop, k->path,
				   timing->grace_ms, &f->removals);
	if (!err)
		wd_kube_removals_start(f->removals, &removals_fns, f);
	return err;
}

int wd_kube_new(struct wd_loop *loop, const struct wd_kube_setup *setup,
		struct wd_kube **ret_kube, char **ret_error)
{
	struct wd_kube *kube = wd_xcalloc(1, sizeof(*kube));
	int err = wd_kube_http_new(loop, setup->login, &kube->http, ret_error);

	kube->login = setup->login;
	kube->node = setup->node;
	kube->cilium = setup->cilium;
	kube->grace_ms = setup->timing->grace_ms;
	kube->room = setup->room;
	kube->remote = wd_kube_remote_new(setup->store, setup->node);
	wd_kube_remote_room(kube->remote, setup->room);
	for (const struct wd_kube_kind *k = wd_kube_kinds; !err && k->path;
	     k++) {
		struct follower *f = &kube->follower[kube->cnt];

		if (setup->pods_only && !k->pods)
			continue;
		kube->cnt++;
		f->kube = kube;
		wd_kube_collection_init(&f->collection, k, setup->store,
					setup->source ?: WD_MANIFESTS_KUBE);
		f->collection.gone = on_gone;
		f->collection.remote = kube->remote;
		f->collection.room = setup->room;
		f->collection.ctx = f;
		err = follow(f, loop, setup->timing);
		if (err)
			*ret_error = wd_xprintf("a timer: %s", wd_errno(err));
		else if (setup->state_dir)
			f->last = wd_kube_last_new(
				setup->state_dir, kube->login->server, k->path);
	}
	if (err) {
		wd_kube_free(kube);
		return err;
	}
	*ret_kube = kube;
	return 0;
}

static void on_kept(void *ctx, const struct wd_tree *root, bool gone)
{
	struct follower *f = ctx;

	if (gone)
		(void)wd_kube_collection_del(&f->collection, root);
	else
		(void)wd_kube_collection_put(&f->collection, root);
}

/* As a list that ends; one that does not leaves the kind unknown. */
static void load(struct follower *f)
{
	void (*missing)(void *, const struct wd_object *) =
		f->collection.missing;
	int err;

	wd_kube_collection_begin(&f->collection);
	err = wd_kube_last_load(f->last, on_kept, f);
	if (!err) {
		f->collection.missing = NULL; /* nothing is in force yet */
		wd_kube_collection_end(&f->collection);
		f->kept = true;
	} else if (err != -ENOENT) {
		wd_warn("kube: what is kept of %s: %s, waiting for the server",
			f->collection.kind->name, wd_errno(err));
	}
	f->collection.missing = missing;
}

/* What stood for pods before does so until the server is heard. */
static void settle_loaded(struct wd_kube *kube)
{
	wd_kube_remote_make_pods(
		kube->remote,
		wd_kube_remote_cnt(kube->remote, WD_KUBE_SLICES) ||
			wd_kube_remote_cnt(kube->remote, WD_KUBE_ENDPOINTS));
	wd_kube_remote_nodes(kube->remote);
	(void)wd_kube_remote_settle(kube->remote);
}

void wd_kube_start(struct wd_kube *kube, const struct wd_kube_fns *fns,
		   void *ctx)
{
	kube->fns = fns;
	kube->ctx = ctx;
	for (size_t i = 0; i < kube->cnt; i++) {
		if (kube->follower[i].last)
			load(&kube->follower[i]);
	}
	settle_loaded(kube);
	/* A node that has something to enforce can let others go first. */
	kube->spread = wd_kube_is_known(kube) ? SPREAD_MS : 0;
	for (size_t i = 0; i < kube->cnt; i++) {
		struct follower *f = &kube->follower[i];

		if (f->collection.kind->role == WD_KUBE_OBJECTS ?
			    !is_pods(f) :
			    kube->cilium && f->collection.kind->role !=
						    WD_KUBE_ENDPOINTS)
			start(f);
	}
	if (!kube->cilium)
		set_scope(kube, SCOPE_ALL);
	else if (kube->node && !pods_of(kube)->kept)
		ask_for_node(pods_of(kube));
}

/* What had no room may have some now: others have let go of theirs. */
static void look_for_room(struct wd_kube *kube)
{
	struct wd_kube_room *room = kube->room;
	int64_t now = wd_now_ms();

	if (!room || !room->full ||
	    (kube->full_ms && now < kube->full_ms + ROOM_MS))
		return;
	if (!room->take(room->ctx, ROOM_BYTES))
		return;
	(void)room->take(room->ctx, -ROOM_BYTES);
	kube->full_ms = now;
	room->full = false;
	for (size_t i = 0; i < kube->cnt; i++) {
		if (kube->follower[i].started)
			wd_kube_reflector_restart(kube->follower[i].reflector,
						  SPREAD_MS);
	}
}

void wd_kube_flush(struct wd_kube *kube)
{
	look_for_room(kube);
	for (size_t i = 0; i < kube->cnt; i++) {
		if (kube->follower[i].last)
			wd_kube_last_flush(kube->follower[i].last);
	}
}

void wd_kube_free(struct wd_kube *kube)
{
	if (!kube)
		return;
	for (size_t i = 0; i < kube->cnt; i++) {
		wd_kube_reflector_free(kube->follower[i].reflector);
		wd_kube_collection_fini(&kube->follower[i].collection);
		wd_kube_removals_free(kube->follower[i].removals);
		wd_kube_last_free(kube->follower[i].last);
	}
	wd_kube_http_free(kube->http);
	wd_kube_remote_free(kube->remote);
	free(kube);
}

/* ---- asking ---- */

bool wd_kube_is_known(const struct wd_kube *kube)
{
	for (size_t i = 0; i < kube->cnt; i++) {
		if (!is_known(&kube->follower[i]))
			return false;
	}
	return true;
}

struct wd_kube_http *wd_kube_http(const struct wd_kube *kube)
{
	return kube->http;
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
	ret_status->known = is_known(f);
	ret_status->unused = (is_remote(f) || is_pods(f)) && !f->started &&
			     kube->scope != SCOPE_UNDECIDED;
	ret_status->here = is_pods(f) && kube->node &&
			   kube->scope == SCOPE_NODE;
	ret_status->kept = f->kept;
	ret_status->held = f->collection.held;
	ret_status->held_cnt =
		f->collection.held ? wd_kube_collection_cnt(&f->collection) : 0;
	ret_status->unconfirmed = wd_kube_removals_cnt(f->removals);
	wd_kube_reflector_status(f->reflector, &ret_status->reflector);
	return true;
}

char *wd_kube_waits_for(const struct wd_kube *kube)
{
	struct wd_kube_kind_status status;
	size_t cnt = 0;
	size_t first = 0;

	for (size_t i = kube->cnt; i > 0; i--) {
		if (is_known(&kube->follower[i - 1]))
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

/* Not allowed to ask for what is told by Pods anyway is no loss. */
static bool is_lost(const struct follower *f,
		    const struct wd_kube_reflector_status *status)
{
	return f->started && status->error &&
	       status->phase != WD_KUBE_WATCHING &&
	       status->phase != WD_KUBE_ABSENT &&
	       !(is_remote(f) && f->kube->scope == SCOPE_ALL);
}

char *wd_kube_lost(const struct wd_kube *kube)
{
	for (size_t i = 0; i < kube->cnt; i++) {
		const struct follower *f = &kube->follower[i];
		struct wd_kube_reflector_status status;

		wd_kube_reflector_status(f->reflector, &status);
		if (is_lost(f, &status))
			return wd_xprintf("%s is not heard, %s: %s",
					  wd_kube_server(kube),
					  f->collection.kind->name,
					  status.error);
	}
	return NULL;
}

static void put_held(const struct follower *f, struct wd_problems *list)
{
	char *text = wd_xprintf(
		"the server has no such kind any more; %u objects of it stay in "
		"force until it has (warder-agent(8) tells how to let them go)",
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

static void put_full(const struct wd_kube *kube, struct wd_problems *list)
{
	struct wd_problem problem = {
		.effect = WD_PROBLEM_KEPT,
		.file = kube->follower[0].collection.file,
		.object = "",
		.field = "",
		.text = "it tells of more than there is room for: what came "
			"last is left out, what was in force stays as it was "
			"(warder-agent(8) tells how much that is)",
	};

	wd_problems_add(list, &problem);
}

void wd_kube_problems(const struct wd_kube *kube, struct wd_problems *list)
{
	if (kube->room && kube->room->full)
		put_full(kube, list);
	for (size_t i = 0; i < kube->cnt; i++) {
		wd_kube_collection_problems(&kube->follower[i].collection,
					    list);
		if (kube->follower[i].collection.held)
			put_held(&kube->follower[i], list);
	}
}
