/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * remote.c - joins endpoints and identities, and keeps the store's pods to that.
 *
 * An endpoint may be in two slices for a moment, when it moves: what was told
 * last counts, and goes on counting until that slice lets go of it. What a slice
 * tells counts before a CiliumEndpoint, which may be of the disk and old.
 */
#include "remote.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../base/log.h"
#include "../model/intern.h"
#include "../model/store.h"
#include "../model/xalloc.h"
#include "../source/manifests.h"
#include "../source/read.h"
#include "../source/remote.h"
#include "hosts.h"
#include "room.h"

/* One that moves is in two for a moment: not in any number of them. */
#define CLAIMS_MAX 16

/* No runtime's: these pods are no instance that an endpoint of this node could be. */
#define UID_REMOTE "kube:endpoints"

struct entry;

/* One object, but for what it says. */
#define TELLING_BYTES 256

/* What one object says of one pod. */
struct claim {
	struct claim *next; /* of the entry: one told before */
	struct entry *entry;
	const struct telling *from;
	int64_t nr; /* which came later */
	struct wd_remote_pod pod;
	bool stays; /* while what it is of is read again */
};

/* A slice or an endpoint. */
struct telling {
	UT_hash_handle hh; /* by ns and name */
	const char *ns;
	const char *name;
	const char *uid;
	enum wd_kube_role role;
	uint32_t cnt;
	struct claim **claim;
};

/* A pod that somebody tells of. */
struct entry {
	UT_hash_handle hh; /* by ns and name */
	const char *ns;
	const char *name;
	struct claim *first; /* told last */
	bool dirty;
};

struct identity {
	UT_hash_handle hh; /* by number */
	struct wd_remote_identity is;
	bool dirty;
};

struct wd_kube_remote {
	struct wd_store *store;
	const char *node; /* this one */
	const char *file; /* WD_MANIFESTS_REMOTE */
	const char *pods; /* the same of Pods of the server */
	struct wd_kube_room *room; /* NULL: there is always some */
	struct telling *tellings[2]; /* slices, endpoints */
	struct entry *entries;
	struct identity *identities;
	struct wd_kube_hosts nodes;
	int64_t nr;
	bool make; /* pods of those that have no object */
	bool dirty, all_dirty, nodes_dirty;
	bool changed; /* the store */
};

/* As both begin with it, by the texts' addresses. */
struct key {
	const char *ns;
	const char *name;
};

struct wd_kube_remote *wd_kube_remote_new(struct wd_store *store,
					  const char *node)
{
	struct wd_kube_remote *remote = wd_xcalloc(1, sizeof(*remote));

	remote->store = store;
	remote->node = wd_str_get(node ? node : "");
	remote->file = wd_str_get(WD_MANIFESTS_REMOTE);
	remote->pods = wd_str_get(WD_MANIFESTS_KUBE);
	return remote;
}

void wd_kube_remote_room(struct wd_kube_remote *remote,
			 struct wd_kube_room *room)
{
	remote->room = room;
}

static struct telling **set_of(struct wd_kube_remote *remote,
			       enum wd_kube_role role)
{
	return &remote->tellings[role == WD_KUBE_ENDPOINTS];
}

/* ---- entries ---- */

static struct entry *find_entry(const struct wd_kube_remote *remote,
				const char *ns, const char *name)
{
	struct key key = { wd_str_get(ns), wd_str_get(name) };
	struct entry *entry;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all of the key is set */
	HASH_FIND(hh, remote->entries, &key, sizeof(key), entry);
	wd_str_put(key.ns);
	wd_str_put(key.name);
	return entry;
}

static void entry_dirty(struct wd_kube_remote *remote, struct entry *entry)
{
	entry->dirty = true;
	remote->dirty = true;
}

static struct entry *get_entry(struct wd_kube_remote *remote, const char *ns,
			       const char *name)
{
	struct entry *entry = find_entry(remote, ns, name);

	if (entry)
		return entry;
	entry = wd_xcalloc(1, sizeof(*entry));
	entry->ns = wd_str_get(ns);
	entry->name = wd_str_get(name);
	HASH_ADD_KEYPTR(hh, remote->entries, &entry->ns, sizeof(struct key),
			entry);
	return entry;
}

static void entry_takes(struct entry *entry, struct claim *claim)
{
	struct claim **at = &entry->first;

	while (claim->from->role == WD_KUBE_ENDPOINTS && *at &&
	       (*at)->from->role == WD_KUBE_SLICES)
		at = &(*at)->next;
	claim->entry = entry;
	claim->next = *at;
	*at = claim;
}

