/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * service.c - services: which addresses and ports are theirs, and where flows
 * to them may end.
 *
 * The node translates after the pod's hook has judged (kube-proxy), so that
 * hook asks of every backend whether the flow may go there. Which of them take
 * part at the moment (readiness, locality) is the translator's choice and not
 * looked at: one that could be chosen counts.
 */
#include <string.h>

#include "base/byteorder.h"
#include "model_int.h"

/*
 * Who depends on a service is compiled again when it changes: known by one of 64
 * bits for its name, so that seldom anybody else is. Names are interned.
 */
uint64_t service_bit(const char *name)
{
	uint64_t hash = (uintptr_t)name * 0x9e3779b97f4a7c15ULL;

	return name ? 1ULL << (hash >> 58) : ~0ULL;
}

static struct mservice *service_get(struct wd_model *m, const char *ns,
				    const char *name)
{
	struct mservice *s;
	struct mpod_key key;

	/* Interned, as those of objects are: equal by pointer. */
	memset(&key, 0, sizeof(key));
	key.ns = ns;
	key.name = name;

	HASH_FIND(hh, m->services, &key, sizeof(key), s);
	if (s)
		return s;
	s = wd_xcalloc(1, sizeof(*s));
	s->key.ns = wd_str_ref(ns);
	s->key.name = wd_str_ref(name);
	HASH_ADD(hh, m->services, key, sizeof(s->key), s);
	vec_push(&space_get(m, ns)->services, s);
	return s;
}

static void set_weigh(struct wd_model *m, struct mspace *space)
{
	if (space->weigh)
		return;
	space->weigh = true;
	vec_push(&m->heavy, space);
}

static void service_free(struct wd_model *m, struct mservice *s)
{
	struct mspace *space = space_get(m, s->key.ns);

	if (s->load)
		set_weigh(m, space);
	if (!s->vast)
		space->load -= s->load;
	(void)vec_remove(&space->services, s);
	HASH_DELETE(hh, m->services, s);
	wd_str_put(s->key.ns);
	wd_str_put(s->key.name);
	vec_fini(&s->slices);
	vec_fini(&s->fronts);
	free(s);
}

static void fronts_dirty(struct wd_model *m, struct mservice *s)
{
	s->weigh = true;
	set_weigh(m, space_get(m, s->key.ns));
	for (size_t i = 0; i < s->fronts.cnt; i++)
		front_dirty(m, s->fronts.item[i]);
}

/* ---- addresses and ports ---- */

static void add_front(struct wd_model *m, struct mservice *s,
		      const struct wd_front_key *key)
{
	struct mfront *f = front_get(m, key);

	/* It comes last where it is: nobody else does until all are there. */
	if (f->services.cnt && f->services.item[f->services.cnt - 1] == s)
		return;
	vec_push(&s->fronts, f);
	vec_push(&f->services, s);
	front_dirty(m, f);
}

static struct wd_front_key key_of(const struct wd_addr *addr, uint8_t family,
				  uint8_t proto, uint16_t port)
{
	struct wd_front_key key = { .family = family, .proto = proto };

	key.port = wd_be16(port);
	if (addr && family == 4)
		memcpy(&key.addr[3], &addr->v4, sizeof(addr->v4));
	else if (addr)
		memcpy(key.addr, &addr->v6, sizeof(addr->v6));
	return key;
}

static void add_port(struct wd_model *m, struct mservice *s,
		     const struct wd_service_port *port)
{
	const struct wd_service *service = &s->obj->service;
	struct wd_front_key key;

	for (uint32_t i = 0; i < service->addr_cnt; i++) {
		const struct wd_addr *addr = &service->addr[i];

		key = key_of(addr, addr->family, port->proto, port->port);
		add_front(m, s, &key);
	}
	if (!port->node_port)
		return;
	key = key_of(NULL, 4, port->proto, port->node_port);
	add_front(m, s, &key);
	key = key_of(NULL, 6, port->proto, port->node_port);
	add_front(m, s, &key);
}

/*
 * Beyond the quota: an entry for each address, whatever the port, and the node
 * ports, of which a cluster has not many.
 */
static void add_closed(struct wd_model *m, struct mservice *s)
{
	const struct wd_service *service = &s->obj->service;
	struct wd_front_key key;

	for (uint32_t i = 0; i < service->addr_cnt; i++) {
		const struct wd_addr *addr = &service->addr[i];

		key = key_of(addr, addr->family, 0, 0);
		add_front(m, s, &key);
	}
	for (uint32_t i = 0; i < service->port_cnt; i++) {
		const struct wd_service_port *port = &service->port[i];

		for (uint8_t family = 4; port->node_port && family <= 6;
		     family += 2) {
			key = key_of(NULL, family, port->proto,
				     port->node_port);
			add_front(m, s, &key);
		}
	}
}

/*
 * What others tell of an address and port of @service, which is beyond the quota:
 * it may lead there or to them. The entry for its address is not looked up where
 * there is one of the port.
 */
static void mates_dirty(struct wd_model *m, const struct wd_service *service)
{
	for (uint32_t i = 0; i < service->addr_cnt; i++) {
		const struct wd_addr *addr = &service->addr[i];

		for (uint32_t k = 0; k < service->port_cnt; k++) {
			struct wd_front_key key = key_of(addr, addr->family,
							 service->port[k].proto,
							 service->port[k].port);
			struct mfront *f = front_find(m, &key);

			if (f)
				front_dirty(m, f);
		}
	}
}

/* Is @port, with the protocol @proto, one of a service's that is beyond the quota? */
static bool has_port(const struct mservice *s, uint8_t proto, uint16_t port)
{
	const struct wd_service *service = &s->obj->service;

	for (uint32_t i = 0; i < service->port_cnt; i++) {
		if (service->port[i].proto == proto &&
		    service->port[i].port == port)
			return true;
	}
	return false;
}

bool service_shares(const struct wd_model *m, const struct mfront *front)
{
	struct wd_front_key key = front->key;
	const struct mfront *closed;

	if (!m->closed_cnt || !key.port)
		return false;
	key.port = 0;
	key.proto = 0;
	closed = front_find(m, &key);
	for (size_t i = 0; closed && i < closed->services.cnt; i++) {
		if (has_port(closed->services.item[i], front->key.proto,
			     wd_host16(front->key.port)))
			return true;
	}
	return false;
}

static bool is_forgotten(const struct mservice *s)
{
	return !s->obj && !s->slices.cnt && !s->over;
}

static void relink(struct wd_model *m, struct mservice *s)
{
	bool was_closed = s->closed;

	s->closed = s->obj && quota_is_over(m, s->obj);
	if (s->obj && (s->closed || was_closed))
		mates_dirty(m, &s->obj->service);
	fronts_dirty(m, s);
	for (size_t i = 0; i < s->fronts.cnt; i++) {
		struct mfront *f = s->fronts.item[i];

		(void)vec_remove(&f->services, s);
	}
	s->fronts.cnt = 0;
	if (s->closed)
		add_closed(m, s);
	for (uint32_t i = 0;
	     s->obj && !s->closed && i < s->obj->service.port_cnt; i++)
		add_port(m, s, &s->obj->service.port[i]);
	if (is_forgotten(s))
		service_free(m, s);
}

void service_changed(struct wd_model *m, const struct wd_object *was,
		     const struct wd_object *now)
{
	const struct wd_object *any = now ? now : was;
	struct mservice *s = service_get(m, any->ns, any->name);
	struct mspace *space = space_get(m, any->ns);

	if (was)
		(void)quota_goes(m, space, was);
	if (now)
		(void)quota_comes(m, space, now);
	if (was && s->closed)
		mates_dirty(m, &was->service);
	s->obj = now;
	m->services_changed |= service_bit(any->name);
	m->commit_needed = true;
	relink(m, s);
}