/* Takes over @pod. */
static struct claim *claim_new(struct wd_kube_remote *remote,
			       const struct telling *from,
			       struct wd_remote_pod *pod)
{
	struct claim *claim = wd_xcalloc(1, sizeof(*claim));

	claim->pod = *pod;
	*pod = (struct wd_remote_pod){ 0 };
	claim->from = from;
	claim->nr = ++remote->nr;
	entry_takes(get_entry(remote, claim->pod.ns, claim->pod.name), claim);
	entry_dirty(remote, claim->entry);
	return claim;
}

static void claim_free(struct wd_kube_remote *remote, struct claim *claim)
{
	struct claim **at = &claim->entry->first;

	while (*at != claim)
		at = &(*at)->next;
	*at = claim->next;
	entry_dirty(remote, claim->entry);
	wd_remote_pod_fini(&claim->pod);
	free(claim);
}

/* ---- slices and endpoints ---- */

static struct telling *find_telling(struct wd_kube_remote *remote,
				    enum wd_kube_role role, const char *ns,
				    const char *name)
{
	struct key key = { wd_str_get(ns), wd_str_get(name) };
	struct telling *t;

	/* NOLINTNEXTLINE(clang-analyzer-core.UndefinedBinaryOperatorResult): all of the key is set */
	HASH_FIND(hh, *set_of(remote, role), &key, sizeof(key), t);
	wd_str_put(key.ns);
	wd_str_put(key.name);
	return t;
}

static struct telling *get_telling(struct wd_kube_remote *remote,
				   enum wd_kube_role role,
				   const struct wd_remote_pods *pods)
{
	struct telling *t = find_telling(remote, role, pods->ns, pods->name);
	struct telling **set = set_of(remote, role);

	if (!t) {
		t = wd_xcalloc(1, sizeof(*t));
		t->ns = wd_str_ref(pods->ns);
		t->name = wd_str_ref(pods->name);
		t->role = role;
		t->uid = wd_str_get("");
		HASH_ADD_KEYPTR(hh, *set, &t->ns, sizeof(struct key), t);
	}
	wd_str_put(t->uid);
	t->uid = wd_str_ref(pods->uid);
	return t;
}

/* What @t says of it, or NULL. */
static struct claim *claim_of(const struct entry *entry,
			      const struct telling *t)
{
	struct claim *claim = entry ? entry->first : NULL;

	while (claim && claim->from != t)
		claim = claim->next;
	return claim;
}

/* A claim that says the same stays what it is, and as old as it is. */
static struct claim *take_same(const struct wd_kube_remote *remote,
			       const struct telling *t,
			       const struct wd_remote_pod *pod, uint32_t hint)
{
	struct claim *claim = hint < t->cnt ? t->claim[hint] : NULL;

	if (!claim || claim->pod.name != pod->name || claim->pod.ns != pod->ns)
		claim = claim_of(find_entry(remote, pod->ns, pod->name), t);
	if (!claim || !wd_remote_pod_equal(&claim->pod, pod))
		return NULL;
	claim->stays = true;
	return claim;
}

static bool telling_takes(struct wd_kube_remote *remote, struct telling *t,
			  struct wd_remote_pods *pods)
{
	struct claim **now = wd_xcalloc(pods->cnt + 1, sizeof(struct claim *));
	bool changed = false;

	for (uint32_t i = 0; i < pods->cnt; i++)
		now[i] = take_same(remote, t, &pods->pod[i], i);
	for (uint32_t i = 0; i < t->cnt; i++) {
		if (!t->claim[i]->stays) {
			claim_free(remote, t->claim[i]);
			changed = true;
		}
	}
	for (uint32_t i = 0; i < pods->cnt; i++) {
		if (!now[i]) {
			now[i] = claim_new(remote, t, &pods->pod[i]);
			changed = true;
		}
		now[i]->stays = false;
	}
	free(t->claim);
	t->claim = now;
	t->cnt = pods->cnt;
	return changed;
}

static void telling_free(struct telling *t)
{
	wd_str_put(t->ns);
	wd_str_put(t->name);
	wd_str_put(t->uid);
	free(t->claim);
	free(t);
}

static uint64_t room_of(const struct telling *t)
{
	uint64_t bytes = t ? TELLING_BYTES : 0;

	for (uint32_t i = 0; t && i < t->cnt; i++)
		bytes += wd_kube_room_pod(&t->claim[i]->pod);
	return bytes;
}

/* Is there room for what @t is to be? NULL: it is not there yet. */
static bool is_room(const struct wd_kube_remote *remote, struct wd_read *r,
		    const struct telling *t, const struct wd_remote_pods *pods)
{
	uint64_t bytes = TELLING_BYTES;

	for (uint32_t i = 0; i < pods->cnt; i++) {
		const struct entry *entry =
			find_entry(remote, pods->pod[i].ns, pods->pod[i].name);
		uint32_t cnt = 0;

		bytes += wd_kube_room_pod(&pods->pod[i]);
		if (claim_of(entry, t))
			continue;
		for (struct claim *c = entry ? entry->first : NULL; c;
		     c = c->next)
			cnt++;
		if (cnt < CLAIMS_MAX)
			continue;
		wd_read_problem(r, NULL, 0,
				"tells of the pod '%.60s', as %d others do",
				pods->pod[i].name, CLAIMS_MAX);
		return false;
	}
	return !remote->room ||
	       wd_kube_room_take(remote->room, r, room_of(t), bytes);
}

static void telling_goes(struct wd_kube_remote *remote, struct telling *t)
{
	struct telling **set = set_of(remote, t->role);
	struct wd_remote_pods none = { 0 };

	if (remote->room)
		(void)wd_kube_room_take(remote->room, NULL, room_of(t), 0);
	(void)telling_takes(remote, t, &none);
	HASH_DELETE(hh, *set, t);
	telling_free(t);
}

/* ---- identities ---- */

static struct identity *find_identity(const struct wd_kube_remote *remote,
				      uint32_t number)
{
	struct identity *id;

	HASH_FIND(hh, remote->identities, &number, sizeof(number), id);
	return id;
}

/* Takes over @is. Return: true if it is another one than before. */
static bool identity_takes(struct wd_kube_remote *remote,
			   struct wd_remote_identity *is)
{
	struct identity *id = find_identity(remote, is->number);
	bool same = id && id->is.labels == is->labels && id->is.ns == is->ns &&
		    id->is.uid == is->uid;

	if (!id) {
		id = wd_xcalloc(1, sizeof(*id));
		id->is.number = is->number;
		HASH_ADD(hh, remote->identities, is.number,
			 sizeof(id->is.number), id);
	}
	wd_remote_identity_fini(&id->is);
	id->is = *is;
	id->dirty |= !same;
	remote->dirty |= !same;
	return !same;
}

static void identity_free(struct identity *id)
{
	wd_remote_identity_fini(&id->is);
	free(id);
}

static void identity_goes(struct wd_kube_remote *remote, struct identity *id)
{
	if (remote->room)
		(void)wd_kube_room_take(remote->room, NULL,
					wd_kube_room_identity(&id->is), 0);
	HASH_DELETE(hh, remote->identities, id);
	identity_free(id);
}

/* ---- told by the server ---- */

static enum wd_kube_put put_identity(struct wd_kube_remote *remote,
				     struct wd_read *r,
				     const struct wd_tree *root, int *ret_err)
{
	const struct identity *was;
	struct wd_remote_identity is;

	*ret_err = wd_read_remote_identity(r, root, &is);
	if (*ret_err)
		return WD_KUBE_REFUSED;
	was = find_identity(remote, is.number);
	if (remote->room &&
	    !wd_kube_room_take(remote->room, r,
			       was ? wd_kube_room_identity(&was->is) : 0,
			       wd_kube_room_identity(&is))) {
		wd_remote_identity_fini(&is);
		return WD_KUBE_REFUSED;
	}
	return identity_takes(remote, &is) ? WD_KUBE_PUT : WD_KUBE_SAME;
}

static enum wd_kube_put put_pods(struct wd_kube_remote *remote,
				 enum wd_kube_role role, struct wd_read *r,
				 const struct wd_tree *root, int *ret_err)
{
	struct wd_remote_pods pods;
	struct telling *t;
	bool changed;

	*ret_err = role == WD_KUBE_SLICES ?
			   wd_read_remote_slice(r, root, &pods) :
			   wd_read_remote_endpoint(r, root, &pods);
	if (*ret_err)
		return WD_KUBE_REFUSED;
	t = find_telling(remote, role, pods.ns, pods.name);
	if (!is_room(remote, r, t, &pods)) {
		wd_remote_pods_fini(&pods);
		return WD_KUBE_REFUSED;
	}
	changed = !t || t->uid != pods.uid;
	t = get_telling(remote, role, &pods);
	changed |= telling_takes(remote, t, &pods);
	wd_remote_pods_fini(&pods);
	return changed ? WD_KUBE_PUT : WD_KUBE_SAME;
}