/* ---- slices ---- */

/* Policies that allow mean pods by a service that has a selector, whatever its slices say. */
static void slices_changed(struct wd_model *m, struct mservice *s)
{
	if (service_pods(s))
		m->slices_changed |= service_bit(s->key.name);
	else
		m->services_changed |= service_bit(s->key.name);
	m->commit_needed = true;
	fronts_dirty(m, s);
}

static void slice_add(struct wd_model *m, const struct wd_object *slice,
		      bool over)
{
	struct mservice *s = service_get(m, slice->ns, slice->slice.service);
	union {
		const struct wd_object *in;
		void *out;
	} cast = { slice };

	if (over)
		s->over++;
	else
		vec_push(&s->slices, cast.out);
	slices_changed(m, s);
}

static void slice_del(struct wd_model *m, const struct wd_object *slice,
		      bool over)
{
	struct mservice *s = service_get(m, slice->ns, slice->slice.service);

	if (over)
		s->over--;
	else
		(void)vec_remove(&s->slices, slice);
	slices_changed(m, s);
	if (is_forgotten(s))
		service_free(m, s);
}

void slice_changed(struct wd_model *m, const struct wd_object *was,
		   const struct wd_object *now)
{
	struct mspace *space = space_get(m, (now ? now : was)->ns);
	bool was_over = was && quota_goes(m, space, was);
	bool is_over = now && quota_comes(m, space, now);

	if (now && *now->slice.service)
		slice_add(m, now, is_over);
	if (was && *was->slice.service)
		slice_del(m, was, was_over);
}

void service_taken_in(struct wd_model *m, const struct wd_object *obj)
{
	if (obj->kind == WD_KIND_SERVICE) {
		relink(m, service_get(m, obj->ns, obj->name));
	} else {
		slice_add(m, obj, false);
		service_get(m, obj->ns, obj->slice.service)->over--;
	}
	m->commit_needed = true;
}

bool service_is_sure(const struct mservice *s)
{
	return !s->closed && !s->over && !s->vast;
}

/* ---- where it leads ---- */

/* Does it go by its selector, as no slice says more? */
static bool goes_by_selector(const struct mservice *s)
{
	return s->obj && s->obj->service.selector && !s->slices.cnt;
}

void services_of(struct wd_model *m, const struct mspace *space)
{
	for (size_t i = 0; i < space->services.cnt; i++) {
		struct mservice *s = space->services.item[i];

		if (goes_by_selector(s))
			fronts_dirty(m, s);
	}
}

struct ends {
	struct wd_end *end;
	size_t cnt;
	size_t cap;
	uint8_t family;
};

static void add_end(struct ends *ends, const struct wd_addr *addr,
		    uint16_t port)
{
	if (addr->family != ends->family || !port)
		return;
	ends->end =
		wd_grow(ends->end, ends->cnt, &ends->cap, sizeof(*ends->end));
	ends->end[ends->cnt++] =
		(struct wd_end){ .addr = addr_clean(addr), .port = port };
}

static void add_slices(struct ends *ends, const struct mservice *s,
		       const struct wd_service_port *port)
{
	for (size_t i = 0; i < s->slices.cnt; i++) {
		const struct wd_slice *slice =
			&((const struct wd_object *)s->slices.item[i])->slice;

		for (uint32_t k = 0; k < slice->port_cnt; k++) {
			if (slice->port[k].name != port->name ||
			    slice->port[k].proto != port->proto)
				continue;
			for (uint32_t a = 0; a < slice->addr_cnt; a++)
				add_end(ends, &slice->addr[a],
					slice->port[k].port);
		}
	}
}

static uint16_t target_of(const struct wd_pod *pod,
			  const struct wd_service_port *port)
{
	if (!port->target_name)
		return port->target;
	for (uint32_t i = 0; i < pod->port_cnt; i++) {
		if (pod->port[i].name == port->target_name &&
		    pod->port[i].proto == port->proto)
			return pod->port[i].port;
	}
	return 0;
}