enum wd_kube_put wd_kube_remote_put(struct wd_kube_remote *remote,
				    enum wd_kube_role role, struct wd_read *r,
				    const struct wd_tree *root)
{
	int err;
	enum wd_kube_put what = role == WD_KUBE_IDENTITIES ?
					put_identity(remote, r, root, &err) :
					put_pods(remote, role, r, root, &err);

	return err == -ENOENT ? WD_KUBE_UNREADABLE : what;
}

static bool is_other(const char *uid, const char *is)
{
	return uid && *uid && *is && strcmp(uid, is) != 0;
}

bool wd_kube_remote_del(struct wd_kube_remote *remote, enum wd_kube_role role,
			const char *ns, const char *name, const char *uid)
{
	struct telling *t;
	struct identity *id;

	if (role == WD_KUBE_IDENTITIES) {
		id = find_identity(remote, (uint32_t)strtoul(name, NULL, 10));
		if (id && is_other(uid, id->is.uid))
			return false;
		if (id)
			identity_goes(remote, id);
		return true;
	}
	t = find_telling(remote, role, ns, name);
	if (t && is_other(uid, t->uid))
		return false;
	if (t)
		telling_goes(remote, t);
	return true;
}

static void each_identity(const struct wd_kube_remote *remote,
			  void (*fn)(void *ctx, const struct wd_object *obj),
			  void *ctx)
{
	for (struct identity *id = remote->identities; id; id = id->hh.next) {
		char *name = wd_xprintf("%u", id->is.number);
		struct wd_object obj = {
			.kind = WD_KIND__MAX,
			.ns = "",
			.name = name,
			.uid = id->is.uid,
		};

		fn(ctx, &obj);
		free(name);
	}
}

void wd_kube_remote_each(const struct wd_kube_remote *remote,
			 enum wd_kube_role role,
			 void (*fn)(void *ctx, const struct wd_object *obj),
			 void *ctx)
{
	const struct telling *t = remote->tellings[role == WD_KUBE_ENDPOINTS];

	if (role == WD_KUBE_IDENTITIES) {
		each_identity(remote, fn, ctx);
		return;
	}
	for (; t; t = t->hh.next) {
		struct wd_object obj = {
			.kind = WD_KIND__MAX,
			.ns = t->ns,
			.name = t->name,
			.uid = t->uid,
		};

		fn(ctx, &obj);
	}
}

uint32_t wd_kube_remote_cnt(const struct wd_kube_remote *remote,
			    enum wd_kube_role role)
{
	return role == WD_KUBE_IDENTITIES ?
		       HASH_COUNT(remote->identities) :
		       HASH_COUNT(remote->tellings[role == WD_KUBE_ENDPOINTS]);
}

uint32_t wd_kube_remote_number(const struct wd_kube_remote *remote,
			       const char *ns, const char *name)
{
	const struct entry *entry = find_entry(remote, ns, name);
	uint32_t number = entry && entry->first ? entry->first->pod.identity :
						  0;

	return number >= WD_REMOTE_FIRST ? number : 0;
}

/* ---- nodes ---- */

static void read_nodes(struct wd_kube_remote *remote)
{
	wd_kube_hosts_read(&remote->nodes, remote->store);
	remote->nodes_dirty = false;
	remote->all_dirty = true;
}

/* ---- pods ---- */

static struct wd_port_name *copy_ports(const struct wd_port_name *port,
				       uint32_t cnt)
{
	struct wd_port_name *copy = wd_xcalloc(cnt, sizeof(*copy));

	for (uint32_t i = 0; i < cnt; i++) {
		copy[i] = port[i];
		(void)wd_str_ref(copy[i].name);
	}
	return wd_ports_share(copy, cnt);
}

static struct wd_addr *copy_addrs(const struct wd_addr *addr, uint32_t cnt)
{
	struct wd_addr *copy = wd_xcalloc(cnt + 1, sizeof(*copy));

	if (cnt)
		memcpy(copy, addr, cnt * sizeof(*copy));
	return copy;
}

static struct wd_object *make_pod(const struct wd_kube_remote *remote,
				  const struct claim *claim,
				  const struct wd_labels *labels,
				  const char *node)
{
	struct wd_object *obj = wd_xcalloc(1, sizeof(*obj));
	const struct wd_remote_pod *p = &claim->pod;

	obj->kind = WD_KIND_POD;
	obj->ns = wd_str_ref(p->ns);
	obj->name = wd_str_ref(p->name);
	obj->uid = wd_str_get(UID_REMOTE);
	obj->file = wd_str_ref(remote->file);
	/* Of two that have one address the later counts, and any Pod before both. */
	obj->created = claim->nr;
	obj->pod.node = node ? wd_str_ref(node) : NULL;
	obj->pod.labels = wd_labels_ref(labels);
	obj->pod.identity = p->identity;
	obj->pod.addr = copy_addrs(p->addr, p->addr_cnt);
	obj->pod.addr_cnt = p->addr_cnt;
	if (p->port_cnt) {
		obj->pod.port = copy_ports(p->port, p->port_cnt);
		obj->pod.port_cnt = (uint16_t)p->port_cnt;
		obj->pod.ports_shared = true;
	}
	return obj;
}

/* The Pod of the API as it is, with another number. */
static void put_number(struct wd_kube_remote *remote,
		       const struct wd_object *pod, uint32_t number)
{
	struct wd_object *obj;

	if (pod->pod.identity == number)
		return;
	obj = wd_xcalloc(1, sizeof(*obj));
	*obj = *pod;
	memset(&obj->hh, 0, sizeof(obj->hh));
	obj->ns = wd_str_ref(pod->ns);
	obj->name = wd_str_ref(pod->name);
	obj->uid = wd_str_ref(pod->uid);
	obj->file = wd_str_ref(pod->file);
	obj->pod.identity = number;
	obj->pod.node = pod->pod.node ? wd_str_ref(pod->pod.node) : NULL;
	obj->pod.labels = wd_labels_ref(pod->pod.labels);
	obj->pod.addr = copy_addrs(pod->pod.addr, pod->pod.addr_cnt);
	if (pod->pod.port_cnt) {
		obj->pod.port = copy_ports(pod->pod.port, pod->pod.port_cnt);
		obj->pod.ports_shared = true;
	}
	remote->changed |= wd_store_put(remote->store, obj);
}

/* Labels of its number; or those it has, if these were of the same number. */
static const struct wd_labels *labels_of(const struct wd_kube_remote *remote,
					 const struct claim *claim,
					 const struct wd_object *there)
{
	const struct identity *id = find_identity(remote, claim->pod.identity);

	/* Whose namespace is another one's is a pod of nobody. */
	if (id)
		return id->is.ns == claim->pod.ns ? id->is.labels : NULL;
	return there && there->pod.identity == claim->pod.identity ?
		       there->pod.labels :
		       NULL;
}

/*
 * Does it stand for a pod? Of this node the API tells all pods itself, so it
 * must be known that it is another one's; a node's address is no pod's.
 */
static bool is_pod(const struct wd_kube_remote *remote,
		   const struct claim *claim, const struct wd_kube_host *node)
{
	if (!node || node->name == remote->node)
		return false;
	for (uint32_t i = 0; i < claim->pod.addr_cnt; i++) {
		if (wd_kube_hosts_find(&remote->nodes, &claim->pod.addr[i]))
			return false;
	}
	return true;
}

static void apply(struct wd_kube_remote *remote, struct entry *entry)
{
	const struct wd_object *there = wd_store_get(remote->store, WD_KIND_POD,
						     entry->ns, entry->name);
	const struct claim *claim = entry->first;
	const struct wd_kube_host *node =
		claim ? wd_kube_hosts_find(&remote->nodes, &claim->pod.node) :
			NULL;
	const struct wd_labels *labels = NULL;

	entry->dirty = false;
	if (there && there->file != remote->file) {
		put_number(remote, there,
			   wd_kube_remote_number(remote, entry->ns,
						 entry->name));
		return;
	}
	if (claim && remote->make && is_pod(remote, claim, node))
		labels = labels_of(remote, claim, there);
	if (labels)
		remote->changed |= wd_store_put(remote->store,
						make_pod(remote, claim, labels,
							 node->name));
	else if (there)
		remote->changed |= wd_store_del(remote->store, WD_KIND_POD,
						entry->ns, entry->name, NULL);
}