static void add_pod(struct ends *ends, const struct mpod *pod,
		    const struct wd_service_port *port)
{
	const struct wd_pod *p = &pod->obj->pod;
	const struct mclaim *c;

	SLIST_FOREACH(c, &pod->claims, of_pod) {
		if (claim_pod(c)) /* not of one before that had its name */
			add_end(ends, &c->addr->addr, target_of(p, port));
	}
	for (uint32_t i = 0; p->host_network && i < p->addr_cnt; i++)
		add_end(ends, &p->addr[i], target_of(p, port));
}

static void add_selected(const struct wd_model *m, struct ends *ends,
			 const struct mservice *s,
			 const struct wd_service_port *port)
{
	const struct mspace *space;

	HASH_FIND(hh, m->spaces, s->key.ns, strlen(s->key.ns), space);
	for (size_t i = 0; space && i < space->groups.cnt; i++) {
		const struct mgroup *g = space->groups.item[i];

		if (!wd_selector_matches(s->obj->service.selector,
					 g->key.labels))
			continue;
		for (size_t k = 0; k < g->pods.cnt; k++)
			add_pod(ends, g->pods.item[k], port);
	}
	for (size_t i = 0; space && i < space->nameless.cnt; i++) {
		const struct mpod *pod = space->nameless.item[i];

		if (wd_selector_matches(s->obj->service.selector,
					pod->obj->pod.labels))
			add_pod(ends, pod, port);
	}
}

static bool is_any_node(const struct wd_front_key *key)
{
	return !(key->addr[0] | key->addr[1] | key->addr[2] | key->addr[3]);
}

static void add_service(const struct wd_model *m, struct ends *ends,
			const struct mservice *s,
			const struct wd_front_key *key)
{
	for (uint32_t i = 0; i < s->obj->service.port_cnt; i++) {
		const struct wd_service_port *port = &s->obj->service.port[i];
		uint16_t nr = is_any_node(key) ? port->node_port : port->port;

		if (nr != wd_host16(key->port) || port->proto != key->proto)
			continue;
		if (goes_by_selector(s))
			add_selected(m, ends, s, port);
		else
			add_slices(ends, s, port);
	}
}

size_t service_ends(const struct wd_model *m, const struct mfront *front,
		    struct wd_end **ret_end)
{
	struct ends ends = { .family = front->key.family };

	for (size_t i = 0; i < front->services.cnt; i++) {
		const struct mservice *s = front->services.item[i];

		if (!s->vast)
			add_service(m, &ends, s, &front->key);
	}
	*ret_end = ends.end;
	return ends.cnt;
}

/* ---- how much that is ---- */

static uint64_t count_selected(const struct mspace *space,
			       const struct mservice *s)
{
	const struct wd_selector *selector = s->obj->service.selector;
	uint64_t cnt = 0;

	for (size_t i = 0; i < space->groups.cnt; i++) {
		const struct mgroup *g = space->groups.item[i];

		if (wd_selector_matches(selector, g->key.labels))
			cnt += g->pods.cnt;
	}
	for (size_t i = 0; i < space->nameless.cnt; i++) {
		const struct mpod *pod = space->nameless.item[i];

		cnt += wd_selector_matches(selector, pod->obj->pod.labels);
	}
	return cnt;
}

/* What is gone through for each of its fronts: backends, and ports of slices. */
static uint64_t load_of(const struct mspace *space, const struct mservice *s)
{
	uint64_t cnt = 0;

	if (!s->obj || s->closed || quota_spares(s->key.ns, s->key.name))
		return 0;
	if (goes_by_selector(s))
		return s->fronts.cnt * count_selected(space, s);
	for (size_t i = 0; i < s->slices.cnt; i++) {
		const struct wd_slice *slice =
			&((const struct wd_object *)s->slices.item[i])->slice;

		cnt += slice->addr_cnt + slice->port_cnt;
	}
	return s->fronts.cnt * cnt;
}

static void set_vast(struct wd_model *m, struct mservice *s, bool vast)
{
	if (s->vast == vast)
		return;
	s->vast = vast;
	for (size_t i = 0; i < s->fronts.cnt; i++)
		front_dirty(m, s->fronts.item[i]);
}

/* Does it fit, with those that are not vast? */
static bool take_load(struct wd_model *m, struct mspace *space,
		      struct mservice *s)
{
	uint64_t most = quota_load(m);

	if (most && space->load + s->load > most)
		return false;
	space->load += s->load;
	return true;
}

static void weigh_space(struct wd_model *m, struct mspace *space)
{
	struct vec *services = &space->services;
	struct mservice *s;

	for (size_t i = 0; i < services->cnt; i++) {
		s = services->item[i];
		if (!s->weigh)
			continue;
		if (!s->vast)
			space->load -= s->load;
		s->load = load_of(space, s);
	}
	for (size_t i = 0; i < services->cnt; i++) {
		s = services->item[i];
		if (s->weigh && !s->vast)
			set_vast(m, s, !take_load(m, space, s));
		s->weigh = false;
	}
	for (size_t i = 0; i < services->cnt; i++) {
		s = services->item[i];
		if (s->vast)
			set_vast(m, s, !take_load(m, space, s));
	}
}

/*
 * Each front goes through all backends and is remembered by each of them: many
 * of both, each within its quota, are more than a node has memory and time for.
 * What is in force stays in force; who has no room is as beyond the quota.
 */
void services_weigh(struct wd_model *m)
{
	for (size_t i = 0; i < m->heavy.cnt; i++) {
		struct mspace *space = m->heavy.item[i];

		weigh_space(m, space);
		space->weigh = false;
	}
	m->heavy.cnt = 0;
}

/* ---- as peers of rules ---- */

const struct wd_selector *service_pods(const struct mservice *s)
{
	return s->obj ? s->obj->service.selector : NULL;
}

static const struct mservice *service_find(const struct wd_model *m,
					   const char *ns, const char *name)
{
	const struct mservice *s;
	struct mpod_key key;

	memset(&key, 0, sizeof(key));
	key.ns = ns;
	key.name = name;
	HASH_FIND(hh, m->services, &key, sizeof(key), s);
	return s;
}

const struct mservice *service_next(const struct wd_model *m,
				    const struct wd_peer *peer,
				    const struct mservice *s)
{
	if (peer->service_ns && peer->service)
		return s ? NULL :
			   service_find(m, peer->service_ns, peer->service);
	for (s = s ? s->hh.next : m->services; s; s = s->hh.next) {
		if (wd_peer_names(peer, s->key.ns, s->key.name,
				  s->obj ? s->obj->service.labels : NULL))
			break;
	}
	return s;
}

static bool service_is_unknown(const struct mservice *s)
{
	return s->over || (!service_pods(s) && !s->slices.cnt);
}

/*
 * By labels there may be none. One that is named and not there, or that has
 * neither a selector nor slices, or some beyond the quota, may lead anywhere.
 * Where any namespace is meant one such is not asked for: whoever may make
 * services in one would shut what others may reach.
 */
bool services_unknown(const struct wd_model *m, const struct wd_peer *peer)
{
	const struct mservice *s = NULL;
	bool any_known = false;

	if (peer->only_known)
		return false;
	while ((s = service_next(m, peer, s))) {
		bool is_unknown = service_is_unknown(s);

		if (is_unknown && peer->service_ns)
			return true;
		any_known |= !is_unknown;
	}
	return peer->service && !any_known;
}

void services_fini(struct wd_model *m)
{
	struct mservice *s;
	struct mservice *tmp;

	HASH_ITER(hh, m->services, s, tmp)
		service_free(m, s);
	vec_fini(&m->heavy);
}