static void entry_free(struct entry *entry)
{
	wd_str_put(entry->ns);
	wd_str_put(entry->name);
	free(entry);
}

static bool is_due(const struct wd_kube_remote *remote,
		   const struct entry *entry)
{
	const struct identity *id = NULL;

	if (entry->dirty || remote->all_dirty)
		return true;
	if (entry->first)
		id = find_identity(remote, entry->first->pod.identity);
	return id && id->dirty;
}

static void settle_entries(struct wd_kube_remote *remote)
{
	struct entry *entry;
	struct entry *tmp;

	HASH_ITER(hh, remote->entries, entry, tmp) {
		if (is_due(remote, entry))
			apply(remote, entry);
		if (entry->first)
			continue;
		HASH_DELETE(hh, remote->entries, entry);
		entry_free(entry);
	}
	for (struct identity *id = remote->identities; id; id = id->hh.next)
		id->dirty = false;
}

bool wd_kube_remote_settle(struct wd_kube_remote *remote)
{
	bool changed;

	if (remote->nodes_dirty && remote->entries)
		read_nodes(remote);
	if (remote->dirty || remote->all_dirty)
		settle_entries(remote);
	remote->dirty = remote->all_dirty = false;
	changed = remote->changed;
	remote->changed = false;
	return changed;
}

void wd_kube_remote_make_pods(struct wd_kube_remote *remote, bool make)
{
	remote->all_dirty |= remote->make != make;
	remote->make = make;
}

/* Does one of this kind of pods look to others as if it ran? */
static bool is_peer(const struct wd_kube_remote *remote,
		    const struct wd_object *obj)
{
	return obj->file == remote->pods && obj->pod.node &&
	       obj->pod.node != remote->node && obj->pod.addr_cnt &&
	       !obj->pod.host_network && !obj->pod.finished;
}

bool wd_kube_remote_stands_in(const struct wd_kube_remote *remote)
{
	const struct wd_object *obj = NULL;

	while ((obj = wd_store_next(remote->store, WD_KIND_POD, obj))) {
		const struct entry *entry;
		const struct claim *claim;

		if (!is_peer(remote, obj))
			continue;
		entry = find_entry(remote, obj->ns, obj->name);
		claim = entry ? entry->first : NULL;
		if (!claim || !labels_of(remote, claim, NULL) ||
		    !is_pod(remote, claim,
			    wd_kube_hosts_find(&remote->nodes,
					       &claim->pod.node)))
			return false;
	}
	return true;
}

void wd_kube_remote_look(struct wd_kube_remote *remote, const char *ns,
			 const char *name)
{
	struct entry *entry = find_entry(remote, ns, name);

	if (entry)
		entry_dirty(remote, entry);
}

void wd_kube_remote_nodes(struct wd_kube_remote *remote)
{
	remote->nodes_dirty = true;
}

static void free_tellings(struct telling *t)
{
	while (t) {
		struct telling *next = t->hh.next;

		telling_free(t);
		t = next;
	}
}

static void free_entries(struct entry *entry)
{
	while (entry) {
		struct entry *next = entry->hh.next;

		while (entry->first) {
			struct claim *claim = entry->first;

			entry->first = claim->next;
			wd_remote_pod_fini(&claim->pod);
			free(claim);
		}
		entry_free(entry);
		entry = next;
	}
}

static void free_identities(struct identity *id)
{
	while (id) {
		struct identity *next = id->hh.next;

		identity_free(id);
		id = next;
	}
}

void wd_kube_remote_free(struct wd_kube_remote *remote)
{
	struct telling *slices;
	struct telling *endpoints;
	struct entry *entries;
	struct identity *identities;

	if (!remote)
		return;
	slices = remote->tellings[0];
	endpoints = remote->tellings[1];
	entries = remote->entries;
	identities = remote->identities;
	HASH_CLEAR(hh, remote->tellings[0]);
	HASH_CLEAR(hh, remote->tellings[1]);
	HASH_CLEAR(hh, remote->entries);
	HASH_CLEAR(hh, remote->identities);
	free_tellings(slices);
	free_tellings(endpoints);
	free_entries(entries);
	free_identities(identities);
	wd_kube_hosts_fini(&remote->nodes);
	wd_str_put(remote->node);
	wd_str_put(remote->file);
	wd_str_put(remote->pods);
	free(remote);
}
